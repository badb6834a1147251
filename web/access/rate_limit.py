"""Rate limits: a token bucket per client, in memory, limits its requests per second.

Litestar's own rate limit counts in fixed windows. It lets twice the rate through at the border of two
windows, allows no bursts, and reads and writes a store on each request. A bucket is two numbers. Each API
process counts on its own.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

#: The maximum number of buckets. A client that sends from more addresses than this gets a full bucket again
#: for each of them; a longer list would have the same effect.
_KEPT: Final = 10_000


class RateLimit:
    """The buckets of all clients. Each bucket is refilled with `rate` requests per second, up to `burst`."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate, self.burst, self._clock = rate, burst, clock
        # For each client: the requests left in its bucket, and the time of that count (seconds of the clock).
        # The most recently used one is last.
        self._buckets = OrderedDict[str, tuple[float, float]]()

    def take(self, client: str) -> float:
        """Take a request out of a client's bucket. Return 0, or the seconds until a request is available."""
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
