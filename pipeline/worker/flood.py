"""When a machine sends so much that the others of its partition would have to wait for it.

The readings of a partition stand in one queue, so whoever sends more than the partition can work off makes
all wait. What is done about it: while a machine floods, its readings are moved to the partition's overflow
queue, from which a few at a time are worked off beside the others' (`pipeline.worker.partition`). They keep
their order: until the overflow holds none of its readings any more, all that it sends goes there.

A machine floods when its partition is behind (the broker has more to hand out than it hands out at once)
for `PATIENCE_SECONDS`, and more than half of what has been handed out is the machine's; unless it has had
its partition to itself for the last `ALONE_SECONDS`: then there is nobody to protect.
"""

from collections import Counter
from collections.abc import Collection
from itertools import chain
from typing import Final

from pipeline.model.reading import Reading
from pipeline.wire import PREFETCH

#: Seconds that a partition is behind before anything is done: a burst is worked off in less.
PATIENCE_SECONDS: Final = 1.0
#: Seconds without a reading of another machine, after which a machine is alone in its partition.
ALONE_SECONDS: Final = 60.0

#: So many readings that nobody has begun with mean that the broker has more. A batch takes half of what it
#: hands out at once, and the next one is taken before more has come; some of that may be on its way.
_BEHIND: Final = PREFETCH * 3 // 8


class FloodWatch:
    """Watches the readings of one partition."""

    def __init__(self) -> None:
        self._behind_since: float | None = None
        self._last = ""
        self._mixed_at = float("-inf")

    def flooding(self, taken: Collection[Reading], waiting: Collection[Reading], now: float) -> str | None:
        """The machine that floods, if one does. `taken` are the readings that a batch takes, `waiting` those
        behind them; `now` is in seconds of a clock that never goes back."""
        self._note_machines(taken, now)
        if len(taken) + len(waiting) < _BEHIND:
            self._behind_since = None
            return None
        if self._behind_since is None:
            self._behind_since = now
        if now - self._behind_since < PATIENCE_SECONDS or now - self._mixed_at > ALONE_SECONDS:
            return None
        counts = Counter(reading.machine for reading in chain(taken, waiting) if reading.place is None)
        [(machine, count)] = counts.most_common(1) or [(None, 0)]
        return machine if count > (len(taken) + len(waiting)) / 2 else None

    def _note_machines(self, taken: Collection[Reading], now: float) -> None:
        machines = {reading.machine for reading in taken if reading.machine is not None}
        if machines - {self._last}:
            if self._last or len(machines) > 1:
                self._mixed_at = now
            self._last = max(machines)
