"""Dead letters that are sent again: each counts once after any crash, and each check is proven necessary."""

from collections.abc import Iterator, Mapping

import pika
import pytest
from msgspec.structs import replace

from pipeline import wire
from pipeline.broker.dead_letter import letter_of
from pipeline.dead_letters.collector import DeadLetterCollector
from pipeline.errors import RedriveStopped, SessionLost
from pipeline.model.claim import Claim
from pipeline.model.deployment import Pause
from pipeline.model.record import Move
from pipeline.settings import Settings
from pipeline.store import dead_letters as dead_letters_module
from pipeline.store import records as records_module
from pipeline.store.dead_letters import LetterFilter
from pipeline.store.records import Records, Update
from pipeline.store.topic_sources import TopicSources
from pipeline.worker import transaction as transaction_module
from pipeline.worker.batch import MachineReadings
from pipeline.worker.processor import Processor
from pipeline.worker.transaction import Transaction
from tests.support.dead_letter_desk import DeadLetterDesk
from tests.support.logics import COUNT_AND_TELL
from tests.support.waiting import wait_until

M1 = LetterFilter(machine="m1")


@pytest.fixture
def desk(broker_url: str, redis_url: str) -> Iterator[DeadLetterDesk]:
    desk = DeadLetterDesk(broker_url, redis_url)
    yield desk
    desk.close()


def count_of_letters_sent_twice(desk: DeadLetterDesk, *, one_batch: bool) -> bytes:
    """Return the state after a sender sent all letters and was killed, and the next one sent all again."""
    desk.fail(("m1", 1), ("m1", 2), ("m1", 3))
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    assert desk.redriver.send_all(M1) == 3
    assert desk.redriver.send_all(M1) == 3
    readings = desk.arrivals(6)
    for batch in [readings] if one_batch else [[reading] for reading in readings]:
        desk.process(batch)
    return desk.partition.state("m1")


@pytest.mark.parametrize("one_batch", [True, False])
def test_letters_sent_by_a_killed_sender_and_again_by_the_next_count_once_in_order(
    desk: DeadLetterDesk, one_batch: bool
) -> None:
    state = count_of_letters_sent_twice(desk, one_batch=one_batch)

    assert state == b'{"count":3}'
    assert desk.data(3) == [{"n": n, "count": n} for n in (1, 2, 3)]
    assert desk.partition.records.read(["m1"])["m1"].record.number == 6
    assert (desk.ids(), desk.letters.count()) == ([], 0)


def test_unless_the_write_of_the_record_uses_up_the_letter_sending_it_twice_counts_twice(
    broker_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        records_module, "_WRITE_USING", "redis.call('SET', KEYS[2], ARGV[4]) return 1 -- and then a crash"
    )
    desk = DeadLetterDesk(broker_url, redis_url)

    state = count_of_letters_sent_twice(desk, one_batch=False)

    desk.close()
    assert state == b'{"count":6}'


class CrashesOnce(Processor):
    """Crashes between writing and publishing, when it is told to."""

    armed = False

    def _apply(self, groups: list[MachineReadings]) -> tuple[list[Transaction], list[MachineReadings]]:
        written = super()._apply(groups)
        if self.armed:
            type(self).armed = False
            raise SessionLost("a crash, after the write")
        return written


def test_a_worker_that_crashed_after_the_write_leaves_a_reading_that_is_not_applied_again(
    broker_url: str, redis_url: str
) -> None:
    desk = DeadLetterDesk(broker_url, redis_url, processor=CrashesOnce)
    desk.fail(("m1", 1), ("m1", 2))
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    desk.redriver.send_all(M1)
    readings = desk.arrivals(2)
    CrashesOnce.armed = True
    with pytest.raises(SessionLost):
        desk.process(readings, session=b"before__")

    desk.partition.process([*readings, ("m1", b'{"n": 3}')], session=b"after___", redelivered=2)

    data = desk.data(3)
    state = desk.partition.state("m1")
    desk.close()
    assert state == b'{"count":3}'
    assert data == [{"n": n, "count": n} for n in (1, 2, 3)]


def test_a_reading_redelivered_after_a_crash_before_the_write_is_applied(desk: DeadLetterDesk) -> None:
    desk.fail(("m1", 1))
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    desk.redriver.send_all(M1)

    desk.partition.process(desk.arrivals(1), session=b"after___", redelivered=1)

    assert desk.partition.state("m1") == b'{"count":1}'


def state_after_the_letter_came_again(desk: DeadLetterDesk) -> bytes:
    """Return the state after a killed worker's successor published a used-up dead letter again."""
    desk.fail(("m1", 1))
    [kept] = next(desk.letters.find(M1))
    [body] = desk.letters.bodies([kept.letter])
    assert body is not None
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    desk.redriver.send_all(M1)
    desk.process(desk.arrivals(1))

    desk.letters.keep([(kept.letter, body)])
    if desk.redriver.send_all(M1):
        desk.process(desk.arrivals(1))
    return desk.partition.state("m1")


def test_a_letter_that_is_used_up_does_not_come_back(desk: DeadLetterDesk) -> None:
    assert state_after_the_letter_came_again(desk) == b'{"count":1}'
    assert desk.ids() == []


def test_without_remembering_used_up_letters_it_would_count_twice(
    broker_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgets = dead_letters_module._KEEP.replace("'ZSCORE', KEYS[3]", "'ZSCORE', 'another key'")
    monkeypatch.setattr(dead_letters_module, "_KEEP", forgets)
    desk = DeadLetterDesk(broker_url, redis_url)

    state = state_after_the_letter_came_again(desk)

    desk.close()
    assert state == b'{"count":2}'


def test_a_claim_that_a_device_invented_is_ignored(desk: DeadLetterDesk) -> None:
    desk.fail(("m1", 1))
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    desk.redriver.send_all(M1)
    [genuine] = desk.arrivals(1)
    assert genuine.claim is not None
    forged = [
        replace(genuine, claim=Claim("1", "0" * 64)),  # an existing dead letter
        replace(genuine, claim=Claim("99", "0" * 64)),  # ... and one that does not exist
        replace(genuine, claim=replace(genuine.claim, number="99")),
        replace(genuine, body=b'{"n": 666}'),  # intercepted, with other bytes
        replace(genuine, machine="m2"),
    ]

    desk.process(forged)

    assert desk.partition.state("m1") == b'{"count":4}'
    assert "m1/1" in desk.ids()
    desk.process([genuine])
    desk.process([genuine])
    assert desk.partition.state("m1") == b'{"count":5}'


def test_without_checking_the_signature_a_device_could_use_up_a_letter_with_other_bytes(
    desk: DeadLetterDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.fail(("m1", 1))
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    desk.redriver.send_all(M1)
    [genuine] = desk.arrivals(1)
    monkeypatch.setattr(Claim, "holds", lambda *_: True)

    desk.process([replace(genuine, body=b'{"n": 666}')])

    assert desk.ids() == []


def test_letters_sent_again_go_to_the_end_of_the_queue_by_number(desk: DeadLetterDesk) -> None:
    desk.fail(*(("m1", n) for n in range(12)), ("m2", 0))
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    desk.process([("m1", b'{"n": 100}')])

    desk.redriver.send_all(M1)
    desk.process(desk.arrivals(12))

    assert [each["n"] for each in desk.data(13)] == [100, *range(12)]
    assert desk.ids() == ["m2/1"]


def test_a_reading_that_fails_again_is_a_new_letter_with_a_new_number(desk: DeadLetterDesk) -> None:
    desk.fail(("m1", 1), ("m1", 2))

    assert desk.redriver.send_all(M1) == 2
    desk.process(desk.arrivals(2))

    wait_until(lambda: desk.ids() == ["m1/3", "m1/4"])
    kept = desk.letters.get("m1", "3")
    assert kept is not None
    assert kept.letter.message_id == "dead-letter/1"
    assert kept.sent is None


def test_a_letter_keeps_its_bytes_and_says_when_it_was_sent(desk: DeadLetterDesk) -> None:
    desk.partition.process([("m1", b'\xff{"n": 1')])
    wait_until(lambda: desk.ids() == ["m1/1"])

    desk.redriver.send_all(M1)

    [reading] = desk.arrivals(1)
    assert reading.body == b'\xff{"n": 1'
    kept = desk.letters.get("m1", "1")
    assert kept is not None
    assert kept.sent is not None


def test_a_letter_discarded_while_its_reading_is_queued_is_not_applied(desk: DeadLetterDesk) -> None:
    desk.fail(("m1", 1))
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    desk.redriver.send_all(M1)
    [kept] = next(desk.letters.find(M1))

    assert desk.letters.discard([kept.letter]) == 1
    desk.process(desk.arrivals(1))

    assert desk.partition.state("m1") == b"{}"
    assert desk.ids() == []


class DiscardedMeanwhile(Records):
    """Someone discards the dead letters over the API between a batch's read and its write."""

    def write(self, updates: Mapping[str, Update]) -> set[str]:
        for kept in self.letters.find(M1) if any(update.uses for update in updates.values()) else ():
            self.letters.discard([each.letter for each in kept])
        return super().write(updates)


def test_a_letter_discarded_while_its_batch_runs_is_not_applied_and_its_neighbours_are(
    broker_url: str, redis_url: str
) -> None:
    desk = DeadLetterDesk(broker_url, redis_url, records=DiscardedMeanwhile)
    desk.fail(("m1", 1))
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    desk.redriver.send_all(M1)

    desk.process([*desk.arrivals(1), ("m1", b'{"n": 2}')])

    data = desk.data(1)
    desk.close()
    assert data == [{"n": 2, "count": 1}]


def test_all_of_a_kind_are_sent_machine_after_machine(desk: DeadLetterDesk) -> None:
    desk.fail(("m1", 1), ("m2", 1), ("m1", 2), ("m2", 2))
    desk.partition.process([("m1", b"no json")])
    desk.partition.logics.upload("m3", COUNT_AND_TELL, b"")
    desk.partition.process([("m3", b"no json")])
    wait_until(lambda: desk.letters.count_kinds() == {"no-logic": 5, "not-json": 1})

    assert desk.redriver.send_all(LetterFilter(kind="not-json")) == 1
    assert desk.redriver.send_all(LetterFilter(kind="no-logic")) == 5

    arrived = desk.arrivals(6)
    assert {reading.machine for reading in arrived} == {"m1", "m2", "m3"}
    assert [each.body for each in arrived if each.machine == "m1"] == [b'{"n": 1}', b'{"n": 2}', b"no json"]


def test_letters_that_the_broker_refuses_stay_and_can_be_sent_later(desk: DeadLetterDesk) -> None:
    desk.fail(("m1", 1), ("m1", 2))
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    with pika.BlockingConnection(pika.URLParameters(desk.amqp_url)) as connection:
        channel = connection.channel()
        channel.exchange_unbind(wire.MACHINES_EXCHANGE, wire.INGEST_EXCHANGE, wire.BELOW_MACHINES[0])

        with pytest.raises(RedriveStopped, match="Sending stopped after 0 dead letters"):
            desk.redriver.send_all(M1)

        channel.exchange_bind(wire.MACHINES_EXCHANGE, wire.INGEST_EXCHANGE, wire.BELOW_MACHINES[0])
    assert desk.ids() == ["m1/1", "m1/2"]
    assert desk.redriver.send_all(M1) == 2
    desk.process(desk.arrivals(2))
    assert desk.partition.state("m1") == b'{"count":2}'


def state_after_a_flood(desk: DeadLetterDesk) -> bytes:
    """Return the state after a dead letter was sent twice, and both readings went through the overflow."""
    desk.fail(("m1", 1))
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    for _ in range(2):
        desk.redriver.send_all(M1)
    desk.process([replace(reading, move=True) for reading in desk.arrivals(2)])
    assert desk.ids() == ["m1/1"]
    for reading in desk.overflow(2):
        desk.process([reading])
    return desk.partition.state("m1")


def test_a_letter_is_used_up_when_its_reading_comes_back_from_the_overflow(desk: DeadLetterDesk) -> None:
    assert state_after_a_flood(desk) == b'{"count":1}'
    assert desk.ids() == []

    desk.process([("m1", b'{"n": 2}')])

    assert desk.partition.state("m1") == b'{"count":2}'
    record = desk.partition.records.read(["m1"])["m1"].record
    assert (record.moved, record.taken, record.number) == (2, 2, 3)


def test_without_its_claim_in_the_overflow_a_letter_sent_twice_would_count_twice(
    desk: DeadLetterDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction_module, "Move", lambda *moved, **_: Move(*moved[:3]))

    assert state_after_a_flood(desk) == b'{"count":2}'


class ResumedMeanwhile(Records):
    """A batch's machine is resumed between the batch's read and its write, once."""

    armed = False

    def write(self, updates: Mapping[str, Update]) -> set[str]:
        if type(self).armed:
            type(self).armed = False
            self.pause("m1", paused=False)
        return super().write(updates)


def paused_after_the_resume(broker_url: str, redis_url: str) -> list[str]:
    """Return the dead letters of a batch that was running when the machine was resumed."""
    desk = DeadLetterDesk(broker_url, redis_url, records=ResumedMeanwhile)
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    desk.partition.records.pause("m1", paused=True)
    desk.fail(("m1", 1))
    ResumedMeanwhile.armed = True

    desk.process([("m1", b'{"n": 2}')])

    setup = desk.partition.logics.deployment("m1")
    assert setup.pause == Pause(0, 1)
    wait_until(lambda: len(desk.results.messages) + desk.letters.count() == 2)
    ids = desk.ids()
    desk.close()
    return ids


def test_a_batch_running_while_the_machine_was_resumed_is_not_left_behind(
    broker_url: str, redis_url: str
) -> None:
    assert paused_after_the_resume(broker_url, redis_url) == ["m1/1"]


def test_without_a_new_token_on_the_record_it_would_be_left_behind(
    broker_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unguarded = records_module._PAUSE.replace("redis.call('SET', KEYS[2], ARGV[4])", "")
    assert unguarded != records_module._PAUSE
    monkeypatch.setattr(records_module, "_PAUSE", unguarded)

    assert paused_after_the_resume(broker_url, redis_url) == ["m1/1", "m1/2"]


def test_after_resuming_no_letter_behind_an_unstored_one_is_sent_again(desk: DeadLetterDesk) -> None:
    desk.collector.close()
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    desk.partition.records.pause("m1", paused=True)
    desk.process([("m1", b'{"n": %d}' % n) for n in (1, 2, 3)])
    pause = desk.partition.records.pause("m1", paused=False).pause
    with pika.BlockingConnection(pika.URLParameters(desk.amqp_url)) as connection:
        channel = connection.channel()
        for number in (1, 2, 3):
            method, properties, body = channel.basic_get(wire.DEAD_LETTERS_QUEUE)
            assert method
            assert properties
            assert body
            if number != 2:  # another collector has taken it, and has not stored it yet
                desk.letters.keep([(letter_of(method.routing_key, properties, body), body)])
                channel.basic_ack(method.delivery_tag)
    desk.redriver.patience = 0

    assert desk.redriver.send_paused("m1", pause) == (1, 1)

    desk.redriver.patience = 20
    collector = DeadLetterCollector(Settings(amqp_url=desk.amqp_url), desk.letters, TopicSources(desk.redis))
    collector.start()
    assert desk.redriver.send_paused("m1", pause) == (3, 0)
    collector.close()
    readings = desk.arrivals(4)
    assert [reading.body for reading in readings] == [b'{"n": %d}' % n for n in (1, 1, 2, 3)]
    desk.process(readings)
    assert desk.data(3) == [{"n": n, "count": n} for n in (1, 2, 3)]
    assert desk.redriver.send_paused("m1", pause) == (0, 0)
