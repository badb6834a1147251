"""The guards of the operators whose result can be larger than the operands, and of their `=` forms."""

import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from sandbox.runtime.collected import CHANGEABLE, DEQUE_TICKS, Counter, Deque
from sandbox.runtime.frozen import SEQUENCES
from sandbox.runtime.meter import DICTS, SIZED, TEXTS, Meter
from sandbox.runtime.sets import VIEWS, Set
from sandbox.runtime.takes import Guards, Takes
from sandbox.runtime.texts import Texts


def operator_guards(meter: Meter, takes: Takes, texts: Texts, kinds: Mapping[object, type]) -> Guards:
    """Return the guards of operators whose result can exceed the operands, and of their `=` forms."""
    limits = meter.limits
    most = 1 << limits.int_bits
    least = -most

    whole = meter.whole

    def sized(made: Any) -> Any:
        kind = type(made)
        if kind in TEXTS:
            return meter.text(made)
        if kind is Deque:
            meter.spend(DEQUE_TICKS)
        if kind in SEQUENCES or kind is Deque:
            meter.items(len(made))
        elif kind in CHANGEABLE:
            meter.entries(made)
        return made

    def weigh(value: Any) -> None:
        if type(value) is MappingProxyType:
            meter.entries(value)
        elif type(value) in SIZED:
            meter.spend(len(value) >> 2)

    def add(left: Any, right: Any) -> Any:
        kind = type(left)
        if kind is float:
            return left + right
        if kind is int:
            made = left + right
            if type(made) is int and not least < made < most:
                meter.exceed("int_bits")
            return made
        try:
            return sized(left + right)
        except TypeError:
            if {kind, type(right)} == TEXTS:
                raise TypeError(
                    "a text and bytes cannot be joined; write data.decode() for a text of the bytes, "
                    "or text.encode() for bytes"
                ) from None
            raise

    def subtract(left: Any, right: Any) -> Any:
        kind = type(left)
        if kind is float:
            return left - right
        if kind is int:
            return whole(left - right)
        meter.fuel -= 1  # dates with time zones
        left, right = sets(left, right)
        return left - right

    def repeat(items: Any, times: int) -> Any:
        size = len(items) * max(times, 0)
        if type(items) is Deque:  # Python makes a copy first
            meter.spend(DEQUE_TICKS + (len(items) >> 3))
        if type(items) in TEXTS:
            meter.text_of(size)
        else:
            meter.items(size)
        return items * times

    def multiply(left: Any, right: Any) -> Any:
        kind = type(left)
        if kind is float:
            made = left * right
            if type(made) is timedelta:
                meter.fuel -= 1
            return made
        other = type(right)
        if kind is int or kind is bool:
            if other is int or other is bool:
                return whole(left * right)
            if other in TEXTS or other in SEQUENCES or other is Deque:
                return repeat(right, left)
        elif (kind in TEXTS or kind in SEQUENCES or kind is Deque) and (other is int or other is bool):
            return repeat(left, right)
        elif kind is not int and kind is not bool:
            meter.fuel -= 1
        return left * right

    def remain(left: Any, right: Any) -> Any:
        kind = type(left)
        if kind is str:
            return texts.percent(left, right)
        if kind is bytes:
            raise TypeError("% of bytes is not available; format a text, and encode it")
        if kind is float or type(right) is float:
            meter.division(left, right)
        return left % right

    def divide(left: Any, right: Any) -> Any:
        if type(left) is float or type(right) is float:
            meter.division(left, right)
        return left // right

    def shift(left: Any, right: Any) -> Any:
        if type(right) is int and right > limits.int_bits and left:
            meter.exceed("int_bits")
        return whole(left << right)

    def sets(left: Any, right: Any) -> tuple[Any, Any]:
        """Return two operands. If one is a view of a dict, return sets: C code would make its own of it."""
        weigh(left)
        weigh(right)
        if type(left) in VIEWS or type(right) in VIEWS:
            return Set(takes.entries_of(left), meter), Set(takes.entries_of(right), meter)
        return left, right

    def either(left: Any, right: Any) -> Any:
        if type(left) is int:
            return left | right
        if type(left) is tuple or type(right) is tuple:
            meter.expanse((left, right))
        if _is_kind(left, kinds) and _is_kind(right, kinds):  # isinstance(x, int | float)
            return (*_members(left), *_members(right))
        left, right = sets(left, right)
        return sized(left | right)

    def both(left: Any, right: Any) -> Any:
        left, right = sets(left, right)
        return left & right

    def one_of(left: Any, right: Any) -> Any:
        left, right = sets(left, right)
        return left ^ right

    def extend(left: Any, right: Any) -> Any:
        """Return the result of `left += right`, which changes a list in place."""
        kind = type(left)
        if kind is float:
            return left + right
        if kind is int:
            made = left + right
            if type(made) is int and not least < made < most:
                meter.exceed("int_bits")
            return made
        if kind is Deque:
            right = takes.take(right, 2)
            meter.items(len(right) if left.maxlen else len(left) + len(right))
            left += right
            return left
        if kind is Counter:
            left += right
            return left
        if not isinstance(left, list):
            return add(left, right)
        right = takes.take(right)
        meter.items(len(left) + len(right))
        left += right
        return left

    def multiply_in_place(left: Any, right: Any) -> Any:
        if isinstance(left, list | Deque) and type(right) is int:
            meter.items(len(left) * max(right, 0))
            left *= right
            return left
        return multiply(left, right)

    def in_place(plain: Callable[[Any, Any], Any], changing: Callable[[Any, Any], Any]) -> Any:
        def change(left: Any, right: Any) -> Any:
            if type(left) is Set and type(right) is Set:
                return changing(left, right)
            if type(left) in CHANGEABLE:
                weigh(right)
                if type(right) not in DICTS:
                    raise TypeError(f"a dict cannot be joined with a {type(right).__name__}")
                return sized(changing(left, right))
            return plain(left, right)

        return change

    return {
        "_add_": add,
        "_sub_": subtract,
        "_mul_": multiply,
        "_mod_": remain,
        "_floordiv_": divide,
        "_pow_": power(meter),
        "_lshift_": shift,
        "_or_": either,
        "_and_": both,
        "_xor_": one_of,
        "_iadd_": extend,
        "_isub_": in_place(subtract, operator.isub),
        "_imul_": multiply_in_place,
        "_imod_": remain,
        "_ifloordiv_": divide,
        "_ipow_": power(meter),
        "_ilshift_": shift,
        "_ior_": in_place(either, operator.ior),
        "_iand_": in_place(both, operator.iand),
        "_ixor_": in_place(one_of, operator.ixor),
    }


def power(meter: Meter) -> Callable[[Any, Any], Any]:
    """Return the guard of `**`, which is also `pow`."""

    def run(base: Any, exponent: Any, /) -> Any:
        if type(base) is not float and type(exponent) in (int, bool) and exponent > 0:
            meter.spend(4 + (int(exponent).bit_length() >> 3))
            bits = base.bit_length() if type(base) is int and base not in (0, 1, -1) else 0
            if bits * exponent > 2 * meter.limits.int_bits:
                meter.exceed("int_bits")
        return meter.whole(base**exponent)

    return run


def _is_kind(value: object, kinds: Mapping[object, type]) -> bool:
    if type(value) is tuple:
        return bool(value) and all(_is_kind(member, kinds) for member in value)
    return value is None or isinstance(value, type) or (callable(value) and value in kinds)


def _members(value: object) -> Iterable[object]:
    return value if type(value) is tuple else (value,)
