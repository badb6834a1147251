"""The method `str.format`, bounded, with items but without attributes.

Strategy. Python's own `str.format` looks up attributes in C (`'{0.__class__}'`) and pads to any width. So
this module looks up each field itself: an argument, then items of texts, lists, tuples and dicts. Nothing
else has items here, so no lookup can run code. The format of a field may contain fields too
(`'{:{width}}'`), but no further ones, as in Python.
"""

import re
from collections.abc import Mapping
from string import Formatter
from typing import Any, Final

from sandbox.runtime.collected import Deque
from sandbox.runtime.frozen import SEQUENCES
from sandbox.runtime.meter import DICTS
from sandbox.runtime.texts import Texts

_INDEXED: Final = SEQUENCES | {str, bytes, range, Deque}
#: The levels of fields: in the text itself, and in the format of a field.
_LEVELS: Final = 2
_FIELD: Final = re.compile(r"([^.\[\]]*)((?:\[[^\]]+\])*)")
_ITEM: Final = re.compile(r"\[([^\]]+)\]")


class Fill:
    """One call of `str.format`: its arguments, and how its fields are numbered."""

    def __init__(self, texts: Texts, arguments: tuple[object, ...], keywords: Mapping[str, object]) -> None:
        self._texts = texts
        self._meter = texts.meter
        self._arguments = arguments
        self._keywords = keywords
        self._number: int | None = 0  # of the next `{}`; None if the fields have numbers of their own
        self._size = 0

    def text(self, pattern: str) -> str:
        """Return the text of `pattern.format(*arguments, **keywords)`."""
        self._meter.text_of(len(pattern))
        self._meter.spend(len(pattern) >> 4)
        return self._meter.text(self._filled(pattern, _LEVELS))

    def _filled(self, pattern: str, levels: int) -> str:
        if not levels:
            raise ValueError("Max string recursion exceeded")
        pieces: list[str] = []
        for literal, field, spec, conversion in Formatter().parse(pattern):
            pieces.append(literal)
            self._meter.spend(1)
            if field is None:
                continue
            self._meter.spend(1)
            value = self._converted(self._value(field), conversion)
            if spec and "{" in spec:
                spec = self._filled(spec, levels - 1)
            pieces.append(self._texts.format(value, spec or ""))
            self._size += len(pieces[-1])
            if self._size > self._meter.limits.str_chars:
                self._meter.exceed("str_chars")
        return "".join(pieces)

    def _value(self, field: str) -> object:
        parts = _FIELD.fullmatch(field)
        if parts is None:
            raise ValueError("str.format: after a name only items such as [0] or [key] are available")
        value: Any = self._argument(_index(parts[1]))
        for key in _ITEM.findall(parts[2]):
            self._meter.spend(1)
            if type(value) not in DICTS and type(value) not in _INDEXED:
                raise TypeError(f"'{type(value).__name__}' object is not subscriptable")
            value = value[_index(key)]
        return value

    def _argument(self, name: str | int) -> object:
        if name == "":
            if self._number is None:
                raise ValueError("cannot switch from manual field specification to automatic field numbering")
            name = self._number
            self._number += 1
        elif isinstance(name, int):
            if self._number:
                raise ValueError("cannot switch from automatic field numbering to manual field specification")
            self._number = None
        if isinstance(name, str):
            return self._keywords[name]
        if name >= len(self._arguments):
            raise IndexError(f"Replacement index {name} out of range for positional args tuple")
        return self._arguments[name]

    def _converted(self, value: object, conversion: str | None) -> object:
        match conversion:
            case None:
                return value
            case "r":
                return self._texts.quote(value)
            case "s":
                return self._texts.show(value)
            case "a":
                return self._texts.ascii(value)
        raise ValueError(f"Unknown conversion specifier {conversion}")


def _index(key: str) -> str | int:
    """Return a key as Python reads it: a number if it has only digits."""
    return int(key) if key.isdecimal() and len(key) < 20 else key
