"""Late readings: by a time of their own, accepted, marked or set aside, with a real API and worker."""

import json
from typing import Any

import pika

from pipeline import wire
from tests.acceptance.test_duplicates import send
from tests.support.installation import Installation
from tests.support.waiting import wait_until

TELL = (
    "def process(data, state):\n    state['n'] = state.get('n', 0) + 1\n"
    "    return {'n': data['n'], 'late': meta['late']}"
)


def rule(plant: Installation, path: str, **late: Any) -> None:
    plant.client.put(f"{path}/settings", json={"late": {"field": "at", **late}}).raise_for_status()


def shown(plant: Installation, machine: str) -> dict[str, Any]:
    answer = plant.client.get(f"/machines/{machine}")
    found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
    return found


def has(plant: Installation, machine: str, readings: int) -> bool:
    return bool(shown(plant, machine).get("readings") == readings)


def at(*minutes: int) -> list[tuple[Any, None]]:
    """Return readings of these minutes after six."""
    return [
        ({"n": number, "at": f"2026-11-30T06:{minute:02}:00Z"}, None) for number, minute in enumerate(minutes)
    ]


def test_by_default_readings_are_run_as_they_arrive(plant: Installation) -> None:
    plant.upload("l1", TELL)

    with plant.collect() as results:
        send(plant, "l1", *at(5, 1))
        wait_until(lambda: has(plant, "l1", 2))

    found = [each["data"] for each in results.events if each["subject"] == "l1"]
    assert found == [{"n": 0, "late": False}, {"n": 1, "late": False}]
    assert (shown(plant, "l1")["late"], shown(plant, "l1")["newest"]) == (0, None)


def test_a_profile_marks_late_readings_for_the_logic_and_shows_the_newest_time(plant: Installation) -> None:
    plant.client.put("/profiles/clocks/logic", json={"logic": TELL}).raise_for_status()
    rule(plant, "/profiles/clocks", seconds=120)
    plant.client.put("/machines/l2/profile", json={"profile": "clocks"}).raise_for_status()

    with plant.collect() as results:
        send(plant, "l2", *at(5, 3, 2))
        wait_until(lambda: has(plant, "l2", 3))
        send(plant, "l2", *at(2, 6))
        wait_until(lambda: has(plant, "l2", 5))

    late = [each["data"]["late"] for each in results.events if each["subject"] == "l2"]
    assert late == [False, False, True, True, False]
    assert (shown(plant, "l2")["late"], shown(plant, "l2")["newest"]) == (2, "2026-11-30T06:06:00.000Z")


def test_late_readings_are_only_counted_if_the_rule_accepts_them(plant: Installation) -> None:
    plant.upload("l3", TELL)
    rule(plant, "/machines/l3", action="accept")

    with plant.collect() as results:
        send(plant, "l3", *at(5, 4))
        wait_until(lambda: has(plant, "l3", 2))

    assert [each["data"]["late"] for each in results.events if each["subject"] == "l3"] == [False, False]
    assert shown(plant, "l3")["late"] == 1


def test_a_late_reading_becomes_a_dead_letter_and_is_run_if_a_person_sends_it_again(
    plant: Installation,
) -> None:
    plant.upload("l4", TELL)
    rule(plant, "/machines/l4", seconds=60, action="dead-letter")

    send(plant, "l4", *at(5, 1, 6))
    wait_until(lambda: has(plant, "l4", 3) and plant.dead_letters(machine="l4"))

    [(letter, body)] = plant.dead_letters(machine="l4")
    assert (letter["kind"], json.loads(body)) == ("late", {"n": 1, "at": "2026-11-30T06:01:00Z"})
    assert letter["message"] == (
        "the reading is late: its at is 2026-11-30T06:01:00.000Z, and the newest reading is of "
        "2026-11-30T06:05:00.000Z, 240 seconds later; the rule allows 60"
    )
    assert plant.state("l4") == {"n": 2}
    plant.client.post(f"/dead-letters/{letter['id']}/redrive").raise_for_status()
    wait_until(lambda: has(plant, "l4", 4))
    assert plant.state("l4") == {"n": 3}
    assert plant.dead_letters(machine="l4") == []


def test_a_batch_of_late_readings_alone_becomes_dead_letters(plant: Installation) -> None:
    plant.upload("l5", TELL)
    rule(plant, "/machines/l5", action="dead-letter")
    send(plant, "l5", *at(9))
    wait_until(lambda: has(plant, "l5", 1))

    send(plant, "l5", *at(1, 2, 3))

    wait_until(lambda: has(plant, "l5", 4))
    wait_until(lambda: len(plant.dead_letters(machine="l5", kind="late")) == 3)
    assert plant.state("l5") == {"n": 1}


def test_the_newest_time_begins_anew_with_another_field(plant: Installation) -> None:
    plant.upload("l7", TELL)
    rule(plant, "/machines/l7", action="dead-letter")
    send(plant, "l7", *at(9))
    wait_until(lambda: has(plant, "l7", 1))

    plant.client.put(
        "/machines/l7/settings", json={"late": {"field": "uptime", "action": "dead-letter"}}
    ).raise_for_status()
    send(plant, "l7", *[({"n": n, "uptime": n}, None) for n in (5, 6, 4)])

    wait_until(lambda: has(plant, "l7", 4))
    assert (plant.state("l7"), shown(plant, "l7")["late"]) == ({"n": 3}, 1)
    assert shown(plant, "l7")["newest"] == "1970-01-01T00:00:06.000Z"


def test_without_the_rule_the_newest_time_is_forgotten(plant: Installation) -> None:
    plant.upload("l8", TELL)
    rule(plant, "/machines/l8", action="dead-letter")
    send(plant, "l8", *at(9))
    wait_until(lambda: has(plant, "l8", 1))

    plant.client.put("/machines/l8/settings", json={}).raise_for_status()
    send(plant, "l8", *at(8))
    wait_until(lambda: has(plant, "l8", 2))
    assert shown(plant, "l8")["newest"] is None
    rule(plant, "/machines/l8", action="dead-letter")
    send(plant, "l8", *at(7, 6))

    wait_until(lambda: has(plant, "l8", 4))
    assert (plant.state("l8"), shown(plant, "l8")["late"]) == ({"n": 3}, 1)


def test_a_device_cannot_pretend_that_a_person_sends_its_reading_again(plant: Installation) -> None:
    plant.upload("l9", TELL)
    settings = {"late": {"field": "at", "action": "dead-letter"}, "duplicates": {"field": "n"}}
    plant.client.put("/machines/l9/settings", json=settings).raise_for_status()
    send(plant, "l9", *at(9))
    wait_until(lambda: has(plant, "l9", 1))

    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        invented = pika.BasicProperties(headers={wire.CLAIM_HEADER: f"1.{'0' * 64}"})
        for reading, _ in (*at(9), *at(9, 1)[1:]):  # the same once more, and a late one
            body = json.dumps(reading).encode()
            connection.channel().basic_publish(wire.INGEST_EXCHANGE, wire.data_key("l9"), body, invented)

    wait_until(lambda: has(plant, "l9", 2))
    found = shown(plant, "l9")
    assert (plant.state("l9"), found["late"], found["duplicates"]) == ({"n": 1}, 1, 1)


def test_invalid_rules_are_refused(plant: Installation) -> None:
    for wrong in ({}, {"field": ""}, {"field": "a", "seconds": -1}, {"field": "a", "action": "drop"}):
        answer = plant.client.put("/machines/l6/settings", json={"late": wrong})
        assert answer.status_code in (400, 422), answer.text
