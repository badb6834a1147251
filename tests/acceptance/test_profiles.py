"""Profiles and configs over REST, with the real API and a worker: one logic for many machines."""

import json
import time
from collections import Counter
from contextlib import closing
from typing import Any

import msgspec
import pika
import pytest
import redis

from pipeline import wire
from pipeline.broker import topology
from pipeline.broker.publisher import PERSISTENT, Message, Publisher
from pipeline.model.deployment import Deployment
from pipeline.settings import Settings
from pipeline.store.keys import deployment_key, profile_machines_key
from sandbox.job import EXHAUSTIONS
from tests.support.installation import Installation
from tests.support.waiting import wait_until

#: Machines that follow one profile, readings per second, and readings of each machine.
MACHINES, RATE, EACH = 1_000, 2_000, 8

#: Readings that are sent at once.
BATCH = 20


def logic(version: int) -> str:
    return f"def process(data, state): return {{'n': data['n'], 'version': {version}}}"


def upload(plant: Installation, profile: str, source: str) -> int:
    """Upload the logic of a profile. Return its version."""
    answer = plant.client.put(f"/profiles/{profile}/logic", json={"logic": source})
    assert answer.status_code == 200, answer.text
    version: int = answer.json()["version"]
    return version


def follow(plant: Installation, machine: str, profile: str) -> None:
    answer = plant.client.put(f"/machines/{machine}/profile", json={"profile": profile})
    assert (answer.status_code, answer.json()) == (200, {"profile": profile})


def of_health(plant: Installation, profile: str, health: str) -> list[str]:
    """Return the machines with this health that follow a profile."""
    found = plant.client.get("/machines", params={"profile": profile, "health": health}).json()
    return [each["id"] for each in found["machines"]]


def results(plant: Installation, *readings: tuple[str, Any]) -> list[dict[str, Any]]:
    """Return the results of some readings, in the order of arrival."""
    with plant.collect() as collected:
        plant.send(readings)
        wait_until(lambda: len(collected.messages) == len(readings))
    return collected.events


def test_a_machine_runs_its_profile_unless_it_has_a_deployed_logic_of_its_own(plant: Installation) -> None:
    upload(plant, "belts", logic(1))
    follow(plant, "belt-1", "belts")
    upload(plant, "belts", logic(2))
    [of_profile] = results(plant, ("belt-1", {"n": 1}))
    shown = plant.client.get("/machines/belt-1").json()
    plant.upload("belt-1", logic(100))
    [own] = results(plant, ("belt-1", {"n": 2}))
    plant.client.delete("/machines/belt-1/logic")
    [again] = results(plant, ("belt-1", {"n": 3}))

    assert (of_profile["data"]["version"], of_profile["logicversion"], of_profile["logicprofile"]) == (
        2,
        2,
        "belts",
    )
    assert (shown["profile"], shown["logicversion"], shown["logicprofile"]) == ("belts", 2, "belts")
    assert (own["data"]["version"], own["logicversion"], "logicprofile" in own) == (100, 1, False)
    assert (again["data"]["version"], again["logicprofile"]) == (2, "belts")
    detail = plant.client.get("/machines/belt-1/logic").json()["detail"]
    assert "no logic of its own deployed; it follows the profile 'belts'" in detail


def test_a_dead_letter_names_the_version_and_the_profile_that_failed(plant: Installation) -> None:
    upload(plant, "frail", "def process(data, state):\n    return {'r': 1 / data['n']}\n")
    for machine in ("frail-1", "frail-2"):
        follow(plant, machine, "frail")

    plant.send([("frail-1", {"n": 0})])
    wait_until(lambda: plant.dead_letters(machine="frail-1"))
    plant.client.delete("/profiles/frail/logic")
    plant.send([("frail-2", {"n": 1})])
    wait_until(lambda: plant.dead_letters(machine="frail-2"))

    [(letter, _)] = plant.dead_letters(machine="frail-1")
    [(without, _)] = plant.dead_letters(machine="frail-2")
    error = plant.client.get("/machines/frail-1").json()["last_error"]
    assert [(each["logicversion"], each["logicprofile"], each["line"]) for each in (letter, error)] == [
        (1, "frail", 2),
        (1, "frail", 2),
    ]
    assert (without["kind"], without["message"]) == ("no-logic", "this profile 'frail' has no logic yet")
    assert (without["logicversion"], without["logicprofile"]) == (None, None)


def test_each_machine_reads_its_own_config(plant: Installation) -> None:
    upload(
        plant,
        "gauges",
        "def process(data, state):\n"
        "    return {'high': data['v'] > config.get('limit', 100), 'c': len(config)}\n",
    )
    for number, config in enumerate(({"limit": 5}, {"limit": 50, "unit": {"name": "bar"}}, None)):
        machine = f"gauge-{number}"
        follow(plant, machine, "gauges")
        if config is not None:
            answer = plant.client.put(f"/machines/{machine}/config", json=config)
            assert (answer.status_code, answer.json()) == (200, config)

    events = results(plant, *((f"gauge-{number}", {"v": 20}) for number in range(3)))

    assert {event["subject"]: event["data"] for event in events} == {
        "gauge-0": {"high": True, "c": 1},
        "gauge-1": {"high": False, "c": 2},
        "gauge-2": {"high": False, "c": 0},
    }
    assert plant.client.get("/machines/gauge-2/config").json() == {}


def test_a_config_is_replaced_only_if_it_has_not_changed_since_it_was_read(plant: Installation) -> None:
    path = "/machines/set/config"
    assert plant.client.get(path).status_code == 404
    first = plant.client.put(path, json={"limit": 1})
    second = plant.client.put(path, json={"limit": 2}, headers={"If-Match": first.headers["ETag"]})
    lost = plant.client.put(path, json={"limit": 3}, headers={"If-Match": first.headers["ETag"]})

    assert (first.status_code, second.status_code, lost.status_code) == (200, 200, 412)
    read = plant.client.get(path)
    assert (read.json(), read.headers["ETag"]) == ({"limit": 2}, second.headers["ETag"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[]", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b'{"x": 1e999}', 400),
        (b'{"x":' * 5_000, 400),
        (b'{"x": 99999999999999999999999}', 422),
        (b'{"x": "\\u0000"}', 422),
        (b'{"x": ' + b"[" * 20 + b"]" * 20 + b"}", 422),
        (json.dumps({"x": "y" * 5_000}).encode(), 422),
    ],
)
def test_an_invalid_config_is_refused(plant: Installation, body: bytes, status: int) -> None:
    answer = plant.client.put("/machines/never/config", content=body)

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert plant.client.get("/machines/never/config").status_code == 404


def test_a_profile_that_machines_follow_cannot_be_deleted(plant: Installation) -> None:
    plant.client.put("/profiles/used").raise_for_status()
    upload(plant, "used", logic(1))
    for machine in ("used-1", "used-2", "used-3"):
        follow(plant, machine, "used")

    refused = plant.client.delete("/profiles/used")
    counted = plant.client.get("/profiles/used").json()
    plant.client.delete("/machines/used-1").raise_for_status()
    plant.client.delete("/machines/used-2/profile").raise_for_status()
    plant.client.put("/profiles/other").raise_for_status()
    follow(plant, "used-3", "other")
    listed = [each["name"] for each in plant.client.get("/profiles").json()["profiles"]]
    deleted = plant.client.delete("/profiles/used")

    assert refused.status_code == 409
    assert "3 machines follow it" in refused.json()["detail"]
    assert counted == {"name": "used", "machines": 3, "logicversion": 1, "versions": 1}
    assert deleted.status_code == 204
    assert "used" in listed
    assert "used" not in [each["name"] for each in plant.client.get("/profiles").json()["profiles"]]
    for path in ("/profiles/used", "/profiles/used/logic", "/profiles/used/logic/versions/1"):
        assert plant.client.get(path).status_code == 404
    found = plant.client.get("/machines", params={"profile": "other"}).json()["machines"]
    assert [each["id"] for each in found] == ["used-3"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/profiles/none", None, 404),
        ("DELETE", "/profiles/none", None, 404),
        ("GET", "/profiles/a.b", None, 400),
        ("PUT", "/profiles/a.b", None, 400),
        ("GET", "/profiles/none/logic", None, 404),
        ("GET", "/profiles/none/logic/versions", None, 404),
        ("PUT", "/machines/m/profile", {"profile": "none"}, 404),
        ("PUT", "/machines/m/profile", {"profile": "a.b"}, 400),
        ("PUT", "/machines/m/profile", {}, 400),
        ("DELETE", "/machines/none/profile", None, 404),
    ],
)
def test_a_missing_resource_is_answered_with_problem_details(
    plant: Installation, method: str, path: str, body: Any, status: int
) -> None:
    answer = plant.client.request(method, path, json=body)

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_list_of_profiles_has_pages(plant: Installation) -> None:
    for number in range(5):
        plant.client.put(f"/profiles/zz-{number}").raise_for_status()

    names = list[list[str]]()
    after: str | None = "zz"
    while after is not None:
        page = plant.client.get("/profiles", params={"after": after, "limit": 2}).json()
        names.append([each["name"] for each in page["profiles"]])
        after = page["next"]

    assert names == [["zz-0", "zz-1"], ["zz-2", "zz-3"], ["zz-4"]]


def test_a_profiles_logic_is_quarantined_only_on_the_affected_machine_and_its_next_version_runs(
    plant: Installation,
) -> None:
    upload(
        plant,
        "greedy",
        "def process(data, state):\n    while data['endless']:\n        pass\n    return {}\n",
    )
    for machine in ("greedy-1", "greedy-2"):
        follow(plant, machine, "greedy")

    plant.send(("greedy-1", {"endless": True}) for _ in range(EXHAUSTIONS))
    wait_until(lambda: of_health(plant, "greedy", "quarantined") == ["greedy-1"])
    plant.send([("greedy-1", {"endless": True})])
    wait_until(lambda: plant.client.get("/machines/greedy-1").json()["errors"] == EXHAUSTIONS + 1)
    [other] = results(plant, ("greedy-2", {"endless": False}))
    upload(plant, "greedy", logic(2))
    set_free = of_health(plant, "greedy", "failing")
    [event] = results(plant, ("greedy-1", {"n": 1}))

    letters = plant.dead_letters(machine="greedy-1")
    assert letters[-1][0]["kind"] == "quarantined"
    assert "version 1 of the profile 'greedy' is in quarantine" in letters[-1][0]["message"]
    assert other["logicversion"] == 1
    assert set_free == ["greedy-1"]
    assert (event["logicversion"], event["logicprofile"]) == (2, "greedy")


def test_a_new_version_applies_to_a_thousand_machines_at_once_and_no_reading_is_lost(
    plant: Installation,
) -> None:
    assert upload(plant, "fleet", logic(1)) == 1
    machines = [f"fleet-{number}" for number in range(MACHINES)]
    with redis.Redis.from_url(plant.redis_url) as client, client.pipeline() as pipeline:
        # The same data as after a thousand calls of PUT /machines/<id>/profile.
        for machine in machines:
            pipeline.set(deployment_key(machine), msgspec.msgpack.encode(Deployment(profile="fleet")))
        pipeline.sadd(profile_machines_key("fleet"), *machines)
        pipeline.execute()
    assert plant.client.get("/profiles/fleet").json()["machines"] == MACHINES

    settings = Settings(amqp_url=plant.amqp_url)
    with (
        plant.collect() as collected,
        closing(Publisher(lambda: topology.ensure(settings))) as publisher,
    ):
        wait_until(lambda: publisher.connected)
        sent, switched, confirmations = 0, MACHINES * EACH, []
        start = time.monotonic()
        while sent < MACHINES * EACH:
            if time.monotonic() - start < sent / RATE:
                time.sleep(0.001)
                continue
            readings = range(sent, sent + BATCH)
            confirmations.append(publisher.publish([reading(machines[n % MACHINES], n) for n in readings]))
            sent += BATCH
            if switched > sent > MACHINES * EACH // 4 and collected.messages:
                assert upload(plant, "fleet", logic(2)) == 2
                switched = sent
        for confirmation in confirmations:
            confirmation.result(timeout=30)
        wait_until(lambda: len(collected.messages) == sent)

    by_machine = collected.by_machine()
    assert by_machine.keys() == set(machines)
    for place, machine in enumerate(machines):
        data = [event["data"] for event in by_machine[machine]]
        assert [each["n"] for each in data] == list(range(place, sent, MACHINES))
        versions = [each["version"] for each in data]
        assert versions == sorted(versions)
        assert all(each["version"] == 2 for each in data if each["n"] >= switched)
        assert versions[-1] == 2
    events = collected.events
    assert {event["logicprofile"] for event in events} == {"fleet"}
    assert Counter(event["logicversion"] for event in events)[1] >= 1
    assert of_health(plant, "fleet", "failing") == []


def reading(machine: str, n: int) -> Message:
    properties = pika.BasicProperties(delivery_mode=PERSISTENT)
    body = json.dumps({"n": n}).encode()
    return Message(wire.INGEST_EXCHANGE, wire.data_key(machine), body, properties, mandatory=True)
