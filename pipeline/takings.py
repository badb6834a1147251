"""When a worker last began with a reading of a queue, and how long that one had waited.

RabbitMQ does not say how old the oldest message of a queue is. A queue is worked off in order, so whoever
takes from it knows how long what he takes has waited, where it says when it was sent.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from pipeline.reading import Reading


class Taking(Struct, frozen=True):
    """The reading that was last begun with: when (seconds since 1970; None: never), and how many seconds it
    had waited since it was sent, None where it does not say."""

    at: float | None = None
    waited: float | None = None

    @property
    def time(self) -> str | None:
        """When it was, in RFC 3339, UTC."""
        if self.at is None:
            return None
        return datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Takings:
    """The last takings of a partition, from its queue and from its overflow."""

    def __init__(self) -> None:
        self.queue = Taking()
        self.overflow = Taking()

    def note(self, readings: Sequence[Reading]) -> None:
        """A batch begins with these readings."""
        at = time.time()
        last = next((reading for reading in reversed(readings) if reading.place is None), None)
        if last is not None:
            self.queue = _taking(last, at)
        last = next((reading for reading in reversed(readings) if reading.place is not None), None)
        if last is not None:
            self.overflow = _taking(last, at)


def _taking(reading: Reading, at: float) -> Taking:
    return Taking(at, None if reading.sent is None else round(max(0.0, at - reading.sent / 1000), 3))
