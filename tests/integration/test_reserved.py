"""A device that writes into fields that the system uses does not change the meaning of its reading."""

from typing import Any

import pika
import pytest

from pipeline import wire
from tests.support.installation import Installation
from tests.support.logics import COUNT
from tests.support.waiting import wait_until


@pytest.mark.parametrize(
    "properties",
    [
        {"type": wire.PROBE_TYPE},
        {"headers": {"machine": "other", "place": 1}},
        {"headers": {"x-acquired-count": 1, "x-delivery-count": 7}},
    ],
)
def test_a_reading_that_looks_like_a_message_of_the_system_is_an_ordinary_reading(
    installation: Installation, properties: dict[str, Any]
) -> None:
    installation.start_api()
    installation.start_worker()
    for machine in ("press", "other"):
        installation.upload(machine, COUNT)
    with pika.BlockingConnection(pika.URLParameters(installation.amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for sent in (properties, {}):
            channel.basic_publish(
                wire.INGEST_EXCHANGE,
                wire.data_key("press"),
                b"{}",
                pika.BasicProperties(delivery_mode=2, **sent),
                mandatory=True,
            )

    wait_until(lambda: installation.client.get("/machines/press/state").text == '{"count":2}')
    assert installation.client.get("/machines/other/state").status_code == 404


@pytest.mark.parametrize(
    ("exchange", "key", "kind", "is_probe"),
    [
        ("", "readings.0", wire.PROBE_TYPE, True),
        ("", "readings.0", None, False),
        ("", "readings.1", wire.PROBE_TYPE, False),
        ("amq.topic", "readings.0", wire.PROBE_TYPE, False),
        ("amq.topic", "machines.m1.data", wire.PROBE_TYPE, False),
    ],
)
def test_only_a_message_published_directly_to_the_queue_is_a_probe(
    exchange: str, key: str, kind: str | None, is_probe: bool
) -> None:
    method = pika.spec.Basic.Deliver(exchange=exchange, routing_key=key)

    assert wire.is_probe(method, pika.BasicProperties(type=kind), "readings.0") is is_probe
