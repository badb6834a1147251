"""Pieces of Markdown."""

from collections.abc import Iterable


def cell(value: object) -> str:
    """A value inside a table: on one line, and without what ends a cell."""
    return " ".join(str(value).split()).replace("|", "\\|")


def code(value: object) -> str:
    """A value as code; nothing where it is empty."""
    text = cell(value)
    return f"`{text}`" if text else ""


def table(header: str, rows: Iterable[Iterable[object]]) -> str:
    """A table under a header such as `name | what`."""
    columns = header.count("|") + 1
    lines = [f"| {header} |", "|---" * columns + "|"]
    lines += ["| " + " | ".join(cell(each) for each in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
