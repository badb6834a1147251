"""A partition on a real broker measures how long the oldest reading in its queue has waited."""

import pika
from pika.adapters.select_connection import IOLoop

from pipeline import wire
from pipeline.broker import topology
from pipeline.broker.connection import Connection, parameters_of
from pipeline.model.session import Fence
from pipeline.settings import Settings
from pipeline.store.client import connect
from pipeline.worker.partition import Partition
from tests.support.waiting import wait_until

#: More than the broker delivers in advance.
READINGS = wire.PREFETCH + 300


def test_readings_behind_the_prefetch_age_until_they_are_delivered(broker_url: str, redis_url: str) -> None:
    settings = Settings(amqp_url=broker_url, redis_url=redis_url, partitions=1)
    topology.ensure(settings)
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for _ in range(READINGS):
            channel.basic_publish("", wire.readings_queue(0), b"{}")
    partitions, loop, client = list[Partition](), IOLoop(), connect(settings)
    loop.activate_poller()

    def on_open(connection: Connection) -> None:
        partitions.append(Partition(connection, Fence(0, b"session1"), lambda _partition, _reason: None))

    ours = Connection(parameters_of(broker_url)[0], loop, on_open, lambda _connection, _reason: None)

    def turn() -> None:
        loop.call_later(0.05, lambda: None)
        loop.poll()
        loop.process_timeouts()

    def oldest() -> float:
        turn()
        for partition in partitions:
            partition.tick()
        return partitions[0].holding().oldest_seconds if partitions else 0.0

    wait_until(lambda: oldest() > 0)
    assert partitions[0].holding().held == wire.PREFETCH
    first = oldest()
    wait_until(lambda: oldest() > first)

    def is_done() -> bool:
        turn()
        if partitions[0].has_readings:
            partitions[0].take(READINGS, 1 << 20)
            partitions[0].settle()
        return partitions[0].acknowledged == READINGS

    wait_until(is_done)
    assert oldest() == 0
    ours.close()

    def is_closed() -> bool:
        turn()
        return bool(ours.is_closed)

    wait_until(is_closed)
    loop.close()
    client.close()
