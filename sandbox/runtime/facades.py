"""The modules that a logic can import: frozen facades of math, statistics, json and datetime.

Strategy. A logic never holds a module object: the compiler resolves `math.sqrt` to one name of the runtime,
so a logic cannot change anything for others. If the original function accepts values of any size or asks the
host (a clock, the local time zone, a file), a function of our own replaces it.
"""

import json
import math
import statistics
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from sandbox.allowed import MODULES
from sandbox.runtime.conversions import JSONDecodeError
from sandbox.runtime.encodings import decoded
from sandbox.runtime.frozen import SEQUENCES
from sandbox.runtime.meter import CONTAINERS, DICTS, SCALARS, TEXTS, Meter
from sandbox.runtime.sets import NUMBERS
from sandbox.runtime.takes import Guards, Takes
from sandbox.runtime.texts import Texts
from sandbox.runtime.values import named as described

#: The ticks for each value of a statistics function, which computes with exact fractions; about its real
#: time.
STATISTICS_TICKS = 16
#: Ticks for the square root of a fraction, which can have numbers of several thousand bits.
DEVIATION_TICKS = 24
_TEXT = frozenset((str,))


def math_facade(meter: Meter, takes: Takes) -> Guards:
    """Return the facade of math. Functions of one or two floats are the originals."""
    whole = meter.whole

    def factorial(n: Any, /) -> int:
        if type(n) is int and n > meter.limits.int_bits:
            meter.exceed("int_bits")
        meter.spend(16)
        return int(whole(math.factorial(n)))

    def choices(function: Callable[..., int]) -> Callable[..., int]:
        def count(n: Any, k: Any = None, /) -> int:
            if type(n) is not int or not (k is None or type(k) is int):
                raise TypeError(f"{function.__name__}() takes whole numbers")
            k_used = n if k is None else k
            few = min(k_used, n - k_used) if function is math.comb else k_used
            if n >= 0 and few > meter.limits.int_bits and k_used <= n:
                meter.exceed("int_bits")
            if n > 0 and n.bit_length() * max(few, 0) > 16 * meter.limits.int_bits:
                meter.exceed("int_bits")
            meter.spend(32)
            return int(whole(function(n, k_used)))

        return count

    def several(function: Callable[..., int]) -> Callable[..., int]:
        def run(*numbers: Any) -> int:
            made = function()
            for number in numbers:
                meter.spend(4)
                made = whole(function(made, number))
            return made

        return run

    def prod(items: Any, /, *, start: Any = 1) -> Any:
        made = start
        for item in takes.take(items, 1):
            if type(item) not in NUMBERS or type(made) not in NUMBERS:
                raise TypeError("math.prod() takes numbers")
            made = whole(made * item)
        return made

    def fsum(items: Any, /) -> float:
        return math.fsum(takes.take(items, 1))

    def dist(one: Any, other: Any, /) -> float:
        return math.dist(takes.take(one), takes.take(other))

    def divided(function: Callable[[Any, Any], float]) -> Callable[[Any, Any], float]:
        def run(left: Any, right: Any, /) -> float:
            meter.division(left, right)
            return function(left, right)

        return run

    def isqrt(number: Any, /) -> int:
        meter.spend(8)
        return math.isqrt(number)

    def rounded(function: Callable[[Any], int]) -> Callable[[Any], int]:
        def run(number: Any, /) -> int:
            return int(whole(function(number)))

        return run

    ours: Guards = {
        "ceil": rounded(math.ceil),
        "comb": choices(math.comb),
        "dist": dist,
        "factorial": factorial,
        "floor": rounded(math.floor),
        "fmod": divided(math.fmod),
        "fsum": fsum,
        "gcd": several(math.gcd),
        "isqrt": isqrt,
        "lcm": several(math.lcm),
        "perm": choices(math.perm),
        "prod": prod,
        "remainder": divided(math.remainder),
        "trunc": rounded(math.trunc),
    }
    return {name: ours.get(name, getattr(math, name)) for name in MODULES["math"]}


def statistics_facade(meter: Meter, takes: Takes) -> Guards:
    """Return the facade of statistics, for integers and floats."""

    def numbers(items: Any) -> Any:
        items = takes.take(items)
        meter.spend(len(items) * STATISTICS_TICKS + 4)
        if not NUMBERS.issuperset(map(type, items)):
            raise TypeError("statistics are available only for lists of numbers")
        return items

    def of_one(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(data: Any, /, *, n: Any = None, method: Any = None, mu: Any = None, xbar: Any = None) -> Any:
            options = {"n": n, "method": method, "mu": mu, "xbar": xbar}
            given = {name: value for name, value in options.items() if value is not None}
            for name, value in given.items():
                if type(value) not in (_TEXT if name == "method" else NUMBERS):
                    raise TypeError(f"{function.__name__}(): {name} cannot be a {type(value).__name__}")
            if type(n) is int:
                if n > meter.limits.dict_items:
                    meter.exceed("list_items")
                meter.spend(max(n, 0))
            made = function(numbers(data), **given)
            if type(made) not in (int, float, list):
                raise TypeError(f"{function.__name__}() of these values is not a number")
            return meter.whole(made)

        return run

    def of_numbers(function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function whose second argument is a number: mu or xbar."""
        one = of_one(function)
        name = "mu" if function.__name__.startswith("p") else "xbar"

        def run(data: Any, center: Any = None, /, **options: Any) -> Any:
            meter.spend(DEVIATION_TICKS)
            return one(data, **({name: center} if center is not None else {}), **options)

        return run

    def weighted(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(data: Any, /, weights: Any = None) -> Any:
            return function(numbers(data), None if weights is None else numbers(weights))

        return run

    def of_two(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(one: Any, other: Any, /) -> Any:
            made = function(list(numbers(one)), list(numbers(other)))
            return made if type(made) is float else tuple(made)

        return run

    def frequent(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(data: Any, /) -> Any:
            items = takes.keys(data)
            meter.spend(len(items) + 4)
            return function(items)

        return run

    ours: Guards = {
        **{
            name: of_numbers(getattr(statistics, name))
            for name in ("pstdev", "pvariance", "stdev", "variance")
        },
        **{name: weighted(getattr(statistics, name)) for name in ("fmean", "harmonic_mean")},
        **{
            name: of_two(getattr(statistics, name))
            for name in ("correlation", "covariance", "linear_regression")
        },
        **{name: frequent(getattr(statistics, name)) for name in ("mode", "multimode")},
        "StatisticsError": statistics.StatisticsError,
    }
    return {name: ours.get(name) or of_one(getattr(statistics, name)) for name in MODULES["statistics"]}


def json_facade(meter: Meter, texts: Texts) -> Guards:
    """Return the facade of json: loads and dumps for texts within the limits."""

    def refuse_constant(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    def whole(digits: str) -> int:
        if len(digits) > meter.limits.int_bits:
            meter.exceed("int_bits")
        return int(meter.whole(int(digits)))

    decoder = json.JSONDecoder(parse_constant=refuse_constant, parse_int=whole)

    def loads(text: Any, /) -> Any:
        if type(text) not in TEXTS:
            raise TypeError(f"json.loads() takes a text or bytes, not a {type(text).__name__}")
        meter.spend((len(text) >> 2) + 4)
        if type(text) is bytes:
            text = decoded(meter, text, "utf-8", "strict")
        try:
            made = decoder.decode(text)
        except json.JSONDecodeError as error:
            raise JSONDecodeError.of(error) from None
        meter.sizes(made)
        return made

    def dumps(
        value: Any,
        /,
        *,
        indent: Any = None,
        sort_keys: Any = False,
        separators: Any = None,
        ensure_ascii: Any = True,
        default: Any = None,
    ) -> str:
        if not (indent is None or (type(indent) is int and 0 <= indent <= 16)):
            raise ValueError("json.dumps(): indent may be a whole number up to 16")
        if separators is not None and not (
            type(separators) in SEQUENCES
            and len(separators) == 2
            and all(type(part) is str and len(part) <= 16 for part in separators)
        ):
            raise ValueError("json.dumps(): separators may be two short texts")
        meter.spend(8)
        if default is not None:
            value = replaced(value, default, 0)
        if type(value) in CONTAINERS:
            measure(value, indent or 0)
        elif type(value) in TEXTS:
            meter.text_of(len(value))
        return meter.text(
            json.dumps(
                value,
                allow_nan=False,
                indent=indent,
                sort_keys=bool(sort_keys),
                separators=separators,
                ensure_ascii=bool(ensure_ascii),
                default=refuse_value,
            )
        )

    def replaced(value: Any, default: Any, depth: int) -> Any:
        """Return a copy in which `default` has replaced each value that JSON does not have.

        It is called before the encoder, whose C code does not bound how often `default` returns a value that
        needs `default` again.
        """
        kind = type(value)
        if kind in SCALARS or kind is str:
            return value
        if depth >= meter.limits.value_depth:
            meter.exceed("value_depth")
        if kind in DICTS:
            meter.spend((len(value) >> 2) + 1)
            return {key: replaced(item, default, depth + 1) for key, item in value.items()}
        if kind in SEQUENCES:
            meter.spend((len(value) >> 3) + 1)
            return [replaced(item, default, depth + 1) for item in value]
        return replaced(default(value), default, depth + 1)

    def measure(value: Any, indent: int) -> None:
        """Check depth and length before encoding; a value that contains itself is too deep."""
        meter.expanse(value)
        size = 0
        level = [value]
        depth = 0
        while level:
            depth += 1
            if depth > meter.limits.value_depth:
                meter.exceed("value_depth")
            inside: list[Any] = []
            for part in level:
                if type(part) in DICTS:
                    size += sum(len(key) for key in part if type(key) is str)
                    parts = part.values()
                else:
                    parts = part
                size += (2 + depth * indent) * len(part)
                for item in parts:
                    if type(item) in CONTAINERS:
                        inside.append(item)
                    elif type(item) is str:
                        size += len(item)
            meter.text_of(size)
            level = inside

    def refuse_value(value: Any) -> Any:
        if type(value) is MappingProxyType:  # already measured as a dict
            return dict(value)
        name, instead = described(value)
        raise TypeError(f"{name} is not JSON{instead and '; '}{instead}: {texts.quote(value)[:80]}")

    return {"JSONDecodeError": JSONDecodeError, "dumps": dumps, "loads": loads}
