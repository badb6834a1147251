"""A partition's session on a real queue, without a consumer: the test takes and settles readings."""

from typing import Any

import pika
from pika.adapters.select_connection import IOLoop

from pipeline import wire
from pipeline.broker import topology
from pipeline.broker.connection import Connection, parameters_of
from pipeline.model.reading import Reading
from pipeline.model.session import Fence
from pipeline.model.topic_source import SourceInUse
from pipeline.settings import Settings
from pipeline.worker.partition import Partition
from tests.support.waiting import wait_until


class HeldPartition:
    """The first partition's session. It makes progress only while the test calls it or waits with `until`."""

    def __init__(
        self, amqp_url: str, session: bytes = b"session1", source: SourceInUse | None = None
    ) -> None:
        topology.ensure(Settings(amqp_url=amqp_url, partitions=1))
        self.ended: list[BaseException] = []
        self._url, self._loop = amqp_url, IOLoop()
        self._loop.activate_poller()
        self._partitions = list[Partition]()
        self._fence = Fence(0, session)
        self._source = source
        self._closed = False
        self._connection = Connection(parameters_of(amqp_url)[0], self._loop, self._on_open, self._on_end)
        self.until(lambda: self._partitions and self.partition._proof is not None)

    def _on_open(self, connection: Connection) -> None:
        self._partitions.append(
            Partition(connection, self._fence, lambda _, reason: self.ended.append(reason), self._source)
        )

    def _on_end(self, *_: object) -> None:
        self._closed = True

    @property
    def partition(self) -> Partition:
        """The session."""
        return self._partitions[0]

    def until(self, condition: Any) -> None:
        """Wait for a condition, and let the session make progress meanwhile."""

        def turned() -> object:
            self._loop.call_later(0.02, lambda: None)
            self._loop.poll()
            self._loop.process_timeouts()
            return condition()

        wait_until(turned)

    def send(self, *bodies: bytes, key: str = wire.data_key("m1"), **properties: Any) -> None:
        """Send readings of one machine, each confirmed, and wait until the session holds them."""
        held = self.partition.waiting
        with pika.BlockingConnection(pika.URLParameters(self._url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            for body in bodies:
                channel.basic_publish(
                    wire.INGEST_EXCHANGE, key, body, pika.BasicProperties(delivery_mode=2, **properties)
                )
        self.until(lambda: self.ended or self.partition.waiting == held + len(bodies))

    def take(self) -> list[Reading]:
        """Take all held readings as a batch."""
        return self.partition.take(wire.PREFETCH, 2**30).readings

    def settle_all(self) -> list[Reading]:
        """Take all held readings, and acknowledge them."""
        readings = self.take()
        self.partition.settle()
        return readings

    def close(self) -> None:
        """Close the connection."""
        if self._connection.is_open:
            self._connection.close()
        self.until(lambda: self._closed)
        self._loop.close()
