"""The guards around what a logic does: keys, slices, loops, handlers; see `operators` too.

Strategy. Every value that a logic can hold is of a built-in type (there are no classes), so what an
operation does is known from the types of its operands, and its cost from their sizes. Numbers take the
first branch; whatever can be long pays by its length. The names of the guards begin with an underscore,
which no name in a logic can.
"""

import sys
from types import MappingProxyType
from typing import Any, NoReturn

from sandbox.runtime.meter import CONTAINERS, DICTS, READ_ONLY, SCALARS, SIZED, Meter
from sandbox.runtime.takes import Guards, Takes
from sandbox.runtime.texts import ordered

#: What catching an error costs: unwinding is dear, and loops of failures should not be cheap.
CAUGHT_TICKS = 8


def flow_guards(meter: Meter, takes: Takes) -> Guards:
    """Guards of loops, functions and handlers."""
    take, ticking = takes.take, takes.ticking

    def exhausted() -> NoReturn:
        meter.exceed("fuel")

    def tick(weight: int) -> bool:
        meter.fuel -= weight
        if meter.fuel < 0:
            meter.exceed("fuel")
        return True

    def walk(items: Any, weight: int) -> Any:
        """The source of a comprehension: paid as a whole where its length is known."""
        kind = type(items)
        if kind is set:
            items = ordered(items)
        elif kind not in SIZED:
            return ticking(items, weight)
        meter.fuel -= len(items) * weight + 1
        if meter.fuel < 0:
            meter.exceed("fuel")
        return items

    def each(items: Any) -> Any:
        """The source of a loop, which ticks by itself."""
        if type(items) is set:
            meter.spend((len(items) >> 1) + 1)
            return ordered(items)
        return items

    def caught() -> None:
        """Stands first in every handler; what ends the logic cannot be handled."""
        meter.spend(CAUGHT_TICKS)
        error = sys.exc_info()[1]
        if isinstance(error, RecursionError):
            meter.exceed("recursion")
        if isinstance(error, MemoryError):
            raise error

    def built(collection: Any) -> Any:
        """A list, dict or set that a comprehension made."""
        size = len(collection)
        if type(collection) is list:
            if size > meter.longest_list:
                meter.longest_list = size
                if size > meter.limits.list_items:
                    meter.exceed("list_items")
        elif size > meter.limits.dict_items:
            meter.exceed("dict_items")
        return collection

    def spread(items: Any) -> Any:
        """What stands behind a star."""
        items = take(items)
        meter.items(len(items))
        return items

    def mapping(entries: Any) -> Any:
        """What stands behind a double star in a dict."""
        if type(entries) not in DICTS:
            raise TypeError(f"after ** there must be a dict, not {type(entries).__name__}")
        meter.entries(len(entries))
        return entries

    return {
        "_exhausted_": exhausted,
        "_tick_": tick,
        "_walk_": walk,
        "_each_": each,
        "_caught_": caught,
        "_built_": built,
        "_spread_": spread,
        "_mapping_": mapping,
    }


def item_guards(meter: Meter, takes: Takes) -> Guards:
    """Guards of keys, slices, item assignment and comparison."""
    take = takes.take
    limits = meter.limits
    dict_items = limits.dict_items

    def key(key: Any) -> Any:
        kind = type(key)
        if kind is str:
            return key
        if kind is tuple or kind is int:
            meter.key(key)
        return key

    def write(target: Any) -> Any:
        kind = type(target)
        if kind is dict:
            if len(target) > dict_items:
                meter.exceed("dict_items")
        elif kind is MappingProxyType:
            raise TypeError(READ_ONLY)
        return target

    def delete(target: Any) -> Any:
        if type(target) is list:
            meter.spend(len(target) >> 7)
        elif type(target) is MappingProxyType:
            raise TypeError(READ_ONLY)
        return target

    def cut(value: Any, low: Any, high: Any, step: Any) -> Any:
        made = value[low:high:step]
        if type(made) is str:
            meter.text(made)
        elif type(made) is not range:
            meter.items(len(made))
        return made

    def set_cut(new: Any, target: Any, low: Any, high: Any, step: Any) -> None:
        if type(target) is not list:
            raise TypeError(f"a slice of a {type(target).__name__} cannot be set")
        new = take(new)
        meter.items(len(target) + len(new))
        target[low:high:step] = new

    def bounded(value: Any) -> Any:
        """One side of a comparison: C code walks no further than through the smaller side."""
        kind = type(value)
        if kind in SCALARS:
            return value
        if kind is str:
            if len(value) > 256:
                meter.spend(len(value) >> 7)
        elif kind in CONTAINERS:
            meter.expanse(value)
        return value

    def haystack(items: Any) -> Any:
        """The right side of `in`, where the left is a constant."""
        kind = type(items)
        if kind is dict or kind is set:
            return items
        if kind is str:
            meter.spend(len(items) >> 6)
            return items
        if kind in SIZED:
            meter.spend(len(items) >> 2)
            return items
        return takes.ticking(items)

    def within(needle: Any, items: Any) -> bool:
        kind = type(needle)
        if kind in CONTAINERS:
            size = meter.expanse(needle)
            if kind is tuple:
                meter.key(needle)
            if type(items) in SIZED and type(items) is not dict and type(items) is not set:
                meter.spend(size * len(items))
        elif kind is str:
            if type(items) is list or type(items) is tuple:
                meter.spend((len(needle) >> 7) * len(items))
            elif type(items) is str:
                meter.search(len(items), len(needle))
            else:
                meter.spend(len(needle) >> 6)
        elif kind is int:
            meter.key(needle)
        return needle in haystack(items)

    return {
        "_key_": key,
        "_write_": write,
        "_delete_": delete,
        "_cut_": cut,
        "_set_cut_": set_cut,
        "_bounded_": bounded,
        "_haystack_": haystack,
        "_within_": within,
    }
