"""A broker that is silent, because its host died or the network was cut, is left as soon as it leaves us."""

import time
from urllib.parse import urlsplit, urlunsplit

import pika

from pipeline.broker.publisher import Publisher
from tests.chaos.proxy import Network
from tests.support.waiting import wait_until

#: Seconds between two heartbeats. A silent connection ends after three at most; pika needs 6 to 12 seconds.
HEARTBEAT = 1


def test_a_connection_to_a_silent_broker_ends_after_three_heartbeats(broker_url: str) -> None:
    network = Network()
    parts = urlsplit(broker_url)
    assert parts.port is not None
    proxy = network.proxy(parts.port)
    netloc = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}"
    url = urlunsplit(parts._replace(netloc=netloc, query=f"heartbeat={HEARTBEAT}"))
    publisher = Publisher(lambda: pika.URLParameters(url))
    try:
        wait_until(lambda: publisher.connected)
        proxy.stall(20)
        wait_until(lambda: not publisher.connected, timeout=5)
    finally:
        publisher.close()
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
