"""A machine's recent readings: each one once, in order, and matching the machine's state."""

from collections.abc import Iterator, Sequence
from typing import cast

import pytest
import redis

from pipeline.model.recent import KEPT_BYTES, KeptReading
from pipeline.model.record import Record
from pipeline.settings import RECENT
from pipeline.store import records as records_module
from pipeline.store.dead_letters import LetterFilter
from pipeline.store.keys import recent_key
from pipeline.store.records import Records, Update
from sandbox.parent.sandbox import Sandbox
from tests.support.batch_driver import BatchDriver, LosesAnswers
from tests.support.dead_letter_desk import DeadLetterDesk
from tests.support.logics import COUNT_AND_TELL

#: Overwrites the record without comparing it.
WITHOUT_COMPARISON = records_module._WRITE.replace(
    "redis.call('GETRANGE', KEYS[key], 0, 7) == ARGV[at]", "true"
)

ECHO = "def process(data, state): return data"


@pytest.fixture
def partition(broker_url: str, redis_url: str) -> Iterator[BatchDriver]:
    partition = BatchDriver(broker_url, redis_url, Sandbox(), records=LosesAnswers)
    yield partition
    partition.close()


def read(partition: BatchDriver, machine_id: str) -> list[KeptReading]:
    return partition.records.recents.read(machine_id, 1000)


def numbers(recents: Sequence[KeptReading]) -> list[int]:
    return [each.number for each in recents]


def test_recent_readings_are_stored_once_and_in_order_for_any_batches(partition: BatchDriver) -> None:
    partition.logics.upload("m1", COUNT_AND_TELL, b"")

    partition.process([("m1", b'{"n": 1}'), ("m2", b"{}")])
    partition.process([("m1", b'{"n": %d}' % n) for n in range(2, RECENT + 10)])
    in_one_batch = read(partition, "m1")
    partition.process([("m1", b'{"n": 40}')])
    partition.process([("m1", b'{"n": 41}')])

    assert numbers(in_one_batch) == list(range(10, RECENT + 10))
    assert numbers(read(partition, "m1")) == list(range(12, RECENT + 12))
    assert numbers(partition.records.recents.read("m1", 2)) == [RECENT + 10, RECENT + 11]
    assert partition.records.recents.read_all(["m1", "m2", "m3"], 1)["m3"] == []


def write_twice_over_the_same(redis_url: str) -> list[bytes]:
    with redis.Redis.from_url(redis_url) as client:
        records = Records(client)
        read = records.read(["m1"])["m1"]
        for body in (b"first", b"second"):
            records.write({"m1": Update(read, Record(state=body), recents=[body])})
        return cast("list[bytes]", client.lrange(recent_key("m1"), 0, -1))


def test_a_write_that_loses_the_comparison_stores_no_recent_reading(redis_url: str) -> None:
    assert write_twice_over_the_same(redis_url) == [b"first"]


def test_without_compare_and_set_it_would_store_one(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records_module, "_WRITE", WITHOUT_COMPARISON)

    assert write_twice_over_the_same(redis_url) == [b"first", b"second"]


def test_each_recent_reading_has_its_outcome(partition: BatchDriver) -> None:
    partition.process([("m1", b'{"n": 1}')])
    partition.logics.upload("m1", COUNT_AND_TELL, b"")
    partition.process([("m1", b'{"n": 2}'), ("m1", b"\xff no json"), ("m1", b"{}")])

    unrun, ok, not_json, failed = read(partition, "m1")

    assert (unrun.kind, unrun.logicversion, unrun.reading) == ("no-logic", None, b'{"n": 1}')
    assert (ok.kind, ok.logicversion, ok.results, ok.failure) == ("ok", 1, [b'{"n":2,"count":1}'], None)
    assert (not_json.kind, not_json.reading, not_json.whole) == ("not-json", b"\xff no json", True)
    assert failed.failure is not None
    assert (failed.kind, failed.failure.line) == ("error", 4)
    assert failed.time.endswith("Z")


def test_only_a_part_of_a_long_reading_is_stored(partition: BatchDriver) -> None:
    partition.logics.upload("m1", ECHO, b"")
    text = '{"text":"%s"}'
    short, long = text % "short", text % ("x" * KEPT_BYTES)
    body = f"[{short},{long},{short}]".encode()

    partition.process([("m1", body)])

    [recent] = read(partition, "m1")
    assert recent.reading == body[:KEPT_BYTES]
    assert (recent.size, recent.whole) == (len(body), False)
    assert recent.results == [short.encode(), b"", short.encode()]


def test_the_numeric_fields_of_a_long_reading_are_stored(partition: BatchDriver) -> None:
    partition.logics.upload("m1", ECHO, b"")
    filling = "x" * KEPT_BYTES
    long = f'{{"filling":"{filling}","motor":{{"rpm":1500,"on":true}},"axes":[0.5,null]}}'.encode()

    partition.process([("m1", long), ("m1", b'{"n":1}'), ("m1", filling.encode())])

    stored = read(partition, "m1")
    assert [each.numbers for each in stored] == [{"motor.rpm": 1500.0, "axes.0": 0.5}, None, None]


def test_a_reading_that_is_sent_again_is_a_recent_reading_too(broker_url: str, redis_url: str) -> None:
    desk = DeadLetterDesk(broker_url, redis_url)
    desk.fail(("m1", 1), ("m1", 2))
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    desk.redriver.send_all(LetterFilter(machine="m1"))

    desk.process(desk.arrivals(2))

    kinds = [each.kind for each in desk.partition.records.recents.read("m1", 1000)]
    desk.close()
    assert kinds == ["no-logic", "no-logic", "ok", "ok"]
