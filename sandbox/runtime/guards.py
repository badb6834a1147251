"""The guards around the operations of a logic: keys, slices, loops, handlers; see `operators` too.

Strategy. Every value that a logic can hold has a built-in type (there are no classes), so the types of its
operands define an operation, and their sizes define its cost. Numbers take the first branch; values that can
be long pay by their length. The names of the guards have a form that no name of a logic can have
(`check.reserved`).
"""

import sys
from types import MappingProxyType
from typing import Any, NoReturn

from sandbox.runtime.collected import CHANGEABLE, Deque
from sandbox.runtime.frozen import READ_ONLY
from sandbox.runtime.meter import (
    CONTAINERS,
    DICTS,
    FEW_KEYS,
    LONG_KEY,
    SCALARS,
    SIZED,
    TEXTS,
    Meter,
    room_of,
)
from sandbox.runtime.sets import VIEWS, Keys, Set
from sandbox.runtime.takes import Guards, Takes
from sandbox.runtime.texts import Texts
from sandbox.runtime.views import ComparedView

#: The cost of catching an error: unwinding is expensive, so a loop of failures must not be cheap.
CAUGHT_TICKS = 8


def flow_guards(meter: Meter, takes: Takes, texts: Texts) -> Guards:
    """Return the guards of loops, functions and handlers."""
    take, ticking = takes.take, takes.ticking

    def exhausted() -> NoReturn:
        meter.exceed("fuel")

    def tick(weight: int) -> bool:
        meter.fuel -= weight
        if meter.fuel < 0:
            meter.exceed("fuel")
        return True

    def walk(items: Any, weight: int) -> Any:
        """Guard the source of a comprehension; it pays at once if its length is known."""
        if type(items) not in SIZED:
            return ticking(items, weight)
        meter.fuel -= len(items) * weight + 1
        if meter.fuel < 0:
            meter.exceed("fuel")
        return items

    def ended() -> BaseException | None:
        """Begin every `finally` block; a logic cannot replace the errors that must end it."""
        error = sys.exc_info()[1]
        if isinstance(error, RecursionError):
            meter.exceed("recursion")
        if isinstance(error, MemoryError):
            raise error
        return error

    def caught() -> None:
        """Begin every handler; a logic cannot handle the errors that must end it."""
        meter.spend(CAUGHT_TICKS)
        error = ended()
        if error is not None:
            texts.clean(error)
            if error.__context__ is not None:
                # At each `raise`, Python walks through the errors in whose handling this one was raised.
                error.__context__ = None

    def built(collection: Any) -> Any:
        """Check the size of a list, tuple or dict that a comprehension or a display with stars made."""
        size = len(collection)
        if type(collection) is dict:
            if size > meter.limits.dict_items:
                meter.exceed("dict_items")
            if size > FEW_KEYS:
                meter.keys(collection)
        elif size > meter.longest_list:
            meter.longest_list = size
            if size > meter.limits.list_items:
                meter.exceed("list_items")
        return collection

    def spread(items: Any) -> Any:
        """Guard the value after a star."""
        items = take(items)
        meter.items(len(items))
        return items

    def keys(items: Any) -> Keys:
        """Guard the value after a star in a set, which becomes a dict of its items."""
        entries = takes.entries_of(items)
        meter.spend((len(entries) >> 2) + 1)
        return entries

    def make_set(entries: Keys) -> Set:
        """Make a set of the dict that a set display or a set comprehension is compiled to."""
        if len(entries) > FEW_KEYS:
            meter.keys(entries)
        return Set(entries, meter)

    def mapping(entries: Any) -> Any:
        """Guard the value after a double star in a dict."""
        if type(entries) not in DICTS:
            raise TypeError(f"after ** there must be a dict, not {type(entries).__name__}")
        meter.entries(entries)
        return entries

    def keywords(*parts: Any) -> dict[str, Any]:
        """Guard the keywords of a call with a double star: a name and its value, or None and a dict."""
        made: dict[str, Any] = {}
        meter.fuel -= 1
        for name, value in zip(parts[::2], parts[1::2], strict=True):
            entries = {name: value} if name is not None else mapping(value)
            meter.spend(2 * len(entries))  # functions copy their keywords again
            for key, item in entries.items():
                if type(key) is not str:
                    raise TypeError("keywords must be strings")
                if key in made:
                    raise TypeError(f"got multiple values for keyword argument {key[:80]!r}")
                made[key] = item
        return made

    return {
        "_exhausted_": exhausted,
        "_tick_": tick,
        "_walk_": walk,
        "_begun_": takes.begun,
        "_caught_": caught,
        "_ended_": ended,
        "_built_": built,
        "_spread_": spread,
        "_mapping_": mapping,
        "_keywords_": keywords,
        "_keys_": keys,
        "_set_": make_set,
    }


def item_guards(meter: Meter, takes: Takes) -> Guards:
    """Return the guards of keys, slices, item assignment and comparison."""
    take, ticking = takes.take, takes.ticking
    limits = meter.limits
    dict_items = limits.dict_items

    def item(holder: Any, key: Any) -> Any:
        if type(key) is not str:
            if type(holder) in DICTS:
                meter.key(key, room_of(holder))
        elif len(key) > LONG_KEY:
            meter.key(key)
        return holder[key]

    def key(key: Any) -> Any:
        """Guard a key of a display or a comprehension; `built` pays for its place among the others."""
        if type(key) is not str or len(key) > LONG_KEY:
            meter.key(key)
        return key

    def write(target: Any, key: Any) -> Any:
        """Guard the container of an item that is set."""
        kind = type(target)
        if kind is dict or kind in CHANGEABLE:
            if type(key) is not str or len(key) > LONG_KEY:
                meter.key(key, target.__sizeof__())
            if len(target) >= dict_items and key not in target:
                meter.exceed("dict_items")
        elif kind is MappingProxyType:
            raise TypeError(READ_ONLY)
        return target

    def delete(target: Any, key: Any) -> Any:
        """Guard the container of an item that is deleted."""
        kind = type(target)
        if kind is list:
            meter.spend(len(target) >> 7)
        elif kind is Deque:
            meter.spend(1 + (len(target) >> 4))
        elif kind in CHANGEABLE:
            if type(key) is not str or len(key) > LONG_KEY:
                meter.key(key, target.__sizeof__())
            meter.compact(target)
        elif kind is MappingProxyType:
            raise TypeError(READ_ONLY)
        return target

    def cut(value: Any, low: Any, high: Any, step: Any) -> Any:
        if type(value) is Deque:
            raise TypeError("a deque has no slices; write list(...)[1:3]")
        made = value[low:high:step]
        if type(made) in TEXTS:
            meter.text(made)
        elif type(made) is not range:
            meter.items(len(made))
        return made

    def set_cut(new: Any, target: Any, low: Any, high: Any, step: Any) -> None:
        if not isinstance(target, list):
            raise TypeError(f"a slice of a {type(target).__name__} cannot be set")
        new = take(new)
        replaced = range(*slice(low, high, step).indices(len(target)))
        meter.items(len(target) + len(new) - len(replaced))
        target[low:high:step] = new

    def bounded(value: Any) -> Any:
        """Guard one side of a comparison: C code walks only through the smaller side.

        It may look up the keys of either of two views, so `ComparedView` pays for both.
        """
        kind = type(value)
        if kind in SCALARS:
            return value
        if kind in TEXTS:
            if len(value) > 256:
                meter.spend(len(value) >> 7)
        elif kind in VIEWS:
            return ComparedView(value, meter)
        elif kind in CONTAINERS:
            meter.expanse(value)
        return value

    def haystack(items: Any) -> Any:
        """Guard the right side of `in`, if the left side is a short literal text."""
        kind = type(items)
        if kind in DICTS or kind in VIEWS:
            return items
        if kind is Set:
            return items.entries
        if kind in TEXTS:
            meter.spend(len(items) >> 6)
            return items
        if kind in SIZED:
            meter.spend((len(items) >> 2) + 1)
            return items
        return ticking(items)

    def within(needle: Any, items: Any) -> bool:
        kind, of = type(needle), type(items)
        if of is dict or of is Set:
            entries = items if of is dict else items.entries
            if kind is not str or len(needle) > LONG_KEY:
                meter.key(needle, entries.__sizeof__())
            return needle in entries
        if of in VIEWS or of in DICTS:
            meter.key(needle, room_of(items))
        elif kind in TEXTS and of is kind:
            meter.search(len(items), len(needle))
        elif kind not in SCALARS:
            weight = meter.weight(needle)
            if of not in SIZED:
                return needle in ticking(items, 1 + weight)
            meter.spend(weight * len(items))
        return needle in haystack(items)

    return {
        "_item_": item,
        "_key_": key,
        "_write_": write,
        "_delete_": delete,
        "_cut_": cut,
        "_set_cut_": set_cut,
        "_bounded_": bounded,
        "_haystack_": haystack,
        "_within_": within,
    }
