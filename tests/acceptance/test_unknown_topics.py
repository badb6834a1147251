"""Readings that a device publishes to a wrong topic, with real clients: none is lost without a trace."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
import pika
import pika.exceptions
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from pipeline import wire
from pipeline.broker import topology
from pipeline.broker.publisher import PERSISTENT
from pipeline.settings import Settings
from tests.support.installation import Installation
from tests.support.logics import COUNT_AND_TELL
from tests.support.waiting import wait_until

#: Topics that RabbitMQ confirms, and what the letter's message must name.
WRONG = {
    "/machines/press-7/data": "machines/press-7/data: it begins with a slash",
    "machines/press-7/data/": "machines/press-7/data: it ends with a slash",
    "machines/press-7/Data": "machines/press-7/data: it ends with Data",
    "machines/line1/press-7/data": "machines/line1-press-7/data: a machine's id has no dots or slashes",
    "machines/a.b/data": "machines/a-b/data: a machine's id has no dots or slashes",
    "machines/press-7": "machines/press-7/data: the last level must be data",
    "machines/press-7/state": "machines/press-7/data: the last level must be data",
    "machines": "machines/<id>/data",
}


def found(plant: Installation, **parameters: Any) -> list[dict[str, Any]]:
    """Return the dead letters, whole."""
    page = plant.client.get("/dead-letters", params=parameters).json()
    return [plant.client.get(f"/dead-letters/{letter['id']}").json() for letter in page["dead_letters"]]


def readings(plant: Installation, machine_id: str) -> int:
    count: int = plant.client.get(f"/machines/{machine_id}").json().get("readings", 0)
    return count


def publish_over_mqtt(plant: Installation, topics: list[str], body: bytes = b'{"n": 1}') -> None:
    """Publish one message to each topic, and wait until RabbitMQ has confirmed all."""
    url = urlsplit(plant.mqtt_url)
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(unquote(url.username or ""), url.password)
    client.connect(url.hostname or "", url.port or 0)
    client.loop_start()
    for sent in [client.publish(topic, body, qos=1) for topic in topics]:
        sent.wait_for_publish(timeout=10)
        assert sent.is_published()
    client.disconnect()
    client.loop_stop()


@contextmanager
def publishing(plant: Installation) -> Iterator[Callable[..., None]]:
    """Return a function that publishes to a routing key, and waits for the confirm."""
    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        yield lambda key, body, **properties: channel.basic_publish(
            wire.INGEST_EXCHANGE,
            key,
            body,
            pika.BasicProperties(delivery_mode=PERSISTENT, **properties),
            mandatory=True,
        )


def test_a_reading_with_a_wrong_topic_becomes_a_dead_letter_that_names_the_right_one(
    installation: Installation,
) -> None:
    installation.start_api()
    installation.start_worker()
    installation.upload("press-7", COUNT_AND_TELL)

    publish_over_mqtt(installation, [*WRONG, wire.data_topic("press-7")])
    publish_over_mqtt(installation, ["machines/a b/data"])

    wait_until(lambda: len(found(installation)) == len(WRONG) + 1)
    wait_until(lambda: readings(installation, "press-7") == 1)
    letters = {
        letter["routing_key"].replace(".", "/"): letter
        for letter in found(installation, kind="unknown-topic")
    }
    for topic, named in WRONG.items():
        letter = letters.pop(topic.replace(".", "/"))
        assert named in letter["message"]
        assert letter["machine"] is None
    assert letters == {}
    [spaced] = found(installation, kind="machine-id")
    assert "machine id" in spaced["message"]


def test_equal_messages_are_all_stored_and_properties_and_bytes_are_kept(installation: Installation) -> None:
    installation.start_api()
    with publishing(installation) as publish:
        for _ in range(3):
            publish("machines.press.Data", b"\xff\x00", message_id="7", content_type="text/csv")

    wait_until(lambda: len(found(installation)) == 3)

    letter = found(installation)[0]
    assert (letter["message_id"], letter["content_type"]) == ("7", "text/csv")
    assert (letter["encoding"], letter["reading"]) == ("base64", "/wA=")
    assert installation.client.post(f"/dead-letters/{letter['id']}/redrive").status_code == 409
    assert installation.client.delete("/dead-letters", params={"kind": "unknown-topic"}).json() == {
        "discarded": 3
    }


def test_results_that_pass_amq_topic_and_other_topics_leave_nothing(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    installation.upload("press", COUNT_AND_TELL)
    with publishing(installation) as publish:
        publish("machines.press.data", b'{"n": 1}')
        with pytest.raises(pika.exceptions.UnroutableError):  # as before, of other systems on this broker
            publish("zigbee2mqtt.lamp", b"{}")
        wait_until(lambda: readings(installation, "press") == 1)
        publish("machines.press.Data", b"{}")

    wait_until(lambda: len(found(installation)) == 1)
    assert found(installation)[0]["routing_key"] == "machines.press.Data"


def test_wrong_topics_take_a_tenth_of_the_places_and_hold_up_no_readings(installation: Installation) -> None:
    installation.environ["IOT_LOGIC_DEAD_LETTERS_MAX"] = "40"
    installation.start_api()
    installation.start_worker()
    with publishing(installation) as publish:
        for n in range(50):
            publish("machines.press.Data", b"%d" % n)
        for n in range(20):
            publish("machines.press.data", b"%d" % n)

    wait_until(lambda: len(found(installation, kind="no-logic")) == 20)
    wait_until(lambda: len(found(installation, kind="unknown-topic")) == 4)
    waiting = {queue["name"]: queue["ready"] for queue in installation.client.get("/queues").json()["queues"]}
    assert waiting[wire.UNKNOWN_TOPICS_QUEUE] + waiting[wire.DEAD_LETTERS_QUEUE] <= 46


def test_an_older_versions_binding_is_replaced_and_a_reading_arrives_once(broker_url: str) -> None:
    settings = Settings(amqp_url=broker_url, partitions=1)
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        channel = connection.channel()
        topology.declare(channel, settings)
        channel.confirm_delivery()
        channel.exchange_bind(wire.READINGS_EXCHANGE, wire.INGEST_EXCHANGE, wire.data_key("*"))
        channel.basic_publish(wire.INGEST_EXCHANGE, wire.data_key("press"), b"both", mandatory=True)
        topology.declare(channel, settings)
        channel.exchange_unbind(wire.READINGS_EXCHANGE, wire.MACHINES_EXCHANGE, wire.data_key("*"))
        channel.basic_publish(wire.INGEST_EXCHANGE, wire.data_key("press"), b"neither", mandatory=True)

        assert drained(channel, wire.readings_queue(0)) == [b"both"]
        assert drained(channel, wire.UNKNOWN_TOPICS_QUEUE) == [b"neither"]


def drained(channel: Any, queue: str) -> list[bytes]:
    """Return all messages of a queue. `basic_get` is not available with a single active consumer."""
    bodies = list[bytes]()
    count = channel.queue_declare(queue, passive=True).method.message_count
    for _, _, body in channel.consume(queue, auto_ack=True, inactivity_timeout=10) if count else ():
        bodies.append(body)
        if len(bodies) == count:
            break
    channel.cancel()
    return bodies
