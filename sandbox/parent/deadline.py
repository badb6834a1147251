"""The hard deadline: the parent's check whether a child takes too long for one reading.

The deadline is for one reading: it starts again whenever the shared page of memory shows that a reading is
finished. It counts the child's own processor time, so no reading is blamed if the machine gives the child no
time. A child that uses no processor time, which no logic can cause, has `STALLED` times as long.
"""

import time
from typing import Final

from sandbox.protocol.progress import ProgressReader

#: The multiple of the deadline that a child has if it does not use the processor.
STALLED: Final = 5

#: How often within a deadline the parent looks at the progress.
CHECKS: Final = 8


class Deadline:
    """Tells whether a child takes too long for one reading."""

    def __init__(self, pid: int, seconds: float, progress: ProgressReader) -> None:
        # The id of the clock that counts the processor time of another process: MAKE_PROCESS_CPUCLOCK
        # in the kernel's posix-timers_types.h, with CPUCLOCK_SCHED.
        self._cpu_clock = (~pid << 3) | 2
        self._seconds = seconds
        self._progress = progress
        self._seen: object = None
        self._since = self._used = 0.0
        self._next_check = time.monotonic() + seconds / CHECKS

    def overdue(self, now: float) -> bool:
        """Return whether the child is overdue. It checks the progress only `CHECKS` times per deadline."""
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
            return 0.0  # the child has ended; the socket will show it
