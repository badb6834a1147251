"""Traces that a real collector receives from the real commands."""

import json
from collections.abc import Iterator
from typing import Any

import pika
import pytest

from pipeline import wire
from pipeline.local.servers import LocalRabbitmq, LocalRedis
from pipeline.wire import TRACE_HEADER
from tests.acceptance.test_asyncapi import faults
from tests.conftest import amqp_url_of, emptied, own_vhost
from tests.support.installation import Command, Installation
from tests.support.otlp import OtlpCollector, Received
from tests.support.waiting import wait_until

LOGIC = 'def process(data, state): return {"n": data}'

#: A caller's trace and span.
CALLER = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")

#: Invalid trace contexts that a hostile sender may send.
HOSTILE: list[Any] = [
    7,
    b"\xff\xfe",
    "",
    "00",
    "x" * 100_000,
    "00-" + "0" * 32 + "-" + "1" * 16 + "-01",
    "00-" + "1" * 32 + "-" + "0" * 16 + "-01",
    "ff-" + "1" * 32 + "-" + "1" * 16 + "-01",
    "00-" + "g" * 32 + "-" + "1" * 16 + "-01",
    {"a": 1},
    ["00-" + "1" * 32 + "-" + "1" * 16 + "-01"],
]


class Traced:
    """An API that sends its spans to a collector, as its workers do."""

    def __init__(self, plant: Installation, collector: OtlpCollector) -> None:
        self.plant, self.collector = plant, collector
        plant.environ |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        plant.start_api()
        plant.upload("m1", LOGIC)

    def start_worker(self) -> Command:
        """Start the worker, whose log has every batch."""
        return self.plant.start_worker(environ={"IOT_LOGIC_LOG_LEVEL": "debug"})

    def span(self, name: str, **attributes: object) -> Received:
        """Return the only span with this name and these attributes, once it arrives. `__` stands for `.`."""
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}
        found = list[Received]()

        def come() -> bool:
            found[:] = [
                each for each in self.collector.named(name) if wanted.items() <= each.attributes.items()
            ]
            return bool(found)

        wait_until(come)
        [span] = found
        return span

    def span_of(self, links: list[tuple[str, str]]) -> Received:
        """Return the only span with these links, once it arrives."""
        wait_until(lambda: [each for each in list(self.collector.spans) if each.links == links])
        [span] = [each for each in list(self.collector.spans) if each.links == links]
        return span

    def children(self, parent: Received, count: int) -> dict[str, Received]:
        """Return the child spans of a span, by name, as soon as there are this many."""

        def within() -> dict[str, Received]:
            return {
                each.name: each
                for each in list(self.collector.spans)
                if (each.trace, each.parent) == parent.context
            }

        wait_until(lambda: len(within()) == count)
        return within()


def lines(command: Command) -> list[dict[str, Any]]:
    """Return the log lines of a command, decoded from JSON."""
    return [json.loads(line) for line in command.log.splitlines() if line.startswith("{")]


@pytest.fixture
def traced(rabbitmq: LocalRabbitmq, shared_redis: LocalRedis) -> Iterator[Traced]:
    with (
        own_vhost(rabbitmq) as vhost,
        OtlpCollector() as collector,
        Installation(amqp_url_of(rabbitmq, vhost), emptied(shared_redis)) as plant,
    ):
        yield Traced(plant, collector)


def test_a_reading_is_followed_from_its_callers_trace_to_its_result(traced: Traced) -> None:
    worker = traced.start_worker()
    with traced.plant.collect() as results:
        headers = {TRACE_HEADER: f"00-{CALLER[0]}-{CALLER[1]}-01"}
        posted = traced.plant.client.post("/machines/m1/data", json=17, headers=headers).json()
        wait_until(lambda: len(results.messages) == 1, timeout=60)

    answered = traced.span("POST /machines/{machine_id}/data")
    assert (answered.service, answered.kind) == ("iot-logic-api", "SERVER")
    assert (answered.trace, answered.parent) == CALLER
    assert answered.attributes == {
        "http.request.method": "POST",
        "http.route": "/machines/{machine_id}/data",
        "http.response.status_code": 202,
        "url.path": "/machines/m1/data",
        "url.scheme": "http",
    }
    sent = traced.children(answered, 1)["publish amq.topic"]
    assert sent.kind == "PRODUCER"

    batch = traced.span_of(links=[answered.context])
    queue = batch.attributes["messaging.destination.name"]
    assert batch.name == f"process {queue}"
    assert (batch.service, batch.kind, batch.parent) == ("iot-logic-worker", "CONSUMER", "")
    assert batch.attributes == {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": queue,
        "messaging.destination.partition.id": queue.rpartition(".")[2],
        "messaging.batch.message_count": 1,
    }
    steps = traced.children(batch, 3)
    assert {name: step.kind for name, step in steps.items()} == {
        "run logic": "INTERNAL",
        "write records": "CLIENT",
        "publish results": "PRODUCER",
    }
    assert steps["write records"].attributes["db.system.name"] == "redis"
    assert steps["publish results"].attributes["messaging.operation.type"] == "send"

    [(_, properties, body)] = results.messages
    assert json.loads(body)["traceparent"].startswith(f"00-{batch.trace}-{batch.span}-")
    assert faults("result", properties, body) == []

    written = next(line for line in lines(worker) if line["message"] == "the batch is written")
    assert (written["trace_id"], written["span_id"]) == batch.context
    assert (written["readings"], written["first"], written["last"]) == (1, "m1/1", "m1/1")
    assert written["ids"] == ["m1/1"]
    wait_until(
        lambda: any(
            line.get("first") == "m1/1" for line in lines(worker) if "are confirmed" in line["message"]
        )
    )
    assert posted["machine"] == "m1"


def test_a_batch_is_linked_to_a_limited_number_of_senders_with_valid_traces(traced: Traced) -> None:
    traced.plant.upload("crowd", LOGIC)
    good = [f"00-{number:032x}-{number:016x}-01" for number in range(1, 201)]
    with traced.plant.collect() as results:
        with pika.BlockingConnection(pika.URLParameters(traced.plant.amqp_url)) as connection:
            channel = connection.channel()
            for value in [*HOSTILE, *good]:
                properties = pika.BasicProperties(headers={TRACE_HEADER: value})
                channel.basic_publish(wire.INGEST_EXCHANGE, wire.data_key("crowd"), b"1", properties)
        # The worker finds all readings waiting. So it cannot take each of them in a batch of its own.
        traced.start_worker()
        # A worker that gets no CPU for some seconds loses its session, and publishes its last results again.
        wait_until(
            lambda: len({each["id"] for each in results.events}) == len(HOSTILE) + len(good), timeout=60
        )

    def batches() -> list[Received]:
        return [each for each in list(traced.collector.spans) if each.kind == "CONSUMER"]

    def traced_readings() -> int:
        return sum(each.attributes["messaging.batch.message_count"] for each in batches())

    wait_until(lambda: traced_readings() >= len(HOSTILE) + len(good), timeout=60)
    linked = [each for each in batches() if len(each.links) > 1]
    assert linked, [each.attributes for each in batches()]
    assert all(len(each.links) <= 32 for each in linked)
    assert {link for each in linked for link in each.links} <= {(each[3:35], each[36:52]) for each in good}


def test_a_request_with_an_invalid_trace_context_gets_a_new_trace(traced: Traced) -> None:
    nonsense = {TRACE_HEADER: "00-" + "0" * 32 + "-" + "1" * 16 + "-01"}
    said_twice = [(TRACE_HEADER, f"00-{CALLER[0]}-{CALLER[1]}-01")] * 2

    traced.plant.client.get("/machines/m1/logic", headers=nonsense).raise_for_status()
    traced.plant.client.get("/machines/m1/config", headers=said_twice).raise_for_status()

    assert traced.span("GET /machines/{machine_id}/logic").parent == ""
    assert traced.span("GET /machines/{machine_id}/config").parent == ""
