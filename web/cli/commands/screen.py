"""The output of a command: tables and colours on a terminal, plain lines elsewhere, JSON on request.

Nothing here trusts the data that it shows. A reading, a result, a machine's message or a comment may contain
control sequences for a terminal, or markup for rich. So every text passes through `plain` before it is shown,
and none is parsed as markup. JSON is written in ASCII.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self

from web.cli.commands.errors import Misused

if TYPE_CHECKING:
    from rich.console import Console

#: The width in columns if the output is not a terminal: programs read it, so no line is wrapped.
_WIDE: Final = 100_000

#: The spaces that replace a tab.
_TAB: Final = "    "


def plain(text: object) -> str:
    """Return a text with its unprintable characters escaped, so that it cannot control a terminal."""
    shown = str(text).replace("\t", _TAB)
    if shown.isprintable():
        return shown
    return "".join(each if each.isprintable() else _escaped(each) for each in shown)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class Screen:
    """Standard output and error. With `json`, only `document` and `entry` write to standard output."""

    def __init__(self, *, json: bool) -> None:
        self.json = json

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Self:
        """Return the screen that a command's arguments ask for."""
        return cls(json=arguments.json)

    def document(self, value: Any) -> None:
        """Write the whole answer of a command, with `--json`."""
        if self.json:
            print(json.dumps(value, indent=2), flush=True)

    def entry(self, value: Any) -> None:
        """Write one of many answers as a line, with `--json`."""
        if self.json:
            print(json.dumps(value), flush=True)

    def say(self, *parts: object, style: str = "") -> None:
        """Write a line. A part is a text, or a pair of a text and its style."""
        if not self.json:
            self._line(self._out, parts, style)

    def note(self, *parts: object, style: str = "") -> None:
        """Write a line that is not part of the answer to standard error."""
        self._line(self._error, parts, style)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write a table. A column whose name starts with `#` holds numbers. A cell is a part, as in `say`."""
        if self.json:
            return
        from rich.table import Table

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for column in columns:
            table.add_column(
                column.removeprefix("#"),
                justify="right" if column.startswith("#") else "left",
                overflow="fold",
            )
        for row in rows:
            table.add_row(*(_styled(cell) for cell in row))
        self._out.print(table)

    def _line(self, console: "Console", parts: Iterable[object], style: str) -> None:
        from rich.text import Text

        line = Text(style=style)
        for part in parts:
            line.append_text(_styled(part))
        # The terminal wraps long lines, so that a copied line is complete.
        console.print(line, soft_wrap=True)

    @cached_property
    def _out(self) -> "Console":
        return _console(stderr=False)

    @cached_property
    def _error(self) -> "Console":
        return _console(stderr=True)


def _console(*, stderr: bool) -> "Console":
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            # rich would end the process with 1.
            raise BrokenPipeError

    width = None if (sys.stderr if stderr else sys.stdout).isatty() else _WIDE
    return Plain(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def _styled(part: object) -> Any:
    from rich.text import Text

    text, style = part if isinstance(part, tuple) else (part, "")
    return Text(plain(text), style=style)


def agreed(screen: Screen, question: str) -> bool:
    """Ask the user to confirm. Return whether they agree. Raises `Misused` without a terminal."""
    if not sys.stdin.isatty():
        raise Misused(f"{question} There is no terminal to ask on, so nothing was done. Confirm with --yes.")
    screen.note(question, " [y/N]")
    if input().strip().lower() in ("y", "yes"):
        return True
    screen.note("Nothing was done.")
    return False


def complain(error: object) -> None:
    """Write to standard error why the command could not do its work."""
    print(f"iot-logic: {plain(error)}", file=sys.stderr)
