"""The functions that a logic has without an import, each with a bounded cost; see `conversions` too.

Strategy. If Python's own function is harmless for every value that a logic can hold (`len`, `abs`, `chr`),
the logic gets that function. A function that walks through its arguments in C takes them as sized values and
pays beforehand. A function that calls a function of the logic for each item is lazy if Python's is, and ticks
for each item.
"""

from collections.abc import Callable
from typing import Any

from sandbox.runtime.meter import SCALARS, SIZED, Meter
from sandbox.runtime.operators import power
from sandbox.runtime.sets import NUMBERS
from sandbox.runtime.sorting import sorting
from sandbox.runtime.takes import Guards, Takes
from sandbox.runtime.texts import Texts

_MISSING: Any = object()


def functions(meter: Meter, takes: Takes, texts: Texts, add: Callable[[Any, Any], Any]) -> Guards:
    """Return the built-in functions that are not types. `add` is the guard of `+`."""
    take = takes.take

    def extreme(choose: Any) -> Any:
        def choice(*values: Any, key: Any = None, default: Any = _MISSING) -> Any:
            if len(values) == 2 and key is None and default is _MISSING:
                left, right = values
                if type(left) in SCALARS and type(right) in SCALARS:
                    return choose(left, right)
            if len(values) == 1:
                items = take(values[0])
                if not len(items):
                    if default is _MISSING:
                        raise ValueError(f"{choose.__name__}() arg is an empty sequence")
                    return default
            elif not values:
                raise TypeError(f"{choose.__name__} expected at least 1 argument, got 0")
            else:
                items = values
                if default is not _MISSING:
                    raise TypeError(f"{choose.__name__}(): default is for a single list only")
            if key is None:
                weigh(items)
                return choose(items)
            items = list(items)
            meter.spend(len(items) + 1)
            ranks = [key(item) for item in items]
            weigh(ranks)
            return items[choose(range(len(items)), key=ranks.__getitem__)]

        return choice

    def weigh(items: Any) -> None:
        meter.spend(len(items) >> 2)
        if not set(map(type, items)) <= SCALARS:
            for item in items:
                if type(item) not in SCALARS:
                    meter.expanse(item)

    def total(items: Any, /, start: Any = 0) -> Any:
        items = take(items) if type(items) in SIZED else list(takes.ticking(items))
        if type(start) in NUMBERS and set(map(type, items)) <= NUMBERS:
            return meter.whole(sum(items, start))
        if type(start) is str:
            raise TypeError("sum() can't sum strings [use ''.join(seq) instead]")
        if type(start) is bytes:
            raise TypeError("sum() can't sum bytes [use b''.join(seq) instead]")
        for item in items:
            meter.spend(1)
            start = meter.whole(add(start, item))
        return start

    def every(items: Any, /) -> bool:
        return all(take(items) if type(items) in SIZED else takes.ticking(items))

    def some(items: Any, /) -> bool:
        return any(take(items) if type(items) in SIZED else takes.ticking(items))

    def applied(function: Any, /, *sources: Any) -> Any:
        if not sources:
            raise TypeError("map() must have at least two arguments.")
        meter.spend(len(sources))
        return apply(function, zip(*map(takes.column, sources), strict=False), len(sources))

    def apply(function: Any, rows: Any, columns: int) -> Any:
        spend = meter.spend
        for row in rows:
            spend(2 + (columns >> 3))
            yield function(*row)

    def chosen(function: Any, items: Any, /) -> Any:
        return choose(function, iterator(items))

    def choose(function: Any, items: Any) -> Any:
        spend = meter.spend
        for item in items:
            spend(2)
            if item if function is None else function(item):
                yield item

    def iterator(items: Any, /) -> Any:
        return takes.source(items)

    def numbered(items: Any, start: Any = 0) -> Any:
        if type(start) is int and not -(2**62) < start < 2**62:
            meter.exceed("int_bits")
        return enumerate(iterator(items), start)

    def side_by_side(*sources: Any, strict: Any = False) -> Any:
        meter.spend(len(sources))
        rows = zip(*map(takes.column, sources), strict=bool(strict))
        return rows if len(sources) < 8 else takes.ticking(rows, len(sources) >> 3)

    def quotient(left: Any, right: Any, /) -> Any:
        meter.fuel -= 1
        if type(left) is float or type(right) is float:
            meter.division(left, right)
        return divmod(left, right)

    def based(write: Any) -> Any:
        def run(number: Any, /) -> str:
            meter.fuel -= 1
            if type(number) is int:
                meter.fuel -= number.bit_length() >> 8
            return write(number)  # type: ignore[no-any-return]

        return run

    def rounded(number: Any, ndigits: Any = None) -> Any:
        if type(number) is float:
            if ndigits is None:
                return meter.whole(round(number))
            if not -1e22 < number < 1e22 or (type(ndigits) is int and ndigits > 22):
                meter.spend(16)  # all its digits are computed
            return round(number, ndigits)
        if type(number) in (int, bool) and type(ndigits) is int and ndigits < 0:
            if ndigits < -meter.limits.int_bits:
                meter.exceed("int_bits")
            meter.spend(4)
        elif type(number) not in SCALARS:
            raise TypeError(f"a {type(number).__name__} cannot be rounded")
        return round(number, ndigits)

    def powered(base: Any, exponent: Any, modulus: Any = None, /) -> Any:
        if modulus is None:
            return raised(base, exponent)
        if isinstance(base, int) and isinstance(exponent, int) and isinstance(modulus, int):
            # Each bit of the exponent takes a product; a negative one is an inverse, with as many steps.
            meter.spend(8 + (exponent.bit_length() * modulus.bit_length() >> 8))
            if exponent < 0:
                meter.spend(8 + (modulus.bit_length() >> 2))
        return pow(base, exponent, modulus)

    raised = power(meter)

    def following(items: Any, /, *default: Any) -> Any:
        meter.spend(1)
        return next(items, *default)

    def backwards(items: Any, /) -> Any:
        return reversed(takes.begun(items))

    def formatted(value: Any, spec: Any = "", /) -> str:
        meter.fuel -= 1
        return texts.format(value, spec)

    def quoted(value: Any, /) -> str:
        return texts.quote(value)

    def quoted_in_ascii(value: Any, /) -> str:
        return texts.ascii(value)

    return {
        "abs": abs,
        "all": every,
        "any": some,
        "ascii": quoted_in_ascii,
        "bin": based(bin),
        "callable": callable,
        "chr": chr,
        "divmod": quotient,
        "enumerate": numbered,
        "filter": chosen,
        "format": formatted,
        "hex": based(hex),
        "iter": iterator,
        "len": len,
        "map": applied,
        "max": extreme(max),
        "min": extreme(min),
        "next": following,
        "oct": based(oct),
        "ord": ord,
        "pow": powered,
        "repr": quoted,
        "reversed": backwards,
        "round": rounded,
        "sorted": sorting(meter, takes),
        "sum": total,
        "zip": side_by_side,
    }
