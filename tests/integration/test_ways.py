"""One way in for each machine (rule 9 of `pipeline.model.record`): each rule is kept once and broken once.

The partition 0 has no source, and 1000 and 1001 are sources' partitions.
"""

from collections.abc import Callable, Iterator, Mapping
from unittest.mock import MagicMock

import pytest
from msgspec.structs import replace

from pipeline import wire
from pipeline.broker import topology
from pipeline.model.reading import Reading
from pipeline.model.record import Record
from pipeline.model.session import Fence, Settled
from pipeline.model.topic_source import TopicSource
from pipeline.settings import Settings
from pipeline.store.client import connect
from pipeline.store.records import Records, Update
from pipeline.store.topic_sources import KeptSource, TopicSources
from pipeline.worker.partition import Partition
from pipeline.worker.transaction import Transaction
from pipeline.worker.ways import Ways
from sandbox.parent.sandbox import Sandbox
from tests.support.batch_driver import BatchDriver
from tests.support.installation import Collector
from tests.support.logics import COUNT
from tests.support.waiting import wait_until

#: Sessions, with the partitions that they have.
PARTITIONS = {
    b"normal_1": 0,
    b"normal_2": 0,
    b"source_1": 1000,
    b"source_2": 1000,
    b"other__1": 1001,
}


class MovesMeanwhile(Records):
    """Another session processes a batch, once, between a batch's read and its write."""

    meanwhile: Callable[[], object] | None = None

    def write(self, updates: Mapping[str, Update]) -> set[str]:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().write(updates)


@pytest.fixture
def driver(broker_url: str, redis_url: str) -> Iterator[BatchDriver]:
    """A driver for which every machine is quiet at once. The sources exist."""
    topology.ensure(Settings(amqp_url=broker_url))
    with connect(Settings(redis_url=redis_url)) as client:
        sources = TopicSources(client)
        for partition, name in ((1000, "floor"), (1001, "hall")):
            source = TopicSource(filter=f"{name}/{{machine}}")
            assert sources.write(sources.list(), KeptSource(name, partition, "active", 1, source))
    driver = BatchDriver(broker_url, redis_url, Sandbox(), records=MovesMeanwhile, quiet_seconds=-1)
    driver.partitions.update(PARTITIONS)
    driver.logics.upload("m1", COUNT, b"")
    yield driver
    driver.close()


@pytest.fixture
def letters(broker_url: str) -> Iterator[Collector]:
    topology.ensure(Settings(amqp_url=broker_url))
    collector = Collector(broker_url, wire.DEAD_LETTERS_EXCHANGE)
    yield collector
    collector.close()


def reading(n: int) -> Reading:
    """A reading of the machine, which its `message_id` identifies."""
    return Reading("m1", "floor.m1", b'{"n":%d}' % n, 0, False, f"id-{n}", None)


def settle(driver: BatchDriver, session: bytes, delivery: int) -> None:
    """Note that a session is proven to be settled up to this delivery."""
    driver.stubs[session].settled = Settled(delivery)
    driver.sessions.note({driver.fence(session): Settled(delivery)})


def record(driver: BatchDriver) -> Record:
    return driver.records.read(["m1"])["m1"].record


def test_a_reading_of_another_way_becomes_a_letter_and_changes_nothing(
    driver: BatchDriver, letters: Collector
) -> None:
    driver.process([reading(1)], session=b"normal_1")
    before = record(driver)
    driver.process([reading(2)], session=b"source_1")

    assert record(driver) == before
    wait_until(lambda: letters.messages)
    _, properties, body = letters.messages[0]
    assert body == b'{"n":2}'
    assert properties.headers["kind"] == "other-source"
    message = properties.headers["message"]
    assert "came by the source 'floor'" in message
    assert "readings of machine m1 come by machines/<id>/data" in message


def test_all_partitions_without_a_source_are_one_way(driver: BatchDriver) -> None:
    driver.partitions[b"normal_2"] = 7
    driver.process([reading(1)], session=b"normal_1")
    driver.process([reading(2)], session=b"normal_2")

    assert driver.state("m1") == b'{"count":2}'


def test_the_record_of_an_older_version_belongs_to_the_way_without_a_source(driver: BatchDriver) -> None:
    driver.process([reading(1)], session=b"normal_1")
    stored = driver.records.read(["m1"])["m1"]
    older = Update(stored, replace(stored.record, home=None))
    assert driver.records.write({"m1": older}) == set()
    driver.process([reading(2)], session=b"source_1")
    driver.process([reading(3)], session=b"normal_1")

    assert driver.state("m1") == b'{"count":2}'


def test_a_home_moves_only_when_no_applied_reading_can_come_back(driver: BatchDriver) -> None:
    driver.process([reading(1)], session=b"normal_1")
    driver.process([reading(2)], session=b"source_1")  # refused: reading 1 may come back
    assert driver.state("m1") == b'{"count":1}'

    settle(driver, b"normal_1", 1)
    settle(driver, b"source_1", 1)
    driver.process([reading(3)], session=b"source_1")

    assert driver.state("m1") == b'{"count":2}'
    assert record(driver).home == 1000


def test_a_reading_of_the_old_home_that_comes_back_is_not_applied_again(driver: BatchDriver) -> None:
    driver.process([reading(1)], session=b"normal_1")
    driver.process([reading(2)], session=b"source_1")
    driver.process([reading(1)], session=b"normal_2", redelivered=1)

    assert driver.state("m1") == b'{"count":1}'


def test_without_the_proof_it_would_be_applied_again(
    driver: BatchDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Ways,
        "_moved",
        lambda _ways, transaction, _note, _known: replace(transaction.stored.record, marks=(), earlier=b""),
    )

    with pytest.raises(AssertionError):
        test_a_reading_of_the_old_home_that_comes_back_is_not_applied_again(driver)
    assert driver.state("m1") == b'{"count":3}'


def test_a_home_does_not_move_while_the_machine_sends(
    driver: BatchDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver._processor._ways, "_quiet_seconds", 60)
    driver.process([reading(1)], session=b"normal_1")
    settle(driver, b"normal_1", 1)
    driver.process([reading(2)], session=b"source_1")

    assert driver.state("m1") == b'{"count":1}'


def test_if_the_home_moves_during_a_batch_of_the_old_home_the_batch_is_refused(
    driver: BatchDriver, letters: Collector
) -> None:
    driver.process([reading(1)], session=b"normal_1")
    settle(driver, b"normal_1", 1)
    assert isinstance(driver.records, MovesMeanwhile)
    driver.records.meanwhile = lambda: driver.process([reading(2)], session=b"source_1")
    driver.process([reading(3)], session=b"normal_1")

    # Reading 2 moved the home; its session has not proven anything, so reading 3 cannot move it back.
    assert driver.state("m1") == b'{"count":2}'
    wait_until(lambda: letters.messages)
    assert [body for _, _, body in letters.messages] == [b'{"n":3}']


def test_if_the_old_home_applies_a_reading_first_the_home_does_not_move(
    driver: BatchDriver, letters: Collector
) -> None:
    driver.process([reading(1)], session=b"normal_1")
    settle(driver, b"normal_1", 1)
    assert isinstance(driver.records, MovesMeanwhile)
    driver.records.meanwhile = lambda: driver.process([reading(2)], session=b"normal_1")
    driver.process([reading(3)], session=b"source_1")

    assert driver.state("m1") == b'{"count":2}'
    assert record(driver).home == 0
    wait_until(lambda: letters.messages)
    assert [body for _, _, body in letters.messages] == [b'{"n":3}']


def refused_then_moved(driver: BatchDriver) -> None:
    """Reading 2 becomes a letter, reading 3 moves the home, and both come back to the next session."""
    driver.process([reading(1)], session=b"normal_1")
    driver.process([reading(2)], session=b"source_1")
    settle(driver, b"normal_1", 1)
    driver.process([reading(3)], session=b"source_1")
    driver.process([reading(2), reading(3)], session=b"source_2", redelivered=2)


def test_a_reading_that_became_a_letter_is_not_applied_when_it_comes_back(driver: BatchDriver) -> None:
    refused_then_moved(driver)

    assert driver.state("m1") == b'{"count":2}'


def test_without_its_mark_it_would_be_applied_when_it_comes_back(
    driver: BatchDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Transaction, "_refused_before", lambda _transaction: ())

    refused_then_moved(driver)

    assert driver.state("m1") == b'{"count":3}'


def test_a_redelivered_reading_does_not_move_the_home_and_its_letter_keeps_its_name(
    driver: BatchDriver, letters: Collector
) -> None:
    driver.process([reading(1)], session=b"normal_1")
    driver.process([reading(2)], session=b"source_1")
    settle(driver, b"normal_1", 1)
    driver.process([reading(2)], session=b"source_2", redelivered=1)

    assert driver.state("m1") == b'{"count":1}'
    wait_until(lambda: len(letters.messages) == 2)
    assert len({properties.message_id for _, properties, _ in letters.messages}) == 1


def test_the_home_moves_at_once_if_its_source_is_deleted(driver: BatchDriver, redis_url: str) -> None:
    driver.process([reading(1)], session=b"source_1")
    driver.process([reading(2)], session=b"other__1")
    assert driver.state("m1") == b'{"count":1}'
    with connect(Settings(redis_url=redis_url)) as client:
        sources = TopicSources(client)
        assert sources.remove(sources.list(), "floor")
    driver.process([reading(3)], session=b"other__1")

    assert driver.state("m1") == b'{"count":2}'
    assert record(driver).home == 1001


def test_a_deleted_machine_keeps_its_home(driver: BatchDriver) -> None:
    driver.process([reading(1)], session=b"source_1")

    assert record(driver).deleted().home == 1000


def test_a_session_is_not_settled_completely_before_the_broker_has_opened_its_channel() -> None:
    """Its worker could be killed before it replaces such a note, after it has applied readings."""
    partition = Partition(MagicMock(), Fence(0, b"session1"), lambda _, __: None)

    assert partition.settled == Settled()
