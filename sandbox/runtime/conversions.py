"""The types that a logic has without an import, as functions that make values and represent the type.

Strategy. `isinstance` and `type` translate between these functions and the types, so a logic never holds a
type object with its methods and its base classes. The types of errors are the exception.
"""

import binascii
import builtins
import json
import statistics
import struct
from types import MappingProxyType
from typing import Any, NoReturn
from zoneinfo import ZoneInfoNotFoundError

from sandbox.allowed import EXCEPTIONS
from sandbox.runtime import encodings
from sandbox.runtime.encodings import decoded
from sandbox.runtime.frozen import PLAIN
from sandbox.runtime.meter import DICTS, TEXTS, Meter
from sandbox.runtime.regex import PatternError
from sandbox.runtime.sets import Set
from sandbox.runtime.takes import Guards, Takes
from sandbox.runtime.texts import Texts

#: The most characters of a text that is converted to a float; the longest exact ones have some 770 digits.
LONGEST_NUMBER = 1_100
#: The most characters of the text in an error that a logic makes itself: their lines are counted.
LONGEST_DOC = 200
_MISSING: Any = object()
#: Represents `config`, and the dicts in it, when `isinstance` checks their type.
_DICT: dict[str, Any] = {}

#: The available exceptions by name.
ERRORS: dict[str, type[Exception]] = {
    error.__name__: error
    for error in (
        ArithmeticError,
        AssertionError,
        AttributeError,
        Exception,
        IndexError,
        KeyError,
        LookupError,
        NotImplementedError,
        OverflowError,
        RuntimeError,
        StopIteration,
        TypeError,
        encodings.UnicodeDecodeError,
        encodings.UnicodeEncodeError,
        ValueError,
        ZeroDivisionError,
    )
    if error.__name__ in EXCEPTIONS
}


class JSONDecodeError(ValueError):
    """The error of `json.loads`. A logic can make one too, of a short text."""

    def __init__(self, msg: str, doc: str, pos: int) -> None:
        plain = type(msg) is type(doc) is str and type(pos) is int
        if not plain or len(msg) + len(doc) > LONGEST_DOC or not 0 <= pos <= len(doc):
            raise TypeError("JSONDecodeError takes a message, a short text and a position in it")
        line, column = doc.count("\n", 0, pos) + 1, pos - doc.rfind("\n", 0, pos)
        ValueError.__init__(self, f"{msg}: line {line} column {column} (char {pos})")

    @classmethod
    def of(cls, error: json.JSONDecodeError) -> "JSONDecodeError":
        """Return this error for one of Python's decoder."""
        made = cls.__new__(cls)
        made.args = error.args
        return made


JSONDecodeError.__module__ = json.JSONDecodeError.__module__

#: All errors that a logic can name.
_ERRORS = frozenset(
    (
        *ERRORS.values(),
        JSONDecodeError,
        statistics.StatisticsError,
        binascii.Error,
        struct.error,
        PatternError,
        ZoneInfoNotFoundError,
    )
)


def conversions(meter: Meter, takes: Takes, texts: Texts) -> Guards:
    """Return the types as functions, which make values and represent the type in `isinstance`."""
    take = takes.take
    int_bits = meter.limits.int_bits

    def to_bool(value: Any = False, /) -> bool:
        return bool(value)

    def to_int(value: Any = 0, /, base: Any = _MISSING) -> int:
        if type(value) in TEXTS:
            if len(value) > int_bits:
                meter.exceed("int_bits")
            meter.spend(1 + (len(value) >> 4))
        return int(meter.whole(int(value) if base is _MISSING else int(value, base)))

    def to_float(value: Any = 0.0, /) -> float:
        if type(value) in TEXTS:
            if len(value) > LONGEST_NUMBER:
                raise ValueError(f"a text of {len(value)} characters is not a number")
            meter.spend(1 + (len(value) >> 4))
        return float(value)

    def to_str(value: Any = "", /, encoding: Any = _MISSING, errors: Any = _MISSING) -> str:
        if encoding is _MISSING and errors is _MISSING:
            return texts.show(value)
        if type(value) is str:
            raise TypeError("decoding str is not supported")
        if type(value) is not bytes:
            raise TypeError(f"decoding to str: need a bytes-like object, {type(value).__name__} found")
        encoding = "utf-8" if encoding is _MISSING else encoding
        return decoded(meter, value, encoding, "strict" if errors is _MISSING else errors)

    def to_list(items: Any = (), /) -> list[Any]:
        items = take(items)
        meter.items(len(items))
        return list(items)

    def to_tuple(items: Any = (), /) -> tuple[Any, ...]:
        items = take(items)
        meter.items(len(items))
        return tuple(items)

    def to_set(items: Any = (), /) -> Set:
        return Set(takes.entries(items), meter)

    def to_dict(entries: Any = (), /, **more: Any) -> dict[Any, Any]:
        meter.fuel -= 1
        if type(entries) in DICTS:
            meter.entries(entries, len(more))
            return {**entries, **more}
        made = pairs(meter, takes, entries)
        made.update(more)
        if len(made) > meter.limits.dict_items:
            meter.exceed("dict_items")
        return made

    def to_range(*bounds: Any) -> range:
        made = range(*bounds)
        try:
            size = len(made)
        except OverflowError:
            size = meter.limits.range_items + 1
        if size > meter.limits.range_items:
            meter.exceed("range_items")
        return made

    return {
        "bool": to_bool,
        "int": to_int,
        "float": to_float,
        "str": to_str,
        "list": to_list,
        "tuple": to_tuple,
        "set": to_set,
        "dict": to_dict,
        "range": to_range,
    }


def pairs(meter: Meter, takes: Takes, entries: Any) -> dict[Any, Any]:
    """Make a dict of pairs of key and value."""
    items = takes.take(entries, 1)
    if not len(items):
        return {}
    rows = [(key, value) for key, value in items]
    meter.keys([key for key, _ in rows])
    made = dict(rows)
    if len(made) > meter.limits.dict_items:
        meter.exceed("dict_items")
    return made


def types_without_name() -> dict[object, type]:
    """Return functions that represent the types whose name a logic does not have, each with its type.

    A logic gets them from `type(x)`: the type of None, and of errors such as `UnboundLocalError`.
    """

    def stand_in(kind: type) -> Any:
        def refuse(*_arguments: Any, **_keywords: Any) -> NoReturn:
            raise TypeError(f"{kind.__name__} is not available")

        return refuse

    errors = [
        kind
        for name, kind in vars(builtins).items()
        if isinstance(kind, type) and issubclass(kind, Exception) and name not in ERRORS
    ]
    kinds = [type(None), *(kind for kind in errors if kind not in _ERRORS)]
    return {stand_in(kind): kind for kind in dict.fromkeys(kinds)}


def types_of(meter: Meter, kinds: dict[object, type]) -> Guards:
    """Return `isinstance` and `type`, which translate between the functions and the types they represent."""
    offered = {kind: function for function, kind in kinds.items()}

    def real(kind: Any) -> Any:
        if type(kind) is tuple:
            return tuple([real(member) for member in kind])
        if kind is None:
            return type(None)
        if type(kind) is type and kind in _ERRORS:
            return kind
        if callable(kind) and kind in kinds:
            return kinds[kind]
        raise TypeError("isinstance() takes a type such as int, float, str, list or dict, or a tuple of them")

    def is_instance(value: Any, kind: Any, /) -> bool:
        if type(value) is MappingProxyType:
            value = _DICT
        if type(kind) is tuple:
            if tuple in map(type, kind):
                meter.expanse(kind)  # shared tuples count each time
            meter.spend(len(kind) >> 1)
            return isinstance(value, real(kind))
        return isinstance(value, kinds.get(kind) or real(kind))

    def type_of(value: Any, /) -> Any:
        kind = PLAIN.get(type(value), type(value))
        if kind in offered:
            return offered[kind]
        if isinstance(value, Exception):
            meter.fuel -= 1
            return next(ancestor for ancestor in kind.__mro__ if ancestor in _ERRORS)
        raise TypeError("type() is available only for numbers, texts, lists, dicts and other plain values")

    return {"isinstance": is_instance, "type": type_of}
