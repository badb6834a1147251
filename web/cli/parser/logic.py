"""The arguments of the commands that write, test and deploy logic."""

from pathlib import Path
from typing import Any

from web.cli.parser.common import add_command, add_connection, add_target, count, moment


def add_push(commands: Any) -> None:
    """Add `push`."""
    push = add_command(
        commands,
        "push",
        "push:push",
        "deploy logic from a file or a folder",
        "Deploy the logic, examples and config of a machine or profile from a file, or of all machines and "
        "profiles in a folder (machines/ID.py, profiles/NAME.py). Only differences are sent. All logic is "
        "checked first, with its examples; if one is refused, nothing is changed. If someone else has "
        "changed the same logic meanwhile, that change stays and the command reports a conflict.",
        "push plant/ --dry-run",
        "push plant/ --comment 'Warn earlier'",
        "push alarm.py --machine press-7",
    )
    push.add_argument("path", type=Path, metavar="FILE|FOLDER")
    add_target(push)
    push.add_argument("--dry-run", action="store_true", help="check only, and show what would change")
    push.add_argument("--comment", metavar="TEXT", help="comment on the new versions")
    add_connection(push)


def add_pull(commands: Any) -> None:
    """Add `pull`."""
    pull = add_command(
        commands,
        "pull",
        "pull:pull",
        "write the deployed logic into a folder",
        "Write the deployed logic, with its examples and configs, into a folder that push can read. Existing "
        "files that differ are not overwritten; then the exit status is 1.",
        "pull plant/",
        "pull plant/ --machine press-7 --force",
    )
    pull.add_argument("folder", type=Path, metavar="FOLDER")
    add_target(pull)
    pull.add_argument("--force", action="store_true", help="overwrite files that differ")
    add_connection(pull)


def add_templates(commands: Any) -> None:
    """Add `templates`."""
    templates = add_command(
        commands,
        "templates",
        "templates:show_templates",
        "list templates of logics, or write one into a folder",
        "List the templates: logics to start from. With NAME, print the logic of the template; with --into, "
        "write its logic, its examples and the settings that it needs to the files of a machine or profile. "
        "If one of these files exists and differs, nothing is written and the exit status is 1.",
        "templates",
        "templates milesight --into plant/machines/press-7",
    )
    templates.add_argument("name", nargs="?", metavar="NAME")
    templates.add_argument(
        "--into", type=Path, metavar="PATH", help="such as FOLDER/machines/ID or FOLDER/profiles/NAME"
    )
    templates.add_argument("--force", action="store_true", help="overwrite files that differ")
    templates.add_argument("--json", action="store_true", help="print JSON")


def add_test(commands: Any) -> None:
    """Add `test`."""
    test = add_command(
        commands,
        "test",
        "test:test",
        "run a logic on its examples or on readings, without a server",
        "Run a logic in the same sandbox as the workers: on the examples in LOGIC.examples.json next to it, "
        "as an upload does; or on readings from a file, printing a JSON line for each. With --time, timers "
        "run between the readings. The exit status is 1 if a logic is refused, or if an example, a reading "
        "or a timer fails.",
        "test alarm.py",
        "test plant/",
        "test alarm.py --readings readings.jsonl",
        "test alarm.py --readings readings.jsonl --time timestamp",
    )
    test.add_argument(
        "logic",
        type=Path,
        nargs="+",
        metavar="LOGIC.py|FOLDER",
        help="file that defines `process(data, state)`, or a folder of such files",
    )
    test.add_argument(
        "--readings", type=Path, metavar="FILE.jsonl", help="file with one JSON reading per line"
    )
    test.add_argument(
        "--time",
        metavar="KEY",
        help="the key with the time of each reading, in ISO 8601 or in seconds or milliseconds since 1970; "
        "the reading is then received at this time (default: all at 2026-01-01T00:00:00Z)",
    )
    test.add_argument("--json", action="store_true", help="print JSON")
    test.add_argument("--state", type=Path, metavar="FILE.json", help="initial state (default: {})")
    test.add_argument("--config", type=Path, metavar="FILE.json", help="config of the machine (default: {})")
    test.add_argument(
        "--settings",
        type=Path,
        metavar="FILE.json",
        help="settings of the machine, whose schedules run with --time",
    )


def add_schedule(commands: Any) -> None:
    """Add `schedule`."""
    schedule = add_command(
        commands,
        "schedule",
        "schedule:show_times",
        "show the next times of a schedule, without a server",
        "Check a cron expression or an interval, and show its next times in the time zone. Changes of the "
        "clock are included. The exit status is 1 if the schedule is invalid.",
        "schedule '0 6,14,22 * * MON-FRI' --timezone Europe/Berlin",
        "schedule '30 2 * * *' --timezone Europe/Berlin --after 2026-10-24T12:00Z",
        "schedule --every-seconds 900",
    )
    schedule.add_argument("cron", nargs="?", metavar="CRON", help="cron expression with five fields, quoted")
    schedule.add_argument(
        "--every-seconds", type=int, metavar="N", help="interval in seconds, instead of CRON"
    )
    schedule.add_argument("--timezone", metavar="NAME", help="time zone of CRON (default: UTC)")
    schedule.add_argument(
        "--after", type=moment, metavar="TIME", help="show the times after this one (default: now)"
    )
    schedule.add_argument(
        "--limit", type=count, default=3, metavar="N", help="maximum number of times (default: 3)"
    )
    schedule.add_argument("--json", action="store_true", help="print JSON")


def add_diff(commands: Any) -> None:
    """Add `diff`."""
    diff = add_command(
        commands,
        "diff",
        "diff:diff",
        "show the differences between files and the deployed logic",
        "Show what a push of this file or folder would change, as a unified diff; or with --versions, "
        "compare two versions. The exit status is 1 if there are differences.",
        "diff plant/",
        "diff --machine press-7 --versions 3 5",
    )
    diff.add_argument("path", type=Path, nargs="?", metavar="FILE|FOLDER")
    add_target(diff)
    diff.add_argument(
        "--versions", type=int, nargs=2, metavar=("FROM", "TO"), help="compare these two versions"
    )
    add_connection(diff)


def add_rollback(commands: Any) -> None:
    """Add `rollback`."""
    rollback = add_command(
        commands,
        "rollback",
        "rollback:rollback",
        "deploy an earlier version again",
        "Deploy a version of a machine's or profile's logic again: by default the previously deployed one, "
        "so that a second rollback undoes the first; or any version by its number.",
        "rollback press-7",
        "rollback profiles/pumps 3",
    )
    rollback.add_argument("target", metavar="ID|profiles/NAME", help="the machine or profile")
    rollback.add_argument("version", type=int, nargs="?", metavar="VERSION")
    add_connection(rollback)
