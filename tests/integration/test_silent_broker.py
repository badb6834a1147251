"""A broker that is silent, because its host died or the network was cut, is left for another one soon."""

import time
from urllib.parse import urlsplit, urlunsplit

import pika
import pika.exceptions
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from pipeline.broker import topology
from pipeline.broker.connection import HEARTBEAT_SECONDS, parameters_of
from pipeline.broker.publisher import Message, Publisher
from pipeline.errors import PublishError
from pipeline.settings import Settings
from tests.chaos.proxy import Network, Proxy
from tests.support.waiting import wait_until

#: The AMQP heartbeat in seconds. A silent connection ends after one and a half; pika needs 6 to 12 seconds.
HEARTBEAT = 1

#: A queue that accepts no message.
FULL = {"x-max-length": 0, "x-overflow": "reject-publish"}


def through(network: Network, broker_url: str) -> tuple[Proxy, str]:
    """Return a proxy to the broker, and the broker's address through it."""
    parts = urlsplit(broker_url)
    assert parts.port is not None
    proxy = network.proxy(parts.port)
    netloc = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}"
    return proxy, urlunsplit(parts._replace(netloc=netloc, query=f"heartbeat={HEARTBEAT}"))


def test_a_connection_to_a_silent_broker_ends_after_two_heartbeats(broker_url: str) -> None:
    network = Network()
    proxy, url = through(network, broker_url)
    publisher = Publisher(lambda: pika.URLParameters(url))
    try:
        wait_until(lambda: publisher.connected)
        proxy.stall(20)
        began = time.monotonic()
        wait_until(lambda: not publisher.connected, timeout=5)
        assert time.monotonic() - began < 2.5 * HEARTBEAT
    finally:
        publisher.close()
        network.close()


def test_a_node_that_falls_silent_while_queues_are_declared_is_left(
    broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network()
    proxy, url = through(network, broker_url)
    declare = topology.declare

    def declare_late(channel: BlockingChannel, settings: Settings) -> None:
        proxy.stall(20)
        declare(channel, settings)

    monkeypatch.setattr(topology, "declare", declare_late)
    try:
        began = time.monotonic()
        with pytest.raises(pika.exceptions.AMQPHeartbeatTimeout):
            topology.ensure(Settings(amqp_url=url))
        assert time.monotonic() - began < 2.5 * HEARTBEAT_SECONDS
    finally:
        network.close()


def test_a_connection_without_messages_stays_open(broker_url: str) -> None:
    publisher = Publisher(lambda: pika.URLParameters(f"{broker_url}?heartbeat={HEARTBEAT}"))
    try:
        wait_until(lambda: publisher.connected)
        before = publisher._connection
        time.sleep(6 * HEARTBEAT)
        assert publisher._connection is before
    finally:
        publisher.close()


def test_a_node_whose_connection_was_lost_is_tried_after_the_others(broker_url: str) -> None:
    network = Network()
    proxy, url = through(network, broker_url)
    publisher = Publisher(lambda: pika.URLParameters(url))
    try:
        wait_until(lambda: publisher.connected)
        proxy.cut()
        wait_until(lambda: not publisher.connected)
        orders = [[each.port for each in parameters_of(f"{url},{broker_url}")] for _ in range(20)]
        assert all(ports[-1] == proxy.port for ports in orders)
    finally:
        publisher.close()
        network.close()


def test_a_refusal_soon_after_a_lost_connection_ends_the_next_one(broker_url: str) -> None:
    network = Network()
    proxy, url = through(network, broker_url)
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        connection.channel().queue_declare("full", arguments=FULL)
    publisher = Publisher(lambda: pika.URLParameters(url))
    message = Message("", "full", b"", pika.BasicProperties())
    try:
        wait_until(lambda: publisher.connected)
        first = publisher._connection
        with pytest.raises(PublishError, match="a queue is full"):
            publisher.publish([message]).result(10)
        assert publisher._connection is first, "nothing was lost, so the queue is full"

        proxy.cut()
        wait_until(lambda: publisher._connection is not first and publisher.connected)
        second = publisher._connection
        with pytest.raises(PublishError):
            publisher.publish([message]).result(10)
        wait_until(lambda: publisher._connection is not second and publisher.connected)
    finally:
        publisher.close()
        network.close()


def test_an_alarm_is_not_the_trouble_of_a_lost_connection(broker_url: str) -> None:
    network = Network()
    proxy, url = through(network, broker_url)
    publisher = Publisher(lambda: pika.URLParameters(url))
    try:
        wait_until(lambda: publisher.connected)
        publisher._blocked = "RabbitMQ has an alarm"
        proxy.close()
        wait_until(lambda: not publisher.connected)
        assert publisher.blocked is None
    finally:
        publisher.close()
        network.close()
