"""The help of each command, as `--help` prints it."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager

from devices.arguments import new_parser as new_devices_parser
from web.cli.parser import new_parser

#: The width of the help texts in columns, which fits a page.
_COLUMNS = "92"


def commands() -> str:
    """Return the help of every command, each under its own heading."""
    with _columns():
        return "\n".join(
            f"## {parser.prog}\n\n```text\n{parser.format_help().rstrip()}\n```\n" for parser in parsers()
        )


def parsers() -> Iterator[argparse.ArgumentParser]:
    """Yield the parsers of all commands and their subcommands."""
    for parser in (new_parser(), new_devices_parser()):
        yield from _below(parser)


def _below(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:  # argparse offers no public way
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from _below(each)


@contextmanager
def _columns() -> Iterator[None]:
    """Make argparse format for a terminal of this width without colours."""
    before = {name: os.environ.get(name) for name in ("COLUMNS", "NO_COLOR")}
    os.environ |= {"COLUMNS": _COLUMNS, "NO_COLOR": "1"}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
