"""The pace of timers that need no reading, so that readings hardly wait for them.

Very many timers may be due at once: if a plant's network fails, all its machines fall silent together.

- While no readings come, timers run as fast as the worker can run them.
- While readings come, a batch has few timers. After it is processed, there are no timers for as long as that
  took. So readings have at least half of the worker's time, also if the servers are slow.
- A large batch of readings may have more timers: they make it only a little slower.
"""

import time
from collections.abc import Callable
from typing import Final

from pipeline.worker.batch import Batch

#: Maximum machines in a batch whose timers run without a reading: while no readings come, and while some do.
#: `python -m tests.bench timers` measures these.
MOST: Final = 64
FEW: Final = 16

#: How many readings a batch must have for each timer beyond `FEW`.
_READINGS: Final = 2

#: Seconds without readings after which none are expected.
_QUIET_SECONDS: Final = 0.5


class TimerPace:
    """The pace of one worker. Everything runs on the consumer's thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_at = self._quiet_at = float("-inf")
        #: When each batch with timers that is being processed was handed out, by its identity.
        self._began = dict[int, float]()

    def most(self, readings: int) -> int:
        """Return how many timers the next batch may have, if so many readings wait for it."""
        now = self._clock()
        if not readings and now >= self._quiet_at:
            return MOST
        if self._began or now < self._next_at:
            return 0
        return max(FEW, readings // _READINGS)

    def begin(self, batch: Batch) -> None:
        """Note that a batch is handed out."""
        now = self._clock()
        if any(share.readings for share in batch.shares):
            self._quiet_at = now + _QUIET_SECONDS
        if any(share.due for share in batch.shares):
            self._began[id(batch)] = now

    def end(self, batch: Batch) -> float:
        """Note that a batch is processed. Return the seconds during which readings come first."""
        if (began := self._began.pop(id(batch), None)) is None:
            return 0
        now = self._clock()
        self._next_at = now + (now - began)
        return now - began
