"""Devices that send a reading again, and the settings that recognise it, with a real API and worker."""

import json
from typing import Any

import pika

from pipeline import wire
from tests.support.installation import Installation
from tests.support.waiting import wait_until

COUNT = "def process(data, state):\n    state['n'] = state.get('n', 0) + 1\n    return {'n': state['n']}"


def send(plant: Installation, machine: str, *readings: tuple[Any, str | None]) -> None:
    """Publish readings, each with a message id or none."""
    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for reading, message_id in readings:
            properties = pika.BasicProperties(delivery_mode=2, message_id=message_id)
            body = json.dumps(reading).encode()
            channel.basic_publish(wire.INGEST_EXCHANGE, wire.data_key(machine), body, properties)


def seen(plant: Installation, machine: str) -> tuple[int, int]:
    """Return how many readings of a machine were run, and how many were duplicates."""
    answer = plant.client.get(f"/machines/{machine}")
    if answer.status_code != 200:
        return 0, 0
    return answer.json()["readings"], answer.json()["duplicates"]


def test_by_default_each_message_is_a_reading_of_its_own(plant: Installation) -> None:
    plant.upload("d1", COUNT)

    send(plant, "d1", (1, "a"), (1, "a"))

    wait_until(lambda: seen(plant, "d1") == (2, 0))


def test_a_message_id_that_comes_again_is_counted_and_not_run(plant: Installation) -> None:
    plant.upload("d2", COUNT)
    plant.client.put("/machines/d2/settings", json={"duplicates": {}}).raise_for_status()

    with plant.collect() as results:
        send(plant, "d2", (1, "a"), (2, "b"), (1, "a"), (3, None), (3, None))
        wait_until(lambda: seen(plant, "d2") == (4, 1))
        send(plant, "d2", (2, "b"), (4, "c"))
        wait_until(lambda: seen(plant, "d2") == (5, 2))

    assert [each["data"]["n"] for each in results.events if each["subject"] == "d2"] == [1, 2, 3, 4, 5]
    assert plant.state("d2") == {"n": 5}


def test_a_profile_recognises_the_duplicates_of_its_machines_by_a_field(plant: Installation) -> None:
    plant.client.put("/profiles/loggers/logic", json={"logic": COUNT}).raise_for_status()
    plant.client.put("/profiles/loggers/settings", json={"duplicates": {"field": "seq", "readings": 2}})
    plant.client.put("/machines/d3/profile", json={"profile": "loggers"}).raise_for_status()

    send(plant, "d3", *(({"seq": seq}, None) for seq in (1, 2, 2, 1, 3, 1)))

    # The first one is no longer among the last two when it comes for the third time.
    wait_until(lambda: seen(plant, "d3") == (4, 2))


def test_a_client_that_retries_over_http_with_the_same_key_is_recognised(plant: Installation) -> None:
    plant.upload("d6", COUNT)
    plant.client.put("/machines/d6/settings", json={"duplicates": {}}).raise_for_status()

    for key in ("one", "one", "two"):
        answer = plant.client.post("/machines/d6/data", json=1, headers={"Idempotency-Key": key})
        assert (answer.status_code, answer.json()["message_id"]) == (202, key)
    wait_until(lambda: seen(plant, "d6") == (2, 1))
    for wrong in ("", "a b", "x" * 201):
        answer = plant.client.post("/machines/d6/data", json=1, headers={"Idempotency-Key": wrong})
        assert answer.status_code == 400


def test_a_dead_letter_that_is_sent_again_is_no_duplicate(plant: Installation) -> None:
    plant.client.put("/machines/d5/settings", json={"duplicates": {}}).raise_for_status()
    send(plant, "d5", (1, "a"))
    wait_until(lambda: plant.dead_letters(machine="d5"))
    plant.upload("d5", COUNT)

    [(letter, _)] = plant.dead_letters(machine="d5")
    plant.client.post(f"/dead-letters/{letter['id']}/redrive").raise_for_status()

    wait_until(lambda: seen(plant, "d5") == (2, 0))
    assert plant.state("d5") == {"n": 1}


def test_a_machine_turns_off_the_rule_of_its_profile(plant: Installation) -> None:
    plant.client.put("/profiles/noisy/logic", json={"logic": COUNT}).raise_for_status()
    plant.client.put("/profiles/noisy/settings", json={"duplicates": {}}).raise_for_status()
    for machine, settings in (("d7", {}), ("d8", {"duplicates": "off"})):
        plant.client.put(f"/machines/{machine}/profile", json={"profile": "noisy"}).raise_for_status()
        plant.client.put(f"/machines/{machine}/settings", json=settings).raise_for_status()
        assert plant.client.get(f"/machines/{machine}/settings").json() == settings

        send(plant, machine, (1, "a"), (1, "a"))

    wait_until(lambda: (seen(plant, "d7"), seen(plant, "d8")) == ((1, 1), (2, 0)))


def test_a_misspelt_or_unknown_field_of_the_rule_is_refused(plant: Installation) -> None:
    for wrong in ({"feild": "seq"}, {"field": ""}, {"readings": 0}, {"minutes": 0}, "on", True):
        answer = plant.client.put("/machines/d9/settings", json={"duplicates": wrong})
        assert answer.status_code == 400, wrong
