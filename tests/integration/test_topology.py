"""Exchanges and queues on a real broker: the first process declares them; errors name the conflict."""

import time
from collections.abc import Iterator

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from pipeline import wire
from pipeline.broker import topology
from pipeline.errors import TopologyError
from pipeline.local.rabbitmq import PrivateRabbitmq
from pipeline.settings import Settings


@pytest.fixture
def channel(broker_url: str) -> Iterator[BlockingChannel]:
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        yield connection.channel()


def test_declaring_twice_changes_nothing(broker_url: str, channel: BlockingChannel) -> None:
    settings = Settings(amqp_url=broker_url)

    topology.ensure(settings)
    topology.ensure(settings)

    for partition in range(settings.partitions):
        assert channel.queue_declare(wire.readings_queue(partition), passive=True)


def test_readings_of_one_machine_share_a_queue_and_machines_spread_over_all_queues(
    broker_url: str, channel: BlockingChannel
) -> None:
    settings = Settings(amqp_url=broker_url, partitions=4)
    topology.ensure(settings)
    channel.confirm_delivery()

    for _ in range(3):
        for place in range(100):
            key = wire.data_key(f"machine_{place}")
            channel.basic_publish(wire.INGEST_EXCHANGE, key, b"{}", mandatory=True)

    owners = dict[str, int]()
    for partition in range(4):
        queue = wire.readings_queue(partition)
        for method, _, _ in channel.consume(queue, auto_ack=True, inactivity_timeout=0.2):
            if method is None:
                break
            assert owners.setdefault(method.routing_key, partition) == partition
        channel.cancel()
    assert len(owners) == 100
    assert set(owners.values()) == {0, 1, 2, 3}


def test_a_queue_with_other_properties_is_named_with_the_remedy(
    broker_url: str, channel: BlockingChannel
) -> None:
    channel.queue_declare(wire.readings_queue(0), durable=True)

    with pytest.raises(TopologyError, match=r"'readings\.0'.*IOT_LOGIC_PARTITION_MAX_BYTES"):
        topology.ensure(Settings(amqp_url=broker_url))


def test_an_exchange_with_other_properties_is_named_with_the_remedy(
    broker_url: str, channel: BlockingChannel
) -> None:
    channel.exchange_declare(wire.RESULTS_EXCHANGE, "fanout")

    with pytest.raises(TopologyError, match=r"'results'.*virtual host"):
        topology.ensure(Settings(amqp_url=broker_url))


def test_results_reach_subscribers_of_the_mqtt_exchange(broker_url: str, channel: BlockingChannel) -> None:
    topology.ensure(Settings(amqp_url=broker_url))
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, wire.INGEST_EXCHANGE, "machines.*.result")
    channel.confirm_delivery()

    channel.basic_publish(wire.RESULTS_EXCHANGE, wire.result_key("m1"), b"{}", mandatory=True)

    _, _, body = channel.basic_get(queue, auto_ack=True)
    assert body == b"{}"


def test_a_broker_without_the_exchange_type_is_told_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pipeline.local.rabbitmq.PLUGINS", ("rabbitmq_mqtt",))

    with (
        PrivateRabbitmq() as server,
        pytest.raises(TopologyError, match="rabbitmq-plugins enable rabbitmq_sharding"),
    ):
        topology.ensure(Settings(amqp_url=server.amqp_url))


def dealt(amqp_url: str) -> dict[str, int]:
    """Send a reading of each of 200 machines, and return the partition of each."""
    settings = Settings(amqp_url=amqp_url, partitions=12)
    topology.ensure(settings)
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for place in range(200):
            channel.basic_publish(wire.INGEST_EXCHANGE, wire.data_key(f"m{place}"), b"{}")
        partitions = dict[str, int]()
        for partition in range(settings.partitions):
            queue = wire.readings_queue(partition)
            for method, _, _ in channel.consume(queue, auto_ack=True, inactivity_timeout=0.2):
                if method is None:
                    break
                partitions[method.routing_key] = partition
            channel.cancel()
    return partitions


def test_a_restarted_broker_assigns_machines_to_the_same_partitions() -> None:
    with PrivateRabbitmq() as server:
        before = dealt(server.amqp_url)
        time.sleep(1)  # RabbitMQ 3.10 can lose a quorum queue that was declared less than a second ago
        server.kill()
        server.start()

        assert dealt(server.amqp_url) == before
        assert len(before) == 200
