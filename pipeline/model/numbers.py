"""The numeric fields of a reading that is too long to be kept whole, so that charts have them.

The pages find the fields of shorter readings themselves, by the same rules: `{"motor": {"rpm": 1500}}` has
the field `motor.rpm`.
"""

import math
from collections.abc import Iterator
from typing import Any, Final

import msgspec

#: Maximum bytes of a reading that is searched: decoding it takes a worker some milliseconds.
_SEARCHED_BYTES: Final = 1024**2

#: Limits on the depth, the items of a list, the fields, and the characters of a name.
_DEPTH: Final = 5
_ITEMS: Final = 8
_FIELDS: Final = 60
_NAME_LENGTH: Final = 112

#: Maximum bytes of all names together: the numbers of many readings of each machine must fit in memory.
_NAMES_BYTES: Final = 2048


def numbers_of(body: bytes) -> dict[str, float] | None:
    """Return the first numeric fields of a JSON reading by their paths; None if it is not JSON."""
    if len(body) > _SEARCHED_BYTES:
        return None
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    found, room = dict[str, float](), _NAMES_BYTES
    for name, number in _numbers(value, "", 0):
        size = len(name.encode())
        if len(name) > _NAME_LENGTH or size > room:
            continue
        found[name] = number
        room -= size
        if len(found) == _FIELDS:
            break
    return found


def _numbers(value: Any, path: str, depth: int) -> Iterator[tuple[str, float]]:
    match value:
        case bool():
            return
        case int() | float():
            if path and (number := _finite(value)) is not None:
                yield path, number
        case dict() | list() if depth < _DEPTH:
            items = value.items() if isinstance(value, dict) else enumerate(value[:_ITEMS])
            for name, each in items:
                yield from _numbers(each, f"{path}.{name}" if path else str(name), depth + 1)


def _finite(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
