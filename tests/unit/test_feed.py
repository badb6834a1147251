"""A feed and its readers' positions: the events that each reader receives or is told that it missed."""

import asyncio

import pytest

from web.live import feed as feed_module
from web.live.feed import CHUNK_BYTES, Feed, Position

DATA = b'"' + b"x" * 998 + b'"'


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Feed:
    monkeypatch.setattr(feed_module, "KEPT_BYTES", 100_000)
    return Feed(None)


def put(feed: Feed, count: int) -> None:
    for _ in range(count):
        feed.put("reading", DATA)


def events(chunk: bytes) -> list[str]:
    return [line.removeprefix("event: ") for line in chunk.decode().split("\n") if line.startswith("event: ")]


def test_each_reader_takes_the_events_since_its_last_read(feed: Feed) -> None:
    put(feed, 3)
    first, place = feed.take(0)
    put(feed, 1)

    assert events(first) == ["reading"] * 3
    assert events(feed.take(place)[0]) == ["reading"]
    assert feed.take(feed.last) == (b"", 4)


def test_a_late_reader_gets_its_events_in_chunks_and_delays_nobody(feed: Feed) -> None:
    put(feed, 80)

    place, chunks = 0, list[bytes]()
    while place < feed.last:
        chunk, place = feed.take(place)
        chunks.append(chunk)

    assert sum(len(events(chunk)) for chunk in chunks) == 80
    assert max(map(len, chunks)) < CHUNK_BYTES + 2_000


def test_a_reader_that_is_too_late_is_told_how_many_events_it_missed(feed: Feed) -> None:
    put(feed, 1_000)

    place, chunks = 0, list[bytes]()
    while place < feed.last:
        chunk, place = feed.take(place)
        chunks.append(chunk)

    told = b"".join(chunks)
    assert feed.bytes <= 100_000
    assert events(told).count("reading") < 100
    assert b'{"missed":%d}' % (1_000 - events(told).count("reading")) in told
    assert events(told).index("lagged") == 0


def test_skipped_events_are_reported_once_a_second_and_never_forgotten(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = 100.0
    monkeypatch.setattr(feed_module, "monotonic", lambda: time)
    for _ in range(3):
        feed.skip(5)
        put(feed, 1)
    time += 1

    feed.tell_skipped()

    told, _ = feed.take(0)
    assert events(told) == ["lagged", "reading", "reading", "reading", "lagged"]
    assert [b'{"missed":5}' in told, b'{"missed":10}' in told] == [True, True]


@pytest.mark.parametrize(
    ("event_id", "place"),
    [
        ("ab12cd34-7", Position(None, "ab12cd34", 7)),
        ("12-ab12cd34-7", Position(12, "ab12cd34", 7)),
        ("12", Position(12)),
        ("", Position()),
        ("12-", Position()),
        ("-1", Position()),
        ("1" * 400, Position()),
        ("\u0661", Position()),
        ("ab12cd34-7\n", Position()),
    ],
)
def test_an_id_is_parsed_or_recognised_as_unknown(event_id: str, place: Position) -> None:
    assert Position.parse(event_id) == place


def test_a_feed_keeps_only_places_of_its_own_run(feed: Feed) -> None:
    put(feed, 2)

    assert feed.keeps(Position(None, feed.run, 2))
    assert not feed.keeps(Position(None, feed.run, 3))
    assert not feed.keeps(Position(None, Feed(None).run, 1))


def test_a_waiting_reader_is_woken_by_the_next_event(feed: Feed) -> None:
    async def wait() -> tuple[bool, bool]:
        waiting = asyncio.create_task(feed.wait(30))
        await asyncio.sleep(0)
        put(feed, 1)
        return await waiting, await feed.wait(0)

    assert asyncio.run(wait()) == (True, False)
