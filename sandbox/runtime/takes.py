"""Takes items for guards and functions that walk through them in C: sized, paid for, and never endless."""

from collections.abc import Callable, Iterator
from itertools import islice
from types import GeneratorType
from typing import Any

from sandbox.job import FILENAME
from sandbox.runtime.meter import ENTRIES, SIZED, Meter
from sandbox.runtime.sets import Keys, Set

#: Iterators that run over other iterators, and how many of them may be chained in one reading.
LAZY = frozenset((GeneratorType, zip, enumerate))
MOST_CHAINED = 200
#: The iterators over other iterators that pay nothing for each item; each takes a small share of a tick.
FREE_CHAINED = 16

Guards = dict[str, Callable[..., Any]]


class Takes:
    """Takes items for guards and functions that walk through them in C."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def take(self, items: Any, share: int = 3) -> Any:
        """Return the items as a sized value, and pay one tick for each 2**share of them. Never endless."""
        kind = type(items)
        meter = self.meter
        if kind is list or kind is tuple:
            meter.spend((len(items) >> share) + 1)
            return items
        if kind is Set:
            meter.spend((len(items) >> share) + 1)
            return items.ordered()
        if kind in SIZED:
            if kind is range and (items.start | items.stop).bit_length() > 62:
                share = 0  # each of its numbers is made, and is long
            meter.spend((len(items) >> share) + 1)
            return items
        most = meter.limits.list_items
        taken = list(islice(items, most + 1))
        meter.spend((len(taken) >> 1) + 1)
        if len(taken) > most:
            meter.exceed("list_items")
        return taken

    def source(self, items: Any) -> Any:
        """Return the source for an iterator of a logic: an iterator over sized items, or a lazy iterator.

        Lazy iterators may be chained, but not endlessly, because freeing a long chain takes C stack. The own
        generators of the logic are counted instead of taken at once, because they may be endless.
        """
        kind = type(items)
        if kind is GeneratorType and _is_of_logic(items):
            self.meter.generator()
        elif kind in LAZY:
            self.meter.chained += 1
            if self.meter.chained > MOST_CHAINED:
                return iter(self.take(items))
            if self.meter.chained > FREE_CHAINED and kind is not GeneratorType:
                return self._ticking(items, 1)
        return iter(self.begun(items))

    def later(self, items: Any) -> Any:
        """Return items that an iterator reads later, counted as in `source`. They may be no items at all."""
        return self.source(items) if type(items) in LAZY else items

    def kept(self, value: Any) -> Any:
        """Return a value that an iterator keeps and gives; such iterators must not keep each other."""
        if type(value) in LAZY:
            self.meter.chained += 1
            if self.meter.chained > MOST_CHAINED:
                self.meter.exceed("generators")
        return value

    def begun(self, items: Any) -> Any:
        """Pay for the places of deleted entries, which Python passes first. Return the items."""
        if type(items) in ENTRIES:
            self.meter.spend(len(items) >> 8)  # `Meter.compact` bounds those places by the entries
        return items

    def column(self, items: Any) -> Any:
        """Return the source for a column of `zip`, which takes several items of an iterator for one row."""
        source = self.source(items)
        return (
            self._ticking(source, 1) if type(source) in LAZY and type(source) is not GeneratorType else source
        )

    def ticking(self, items: Any, weight: int = 1) -> Iterator[Any]:
        """Yield the items one by one, and pay `weight` ticks for each."""
        return self._ticking(self.source(items), weight)

    def _ticking(self, items: Iterator[Any], weight: int) -> Iterator[Any]:
        spend = self.meter.spend
        for item in items:
            spend(weight)
            yield item

    def keys(self, items: Any) -> Any:
        """Return items that become keys as a sized value, and pay for the expensive ones."""
        items = self.take(items)
        self.meter.spend(len(items) >> 2)
        self.meter.keys(items)
        return items

    def entries(self, items: Any, value: Any = None) -> dict[Any, Any]:
        """Return a dict with the items as keys and one value."""
        made = dict.fromkeys(self.keys(items), value)
        if len(made) > self.meter.limits.dict_items:
            self.meter.exceed("dict_items")
        return made

    def entries_of(self, items: Any) -> Keys:
        """Return the entries of a set, or those that a set of these items would have."""
        return items.entries if type(items) is Set else self.entries(items)


def _is_of_logic(generator: Any) -> bool:
    """Return whether a function of the logic made this generator, and no generator expression."""
    code = generator.gi_code
    return bool(code.co_filename == FILENAME and code.co_name != "<genexpr>")
