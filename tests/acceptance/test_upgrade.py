"""A Redis that the first release has written: this version shows its contents, and continues from them."""

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from tests.support.installation import Installation
from tests.support.waiting import wait_until

#: Written by the first release, and never again.
FIRST_RELEASE = Path(__file__).parents[1] / "data" / "first-release.redis.json"


@pytest.fixture
def plant(broker_url: str, redis_url: str) -> Iterator[Installation]:
    """This version's API and worker on the Redis of the first release."""
    written = json.loads(FIRST_RELEASE.read_text())
    with redis.Redis.from_url(redis_url) as client:
        for name, (kind, value) in written["keys"].items():
            restore(client, name, kind, value)
    with Installation(broker_url, redis_url) as plant:
        plant.client.headers["Authorization"] = f"Bearer {written['token']}"
        plant.start_api()
        plant.start_worker()
        yield plant


def restore(client: "redis.Redis", name: str, kind: str, value: Any) -> None:
    """Write a key as it was."""
    match kind:
        case "string":
            client.set(name, b64decode(value))
        case "list":
            client.rpush(name, *map(b64decode, value))
        case "set":
            client.sadd(name, *map(b64decode, value))
        case "zset":
            client.zadd(name, {b64decode(member): score for member, score in value})
        case "hash":
            client.hset(name, mapping={b64decode(field): b64decode(each) for field, each in value})
        case "stream":
            for entry_id, fields in value:
                client.xadd(name, {b64decode(field): b64decode(each) for field, each in fields}, entry_id)
        case _:
            raise AssertionError(f"{name} is a {kind}")


def test_redis_as_the_first_release_left_it_is_shown(plant: Installation) -> None:
    def get(path: str) -> Any:
        return plant.client.get(path).raise_for_status().json()

    machines = {each["id"]: each for each in get("/machines")["machines"]}
    assert {name: (each["readings"], each["results"], each["errors"]) for name, each in machines.items()} == {
        "endless": (11, 0, 11),
        "held": (2, 1, 1),
        "press": (6, 5, 1),
        "pump": (1, 1, 0),
        "stranger": (1, 0, 1),
    }
    assert machines["endless"]["health"] == "quarantined"
    assert machines["held"]["health"] == "paused"
    assert machines["press"]["last_seen"] == "2026-11-29T01:33:04.715Z"
    assert machines["pump"]["logicprofile"] == "pumps"
    assert get("/fleet")["machines"] == 5

    logic = get("/machines/press/logic")
    assert (logic["version"], logic["previous"], logic["comment"]) == (2, 1, "Once")
    assert logic["time"] == "2026-11-29T01:33:04.285Z"
    assert logic["examples"] == [{"name": "counts", "readings": [{"step": 1}], "state_after": {"count": 1}}]
    versions = get("/machines/press/logic/versions")["versions"]
    assert [(each["version"], each["comment"]) for each in versions] == [(2, "Once"), (1, "Twice")]
    assert get("/machines/press/config") == {"limit": 70}
    assert get("/machines/press/state") == {"count": 5}
    readings = get("/machines/press/readings")["readings"]
    assert [(each["number"], each["outcome"]) for each in readings[:2]] == [(6, "error"), (5, "ok")]
    assert readings[1]["results"] == [{"count": 5, "limit": 70}]

    assert get("/dead-letters")["kinds"] == {
        "error": 1,
        "expired": 1,
        "limit": 10,
        "no-logic": 1,
        "paused": 1,
        "quarantined": 1,
    }
    assert get("/dead-letters/press/6")["message"] == "KeyError: 'step'"
    assert get("/whoami")["name"] == "anna"
    assert [each["name"] for each in get("/tokens")["tokens"]] == ["anna"]
    changes = get("/audit")["changes"]
    assert (changes[0]["action"], changes[0]["time"]) == ("token.create", "2026-11-29T01:33:12.909Z")
    assert {each["action"] for each in changes} >= {"logic.upload", "machine.pause", "machine.config"}


def test_the_next_readings_continue_from_the_state_of_the_first_release(plant: Installation) -> None:
    with plant.collect() as results:
        plant.send([("press", {"step": 1}), ("pump", {"step": 1}), ("endless", 1)])
        wait_until(lambda: len(results.messages) == 2)

    assert [(each["id"], each["data"]) for each in results.by_machine()["press"]] == [
        ("7", {"count": 6, "limit": 70})
    ]
    [event] = results.by_machine()["pump"]
    assert (event["id"], event["logicprofile"], event["data"]["count"]) == ("2", "pumps", 4)
    wait_until(lambda: plant.client.get("/dead-letters").json()["kinds"]["quarantined"] == 2)


def test_dead_letters_of_the_first_release_are_sent_again_and_count_once(plant: Installation) -> None:
    resumed = plant.client.post("/machines/held/resume", json={"redrive": True}).raise_for_status()
    assert resumed.json()["sent"] == 1
    wait_until(lambda: plant.state("held") == {"count": 11})

    [expired] = plant.client.get("/dead-letters?kind=expired").json()["dead_letters"]
    redrive = f"/dead-letters/{expired['id']}/redrive"
    assert plant.client.post(redrive).status_code == httpx.codes.ACCEPTED
    plant.client.post(redrive)
    wait_until(lambda: plant.state("press") == {"count": 105})
    wait_until(lambda: plant.client.post(redrive).status_code == httpx.codes.NOT_FOUND)
    assert plant.state("press") == {"count": 105}
    assert plant.client.get("/machines/press").json()["resent"] == 1


def test_a_version_of_the_first_release_is_deployed_again(plant: Installation) -> None:
    activate = "/machines/press/logic/versions/1/activate"
    assert plant.client.post(activate).json()["version"] == 1

    plant.send([("press", {"step": 1})])

    wait_until(lambda: plant.state("press") == {"count": 7})
