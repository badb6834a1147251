"""Helpers that format Markdown."""

from collections.abc import Iterable


def cell(value: object) -> str:
    """Return a value for a cell of a table: on one line, with the separator escaped."""
    return " ".join(str(value).split()).replace("|", "\\|")


def code(value: object) -> str:
    """Return a value as code; empty if the value is empty."""
    text = cell(value)
    return f"`{text}`" if text else ""


def table(header: str, rows: Iterable[Iterable[object]]) -> str:
    """Return a table with a header such as `name | meaning`."""
    columns = header.count("|") + 1
    lines = [f"| {header} |", "|---" * columns + "|"]
    lines += ["| " + " | ".join(cell(each) for each in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
