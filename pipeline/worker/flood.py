"""Detects a machine that sends so much that the other machines of its partition would have to wait.

The readings of a partition share one queue. So a machine that sends more than the partition can process
delays all others. While a machine floods, the worker moves its readings to the partition's overflow queue. It
processes the overflow beside the other machines' readings, a few at a time (`pipeline.worker.partition`). The
readings keep their order: while the overflow holds readings of the machine, all its new readings go there
too.

A machine floods if its partition is behind for `PATIENCE_SECONDS` and more than half of the delivered
readings are the machine's. A partition is behind if the broker has more readings than the prefetch. A machine
that had its partition to itself for the last `ALONE_SECONDS` does not flood, because it delays no other
machine.
"""

from collections import Counter
from collections.abc import Collection
from itertools import chain
from typing import Final

from pipeline.model.reading import Reading
from pipeline.wire import PREFETCH

#: Seconds that a partition is behind before the worker acts. A burst is processed in less time.
PATIENCE_SECONDS: Final = 1.0
#: Seconds without a reading of another machine, after which a machine is alone in its partition.
ALONE_SECONDS: Final = 60.0

#: If this many delivered readings are not started, the broker has more. A batch takes half of the prefetch,
#: and the worker takes the next batch before more readings have arrived; some of those may be on their way.
BEHIND: Final = PREFETCH * 3 // 8


class FloodWatch:
    """Watches the readings of one partition."""

    def __init__(self) -> None:
        self._behind_since: float | None = None
        self._last = ""
        self._mixed_at = float("-inf")

    def flooding(self, taken: Collection[Reading], waiting: Collection[Reading], now: float) -> str | None:
        """Return the machine that floods, or None.

        `taken` are the readings that a batch takes, and `waiting` the readings behind them. `now` is in
        seconds of a monotonic clock.
        """
        self._note_machines(taken, now)
        if len(taken) + len(waiting) < BEHIND:
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
