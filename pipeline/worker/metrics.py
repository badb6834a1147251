"""The metrics of a worker process, by their Prometheus names (`/metrics` of each process).

- A worker counts once a batch, after the batch is written. It looks at each reading only for its age, and
  observes the ages of a batch together (`pipeline.telemetry.histogram`).
- No metric has a label for the machine, worker or partition, so the number of time series does not grow with
  the plant.
- The counts are those of this process since its start. The exact, permanent counts of a machine are in its
  own record. If Redis's answer to a write is lost, the worker finds the batch already applied and counts it
  as `repeated`.

Two metrics measure how long a reading takes, because not every reading says when it was sent:

- `iot_logic_delivery_to_confirm_seconds`: for every reading, from its delivery to this process until the
  broker has confirmed all messages of its batch. It does not include the time in the partition's queue.
- `iot_logic_sent_to_confirm_seconds`: only for readings that say when they were sent
  (`pipeline.broker.sent_at`), from that time, by the sender's clock, until the same confirm. It includes all
  waiting.
"""

import time
from bisect import bisect_left, bisect_right
from collections import Counter as CounterOf
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Final, get_args

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.store.workers import Activity
from pipeline.telemetry.histogram import BatchHistogram
from pipeline.telemetry.registry import SandboxRestarts, SourcesInvalid, new_registry
from pipeline.worker.batch import Batch
from pipeline.worker.membership import Membership
from sandbox.job import Outcome, OutcomeKind

#: Upper bounds of the histograms: seconds of steps, seconds from end to end, and readings.
_STEP_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_AGE_SECONDS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
_READINGS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)

#: If a reading says it was sent more seconds in the future than the first value, or more seconds ago than the
#: second, the worker ignores the time: a clock is wrong.
_CLOCK_SECONDS: Final = 1.0
_OLDEST_SECONDS: Final = 7 * 24 * 3600.0


class _HoldingGauges(Collector):
    """Gauges of the partitions that the worker holds, read at each scrape."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership

    def collect(self) -> Iterator[Metric]:
        """Yield the current gauges."""
        holding = self._membership.holding
        for name, help_text, value in (
            ("partitions_assigned", "Partitions assigned to this process.", len(self._membership.assigned)),
            ("partitions_held", "Partitions that this process consumes.", len(holding)),
            (
                "readings_held",
                "Readings delivered to this process and not acknowledged.",
                sum(each.held for each in holding),
            ),
            (
                "readings_in_flight",
                "Readings in batches that are being processed or wait for confirms.",
                sum(each.in_flight for each in holding),
            ),
            (
                "oldest_held_seconds",
                "Time since the delivery of the oldest unacknowledged reading.",
                max((each.held_seconds for each in holding), default=0.0),
            ),
            (
                "oldest_waiting_seconds",
                "Minimum time that the oldest reading in the queues of the consumed partitions has waited.",
                max(
                    (max(each.oldest_seconds, each.overflow_oldest_seconds) for each in holding), default=0.0
                ),
            ),
        ):
            yield GaugeMetricFamily(f"iot_logic_{name}", help_text, value=value)


class WorkerMetrics:
    """The metrics of one worker process. Safe to share between threads."""

    def __init__(
        self, restarts: Callable[[], Mapping[str, int]] = dict, sources_invalid: Callable[[], int] = int
    ) -> None:
        self.registry = new_registry()
        self._restarts = restarts
        self._batches = self._readings = self._last = 0
        self.registry.register(SandboxRestarts(restarts))
        self.registry.register(SourcesInvalid(sources_invalid))
        self._outcomes = self._counter(
            "readings", "Readings processed, by outcome: ok, or the kind of failure.", "outcome"
        )
        for kind in get_args(OutcomeKind):
            self._outcomes.labels(kind)
        self._limits = self._counter(
            "limits_exceeded", "Readings that failed because they exceeded a limit, by limit.", "limit"
        )
        self._timers = self._counter(
            "timers", "Timers that ran, by outcome: ok, or the kind of failure.", "outcome"
        )
        self._timers.labels("ok")
        self._set_aside = self._counter(
            "readings_set_aside",
            "Readings delivered and not run: moved to the overflow (moved), delivered again after they were "
            "applied (repeated), sent again by the machine (duplicate), or sent again from a dead letter "
            "that was already processed (skipped).",
            "cause",
        )
        for cause in ("moved", "repeated", "duplicate", "skipped"):
            self._set_aside.labels(cause)
        self._misdated = self._counter(
            "readings_misdated",
            "Readings with an implausible time of sending; they do not count in any latency.",
        )
        self._results = self._counter("results", "Results published.")
        self.conflicts = self._counter(
            "record_conflicts",
            "Machines in a batch that were processed again because their record had changed meanwhile.",
        )
        self.redis_faults = self._counter(
            "redis_faults", "Times that a batch waited because Redis was unavailable."
        )
        self.broker_losses = self._counter(
            "broker_connections_lost", "Lost connections to RabbitMQ for consuming readings."
        )
        self._batch_readings = self._histogram("batch_readings", "Readings in a batch.", _READINGS)
        self._batch_seconds = self._histogram(
            "batch_seconds",
            "Time from the start of a batch until all of it is written, without the confirms.",
            _STEP_SECONDS,
        )
        self.sandbox_seconds = self._histogram(
            "sandbox_seconds", "Time in the sandbox for each batch.", _STEP_SECONDS
        )
        self._delivery_to_confirm = BatchHistogram(
            "iot_logic_delivery_to_confirm_seconds",
            "Time from the delivery of a reading to this process until its batch's messages are confirmed.",
            _AGE_SECONDS,
        )
        self._sent_to_confirm = BatchHistogram(
            "iot_logic_sent_to_confirm_seconds",
            "Time from the sending of a reading, if it says when, until its batch's messages are confirmed.",
            _AGE_SECONDS,
        )
        self._timer_late = BatchHistogram(
            "iot_logic_timer_late_seconds",
            "Time from when a timer was due until it ran.",
            _AGE_SECONDS,
        )
        self.registry.register(self._timer_late)
        self.registry.register(self._delivery_to_confirm)
        self.registry.register(self._sent_to_confirm)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"iot_logic_{name}", help_text, labels, registry=self.registry)

    def _histogram(self, name: str, help_text: str, bounds: Sequence[float]) -> Histogram:
        return Histogram(f"iot_logic_{name}", help_text, registry=self.registry, buckets=bounds)

    def watch(self, membership: Membership) -> None:
        """Also expose the gauges of the partitions that the worker holds."""
        self.registry.register(_HoldingGauges(membership))

    def activity(self) -> Activity:
        """Return a summary of the metrics for the worker's report."""
        return Activity(self._batches, self._readings, self._last, self._restarts())

    @contextmanager
    def batch(self, batch: Batch) -> Iterator[None]:
        """Measure a batch that the block processes and writes. A batch that is given up is not counted."""
        began = monotonic()
        yield
        self._batch_seconds.observe(monotonic() - began)
        self._last = sum(len(share.readings) for share in batch.shares)
        self._batches += 1
        self._readings += self._last
        self._batch_readings.observe(self._last)

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """Count readings that were processed and written."""
        kinds = CounterOf([outcome.kind for outcome in outcomes])
        for kind, count in kinds.items():
            self.count_kind(kind, count)
        self._count_effects(kinds, outcomes)

    def count_timers(self, runs: Sequence[tuple[Outcome, float]]) -> None:
        """Count timers that ran and were written, each with the seconds that it was late."""
        if not runs:
            return
        outcomes = [outcome for outcome, _ in runs]
        kinds = CounterOf([outcome.kind for outcome in outcomes])
        for kind, count in kinds.items():
            self._timers.labels(kind).inc(count)
        self._count_effects(kinds, outcomes)
        self._timer_late.observe([seconds for _, seconds in runs])

    def _count_effects(self, kinds: Mapping[OutcomeKind, int], outcomes: Sequence[Outcome]) -> None:
        """Count the exceeded limits and the results."""
        if kinds.get("limit"):
            limits = CounterOf(
                each.failure.limit or "none" for each in outcomes if each.failure and each.kind == "limit"
            )
            for limit, count in limits.items():
                self._limits.labels(limit).inc(count)
        if results := sum([len(outcome.results) for outcome in outcomes]):
            self._results.inc(results)

    def count_kind(self, kind: OutcomeKind, count: int) -> None:
        """Count `count` readings with this outcome."""
        if count:
            self._outcomes.labels(kind).inc(count)

    def count_set_aside(self, cause: str, count: int) -> None:
        """Count `count` readings that were not run."""
        if count:
            self._set_aside.labels(cause).inc(count)

    def confirmed(self, batch: Batch) -> None:
        """Measure the ages of a batch's readings when all its messages are confirmed.

        Moved readings are not measured: they are still on their way through the overflow.
        """
        now, wall = monotonic(), time.time()
        readings = [reading for share in batch.shares for reading in share.readings if not reading.move]
        self._delivery_to_confirm.observe([now - reading.arrived for reading in readings])
        ages = [wall - reading.sent / 1000 for reading in readings if reading.sent is not None]
        if ages:
            ages.sort()
            believed = ages[bisect_left(ages, -_CLOCK_SECONDS) : bisect_right(ages, _OLDEST_SECONDS)]
            if believed and believed[0] < 0:
                believed = [max(0.0, age) for age in believed]
            self._sent_to_confirm.observe(believed)
            self._misdated.inc(len(ages) - len(believed))
