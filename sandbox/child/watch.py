"""The soft deadline: inside the child, it stops a logic that takes too long for one reading.

Its timer counts the processor time of this process: so a logic is not blamed for a busy machine, and the
timer costs nothing while the child waits. Its handler raises a `Breach` in the middle of the logic. Python
cannot call the handler during a long C call; in that case the parent kills the child.
"""

import signal
import time
from types import FrameType
from typing import Final

from sandbox.errors import Breach
from sandbox.limits import Limits
from sandbox.protocol.progress import ProgressWriter
from sandbox.runtime.meter import breach_of

#: Seconds of processor time between two ticks, at most.
_TICK: Final = 0.01


class Watch:
    """The soft deadline. While `busy`, it raises a `Breach` in the middle of a reading that takes too long.

    Every tick sets `due`, which tells the child that it has worked for a while.
    """

    def __init__(self, limits: Limits, progress: ProgressWriter) -> None:
        self.busy = False
        self.due = False
        self._words = progress.words
        self._breach = breach_of(limits, "soft_seconds")
        self._seconds = limits.soft_seconds
        self._seen = -1
        self._since = 0.0

    def start(self) -> None:
        """Start the ticks, which come only while this process uses the processor."""
        signal.signal(signal.SIGPROF, self._tick)
        interval = min(_TICK, self._seconds / 4)
        signal.setitimer(signal.ITIMER_PROF, interval, interval)

    def _tick(self, _signal: int, _frame: FrameType | None) -> None:
        self.due = True
        now, at = time.process_time(), self._words[ProgressWriter.DONE]
        if at != self._seen or not self.busy:
            self._seen, self._since = at, now
        elif now - self._since >= self._seconds:
            self._since = now  # raise it again if the logic survives it
            raise Breach(self._breach.limit, self._breach.allowed, self._breach.message)
