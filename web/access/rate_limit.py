"""How many requests a second each client may send: a bucket of requests for each, in memory.

Litestar's own rate limit counts in fixed windows, whose borders let twice the rate through, knows no burst
and reads and writes a store on each request. A bucket is two numbers. Each API process counts alone.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

#: Buckets that are kept. Who sends from more addresses than that gets each of them back full, and that is
#: what he would have got from a longer list.
_KEPT: Final = 10_000


class RateLimit:
    """The buckets of all clients: `rate` requests a second flow into each, up to `burst`."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate, self.burst, self._clock = rate, burst, clock
        # For each client what was in it, and when (seconds of the clock); the one used last is the last.
        self._buckets = OrderedDict[str, tuple[float, float]]()

    def take(self, client: str) -> float:
        """Take a request out of a client's bucket. Returns 0, or in how many seconds there is one."""
        now = self._clock()
        held, since = self._buckets.pop(client, (float(self.burst), now))
        held = min(self.burst, held + (now - since) * self.rate)
        wait = 0.0 if held >= 1 else (1 - held) / self.rate
        self._buckets[client] = (held if wait else held - 1, now)
        if len(self._buckets) > _KEPT:
            self._buckets.popitem(last=False)
        return wait

    def __len__(self) -> int:
        return len(self._buckets)
