"""Sources in Redis, and when a partition may use new rules for ids."""

from collections.abc import Iterator
from contextlib import closing

import pytest
import redis

from pipeline.errors import SourceConflict
from pipeline.model.session import Fence
from pipeline.model.topic_source import SourceInUse, TopicSource, rules_of
from pipeline.store.sessions import Sessions
from pipeline.store.topic_sources import KeptSource, TopicSources
from tests.support.held import HeldPartition

KEEP, LOWER = (
    SourceInUse("floor", rules_of(TopicSource(filter="machines/{machine}/data", case=case)))
    for case in ("keep", "lower")
)
FIRST, SECOND = Fence(1000, b"first___"), Fence(1000, b"second__")


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def kept(name: str, partition: int, topics: str = "floor/{machine}") -> KeptSource:
    return KeptSource(name, partition, "active", 1, TopicSource(filter=topics))


def test_of_two_changes_that_race_one_is_refused(client: "redis.Redis") -> None:
    sources = TopicSources(client)
    known = sources.list()

    assert sources.write(known, kept("floor", 1000))
    assert not sources.write(known, kept("hall", 1001))
    assert list(sources.list().sources) == ["floor"]
    assert sources.newer(known) == sources.list()


def test_a_number_is_never_given_twice(client: "redis.Redis") -> None:
    sources = TopicSources(client)
    first = sources.next_partition()
    assert sources.write(sources.list(), kept("floor", first))
    assert sources.remove(sources.list(), "floor")

    assert (first, sources.next_partition()) == (1000, 1001)


def test_a_restored_source_keeps_its_number_unless_later_ones_were_given(client: "redis.Redis") -> None:
    sources = TopicSources(client)
    sources.restore("floor", TopicSource(filter="floor/{machine}"), 1004)
    sources.restore("hall", TopicSource(filter="hall/{machine}"), 1002)

    assert {each.name: each.partition for each in sources.list().sources.values()} == {
        "floor": 1004,
        "hall": 1005,
    }
    with pytest.raises(SourceConflict):
        sources.restore("other", TopicSource(filter="hall/{machine}/#"), 1003)


def test_a_restored_source_never_gives_a_number_that_another_one_gets_meanwhile(
    client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    sources, others = TopicSources(client), TopicSources(client)
    read = client.get

    def read_then_give(key: str) -> object:
        value = read(key)
        given.append(others.next_partition())
        return value

    given = list[int]()
    with monkeypatch.context() as patch:
        patch.setattr(client, "get", read_then_give)
        sources.restore("floor", TopicSource(filter="floor/{machine}"), 1000)
    given += [sources.next_partition(), sources.list().sources["floor"].partition]

    assert len(set(given)) == len(given)


def test_sources_of_a_backup_are_checked_together_and_with_those_that_exist(client: "redis.Redis") -> None:
    sources = TopicSources(client)
    sources.restore("floor", TopicSource(filter="floor/{machine}"), 1000)
    sources.check_restorable({"floor": TopicSource(filter="floor/{machine}/#")})
    with pytest.raises(SourceConflict, match="'floor'"):
        sources.check_restorable({"hall": TopicSource(filter="floor/{machine}")})
    with pytest.raises(SourceConflict, match="'a'"):
        sources.check_restorable({each: TopicSource(filter="hall/{machine}") for each in "ab"})
    many = {f"s{number}": TopicSource(filter=f"s{number}/{{machine}}") for number in range(100)}
    with pytest.raises(SourceConflict, match="would be 101"):
        sources.check_restorable(many)


def test_a_session_uses_the_rules_of_the_one_before_unless_that_one_dropped_them(
    client: "redis.Redis",
) -> None:
    sources, sessions = TopicSources(client), Sessions(client)
    sessions.take(FIRST, "worker-1", lambda _: True)
    assert sources.adopt(FIRST, KEEP) == KEEP

    sessions.take(SECOND, "worker-2", lambda _: True)  # the first one has crashed
    assert sources.adopt(SECOND, LOWER) == KEEP
    sources.drop(FIRST)  # too late: it has lost the fence
    assert sources.adopt(SECOND, LOWER) == KEEP
    sources.drop(SECOND)
    assert sources.adopt(SECOND, LOWER) == LOWER
    assert sources.adopt(FIRST, KEEP) is None


def test_a_session_uses_no_new_rules_before_all_readings_of_earlier_sessions_are_settled(
    broker_url: str,
) -> None:
    with closing(HeldPartition(broker_url, b"session1", KEEP)) as crashed:
        crashed.send(b"1", b"2", key="machines.M1.data")
        crashed.take()

    with closing(HeldPartition(broker_url, b"session2", KEEP)) as held:
        held.until(lambda: held.partition.waiting == 2)
        held.partition.use(LOWER)
        assert not held.ended
        assert not held.partition.is_caught_up
        assert [reading.machine for reading in held.settle_all()] == ["M1", "M1"]

        def ended() -> bool:
            held.partition.use(LOWER)
            return bool(held.ended)

        held.until(ended)
        assert held.partition.settled.complete
        assert held.partition.was_caught_up


def test_a_session_that_was_not_settled_keeps_its_rules(broker_url: str) -> None:
    with closing(HeldPartition(broker_url, b"session1", KEEP)) as held:
        held.send(b"1", key="machines.M1.data")
        held.take()
        held.partition.end()
        held.until(lambda: held.ended)

        assert not held.partition.settled.complete
