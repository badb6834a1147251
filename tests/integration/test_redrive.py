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
from pipeline.worker import transaction as turn_module
from pipeline.worker.batch import MachineReadings
from pipeline.worker.processor import Processor
from pipeline.worker.transaction import Transaction
from tests.support.logics import COUNT_AND_TELL
from tests.support.office import Office
from tests.support.waiting import wait_until

M1 = LetterFilter(machine="m1")


@pytest.fixture
def office(broker_url: str, redis_url: str) -> Iterator[Office]:
    office = Office(broker_url, redis_url)
    yield office
    office.close()


def count_of_letters_sent_twice(office: Office, *, one_batch: bool) -> bytes:
    """Return the state after a sender sent all letters and was killed, and the next one sent all again."""
    office.fail(("m1", 1), ("m1", 2), ("m1", 3))
    office.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    assert office.redriver.send_all(M1) == 3
    assert office.redriver.send_all(M1) == 3
    readings = office.arrivals(6)
    for batch in [readings] if one_batch else [[reading] for reading in readings]:
        office.process(batch)
    return office.partition.state("m1")


@pytest.mark.parametrize("one_batch", [True, False])
def test_letters_sent_by_a_killed_sender_and_again_by_the_next_count_once_in_order(
    office: Office, one_batch: bool
) -> None:
    state = count_of_letters_sent_twice(office, one_batch=one_batch)

    assert state == b'{"count":3}'
    assert office.data(3) == [{"n": n, "count": n} for n in (1, 2, 3)]
    assert office.partition.records.read(["m1"])["m1"].record.number == 6
    assert (office.ids(), office.letters.count()) == ([], 0)


def test_unless_the_write_of_the_record_uses_up_the_letter_sending_it_twice_counts_twice(
    broker_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        records_module, "_WRITE_USING", "redis.call('SET', KEYS[2], ARGV[4]) return 1 -- and then a crash"
    )
    office = Office(broker_url, redis_url)

    state = count_of_letters_sent_twice(office, one_batch=False)

    office.close()
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
    office = Office(broker_url, redis_url, processor=CrashesOnce)
    office.fail(("m1", 1), ("m1", 2))
    office.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    office.redriver.send_all(M1)
    readings = office.arrivals(2)
    CrashesOnce.armed = True
    with pytest.raises(SessionLost):
        office.process(readings, session=b"before__")

    office.partition.process([*readings, ("m1", b'{"n": 3}')], session=b"after___", redelivered=2)

    data = office.data(3)
    state = office.partition.state("m1")
    office.close()
    assert state == b'{"count":3}'
    assert data == [{"n": n, "count": n} for n in (1, 2, 3)]


def test_a_reading_redelivered_after_a_crash_before_the_write_is_applied(office: Office) -> None:
    office.fail(("m1", 1))
    office.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    office.redriver.send_all(M1)

    office.partition.process(office.arrivals(1), session=b"after___", redelivered=1)

    assert office.partition.state("m1") == b'{"count":1}'


def state_after_the_letter_came_again(office: Office) -> bytes:
    """Return the state after a killed worker's successor published a used-up dead letter again."""
    office.fail(("m1", 1))
    [kept] = next(office.letters.find(M1))
    [body] = office.letters.bodies([kept.letter])
    assert body is not None
    office.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    office.redriver.send_all(M1)
    office.process(office.arrivals(1))

    office.letters.keep([(kept.letter, body)])
    if office.redriver.send_all(M1):
        office.process(office.arrivals(1))
    return office.partition.state("m1")


def test_a_letter_that_is_used_up_does_not_come_back(office: Office) -> None:
    assert state_after_the_letter_came_again(office) == b'{"count":1}'
    assert office.ids() == []


def test_without_remembering_used_up_letters_it_would_count_twice(
    broker_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgets = dead_letters_module._KEEP.replace("'ZSCORE', KEYS[3]", "'ZSCORE', 'another key'")
    monkeypatch.setattr(dead_letters_module, "_KEEP", forgets)
    office = Office(broker_url, redis_url)

    state = state_after_the_letter_came_again(office)

    office.close()
    assert state == b'{"count":2}'


def test_a_claim_that_a_device_invented_is_ignored(office: Office) -> None:
    office.fail(("m1", 1))
    office.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    office.redriver.send_all(M1)
    [genuine] = office.arrivals(1)
    assert genuine.claim is not None
    forged = [
        replace(genuine, claim=Claim("1", "0" * 64)),  # an existing dead letter
        replace(genuine, claim=Claim("99", "0" * 64)),  # ... and one that does not exist
        replace(genuine, claim=replace(genuine.claim, number="99")),
        replace(genuine, body=b'{"n": 666}'),  # intercepted, with other bytes
        replace(genuine, machine="m2"),
    ]

    office.process(forged)

    assert office.partition.state("m1") == b'{"count":4}'
    assert "m1/1" in office.ids()
    office.process([genuine])
    office.process([genuine])
    assert office.partition.state("m1") == b'{"count":5}'


def test_without_checking_the_signature_a_device_could_use_up_a_letter_with_other_bytes(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.fail(("m1", 1))
    office.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    office.redriver.send_all(M1)
    [genuine] = office.arrivals(1)
    monkeypatch.setattr(Claim, "holds", lambda *_: True)

    office.process([replace(genuine, body=b'{"n": 666}')])

    assert office.ids() == []


def test_letters_sent_again_go_to_the_end_of_the_queue_by_number(office: Office) -> None:
    office.fail(*(("m1", n) for n in range(12)), ("m2", 0))
    office.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    office.process([("m1", b'{"n": 100}')])

    office.redriver.send_all(M1)
    office.process(office.arrivals(12))

    assert [each["n"] for each in office.data(13)] == [100, *range(12)]
    assert office.ids() == ["m2/1"]


def test_a_reading_that_fails_again_is_a_new_letter_with_a_new_number(office: Office) -> None:
    office.fail(("m1", 1), ("m1", 2))

    assert office.redriver.send_all(M1) == 2
    office.process(office.arrivals(2))

    wait_until(lambda: office.ids() == ["m1/3", "m1/4"])
    kept = office.letters.get("m1", "3")
    assert kept is not None
    assert kept.letter.message_id == "dead-letter/1"
    assert kept.sent is None


def test_a_letter_keeps_its_bytes_and_says_when_it_was_sent(office: Office) -> None:
    office.partition.process([("m1", b'\xff{"n": 1')])
    wait_until(lambda: office.ids() == ["m1/1"])

    office.redriver.send_all(M1)

    [reading] = office.arrivals(1)
    assert reading.body == b'\xff{"n": 1'
    kept = office.letters.get("m1", "1")
    assert kept is not None
    assert kept.sent is not None


def test_a_letter_discarded_while_its_reading_is_queued_is_not_applied(office: Office) -> None:
    office.fail(("m1", 1))
    office.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    office.redriver.send_all(M1)
    [kept] = next(office.letters.find(M1))

    assert office.letters.discard([kept.letter]) == 1
    office.process(office.arrivals(1))

    assert office.partition.state("m1") == b"{}"
    assert office.ids() == []


class DiscardedMeanwhile(Records):
    """Someone discards the dead letters over the API between a batch's read and its write."""

    def write(self, updates: Mapping[str, Update]) -> set[str]:
        for kept in self.letters.find(M1) if any(update.uses for update in updates.values()) else ():
            self.letters.discard([each.letter for each in kept])
        return super().write(updates)


def test_a_letter_discarded_while_its_batch_runs_is_not_applied_and_its_neighbours_are(
    broker_url: str, redis_url: str
) -> None:
    office = Office(broker_url, redis_url, records=DiscardedMeanwhile)
    office.fail(("m1", 1))
    office.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    office.redriver.send_all(M1)

    office.process([*office.arrivals(1), ("m1", b'{"n": 2}')])

    data = office.data(1)
    office.close()
    assert data == [{"n": 2, "count": 1}]


def test_all_of_a_kind_are_sent_machine_after_machine(office: Office) -> None:
    office.fail(("m1", 1), ("m2", 1), ("m1", 2), ("m2", 2))
    office.partition.process([("m1", b"no json")])
    office.partition.logics.upload("m3", COUNT_AND_TELL, b"")
    office.partition.process([("m3", b"no json")])
    wait_until(lambda: office.letters.count_kinds() == {"no-logic": 5, "not-json": 1})

    assert office.redriver.send_all(LetterFilter(kind="not-json")) == 1
    assert office.redriver.send_all(LetterFilter(kind="no-logic")) == 5

    arrived = office.arrivals(6)
    assert {reading.machine for reading in arrived} == {"m1", "m2", "m3"}
    assert [each.body for each in arrived if each.machine == "m1"] == [b'{"n": 1}', b'{"n": 2}', b"no json"]


def test_letters_that_the_broker_refuses_stay_and_can_be_sent_later(office: Office) -> None:
    office.fail(("m1", 1), ("m1", 2))
    office.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    with pika.BlockingConnection(pika.URLParameters(office.amqp_url)) as connection:
        channel = connection.channel()
        channel.exchange_unbind(wire.READINGS_EXCHANGE, wire.INGEST_EXCHANGE, routing_key=wire.data_key("*"))

        with pytest.raises(RedriveStopped, match="Sending stopped after 0 dead letters"):
            office.redriver.send_all(M1)

        channel.exchange_bind(wire.READINGS_EXCHANGE, wire.INGEST_EXCHANGE, routing_key=wire.data_key("*"))
    assert office.ids() == ["m1/1", "m1/2"]
    assert office.redriver.send_all(M1) == 2
    office.process(office.arrivals(2))
    assert office.partition.state("m1") == b'{"count":2}'


def state_after_a_flood(office: Office) -> bytes:
    """Return the state after a dead letter was sent twice, and both readings went through the overflow."""
    office.fail(("m1", 1))
    office.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    for _ in range(2):
        office.redriver.send_all(M1)
    office.process([replace(reading, move=True) for reading in office.arrivals(2)])
    assert office.ids() == ["m1/1"]
    for reading in office.overflow(2):
        office.process([reading])
    return office.partition.state("m1")


def test_a_letter_is_used_up_when_its_reading_comes_back_from_the_overflow(office: Office) -> None:
    assert state_after_a_flood(office) == b'{"count":1}'
    assert office.ids() == []

    office.process([("m1", b'{"n": 2}')])

    assert office.partition.state("m1") == b'{"count":2}'
    record = office.partition.records.read(["m1"])["m1"].record
    assert (record.moved, record.taken, record.number) == (2, 2, 3)


def test_without_its_claim_in_the_overflow_a_letter_sent_twice_would_count_twice(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_module, "Move", lambda *moved: Move(*moved[:3]))

    assert state_after_a_flood(office) == b'{"count":2}'


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
    office = Office(broker_url, redis_url, records=ResumedMeanwhile)
    office.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    office.partition.records.pause("m1", paused=True)
    office.fail(("m1", 1))
    ResumedMeanwhile.armed = True

    office.process([("m1", b'{"n": 2}')])

    setup = office.partition.logics.deployment("m1")
    assert setup.pause == Pause(0, 1)
    wait_until(lambda: len(office.results.messages) + office.letters.count() == 2)
    ids = office.ids()
    office.close()
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


def test_after_resuming_no_letter_behind_an_unstored_one_is_sent_again(office: Office) -> None:
    office.collector.close()
    office.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    office.partition.records.pause("m1", paused=True)
    office.process([("m1", b'{"n": %d}' % n) for n in (1, 2, 3)])
    pause = office.partition.records.pause("m1", paused=False).pause
    with pika.BlockingConnection(pika.URLParameters(office.amqp_url)) as connection:
        channel = connection.channel()
        for number in (1, 2, 3):
            method, properties, body = channel.basic_get(wire.DEAD_LETTERS_QUEUE)
            assert method
            assert properties
            assert body
            if number != 2:  # another collector has taken it, and has not stored it yet
                office.letters.keep([(letter_of(method.routing_key, properties, body), body)])
                channel.basic_ack(method.delivery_tag)
    office.redriver.patience = 0

    assert office.redriver.send_paused("m1", pause) == (1, 1)

    office.redriver.patience = 20
    collector = DeadLetterCollector(Settings(amqp_url=office.amqp_url), office.letters)
    collector.start()
    assert office.redriver.send_paused("m1", pause) == (3, 0)
    collector.close()
    readings = office.arrivals(4)
    assert [reading.body for reading in readings] == [b'{"n": %d}' % n for n in (1, 1, 2, 3)]
    office.process(readings)
    assert office.data(3) == [{"n": n, "count": n} for n in (1, 2, 3)]
    assert office.redriver.send_paused("m1", pause) == (0, 0)
