"""`iot-logic`: the command for people who write logic, and for their CI. Here it is parsed.

What a command needs is imported when it is run (`web.commands`), so that `--help` is there at once.
"""

import argparse
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from textwrap import fill
from typing import Any

from web.commands import STOPPED, UNABLE

#: Columns of the help's texts.
_WIDTH = 100

_EXIT_STATUS = (
    "Exit status: 0 all is well; 1 something is not: a logic is refused, a reading failed, another was "
    "faster, there are differences; 2 it could not be done: used wrongly, the API does not answer, the "
    "token is not enough."
)


def main() -> None:
    """Run the command line and end the process with its exit status."""
    sys.exit(run(new_parser().parse_args()))


def run(arguments: argparse.Namespace) -> int:
    """Run the command that the arguments name. Returns the exit status."""
    from pipeline.errors import IotLogicError
    from sandbox.errors import SandboxError

    module, _, function = arguments.run.partition(":")
    command: Callable[[argparse.Namespace], int] = getattr(import_module(f"web.commands.{module}"), function)
    try:
        return command(arguments)
    except BrokenPipeError:
        # Whoever read the output has had enough. Python would complain when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return STOPPED
    except (OSError, IotLogicError, SandboxError) as e:
        from web.commands.screen import complain

        complain(e)
        return UNABLE
    except KeyboardInterrupt:
        return STOPPED


def new_parser() -> argparse.ArgumentParser:
    """The parser. What it returns has `run`, the function of a command as `<module>:<name>`."""
    parser = argparse.ArgumentParser(
        prog="iot-logic",
        description="Write, test and manage the logic of machines.",
        epilog=fill(_EXIT_STATUS, _WIDTH),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_push(commands)
    _add_test(commands)
    _add_diff(commands)
    _add_rollback(commands)
    _add_dead_letters(commands)
    _add_token(commands)
    return parser


def _add(commands: Any, name: str, run: str, what: str, more: str, *examples: str) -> argparse.ArgumentParser:
    """Add a command: what it does in a line, more of it, and examples."""
    shown = "\n".join(f"    iot-logic {example}" for example in examples)
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=what,
        description=fill(more, _WIDTH),
        epilog=f"For example:\n{shown}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def _add_connection(parser: argparse.ArgumentParser) -> None:
    """Add what all commands have that speak to the API."""
    group = parser.add_argument_group("the API")
    group.add_argument(
        "--api", metavar="URL", help="where it is (default: IOT_LOGIC_API_URL, or http://127.0.0.1:8001)"
    )
    group.add_argument(
        "--token-file", type=Path, metavar="FILE", help="file with the token (default: IOT_LOGIC_API_TOKEN)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def _add_target(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--machine", metavar="ID", help="only this machine")
    which.add_argument("--profile", metavar="NAME", help="only this profile")


def _add_push(commands: Any) -> None:
    push = _add(
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
    _add_target(push)
    push.add_argument("--dry-run", action="store_true", help="check, and say what would be changed")
    push.add_argument("--comment", metavar="TEXT", help="what is new, kept with the new versions")
    _add_connection(push)


def _add_test(commands: Any) -> None:
    test = _add(
        commands,
        "test",
        "test:test",
        "run a logic on its examples or on readings, with no server",
        "Run a logic in the same sandbox as the workers: on the examples in LOGIC.examples.json beside it, "
        "as an upload would; or on readings from a file, with one JSON line for each. Exit status: 0 all is "
        "as it should be, 1 an example or a reading failed, 2 a logic was refused.",
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


def _add_diff(commands: Any) -> None:
    diff = _add(
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
    _add_target(diff)
    diff.add_argument("--versions", type=int, nargs=2, metavar=("FROM", "TO"), help="compare these two")
    _add_connection(diff)


def _add_rollback(commands: Any) -> None:
    rollback = _add(
        commands,
        "rollback",
        "rollback:rollback",
        "put an earlier version in force again",
        "Put a version of a machine's or profile's logic in force again, without changing any: the one "
        "before by default, or any other, also a later one.",
        "rollback press-7",
        "rollback profiles/pumps 3",
    )
    rollback.add_argument("target", metavar="ID|profiles/NAME", help="whose")
    rollback.add_argument("version", type=int, nargs="?", metavar="VERSION")
    _add_connection(rollback)


def _add_dead_letters(commands: Any) -> None:
    parser = commands.add_parser(
        "dead-letters",
        help="find the readings that failed, send them again, discard them",
        description="Find the readings that failed, look at one, send them again, discard them.",
    )
    letters = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = _add(
        letters,
        "list",
        "dead_letters:list_letters",
        "show those that fit",
        "Show the dead letters that fit all that is given.",
        "dead-letters list --machine press-7 --since 2h",
    )
    _add_where(listing)
    listing.add_argument(
        "--limit", type=_count, default=100, metavar="N", help="so many at the most (default: 100)"
    )
    show = _add(
        letters,
        "show",
        "dead_letters:show_letter",
        "show one with its reading",
        "Show one dead letter: why it failed, with the line of the logic, and its reading.",
        "dead-letters show press-7/1204",
    )
    show.add_argument("id", metavar="ID")
    again = _add(
        letters,
        "send-again",
        "dead_letters:send_again",
        "process them once more",
        "Send a dead letter again, or all that fit. Each goes to the end of its machine's line, and stays "
        "here until it is processed.",
        "dead-letters send-again press-7/1204",
        "dead-letters send-again --machine press-7 --kind error",
    )
    away = _add(
        letters,
        "discard",
        "dead_letters:discard",
        "delete them for ever",
        "Delete a dead letter, or all that fit, for ever.",
        "dead-letters discard press-7/1204",
        "dead-letters discard --kind not-json --yes",
    )
    for each in (again, away):
        each.add_argument("id", nargs="?", metavar="ID", help="only this one")
        _add_where(each)
        each.add_argument("--yes", action="store_true", help="do not ask whether to do it to so many")
    for each in (listing, show, again, away):
        _add_connection(each)


def _add_token(commands: Any) -> None:
    parser = commands.add_parser(
        "token",
        help="make, list and revoke the tokens of the API",
        description="Make, list and revoke the tokens of the API. Works on Redis (IOT_LOGIC_REDIS_URL).",
    )
    tokens = parser.add_subparsers(required=True, metavar="COMMAND")
    create = _add(
        tokens,
        "create",
        "token:create",
        "make a token and print it, this once",
        "Make a token and print it. It can never be shown again. What a role may do: a viewer reads; an "
        "operator also sends readings, edits states, pauses, and sends dead letters again; an author also "
        "changes logic, profiles and configs; an admin also makes and revokes tokens and reads the audit "
        "trail.",
        "token create anna --role author --expires 90",
    )
    create.add_argument("name", metavar="NAME", help="1 to 64 letters, digits or -")
    create.add_argument(
        "--role", required=True, choices=("viewer", "operator", "author", "admin"), help="what it may do"
    )
    create.add_argument(
        "--expires", type=_days, metavar="DAYS", help="days until it expires (default: never)"
    )
    listing = _add(
        tokens,
        "list",
        "token:list_tokens",
        "all tokens, without their secrets",
        "Show all tokens, also those that have expired, without their secrets.",
        "token list",
    )
    revoke = _add(
        tokens,
        "revoke",
        "token:revoke",
        "delete a token",
        "Delete a token. It is out from the next request on.",
        "token revoke anna",
    )
    revoke.add_argument("name", metavar="NAME")
    for each in (create, listing, revoke):
        each.add_argument("--json", action="store_true", help="print JSON, for programs")


def _add_where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--machine", metavar="ID", help="those of this machine")
    parser.add_argument("--kind", metavar="KIND", help="those of this kind: error, limit, not-json, …")
    for name, what in (("since", "then or later"), ("until", "before")):
        parser.add_argument(
            f"--{name}", type=_moment, metavar="TIME", help=f"that failed {what}: 2h (ago), 2026-01-31T12:00"
        )


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return count


def _days(text: str) -> float:
    days = float(text)
    if not 0 < days <= 36_500:
        raise argparse.ArgumentTypeError(f"{text} is not a number of days above 0")
    return days


def _moment(text: str) -> str:
    from web.commands.moments import moment

    return moment(text)
