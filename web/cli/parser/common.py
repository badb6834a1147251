"""Arguments that several commands share."""

import argparse
from pathlib import Path
from textwrap import fill
from typing import Any, Final

#: The width of the help texts in columns.
WIDTH: Final = 100


def add_command(
    commands: Any, name: str, run: str, what: str, more: str, *examples: str
) -> argparse.ArgumentParser:
    """Add a command with its short help, its description and examples."""
    shown = "\n".join(f"    iot-logic {example}" for example in examples)
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=what,
        description=fill(more, WIDTH),
        epilog=f"For example:\n{shown}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of commands that call the API."""
    group = parser.add_argument_group("API")
    group.add_argument(
        "--api",
        metavar="URL",
        help="address of the API (default: IOT_LOGIC_API_URL, or http://127.0.0.1:8001)",
    )
    group.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="file that contains the token (default: the variable IOT_LOGIC_API_TOKEN)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add the choice of a machine or a profile."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--machine", metavar="ID", help="only this machine")
    which.add_argument("--profile", metavar="NAME", help="only this profile")


def count(text: str) -> int:
    """Return an integer of at least 1."""
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text} is too small: the minimum is 1")
    return count


def days(text: str) -> float:
    """Return a number of days."""
    days = float(text)
    if not 0 < days <= 36_500:
        raise argparse.ArgumentTypeError(f"{text} is not a number of days between 0 and 36,500")
    return days


def moment(text: str) -> str:
    """Return a time (`web.cli.commands.moments`)."""
    from web.cli.commands.moments import moment

    return moment(text)
