"""The types of the module collections: deque, Counter and defaultdict.

Strategy. They are classes of our own below Python's deque and dict, so that Python frees long chains of them
without recursion, and so that what a key makes is paid for. The guards go by the exact type of a value. Those
of `dict` know the two dicts too, and so do most methods. A logic finds none of Python's methods on them.
"""

import collections
import operator
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from sandbox.runtime.sets import NUMBERS

if TYPE_CHECKING:
    from sandbox.runtime.meter import Meter

#: The ticks for a deque: it takes some 800 bytes, even if it is empty.
DEQUE_TICKS: Final = 8
#: Counts items in C.
_count: Callable[[dict[Any, Any], Iterable[Any]], None] = collections._count_elements  # type: ignore[attr-defined]


class Deque(collections.deque[Any]):
    """A deque of a logic.

    Python compares the first different items of two deques twice, so deques inside of deques would take twice
    the time for each level. These are compared as lists.
    """

    __slots__ = ()

    def _compared(self, other: object, compare: Callable[[Any, Any], bool]) -> Any:
        if type(other) is not Deque:
            return NotImplemented
        size = min(len(self), len(other)) + 1
        return compare(list(islice(self, size)), list(islice(other, size)))

    def __eq__(self, other: object) -> Any:
        if type(other) is Deque and len(self) != len(other):
            return False
        return self._compared(other, operator.eq)

    def __ne__(self, other: object) -> Any:
        if type(other) is Deque and len(self) != len(other):
            return True
        return self._compared(other, operator.ne)

    def __lt__(self, other: object) -> Any:
        return self._compared(other, operator.lt)

    def __le__(self, other: object) -> Any:
        return self._compared(other, operator.le)

    def __gt__(self, other: object) -> Any:
        return self._compared(other, operator.gt)

    def __ge__(self, other: object) -> Any:
        return self._compared(other, operator.ge)

    __hash__ = None


class DefaultDict(dict[Any, Any]):
    """A dict that makes the value of a missing key, with a function of the logic or a type."""

    __slots__ = ("_meter", "factory")

    def __init__(self, meter: "Meter", factory: Callable[[], Any] | None, entries: Mapping[Any, Any]) -> None:
        super().__init__(entries)
        self._meter = meter
        self.factory = factory

    def __missing__(self, key: Any) -> Any:
        if self.factory is None:
            raise KeyError(key)
        self._meter.spend(2)
        value = self.factory()
        self[key] = value
        self._meter.bounded(self)
        return value

    def copy(self) -> "DefaultDict":
        """Return a copy, which must be paid for before."""
        return DefaultDict(self._meter, self.factory, self)

    def __or__(self, other: object) -> Any:
        if not isinstance(other, dict):
            return NotImplemented
        made = self.copy()
        made.update(other)
        return self._meter.bounded(made)

    def __ror__(self, other: object) -> Any:
        if not isinstance(other, dict):
            return NotImplemented
        return self._meter.bounded(DefaultDict(self._meter, self.factory, {**other, **self}))


class Counter(dict[Any, Any]):
    """A dict that counts its keys; a missing key has the count 0."""

    __slots__ = ("_meter",)

    def __init__(self, meter: "Meter", entries: Mapping[Any, Any] = {}) -> None:
        super().__init__(entries)
        self._meter = meter

    def __missing__(self, key: Any) -> int:
        return 0

    def __delitem__(self, key: Any) -> None:
        if key in self:
            super().__delitem__(key)

    def copy(self) -> "Counter":
        """Return a copy, which must be paid for before."""
        return Counter(self._meter, self)

    def count(self, items: Any) -> None:
        """Count items that are paid for as keys."""
        try:
            _count(self, items)
        finally:
            self._meter.bounded(self)

    def add(self, counts: Mapping[Any, Any], sign: int = 1) -> None:
        """Add the counts of a dict, or subtract them."""
        whole = self._meter.whole
        for key, count in counts.items():
            self[key] = whole(_number(self[key]) + sign * _number(count))
        self._meter.bounded(self)

    # Joining. Python keeps only the counts above 0.

    def _joined(self, other: object, join: Callable[[Any, Any], Any]) -> Any:
        if type(other) is not Counter:
            return NotImplemented
        self._paid(other)
        made = Counter(self._meter)
        for key in {**self, **other}:
            count = self._meter.whole(join(_number(self[key]), _number(other[key])))
            if count > 0:
                made[key] = count
        return self._meter.bounded(made)

    def _changed(self, other: object, join: Callable[[Any, Any], Any]) -> Any:
        if type(other) in (dict, DefaultDict, MappingProxyType):
            other = Counter(self._meter, other)  # type: ignore[arg-type]
        made = self._joined(other, join)
        if made is NotImplemented:
            return made
        self.clear()
        self.update(made)
        return self

    def _paid(self, other: "Counter") -> None:
        self._meter.entries(self)
        self._meter.entries(other)
        self._meter.spend(len(self) + 2 * len(other))

    def __add__(self, other: object) -> Any:
        return self._joined(other, lambda ours, theirs: ours + theirs)

    def __sub__(self, other: object) -> Any:
        return self._joined(other, lambda ours, theirs: ours - theirs)

    def __or__(self, other: object) -> Any:
        return self._joined(other, max)

    def __and__(self, other: object) -> Any:
        return self._joined(other, min)

    def __iadd__(self, other: object) -> Any:
        return self._changed(other, lambda ours, theirs: ours + theirs)

    def __isub__(self, other: object) -> Any:
        return self._changed(other, lambda ours, theirs: ours - theirs)

    def __ior__(self, other: object) -> Any:
        return self._changed(other, max)

    def __iand__(self, other: object) -> Any:
        return self._changed(other, min)

    __ror__ = __or__

    # Comparing. A missing key is equal to a count of 0.

    def _all(self, other: object, test: Callable[[Any, Any], bool]) -> Any:
        if type(other) is not Counter:
            return NotImplemented
        self._paid(other)
        self._meter.expanse(self)
        self._meter.expanse(other)
        return all(test(self[key], other[key]) for key in {**self, **other})  # each key once, at each level

    def __eq__(self, other: object) -> Any:
        return self._all(other, lambda ours, theirs: ours == theirs)

    def __ne__(self, other: object) -> Any:
        equal = self == other if type(other) is Counter else NotImplemented
        return equal if equal is NotImplemented else not equal

    def __le__(self, other: object) -> Any:
        return self._all(other, lambda ours, theirs: ours <= theirs)

    def __lt__(self, other: object) -> Any:
        least = self.__le__(other)
        return least if least is NotImplemented else least and self != other

    def __ge__(self, other: object) -> Any:
        return self._all(other, lambda ours, theirs: ours >= theirs)

    def __gt__(self, other: object) -> Any:
        least = self.__ge__(other)
        return least if least is NotImplemented else least and self != other

    __hash__ = None


def _number(count: Any) -> Any:
    if type(count) not in NUMBERS:
        raise TypeError(f"a Counter adds numbers, not {type(count).__name__}")
    return count


#: Dicts that a logic can change.
CHANGEABLE: Final = frozenset((dict, Counter, DefaultDict))
#: The types that are defined here; none of their values is part of a table.
COLLECTED: Final = frozenset((Deque, Counter, DefaultDict))

# The messages of Python name the type.
for _kind, _name in ((Deque, "deque"), (Counter, "Counter"), (DefaultDict, "defaultdict")):
    _kind.__name__ = _kind.__qualname__ = _name
    _kind.__module__ = "collections"
