"""Times as people write and read them: local time, or how long ago."""

import argparse
import re
from datetime import UTC, datetime, timedelta
from typing import Final

_AGO: Final = re.compile(r"([0-9]{1,9})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def moment(text: str) -> str:
    """Return a time as the API expects it (RFC 3339, UTC), from `90s`, `30m`, `2h` or `7d` ago, or ISO 8601.

    A time without a time zone is local time. Raises `argparse.ArgumentTypeError`.
    """
    try:
        if ago := _AGO.fullmatch(text):
            then = datetime.now(UTC) - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
        else:
            then = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as e:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time: write 2h, 30m or 7d (ago), or 2026-01-31T12:00"
        ) from e
    return then.isoformat().replace("+00:00", "Z")


def local(text: object, layout: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Return a time from the API in local time, or the text unchanged if it is not a time."""
    try:
        return datetime.fromisoformat(str(text)).astimezone().strftime(layout)
    except (ValueError, OverflowError, OSError):
        return str(text)
