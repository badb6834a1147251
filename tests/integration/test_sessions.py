"""Which session may write a partition's records, and which notes it may store."""

from collections.abc import Iterator

import pytest
import redis

from pipeline.model.session import Fence, Settled
from pipeline.store import keys
from pipeline.store import sessions as sessions_module
from pipeline.store.sessions import Sessions

FIRST, SECOND, THIRD = (Fence(3, name) for name in (b"first___", b"second__", b"third___"))


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def nobody(_worker: str) -> bool:
    return False


def noted(sessions: Sessions, fence: Fence, reader: Fence = THIRD) -> Settled:
    """Return the note of a session, as this reader sees it."""
    pair = (reader.session, fence.session)
    return sessions.settled([pair])[pair]


def holder(client: "redis.Redis") -> object:
    return client.get(keys.fence_key(FIRST))


def test_a_free_fence_is_taken(client: "redis.Redis") -> None:
    assert Sessions(client).take(FIRST, "worker-1", nobody)

    assert holder(client) == b"first___worker-1"


def test_a_fence_is_taken_from_another_worker_only_if_that_one_may_be_replaced(
    client: "redis.Redis",
) -> None:
    sessions = Sessions(client)
    sessions.take(FIRST, "worker-1", nobody)

    assert not sessions.take(SECOND, "worker-2", nobody)
    assert holder(client) == b"first___worker-1"
    assert sessions.take(SECOND, "worker-2", lambda worker: worker == "worker-1")
    assert holder(client) == b"second__worker-2"


def test_a_worker_takes_the_fence_from_its_own_last_session(client: "redis.Redis") -> None:
    sessions = Sessions(client)
    sessions.take(FIRST, "worker-1", nobody)

    assert sessions.take(SECOND, "worker-1", nobody)


def test_of_two_that_saw_the_same_holder_one_takes_the_fence(client: "redis.Redis") -> None:
    sessions = Sessions(client)
    sessions.take(FIRST, "worker-1", nobody)

    def another_is_faster(_worker: str) -> bool:
        return sessions.take(SECOND, "worker-2", lambda _: True)

    assert not sessions.take(THIRD, "worker-3", another_is_faster)
    assert holder(client) == b"second__worker-2"


def test_the_next_session_can_read_a_note_after_the_fence_is_released(client: "redis.Redis") -> None:
    sessions = Sessions(client)
    sessions.take(FIRST, "worker-1", nobody)
    sessions.give_up(FIRST, Settled(17, complete=True))

    assert sessions.take(SECOND, "worker-2", nobody)
    assert noted(sessions, FIRST) == Settled(17, complete=True)
    assert noted(sessions, SECOND) == Settled()


def test_a_note_is_read_once_for_each_reader(client: "redis.Redis") -> None:
    """A reader that has lost the fence may read a note that is not final: it counts for nobody else."""
    sessions = Sessions(client)
    sessions.take(FIRST, "worker-1", nobody)
    assert noted(sessions, FIRST, reader=SECOND) == Settled()
    sessions.give_up(FIRST, Settled(17, complete=True))

    assert noted(sessions, FIRST, reader=SECOND) == Settled()
    assert noted(sessions, FIRST, reader=THIRD) == Settled(17, complete=True)


def noted_too_late(client: "redis.Redis") -> Settled:
    """Return the note of a session that stored a note after its successor had taken the fence."""
    sessions = Sessions(client)
    sessions.take(FIRST, "worker-1", nobody)
    sessions.take(SECOND, "worker-2", lambda _: True)
    sessions.note({FIRST: Settled(17)})
    sessions.give_up(FIRST, Settled(17, complete=True))
    return noted(sessions, FIRST)


def test_a_session_without_the_fence_stores_no_note_and_releases_nothing(client: "redis.Redis") -> None:
    assert noted_too_late(client) == Settled()
    assert holder(client) == b"second__worker-2"


def test_without_the_comparison_its_successor_would_lose_marks_that_it_needs(
    client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    unfenced = sessions_module._NOTE.replace("redis.call('GETRANGE', fence, 0, #name - 1) == name", "true")
    monkeypatch.setattr(sessions_module, "_NOTE", unfenced)

    assert noted_too_late(client) == Settled(17, complete=True)


def test_an_unchanged_note_is_not_stored_again(client: "redis.Redis") -> None:
    sessions = Sessions(client)
    sessions.take(FIRST, "worker-1", nobody)
    sessions.note({FIRST: Settled(17)})
    client.delete(keys.note_key(FIRST.session))

    sessions.note({FIRST: Settled(17)})
    assert noted(sessions, FIRST) == Settled()
    sessions.note({FIRST: Settled(18)})
    assert noted(Sessions(client), FIRST) == Settled(18)
