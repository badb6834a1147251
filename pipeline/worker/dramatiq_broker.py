"""Dramatiq's RabbitMQ broker, adapted to consume the readings of devices.

It differs from `RabbitmqBroker` in two ways: it declares this system's topology and none of Dramatiq's
queues, and its one consumer hands out batches of raw readings. Dramatiq knows one queue, which stands for all
partitions.
"""

from threading import Event

from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.middleware import Middleware

from pipeline import wire
from pipeline.settings import Settings, addresses_of
from pipeline.store.sessions import Sessions
from pipeline.store.timers import TimerIndex
from pipeline.store.topic_sources import TopicSources
from pipeline.worker.consumer import BatchConsumer
from pipeline.worker.membership import Membership
from pipeline.worker.metrics import WorkerMetrics


class ReadingsBroker(RabbitmqBroker):
    """The broker of `pipeline.actors`. It only consumes; `pipeline.broker.publisher` publishes the results.

    The boot of the worker sets `worker_threads`, `membership`, `sessions`, `topic_sources`, `timers` and
    `metrics` before it consumes. `stopping` is set when the worker must stop.
    """

    worker_threads: int
    membership: Membership
    sessions: Sessions
    topic_sources: TopicSources
    timers: TimerIndex
    metrics: WorkerMetrics

    def __init__(self, settings: Settings, middleware: list[Middleware]) -> None:
        super().__init__(url=addresses_of(settings.amqp_url), middleware=middleware)
        self.settings = settings
        self.stopping = Event()
        self.declare_queue(wire.READINGS_EXCHANGE)

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:  # noqa: ARG002
        """Note the queue that stands for all partitions. Consumers declare the partitions' queues."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> BatchConsumer:  # noqa: ARG002
        """Return the consumer of this worker's partitions. The topology sets the prefetch."""
        return BatchConsumer(
            self.settings,
            self.membership,
            self.sessions,
            self.topic_sources,
            self.timers,
            self.metrics,
            self.stopping,
            threads=self.worker_threads,
            timeout=timeout,
        )
