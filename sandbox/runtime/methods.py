"""The methods of values, by type: the functions behind every dot in a logic.

Strategy. The compiler turns `x.name(...)` into one call of the guard for that name, which checks the exact
type of `x`. Python's own attribute lookup is never used, so a name that is not in these tables does not
exist. Each method pays for its work and keeps its result within the limits.
"""

import operator
from collections.abc import Callable
from typing import Any, Final, NoReturn

from sandbox.runtime import sets
from sandbox.runtime.conversions import pairs
from sandbox.runtime.frozen import READ_ONLY
from sandbox.runtime.meter import DICTS, LONG_KEY, Meter, room_of
from sandbox.runtime.sets import Join, Set
from sandbox.runtime.sorting import sorting
from sandbox.runtime.takes import Takes
from sandbox.runtime.texts import Texts

Table = dict[str, Callable[..., Any]]


def sequence_methods(meter: Meter, takes: Takes, texts: Texts) -> tuple[Table, Table]:
    """Return the methods of list, and those of tuple."""
    limits = meter.limits
    list_items = limits.list_items
    sort_items = sorting(meter, takes)

    def searched(method: Any) -> Any:
        def run(items: Any, wanted: Any, *bounds: Any) -> Any:
            meter.spend((len(items) >> 2) + meter.weight(wanted) * len(items))
            return method(items, wanted, *bounds)

        return run

    def index(items: list[Any], wanted: Any, *bounds: Any) -> int:
        """Return the index of an item, without Python's error, whose message has the text of any value."""
        if len(bounds) > 2:
            raise TypeError(f"index expected at most 3 arguments, got {1 + len(bounds)}")
        low, high, _ = slice(*(*bounds, None)[:2]).indices(len(items)) if bounds else (0, None, 1)
        try:
            return low + int(find(items[low:high] if bounds else items, wanted))
        except ValueError:
            raise ValueError(f"{texts.quote(wanted)} is not in list") from None

    find = searched(operator.indexOf)

    def append(items: list[Any], item: Any, /) -> None:
        meter.fuel -= 1
        if len(items) >= list_items:
            meter.exceed("list_items")
        items.append(item)

    def extend(items: list[Any], more: Any, /) -> None:
        more = takes.take(more)
        meter.items(len(items) + len(more))
        items.extend(more)

    def insert(items: list[Any], place: Any, item: Any, /) -> None:
        meter.spend(1 + (len(items) >> 7))
        if len(items) >= list_items:
            meter.exceed("list_items")
        items.insert(place, item)

    def pop(items: list[Any], place: Any = -1, /) -> Any:
        if place != -1:
            meter.spend(len(items) >> 7)
        return items.pop(place)

    def sort(items: list[Any], /, *, key: Any = None, reverse: Any = False) -> None:
        items[:] = sort_items(items, key=key, reverse=reverse)

    def reverse(items: list[Any], /) -> None:
        meter.spend(len(items) >> 5)
        items.reverse()

    def copy(items: list[Any], /) -> list[Any]:
        meter.items(len(items))
        return items.copy()

    def clear(items: list[Any], /) -> None:
        items.clear()

    return {
        "append": append,
        "clear": clear,
        "copy": copy,
        "count": searched(list.count),
        "extend": extend,
        "index": index,
        "insert": insert,
        "pop": pop,
        "remove": searched(list.remove),
        "reverse": reverse,
        "sort": sort,
    }, {"count": searched(tuple.count), "index": searched(tuple.index)}


def dict_methods(meter: Meter, takes: Takes) -> Table:
    """Return the methods of dict."""
    limits = meter.limits

    def get(entries: dict[Any, Any], key: Any, default: Any = None, /) -> Any:
        if type(key) is not str or len(key) > LONG_KEY:
            meter.key(key, room_of(entries))
        return entries.get(key, default)

    def pop(entries: dict[Any, Any], key: Any, /, *default: Any) -> Any:
        if type(key) is not str or len(key) > LONG_KEY:
            meter.key(key, entries.__sizeof__())
        popped = entries.pop(key, *default)
        meter.compact(entries)
        return popped

    def setdefault(entries: dict[Any, Any], key: Any, default: Any = None, /) -> Any:
        if type(key) is not str or len(key) > LONG_KEY:
            meter.key(key, entries.__sizeof__())
        made = entries.setdefault(key, default)
        if len(entries) > limits.dict_items:
            meter.exceed("dict_items")
        return made

    def update(entries: dict[Any, Any], more: Any = (), /, **keywords: Any) -> None:
        if type(more) not in DICTS:
            more = pairs(meter, takes, more)
        meter.entries(more, len(keywords))
        entries.update(more, **keywords)
        if len(entries) > limits.dict_items:
            meter.exceed("dict_items")

    def copy(entries: dict[Any, Any], /) -> dict[Any, Any]:
        meter.entries(entries)
        return entries.copy()

    def keys(entries: dict[Any, Any], /) -> Any:
        return entries.keys()

    def values(entries: dict[Any, Any], /) -> Any:
        return entries.values()

    def items(entries: dict[Any, Any], /) -> Any:
        return entries.items()

    def popitem(entries: dict[Any, Any], /) -> Any:
        popped = entries.popitem()
        meter.compact(entries)
        return popped

    def clear(entries: dict[Any, Any], /) -> None:
        entries.clear()

    return {
        "clear": clear,
        "copy": copy,
        "get": get,
        "items": items,
        "keys": keys,
        "pop": pop,
        "popitem": popitem,
        "setdefault": setdefault,
        "update": update,
        "values": values,
    }


#: The methods of dict and list that change nothing.
_READING: Final = frozenset(("copy", "count", "get", "index", "items", "keys", "values"))


def frozen_methods(plain: Table) -> Table:
    """Return the methods of read-only dicts or lists: those of the plain ones that do not change them."""

    def refused(name: str) -> Callable[..., Any]:
        def refuse(_value: Any, /, *_arguments: Any, **_keywords: Any) -> NoReturn:
            raise TypeError(f"{name}(): {READ_ONLY}")

        return refuse

    return {name: method if name in _READING else refused(name) for name, method in plain.items()}


def set_methods(meter: Meter, takes: Takes) -> Table:
    """Return the methods of set."""

    def add(items: Set, item: Any, /) -> None:
        items.add(meter.key(item, items.entries.__sizeof__()))

    def discard(items: Set, item: Any, /) -> None:
        if meter.key(item, items.entries.__sizeof__()) in items.entries:
            items.remove(item)

    def remove(items: Set, item: Any, /) -> None:
        items.remove(meter.key(item, items.entries.__sizeof__()))

    def changed(join: Join) -> Any:
        def run(items: Set, /, *others: Any) -> None:
            for other in others:
                loose = join is sets.intersection and type(other) is not Set
                items.change(sets.common if loose else join, takes.entries_of(other))

        return run

    def joined(join: Join) -> Any:
        change = changed(join)

        def run(items: Set, /, *others: Any) -> Set:
            made = items.copy()
            change(made, *others)
            return made

        return run

    def symmetric_difference(items: Set, other: Any, /) -> Set:
        return joined(sets.symmetric_difference)(items, other)  # type: ignore[no-any-return]

    def symmetric_difference_update(items: Set, other: Any, /) -> None:
        items.change(sets.symmetric_difference, takes.entries_of(other))

    def compared(compare: Callable[[Any, Any], bool]) -> Any:
        def run(items: Set, other: Any, /) -> bool:
            return compare(items, takes.entries_of(other).keys())

        return run

    def isdisjoint(items: Set, other: Any, /) -> bool:
        return not intersection(items, other)

    intersection = joined(sets.intersection)
    return {
        "add": add,
        "clear": lambda items, /: items.replace({}),
        "copy": lambda items, /: items.copy(),
        "difference": joined(sets.difference),
        "difference_update": changed(sets.difference),
        "discard": discard,
        "intersection": intersection,
        "intersection_update": changed(sets.intersection),
        "isdisjoint": isdisjoint,
        "issubset": compared(operator.le),
        "issuperset": compared(operator.ge),
        "pop": lambda items, /: items.pop(),
        "remove": remove,
        "symmetric_difference": symmetric_difference,
        "symmetric_difference_update": symmetric_difference_update,
        "union": joined(sets.union),
        "update": changed(sets.union),
    }


def number_methods(to_bytes: Callable[..., bytes]) -> dict[type, Table]:
    """Return the methods of int and float."""

    def always(_number: int, /) -> bool:
        return True

    whole: Table = {
        "bit_count": int.bit_count,
        "bit_length": int.bit_length,
        "is_integer": always,
        "to_bytes": to_bytes,
    }
    return {int: whole, float: {"is_integer": float.is_integer}}
