"""The handover of a partition between workers: unacknowledged readings come first."""

from collections.abc import Callable, Iterator
from threading import Thread

import pika
import pytest
from pika.adapters.select_connection import IOLoop
from pika.channel import Channel

from pipeline import wire
from pipeline.broker import topology
from pipeline.broker.connection import Connection, close_at_once, parameters_of
from pipeline.settings import Settings
from tests.support.waiting import wait_until

READINGS = 2 * wire.PREFETCH


class Consumer:
    """A consumer of the first partition, on its own event loop, that acknowledges nothing."""

    def __init__(self, amqp_url: str) -> None:
        self.bodies: list[bytes] = []
        self.loop = IOLoop()
        self.channel: Channel | None = None
        self._consuming = False
        self.connection = Connection(parameters_of(amqp_url)[0], self.loop, self._on_open, self._on_end)
        self._thread = Thread(target=self.loop.start, daemon=True)
        self._thread.start()
        wait_until(lambda: self._consuming)

    def _on_open(self, connection: Connection) -> None:
        self.channel = connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        channel.basic_qos(prefetch_count=wire.PREFETCH)
        channel.basic_consume(
            wire.readings_queue(0),
            lambda _channel, _method, _properties, body: self.bodies.append(body),
            callback=lambda _frame: setattr(self, "_consuming", True),
        )

    def _on_end(self, _connection: object, _reason: BaseException) -> None:
        self.loop.stop()

    def close(self) -> None:
        self.loop.add_callback_threadsafe(self.connection.close)
        self._thread.join()
        self.loop.close()


@pytest.fixture
def consumers(broker_url: str) -> Iterator[tuple[Consumer, Consumer]]:
    """Start two consumers. The first is active and holds as many readings as it may."""
    topology.ensure(Settings(amqp_url=broker_url, partitions=1))
    first, second = Consumer(broker_url), Consumer(broker_url)
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for number in range(READINGS):
            channel.basic_publish(wire.INGEST_EXCHANGE, wire.data_key("m1"), b"%d" % number)
    wait_until(lambda: len(first.bodies) == wire.PREFETCH)
    yield first, second
    first.close()
    second.close()


def handed_over(consumers: tuple[Consumer, Consumer], close: Callable[[Channel], None]) -> list[int]:
    """Close the first consumer's channel in this way, and return the second consumer's first readings."""
    first, second = consumers
    channel = first.channel
    assert channel is not None
    first.loop.add_callback_threadsafe(lambda: close(channel))
    wait_until(lambda: len(second.bodies) == wire.PREFETCH)
    return [int(body) for body in second.bodies]


def test_unacknowledged_readings_are_handed_over_first_and_in_order(
    consumers: tuple[Consumer, Consumer],
) -> None:
    assert handed_over(consumers, close_at_once) == list(range(wire.PREFETCH))


def test_if_pika_closed_the_channel_later_readings_would_overtake_them(
    consumers: tuple[Consumer, Consumer],
) -> None:
    assert handed_over(consumers, Channel.close)[0] == wire.PREFETCH
