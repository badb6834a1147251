"""Tables: frozen copies of the values that the top level of a logic computes once for each version.

Strategy. A table serves all machines of a logic, so nothing in it can be changed or can remember anything: it
is a copy with lists and dicts (as in `config`) and sets that are read-only.
Functions, iterators and errors can hold other values, so no table has them. The size is limited, because a
child keeps the tables of all its logics in memory.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final

from sandbox.errors import LogicError
from sandbox.runtime.collected import COLLECTED
from sandbox.runtime.frozen import SEQUENCES, FrozenList
from sandbox.runtime.meter import DICTS, MOMENTS, SCALARS, Meter
from sandbox.runtime.regex import Pattern
from sandbox.runtime.sets import Set
from sandbox.runtime.takes import Guards
from sandbox.runtime.values import named

#: The bytes that a value takes at most in memory, in addition to its parts; and a part of a tuple or dict.
_VALUE_BYTES: Final = 64
_ITEM_BYTES: Final = 8
_ENTRY_BYTES: Final = 100
#: Values that cannot be changed.
_FIXED: Final = SCALARS | MOMENTS | {range, Pattern}


class Freezer:
    """Makes the tables of one logic after the other.

    Since `reset`: `size` has the bytes of the tables, and `functions` the names of those that hold functions.
    """

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.size = 0
        self.functions = set[str]()

    def reset(self) -> None:
        """Begin with the tables of the next logic."""
        self.size = 0
        self.functions.clear()

    def table(self, name: str, value: Any) -> Any:
        """Return a table: a copy of a value that cannot be changed."""
        return self._frozen(name, value, 1)

    def perhaps(self, name: str, read: Callable[[], Any]) -> Any:
        """Return the table that `read` returns, or `...` if the variable has no value."""
        try:
            value = read()
        except NameError:
            return ...
        return self.table(name, value)

    def constant(self, name: str, value: Any) -> Any:
        """Return a copy that cannot be changed of a value that may hold functions."""
        return self._frozen(name, value, 1, functions=True)

    def _frozen(self, name: str, value: Any, depth: int, *, functions: bool = False) -> Any:
        kind = type(value)
        self._count(_VALUE_BYTES)
        if kind in _FIXED:
            return value
        if kind is str:
            self._count(len(value) if value.isascii() else 4 * len(value))
            return value
        if kind is bytes:
            self._count(len(value))
            return value
        if depth > self._meter.limits.value_depth:
            self._meter.exceed("value_depth")
        if kind in COLLECTED and not functions:
            self.functions.add(name)  # it can be changed, so it is made again for each reading
            return value
        if kind in SEQUENCES:
            self._count(_ITEM_BYTES * len(value))
            make = tuple if kind is tuple else FrozenList
            return make([self._frozen(name, item, depth + 1, functions=functions) for item in value])
        if kind in DICTS and kind not in COLLECTED:
            self._count(_ENTRY_BYTES * len(value))
            self._meter.keys(value)
            entries = {
                self._frozen(name, key, depth + 1): self._frozen(name, item, depth + 1, functions=functions)
                for key, item in value.items()
            }
            return MappingProxyType(entries)
        if kind is Set:
            self._count(_ENTRY_BYTES * len(value))
            self._meter.keys(value.entries)
            return Set({self._frozen(name, item, depth + 1): None for item in value}, self._meter).freeze()
        if callable(value) and kind not in COLLECTED:
            if not functions:
                self.functions.add(name)
            return value
        raise LogicError(
            f"`{name}` holds {named(value)[0]}; a value that is computed once for all machines can hold only "
            "numbers, texts, bytes, dates, lists, tuples, dicts and sets"
        )

    def _count(self, size: int) -> None:
        self._meter.spend((size >> 8) + 1)
        self.size += size
        if self.size > self._meter.limits.table_bytes:
            self._meter.exceed("table_bytes")


def table_guards(freezer: Freezer) -> Guards:
    """Return the guards behind the code that computes tables."""
    return {"_table_": freezer.table, "_perhaps_": freezer.perhaps, "_constant_": freezer.constant}
