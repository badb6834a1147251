"""How long the oldest reading of a queue has waited there, found out without looking into the queue.

RabbitMQ does not say it of quorum queues, and readings over MQTT do not say when they were sent. But a queue
is worked off in order, so counting is enough: if now and then it is noted how many have been delivered and
how many wait, then the next one to be delivered was waiting already at each note whose sum is above the
number delivered until now. The first of those notes is how old it is, at least; it is younger than the note
before.

It holds for one session, and knows nothing from before it: at its start everything is new. What the broker
takes back when a session ends comes first in the next one, whose counts begin anew.
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

#: Notes that are kept. Beyond it every second one is dropped: the older, the coarser.
_NOTES: Final = 1000


class QueueAge:
    """The age of a queue's oldest reading that is not delivered. `delivered` is to be counted up."""

    def __init__(self) -> None:
        self.delivered = 0
        #: When it was noted, and how many had been delivered or waited then.
        self._notes = list[tuple[float, int]]()

    def note(self, ready: int, now: float) -> None:
        """So many wait. `now` is in seconds of a clock that never goes back."""
        total = self.delivered + ready
        if ready == 0 or (self._notes and self._notes[-1][1] > total):  # else somebody has purged it
            self._notes.clear()
        if ready:
            self._notes.append((now, total))
        if len(self._notes) > _NOTES:
            del self._notes[1::2]

    def seconds(self, now: float) -> float:
        """How long the oldest has waited, at least; 0 where none is known to wait."""
        past = 0
        for _, total in self._notes:
            if total > self.delivered:
                break
            past += 1
        del self._notes[:past]
        return now - self._notes[0][0] if self._notes else 0.0


#: Seconds between two counts of what waits.
_COUNT_SECONDS: Final = 1.0


#: So many held readings mean that more may wait (as in `pipeline.worker.flood`): of the queue, of the
#: overflow.
_BEHIND: Final = wire.PREFETCH * 3 // 8


_OVERFLOW_BEHIND: Final = wire.OVERFLOW_PREFETCH // 2


class QueueAges:
    """The ages of a partition's queue and of its overflow."""

    def __init__(self, partition: int) -> None:
        self.queue, self.overflow = QueueAge(), QueueAge()
        self._partition = partition
        self._counted_at = 0.0

    def refresh(self, channel: Channel, held: Iterable[Reading]) -> None:
        """Ask how many wait, if it is time to. `held` are the readings that are not acknowledged."""
        now = monotonic()
        if now - self._counted_at < _COUNT_SECONDS:
            return
        self._counted_at = now
        is_overflow = [reading.place is not None for reading in held]
        overflow = sum(is_overflow)
        for queue, age, is_behind in (
            (wire.readings_queue, self.queue, len(is_overflow) - overflow >= _BEHIND),
            (wire.overflow_queue, self.overflow, overflow >= _OVERFLOW_BEHIND),
        ):
            if is_behind:
                channel.queue_declare(queue(self._partition), passive=True, callback=partial(_note, age))
            else:
                age.note(0, now)


def _note(age: QueueAge, frame: Any) -> None:
    age.note(frame.method.message_count, monotonic())


class LastTaken(Struct, frozen=True):
    """The reading that was last begun with: when (seconds since 1970; None: never), and how many seconds it
    had waited since it was sent, None where it does not say."""

    at: float | None = None
    waited: float | None = None

    @property
    def time(self) -> str | None:
        """When it was, in RFC 3339, UTC."""
        if self.at is None:
            return None
        return rfc3339(self.at)


class LastTakens:
    """The last takings of a partition, from its queue and from its overflow."""

    def __init__(self) -> None:
        self.queue = LastTaken()
        self.overflow = LastTaken()

    def note(self, readings: Sequence[Reading]) -> None:
        """A batch begins with these readings."""
        at = time.time()
        last = next((reading for reading in reversed(readings) if reading.place is None), None)
        if last is not None:
            self.queue = _taking(last, at)
        last = next((reading for reading in reversed(readings) if reading.place is not None), None)
        if last is not None:
            self.overflow = _taking(last, at)


def _taking(reading: Reading, at: float) -> LastTaken:
    return LastTaken(at, None if reading.sent is None else round(max(0.0, at - reading.sent / 1000), 3))
