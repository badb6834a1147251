"""The `Meter`: it counts the work of a running logic, and raises a `Breach` if a limit is exceeded.

Strategy. Work is counted in ticks of fuel, by three rules:

- The compiler puts ticks into every loop, function, lambda and comprehension. Their weight is the number of
  syntax nodes that run between two ticks, so code without loops pays too.
- A guard precedes every operation that runs in one C call, because C code does not tick. The guard pays by
  size *before* the operation if it can foresee the size, and right after it if the size is bounded.
- Each value that a logic builds has its own limits (`str_chars`, `list_items`, ...), so that one C call is
  small.

A breach sets the fuel below zero, so the next tick in a `finally` block of the logic breaches again.
"""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta, timezone
from types import MappingProxyType
from typing import Any, NoReturn, TypeVar
from zoneinfo import ZoneInfo

from sandbox.errors import Breach
from sandbox.limits import Limits
from sandbox.runtime.collected import CHANGEABLE, Deque
from sandbox.runtime.frozen import FrozenList
from sandbox.runtime.sets import NUMBERS, Set

#: A text or bytes.
Text = TypeVar("Text", str, bytes)
Entries = TypeVar("Entries", bound=dict[Any, Any])

#: The message about a breach, after the name and value of the limit.
SAID = {
    "fuel": "the logic does too much work for one reading; check for a loop that does not end",
    "recursion": "function calls are nested too deeply, or a value is",
    "int_bits": "a whole number is too large",
    "str_chars": "a text is too long, or bytes are",
    "format_width": "a width or precision in a format is too large",
    "list_items": "a list is too long",
    "dict_items": "a dict or set is too large",
    "range_items": "a range is too long",
    "generators": "the logic starts too many generators",
    "table_bytes": "the values that the top level computes are too large",
    "value_depth": "a value is nested too deeply, or contains itself",
    "state_bytes": "the state is too large; keep only values that the next reading needs",
    "result_bytes": "the result is too large",
    "config_bytes": "the config is too large; keep only values that differ between machines",
    "results": "the reading has too many results",
    "timers": "the machine has too many timers; cancel some, or set one again under the same name",
    "alarms": "the machine has too many active alarms; clear some, or raise one again under the same name",
    "alarm_bytes": "the message and details of the alarm are too large",
    "timer_shortest_seconds": "the timer is due too soon",
    "timer_longest_seconds": "the timer is due too late",
    "soft_seconds": "the logic takes too long for one reading",
    "batch_seconds": "the logic took too long for other readings of this batch, so this one was not run",
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
    "generators": "generators",
    "table_bytes": "bytes",
    "value_depth": "levels",
    "state_bytes": "bytes",
    "result_bytes": "bytes",
    "config_bytes": "bytes",
    "results": "results",
    "timers": "timers",
    "alarms": "alarms",
    "alarm_bytes": "bytes",
    "timer_shortest_seconds": "seconds",
    "timer_longest_seconds": "seconds",
    "soft_seconds": "seconds",
    "batch_seconds": "seconds",
}

#: Types whose values cost nothing to compare, hash or show.
SCALARS = NUMBERS | {type(None)}
#: Dates and times, whose values are small too.
MOMENTS = frozenset((date, datetime, time, timedelta, timezone, ZoneInfo))
_SMALL = SCALARS | MOMENTS
#: Those of them whose comparison computes with their time zones.
ZONED = frozenset((datetime, time))
#: The characters of a text that can be a key for nothing; comparing longer equal ones takes a while.
LONG_KEY = 256
#: The keys of a display that need no check whether they are quickly found.
FEW_KEYS = 16
#: The most bytes for each entry of a dict. One that has just grown takes some 110.
MOST_ROOM = 128
#: Types of characters or bytes. Python hashes their values with a secret of the process.
TEXTS = frozenset((str, bytes))
_EMPTY: dict[str, int] = {}
_KEYS, _VALUES, _ITEMS = type(_EMPTY.keys()), type(_EMPTY.values()), type(_EMPTY.items())
#: Types that know their length and cannot be endless.
SIZED = (
    TEXTS
    | CHANGEABLE
    | {Deque}
    | {list, FrozenList, tuple, MappingProxyType, range, Set, _KEYS, _VALUES, _ITEMS}
)
#: Types whose iterators pass the places of entries that were deleted.
ENTRIES = CHANGEABLE | {MappingProxyType, _KEYS, _VALUES, _ITEMS}
#: Types that hold other values.
CONTAINERS = CHANGEABLE | {list, FrozenList, tuple, Deque, MappingProxyType, Set, _KEYS, _VALUES, _ITEMS}
#: Types that hold values by key; the second is the type of `config`, of tables, and of the dicts in them.
DICTS = CHANGEABLE | {MappingProxyType}
_KEYED = DICTS | {Set, _KEYS, _ITEMS}


def breach_of(limits: Limits, limit: str, allowed: float | None = None) -> Breach:
    """Return the breach of a limit, with a message for the author of the logic.

    `allowed` is the limit if the machine has another one.
    """
    allowed = allowed or getattr(limits, limit)
    return Breach(limit, allowed, f"limit {limit} ({allowed:,} {UNITS[limit]}) exceeded: {SAID[limit]}")


class Meter:
    """The remaining fuel, the largest text and list so far, the formats and patterns used, and the breach.

    `tank` is the fuel that each reading gets. One meter serves all programs of a process: they run one after
    the other, never at once.
    """

    __slots__ = (
        *("breach", "chained", "date_formats", "fuel", "generators", "limits", "longest_list"),
        *("longest_text", "patterns", "tank"),
    )

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.tank = limits.fuel
        self.reset()

    def reset(self) -> None:
        """Restore the fuel and clear the measurements, for the next reading."""
        self.fuel = self.tank
        self.breach: Breach | None = None
        self.longest_text = 0
        self.longest_list = 0
        self.chained = 0
        self.generators = 0
        self.date_formats: set[str] = set()
        self.patterns: set[tuple[str, int]] = set()

    def exceed(self, limit: str) -> NoReturn:
        """End the logic because it exceeded a limit."""
        breach = breach_of(self.limits, limit, self.tank if limit == "fuel" else None)
        self.stop(breach)
        raise breach

    def stop(self, breach: Breach) -> None:
        """Record a breach, if it is the first, and leave no fuel, so that the next tick breaches again."""
        self.fuel = -1
        if self.breach is None:
            self.breach = breach

    def spend(self, ticks: int) -> None:
        """Pay for work that comes next or was just done."""
        self.fuel -= ticks
        if self.fuel < 0:
            self.exceed("fuel")

    def generator(self) -> None:
        """Pay for a generator that is made next, and count it."""
        self.spend(2)
        self.generators += 1
        if self.generators > self.limits.generators:
            self.exceed("generators")

    def whole(self, number: Any) -> Any:
        """Check the limit of a number that was just made, if it is an integer."""
        if type(number) is int and number.bit_length() > self.limits.int_bits:
            self.exceed("int_bits")
        return number

    def text(self, made: Text) -> Text:
        """Pay for a text or bytes just made, and check their limit."""
        size = len(made)
        if size > 64:
            if size > self.longest_text:
                self.longest_text = size
                if size > self.limits.str_chars:
                    self.exceed("str_chars")
            self.spend(size >> 5)
        return made

    def text_of(self, size: int) -> None:
        """Pay for a text of `size` characters, or as many bytes, before it is made."""
        if size > self.limits.str_chars:
            self.exceed("str_chars")
        self.spend(size >> 5)

    def search(self, size: int, wanted: int) -> None:
        """Pay for the search for a text of `wanted` characters in a text of `size` characters.

        In texts below some 30,000 characters Python's search can take `size * wanted` steps; in longer texts
        it is linear.
        """
        if wanted > 16 and size < 40_000:
            self.spend((size * wanted) >> 8)
        elif size > 64:
            self.spend(size >> 4)

    def division(self, left: Any, right: Any) -> None:
        """Pay for a remainder or a whole quotient: it takes a step for each bit that two floats lie apart."""
        if type(left) in NUMBERS and type(right) in NUMBERS:
            if -1e16 < left < 1e16 and not -1e-9 < right < 1e-9:
                return
            self.spend(6)

    def items(self, size: int) -> None:
        """Pay for a list or tuple of `size` items that is made by copying."""
        if size > self.longest_list:
            self.longest_list = size
            if size > self.limits.list_items:
                self.exceed("list_items")
        self.spend(size >> 3)

    def entries(self, entries: Collection[Any], more: int = 0) -> None:
        """Pay for a dict or set that is made by copying these entries, into one with `more` others."""
        size = len(entries) + more
        if size > self.limits.dict_items:
            self.exceed("dict_items")
        self.spend(1 + (size >> 2))
        if type(entries) is not dict:  # Python asks `config` for each of its keys
            self.spend(2 + (size >> 1))
        self.keys(entries)

    def bounded(self, entries: Entries) -> Entries:
        """Check the limit of a dict that was just made or changed."""
        if len(entries) > self.limits.dict_items:
            self.exceed("dict_items")
        return entries

    def sizes(self, value: object) -> None:
        """Check the limits of a value of lists and dicts that was just made in one step."""
        level = [value]
        while level:
            inside: list[object] = []
            for part in level:
                if type(part) is dict:
                    if len(part) > self.limits.dict_items:
                        self.exceed("dict_items")
                    inside.extend([item for item in part.values() if type(item) in CONTAINERS])
                elif type(part) is list:
                    if len(part) > self.limits.list_items:
                        self.exceed("list_items")
                    inside.extend([item for item in part if type(item) in CONTAINERS])
            level = inside

    def expanse(self, value: object) -> int:
        """Pay for all that C code would walk through in this value, and return that size.

        Shared parts count each time, so a structure that doubles forty times runs out of fuel here, in
        Python. C code walks by recursion, some of it without a check of the stack, so the depth has a limit
        of its own. The arguments of an error count too: its text contains theirs.
        """
        total = 1
        depth = 0
        level = [value]
        while level:
            depth += 1
            if depth > self.limits.recursion:
                self.exceed("recursion")
            inside: list[object] = []
            for part in level:
                kind: Any = type(part)
                if kind in TEXTS:
                    total += len(part) >> 5  # type: ignore[arg-type]
                    continue
                if kind in _KEYED:
                    self.keys(_keys_of(part, kind))
                parts = _parts(part, kind)
                total += 3 + (len(parts) >> 1)
                if total > self.fuel:
                    self.exceed("fuel")
                kinds = set(map(type, parts))
                if not kinds.isdisjoint(ZONED):
                    total += len(parts) >> 1
                if not kinds <= _SMALL:
                    inside.extend([item for item in parts if type(item) not in _SMALL])
            level = inside
        self.spend(total)
        return total

    def weight(self, value: object) -> int:
        """Return the ticks of C code that compares this value with another, and pay for finding that out."""
        kind = type(value)
        if kind in TEXTS:
            return len(value) >> 7  # type: ignore[arg-type]
        if kind in CONTAINERS:
            before = self.fuel
            self.expanse(value)  # which also pays for the keys
            return before - self.fuel
        return int(kind in ZONED)

    def key(self, key: Any, room: int = 0) -> Any:
        """Pay for finding a key in a dict or set that takes `room` bytes, and return the key.

        Texts are hashed with a secret of the process. All other hashes are known, so an attacker can choose
        keys that are found only after many others: those that follow each other in the table, or integers
        beyond 64 bits and tuples of one hash, which are compared too.
        """
        kind = type(key)
        if kind is str:
            self.spend(len(key) >> 8)  # to compare it with an equal one
        elif kind is tuple:
            size = self.expanse(key) - 3
            self.spend(2 + (size * room >> 12))
        elif kind is int and not -(2**61) < key < 2**61:
            self.spend(1 + (room >> 10))
        elif kind is bytes:
            self.spend(1 + (len(key) >> 8))
        elif room > 16_384:
            self.spend(room >> 14)
        return key

    def keys(self, keys: Collection[Any]) -> None:
        """Pay for putting keys into a dict or set of their own; see `key`."""
        count = len(keys)
        if count <= FEW_KEYS:
            for key in keys:
                if type(key) is tuple or type(key) in TEXTS:
                    self.key(key)
            return
        self.spend(count >> 4)
        kinds = set(map(type, keys))
        if not kinds.isdisjoint(TEXTS):
            self.spend(sum(len(key) for key in keys if type(key) in TEXTS) >> 8)
            if kinds <= TEXTS:
                return
        self.spend(count * count >> 11)
        long = sum(type(key) is int and not -(2**61) < key < 2**61 for key in keys)
        self.spend(long + (long * long >> 6))
        tuples = [key for key in keys if type(key) is tuple]
        size = sum(self.expanse(key) - 3 for key in tuples)
        self.spend(2 * len(tuples) + (len(tuples) * size >> 7))

    def compact(self, entries: dict[Any, Any]) -> None:
        """Rebuild a dict that has lost most of its entries, because reading it passes all their places."""
        if entries.__sizeof__() > MOST_ROOM * (len(entries) + 8):
            self.spend(len(entries) >> 2)
            self.keys(entries)
            kept = dict(entries)
            entries.clear()
            entries.update(kept)


def room_of(entries: Any) -> int:
    """Return the bytes that a dict takes; of a read-only dict, which hides it, the most that it can take."""
    return entries.__sizeof__() if isinstance(entries, dict) else MOST_ROOM * (len(entries) + 8)


def _keys_of(value: Any, kind: type) -> Collection[Any]:
    """Return the keys that C code looks up when it compares this value with another."""
    if kind is Set:
        return value.entries  # type: ignore[no-any-return]
    return value.mapping if kind is _ITEMS else value  # type: ignore[no-any-return]


def _parts(value: Any, kind: type) -> Collection[object]:
    """Return the values that C code would reach from this value."""
    if kind in DICTS:
        return [*value.values(), *(key for key in value if type(key) is tuple)]
    if kind is Set:
        return value.entries  # type: ignore[no-any-return]
    if kind in CONTAINERS:
        return value  # type: ignore[no-any-return]
    return value.args if isinstance(value, BaseException) else ()
