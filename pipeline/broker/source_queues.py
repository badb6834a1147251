"""The queues and bindings of sources: declared, bound, counted and deleted.

A source's partition has two queues like every other partition, but its readings come from `amq.topic`
directly, by the bindings of the source::

    amq.topic ──tele.*.SENSOR──▶ readings.1000
    (default) ──overflow.1000, readings.1000        moved readings, and readings that are sent again

A topic exchange routes a message to a queue once, even if several bindings match. So while a filter changes,
both bindings exist, and no reading is lost or doubled.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pika.exceptions
from msgspec import Struct

from pipeline.broker import topology
from pipeline.broker.connection import connect, reason_of
from pipeline.errors import BrokerUnavailable, TopologyError
from pipeline.settings import Settings
from pipeline.wire import INGEST_EXCHANGE, overflow_queue, readings_queue

if TYPE_CHECKING:
    from pika.adapters.blocking_connection import BlockingChannel

#: Maximum seconds for each step of connecting to the broker.
_PATIENCE_SECONDS = 5


class Waiting(Struct, frozen=True):
    """How many readings wait in a source's queues, and how many workers consume them."""

    readings: int = 0
    consumers: int = 0


class SourceQueues:
    """The queues of sources, on an open channel."""

    def __init__(self, channel: "BlockingChannel", settings: Settings) -> None:
        self._channel = channel
        self._settings = settings

    def exist(self, partition: int) -> bool:
        """Return whether a partition has a queue."""
        return self._count(readings_queue(partition)) is not None

    def declare(self, partition: int) -> None:
        """Declare both queues. Raises `TopologyError` if one exists with other properties."""
        for name in (readings_queue(partition), overflow_queue(partition)):
            topology.declare_queue(
                self._channel, topology.Queue(name, topology.partition_arguments(self._settings))
            )

    def bind(self, partition: int, pattern: str) -> None:
        """Bind the queue, so that readings with matching topics come in."""
        self._channel.queue_bind(readings_queue(partition), INGEST_EXCHANGE, pattern)

    def unbind(self, partition: int, patterns: Iterable[str]) -> None:
        """Remove bindings. Missing bindings and queues are no error."""
        if self.exist(partition):
            for pattern in patterns:
                self._channel.queue_unbind(readings_queue(partition), INGEST_EXCHANGE, pattern)

    def waiting(self, partition: int) -> Waiting:
        """Return how many readings wait in both queues, and how many consumers these have."""
        counts = [self._count(name) for name in (readings_queue(partition), overflow_queue(partition))]
        found = [each for each in counts if each is not None]
        return Waiting(sum(ready for ready, _ in found), sum(consumers for _, consumers in found))

    def delete(self, partition: int) -> None:
        """Delete both queues. Missing queues are no error."""
        for name in (overflow_queue(partition), readings_queue(partition)):
            self._channel.queue_delete(name)

    def _count(self, name: str) -> tuple[int, int] | None:
        with self._channel.connection.channel() as trial:  # RabbitMQ closes it if there is no such queue
            try:
                found = trial.queue_declare(name, passive=True).method
            except pika.exceptions.ChannelClosedByBroker as e:
                if e.reply_code != _NOT_FOUND:
                    raise
                return None
            return found.message_count, found.consumer_count


_NOT_FOUND = 404


@contextmanager
def opened(settings: Settings) -> Iterator[SourceQueues]:
    """Connect, declare the topology, and yield the queues of sources. Raises `BrokerUnavailable`."""
    try:
        with connect(
            settings.amqp_url, heartbeat=_PATIENCE_SECONDS, patience=_PATIENCE_SECONDS
        ) as connection:
            channel = connection.channel()
            topology.declare(channel, settings)
            yield SourceQueues(channel, settings)
    except TopologyError as e:
        raise BrokerUnavailable(str(e)) from e
    except (pika.exceptions.AMQPError, OSError) as e:
        raise BrokerUnavailable(f"RabbitMQ is unavailable: {reason_of(e)}") from e
