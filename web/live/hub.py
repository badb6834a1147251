"""The feeds of this process, and the task that fills them from Redis's pub/sub (`pipeline.store.pubsub`).

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
from collections.abc import Iterable
from time import monotonic
from typing import Any, Final

import msgspec
from litestar.exceptions import ServiceUnavailableException

from pipeline.model.recent import KeptReading
from pipeline.settings import Settings
from pipeline.store.client import RedisError, connect_async
from pipeline.store.pubsub import ALL, SUBSCRIBERS_SECONDS, Announcement, channel_prefix
from pipeline.store.recents import RecentStore
from web.live.feed import Feed, Position
from web.live.reader import Reader
from web.schemas.reading import event_of

#: Bytes of frames that all feeds keep together.
_KEPT_BYTES: Final = 32 * 1024**2

#: Seconds that a feed without readers is kept.
_GRACE_SECONDS: Final = 60.0

#: Seconds until a subscription has been noticed by all workers.
_NOTICED_SECONDS: Final = 2 * SUBSCRIBERS_SECONDS

#: Seconds between two looks for what is due, two attempts to connect, and two fetches for one feed.
_TICK_SECONDS: Final = 0.1
_RECONNECT_SECONDS: Final = 0.5
_FETCH_SECONDS: Final = 1.0

#: Seconds that a new reader waits for its feed, before it is told that Redis is not there.
_PATIENCE_SECONDS: Final = 5.0

#: Seconds between two chunks for one reader that has all that there is, at the least, and chunks a second
#: for all of them.
_PACE_SECONDS: Final = 0.02
_CHUNKS: Final = 1000

#: What is raised when Redis is gone.
_GONE = (RedisError, OSError, TimeoutError)

_logger = logging.getLogger(__name__)


class Hub:
    """For one event loop, on which all of it runs. `ended`: the API is about to end."""

    def __init__(self, settings: Settings, recents: RecentStore) -> None:
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
                detail=f"This API process already serves {self.readers} event streams, the maximum. "
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
                await reader.resume(Position.parse(after))
        except TimeoutError as e:
            await reader.close()
            raise ServiceUnavailableException(
                detail="Redis is unavailable, so there are no live events. Try again later."
            ) from e
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
                async with connect_async(self._url, _PATIENCE_SECONDS) as client:
                    self._prefix = channel_prefix(client)
                    await self._serve(client.pubsub())
            except _GONE as e:
                _logger.warning("live events are interrupted: %s", e)
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
        hub = [self._feeds[name] for name in names]
        if any(feed.machine is None and feed.live.is_set() for feed in hub):
            self._feeds[ALL].put_lagged()
        new = {feed.machine: feed for feed in hub if feed.machine and not feed.live.is_set()}
        for machine, last in (await asyncio.to_thread(self.recents.read_all, list(new), 1)).items():
            new[machine].number = last[-1].number if last else 0
        await pubsub.subscribe(*(self._prefix + name for name in names))
        for feed in hub:
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
            _logger.warning("a message on the channel %r cannot be decoded: %s", channel, e)
            return
        for machine, reading in announcement.readings:
            if feed.machine is not None:
                if reading.number <= feed.number:
                    continue
                if reading.number > feed.number + 1:
                    await self._fetch(feed, reading.number)
            feed.put(*event_of(machine, reading), number=reading.number)
        if feed.machine is None:
            feed.skip(announcement.skipped)
        if announcement.change is not None:
            feed.put("change", msgspec.json.encode(announcement.change))

    async def _fetch(self, feed: Feed, before: int | None) -> None:
        """Fetch what is missing in a machine's feed, up to the reading `before`."""
        if feed.machine is None:
            return
        found = list[KeptReading]()
        if before is None or monotonic() - self._fetched.get(feed, float("-inf")) > _FETCH_SECONDS:
            found = await asyncio.to_thread(self.recents.read, feed.machine, 1000)
            self._fetched[feed] = monotonic()
        if before is None:
            before = max([feed.number, *(each.number for each in found)]) + 1
        for reading in found:
            if feed.number < reading.number < before:
                feed.skip(reading.number - feed.number - 1)
                feed.put(*event_of(feed.machine, reading), number=reading.number)
        feed.skip(before - feed.number - 1)
