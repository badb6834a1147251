"""The modules itertools, functools and bisect, as far as a logic may use them.

Strategy. Each function of itertools is a generator of our own, which pays for each item that it passes on.
So those without an end cannot hold a logic, and chains of them are bounded as other lazy iterators are (see
`takes`). The functions that keep items (`cycle`, `product`, ...) bound and pay for them.

Python's own `islice` and `pairwise` drop their source when it raises an error. If a generator of the logic
asks the same iterator for the next item, Python frees the generator while it runs, which corrupts memory.
"""

import bisect
import itertools
from collections.abc import Callable, Iterator
from typing import Any, Final

from sandbox.runtime.collected import Deque
from sandbox.runtime.frozen import SEQUENCES
from sandbox.runtime.meter import SCALARS, TEXTS, Meter
from sandbox.runtime.takes import Guards, Takes

#: The most columns of `product`, and the most items of one of `combinations` or `permutations`.
MOST_COLUMNS: Final = 100
_SORTED: Final = SEQUENCES | TEXTS | {range, Deque}
_MISSING: Any = object()


def itertools_facade(meter: Meter, takes: Takes, add: Callable[[Any, Any], Any]) -> Guards:
    """Return the facade of itertools. `add` is the guard of `+`."""
    spend, source = meter.spend, takes.source

    def accumulate(iterable: Any, func: Any = None, *, initial: Any = None) -> Iterator[Any]:
        return accumulated(source(iterable), add if func is None else func, takes.kept(initial))

    def accumulated(items: Iterator[Any], function: Any, made: Any) -> Iterator[Any]:
        if made is None:
            try:
                made = next(items)
            except StopIteration:
                return
        yield made
        for item in items:
            spend(2)
            made = meter.whole(function(made, item))
            yield made

    def chain(*iterables: Any) -> Iterator[Any]:
        spend(len(iterables))
        return chained(iter([takes.later(each) for each in iterables]))

    def from_iterable(iterable: Any, /) -> Iterator[Any]:
        return chained(source(iterable))

    def chained(iterables: Iterator[Any]) -> Iterator[Any]:
        for iterable in iterables:
            spend(2)
            for item in source(iterable):
                spend(1)
                yield item

    def compress(data: Any, selectors: Any) -> Iterator[Any]:
        spend(2)
        return (item for item, chosen in side_by_side(data, selectors) if chosen)

    def side_by_side(*sources: Any) -> Iterator[Any]:
        return takes.ticking(zip(*map(takes.column, sources), strict=False), 2)

    def count(start: Any = 0, step: Any = 1) -> Iterator[Any]:
        for number in (start, step):
            if type(number) not in (int, float, bool):
                raise TypeError("a number is required")
        return counted(start, step)

    def counted(number: Any, step: Any) -> Iterator[Any]:
        while True:
            spend(1)
            yield number
            number = meter.whole(number + step)

    def cycle(iterable: Any, /) -> Iterator[Any]:
        return cycled(source(iterable))

    def cycled(items: Iterator[Any]) -> Iterator[Any]:
        kept = []
        for item in items:
            spend(2)
            yield item
            kept.append(item)
            if len(kept) > meter.limits.list_items:
                meter.exceed("list_items")
        while kept:
            for item in kept:
                spend(1)
                yield item

    def dropwhile(predicate: Any, iterable: Any, /) -> Iterator[Any]:
        return dropped(predicate, source(iterable))

    def dropped(predicate: Any, items: Iterator[Any]) -> Iterator[Any]:
        for item in items:
            spend(2)
            if not predicate(item):
                yield item
                break
        for item in items:
            spend(1)
            yield item

    def filterfalse(predicate: Any, iterable: Any, /) -> Iterator[Any]:
        return refused(bool if predicate is None else predicate, source(iterable))

    def refused(predicate: Any, items: Iterator[Any]) -> Iterator[Any]:
        for item in items:
            spend(2)
            if not predicate(item):
                yield item

    def groupby(iterable: Any, key: Any = None) -> Iterator[Any]:
        spend(2)
        return grouped(source(iterable), key)

    def grouped(items: Iterator[Any], key: Any) -> Iterator[Any]:
        """Yield the groups as Python does: a group ends when the next one is asked for."""
        value = current = _MISSING
        ended = False

        def step() -> None:
            nonlocal value, current, ended
            spend(3)
            value = next(items, _MISSING)
            if value is _MISSING:
                ended = True
            else:
                current = value if key is None else key(value)

        def differs(wanted: Any) -> bool:
            for each in (wanted, current):
                if type(each) not in SCALARS:
                    meter.expanse(each)
            return bool(wanted is not current and wanted != current)

        def group(wanted: Any) -> Iterator[Any]:
            while not ended and last is wanted and not differs(wanted[0]):
                item = value
                step()
                yield item

        step()
        while not ended:
            last = [current]
            meter.generator()
            yield current, group(last)
            while not ended and not differs(last[0]):
                step()

    def islice(iterable: Any, /, *bounds: Any) -> Iterator[Any]:
        if not 1 <= len(bounds) <= 3:
            raise TypeError(f"islice expected from 2 to 4 arguments, got {1 + len(bounds)}")
        spend(2)
        for bound in bounds:
            if bound is not None and (type(bound) not in (int, bool) or bound < 0):
                raise ValueError("the bounds of islice() must be None or whole numbers from 0 on")
        part = slice(*bounds)
        if part.step == 0:
            raise ValueError("the step of islice() must be None or a whole number from 1 on")
        return sliced(source(iterable), part.start or 0, part.stop, part.step or 1)

    def sliced(items: Iterator[Any], start: int, stop: int | None, step: int) -> Iterator[Any]:
        """Yield the items from a start, in steps. Like Python, read all items before the stop."""
        wanted = start
        for place in itertools.count() if stop is None else range(max(start, stop)):
            spend(1)
            item = next(items, _MISSING)
            if item is _MISSING:
                return
            if place == wanted:
                wanted += step
                yield item

    def pairwise(iterable: Any, /) -> Iterator[Any]:
        return paired(source(iterable))

    def paired(items: Iterator[Any]) -> Iterator[Any]:
        before = next(items, _MISSING)
        for item in items:
            spend(1)
            yield before, item
            before = item

    def repeat(object: Any, times: Any = None) -> Iterator[Any]:  # noqa: A002 - the name of Python
        if times is not None and type(times) not in (int, bool):
            raise TypeError(f"times must be a whole number, not {type(times).__name__}")
        return repeated(takes.kept(object), times)

    def repeated(item: Any, times: Any) -> Iterator[Any]:
        left = times
        while left is None or left > 0:
            spend(1)
            yield item
            left = left if left is None else left - 1

    def starmap(function: Any, iterable: Any, /) -> Iterator[Any]:
        return spread(function, source(iterable))

    def spread(function: Any, rows: Iterator[Any]) -> Iterator[Any]:
        for row in rows:
            spend(2)
            yield function(*takes.take(row))

    def takewhile(predicate: Any, iterable: Any, /) -> Iterator[Any]:
        return taken(predicate, source(iterable))

    def taken(predicate: Any, items: Iterator[Any]) -> Iterator[Any]:
        for item in items:
            spend(2)
            if not predicate(item):
                return
            yield item

    def zip_longest(*iterables: Any, fillvalue: Any = None) -> Iterator[Any]:
        columns(len(iterables))
        spend(2 + len(iterables))
        rows = itertools.zip_longest(*map(takes.column, iterables), fillvalue=takes.kept(fillvalue))
        return takes.ticking(rows, 1 + (len(iterables) >> 3))

    def columns(count: int) -> None:
        if count > MOST_COLUMNS:
            raise ValueError(f"{count} columns are too many; at most {MOST_COLUMNS} are available")
        spend(count >> 3)

    def product(*iterables: Any, repeat: Any = 1) -> Iterator[Any]:
        if type(repeat) not in (int, bool):
            raise TypeError(f"repeat must be a whole number, not {type(repeat).__name__}")
        columns(len(iterables) * max(repeat, 0))
        spend(2)
        return rows(itertools.product(*map(pool, iterables), repeat=repeat), len(iterables) * repeat)

    def pool(items: Any) -> list[Any]:
        items = takes.take(items, 2)
        meter.items(len(items))
        return list(items)

    def rows(made: Iterator[Any], size: int) -> Iterator[Any]:
        return takes.ticking(made, 2 + (size >> 2))

    def choosing(function: Callable[[Any, int], Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def choose(iterable: Any, r: Any) -> Iterator[Any]:
            items = pool(iterable)
            r = size_of(r)
            if function is not itertools.combinations_with_replacement and r > len(items):
                return iter(())
            return rows(function(items, r), r)

        return choose

    def size_of(r: Any) -> int:
        if type(r) not in (int, bool):
            raise TypeError(f"r must be a whole number, not {type(r).__name__}")
        if r < 0:
            raise ValueError("r must be non-negative")
        columns(r)
        return int(r)

    def permutations(iterable: Any, r: Any = None) -> Iterator[Any]:
        items = pool(iterable)
        r = len(items) if r is None else r
        if type(r) in (int, bool) and len(items) < r:
            return iter(())
        # Python keeps a number for each item, and turns them over when an item is done.
        return takes.ticking(itertools.permutations(items, size_of(r)), 2 + (len(items) >> 3))

    return {
        "accumulate": accumulate,
        "chain": chain,
        "combinations": choosing(itertools.combinations),
        "combinations_with_replacement": choosing(itertools.combinations_with_replacement),
        "compress": compress,
        "count": count,
        "cycle": cycle,
        "dropwhile": dropwhile,
        "filterfalse": filterfalse,
        "from_iterable": from_iterable,
        "groupby": groupby,
        "islice": islice,
        "pairwise": pairwise,
        "permutations": permutations,
        "product": product,
        "repeat": repeat,
        "starmap": starmap,
        "takewhile": takewhile,
        "zip_longest": zip_longest,
    }


def functools_facade(meter: Meter, takes: Takes) -> Guards:
    """Return the facade of functools: `reduce`."""

    def reduce(function: Any, iterable: Any, initial: Any = _MISSING, /) -> Any:
        items = takes.source(iterable)
        made = next(items, _MISSING) if initial is _MISSING else initial
        if made is _MISSING:
            raise TypeError("reduce() of empty iterable with no initial value")
        for item in items:
            meter.spend(2)
            made = function(made, item)
        return made

    return {"reduce": reduce}


def bisect_facade(meter: Meter) -> Guards:
    """Return the facade of bisect. C code compares an item with some of a list, log n times."""

    def pay(items: Any, wanted: Any) -> None:
        if type(items) not in _SORTED:
            raise TypeError(f"bisect takes a list, not {type(items).__name__}")
        steps = len(items).bit_length() + 1
        weight = meter.weight(wanted)
        far = len(items) >> 7 if type(items) is Deque else 0
        meter.spend(1 + (steps >> 2) + steps * (weight + far))

    def found(function: Callable[..., int]) -> Callable[..., int]:
        def run(a: Any, x: Any, lo: Any = 0, hi: Any = None, *, key: Any = None) -> int:
            pay(a, x)
            if key is None:
                return function(a, x, lo, hi)
            meter.spend(len(a).bit_length() + 1)
            return function(a, x, lo, hi, key=weighed(key))

        return run

    def weighed(key: Any) -> Callable[[Any], Any]:
        """Return a key function whose results pay for their comparison."""

        def rank(item: Any) -> Any:
            made = key(item)
            if type(made) not in SCALARS:
                meter.spend(1 + meter.weight(made))
            return made

        return rank

    def inserted(function: Callable[..., int]) -> Callable[..., None]:
        find = found(function)

        def run(a: Any, x: Any, lo: Any = 0, hi: Any = None, *, key: Any = None) -> None:
            if type(a) is not list:
                raise TypeError(f"insort takes a list, not {type(a).__name__}")
            place = find(a, x if key is None else key(x), lo, hi, key=key)
            meter.spend(1 + (len(a) >> 7))
            if len(a) >= meter.limits.list_items:
                meter.exceed("list_items")
            a.insert(place, x)

        return run

    return {
        "bisect": found(bisect.bisect_right),
        "bisect_left": found(bisect.bisect_left),
        "bisect_right": found(bisect.bisect_right),
        "insort": inserted(bisect.bisect_right),
        "insort_left": inserted(bisect.bisect_left),
        "insort_right": inserted(bisect.bisect_right),
    }
