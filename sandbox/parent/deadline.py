"""The hard deadline: whether a child has been at the same reading for too long, as its parent sees it.

It is for one reading: as long as the page of memory says that readings get done, the child has time. It is
counted in the child's own processor time, so that a machine that has no time for the child makes no reading
guilty; a child that uses none, which no logic can have it do, has `STALLED` times as long.
"""

import time
from typing import Final

from sandbox.protocol.progress import ProgressReader

#: How many times its deadline a child has that does not use the processor.
STALLED: Final = 5

#: How often within a deadline the parent looks at the progress.
CHECKS: Final = 8


class Deadline:
    """Whether a child has been at the same reading for too long."""

    def __init__(self, pid: int, seconds: float, progress: ProgressReader) -> None:
        # The number of the clock that counts the processor time of another process: MAKE_PROCESS_CPUCLOCK
        # in the kernel's posix-timers_types.h, with CPUCLOCK_SCHED.
        self._cpu_clock = (~pid << 3) | 2
        self._seconds = seconds
        self._progress = progress
        self._seen: object = None
        self._since = self._used = 0.0
        self._next_check = time.monotonic() + seconds / CHECKS

    def overdue(self, now: float) -> bool:
        """Looks at the progress, where it is time to."""
        if now < self._next_check:
            return False
        self._next_check = now + self._seconds / CHECKS
        claim, used = self._progress.claim(), self._processor_time()
        if claim != self._seen:
            self._seen, self._since, self._used = claim, now, used
            return False
        return used - self._used >= self._seconds or now - self._since >= self._seconds * STALLED

    def _processor_time(self) -> float:
        try:
            return time.clock_gettime(self._cpu_clock)
        except OSError:
            return 0.0  # it is no more; the socket will tell
