"""Moments as people say and read them: a time of day where they are, or how long ago."""

import argparse
import re
from datetime import UTC, datetime, timedelta
from typing import Final

_AGO: Final = re.compile(r"([0-9]{1,9})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def moment(text: str) -> str:
    """A moment as the API takes it (RFC 3339, UTC), from `90s`, `30m`, `2h` or `7d` ago, or ISO 8601.

    Without a zone it is local time. Raises `argparse.ArgumentTypeError`.
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
    """A moment of the API's in local time; what is none, as it is."""
    try:
        return datetime.fromisoformat(str(text)).astimezone().strftime(layout)
    except (ValueError, OverflowError, OSError):
        return str(text)
