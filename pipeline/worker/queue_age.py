"""The time that the oldest reading of a queue has waited, found without looking into the queue.

RabbitMQ does not report this for quorum queues, and readings over MQTT do not say when they were sent. But a
queue delivers in order, so counting is enough. From time to time, the worker notes the number of delivered
readings plus the number of waiting ones. The next reading to be delivered was already waiting at every note
whose sum is above the current number of delivered readings. The age of the first of these notes is a lower
bound of the reading's age; the age of the note before it is an upper bound.

The counts hold for one session: at its start, every reading counts as new. Readings that the broker takes
back when a session ends come first in the next session, which starts its counts again.
"""

import time
from collections.abc import Iterable, Sequence
from functools import partial
from time import monotonic
from typing import Any, Final

from msgspec import Struct
from pika.channel import Channel

from pipeline import wire
from pipeline.clock import rfc3339
from pipeline.model.reading import Reading
from pipeline.worker.flood import BEHIND

#: Maximum number of notes. Beyond it, every second note is dropped, so older notes are coarser.
_NOTES: Final = 1000

#: Seconds between two counts of the waiting readings.
_COUNT_SECONDS: Final = 1.0

#: If this many readings from the overflow are held, more may wait there. For the partition's own queue, the
#: number is `BEHIND`.
_OVERFLOW_BEHIND: Final = wire.OVERFLOW_PREFETCH // 2


class QueueAge:
    """The age of a queue's oldest undelivered reading. The caller increments `delivered`."""

    def __init__(self) -> None:
        self.delivered = 0
        #: The time of each note, and the sum of delivered and waiting readings at that time.
        self._notes = list[tuple[float, int]]()

    def note(self, ready: int, now: float) -> None:
        """Note that `ready` readings wait. `now` is in seconds of a monotonic clock."""
        total = self.delivered + ready
        if ready == 0 or (self._notes and self._notes[-1][1] > total):  # else the queue was purged
            self._notes.clear()
        if ready:
            self._notes.append((now, total))
        if len(self._notes) > _NOTES:
            del self._notes[1::2]

    def seconds(self, now: float) -> float:
        """Return the seconds that the oldest reading has waited, at least; 0 if none is known to wait."""
        past = 0
        for _, total in self._notes:
            if total > self.delivered:
                break
            past += 1
        del self._notes[:past]
        return now - self._notes[0][0] if self._notes else 0.0


class QueueAges:
    """The ages of a partition's queue and of its overflow."""

    def __init__(self, partition: int) -> None:
        self.queue, self.overflow = QueueAge(), QueueAge()
        self._partition = partition
        self._counted_at = 0.0

    def refresh(self, channel: Channel, held: Iterable[Reading]) -> None:
        """Ask for the number of waiting readings, at most every `_COUNT_SECONDS`.

        `held` are the unacknowledged readings.
        """
        now = monotonic()
        if now - self._counted_at < _COUNT_SECONDS:
            return
        self._counted_at = now
        is_overflow = [reading.place is not None for reading in held]
        overflow = sum(is_overflow)
        for queue, age, is_behind in (
            (wire.readings_queue, self.queue, len(is_overflow) - overflow >= BEHIND),
            (wire.overflow_queue, self.overflow, overflow >= _OVERFLOW_BEHIND),
        ):
            if is_behind:
                channel.queue_declare(queue(self._partition), passive=True, callback=partial(_note, age))
            else:
                age.note(0, now)


def _note(age: QueueAge, frame: Any) -> None:
    age.note(frame.method.message_count, monotonic())


class LastTaken(Struct, frozen=True):
    """When a batch last took a reading, in seconds since 1970 (None: never), and how long it had waited.

    `waited` is in seconds since the reading was sent; None if the reading does not say when.
    """

    at: float | None = None
    waited: float | None = None

    @property
    def time(self) -> str | None:
        """The time in RFC 3339, UTC."""
        if self.at is None:
            return None
        return rfc3339(self.at)


class LastTakens:
    """When a batch last took a reading of a partition from its queue and from its overflow."""

    def __init__(self) -> None:
        self.queue = LastTaken()
        self.overflow = LastTaken()

    def note(self, readings: Sequence[Reading]) -> None:
        """Note that a batch takes these readings."""
        at = time.time()
        last = next((reading for reading in reversed(readings) if reading.place is None), None)
        if last is not None:
            self.queue = _last_taken(last, at)
        last = next((reading for reading in reversed(readings) if reading.place is not None), None)
        if last is not None:
            self.overflow = _last_taken(last, at)


def _last_taken(reading: Reading, at: float) -> LastTaken:
    return LastTaken(at, None if reading.sent is None else round(max(0.0, at - reading.sent / 1000), 3))
