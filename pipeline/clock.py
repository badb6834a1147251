"""The time: in milliseconds since 1970, and as text for people and programs."""

import time
from datetime import UTC, datetime


def milliseconds_now() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def now() -> str:
    """Return the time as text."""
    return rfc3339(datetime.now(UTC))


def rfc3339(moment: datetime | float) -> str:
    """Return a time as text: RFC 3339, UTC, with milliseconds and `Z`. A number is seconds since 1970."""
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def milliseconds(text: str) -> int:
    """Convert a time in RFC 3339 to milliseconds since 1970. Raises `ValueError`."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone")
    return round(moment.timestamp() * 1000)


def utc(text: str) -> str:
    """Convert a time in RFC 3339 to the form of `rfc3339`. Raises `ValueError`.

    Older versions wrote `+00:00`.
    """
    return rfc3339(milliseconds(text) / 1000)
