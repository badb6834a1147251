"""The soft deadline: inside the child, it stops a logic that takes too long for one reading.

Its timer counts the processor time of this process: so a logic is not blamed for a busy machine, and the
timer costs nothing while the child waits. Past the deadline, each tick empties the meter and raises a
`Breach` in the middle of the logic. Python cannot call the handler during a long C call; in that case the
parent kills the child.

The exception stops a logic, but decides nothing, because it can get lost: a `finally` block can replace it, C
code can clear it, and Python cannot call the handler if calls are nested as deeply as they may be. So the
runner asks the watch when a reading ends (`passed`), and the measured time decides. The clock of processor
time needs a system call, so the watch reads it only at ticks, and after a reading that took a tick or longer.
"""

import signal
import time
from types import FrameType
from typing import Final

from sandbox.errors import Breach
from sandbox.limits import Limits
from sandbox.runtime.meter import Meter, breach_of

#: Seconds of processor time between two ticks, at most.
_TICK: Final = 0.01


class Watch:
    """The soft deadline. While `busy`, it stops a reading that takes too long.

    `now` is the processor time of this process when the watch last read it: about a tick ago, at most. Every
    tick sets `due`, which tells the child that it has worked for a while.
    """

    def __init__(self, limits: Limits, meter: Meter) -> None:
        self.busy = False
        self.due = False
        self.now = 0.0
        self._since = 0.0
        self._asked = 0.0
        self._meter = meter
        self._breach = breach_of(limits, "soft_seconds")
        self._seconds = limits.soft_seconds
        self._tick = min(_TICK, self._seconds / 4)

    def start(self) -> None:
        """Start the ticks, which come only while this process uses the processor."""
        self.begin()
        signal.signal(signal.SIGPROF, self._on_tick)
        signal.setitimer(signal.ITIMER_PROF, self._tick, self._tick)

    def begin(self) -> None:
        """Begin the time of a reading now, and not about a tick ago."""
        self._since = self.now = time.process_time()

    def passed(self) -> bool:
        """Return whether the deadline of the reading has passed, and begin the time of the next one.

        Call this at the end of each reading.
        """
        asked = time.monotonic()
        if self.due or asked - self._asked >= self._tick:
            self.now = time.process_time()
        self._asked = asked
        since, self._since = self._since, self.now
        return self.now - since >= self._seconds

    def _on_tick(self, _signal: int, _frame: FrameType | None) -> None:
        self.due = True
        self.now = time.process_time()
        if self.busy and self.now - self._since >= self._seconds:
            breach = Breach(self._breach.limit, self._breach.allowed, self._breach.message)
            self._meter.stop(breach)
            raise breach
