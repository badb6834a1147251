"""The metrics of an API process, by their Prometheus names.

Every API process reports the same values for the plant (dead letters, workers, queues). Its requests,
redrives and sandbox restarts are its own. No label contains a machine's id: a route is named by its template.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.dead_letters.collector import DeadLetterCollector
from pipeline.errors import BrokerUnavailable
from pipeline.notify.notifier import Notifier
from pipeline.plant.lag import QueueState
from pipeline.settings import Settings
from pipeline.store.dead_letters import LetterStore
from pipeline.store.notifications import NotificationStore
from pipeline.store.workers import WorkerList
from pipeline.telemetry.registry import new_registry

#: Upper bounds of the histogram of request times, in seconds.
_REQUEST_SECONDS: Final = (0.005, 0.025, 0.1, 0.25, 1, 2.5, 10)


class _DeadLetterGauges(Collector):
    """The gauges of the dead letters, read at each scrape."""

    def __init__(self, settings: Settings, letters: LetterStore, collector: DeadLetterCollector) -> None:
        self._max, self._letters, self._collector = settings.dead_letters_max, letters, collector

    def collect(self) -> Iterator[Metric]:
        """Return the gauges. Raises `RedisError`."""
        yield _gauge("dead_letters", "Dead letters stored in Redis.", self._letters.count())
        yield _gauge("dead_letters_max", "Maximum number of dead letters in Redis.", self._max)
        if (waiting := self._collector.waiting) is not None:
            yield _gauge("dead_letters_waiting", "Dead letters waiting in RabbitMQ to be stored.", waiting)


class SystemGauges(Collector):
    """The gauges of the workers and their queues, read at each scrape."""

    def __init__(
        self,
        partitions: Callable[[], Sequence[int]],
        workers: Callable[[], WorkerList],
        queues: Callable[[], Sequence[QueueState]],
    ) -> None:
        self._partitions, self._workers, self._queues = partitions, workers, queues

    def collect(self) -> Iterator[Metric]:
        """Return the gauges. Raises `RedisError`. Without the broker, there are no queue counts."""
        workers = self._workers()
        served = {holding.partition for worker in workers.present for holding in worker.holding}
        yield _gauge("workers", "Running worker processes.", len(workers.present))
        yield _gauge("workers_vanished", "Worker processes that vanished recently.", len(workers.vanished))
        unserved = len(set(self._partitions()) - served)
        yield _gauge("partitions_unserved", "Partitions without a consumer.", unserved)
        ready = GaugeMetricFamily(
            "iot_logic_queue_ready", "Messages ready for delivery in a RabbitMQ queue.", labels=["queue"]
        )
        try:
            for queue in self._queues():
                ready.add_metric([queue.name], queue.ready)
        except BrokerUnavailable:
            yield _gauge("broker_up", "Whether the API can reach RabbitMQ (1 or 0).", 0)
        else:
            yield _gauge("broker_up", "Whether the API can reach RabbitMQ (1 or 0).", 1)
            yield ready


class NotificationMetrics(Collector):
    """The attempts of this process to send notifications, and the deliveries of the plant."""

    def __init__(self, notifier: Notifier, store: NotificationStore) -> None:
        self._notifier, self._store = notifier, store

    def collect(self) -> Iterator[Metric]:
        """Return the metrics. Raises `RedisError`."""
        attempts = CounterMetricFamily(
            "iot_logic_notifications",
            "Attempts to send a notification, by result: delivered, repeated (it is tried again later), or "
            "failed (it is not tried again).",
            labels=["result"],
        )
        for result, count in self._notifier.counted.items():
            attempts.add_metric([result], count)
        yield attempts
        waiting, failed = self._store.totals()
        yield _gauge("notifications_waiting", "Notifications that wait for their next attempt.", waiting)
        yield _gauge("notifications_dead", "Notifications that have failed and are not tried again.", failed)


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"iot_logic_{name}", help_text, value=value)


class SandboxMetrics:
    """The metrics of the requests that use a sandbox (`web.access.admission`)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Gauge(
            "iot_logic_sandbox_requests",
            "Uploads and trials that have a place, by kind, and by state: working or waiting.",
            ["kind", "state"],
            registry=registry,
        )
        self.refused = Counter(
            "iot_logic_sandbox_requests_refused",
            "Uploads and trials answered with 503, by kind and reason: all places are taken (full), the "
            "client has its share of them (client), or it took too long (time).",
            ["kind", "reason"],
            registry=registry,
        )
        self.gone = Counter(
            "iot_logic_sandbox_requests_gone",
            "Uploads and trials dropped because the client had disconnected, by kind.",
            ["kind"],
            registry=registry,
        )


class Metrics:
    """The metrics of one API process."""

    def __init__(self, settings: Settings, letters: LetterStore, collector: DeadLetterCollector) -> None:
        self.registry = new_registry()
        self.registry.register(_DeadLetterGauges(settings, letters, collector))
        self.redriven = Counter(
            "iot_logic_dead_letters_redriven",
            "Dead letters sent again, every attempt counted.",
            registry=self.registry,
        )
        self.event_readers = Gauge(
            "iot_logic_event_readers",
            "Open streams of live events.",
            registry=self.registry,
        )
        self.discarded = Counter(
            "iot_logic_dead_letters_discarded",
            "Dead letters discarded.",
            registry=self.registry,
        )
        self.sandbox = SandboxMetrics(self.registry)
        self.requests = Counter(
            "iot_logic_http_requests",
            "Requests that the API answered, by method, route and status.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "iot_logic_http_request_seconds",
            "Time from a request to the start of its response.",
            ["method", "route"],
            registry=self.registry,
            buckets=_REQUEST_SECONDS,
        )
