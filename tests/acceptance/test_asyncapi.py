"""The AsyncAPI document, compared with a real broker and the real messages on it."""

import json
import re
from collections.abc import Iterator
from threading import Event
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import jsonschema_rs
import paho.mqtt.client as mqtt
import pika
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from pika.compat import long

from devices.senders import MqttSender
from pipeline import wire
from pipeline.broker import topology
from pipeline.broker.overflow import move_message
from pipeline.local.servers import LocalRabbitmq
from pipeline.model.claim import Claim
from pipeline.model.dead_letter import STRAY
from pipeline.model.record import Move, Outgoing
from pipeline.settings import Settings
from tests.support.installation import Collector, Installation
from tests.support.waiting import wait_until
from web.documents.asyncapi import document

#: Returns one result, two results, or none.
LOGIC = """
def process(data, state):
    state["last"] = data["n"]
    return [{"n": data["n"]}, {"again": True}] if data["n"] == 2 else {"n": data["n"]}
"""

#: Sets a timer, which returns two results.
TIMERS = """
def process(data, state):
    set_timer("t", seconds=1)

def on_timer(timer, state):
    return [{"n": 1}, {"n": 2}]
"""

DOCUMENT = document(Settings())


def faults(message: str, properties: pika.BasicProperties | None, body: bytes) -> list[str]:
    """Return the differences between a message and the document. Over MQTT there are no properties."""
    described = DOCUMENT["components"]["messages"][message]
    parts = list[tuple[str, Any]]()
    if isinstance(described["payload"].get("type"), str):
        parts.append(("payload", json.loads(body)))
    if properties is not None:
        said = {name: value for name, value in vars(properties).items() if value is not None}
        # pika has its own class for integers of eight bytes, which the validator does not know.
        headers = said.pop("headers", {})
        parts.append(
            ("headers", {key: int(of) if isinstance(of, long) else of for key, of in headers.items()})
        )
        parts.append(("x-amqp-properties", said))
    return [
        f"{message} {part}: {error.message}"
        for part, value in parts
        for error in jsonschema_rs.validator_for(described[part], validate_formats=True).iter_errors(value)
    ]


def channel_of(server: str, address: str, exchange: str | None = None) -> dict[str, Any]:
    """Return the only channel of the document whose address matches a message's."""
    found = [
        channel
        for channel in DOCUMENT["channels"].values()
        if channel["servers"] == [{"$ref": f"#/servers/{server}"}]
        and re.fullmatch(re.sub(r"\\{\w+\\}", "[^./]+", re.escape(channel["address"])), address)
        and channel.get("bindings", {}).get("amqp", {}).get("exchange", {}).get("name") == exchange
    ]
    assert len(found) == 1, f"{address} of {exchange} is described {len(found)} times"
    channel: dict[str, Any] = found[0]
    return channel


def message_on(server: str, address: str, exchange: str | None = None) -> str:
    [name] = channel_of(server, address, exchange)["messages"]
    return str(name)


class MqttReader:
    """Receives all messages over MQTT on the topics of the results."""

    def __init__(self, url: str) -> None:
        self.messages: list[tuple[str, bytes]] = []
        address, subscribed = urlsplit(url), Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(unquote(address.username or ""), address.password)
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = lambda _client, _data, message: self.messages.append(
            (message.topic, bytes(message.payload))
        )
        self._client.connect(address.hostname or "", address.port or 1883)
        self._client.loop_start()
        self._client.subscribe(wire.result_topic("+"), qos=1)
        assert subscribed.wait(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def reader(mqtt_url: str) -> Iterator[MqttReader]:
    reader = MqttReader(mqtt_url)
    yield reader
    reader.close()


def check_all(collector: Collector, exchange: str) -> list[str]:
    """Return the differences between the messages of an exchange and the document."""
    return [
        fault
        for key, properties, body in collector.messages
        for fault in faults(message_on("amqp", key, exchange), properties, body)
    ]


def test_every_real_message_matches_its_description(
    installation: Installation, mqtt_url: str, reader: MqttReader
) -> None:
    installation.start_api()
    installation.start_worker()
    installation.upload("m1", LOGIC)
    sender = MqttSender(mqtt_url)
    sender.open()
    with (
        installation.collect(wire.INGEST_EXCHANGE) as ingest,
        installation.collect(wire.RESULTS_EXCHANGE) as results,
        installation.collect(wire.DEAD_LETTERS_EXCHANGE) as dead_letters,
    ):
        for body in (b'{"n": 1}', b'{"n": 2}', b'{"m": 3}', b"not JSON"):
            sender.send("m1", body)
        assert sender.flush(30)
        installation.send([("m1", {"n": 4}), ("m1", {"n": None, "m": 1}), ("other", 5), ("a" * 200, 6)])
        taken = installation.client.post("/machines/m1/data", json={"n": 7}).json()
        wait_until(lambda: len(dead_letters.messages) == 4)
        number = next(
            properties.headers["number"]
            for _, properties, _ in dead_letters.messages
            if properties.headers["kind"] == "error"
        )
        installation.upload("m1", 'def process(data, state): return {"mended": True}')
        wait_until(lambda: installation.client.get(f"/dead-letters/m1/{number}").status_code == 200)
        again = installation.client.post(f"/dead-letters/m1/{number}/redrive")
        wait_until(lambda: len(results.messages) == 7)
        wait_until(lambda: len(reader.messages) == 7)
    sender.close()

    readings = [each for each in ingest.messages if each[0].endswith(".data") and len(each[0]) < 100]
    assert again.status_code == 202
    assert {properties.headers["kind"] for _, properties, _ in dead_letters.messages} == {
        "error",
        "not-json",
        "no-logic",
        "machine-id",
    }
    assert taken["message_id"] in {properties.message_id for _, properties, _ in readings}
    assert [fault for _, each, body in readings for fault in faults("reading", each, body)] == []
    assert check_all(results, wire.RESULTS_EXCHANGE) == []
    strays = [each for each in dead_letters.messages if each[1].message_id.startswith(STRAY)]
    dead_letters.messages = [each for each in dead_letters.messages if each not in strays]
    assert len(strays) == 1
    assert [fault for _, each, body in strays for fault in faults("deadLetter", each, body)] == []
    assert check_all(dead_letters, wire.DEAD_LETTERS_EXCHANGE) == []
    assert {message_on("mqtt", topic) for topic, _ in reader.messages} == {"result"}
    assert [fault for _, body in reader.messages for fault in faults("result", None, body)] == []
    assert message_on("mqtt", wire.data_topic("m1")) == "reading"


def test_the_messages_of_timers_match_their_description(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    fails = TIMERS.replace('return [{"n": 1}, {"n": 2}]', "return 1 / 0")
    installation.upload("m1", TIMERS)
    installation.upload("m2", fails)
    with (
        installation.collect(wire.INGEST_EXCHANGE) as ingest,
        installation.collect(wire.RESULTS_EXCHANGE) as results,
        installation.collect(wire.DEAD_LETTERS_EXCHANGE) as dead_letters,
    ):
        installation.send([("m1", {}), ("m2", {})])
        wait_until(lambda: len(results.messages) == 2 and len(dead_letters.messages) == 1, 60)
        wait_until(lambda: installation.client.get("/dead-letters/m2/timer-1").status_code == 200)
        installation.client.post("/dead-letters/m2/timer-1/redrive").raise_for_status()
        wait_until(lambda: len(dead_letters.messages) == 2)

    assert [each["id"] for each in results.events] == ["timer-1.1", "timer-1.2"]
    again = [each for each in ingest.messages if each[1].message_id == "dead-letter/timer-1"]
    assert [fault for _, each, body in again for fault in faults("reading", each, body)] == []
    assert len(again) == 1
    assert check_all(results, wire.RESULTS_EXCHANGE) == []
    assert check_all(dead_letters, wire.DEAD_LETTERS_EXCHANGE) == []


def test_a_message_that_differs_from_its_description_is_detected() -> None:
    properties = pika.BasicProperties(
        content_type="application/cloudevents+json", message_id="m1/1", delivery_mode=2, priority=1
    )
    event = dict(DOCUMENT["components"]["messages"]["result"]["examples"][0]["payload"])
    body = json.dumps({**event, "data": [], "colour": "red", "time": "today"}).encode()

    found = faults("result", properties, body)

    assert len(found) == 4
    assert any("priority" in each for each in found)
    assert any("colour" in each for each in found)


def test_times_that_rabbitmq_adds_are_described() -> None:
    properties = pika.BasicProperties(
        message_id="m1/17",
        delivery_mode=2,
        timestamp=1_764_000_000,
        headers={"machine": "m1", "kind": "error", "message": "x", "time": "2026-11-23T08:15:30Z"}
        | {"timestamp_in_ms": 1_764_000_000_000},
    )

    assert faults("deadLetter", properties, b"{}") == []


def test_an_expired_reading_matches_its_description() -> None:
    properties = pika.BasicProperties(headers={"x-death": [{"reason": "expired"}], "own": 1})

    assert faults("expiredReading", properties, b"{}") == []
    assert faults("expiredReading", pika.BasicProperties(headers={}), b"{}") != []


def test_a_reading_moved_to_the_overflow_matches_its_description() -> None:
    claim = Claim.sign(b"secret", "m1", "17", b"{}")
    moves = [Move(1), Move(2, "an id", "text/plain", claim, 1_764_000_000_000)]

    messages = [move_message("overflow.1", "m1", Outgoing("", b"{}", move=move)) for move in moves]

    assert [fault for each in messages for fault in faults("movedReading", each.properties, each.body)] == []
    assert list(channel_of("amqp", "overflow.1")["messages"]) == ["movedReading"]


def test_the_topology_of_the_broker_matches_its_description(rabbitmq: LocalRabbitmq, vhost: str) -> None:
    url = rabbitmq.amqp_url.rpartition("/")[0] + f"/{vhost}"
    settings = Settings(amqp_url=url, partitions=3)
    described = document(settings)
    topology.ensure(settings)
    with httpx.Client(base_url=rabbitmq.management_url or "", timeout=30) as management:

        def ask(kind: str) -> list[dict[str, Any]]:
            answer: list[dict[str, Any]] = management.get(f"/api/{kind}/{vhost}").raise_for_status().json()
            return answer

        exchanges, bindings = ask("exchanges"), ask("bindings")
        wait_until(lambda: len(ask("queues")) == len(described["x-topology"]["queues"]))
        queues = ask("queues")

    assert all(each["durable"] and not each["auto_delete"] for each in (*exchanges, *queues))
    by_name = {each["name"]: each["type"] for each in exchanges}
    assert {name: kind for name, kind in by_name.items() if name and not name.startswith("amq.")} == {
        each["name"]: each["type"] for each in described["x-topology"]["exchanges"]
    }
    assert {each["name"]: each["arguments"] for each in queues} == {
        each["name"]: each["arguments"] for each in described["x-topology"]["queues"]
    }
    assert sorted(
        (each["source"], each["destination"], each["routing_key"], each["destination_type"] == "queue")
        for each in bindings
        if each["source"]
    ) == sorted(
        (each["source"], each["destination"], each["key"], each["to_queue"])
        for each in described["x-topology"]["bindings"]
    )
    for channel in described["channels"].values():
        amqp = channel.get("bindings", {}).get("amqp", {})
        if "exchange" in amqp:
            assert by_name[amqp["exchange"]["name"]] == amqp["exchange"]["type"]
    assert {
        channel["address"].replace("{partition}", number)
        for channel in described["channels"].values()
        if channel.get("bindings", {}).get("amqp", {}).get("is") == "queue"
        for number in channel.get("parameters", {}).get("partition", {}).get("enum", [""])
    } == {each["name"] for each in queues}


def test_the_document_is_consistent() -> None:
    wrong = list[str]()

    def look(value: Any, where: str) -> None:
        if isinstance(value, dict):
            for key, each in value.items():
                look(each, f"{where}/{key}")
            if (reference := value.get("$ref")) is not None:
                found: Any = DOCUMENT
                for step in reference.removeprefix("#/").split("/"):
                    found = found.get(step) if isinstance(found, dict) else None
                if found is None:
                    wrong.append(f"{where}: {reference} leads nowhere")
        elif isinstance(value, list):
            for place, each in enumerate(value):
                look(each, f"{where}/{place}")

    look(DOCUMENT, "")
    for name, channel in DOCUMENT["channels"].items():
        if set(re.findall(r"\{(\w+)\}", channel["address"])) != set(channel.get("parameters", {})):
            wrong.append(f"{name}: the parameters are not those of the address")
    for name, operation in DOCUMENT["operations"].items():
        channel = operation["channel"]["$ref"]
        if operation["action"] not in ("send", "receive"):
            wrong.append(f"{name}: {operation['action']}")
        if any(not each["$ref"].startswith(f"{channel}/messages/") for each in operation["messages"]):
            wrong.append(f"{name}: a message of another channel")
    described = DOCUMENT["components"]["messages"]
    for name, message in described.items():
        for schema in (message["payload"], message.get("headers", {}), message["x-amqp-properties"]):
            jsonschema_rs.meta.validate(schema)
        for example in message.get("examples", ()):
            body = json.dumps(example["payload"]).encode()
            headers = example.get("headers", {})
            wrong += [
                fault
                for fault in faults(name, pika.BasicProperties(headers=headers), body)
                if "x-amqp-properties" not in fault
            ]

    assert wrong == []
    used = {name for channel in DOCUMENT["channels"].values() for name in channel["messages"]}
    assert used == set(described)
