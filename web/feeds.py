"""The feeds of this process, and the task that fills them from Redis's pub/sub (`pipeline.events`).

- There is a feed for each machine that somebody reads, and one for all. It is subscribed to when its first
  reader comes, and until some time after its last one has gone, so that who comes back finds his place.
- Pub/sub forgets: what is announced while the connection is cut, or before the workers have noticed that
  somebody listens, is gone. A machine's readings are numbered, so what is missing is seen, and is fetched
  from the machine's last readings in Redis. What is not there either is told as `lagged`. The readings of all
  machines together are a sample anyway: there, a cut is told and that is all.
- Nothing grows: readers, frames and what is read at once are bounded. The more readers there are, the
  longer each waits between two chunks, so that all of them together are sent so many a second.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from time import monotonic
from typing import Any, Final

import msgspec
import redis.asyncio
from litestar.exceptions import ServiceUnavailableException
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from pipeline.announcer import LOOK_SECONDS
from pipeline.events import ALL, Announcement, channel_prefix
from pipeline.recents import Recent, Recents
from pipeline.settings import Settings
from pipeline.store import RedisError
from web.feed import CHUNK_BYTES, Feed, Place
from web.frame import HEARTBEAT, HELLO, frame, lagged
from web.reading import shown

#: Bytes of frames that all feeds keep together.
_KEPT_BYTES: Final = 32 * 1024**2

#: Seconds that a feed without readers is kept.
_GRACE_SECONDS: Final = 60.0

#: Seconds until a subscription has been noticed by all workers.
_NOTICED_SECONDS: Final = 2 * LOOK_SECONDS

#: Seconds between two looks for what is due, two attempts to connect, and two fetches for one feed.
_TICK_SECONDS: Final = 0.1
_RECONNECT_SECONDS: Final = 0.5
_FETCH_SECONDS: Final = 1.0

#: Seconds that a new reader waits for its feed, before it is told that Redis is not there.
_PATIENCE_SECONDS: Final = 5.0

#: Seconds without anything to send, after which a heartbeat is.
_HEARTBEAT_SECONDS: Final = 15.0

#: Seconds between two chunks for one reader that has all that there is, at the least, and chunks a second
#: for all of them.
_PACE_SECONDS: Final = 0.02
_CHUNKS: Final = 1000

#: Seconds after which a stream ends, so that its client comes again and shows that it still may.
_LONGEST_SECONDS: Final = 3600.0

#: Seconds after which it is asked again whether the client may read, before he is sent anything.
_ADMITTED_SECONDS: Final = 5.0

#: What is raised when Redis is gone.
_GONE = (RedisError, OSError, TimeoutError)

_logger = logging.getLogger(__name__)


class Reader:
    """A client's way through a feed. It has its place among the readers until `close`."""

    def __init__(self, feeds: "Feeds", feed: Feed) -> None:
        self._feeds, self._feed = feeds, feed
        self._place, self._before = feed.last, b""
        self._closed = False

    async def resume(self, after: Place) -> None:
        """Go on behind this place."""
        feed = self._feed
        if feed.keeps(after):
            self._place = after.place
        elif feed.machine is None or after.number is None or after.number > feed.number:
            self._before = lagged(None)
        else:
            self._place, last = feed.last, feed.number
            kept = await asyncio.to_thread(self._feeds.recents.read, feed.machine, 1000)
            missing = [each for each in kept if after.number < each.number <= last]
            if gone := last - after.number - len(missing):
                self._before = lagged(gone)
            self._before += b"".join(
                frame(*_event(feed.machine, each), event_id=str(each.number)) for each in missing
            )

    async def chunks(self, admitted: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
        """What to send, while the client is `admitted`, until the API ends or it has lasted long enough."""
        try:
            yield HELLO + self._before
            asked = monotonic()
            end = asked + _LONGEST_SECONDS
            while not self._feeds.ended and monotonic() < end:
                if monotonic() - asked > _ADMITTED_SECONDS:
                    asked = monotonic()
                    if not await admitted():
                        return
                chunk, self._place = self._feed.take(self._place)
                if chunk:
                    yield chunk
                    if len(chunk) < CHUNK_BYTES:
                        await asyncio.sleep(self._feeds.pace)
                elif not await self._feed.wait(_HEARTBEAT_SECONDS):
                    yield HEARTBEAT
        finally:
            await self.close()

    async def close(self) -> None:
        """Give the place up to others. Does nothing the second time."""
        if not self._closed:
            self._closed = True
            self._feeds.left(self._feed)


class Feeds:
    """For one event loop, on which all of it runs. `ended`: the API is about to end."""

    def __init__(self, settings: Settings, recents: Recents) -> None:
        self.recents = recents
        self.readers = 0
        self.ended = False
        self._most, self._url = settings.events_readers, settings.redis_url
        self._feeds: dict[str, Feed] = {}
        self._due: dict[Feed, float] = {}
        self._fetched: dict[Feed, float] = {}
        self._task: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        self._prefix = ""
        self._decoder = msgspec.msgpack.Decoder(Announcement)

    @property
    def pace(self) -> float:
        """Seconds that a reader is to wait between two chunks."""
        return max(_PACE_SECONDS, self.readers / _CHUNKS)

    async def open(self, machine: str | None, after: str | None) -> Reader:
        """A new reader of a machine's events, or of all, from now on or behind the event with the id `after`.

        Raises the error to answer with where there are as many readers as may be, or Redis is not there,
        and `redis.RedisError`.
        """
        if self.readers >= self._most:
            raise ServiceUnavailableException(
                detail=f"{self.readers} streams of events are being read, which is as many as there may be. "
                "Try again later.",
                headers={"Retry-After": "10"},
            )
        name = machine or ALL
        if (feed := self._feeds.get(name)) is None:
            feed = self._feeds[name] = Feed(machine)
        self.readers += 1
        feed.readers += 1
        reader = Reader(self, feed)
        try:
            self._listen()
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await feed.live.wait()
            if after is not None:
                await reader.resume(Place.parse(after))
        except TimeoutError as e:
            await reader.close()
            raise ServiceUnavailableException(detail="Redis does not announce events. Try again.") from e
        except BaseException:
            await reader.close()
            raise
        return reader

    def left(self, feed: Feed) -> None:
        """A reader of this feed has gone."""
        self.readers -= 1
        feed.readers -= 1
        feed.idle_since = monotonic()

    def end(self) -> None:
        """End all streams: their clients will come again."""
        self.ended = True
        for feed in self._feeds.values():
            feed.wake()

    async def close(self) -> None:
        """End the streams, and the connection to Redis."""
        self.end()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=_PATIENCE_SECONDS)

    def _listen(self) -> None:
        self._wanted.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while not self.ended:
            await self._wanted.wait()
            try:
                # Retries would hide that the connection was cut.
                async with redis.asyncio.Redis.from_url(
                    self._url,
                    protocol=3,
                    socket_connect_timeout=_PATIENCE_SECONDS,
                    health_check_interval=10,
                    retry=Retry(NoBackoff(), 0),
                ) as client:
                    self._prefix = channel_prefix(client)
                    await self._serve(client.pubsub())
            except _GONE as e:
                _logger.warning("live events are cut off: %s", e)
                await asyncio.sleep(_RECONNECT_SECONDS)

    async def _serve(self, pubsub: Any) -> None:
        """Fill the feeds until nobody reads any. Raises `RedisError` where the connection is cut."""
        subscribed = set[str]()
        ticked = float("-inf")
        async with pubsub:
            while self._feeds and not self.ended:
                if new := self._feeds.keys() - subscribed:
                    subscribed |= new
                    await self._subscribe(pubsub, new)
                message = await pubsub.get_message(timeout=_TICK_SECONDS)
                if message is not None and message["type"] == "message":
                    await self._take(message["channel"], message["data"])
                if monotonic() - ticked >= _TICK_SECONDS:
                    ticked = monotonic()
                    await self._tick()
                    if gone := subscribed - self._feeds.keys():
                        subscribed -= gone
                        await pubsub.unsubscribe(*(self._prefix + name for name in gone))
            self._wanted.clear()

    async def _subscribe(self, pubsub: Any, names: Iterable[str]) -> None:
        feeds = [self._feeds[name] for name in names]
        if any(feed.machine is None and feed.live.is_set() for feed in feeds):
            self._feeds[ALL].put_lagged()
        new = {feed.machine: feed for feed in feeds if feed.machine and not feed.live.is_set()}
        for machine, last in (await asyncio.to_thread(self.recents.read_all, list(new), 1)).items():
            new[machine].number = last[-1].number if last else 0
        await pubsub.subscribe(*(self._prefix + name for name in names))
        for feed in feeds:
            self._due[feed] = monotonic() + _NOTICED_SECONDS

    async def _tick(self) -> None:
        """Fetch what may be missing, tell what was skipped, and forget what nobody reads, where it is due."""
        time = monotonic()
        for name, feed in list(self._feeds.items()):
            feed.tell_skipped()
            if self._due.get(feed, time) < time:
                del self._due[feed]
                await self._fetch(feed, None)
                feed.live.set()
            if not feed.readers and time - feed.idle_since > _GRACE_SECONDS:
                del self._feeds[name]
                self._due.pop(feed, None)
                self._fetched.pop(feed, None)
        while sum(feed.bytes for feed in self._feeds.values()) > _KEPT_BYTES:
            largest = max(self._feeds.values(), key=lambda feed: feed.bytes)
            largest.shrink(largest.bytes // 2)

    async def _take(self, channel: bytes, message: bytes) -> None:
        feed = self._feeds.get(channel.decode().removeprefix(self._prefix))
        if feed is None:
            return
        try:
            announcement = self._decoder.decode(message)
        except msgspec.MsgspecError as e:
            _logger.warning("an announcement on %r cannot be read: %s", channel, e)
            return
        for machine, reading in announcement.readings:
            if feed.machine is not None:
                if reading.number <= feed.number:
                    continue
                if reading.number > feed.number + 1:
                    await self._fetch(feed, reading.number)
            feed.put(*_event(machine, reading), number=reading.number)
        if feed.machine is None:
            feed.skip(announcement.skipped)
        if announcement.change is not None:
            feed.put("change", _encode(announcement.change))

    async def _fetch(self, feed: Feed, before: int | None) -> None:
        """Fetch what is missing in a machine's feed, up to the reading `before`."""
        if feed.machine is None:
            return
        found = list[Recent]()
        if before is None or monotonic() - self._fetched.get(feed, float("-inf")) > _FETCH_SECONDS:
            found = await asyncio.to_thread(self.recents.read, feed.machine, 1000)
            self._fetched[feed] = monotonic()
        if before is None:
            before = max([feed.number, *(each.number for each in found)]) + 1
        for reading in found:
            if feed.number < reading.number < before:
                feed.skip(reading.number - feed.number - 1)
                feed.put(*_event(feed.machine, reading), number=reading.number)
        feed.skip(before - feed.number - 1)


def _event(machine: str, reading: Recent) -> tuple[str, bytes]:
    """A reading's event and its data."""
    return "reading" if reading.kind == "ok" else "dead-letter", _encode(shown(machine, reading))


_encode = msgspec.json.Encoder().encode
