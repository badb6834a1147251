"""The arguments of the commands that write, test and roll out logic."""

from pathlib import Path
from typing import Any

from web.cli.parser.common import add_command, add_connection, add_target


def add_push(commands: Any) -> None:
    """Add `push`."""
    push = add_command(
        commands,
        "push",
        "push:push",
        "put logic in force, from a file or a folder",
        "Put in force what files say: the logic, its examples and the config of a machine or profile, or of "
        "all in a folder (machines/ID.py, profiles/NAME.py). Only what differs is sent. All of it is checked "
        "first, with its examples; where one is refused, nothing is changed. Where somebody else has changed "
        "the same meanwhile, that stays, and you are told.",
        "push plant/ --dry-run",
        "push plant/ --comment 'Warn earlier'",
        "push alarm.py --machine press-7",
    )
    push.add_argument("path", type=Path, metavar="FILE|FOLDER")
    add_target(push)
    push.add_argument("--dry-run", action="store_true", help="check, and say what would be changed")
    push.add_argument("--comment", metavar="TEXT", help="what is new, kept with the new versions")
    add_connection(push)


def add_pull(commands: Any) -> None:
    """Add `pull`."""
    pull = add_command(
        commands,
        "pull",
        "pull:pull",
        "write what is in force into a folder",
        "Write the logic in force, with its examples and configs, into a folder that push can read. A file "
        "that says something else is kept, and the exit status is 1.",
        "pull plant/",
        "pull plant/ --machine press-7 --force",
    )
    pull.add_argument("folder", type=Path, metavar="FOLDER")
    add_target(pull)
    pull.add_argument("--force", action="store_true", help="write also over files that say something else")
    add_connection(pull)


def add_test(commands: Any) -> None:
    """Add `test`."""
    test = add_command(
        commands,
        "test",
        "test:test",
        "run a logic on its examples or on readings, with no server",
        "Run a logic in the same sandbox as the workers: on the examples in LOGIC.examples.json beside it, "
        "as an upload would; or on readings from a file, with one JSON line for each. The exit status is 1 "
        "where a logic is refused, or an example or a reading fails.",
        "test alarm.py",
        "test plant/",
        "test alarm.py --readings readings.jsonl",
    )
    test.add_argument(
        "logic", type=Path, nargs="+", metavar="LOGIC.py|FOLDER", help="file with `def process(data, state)`"
    )
    test.add_argument("--readings", type=Path, metavar="FILE.jsonl", help="one JSON reading a line")
    test.add_argument("--json", action="store_true", help="print JSON, for programs")
    test.add_argument("--state", type=Path, metavar="FILE.json", help="the state before (default: {})")
    test.add_argument("--config", type=Path, metavar="FILE.json", help="the machine's config (default: {})")


def add_diff(commands: Any) -> None:
    """Add `diff`."""
    diff = add_command(
        commands,
        "diff",
        "diff:diff",
        "show what differs between files and what is in force",
        "Show what a push of this file or folder would change, as a unified diff; or with --versions what "
        "leads from one version to another. The exit status is 1 where anything differs.",
        "diff plant/",
        "diff --machine press-7 --versions 3 5",
    )
    diff.add_argument("path", type=Path, nargs="?", metavar="FILE|FOLDER")
    add_target(diff)
    diff.add_argument("--versions", type=int, nargs=2, metavar=("FROM", "TO"), help="compare these two")
    add_connection(diff)


def add_rollback(commands: Any) -> None:
    """Add `rollback`."""
    rollback = add_command(
        commands,
        "rollback",
        "rollback:rollback",
        "put an earlier version in force again",
        "Put a version of a machine's or profile's logic in force again: the one that was in force before, "
        "so that doing it twice undoes it; or any other, by its number.",
        "rollback press-7",
        "rollback profiles/pumps 3",
    )
    rollback.add_argument("target", metavar="ID|profiles/NAME", help="whose")
    rollback.add_argument("version", type=int, nargs="?", metavar="VERSION")
    add_connection(rollback)
