"""Shows the problems of a logic or a request in plain words, with the line of the source marked."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from web.cli.commands.screen import Screen, plain


def show_problems(
    screen: Screen,
    errors: Iterable[Mapping[str, Any]],
    file: Path | None = None,
    source: str = "",
    *,
    notes: bool = False,
) -> None:
    """Show each of the errors of problem details; those of a logic with the line of its `source`.

    `notes`: they are notes about a logic, which do not refuse it.
    """
    lines = source.split("\n")
    style = "yellow" if notes else "red"
    for error in errors:
        message, line = error.get("message", ""), error.get("line")
        if not isinstance(line, int):
            where = error.get("key") or ""
            screen.note("  ", (where, "bold"), ": " if where else "", message)
            continue
        column = error.get("column")
        screen.note(
            (f"{file or 'line'}:{line}" + (f":{column}" if column else ""), "bold"),
            ": note: " if notes else ": ",
            (message, style),
        )
        if 0 < line <= len(lines):
            _mark(screen, lines[line - 1].rstrip("\r"), line, column, str(error.get("text", "")), style)
        if error.get("hint"):
            screen.note("    ", (error["hint"], "green"))


def show_mismatches(screen: Screen, examples: Iterable[Mapping[str, Any]]) -> None:
    """Show the examples that a logic fails: the expected result next to the actual one."""
    for each in examples:
        place = next((f", {what} {each[what]}" for what in ("step", "reading") if each.get(what)), "")
        screen.note((f"example {each.get('example')}{place}", "bold"), ": ", (each.get("message"), "red"))
        for name, style in (("expected", "green"), ("got", "red")):
            screen.note(f"    {name:10}", (json.dumps(each.get(name), ensure_ascii=False), style))


def _mark(screen: Screen, text: str, line: int, column: object, piece: str, style: str) -> None:
    """Show a line of source, and mark the piece that the error is about below it."""
    from rich.cells import cell_len

    screen.note((f"{line:>5} | ", "dim"), text)
    if isinstance(column, int) and 0 < column <= len(text) + 1:
        before = text[: column - 1]
        marked = piece if piece and text.startswith(piece, column - 1) else text[column - 1 : column]
        under = " " * cell_len(plain(before)) + "^" * max(cell_len(plain(marked)), 1)
        screen.note(("      | ", "dim"), (under, style))
