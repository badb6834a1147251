"""The rules of `pipeline.model.record`: each one is kept once and broken on purpose once.

If a rule is broken, the same steps must produce a wrong count. Otherwise the test of the rule proves nothing.
"""

from collections.abc import Iterator, Sequence

import msgspec
import pytest
from msgspec.structs import replace

from pipeline import wire
from pipeline.broker import topology
from pipeline.errors import SessionLost
from pipeline.model.reading import Reading
from pipeline.model.record import Record, Split
from pipeline.model.session import Settled
from pipeline.settings import Settings
from pipeline.store import records as records_module
from pipeline.worker.batch import MachineReadings
from pipeline.worker.processor import Processor
from pipeline.worker.transaction import Transaction
from sandbox.parent.sandbox import Sandbox
from tests.support.batch_driver import BatchDriver, EditedMeanwhile, LosesAnswers
from tests.support.installation import Collector
from tests.support.logics import COUNT_AND_TELL
from tests.support.waiting import wait_until

TWO = [("m1", b'{"n": 1}'), ("m1", b'{"n": 2}')]
THIRD = ("m1", b'{"n": 3}')


@pytest.fixture
def partition(broker_url: str, redis_url: str) -> Iterator[BatchDriver]:
    partition = BatchDriver(broker_url, redis_url, Sandbox())
    partition.logics.upload("m1", COUNT_AND_TELL, b"")
    yield partition
    partition.close()


@pytest.fixture
def results(broker_url: str) -> Iterator[Collector]:
    topology.ensure(Settings(amqp_url=broker_url))
    collector = Collector(broker_url, wire.RESULTS_EXCHANGE)
    yield collector
    collector.close()


def bodies(results: Collector, count: int) -> list[bytes]:
    wait_until(lambda: len(results.messages) >= count)
    return [body for _, _, body in results.messages]


def without_marks(_record: Record, _session: bytes, readings: list[Reading], **_: bool) -> Split:
    return Split(fresh=readings)


def test_redelivered_readings_change_nothing_and_publish_the_same_bytes(
    partition: BatchDriver, results: Collector
) -> None:
    partition.process(TWO, session=b"before__")
    partition.process([*TWO, THIRD], session=b"after___", redelivered=2)

    published = bodies(results, 5)
    assert partition.state("m1") == b'{"count":3}'
    assert published[:2] == published[2:4]
    assert msgspec.json.decode(published[4])["data"] == {"n": 3, "count": 3}


def test_without_marks_they_would_be_counted_twice(
    partition: BatchDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Record, "split", without_marks)

    partition.process(TWO, session=b"before__")
    partition.process([*TWO, THIRD], session=b"after___", redelivered=2)

    assert partition.state("m1") == b'{"count":5}'


class CrashesOnce(Processor):
    """Crashes between writing and publishing, the first time."""

    crashed = False

    def _apply(self, groups: list[MachineReadings]) -> tuple[list[Transaction], list[MachineReadings]]:
        written = super()._apply(groups)
        if not self.crashed:
            self.crashed = True
            raise SessionLost("a crash, after the write")
        return written


@pytest.mark.parametrize("again", [TWO, [*TWO, THIRD]])
def test_results_left_unpublished_by_a_crash_are_published_by_the_next_session(
    broker_url: str, redis_url: str, again: Sequence[tuple[str, bytes]]
) -> None:
    partition = BatchDriver(broker_url, redis_url, Sandbox(), processor=CrashesOnce)
    partition.logics.upload("m1", COUNT_AND_TELL, b"")
    results = Collector(broker_url, wire.RESULTS_EXCHANGE)
    with pytest.raises(SessionLost):
        partition.process(TWO, session=b"before__")

    partition.process(again, session=b"after___", redelivered=len(again))

    published = [msgspec.json.decode(body) for body in bodies(results, len(again))]
    results.close()
    partition.close()
    assert [event["id"] for event in published] == [str(number) for number in range(1, len(again) + 1)]


def wake_up_after_another_took_over(partition: BatchDriver) -> None:
    """Let a session process readings that its successor has received, applied and settled."""
    partition.process([THIRD], session=b"before__")
    partition.process(TWO, session=b"after___", redelivered=2)
    partition.process(TWO, session=b"before__")


def test_a_worker_that_resumes_after_another_took_over_applies_nothing(partition: BatchDriver) -> None:
    with pytest.raises(SessionLost):
        wake_up_after_another_took_over(partition)

    assert partition.state("m1") == b'{"count":3}'


def test_without_the_fence_it_would_apply_them_again(
    broker_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records_module, "_WRITE", records_module._WRITE.replace("return {0}", "break"))
    partition = BatchDriver(broker_url, redis_url, Sandbox())
    partition.logics.upload("m1", COUNT_AND_TELL, b"")

    wake_up_after_another_took_over(partition)

    assert partition.state("m1") == b'{"count":5}'
    partition.close()


SAME = [("m1", b'{"n": 1}')]


def test_an_equal_reading_that_a_session_held_at_its_orderly_end_is_applied(partition: BatchDriver) -> None:
    partition.process(SAME, session=b"before__")
    partition.sessions.give_up(partition.fence(b"before__"), Settled(1, complete=True))

    partition.process(SAME, session=b"after___", redelivered=1)

    assert partition.state("m1") == b'{"count":2}'


def test_it_is_applied_also_if_this_worker_had_looked_at_that_session_before_its_end(
    partition: BatchDriver,
) -> None:
    """A session that has lost the fence reads its successor's note, which is not final yet."""
    partition.process([THIRD], session=b"paused__")
    partition.process(SAME, session=b"before__")
    with pytest.raises(SessionLost):
        partition.process([THIRD], session=b"paused__")
    partition.sessions.give_up(partition.fence(b"before__"), Settled(1, complete=True))

    partition.process(SAME, session=b"after___", redelivered=1)

    assert partition.state("m1") == b'{"count":3}'


def test_after_a_crash_an_equal_reading_is_mistaken_for_the_earlier_one(partition: BatchDriver) -> None:
    """Nothing tells a redelivery from another reading. That is why devices number their readings."""
    partition.process(SAME, session=b"before__")

    partition.process(SAME, session=b"after___", redelivered=1)

    assert partition.state("m1") == b'{"count":1}'


def count_after_an_edit(broker_url: str, redis_url: str) -> bytes:
    partition = BatchDriver(broker_url, redis_url, Sandbox(), records=EditedMeanwhile)
    partition.logics.upload("m1", COUNT_AND_TELL, b"")
    partition.records.edited = True  # type: ignore[attr-defined]
    partition.process(TWO)
    partition.records.edited = False  # type: ignore[attr-defined]
    partition.process([THIRD])
    state = partition.state("m1")
    partition.close()
    return state


def test_a_batch_continues_from_a_state_that_was_edited_while_it_ran(broker_url: str, redis_url: str) -> None:
    assert count_after_an_edit(broker_url, redis_url) == b'{"count":101}'


def test_without_compare_and_set_the_edit_would_be_lost(
    broker_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        records_module,
        "_WRITE",
        records_module._WRITE.replace("redis.call('GETRANGE', KEYS[key], 0, 7) == ARGV[at]", "true"),
    )

    assert count_after_an_edit(broker_url, redis_url) == b'{"count":3}'


def test_a_write_whose_answer_was_lost_is_not_done_twice(broker_url: str, redis_url: str) -> None:
    partition = BatchDriver(broker_url, redis_url, Sandbox(), records=LosesAnswers)
    partition.logics.upload("m1", COUNT_AND_TELL, b"")
    results = Collector(broker_url, wire.RESULTS_EXCHANGE)

    partition.process(TWO)

    published = [msgspec.json.decode(body)["data"]["count"] for body in bodies(results, 2)]
    results.close()
    assert partition.state("m1") == b'{"count":2}'
    assert published == [1, 2]
    partition.close()


def moved(n: int, place: int | None = None, *, move: bool = False) -> Reading:
    """Return reading n of m1: to be moved to the overflow, or returning from a place there."""
    body = b'{"n": %d}' % n
    return Reading("m1", wire.data_key("m1"), body, 0, False, None, None, place=place, move=move)


#: Two readings in the overflow, and more that go there behind them.
OVERFLOW = [moved(1, move=True), moved(2, move=True)]
BACK = [moved(1, place=1), moved(2, place=2)]


def test_redelivered_readings_are_recognised_behind_others_from_the_overflow(partition: BatchDriver) -> None:
    """The successor writes the record for those before it has seen all that its predecessor applied."""
    partition.process(OVERFLOW, session=b"before__")
    partition.process([moved(n) for n in (3, 4, 5, 6)], session=b"before__")

    partition.process([*BACK, moved(3), moved(4)], session=b"after___", redelivered=4)
    partition.process([moved(5), moved(6)], session=b"after___", redelivered=2)

    record = partition.records.read(["m1"])["m1"].record
    assert (record.moved, record.taken, record.number) == (6, 2, 2)


def test_they_are_recognised_also_if_the_answer_to_that_write_is_lost(
    broker_url: str, redis_url: str
) -> None:
    partition = BatchDriver(broker_url, redis_url, Sandbox())
    partition.logics.upload("m1", COUNT_AND_TELL, b"")
    partition.process(OVERFLOW, session=b"before__")
    partition.process([moved(3), moved(4)], session=b"before__")
    partition.close()
    partition = BatchDriver(broker_url, redis_url, Sandbox(), records=LosesAnswers)

    partition.process([*BACK, moved(3), moved(4)], session=b"after___", redelivered=4)

    record = partition.records.read(["m1"])["m1"].record
    partition.close()
    assert (record.moved, record.taken, record.number) == (4, 2, 2)


def count_after_a_broken_order(partition: BatchDriver, *, session_ends: bool) -> bytes | None:
    """Move readings 1 and 2 to the overflow, which refuses 1 and accepts 2; then move them again.

    Return the state after both have come back.
    """
    partition.process(OVERFLOW, session=b"before__")
    if session_ends:
        with pytest.raises(SessionLost):
            partition.process(BACK[1:], session=b"before__", moving=True)
    else:
        partition.process(BACK[1:], session=b"before__", moving=True)
    partition.process(BACK[1:], session=b"after___")
    partition.process(OVERFLOW, session=b"after___", redelivered=2)
    again = [replace(reading, attempt=1) for reading in BACK]
    partition.process(again, session=b"after___", moving=True)
    return partition.state("m1")


def test_a_moved_reading_that_overtook_an_earlier_one_does_not_count(partition: BatchDriver) -> None:
    assert count_after_a_broken_order(partition, session_ends=True) == b'{"count":2}'


def test_if_it_counted_the_earlier_one_would_be_lost(
    partition: BatchDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Record, "_have_arrived", lambda *_, **__: True)

    assert count_after_a_broken_order(partition, session_ends=False) == b'{"count":1}'


def test_results_left_unpublished_by_a_crash_are_published_even_if_other_readings_come_first(
    broker_url: str, redis_url: str
) -> None:
    """The readings with unpublished results are delivered again in the second batch."""
    partition = BatchDriver(broker_url, redis_url, Sandbox())
    partition.logics.upload("m1", COUNT_AND_TELL, b"")
    partition.process(OVERFLOW, session=b"before__")
    partition.close()
    partition = BatchDriver(broker_url, redis_url, Sandbox(), processor=CrashesOnce)
    results = Collector(broker_url, wire.RESULTS_EXCHANGE)
    with pytest.raises(SessionLost):
        partition.process(BACK[:1], session=b"before_2", redelivered=1)

    partition.process(BACK[1:], session=b"after___")

    published = [msgspec.json.decode(body)["id"] for body in bodies(results, 2)]
    results.close()
    partition.close()
    assert published == ["1", "2"]


def test_a_session_that_ended_in_order_leaves_nothing_to_publish_again(
    partition: BatchDriver, results: Collector
) -> None:
    partition.process(TWO, session=b"before__")
    partition.sessions.give_up(partition.fence(b"before__"), Settled(2, complete=True))

    partition.process([THIRD], session=b"after___")

    published = [msgspec.json.decode(body)["id"] for body in bodies(results, 3)]
    assert published == ["1", "2", "3"]
