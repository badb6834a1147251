"""The time: in milliseconds since 1970, and as the text that people and programs are shown."""

import time
from datetime import UTC, datetime


def milliseconds_now() -> int:
    """The time, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def now() -> str:
    """The time as text."""
    return rfc3339(datetime.now(UTC))


def rfc3339(moment: datetime | float) -> str:
    """A time as text: RFC 3339, UTC, with milliseconds and `Z`. A number is seconds since 1970."""
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def milliseconds(text: str) -> int:
    """A time in RFC 3339 as milliseconds since 1970. Raises `ValueError`."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone")
    return round(moment.timestamp() * 1000)


def utc(text: str) -> str:
    """A time in RFC 3339, as `rfc3339` writes it: older versions wrote `+00:00`. Raises `ValueError`."""
    return rfc3339(milliseconds(text) / 1000)
