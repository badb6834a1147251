"""Dramatiq's RabbitMQ broker, taught to consume what devices send.

Two things differ from `RabbitmqBroker`: the queues are those of the topology (quorum queues without
delay and dead letter queues of Dramatiq's own), and the consumer hands out batches of raw readings.
"""

import pika.exceptions
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Middleware

from pipeline import topology
from pipeline.consumer import BatchConsumer
from pipeline.errors import TopologyError
from pipeline.settings import Settings


class ReadingsBroker(RabbitmqBroker):
    """The broker of `pipeline.actors`. It only consumes; results leave by `pipeline.publisher`."""

    def __init__(self, settings: Settings, middleware: list[Middleware]) -> None:
        super().__init__(url=settings.amqp_url, middleware=middleware)
        self.settings = settings
        for partition in range(settings.partitions):
            self.declare_queue(topology.readings_queue(partition))

    @property
    def consumer_class(self) -> type[BatchConsumer]:
        """The seam that Dramatiq offers for consumers of another kind."""
        return BatchConsumer

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """Note a partition's queue, so that workers consume it, and with `ensure` make the topology.

        Raises `ConnectionClosed`, Dramatiq's word for "try again later", with the reason.
        """
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)
        if ensure:
            self._declare_topology()

    def _declare_topology(self) -> None:
        try:
            topology.ensure(self.settings)
        except (pika.exceptions.AMQPError, TopologyError) as e:
            raise ConnectionClosed(e) from e
