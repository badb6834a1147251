"""The text of a logic: its lines, and the problems found before parsing."""

import ast
import re

from sandbox.job import Problem
from sandbox.limits import Limits

_LINE_END = re.compile(r"\r\n|\r|\n")
#: Characters that make a text look different from its real contents, such as changes of the writing
#: direction.
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
#: Characters of the offending text that a problem shows.
TEXT_SHOWN = 80


class Source:
    """A decoded source, with its lines as Python counts them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = _LINE_END.split(text)

    def line(self, number: int | None) -> str:
        """Return a line by its number, counted from 1; empty if there is no such line."""
        return self.lines[number - 1] if number is not None and 0 < number <= len(self.lines) else ""

    def problem(self, node: ast.AST, message: str, hint: str = "") -> Problem:
        """Make a problem at a node, whose columns `ast` counts in bytes of UTF-8."""
        number = getattr(node, "lineno", 1)
        line = self.line(number)
        encoded = line.encode("utf-8", "surrogatepass")
        start = getattr(node, "col_offset", 0)
        end = getattr(node, "end_col_offset", None)
        if getattr(node, "end_lineno", number) != number:
            end = None
        column = len(encoded[:start].decode("utf-8", "replace")) + 1
        text = encoded[start:end].decode("utf-8", "replace").strip()
        return Problem(number, column, clean(text), message, hint)

    def at(self, number: int | None, column: int | None, message: str, hint: str = "") -> Problem:
        """Make a problem at a line and column (both counted from 1), if there is no node."""
        line = self.line(number)
        column = max(column or 1, 1)
        text = line[column - 1 :].strip() or line.strip()
        return Problem(number or 1, column, clean(text), message, hint)


def clean(text: str) -> str:
    """Return a piece of a source to show: short, without control and direction characters."""
    shown = "".join(
        c if c.isprintable() and not _DIRECTION.match(c) else "\N{REPLACEMENT CHARACTER}"
        for c in text[:TEXT_SHOWN]
    )
    return shown + "…" if len(text) > TEXT_SHOWN else shown


def read(source: str | bytes, limits: Limits) -> tuple[Source, list[Problem]]:
    """Return the source as text, and the problems of that text. If there are any, do not parse it."""
    size = len(source) if isinstance(source, bytes) else _size(source)
    if size > limits.source_bytes:
        problem = Problem(
            1,
            1,
            "",
            f"the source has {size:,} bytes; the limit source_bytes is {limits.source_bytes:,}",
            "Keep tables in state or send them in a reading.",
        )
        return Source(""), [problem]
    if isinstance(source, bytes):
        try:
            text = source.decode("utf-8")
        except UnicodeDecodeError as error:
            before = source[: error.start].decode("utf-8")
            seen = Source(before)
            return seen, [
                seen.at(
                    len(seen.lines),
                    len(seen.lines[-1]) + 1,
                    "the source is not UTF-8",
                    "Save the file in UTF-8.",
                )
            ]
    else:
        text = source
    return _examined(Source(text.removeprefix("\ufeff")), limits)


def _size(text: str) -> int:
    """Return the size in bytes of UTF-8; a text that is certainly too long is not encoded."""
    return len(text.encode("utf-8", "surrogatepass")) if len(text) < 1 << 21 else len(text)


def _examined(source: Source, limits: Limits) -> tuple[Source, list[Problem]]:
    problems = []
    for number, line in enumerate(source.lines, start=1):
        if len(line) > limits.line_chars:
            problems.append(
                source.at(
                    number,
                    limits.line_chars + 1,
                    f"the line has {len(line):,} characters; the limit line_chars is {limits.line_chars:,}",
                    "Split it into several lines.",
                )
            )
        for place, character in enumerate(line[: limits.line_chars], start=1):
            if character.isascii() and character != "\0":
                continue
            if character == "\0":
                what = "a NUL character"
            elif "\ud800" <= character <= "\udfff":
                what = "an incomplete character (a lone surrogate)"
            elif _DIRECTION.match(character):
                what = "a character that changes the writing direction"
            else:
                continue
            problems.append(
                source.at(number, place, f"{what} is not allowed", "Delete it and type the line again.")
            )
            break
    if not source.text.strip():
        problems.append(Problem(1, 1, "", "the source is empty", "Begin with `def process(data, state):`."))
    return source, problems
