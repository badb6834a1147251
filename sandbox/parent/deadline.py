"""The hard deadlines: the parent's check whether a child takes too long for a reading, or for a request.

The deadline of a reading starts again whenever the shared page of memory shows that a reading is finished. A
child can write anything to that page, so the page may only count up, and to no more readings than the child
was given; and the time of the whole request has a limit, which no claim extends.

Both count the child's own processor time, so no reading is blamed if the machine gives the child no time. A
child that uses no processor time, which no logic can cause, has `STALLED` times as long.
"""

import time
from typing import Final

from sandbox.parent.loss import ChildLost, LethalLimit
from sandbox.protocol.progress import ProgressReader

#: The multiple of the deadline that a child has if it does not use the processor.
STALLED: Final = 5

#: How often within a deadline the parent looks at the progress.
CHECKS: Final = 8


class Deadline:
    """The time that a child has for one request.

    It may work for `seconds` without finishing a reading, and for `total` seconds altogether; `limit` names
    the first. It has finished `done` readings before, and was given `given` more.
    """

    def __init__(
        self,
        pid: int,
        progress: ProgressReader,
        limit: LethalLimit,
        seconds: float,
        total: float,
        *,
        done: int = 0,
        given: int = 0,
    ) -> None:
        # The id of the clock that counts the processor time of another process: MAKE_PROCESS_CPUCLOCK
        # in the kernel's posix-timers_types.h, with CPUCLOCK_SCHED.
        self._cpu_clock = (~pid << 3) | 2
        self._progress = progress
        self._limit: LethalLimit = limit
        self._seconds = seconds
        self._total = total
        self._done = done
        self._most = done + given
        self._start = self._since = time.monotonic()
        self._used = 0.0
        self._used_before = self._used = self._processor_time()
        self.step = seconds / CHECKS
        self._next_check = self._start + self.step

    def check(self) -> None:
        """Raise `ChildLost` if the child is overdue. It looks only `CHECKS` times per deadline."""
        now = time.monotonic()
        if now < self._next_check:
            return
        self._next_check = now + self.step
        done, used = self._progress.claim().done, self._processor_time()
        if not self._done <= done <= self._most:
            raise ChildLost("it claims progress that is not possible", lied=True)
        if done > self._done:
            self._done, self._since, self._used = done, now, used
        elif used - self._used >= self._seconds or now - self._since >= STALLED * self._seconds:
            raise ChildLost(f"it was stopped after {self._seconds:g} s", limit=self._limit)
        used -= self._used_before
        if used >= self._total or now - self._start >= STALLED * (self._seconds + used):
            # An honest child finishes its readings within this time, or one of them is overdue before.
            raise ChildLost(f"it took {used:.1f} s for one request", limit=self._limit, lied=True)

    def _processor_time(self) -> float:
        try:
            return time.clock_gettime(self._cpu_clock)
        except OSError:
            return self._used  # the child has ended; the socket will show it
