"""How long what waits in a partition's two queues has waited, asked for now and then, only where any does.

What the session holds says whether any can: the broker hands out ahead what it may, so where less than that
is held, its queue is empty.
"""

from collections.abc import Iterable
from functools import partial
from time import monotonic
from typing import Any, Final

from pika.channel import Channel

from pipeline import topology
from pipeline.queue_age import QueueAge
from pipeline.reading import Reading

#: Seconds between two counts of what waits.
_COUNT_SECONDS: Final = 1.0

#: So many held readings mean that more may wait (as in `pipeline.flood`): of the queue, of the overflow.
_BEHIND: Final = topology.PREFETCH * 3 // 8
_OVERFLOW_BEHIND: Final = topology.OVERFLOW_PREFETCH // 2


class Ages:
    """The ages of a partition's queue and of its overflow."""

    def __init__(self, partition: int) -> None:
        self.queue, self.overflow = QueueAge(), QueueAge()
        self._partition = partition
        self._counted_at = 0.0

    def look(self, channel: Channel, held: Iterable[Reading]) -> None:
        """Ask how many wait, if it is time to. `held` are the readings that are not acknowledged."""
        now = monotonic()
        if now - self._counted_at < _COUNT_SECONDS:
            return
        self._counted_at = now
        is_overflow = [reading.place is not None for reading in held]
        overflow = sum(is_overflow)
        for queue, age, is_behind in (
            (topology.readings_queue, self.queue, len(is_overflow) - overflow >= _BEHIND),
            (topology.overflow_queue, self.overflow, overflow >= _OVERFLOW_BEHIND),
        ):
            if is_behind:
                channel.queue_declare(queue(self._partition), passive=True, callback=partial(_note, age))
            else:
                age.note(0, now)


def _note(age: QueueAge, frame: Any) -> None:
    age.note(frame.method.message_count, monotonic())
