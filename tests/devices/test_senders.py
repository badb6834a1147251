"""The senders for MQTT and AMQP against a real RabbitMQ."""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from threading import Thread

import pytest

from devices.errors import AddressError, Unreachable
from devices.outbox import Counts
from devices.senders import AmqpSender, MqttSender, Sender
from pipeline.local.ports import free_port
from pipeline.local.servers import LocalRabbitmq
from tests.devices.readings_queue import ReadingsQueue
from tests.support.waiting import wait_until

MACHINES = ["machine_A", "machine_B", "machine-3"]


def new_sender(via: str, amqp_url: str, mqtt_url: str) -> Sender:
    return AmqpSender(amqp_url) if via == "amqp" else MqttSender(mqtt_url)


@pytest.fixture(params=["amqp", "mqtt"])
def sender(request: pytest.FixtureRequest, broker_url: str, mqtt_url: str) -> Iterator[Sender]:
    sender = new_sender(request.param, broker_url, mqtt_url)
    sender.open()
    yield sender
    sender.close()


def numbered(count: int) -> Iterator[tuple[str, bytes]]:
    for number in range(count):
        yield MACHINES[number % len(MACHINES)], b'{"number": %d}' % number


def send_all(sender: Sender, readings: Iterable[tuple[str, bytes]]) -> None:
    for machine, body in readings:
        assert sender.send(machine, body, timeout=120)


def test_all_confirmed_readings_arrive_in_order(sender: Sender, readings_queue: ReadingsQueue) -> None:
    send_all(sender, numbered(5000))
    assert sender.flush(30)

    assert sender.counts == Counts(sent=5000, confirmed=5000)
    arrived = readings_queue.take_bodies(5000)
    for machine in MACHINES:
        assert arrived[machine] == [body for each, body in numbered(5000) if each == machine]


def test_bodies_arrive_unchanged(sender: Sender, readings_queue: ReadingsQueue) -> None:
    bodies = [b'{"a":  1.50}', b"not json \x00\xff", b"", b"x" * 200_000]
    send_all(sender, [("machine_A", body) for body in bodies])
    assert sender.flush(30)
    assert readings_queue.take_bodies(len(bodies)) == {"machine_A": bodies}


def test_a_lone_reading_is_sent_at_once(sender: Sender, readings_queue: ReadingsQueue) -> None:
    for number in range(3):
        assert sender.send("machine_A", b"%d" % number)
        assert sender.flush(10)
    assert readings_queue.take_bodies(3) == {"machine_A": [b"0", b"1", b"2"]}


def test_amqp_readings_are_persistent_and_have_ids_that_never_repeat(
    broker_url: str, readings_queue: ReadingsQueue
) -> None:
    for _ in range(2):
        sender = AmqpSender(broker_url)
        sender.open()
        send_all(sender, numbered(10))
        assert sender.flush(10)
        sender.close()
    arrived = readings_queue.take(20)
    assert {properties.delivery_mode for _, properties, _ in arrived} == {2}
    assert {properties.content_type for _, properties, _ in arrived} == {"application/json"}
    assert len({properties.message_id for _, properties, _ in arrived}) == 20


@pytest.mark.parametrize("via", ["amqp", "mqtt"])
def test_a_broker_killed_in_the_middle_receives_every_reading_at_least_once(
    via: str, own_rabbitmq: LocalRabbitmq, caplog: pytest.LogCaptureFixture
) -> None:
    count = 20_000
    readings_queue = ReadingsQueue(own_rabbitmq.amqp_url)
    sender = new_sender(via, own_rabbitmq.amqp_url, own_rabbitmq.mqtt_url)
    sender.open()
    sending = Thread(target=send_all, args=(sender, numbered(count)))
    sending.start()
    wait_until(lambda: sender.counts.confirmed > 2000)
    own_rabbitmq.kill()
    confirmed_before = sender.counts.confirmed
    wait_until(lambda: sender.trouble is not None)
    assert sender.counts.confirmed < count
    own_rabbitmq.start()
    sending.join()
    assert sender.flush(60)
    sender.close()

    assert sender.counts.sent == sender.counts.confirmed == count > confirmed_before
    assert sender.trouble is None
    assert "Reconnecting" in caplog.text
    assert f"Reconnected to {sender.address}" in caplog.text
    for machine, bodies in readings_queue.take_bodies(count).items():
        expected = [body for each, body in numbered(count) if each == machine]
        assert list(dict.fromkeys(bodies)) == expected, "the first arrivals are complete and in order"
        numbers = [int(body.split(b":")[1].strip(b" }")) for body in bodies]
        steps_back = [(before, after) for before, after in pairwise(numbers) if after <= before]
        assert len(steps_back) <= 1, "one outage repeats one stretch"
        assert len(bodies) - len(expected) <= sender.counts.repeated


def test_amqp_holds_readings_back_until_a_queue_accepts_them(broker_url: str) -> None:
    sender = AmqpSender(broker_url)
    sender.open()
    send_all(sender, [("machine_A", b"%d" % number) for number in range(500)])
    wait_until(lambda: sender.trouble is not None)
    assert "No queue is bound for readings" in str(sender.trouble)
    assert sender.counts.confirmed == 0

    queue = ReadingsQueue(broker_url)
    queue.declare()
    assert sender.flush(30)
    sender.close()
    assert queue.take_bodies(500) == {"machine_A": [b"%d" % number for number in range(500)]}
    assert sender.counts.confirmed == 500
    assert sender.trouble is None


@pytest.mark.parametrize(
    ("sender_class", "scheme"), [(AmqpSender, "amqp"), (MqttSender, "mqtt")], ids=["amqp", "mqtt"]
)
def test_an_unreachable_address_is_named_without_the_password(
    sender_class: type[AmqpSender | MqttSender], scheme: str
) -> None:
    port = free_port()
    with pytest.raises(Unreachable) as error:
        sender_class(f"{scheme}://somebody:secret@127.0.0.1:{port}").open()
    assert f"{scheme}://somebody@127.0.0.1:{port}" in str(error.value)
    assert "Check that RabbitMQ is running" in str(error.value)
    assert "secret" not in str(error.value)


def test_a_wrong_password_is_reported_as_such(broker_url: str, mqtt_url: str) -> None:
    with pytest.raises(Unreachable, match="rejected the user name or the password"):
        AmqpSender(re.sub(":[^:@]+@", ":wrong@", broker_url)).open()
    with pytest.raises(Unreachable, match="Bad user name or password"):
        MqttSender(re.sub(":[^:@]+@", ":wrong@", mqtt_url)).open()


@pytest.mark.parametrize(
    "url",
    [
        *("http://x:secret@host", "amqp://", "nonsense", "amqp://x:secret@host:port/"),
        *("amqp://x:secret#1@host/", "amqp://x:1/secret@host/"),
    ],
)
def test_an_address_of_another_kind_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(AddressError) as error:
        AmqpSender(url)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("via", ["amqp", "mqtt"])
def test_a_sender_with_several_addresses_finds_the_one_that_answers(
    via: str, broker_url: str, mqtt_url: str, readings_queue: ReadingsQueue
) -> None:
    url = broker_url if via == "amqp" else mqtt_url
    dead = re.sub(r":\d+(?=/|$)", f":{free_port()}", url)
    addresses = f"{dead}, {url},{dead}"
    for _ in range(4):  # the order is random
        sender = new_sender(via, addresses, addresses)
        sender.open()
        send_all(sender, [("machine_A", b"{}")])
        assert sender.flush(30)
        sender.close()
    assert readings_queue.take_bodies(4) == {"machine_A": [b"{}"] * 4}


def test_all_addresses_are_tried_before_a_sender_gives_up() -> None:
    ports = [free_port() for _ in range(3)]
    addresses = ",".join(f"amqp://127.0.0.1:{port}" for port in ports)

    with pytest.raises(Unreachable) as error:
        AmqpSender(addresses).open()

    assert any(str(port) in str(error.value) for port in ports)
