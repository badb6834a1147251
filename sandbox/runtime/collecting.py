"""The module collections: what makes a deque, a Counter or a defaultdict, and their methods."""

import operator
from collections.abc import Callable, Iterator
from typing import Any, Final

from sandbox.runtime.collected import DEQUE_TICKS, Counter, DefaultDict, Deque
from sandbox.runtime.conversions import pairs
from sandbox.runtime.meter import DICTS, SCALARS, TEXTS, Meter, room_of
from sandbox.runtime.methods import Table
from sandbox.runtime.sorting import sorting
from sandbox.runtime.takes import Guards, Takes
from sandbox.runtime.texts import Texts

#: The items that a Counter pays for and counts at once.
CHUNK: Final = 256
_SHORT: Final = SCALARS | TEXTS


class Collecting:
    """Makes the values of the module collections, and pays for them."""

    def __init__(self, meter: Meter, takes: Takes, texts: Texts) -> None:
        self._meter = meter
        self._takes = takes
        self._texts = texts
        self._sorted = sorting(meter, takes)

    def types(self) -> Guards:
        """Return the types as functions."""
        meter, takes = self._meter, self._takes

        def deque(iterable: Any = (), maxlen: Any = None) -> Deque:
            meter.spend(DEQUE_TICKS)
            items = takes.take(iterable)
            made = Deque(items, maxlen)
            meter.items(len(made))
            return made

        def defaultdict(default_factory: Any = None, entries: Any = (), /, **more: Any) -> DefaultDict:
            if default_factory is not None and not callable(default_factory):
                raise TypeError("first argument must be callable or None")
            meter.spend(4)
            if type(entries) in DICTS:
                meter.entries(entries, len(more))
                entries = {**entries, **more}
            else:
                entries = pairs(meter, takes, entries)
                entries.update(more)
            return DefaultDict(meter, default_factory, meter.bounded(entries))

        def counter(iterable: Any = None, /, **counts: Any) -> Counter:
            meter.spend(4)
            made = Counter(meter)
            self._count(made, iterable, counts, 1)
            return made

        return {"Counter": counter, "defaultdict": defaultdict, "deque": deque}

    def _count(self, counts: Counter, items: Any, more: dict[str, Any], sign: int) -> None:
        """Count items, or add or subtract counts."""
        meter = self._meter
        for part in (items, more):
            if part is None:
                continue
            if type(part) in DICTS:
                meter.spend(1 + len(part))
                self._keys(counts, part)
                if counts or sign < 0:
                    counts.add(part, sign)
                else:
                    counts.update(part)
                    meter.bounded(counts)
                continue
            counted = counts if sign > 0 else Counter(meter)
            items = list(self._takes.take(part))
            for start in range(0, len(items), CHUNK):
                chunk = items[start : start + CHUNK]
                self._keys(counted, chunk)
                counted.count(chunk)
            if sign < 0:
                self._keys(counts, counted)
                counts.add(counted, sign)

    def _keys(self, counts: Counter, keys: Any) -> None:
        """Pay for finding keys among themselves, and among those that are counted already."""
        meter, room = self._meter, room_of(counts)
        kinds = set(map(type, keys))
        short = kinds <= _SHORT and not any(type(key) is int and not -(2**61) < key < 2**61 for key in keys)
        if kinds <= TEXTS or not short or len(keys) > CHUNK:
            meter.keys(keys)
        meter.spend(len(keys))
        if not short:
            for key in keys:
                meter.key(key, 2 * room)  # C code finds its count, and then sets it
        elif not kinds <= TEXTS:
            meter.spend(len(keys) * (room >> 15))

    def methods(self, dicts: Table) -> dict[type, Table]:
        """Return the methods of the values, by type."""
        meter = self._meter

        def copy_default(entries: DefaultDict, /) -> DefaultDict:
            meter.entries(entries)
            return entries.copy()

        return {
            Deque: self._of_deque(),
            DefaultDict: {**dicts, "copy": copy_default},
            Counter: {**dicts, **self._of_counter()},
        }

    def _of_counter(self) -> Table:
        meter = self._meter

        def copy(counts: Counter, /) -> Counter:
            meter.entries(counts)
            return counts.copy()

        def update(counts: Counter, iterable: Any = None, /, **more: Any) -> None:
            self._count(counts, iterable, more, 1)

        def subtract(counts: Counter, iterable: Any = None, /, **more: Any) -> None:
            self._count(counts, iterable, more, -1)

        def elements(counts: Counter, /) -> Iterator[Any]:
            return repeated(self._takes.source(counts.items()))

        def repeated(items: Iterator[tuple[Any, Any]]) -> Iterator[Any]:
            for key, count in items:
                meter.spend(1)
                for _ in range(count):
                    meter.spend(2)
                    yield key

        def most_common(counts: Counter, n: Any = None) -> list[tuple[Any, Any]]:
            meter.spend((len(counts) >> 1) + 1)
            made = self._sorted(list(counts.items()), key=operator.itemgetter(1), reverse=True)
            return made if n is None else made[: max(n, 0)]

        def total(counts: Counter) -> Any:
            meter.spend((len(counts) >> 2) + 1)
            made = 0
            for count in counts.values():
                if type(count) not in (int, float, bool):
                    raise TypeError(f"a Counter adds numbers, not {type(count).__name__}")
                made = meter.whole(made + count)
            return made

        return {
            "copy": copy,
            "elements": elements,
            "most_common": most_common,
            "subtract": subtract,
            "total": total,
            "update": update,
        }

    def _of_deque(self) -> Table:
        meter, takes = self._meter, self._takes

        def adding(method: Callable[[Deque, Any], None]) -> Callable[[Deque, Any], None]:
            def run(items: Deque, item: Any, /) -> None:
                meter.fuel -= 1
                method(items, item)
                grown(items)

            return run

        def grown(items: Deque) -> None:
            if len(items) > meter.limits.list_items:
                meter.exceed("list_items")

        def extending(method: Callable[[Deque, Any], None]) -> Callable[[Deque, Any], None]:
            def run(items: Deque, more: Any, /) -> None:
                more = takes.take(more, 2)
                if items.maxlen is None:
                    meter.items(len(items) + len(more))
                method(items, more)
                grown(items)

            return run

        def count(items: Deque, wanted: Any, /) -> int:
            meter.spend(2 + (len(items) >> 2) + meter.weight(wanted) * len(items))
            return items.count(wanted)

        def place_of(items: Any, wanted: Any) -> int:
            """Return the index of an item, without Python's error, which would have the text of any value."""
            try:
                return operator.indexOf(items, wanted)
            except ValueError:
                raise ValueError(f"{self._texts.quote(wanted)} is not in deque") from None

        def remove(items: Deque, wanted: Any, /) -> None:
            meter.spend(2 + (len(items) >> 2) + meter.weight(wanted) * len(items))
            del items[place_of(items, wanted)]

        def index(items: Deque, wanted: Any, /, *bounds: Any) -> int:
            if len(bounds) > 2:
                raise TypeError(f"index expected at most 3 arguments, got {1 + len(bounds)}")
            low, high, _ = slice(*(*bounds, None)[:2]).indices(len(items)) if bounds else (0, len(items), 1)
            meter.spend(1 + (len(items) >> 2) + meter.weight(wanted) * len(items))
            return low + place_of(list(items)[low:high] if bounds else items, wanted)

        def moving(method: Callable[..., Any]) -> Callable[..., Any]:
            def run(items: Deque, /, *arguments: Any) -> Any:
                meter.spend(1 + (len(items) >> 4))
                return method(items, *arguments)

            return run

        def insert(items: Deque, place: Any, item: Any, /) -> None:
            meter.spend(1 + (len(items) >> 4))
            items.insert(place, item)
            grown(items)

        def copy(items: Deque, /) -> Deque:
            meter.spend(DEQUE_TICKS)
            meter.items(len(items))
            return items.copy()

        return {
            "append": adding(Deque.append),
            "appendleft": adding(Deque.appendleft),
            "clear": moving(Deque.clear),
            "copy": copy,
            "count": count,
            "extend": extending(Deque.extend),
            "extendleft": extending(Deque.extendleft),
            "index": index,
            "insert": insert,
            "pop": lambda items, /: items.pop(),
            "popleft": lambda items, /: items.popleft(),
            "remove": remove,
            "reverse": moving(Deque.reverse),
            "rotate": moving(Deque.rotate),
        }


def collected_attributes() -> dict[type, dict[str, Callable[[Any], Any]]]:
    """Return the attributes of the values, by type; a logic reads them without a call."""
    return {Deque: {"maxlen": lambda items: items.maxlen}}
