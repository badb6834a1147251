"""Updates of the machine index after batches, even if a worker dies before it has written them."""

from collections.abc import Iterator

import pytest

from pipeline.model.machine import Health, Silence
from pipeline.settings import Settings
from pipeline.store.client import RedisError, connect
from pipeline.store.machine_index import MachineIndex
from pipeline.store.search import Search, Sort
from pipeline.store.search_script import MachineFilter
from sandbox.parent.sandbox import Sandbox
from tests.support.batch_driver import BatchDriver

ECHO = "def process(data, state): return {'n': 1 / data['n']}"


@pytest.fixture
def partition(broker_url: str, redis_url: str) -> Iterator[BatchDriver]:
    partition = BatchDriver(broker_url, redis_url, Sandbox())
    for machine_id in ("m1", "m2"):
        partition.logics.upload(machine_id, ECHO, b"")
    yield partition
    partition.close()


@pytest.fixture
def search(redis_url: str) -> Iterator[Search]:
    with connect(Settings(redis_url=redis_url)) as client:
        yield Search(client)


def found(search: Search, health: Health) -> list[str]:
    return search.find(
        MachineFilter(health=health), Sort.LAST_SEEN, "", 10, Silence(900_000, 900)
    ).machine_ids


def after_a_worker_died(partition: BatchDriver, search: Search) -> list[str]:
    """Return the machines that the index lists as running, after a worker died before it wrote to the index.

    The next worker receives the reading of m1 again, and a new one of m2.
    """
    partition.process([("m1", b'{"n": 1}'), ("m2", b'{"n": 1}')], session=b"before__")
    partition.index_writer._seen.clear()
    partition.index_writer._changed.clear()
    partition.process([("m1", b'{"n": 1}'), ("m2", b'{"n": 2}')], session=b"after___", redelivered=1)
    partition.index_writer.flush()
    return sorted(found(search, Health.RUNNING))


def test_machines_that_a_dead_worker_did_not_index_are_indexed_by_the_next_one(
    partition: BatchDriver, search: Search
) -> None:
    assert after_a_worker_died(partition, search) == ["m1", "m2"]


def test_without_looking_them_up_their_index_entries_would_stay_outdated(
    partition: BatchDriver, search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MachineIndex, "astray", lambda *_: set())

    assert after_a_worker_died(partition, search) == []


def test_only_machines_with_a_changed_health_are_indexed_again(
    partition: BatchDriver, search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = list[str]()
    enter = MachineIndex.enter

    def enter_and_note(self: MachineIndex, machine_ids: set[str]) -> None:
        entered.extend(sorted(machine_ids))
        enter(self, machine_ids)

    monkeypatch.setattr(MachineIndex, "enter", enter_and_note)
    for n in (1, 1, 0, 0, 1):
        partition.process([("m1", b'{"n": %d}' % n)])
        partition.index_writer.flush()

    assert entered == ["m1", "m1", "m1"]
    assert (found(search, Health.RUNNING), found(search, Health.FAILING)) == (["m1"], [])


def test_a_failed_update_of_the_index_is_repeated_the_next_time(
    partition: BatchDriver, search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RedisError("Redis cannot be used")

    partition.process([("m1", b'{"n": 1}')])
    with monkeypatch.context() as patch:
        patch.setattr(MachineIndex, "note_seen", refuse)
        partition.index_writer.flush()

    partition.process([("m2", b'{"n": 1}')])
    partition.index_writer.flush()

    assert sorted(found(search, Health.RUNNING)) == ["m1", "m2"]
