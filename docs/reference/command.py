"""What each command says of itself with `--help`."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager

from devices.arguments import new_parser as new_devices_parser
from web.cli.parser import new_parser

#: Columns that the help is set in: what a page has room for.
_COLUMNS = "92"


def commands() -> str:
    """The help of every command, under a heading of its own."""
    with _columns():
        return "\n".join(
            f"## {parser.prog}\n\n```text\n{parser.format_help().rstrip()}\n```\n" for parser in parsers()
        )


def parsers() -> Iterator[argparse.ArgumentParser]:
    """The parsers of all commands and what is below them."""
    for parser in (new_parser(), new_devices_parser()):
        yield from _below(parser)


def _below(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:  # argparse has no other way to them
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from _below(each)


@contextmanager
def _columns() -> Iterator[None]:
    """Have argparse think that it writes to a terminal of this width, which is plain."""
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
