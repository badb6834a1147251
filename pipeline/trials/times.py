"""The times of a trial as people write them: a duration, a time, and the times in a recording."""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from pipeline.clock import milliseconds
from pipeline.errors import ReadingUnfit
from pipeline.model.machine_settings import ReadingMeta

#: The longest duration of a step, in seconds: a leap year.
LONGEST: Final = 366 * 24 * 3600

#: No time of a trial is after this one, so that the times of its timers can always be written: the year 3000.
_LAST: Final = 32_503_680_000_000

#: From this number on, a time is in milliseconds since 1970: in seconds it would be the year 5138.
_MILLISECONDS: Final = 1e11

_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,3})?) ?([a-z]+)", re.ASCII)
_UNITS: Final = {
    unit: seconds
    for units, seconds in (
        (("s", "second", "seconds"), 1),
        (("min", "minute", "minutes"), 60),
        (("h", "hour", "hours"), 3600),
        (("day", "days"), 24 * 3600),
    )
    for unit in units
}


def duration(text: str) -> int:
    """Return a duration such as "5 min" in milliseconds. Raises `ValueError`."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or match[2] not in _UNITS:
        raise ValueError(
            f"{text[:40]!r} is not a duration; write a number and s, min, h or days, such as '45 min'"
        )
    seconds = float(match[1]) * _UNITS[match[2]]
    if not 0.001 <= seconds <= LONGEST:
        raise ValueError(f"{text[:40]!r} is not a duration between 1 ms and 366 days")
    return round(1000 * seconds)


def time_of(text: str, what: str) -> int:
    """Return a time in RFC 3339 in milliseconds since 1970. Raises `ReadingUnfit`."""
    try:
        time = milliseconds(text)
    except (ValueError, OverflowError):
        raise ReadingUnfit(
            f"{what} is {text[:40]!r}, which is not a time in RFC 3339, such as 2026-01-01T00:00:00Z"
        ) from None
    if not 0 <= time < _LAST:
        raise ReadingUnfit(f"{what} is {text[:40]!r}, which is not a time between the years 1970 and 3000")
    return time


def start_of(metas: Sequence[ReadingMeta], otherwise: int) -> int:
    """Return when the first of these readings with a time was received. Raises `ReadingUnfit`."""
    first = next((meta.received for meta in metas if meta.received is not None), None)
    return otherwise if first is None else time_of(first, "meta.received")


def recorded_time(reading: bytes, key: str) -> int:
    """Return the time that a recorded reading has under this key, in milliseconds since 1970.

    It is a text in ISO 8601, UTC unless it has a time zone, or seconds or milliseconds since 1970. Raises
    `ReadingUnfit`.
    """
    try:
        value: Any = msgspec.json.decode(reading)[key]
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError, KeyError, IndexError, RecursionError):
        raise ReadingUnfit(f"there is no {key!r}, which must have the time") from None
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ReadingUnfit(f"{key!r} is {value[:40]!r}, which is not a time in ISO 8601") from None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return time_of(aware.isoformat(), repr(key))
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ReadingUnfit(f"{key!r} is {value!r}, which is not a time")
    time = round(value if abs(value) >= _MILLISECONDS else 1000 * value)
    if not 0 <= time < _LAST:
        raise ReadingUnfit(f"{key!r} is {value!r}, which is not a time between the years 1970 and 3000")
    return time
