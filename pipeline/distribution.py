"""A histogram for what is known of many readings at the same moment: their ages.

It is Prometheus' histogram, taking a whole batch at a time: the client library's own takes a lock and some
microseconds for each value, which is a tenth of what a reading may cost at all.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from threading import Lock

from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Distribution(Collector):
    """A histogram with these upper bounds, in rising order. Safe to share between threads."""

    def __init__(self, name: str, help_text: str, bounds: Sequence[float]) -> None:
        self._name, self._help = name, help_text
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        self._lock = Lock()

    def observe(self, values: Iterable[float]) -> None:
        """Take these values in."""
        bounds, counts = self._bounds, self._counts
        with self._lock:
            for value in values:
                counts[bisect_left(bounds, value)] += 1
                self._sum += value

    def collect(self) -> Iterator[Metric]:
        """The histogram as it is now."""
        with self._lock:
            counts, total = list(self._counts), self._sum
        names = [floatToGoString(bound) for bound in (*self._bounds, float("inf"))]
        buckets = list(zip(names, accumulate(counts), strict=True))
        yield HistogramMetricFamily(self._name, self._help, buckets=buckets, sum_value=total)
