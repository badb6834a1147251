"""Deleting a machine deletes everything that belongs to it, whatever is in progress meanwhile."""

from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, cast

import pytest

from pipeline import wire
from pipeline.model.machine import Health, Silence, Stored
from pipeline.model.reading import Reading
from pipeline.model.record import Record
from pipeline.store import deletion as deletion_module
from pipeline.store.dead_letters import LetterFilter
from pipeline.store.deletion import Deletion
from pipeline.store.deployments import MachineDeployments
from pipeline.store.profiles import ProfileStore
from pipeline.store.records import Records, Update
from pipeline.store.search import Search, Sort
from pipeline.store.search_script import MachineFilter
from sandbox.parent.sandbox import Sandbox
from tests.support.batch_driver import BatchDriver
from tests.support.dead_letter_desk import DeadLetterDesk
from tests.support.logics import COUNT_AND_TELL
from tests.support.waiting import wait_until

M1 = LetterFilter(machine="m1")


class DeletedMeanwhile(Records):
    """Someone deletes the machine, once, while a batch is about to write its record."""

    delete: ClassVar[Callable[[], object] | None] = None

    def write(self, updates: Mapping[str, Update]) -> set[str]:
        delete, DeletedMeanwhile.delete = DeletedMeanwhile.delete, None
        if delete:
            delete()
        return super().write(updates)


class CreatedAgain(Records):
    """Someone sets the state of the machine right after a batch has written its record."""

    def _write_plain(self, updates: Mapping[str, Update]) -> set[str]:
        changed = super()._write_plain(updates)
        read = self.read(["m1"])["m1"]
        super()._write_plain({"m1": Update(read, read.record.edited(b'{"count":100}'))})
        return changed


@pytest.fixture
def desk(broker_url: str, redis_url: str) -> Iterator[DeadLetterDesk]:
    desk = DeadLetterDesk(broker_url, redis_url, records=DeletedMeanwhile)
    yield desk
    desk.close()


def removal(desk: DeadLetterDesk) -> Deletion:
    records, directory = desk.partition.records, desk.partition.index
    profiles = ProfileStore(desk.redis, MachineDeployments(desk.redis), records)
    return Deletion(desk.redis, records, directory, profiles)


def machine(desk: DeadLetterDesk) -> Stored:
    return desk.partition.records.read(["m1"])["m1"]


def stopped_before_its_write(desk: DeadLetterDesk, *, before: int) -> Stored:
    """Return the machine after it was deleted while a batch of one reading was stopped before its write.

    The deleted machine had `before` readings.
    """
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    for n in range(before):
        desk.process([("m1", b'{"n": %d}' % n)])
    DeletedMeanwhile.delete = lambda: removal(desk).remove("m1")
    desk.process([("m1", b'{"n": 100}')])
    return machine(desk)


@pytest.mark.parametrize("before", [0, 2])
def test_a_batch_that_is_stopped_before_its_write_finds_a_new_machine(
    desk: DeadLetterDesk, before: int
) -> None:
    stored = stopped_before_its_write(desk, before=before)

    assert (stored.record.state, stored.active) == (b"{}", None)
    assert stored.record.counters.dead_letters == {"no-logic": 1}
    assert stored.record.counters.readings == 1
    # The numbers continue, so that a dead letter of the deleted machine is not mistaken for one of the new
    # machine.
    wait_until(lambda: desk.ids() == [f"m1/{before + 1}"])
    assert len(desk.results.messages) == before


def test_without_a_new_token_on_its_record_the_batch_would_restore_the_state(
    broker_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeps = deletion_module._REMOVE.replace("redis.call('SET', KEYS[1], ARGV[3])", "")
    monkeypatch.setattr(deletion_module, "_REMOVE", keeps)
    desk = DeadLetterDesk(broker_url, redis_url, records=DeletedMeanwhile)

    stored = stopped_before_its_write(desk, before=2)

    desk.close()
    assert (stored.record.state, stored.active) == (b'{"count":3}', None)


def test_only_the_marks_that_identify_its_readings_are_left(desk: DeadLetterDesk) -> None:
    desk.fail(("m1", 1), ("m1", 2), ("m2", 1))
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    desk.partition.logics.upload("m1", f"{COUNT_AND_TELL}\n", b"")
    desk.process([("m1", b'{"n": 1}')])
    desk.partition.index_writer.flush()

    removed = removal(desk).remove("m1")

    assert removed is not None
    assert removed.record.number == 3
    assert desk.ids() == ["m2/1"]
    assert desk.letters.count_kinds() == {"no-logic": 1}
    search = Search(desk.redis)
    assert search.find(MachineFilter(), Sort.ID, "", 10, Silence(900_000, 900)).machine_ids == ["m2"]
    assert (
        search.find(
            MachineFilter(health=Health.RUNNING), Sort.LAST_SEEN, "", 10, Silence(900_000, 900)
        ).machine_ids
        == []
    )
    left = {key.decode() for key in cast("list[bytes]", desk.redis.keys("*m1*"))}
    assert left == {"machine:{m1}:record", "machine:{m1}:dead-letters:used"}
    assert all(desk.redis.ttl(key) > 0 for key in left)
    assert machine(desk).record == Record(
        number=3,
        session=removed.record.session,
        tag=removed.record.tag,
        marks=removed.record.marks,
        gone=True,
        home=removed.record.home,
        received=removed.record.received,
    )
    assert removal(desk).remove("m1") is None


def test_readings_applied_before_are_not_applied_to_the_new_machine(desk: DeadLetterDesk) -> None:
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    desk.process([("m1", b'{"n": 1}')], session=b"before__")
    removal(desk).remove("m1")
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")

    desk.partition.process([("m1", b'{"n": 1}'), ("m1", b'{"n": 2}')], session=b"after___", redelivered=2)

    assert desk.data(2) == [{"n": 1, "count": 1}, {"n": 2, "count": 1}]
    assert machine(desk).record.counters.readings == 1


def test_a_dead_letter_that_was_sent_again_does_not_create_a_machine(desk: DeadLetterDesk) -> None:
    desk.fail(("m1", 1))
    desk.redriver.send_all(M1)
    removal(desk).remove("m1")

    desk.process(desk.arrivals(1))

    assert not machine(desk).known


def state_after_a_flood(desk: DeadLetterDesk) -> bytes:
    """Return the state after a machine with two readings in the overflow was deleted and flooded again."""
    move(desk, 1, 2)
    removal(desk).remove("m1")
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    move(desk, 3, 4)
    for reading in desk.overflow(4):
        desk.process([reading])
    return desk.partition.state("m1")


def move(desk: DeadLetterDesk, *numbers: int) -> None:
    """Process readings that go to the overflow."""
    key = wire.data_key("m1")
    desk.process([Reading("m1", key, b'{"n": %d}' % n, 0, False, None, None, move=True) for n in numbers])


def test_readings_in_the_overflow_run_for_the_new_machine_in_order(desk: DeadLetterDesk) -> None:
    assert state_after_a_flood(desk) == b'{"count":4}'
    assert [each["n"] for each in desk.data(4)] == [1, 2, 3, 4]
    assert desk.redis.ttl("machine:{m1}:record") == -1


def test_without_its_places_a_new_machine_would_lose_readings_in_the_overflow(
    desk: DeadLetterDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Record, "deleted", lambda _: Record(gone=True))

    assert state_after_a_flood(desk) == b'{"count":2}'


def test_readings_of_a_deleted_machine_that_are_redelivered_twice_are_recognised_twice(
    desk: DeadLetterDesk,
) -> None:
    partition = desk.partition
    partition.logics.upload("m1", COUNT_AND_TELL, b"")
    readings = [("m1", b'{"n": %d}' % n) for n in range(1, 6)]
    partition.process(readings[:4], session=b"first___")
    removal(desk).remove("m1")
    partition.logics.upload("m1", COUNT_AND_TELL, b"")

    partition.process(readings[:2], session=b"second__", redelivered=2)
    assert not machine(desk).recorded
    assert desk.redis.ttl("machine:{m1}:record") > 0
    partition.process(readings[2:], session=b"second__", redelivered=2)
    partition.process(readings[:2], session=b"third___", redelivered=2)
    partition.process(readings[2:], session=b"third___", redelivered=3)

    assert partition.state("m1") == b'{"count":1}'


def test_a_machine_that_is_created_again_does_not_expire_with_the_rest_of_the_old_one(
    broker_url: str, redis_url: str
) -> None:
    desk = DeadLetterDesk(broker_url, redis_url)
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    desk.process([("m1", b"{}")], session=b"first___")
    removal(desk).remove("m1")
    assert desk.redis.ttl("machine:{m1}:record") > 0
    desk.close()

    partition = BatchDriver(broker_url, redis_url, Sandbox(), records=CreatedAgain)
    partition.process([("m1", b"{}")], session=b"second__", redelivered=1)

    assert partition.state("m1") == b'{"count":100}'
    assert partition._redis.ttl("machine:{m1}:record") == -1
    partition.close()
