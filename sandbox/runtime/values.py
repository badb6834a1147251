"""The input and output of a logic: JSON in, JSON out, and no value that JSON cannot represent exactly.

Strategy. The encoder is fast and does not check: it turns NaN into null, sets into lists, keys into texts,
and overflows on shared structures. So this module walks through the values first: by exact type, down to a
fixed depth, with a running count of the least bytes that they take, so that a small value that expands into a
large one stops early. Long lists of numbers are checked as a whole, in C.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from types import MappingProxyType
from typing import Any, NoReturn

import msgspec

from sandbox.errors import LimitExceeded, LogicError, NotJson, TooLong
from sandbox.limits import GREATEST_WHOLE, LEAST_WHOLE, Limits
from sandbox.runtime.collected import COLLECTED, Deque
from sandbox.runtime.frozen import PLAIN, SEQUENCES, FrozenList, frozen
from sandbox.runtime.meter import DICTS, breach_of
from sandbox.runtime.not_json import reason
from sandbox.runtime.sets import Set


def _plain_dict(value: Any) -> Any:
    """Return a read-only dict or a value of `collections` as what the encoder knows."""
    if type(value) is Deque:
        return list(value)
    if type(value) in DICTS:
        return dict(value)
    raise TypeError(f"a {type(value).__name__} was not checked")


_encode = msgspec.json.Encoder(enc_hook=_plain_dict).encode
_decode = msgspec.json.Decoder().decode
#: The other types with parts: read-only ones, and those of `collections`.
_MORE = COLLECTED | PLAIN.keys()
#: From this length on, the items of a list are checked by type as a whole.
_LONG = 8
_SAFE = 1 << 63
#: A number with this many digits is within the lowest possible `int_bits`; a longer one needs a closer check.
_DIGITS = 19
_LONG_NUMBER = re.compile(rb"[0-9]{20}")

#: Halves of a surrogate pair, which are no characters.
_SURROGATE = re.compile("[\ud800-\udfff]")
#: The most characters of a key in a message, and of the keys and indexes that lead to a value.
KEY_CHARS, _PATH = 40, 120

#: The `config` of a logic: neither it nor the values in it can be changed.
Config = MappingProxyType[str, Any]
#: The config of a machine without a config.
NO_CONFIG: Config = MappingProxyType({})
#: The `meta` of a logic, read-only too.
ReadingMeta = MappingProxyType[str, Any]
#: The `meta` of a reading about which nothing is known. A worker always knows its topic.
NO_META: ReadingMeta = MappingProxyType(
    {"topic": None, "late": False, "received": None, "number": None, "message_id": None}
)

_decode_dict = msgspec.json.Decoder(dict[str, Any]).decode

_NAMES = {
    Set: ("a set", "sorted(...) makes a list of it"),
    tuple: ("a tuple", ""),
    range: ("a range", "list(...) makes a list of it"),
    bytes: ("bytes", ".hex() or base64.b64encode(...).decode() makes a text of them"),
    Deque: ("a deque", "list(...) makes a list of it"),
    complex: ("a complex number", ""),
    type(None): ("None", ""),
    str: ("a text", ""),
    int: ("a whole number", ""),
    float: ("a number", ""),
    bool: ("a truth value", ""),
    list: ("a list", ""),
    dict: ("a dict", ""),
}


def named(value: object) -> tuple[str, str]:
    """Return what to call a value in a message, and how to make JSON of it."""
    kind = type(value)
    if kind in _NAMES:
        return _NAMES[kind]
    name = kind.__name__
    if name in ("date", "datetime", "time"):
        return f"a {name}", ".isoformat() makes a text of it"
    if name == "timedelta":
        return "a timedelta", ".total_seconds() makes a number of it"
    if name == "ZoneInfo":
        return "a ZoneInfo", ".key makes a text of it"
    if name in ("dict_keys", "dict_values", "dict_items", "generator", "zip", "enumerate", "reversed"):
        return f"{_article(name)} {name}", "list(...) makes a list of it"
    if hasattr(kind, "__next__"):
        return "an iterator", "list(...) makes a list of it"
    if name in ("Match", "Pattern"):
        return f"a {name.lower()} of re", ".group() makes a text of it" if name == "Match" else ""
    return ("a function" if callable(value) else f"{_article(name)} {name}"), ""


def _article(name: str) -> str:
    return "an" if name[0] in "AEIOaeio" else "a"


class _Walk:
    """One walk through a value to encode. `what` is 'state', 'result' or 'config', for the messages."""

    __slots__ = ("allowed", "limit", "limits", "root", "size", "what")

    def __init__(self, root: Mapping[Any, Any], what: str, limits: Limits) -> None:
        self.root = root
        self.what = what
        self.limits = limits
        self.limit = f"{what}_bytes"
        self.allowed: int = getattr(limits, self.limit)
        self.size = 0

    def exceed(self, limit: str) -> NoReturn:
        raise exceeded(self.limits, limit)

    def entries(self, value: Mapping[Any, Any], depth: int) -> None:
        """Check a dict."""
        if depth > self.limits.value_depth:
            self.exceed("value_depth")
        size = self.size + 4 * len(value)
        for key, item in value.items():
            if type(key) is not str:
                self._bad_key(key)
            size += len(key)
            kind = type(item)
            if kind is str:
                size += len(item)
            elif kind is int:
                if not LEAST_WHOLE <= item <= GREATEST_WHOLE:
                    self._too_large(item)
            elif kind is float:
                if not isfinite(item):
                    self._bad_number(item)
            elif kind is dict or kind is list or kind is tuple:
                self.size = size
                if size > self.allowed:
                    self.exceed(self.limit)
                if kind is dict:
                    self.entries(item, depth + 1)
                else:
                    self.items(item, depth + 1)
                size = self.size
            elif kind in _MORE:
                self.size = size
                if kind is FrozenList or kind is Deque:
                    self.items(item, depth + 1)
                else:
                    self.entries(item, depth + 1)
                size = self.size
            elif kind is not bool and item is not None:
                self._bad_value(item)
        self.size = size
        if size > self.allowed:
            self.exceed(self.limit)

    def items(self, value: Sequence[Any], depth: int) -> None:
        """Check a list, or a tuple, which leaves as a list."""
        if depth > self.limits.value_depth:
            self.exceed("value_depth")
        self.size += 2 * len(value)
        if self.size > self.allowed:
            self.exceed(self.limit)
        if len(value) >= _LONG:
            kinds = set(map(type, value))
            if len(kinds) == 1:
                [kind] = kinds
                if kind is float:
                    # A sum is finite only if every item is; if it is not, each item is checked.
                    if not isfinite(sum(value)):
                        self._each(value, depth)
                    return
                if kind is int:
                    if min(value) < LEAST_WHOLE or max(value) > GREATEST_WHOLE:
                        self._each(value, depth)
                    return
        self._each(value, depth)

    def _each(self, value: Sequence[Any], depth: int) -> None:
        for item in value:
            kind = type(item)
            if kind is str:
                self.size += len(item)
                if self.size > self.allowed:
                    self.exceed(self.limit)
            elif kind is int:
                if not LEAST_WHOLE <= item <= GREATEST_WHOLE:
                    self._too_large(item)
            elif kind is float:
                if not isfinite(item):
                    self._bad_number(item)
            elif kind is dict:
                self.entries(item, depth + 1)
            elif kind in SEQUENCES or kind is Deque:
                self.items(item, depth + 1)
            elif kind in DICTS:
                self.entries(item, depth + 1)
            elif kind is not bool and item is not None:
                self._bad_value(item)

    def _bad_key(self, key: object) -> NoReturn:
        name, _ = named(key)
        holder = self._place(lambda part: type(part) in DICTS and any(one is key for one in part))
        raise LogicError(f"{holder} has {name} as a key; keys must be texts, so write str(...)")

    def _bad_value(self, value: object) -> NoReturn:
        name, help_ = named(value)
        place = self._place(lambda part: part is value)
        raise LogicError(f"{place} is {name}, which is not JSON{'; ' + help_ if help_ else ''}")

    def _bad_number(self, value: float) -> NoReturn:
        place = self._place(lambda part: part is value)
        raise LogicError(
            f"{place} is {'NaN' if value != value else 'an infinite number'}, "
            "which is not JSON; use None for a missing value"
        )

    def _too_large(self, value: int) -> NoReturn:
        place = self._place(lambda part: part is value)
        raise LogicError(
            f"{place} is a whole number of {value.bit_length()} bits; other systems read at "
            "most 64, so write float(...) or str(...)"
        )

    def _place(self, test: Callable[[Any], bool]) -> str:
        """Return the place of the value that ended the walk: the first that passes the test."""
        return _place(self.root, self.what, test)


def _place(root: Any, what: str, test: Callable[[Any], bool]) -> str:
    """Return how a logic writes the place of the first value, or key, that passes a test: `state["a"][3]`."""
    path = _path(root, test) or ""
    return f"{what}{path}" if len(path) <= _PATH else f"{what}…{path[-_PATH:]}"


def _path(value: Any, test: Callable[[Any], bool]) -> str | None:
    """Return the keys and indexes that lead to it; None if no value passes the test."""
    if test(value):
        return ""
    if type(value) in DICTS:
        for key, item in value.items():
            path = "" if test(key) else _path(item, test)
            if path is not None:
                return f"[{json.dumps(key[:KEY_CHARS], ensure_ascii=False)}]{path}"
    elif type(value) in SEQUENCES or type(value) is Deque:
        for index, item in enumerate(value):
            path = _path(item, test)
            if path is not None:
                return f"[{index}]{path}"
    return None


def exceeded(limits: Limits, limit: str) -> LimitExceeded:
    """Return the error for a value to encode that exceeds a limit."""
    breach = breach_of(limits, limit)
    return LimitExceeded(breach.message, limit, breach.allowed)


def _is_flat(value: Mapping[Any, Any], allowed: int) -> bool:
    """Return whether a dict certainly has only short texts and valid numbers, as is usual for small dicts."""
    size = 0
    for key, item in value.items():
        if type(key) is not str:
            return False
        size += len(key)
        kind = type(item)
        if kind is str:
            size += len(item)
        elif kind is float:
            if not isfinite(item):
                return False
        elif kind is int:
            if not -_SAFE < item < _SAFE:
                return False
        elif kind is not bool and item is not None:
            return False
    return size <= allowed


def _encoded(value: Mapping[str, Any], what: str, limits: Limits, taken: int = 0) -> bytes:
    allowed: int = getattr(limits, f"{what}_bytes")
    if len(value) > _LONG or not _is_flat(value, allowed):
        walk = _Walk(value, what, limits)
        walk.size = taken
        walk.entries(value, 1)
    try:
        encoded = _encode(value)
    except UnicodeEncodeError as error:
        place = _place(value, what, _is_incomplete)
        raise LogicError(f"{place} has an incomplete character (a lone surrogate)") from error
    if len(encoded) + taken > allowed:
        raise exceeded(limits, f"{what}_bytes")
    if b"\\u0000" in encoded and _path(value, _has_nul) is not None:
        place = _place(value, what, _has_nul)
        raise LogicError(f"{place} has the character U+0000, which databases reject")
    return encoded


def _has_nul(value: Any) -> bool:
    return type(value) is str and "\0" in value


def _is_incomplete(value: Any) -> bool:
    return type(value) is str and _SURROGATE.search(value) is not None


def encode_state(state: dict[str, Any], limits: Limits) -> bytes:
    """Return a state as JSON.

    Raises:
        LogicError: the state contains a value that JSON does not have.
        LimitExceeded: the state is too large or too deep.
    """
    return _encoded(state, "state", limits)


def encode_config(config: dict[str, Any], limits: Limits) -> bytes:
    """Return a config as JSON. Raises the same errors as `encode_state`."""
    return _encoded(config, "config", limits)


def encode_alarm(message: str, details: dict[str, Any], limits: Limits) -> bytes:
    """Return the details of an alarm as JSON. Raises the same errors as `encode_state`, also for the message.

    Both together must keep within the limit `alarm_bytes`.
    """
    return _encoded(details, "alarm", limits, len(_encoded({"message": message}, "alarm", limits)))


def decode_meta(meta: bytes) -> ReadingMeta:
    """Return the meta of a reading, a JSON object that the parent made, for a logic."""
    return frozen(_decode_dict(meta))  # type: ignore[no-any-return]


def decode_config(config: bytes) -> Config:
    """Return a config for a logic, with read-only dicts and lists.

    Raises:
        LogicError: the config is not a JSON object.
    """
    if config == b"{}":
        return NO_CONFIG
    try:
        return frozen(_decode_dict(config))  # type: ignore[no-any-return]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise LogicError(f"the machine's config is not a JSON object: {error}") from error


def encode_results(returned: object, limits: Limits) -> list[bytes]:
    """Return the results of `process` as the JSON objects to publish.

    A dict is one result, a list or tuple of dicts is several, None is none.

    Raises:
        LogicError: the returned value has another type, or contains a value that JSON does not have.
        LimitExceeded: the results are too large, too deep or too many.
    """
    if type(returned) in DICTS:
        return [_encoded(returned, "result", limits)]  # type: ignore[arg-type]
    if returned is None:
        return []
    if type(returned) not in SEQUENCES and type(returned) is not Deque:
        raise LogicError(
            f"process returned {named(returned)[0]}; it must return a dict, a list of dicts, or None"
        )
    items: Sequence[object] = returned  # type: ignore[assignment]
    if len(items) > limits.results:
        raise exceeded(limits, "results")
    results: list[bytes] = []
    taken = 0
    for item in items:
        if type(item) not in DICTS:
            raise LogicError(
                f"process returned {named(returned)[0]} that contains {named(item)[0]}; "
                "it must contain only dicts"
            )
        results.append(_encoded(item, "result", limits, taken))  # type: ignore[arg-type]
        taken += len(results[-1])
    return results


def encode(returned: object, state: dict[str, Any], limits: Limits) -> tuple[list[bytes], bytes]:
    """Return the results and the state as JSON. If `process` returned the state itself, encode it once."""
    encoded = _encoded(state, "state", limits)
    if returned is state and len(encoded) <= limits.result_bytes:
        return [encoded], encoded
    return encode_results(returned, limits), encoded


def decode_reading(body: bytes, limits: Limits) -> Any:
    """Return the JSON value of a reading.

    Raises:
        TooLong: the reading has more than `reading_bytes` bytes.
        NotJson: the reading is not JSON, not UTF-8, too deep, or has a number that no float can hold.
    """
    if len(body) > limits.reading_bytes:
        raise TooLong(
            f"the reading has {len(body):,} bytes; the limit reading_bytes is {limits.reading_bytes:,}"
        )
    try:
        value = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJson(f"the reading is not JSON: {reason(body, error)}") from error
    if len(body) > _DIGITS and _LONG_NUMBER.search(body) and _has_long_number(value, 1 << limits.int_bits):
        raise NotJson(
            f"the reading has a whole number that exceeds the limit int_bits ({limits.int_bits:,} bits)"
        )
    if len(body) > 2 * limits.reading_depth and body.count(b"[") + body.count(b"{") > limits.reading_depth:
        _refuse_depth(value, limits.reading_depth)
    return value


def _refuse_depth(value: Any, most: int) -> None:
    level = [value]  # of lists and dicts, because the text has many brackets
    for _ in range(most):
        level = [
            item
            for part in level
            for item in (part.values() if type(part) is dict else part)
            if type(item) is dict or type(item) is list
        ]
        if not level:
            return
    raise NotJson(f"the reading is nested too deeply; the limit reading_depth is {most} levels")


def _has_long_number(value: Any, most: int) -> bool:
    ahead = [value]
    while ahead:
        part = ahead.pop()
        if type(part) is dict:
            ahead.extend(part.values())
        elif type(part) is list:
            ahead.extend(part)
        elif type(part) is int and not -most < part < most:
            return True
    return False
