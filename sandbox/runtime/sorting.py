"""The function `sorted`, which pays for its comparisons beforehand."""

from collections.abc import Callable
from typing import Any

from sandbox.runtime.meter import CONTAINERS, SCALARS, TEXTS, Meter
from sandbox.runtime.takes import Takes


def sorting(meter: Meter, takes: Takes) -> Callable[..., list[Any]]:
    """Return a `sorted` that pays for its comparisons beforehand."""

    def weigh(items: Any) -> None:
        size = len(items)
        share = size * max(size.bit_length() - 1, 1)
        types = set(map(type, items))
        if types <= SCALARS:
            meter.spend((share >> 3) + 1)
            return
        meter.spend((share >> 2) + 1)
        if types & CONTAINERS or types & TEXTS:
            # Each item is compared about log n times, in the worst case over its whole size.
            meter.spend(sum(meter.expanse(item) - 1 for item in items) * size.bit_length())

    def sort(items: Any, /, *, key: Any = None, reverse: Any = False) -> list[Any]:
        items = takes.take(items)
        size = len(items)
        meter.items(size)
        if key is None:
            weigh(items)
            return sorted(items, reverse=reverse)
        items = list(items)
        meter.spend(size)
        ranks = [key(item) for item in items]
        weigh(ranks)
        return [items[place] for place in sorted(range(size), key=ranks.__getitem__, reverse=reverse)]

    return sort
