"""The collector moves dead letters from the queue to Redis and loses none.

At the maximum it stops, and continues as soon as there is room.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pika
import pytest
import redis
from msgspec.structs import replace

from pipeline import wire
from pipeline.broker import topology
from pipeline.broker.publisher import PERSISTENT, Message, Publisher
from pipeline.dead_letters.collector import DeadLetterCollector
from pipeline.errors import PublishError
from pipeline.model.dead_letter import STRAY, Letter
from pipeline.settings import Settings
from pipeline.store.dead_letters import LetterFilter, LetterStore
from pipeline.store.keys import LETTERS_KEY
from pipeline.store.topic_sources import TopicSources
from tests.support.waiting import wait_until


@pytest.fixture
def settings(broker_url: str, redis_url: str) -> Settings:
    return Settings(
        amqp_url=broker_url, redis_url=redis_url, dead_letters_max=5, dead_letters_queue_max_bytes=1_000_000
    )


@pytest.fixture
def letters(redis_url: str) -> Iterator[LetterStore]:
    with redis.Redis.from_url(redis_url, protocol=3) as client:
        yield LetterStore(client)


@pytest.fixture
def publish(settings: Settings) -> Iterator[Callable[..., "Future[None]"]]:
    """Publish dead letters with these numbers, `size` bytes each, as a worker does."""
    publisher = Publisher(lambda: topology.ensure(settings))
    wait_until(lambda: publisher.connected)

    def publish(numbers: Sequence[int], size: int = 10, **properties: Any) -> "Future[None]":
        return publisher.publish(
            [
                Message(
                    wire.DEAD_LETTERS_EXCHANGE,
                    wire.dead_letter_key("m1"),
                    b"x" * size,
                    pika.BasicProperties(
                        **{"message_id": f"m1/{n}", "headers": {"kind": "error"}, **properties},
                        delivery_mode=PERSISTENT,
                    ),
                    mandatory=True,
                )
                for n in numbers
            ]
        )

    yield publish
    publisher.close()


@contextmanager
def running(settings: Settings, letters: LetterStore) -> Iterator[DeadLetterCollector]:
    collector = DeadLetterCollector(settings, letters, TopicSources(letters._redis))
    collector.start()
    try:
        yield collector
    finally:
        collector.close()


def ids(letters: LetterStore) -> list[str]:
    return [kept.letter.id for each in letters.find(LetterFilter(machine="m1")) for kept in each]


def numbers(first: int, last: int) -> list[str]:
    return [f"m1/{number}" for number in range(first, last + 1)]


def test_at_the_maximum_letters_wait_in_the_queue_until_there_is_room(
    settings: Settings, letters: LetterStore, publish: Callable[..., "Future[None]"]
) -> None:
    publish(range(1, 13)).result(timeout=10)
    with running(settings, letters) as collector:
        wait_until(lambda: collector.waiting == 7)
        assert ids(letters) == numbers(1, 5)

        letters.discard([kept.letter for kept in next(letters.find(LetterFilter(), chunk=3))])
        wait_until(lambda: collector.waiting == 4)
        assert ids(letters) == numbers(4, 8)

        letters.discard([kept.letter for kept in next(letters.find(LetterFilter()))])
        wait_until(lambda: collector.waiting == 0 and ids(letters) == numbers(9, 12))


def test_entries_without_a_letter_do_not_take_room_indefinitely(
    settings: Settings,
    letters: LetterStore,
    publish: Callable[..., "Future[None]"],
    redis_url: str,
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.zadd(LETTERS_KEY, {f"gone/{number:019}": 1 for number in range(1, 6)})
    publish([1]).result(timeout=10)

    with running(settings, letters):
        wait_until(lambda: ids(letters) == ["m1/1"])

    assert letters.count() == 1


def test_a_full_queue_refuses_letters_and_accepts_them_after_it_is_emptied(
    settings: Settings, letters: LetterStore, publish: Callable[..., "Future[None]"]
) -> None:
    taken = list[int]()
    with pytest.raises(PublishError, match="full"):  # noqa: PT012 - the broker decides which one is refused
        for number in range(1, 50):
            publish([number], size=200_000).result(timeout=10)
            taken.append(number)

    refused = len(taken) + 1
    with running(replace(settings, dead_letters_max=100), letters) as collector:
        wait_until(lambda: collector.waiting == 0)
        publish([refused]).result(timeout=10)
        wait_until(lambda: ids(letters) == numbers(1, refused))


class CrashesOnce(LetterStore):
    """The connection to Redis breaks after the dead letters were written, before the collector knows it."""

    crashed = False

    def keep(self, letters: Sequence[tuple[Letter, bytes]]) -> list[bool]:
        new = super().keep(letters)
        if not self.crashed:
            self.crashed = True
            raise redis.ConnectionError("a crash, after the write")
        return new


def test_each_letter_is_stored_once_if_the_collector_crashes_before_it_acknowledges(
    settings: Settings, publish: Callable[..., "Future[None]"], redis_url: str
) -> None:
    publish([1, 2, 3]).result(timeout=10)
    with redis.Redis.from_url(redis_url, protocol=3) as client:
        letters = CrashesOnce(client)
        with running(settings, letters) as collector:
            wait_until(lambda: letters.crashed and collector.waiting == 0)

            assert ids(letters) == numbers(1, 3)
            assert letters.count() == 3


def test_two_collectors_share_the_work(broker_url: str, redis_url: str, letters: LetterStore) -> None:
    settings = Settings(amqp_url=broker_url, redis_url=redis_url)
    publisher = Publisher(lambda: topology.ensure(settings))
    wait_until(lambda: publisher.connected)
    with running(settings, letters), running(settings, letters):
        publisher.publish(
            [
                Message(
                    wire.DEAD_LETTERS_EXCHANGE,
                    wire.dead_letter_key("m1"),
                    b"{}",
                    pika.BasicProperties(message_id=f"m1/{number}", delivery_mode=PERSISTENT),
                )
                for number in range(1, 2001)
            ]
        ).result(timeout=30)
        wait_until(lambda: letters.count() == 2000)
    publisher.close()

    assert ids(letters) == numbers(1, 2000)


@pytest.mark.parametrize(
    "properties",
    [
        {"message_id": None, "headers": None},
        {"message_id": "m2/1"},  # not the machine in the routing key
        {"message_id": "m1/0"},
        {"message_id": "m1/-1"},
        {"message_id": "../m1/1"},
        {"message_id": "m1/99999999999999999999"},
        {"message_id": None, "headers": {"kind": "made up", "time": "9" * 40, "line": "x", "message": 7}},
        {"message_id": None, "headers": {"kind": ["error"], "time": "0001-01-01T00:00:00+14:00"}},
        {"message_id": None, "content_type": "ä" * 100},
        {"message_id": b"\xff\xfe", "content_type": b"\xff\xfe", "headers": {"message": b"\xff"}},
    ],
)
def test_a_message_that_no_worker_wrote_is_stored_as_a_stray_and_blocks_nothing(
    settings: Settings,
    letters: LetterStore,
    publish: Callable[..., "Future[None]"],
    properties: dict[str, Any],
) -> None:
    publish([1], **properties).result(timeout=10)
    publish([1]).result(timeout=10)

    with running(settings, letters):
        wait_until(lambda: letters.count() == 2)

    [stray] = next(letters.find(LetterFilter(machine=STRAY)))
    assert stray.letter.size == 10
    assert ids(letters) == ["m1/1"]
