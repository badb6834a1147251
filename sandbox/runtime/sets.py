"""The sets of a logic: the class `Set`, which a logic knows as `set`.

Strategy. The order of Python's own sets depends on the hashes of texts and on addresses. Both differ between
processes, so the same readings would give different results. A `Set` keeps its items as the keys of a dict,
and every reader gets them in one defined order, C code too (unpacking, `zip`, `dict([{...}])`): numbers in
ascending order, texts in alphabetical order, all other sets in the order in which their items were added. A
logic never holds a set of Python itself.

The items of a set pay when they become keys, and again when a set operation hashes them again.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.runtime.meter import Meter

_EMPTY: dict[str, int] = {}
#: The views of a dict that behave like sets.
VIEWS = frozenset((type(_EMPTY.keys()), type(_EMPTY.items())))
#: The types of numbers.
NUMBERS = frozenset((int, float, bool))
#: The removed items that a set may keep room for, in addition to one for each item.
_SLACK = 16

Keys = dict[Any, None]
#: Makes the keys of a new set of those of two sets.
Join = Callable[[Keys, Keys], Keys]


class Set:
    """A set with a defined order. `entries` has its items as keys; only this class may change it."""

    __slots__ = ("_frozen", "_meter", "_order", "_removed", "entries")

    def __init__(self, entries: Keys, meter: "Meter") -> None:
        self._frozen = False
        self._meter = meter
        self.replace(entries)

    def replace(self, entries: Keys) -> None:
        """Set all items at once: the keys of a dict that nothing else changes."""
        self._change()
        if len(entries) > self._meter.limits.dict_items:
            self._meter.exceed("dict_items")
        self._meter.fuel -= 2
        self.entries = entries
        self._order: list[Any] | None = None
        self._removed = 0

    def freeze(self) -> "Set":
        """Make this set a part of a table: nothing can change it, and its order is paid for once."""
        self.ordered()
        self._frozen = True
        return self

    def _change(self) -> None:
        if self._frozen:
            raise TypeError("a set in a table is read-only; set(...) makes a copy")

    # Reading.

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, item: object) -> bool:
        return self._meter.key(item, self.entries.__sizeof__()) in self.entries

    def __iter__(self) -> Iterator[Any]:
        self._meter.spend((len(self.entries) >> 3) + 1)
        return iter(self.ordered())

    def __repr__(self) -> str:
        return f"<set of {len(self.entries)} items>"  # short for C code; a logic sees `Texts.quote`

    def ordered(self) -> list[Any]:
        """Return the items in their order, in a list that the caller must not change."""
        if self._order is None:
            self._meter.spend((len(self.entries) >> 1) + 1)
            order = list(self.entries)
            kinds = set(map(type, order))
            if kinds == {str}:
                self._meter.spend((sum(map(len, order)) * len(order).bit_length()) >> 11)
                order.sort()
            elif kinds <= NUMBERS and not (float in kinds and any(item != item for item in order)):
                order.sort()  # without NaN, whose place would depend on the order before
            self._order = order
        return self._order

    # Changing.

    def add(self, item: Any) -> None:
        """Add an item that is paid for as a key."""
        self._change()
        size = len(self.entries)
        self.entries[item] = None
        if len(self.entries) != size:
            self._order = None
            if size >= self._meter.limits.dict_items:
                self._meter.exceed("dict_items")

    def remove(self, item: Any) -> None:
        """Remove an item that is paid for as a key, or raise KeyError."""
        self._change()
        del self.entries[item]
        self._order = None
        self._removed += 1
        if self._removed > len(self.entries) + _SLACK:
            # A dict keeps the places of removed keys, and reading it passes them all.
            self.entries = dict(self.entries)
            self._removed = 0

    def pop(self) -> Any:
        """Remove and return the first item."""
        if not self.entries:
            raise KeyError("pop from an empty set")
        item, *others = self.ordered()
        self._meter.spend((len(others) >> 6) + 1)
        self.remove(self._meter.key(item, self.entries.__sizeof__()))
        self._order = others
        return item

    # Comparing. C code hashes the items of either side.

    def _views(self, other: object) -> tuple[Any, Any] | None:
        theirs: Any = other.entries.keys() if type(other) is Set else other if type(other) in VIEWS else None
        if theirs is None:
            return None
        self._meter.spend((len(self.entries) >> 3) + 3)
        self._meter.keys(self.entries)
        self._meter.keys(theirs)
        return self.entries.keys(), theirs

    def __eq__(self, other: object) -> bool:
        views = self._views(other)
        return NotImplemented if views is None else views[0] == views[1]

    def __lt__(self, other: object) -> bool:
        views = self._views(other)
        return NotImplemented if views is None else views[0] < views[1]

    def __le__(self, other: object) -> bool:
        views = self._views(other)
        return NotImplemented if views is None else views[0] <= views[1]

    def __gt__(self, other: object) -> bool:
        views = self._views(other)
        return NotImplemented if views is None else views[0] > views[1]

    def __ge__(self, other: object) -> bool:
        views = self._views(other)
        return NotImplemented if views is None else views[0] >= views[1]

    __hash__ = None  # type: ignore[assignment]

    # Joining.

    def copy(self) -> "Set":
        """Return another set with the same items."""
        self._meter.spend((len(self.entries) >> 2) + 1)
        return Set(dict(self.entries), self._meter)

    def change(self, join: Join, theirs: Keys) -> None:
        """Replace the items by those that one of the functions below makes of them and of other keys."""
        self.replace(self._joined(join, theirs))

    def _joined(self, join: Join, theirs: Keys) -> Keys:
        meter = self._meter
        meter.spend(((len(self.entries) + len(theirs)) >> 2) + 1)
        meter.keys(theirs)
        if join is not union:
            meter.keys(self.entries)
        return join(self.entries, theirs)

    def _new(self, join: Join, other: object) -> Any:
        if type(other) is not Set:
            return NotImplemented
        return Set(self._joined(join, other.entries), self._meter)

    def _changed(self, join: Join, other: object) -> Any:
        if type(other) is not Set:
            return NotImplemented
        self.change(join, other.entries)
        return self

    def __or__(self, other: object) -> Any:
        return self._new(union, other)

    def __and__(self, other: object) -> Any:
        return self._new(intersection, other)

    def __sub__(self, other: object) -> Any:
        return self._new(difference, other)

    def __xor__(self, other: object) -> Any:
        return self._new(symmetric_difference, other)

    def __ior__(self, other: object) -> Any:
        return self._changed(union, other)

    def __iand__(self, other: object) -> Any:
        return self._changed(intersection, other)

    def __isub__(self, other: object) -> Any:
        return self._changed(difference, other)

    def __ixor__(self, other: object) -> Any:
        return self._changed(symmetric_difference, other)


# The messages of Python name the type.
Set.__name__ = Set.__qualname__ = "set"


def union(ours: Keys, theirs: Keys) -> Keys:
    """Return the keys of both, each as it was first."""
    return {**ours, **theirs}


def intersection(ours: Keys, theirs: Keys) -> Keys:
    """Return the keys that are in both: those of the smaller side, like Python (1 and True are equal)."""
    return common(ours, theirs) if len(theirs) <= len(ours) else common(theirs, ours)


def common(ours: Keys, theirs: Keys) -> Keys:
    """Return their keys that are ours too: Python's intersection with items that are not a set."""
    return {key: None for key in theirs if key in ours}


def difference(ours: Keys, theirs: Keys) -> Keys:
    """Return our keys that are not theirs."""
    return {key: None for key in ours if key not in theirs}


def symmetric_difference(ours: Keys, theirs: Keys) -> Keys:
    """Return the keys that are in only one of the two."""
    return {**difference(ours, theirs), **difference(theirs, ours)}
