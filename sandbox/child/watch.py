"""The soft deadline: stops a logic that has been at one reading for too long, from inside the child.

A timer that runs on the processor time of this process, so that a busy machine is no logic's fault, and
that costs nothing while the child waits. Its handler raises a `Breach` in the midst of the logic. What
does not come back to the interpreter does not hear it, and is the parent's to kill.
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
    """The soft deadline. While `busy`, a reading that takes too long has a `Breach` raised in its midst.

    `due` is set by every tick, for the child to see that it has been at work for a while.
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
        """Tick from now on, whenever this process uses the processor."""
        signal.signal(signal.SIGPROF, self._tick)
        interval = min(_TICK, self._seconds / 4)
        signal.setitimer(signal.ITIMER_PROF, interval, interval)

    def _tick(self, _signal: int, _frame: FrameType | None) -> None:
        self.due = True
        now, at = time.process_time(), self._words[ProgressWriter.DONE]
        if at != self._seen or not self.busy:
            self._seen, self._since = at, now
        elif now - self._since >= self._seconds:
            self._since = now  # raised again where the logic got past it
            raise Breach(self._breach.limit, self._breach.allowed, self._breach.message)
