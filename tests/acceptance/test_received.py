"""Each reading has the time at which the system received it, wherever it is shown."""

import json
from typing import Any

import pika

from pipeline import wire
from pipeline.clock import milliseconds, milliseconds_now, rfc3339
from tests.support.installation import Installation
from tests.support.sources import letters
from tests.support.waiting import wait_until

TELL = (
    "def process(data, state):\n    if data.get('fail'):\n        raise ValueError('no')\n"
    "    return {'n': data['n'], 'received': meta['received'], 'number': meta['number'], "
    "'id': meta['message_id']}"
)


def publish(plant: Installation, machine: str, sent: int | None, message_id: str | None, **data: Any) -> None:
    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        properties = pika.BasicProperties(
            delivery_mode=2,
            message_id=message_id,
            headers=None if sent is None else {wire.SENT_AT_HEADER: sent},
        )
        connection.channel().basic_publish(
            wire.INGEST_EXCHANGE, wire.data_key(machine), json.dumps(data).encode(), properties
        )


def test_a_logic_reads_when_a_reading_was_received(plant: Installation) -> None:
    plant.upload("clock", TELL)
    before = milliseconds_now()
    stamped = before - 3_600_000
    future = before + 3_600_000
    with plant.collect() as results:
        publish(plant, "clock", stamped, "a", n=1)
        publish(plant, "clock", stamped - 60_000, None, n=2)  # from a host whose clock is behind
        publish(plant, "clock", future, None, n=3)
        publish(plant, "clock", None, None, n=4)
        wait_until(lambda: len(results.events) == 4, 90)
    found = sorted((each["data"] for each in results.events), key=lambda each: each["n"])
    after = milliseconds_now()

    assert [(each["number"], each["id"]) for each in found] == [(1, "a"), (2, None), (3, None), (4, None)]
    times = [milliseconds(each["received"]) for each in found]
    assert times[:2] == [stamped, stamped]
    assert before <= times[2] <= times[3] <= after
    recent = plant.client.get("/machines/clock/readings").json()["readings"]
    assert [each["received"] for each in reversed(recent)] == [each["received"] for each in found]


def test_a_dead_letter_says_when_its_reading_was_received(plant: Installation) -> None:
    plant.upload("stamp", TELL)
    stamped = milliseconds_now() - 86_400_000
    publish(plant, "stamp", stamped, None, n=1, fail=True)
    wait_until(lambda: letters(plant, machine="stamp"), 90)

    [letter] = letters(plant, machine="stamp")
    assert letter["received"] == rfc3339(stamped / 1000)
    assert plant.client.get("/dead-letters/stamp/1").json()["received"] == letter["received"]


def test_a_trial_has_a_clock(plant: Installation) -> None:
    logic = "def process(data, state):\n    return {'received': meta['received'], 'number': meta['number']}"

    before = milliseconds_now()
    tried = plant.client.post("/logic/test", json={"logic": logic, "readings": [1, 2]}).json()["readings"]
    now = [milliseconds(each["results"][0]["received"]) for each in tried]
    assert before <= now[0] == now[1] <= milliseconds_now()
    assert [each["results"][0]["number"] for each in tried] == [1, 2]

    example = {
        "name": "the time is always the same",
        "readings": [1, 2],
        "results": [{"received": "2026-01-01T00:00:00.000Z", "number": number} for number in (1, 2)],
    }
    checked = plant.client.post("/logic/validate", json={"logic": logic, "examples": [example]}).json()
    assert checked["accepted"], checked
