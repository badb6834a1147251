"""A logic that kills its child process: its readings become dead letters, and all others are processed."""

from collections.abc import Iterator

import pytest

from pipeline import wire
from sandbox.job import KILLS
from sandbox.limits import Limits
from tests.sandbox.unguarded import Unguarded
from tests.support.batch_driver import BatchDriver
from tests.support.installation import Collector
from tests.support.waiting import wait_until

#: A loop in C: without the guards, only the parent's deadline ends it.
ENDLESS = "def process(data, state): return sum(iter(int, 1))"
FINE = "def process(data, state): return {'n': data['n']}"


@pytest.fixture
def partition(broker_url: str, redis_url: str) -> Iterator[BatchDriver]:
    partition = BatchDriver(broker_url, redis_url, Unguarded(Limits(soft_seconds=0.05, hard_seconds=0.1)))
    yield partition
    partition.close()


@pytest.mark.parametrize("place", [0, 50, 99])
def test_a_reading_that_kills_the_child_fails_and_no_other_reading_does(
    partition: BatchDriver, broker_url: str, place: int
) -> None:
    for number in range(100):
        partition.logics.upload(f"m{number}", ENDLESS if number == place else FINE, b"")
    results = Collector(broker_url, wire.RESULTS_EXCHANGE)
    letters = Collector(broker_url, wire.DEAD_LETTERS_EXCHANGE)

    partition.process([(f"m{number}", b'{"n": %d}' % number) for number in range(100)])
    wait_until(lambda: len(results.messages) == 99 and len(letters.messages) == 1)
    results.close()
    letters.close()

    assert [event["data"]["n"] for event in results.events] == [n for n in range(100) if n != place]
    [(key, properties, body)] = letters.messages
    assert key == f"machines.m{place}.dead-letter"
    assert body == b'{"n": %d}' % place
    assert properties.headers
    assert properties.headers["kind"] == "limit"
    assert properties.headers["limit"] == "hard_seconds"


def test_a_logic_killed_three_times_does_not_run_until_a_new_one_is_deployed(
    partition: BatchDriver, broker_url: str
) -> None:
    partition.logics.upload("bad", ENDLESS, b"")
    letters = Collector(broker_url, wire.DEAD_LETTERS_EXCHANGE)
    for _ in range(KILLS):
        partition.process([("bad", b'{"n": 1}')])
    restarts = partition.sandbox.restarts
    assert partition.records.read(["bad"])["bad"].quarantined

    partition.process([("bad", b'{"n": 2}')])
    wait_until(lambda: len(letters.messages) == KILLS + 1)
    letters.close()

    kinds = [(properties.headers or {})["kind"] for _, properties, _ in letters.messages]
    assert kinds == ["limit"] * KILLS + ["quarantined"]
    assert partition.sandbox.restarts == restarts

    partition.logics.upload("bad", FINE, b"")
    results = Collector(broker_url, wire.RESULTS_EXCHANGE)
    partition.process([("bad", b'{"n": 3}')])
    wait_until(lambda: len(results.messages) == 1)
    results.close()

    assert results.events[0]["data"] == {"n": 3}
    assert not partition.records.read(["bad"])["bad"].quarantined


def test_many_readings_of_a_killing_logic_kill_only_three_children(
    partition: BatchDriver, broker_url: str
) -> None:
    partition.logics.upload("bad", ENDLESS, b"")
    partition.logics.upload("good", FINE, b"")
    results = Collector(broker_url, wire.RESULTS_EXCHANGE)

    partition.process([("bad", b"{}")] * 50 + [("good", b'{"n": 1}')])
    wait_until(lambda: len(results.messages) == 1)
    results.close()

    assert partition.sandbox.restarts == KILLS
    assert partition.records.read(["bad"])["bad"].quarantined
    assert partition.records.read(["bad"])["bad"].record.number == 50
