"""What batches leave in the directory, also where a worker dies before it has entered what it met."""

from collections.abc import Iterator

import pytest

from pipeline.model.machine import Health
from pipeline.settings import Settings
from pipeline.store.client import RedisError, connect
from pipeline.store.machine_index import MachineIndex
from pipeline.store.search import Search, Sort
from pipeline.store.search_script import MachineFilter
from sandbox.parent.sandbox import Sandbox
from tests.partition import Partition

ECHO = "def process(data, state): return {'n': 1 / data['n']}"


@pytest.fixture
def partition(broker_url: str, redis_url: str) -> Iterator[Partition]:
    partition = Partition(broker_url, redis_url, Sandbox())
    for machine_id in ("m1", "m2"):
        partition.logics.upload(machine_id, ECHO, b"")
    yield partition
    partition.close()


@pytest.fixture
def search(redis_url: str) -> Iterator[Search]:
    with connect(Settings(redis_url=redis_url)) as client:
        yield Search(client)


def found(search: Search, health: Health) -> list[str]:
    return search.find(MachineFilter(health=health), Sort.LAST_SEEN, "", 10, 0).machine_ids


def after_a_worker_died(partition: Partition, search: Search) -> list[str]:
    """The machines that are found as running, after a worker died that had entered nothing yet.

    The next one is given back the reading of m1, and a new one of m2.
    """
    partition.process([("m1", b'{"n": 1}'), ("m2", b'{"n": 1}')], session=b"before__")
    partition.index_writer._seen.clear()
    partition.index_writer._changed.clear()
    partition.process([("m1", b'{"n": 1}'), ("m2", b'{"n": 2}')], session=b"after___", redelivered=1)
    partition.index_writer.flush()
    return sorted(found(search, Health.RUNNING))


def test_what_a_worker_met_that_died_is_entered_by_the_next(partition: Partition, search: Search) -> None:
    assert after_a_worker_died(partition, search) == ["m1", "m2"]


def test_without_looking_them_up_they_would_stay_where_they_were(
    partition: Partition, search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MachineIndex, "astray", lambda *_: set())

    assert after_a_worker_died(partition, search) == []


def test_only_machines_that_stand_differently_are_entered_anew(
    partition: Partition, search: Search, monkeypatch: pytest.MonkeyPatch
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


def test_what_could_not_be_entered_is_entered_the_next_time(
    partition: Partition, search: Search, monkeypatch: pytest.MonkeyPatch
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
