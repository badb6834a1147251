"""What a running logic has used: the `Meter`, and how it says that a limit was gone over.

Strategy. Work is counted in ticks of fuel, from three sources:

- The compiler puts a tick into every loop, function, lambda and comprehension, weighted by the number
  of syntax nodes that run between two ticks, so that straight code is paid for too.
- A guard in front of every operation that the interpreter does at one stroke (C code ticks nothing)
  pays by size *before* it runs where the size is foreseeable, and right after where it is bounded.
- What is built is held to its own limits (`str_chars`, `list_items`, ...), so that one stroke is small.

A breach empties the tank: whatever `finally` blocks the logic still has, their next tick breaches again.
"""

from collections.abc import Iterable, Mapping, Sized
from types import MappingProxyType
from typing import NoReturn

from sandbox.errors import Breach
from sandbox.limits import Limits

#: What is said of a breach, after the name and value of the limit.
SAID = {
    "fuel": "the logic does too much work for one reading; check for a loop that does not end",
    "recursion": "function calls are nested too deeply, or a value is",
    "int_bits": "a whole number is too large",
    "str_chars": "a text is too long",
    "format_width": "a width or precision in a format is too large",
    "list_items": "a list is too long",
    "dict_items": "a dict or set is too large",
    "range_items": "a range is too long",
    "value_depth": "a value is nested too deeply, or contains itself",
    "state_bytes": "the state is too large; keep only values that the next reading needs",
    "result_bytes": "the result is too large",
    "config_bytes": "the config is too large; keep only values that differ between machines",
    "results": "the reading has too many results",
    "soft_seconds": "the logic takes too long for one reading",
}
UNITS = {
    "fuel": "ticks",
    "recursion": "calls",
    "int_bits": "bits",
    "str_chars": "characters",
    "format_width": "characters",
    "list_items": "items",
    "dict_items": "items",
    "range_items": "items",
    "value_depth": "levels",
    "state_bytes": "bytes",
    "result_bytes": "bytes",
    "config_bytes": "bytes",
    "results": "results",
    "soft_seconds": "seconds",
}

#: Types whose values cost nothing to compare, hash or show.
SCALARS = frozenset((int, float, bool, type(None)))
_EMPTY: dict[str, int] = {}
_KEYS, _VALUES, _ITEMS = type(_EMPTY.keys()), type(_EMPTY.values()), type(_EMPTY.items())
#: Types that know their length and cannot be endless.
SIZED = frozenset((list, tuple, dict, MappingProxyType, str, range, set, _KEYS, _VALUES, _ITEMS))
#: Types that hold other values.
CONTAINERS = frozenset((list, tuple, dict, MappingProxyType, set, _KEYS, _VALUES, _ITEMS))
#: Types that hold values by key; the second is what `config` and the dicts in it are.
DICTS = frozenset((dict, MappingProxyType))
#: What whoever changes `config` is told.
READ_ONLY = "config is read-only; dict(config) makes a copy"


def breach_of(limits: Limits, limit: str) -> Breach:
    """The breach of one limit, in words for the author of the logic."""
    allowed = getattr(limits, limit)
    return Breach(limit, allowed, f"limit {limit} ({allowed:,} {UNITS[limit]}) exceeded: {SAID[limit]}")


class Meter:
    """Fuel left, the largest text and list seen, and the breach if there was one.

    One meter serves all programs of a process: they run one after the other, never at once.
    """

    __slots__ = ("breach", "chained", "fuel", "limits", "longest_list", "longest_text")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.reset()

    def reset(self) -> None:
        """Full tank, nothing seen: for the next reading."""
        self.fuel = self.limits.fuel
        self.breach: Breach | None = None
        self.longest_text = 0
        self.longest_list = 0
        self.chained = 0

    def exceed(self, limit: str) -> NoReturn:
        """End the logic for going over a limit."""
        self.fuel = -1
        breach = breach_of(self.limits, limit)
        if self.breach is None:
            self.breach = breach
        raise breach

    def spend(self, ticks: int) -> None:
        """Pay for work that is about to be done, or has just been done."""
        self.fuel -= ticks
        if self.fuel < 0:
            self.exceed("fuel")

    def text(self, made: str) -> str:
        """Pay for a text that was just made, and hold it to its limit."""
        size = len(made)
        if size > 64:
            if size > self.longest_text:
                self.longest_text = size
                if size > self.limits.str_chars:
                    self.exceed("str_chars")
            self.spend(size >> 5)
        return made

    def text_of(self, size: int) -> None:
        """Pay for a text of so many characters before it is made."""
        if size > self.limits.str_chars:
            self.exceed("str_chars")
        self.spend(size >> 5)

    def search(self, size: int, wanted: int) -> None:
        """Pay for a search of a text in a text.

        Below some 30,000 characters Python searches in a way that can take `size * wanted` steps, and
        above in a linear one.
        """
        if wanted > 16 and size < 40_000:
            self.spend((size * wanted) >> 8)
        elif size > 64:
            self.spend(size >> 4)

    def items(self, size: int) -> None:
        """Pay for a list or tuple of so many items, made by copying."""
        if size > self.longest_list:
            self.longest_list = size
            if size > self.limits.list_items:
                self.exceed("list_items")
        self.spend(size >> 3)

    def entries(self, size: int) -> None:
        """Pay for a dict or set of so many entries, made by copying."""
        if size > self.limits.dict_items:
            self.exceed("dict_items")
        self.spend(size >> 2)

    def expanse(self, value: object) -> int:
        """How much C code would walk through in this value, shared parts counted each time; paid for.

        A structure that contains itself, or doubles forty times, runs out of fuel here, in Python.
        """
        total = 1
        ahead = [value]
        while ahead:
            part = ahead.pop()
            kind = type(part)
            if kind is str:
                total += len(part) >> 5  # type: ignore[arg-type]
            elif kind in CONTAINERS:
                inside: Iterable[object]
                assert isinstance(part, Sized)
                if kind in DICTS:
                    assert isinstance(part, Mapping)
                    inside = [*part.values(), *(key for key in part if type(key) is tuple)]
                else:
                    assert isinstance(part, Iterable)
                    inside = part
                total += 3 + (len(part) >> 1)
                if total > self.fuel:
                    self.exceed("fuel")
                ahead.extend(item for item in inside if type(item) in CONTAINERS or type(item) is str)
        self.spend(total)
        return total

    def key(self, key: object) -> object:
        """A key for a dict or set, paid for where it is dear.

        Hashes of whole numbers beyond 64 bits and of tuples can be made to collide, so that n of them
        take n² comparisons; they pay for that beforehand.
        """
        kind = type(key)
        if kind is tuple:
            self.spend(24)
            self.expanse(key)
        elif kind is int and not -(2**61) < key < 2**61:  # type: ignore[operator]
            self.spend(64)
        return key
