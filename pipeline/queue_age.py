"""How long the oldest reading of a queue has waited there, found out without looking into the queue.

RabbitMQ does not say it of quorum queues, and readings over MQTT do not say when they were sent. But a queue
is worked off in order, so counting is enough: if now and then it is noted how many have been delivered and
how many wait, then the next one to be delivered was waiting already at each note whose sum is above the
number delivered until now. The first of those notes is how old it is, at least; it is younger than the note
before.

It holds for one session, and knows nothing from before it: at its start everything is new. What the broker
takes back when a session ends comes first in the next one, whose counts begin anew.
"""

from typing import Final

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
