"""A source in Redis that is not the one that was uploaded is neither shown nor run."""

import hashlib
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Final, cast

import msgspec
import pytest
import redis

from pipeline.store.keys import examples_key, source_key
from pipeline.store.sources import StoredSource
from tests.support.installation import Installation
from tests.support.metrics import scrape, value
from tests.support.waiting import wait_until

#: Each test has its own machine, whose source is in no cache.
_numbers = count(1)

FORGED: Final = "def process(data, state):\n    return {'forged': True}\n"

EXAMPLES: Final = [{"name": "one", "readings": [{"n": 1}]}]


def other_source(kept: bytes) -> bytes:
    """Replace the source only."""
    stored = msgspec.msgpack.decode(kept, type=StoredSource)
    return msgspec.msgpack.encode(msgspec.structs.replace(stored, source=FORGED))


def other_version(_kept: bytes) -> bytes:
    return msgspec.msgpack.encode(StoredSource(FORGED))


def cut_off(kept: bytes) -> bytes:
    return kept[: len(kept) // 2]


DAMAGE: Final = [other_source, other_version, cut_off]


class Store:
    """Redis, whose values a test damages. They are repaired after the test."""

    def __init__(self, client: "redis.Redis") -> None:
        self.client = client
        self._genuine = dict[str, bytes]()

    def damage(self, key: str, damage: Callable[[bytes], bytes] | None) -> None:
        """Damage a value, or delete it (None)."""
        genuine = self._genuine.setdefault(key, cast(bytes, self.client.get(key)))
        if damage:
            self.client.set(key, damage(genuine))
        else:
            self.client.delete(key)

    def repair(self) -> None:
        for key, genuine in self._genuine.items():
            self.client.set(key, genuine)


@pytest.fixture
def store(plant: Installation) -> Iterator[Store]:
    with redis.Redis.from_url(plant.redis_url) as client:
        store = Store(client)
        yield store
        store.repair()


@pytest.fixture
def machine(plant: Installation) -> str:
    """A machine with two versions of its logic, of which the second is deployed."""
    name = f"m{next(_numbers)}"
    for version in (1, 2):
        source = f"def process(data, state):\n    return {{'genuine': '{name}', 'version': {version}}}\n"
        plant.client.post(
            f"/machines/{name}/logic", json={"logic": source, "examples": EXAMPLES}
        ).raise_for_status()
    return name


def digest_of(plant: Installation, machine: str, version: int) -> str:
    """Return the digest of a version, from the list, which has no sources."""
    versions = plant.client.get(f"/machines/{machine}/logic/versions").raise_for_status().json()["versions"]
    return next(str(each["digest"]) for each in versions if each["version"] == version)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_source_that_does_not_match_its_digest_is_not_run(
    plant: Installation, store: Store, machine: str, damage: Callable[[bytes], bytes]
) -> None:
    store.damage(source_key(digest_of(plant, machine, 2)), damage)
    with plant.collect() as results:
        plant.send([(machine, {"n": 1}), (machine, {"n": 2})])
        wait_until(lambda: len(plant.dead_letters(machine=machine)) == 2)
        (letter, _), _ = plant.dead_letters(machine=machine)
        [worker] = plant.client.get("/metrics/targets").json()
        metrics = scrape(f"http://{worker['targets'][0]}/metrics")
        source = f"def process(data, state):\n    return {{'genuine': '{machine}', 'version': 2}}\n"
        again = plant.upload(machine, source)
        plant.send([(machine, {"n": 3})])
        wait_until(lambda: results.messages)

    assert letter["kind"] == "no-logic"
    assert "the source of version 2 is missing from Redis or does not match its digest" in letter["message"]
    assert value(metrics, "iot_logic_sources_invalid_total") >= 1
    assert again == 2
    assert [event["data"] for event in results.events] == [{"genuine": machine, "version": 2}]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_source_that_does_not_match_its_digest_is_not_shown_tried_or_deployed(
    plant: Installation, store: Store, machine: str, damage: Callable[[bytes], bytes]
) -> None:
    path = f"/machines/{machine}/logic"
    for version in (1, 2):
        store.damage(source_key(digest_of(plant, machine, version)), damage)

    answers = [
        plant.client.get(path),
        plant.client.get(f"{path}/versions/1"),
        plant.client.get(f"{path}/versions/1/diff", params={"to": 2}),
        plant.client.post(f"{path}/test", json={"readings": [1]}),
        plant.client.post(f"{path}/versions/1/activate"),
    ]
    deployed = plant.client.get(f"/machines/{machine}").json()["logicversion"]

    assert [answer.status_code for answer in answers] == [500] * 5
    assert all(answer.headers["Content-Type"] == "application/problem+json" for answer in answers)
    assert all("does not match its digest" in answer.json()["detail"] for answer in answers)
    assert all("Upload" in answer.json()["detail"] for answer in answers)
    assert not any("forged" in answer.text for answer in answers)
    assert deployed == 2


def test_a_missing_source_and_examples_that_do_not_match_are_reported_too(
    plant: Installation, store: Store, machine: str
) -> None:
    path = f"/machines/{machine}/logic"
    store.damage(source_key(digest_of(plant, machine, 1)), None)
    missing = plant.client.get(f"{path}/versions/1")
    examples = examples_key(hashlib.sha256(msgspec.json.encode(EXAMPLES)).hexdigest())
    store.damage(examples, lambda _: b'[{"name":"forged","readings":[1]}]')
    forged = plant.client.get(f"{path}/versions/2")
    store.damage(examples, None)
    gone = plant.client.get(f"{path}/versions/2")
    store.repair()

    assert [each.status_code for each in (missing, forged, gone)] == [500] * 3
    assert "is missing from Redis" in missing.json()["detail"]
    assert "The examples" in forged.json()["detail"]
    assert "do not match" in forged.json()["detail"]
    assert "missing from Redis" in gone.json()["detail"]
    assert plant.client.get(f"{path}/versions/2").json()["examples"] == EXAMPLES


@pytest.mark.parametrize("damage", [*DAMAGE, None])
def test_no_backup_is_written_that_could_not_be_imported(
    plant: Installation,
    store: Store,
    machine: str,
    tmp_path: Path,
    damage: Callable[[bytes], bytes] | None,
) -> None:
    store.damage(source_key(digest_of(plant, machine, 2)), damage)
    export = plant.start("iot-logic", "export", str(tmp_path / "backup"))
    status = export.process.wait(30)

    assert status == 2, export.log
    assert f"version 2 of the machine '{machine}'" in export.log
    assert list(tmp_path.iterdir()) == []
