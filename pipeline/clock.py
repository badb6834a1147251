"""The time, as this program writes it: in milliseconds since 1970, and as text (RFC 3339)."""

import time
from datetime import UTC, datetime


def milliseconds_now() -> int:
    """The time, as the header says it."""
    return time.time_ns() // 1_000_000


def now() -> str:
    """The time as results say it: RFC 3339, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
