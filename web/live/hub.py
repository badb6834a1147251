"""The feeds of this process, and the task that fills them from Redis's pub/sub (`pipeline.store.pubsub`).

- There is a feed for each machine that has readers, and one for all machines. It is subscribed when its first
  reader arrives. It stays for some time after its last reader leaves, so that a client that reconnects finds
  its position.
- Pub/sub stores nothing: announcements are lost while the connection is cut, and before the workers have
  noticed a new subscriber. A machine's readings are numbered, so the hub detects gaps and fetches the missing
  readings from the machine's recent readings in Redis. It reports readings that are not there either as
  `lagged`. The feed of all machines is only a sample, so the hub only reports a cut there.
- Everything is bounded: readers, frames, and the amount read at once. The more readers there are, the longer
  each waits between two chunks, so that the total number of chunks per second is bounded.
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

#: The maximum size in bytes of the frames of all feeds together.
_KEPT_BYTES: Final = 32 * 1024**2

#: Seconds that a feed without readers is kept.
_GRACE_SECONDS: Final = 60.0

#: Seconds until all workers have noticed a subscription.
_NOTICED_SECONDS: Final = 2 * SUBSCRIBERS_SECONDS

#: Seconds between two runs of `_tick`, two attempts to connect, and two fetches for one feed.
_TICK_SECONDS: Final = 0.1
_RECONNECT_SECONDS: Final = 0.5
_FETCH_SECONDS: Final = 1.0

#: Seconds without a message until Redis gets a ping, and the maximum number of seconds until it answers.
#: A host that is frozen or cut off ends no connection.
_QUIET_SECONDS: Final = 1.0
_SILENT_SECONDS: Final = 3.0

#: Seconds that a new reader waits for its feed before it is told that Redis is unavailable.
_PATIENCE_SECONDS: Final = 5.0

#: Minimum seconds between two chunks for a reader that has received all events, and the maximum number of
#: chunks per second for all readers.
_PACE_SECONDS: Final = 0.02
_CHUNKS: Final = 1000

#: The errors raised if Redis is unavailable.
_GONE = (RedisError, OSError, TimeoutError)

_logger = logging.getLogger(__name__)


class Hub:
    """The hub of one event loop, on which all of it runs. `ended`: the API is shutting down."""

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
        """Seconds that a reader must wait between two chunks."""
        return max(_PACE_SECONDS, self.readers / _CHUNKS)

    async def open(self, machine: str | None, after: str | None) -> Reader:
        """Return a new reader of the events of a machine, or of all, from now on or after the id `after`.

        Raises the error to answer with if there are too many readers or Redis is unavailable, and
        `RedisError`.
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
        """Note that a reader has left this feed."""
        self.readers -= 1
        feed.readers -= 1
        feed.idle_since = monotonic()

    def end(self) -> None:
        """End all streams. Their clients will reconnect."""
        self.ended = True
        for feed in self._feeds.values():
            feed.wake()

    async def close(self) -> None:
        """End the streams, and close the connection to Redis."""
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
        """Fill the feeds until none has readers.

        Raises `RedisError` if the connection is cut, and `TimeoutError` if Redis is silent.
        """
        subscribed = set[str]()
        ticked = float("-inf")
        heard, asked = monotonic(), None
        async with pubsub:
            while self._feeds and not self.ended:
                if new := self._feeds.keys() - subscribed:
                    subscribed |= new
                    await self._subscribe(pubsub, new)
                message = await pubsub.get_message(timeout=_TICK_SECONDS)
                if message is not None:
                    heard, asked = monotonic(), None
                elif asked is None and monotonic() - heard > _QUIET_SECONDS:
                    asked = monotonic()
                    await pubsub.ping()
                elif asked is not None and monotonic() - asked > _SILENT_SECONDS:
                    raise TimeoutError("Redis does not answer")
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
            new[machine].number = last[-1].sequence if last else 0
        await pubsub.subscribe(*(self._prefix + name for name in names))
        for feed in feeds:
            self._due[feed] = monotonic() + _NOTICED_SECONDS

    async def _tick(self) -> None:
        """Fetch missing readings, report skipped events, and drop feeds without readers, if it is time."""
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
                if reading.sequence <= feed.number:
                    continue
                if reading.sequence > feed.number + 1:
                    await self._fetch(feed, reading.sequence)
            feed.put(*event_of(machine, reading), number=reading.sequence)
        if feed.machine is None:
            feed.skip(announcement.skipped)
        if announcement.change is not None:
            feed.put("change", msgspec.json.encode(announcement.change))

    async def _fetch(self, feed: Feed, before: int | None) -> None:
        """Fetch the missing readings of a machine's feed, up to the reading `before`."""
        if feed.machine is None:
            return
        found = list[KeptReading]()
        if before is None or monotonic() - self._fetched.get(feed, float("-inf")) > _FETCH_SECONDS:
            found = await asyncio.to_thread(self.recents.read, feed.machine, 1000)
            self._fetched[feed] = monotonic()
        if before is None:
            before = max([feed.number, *(each.sequence for each in found)]) + 1
        for reading in found:
            if feed.number < reading.sequence < before:
                feed.skip(reading.sequence - feed.number - 1)
                feed.put(*event_of(feed.machine, reading), number=reading.sequence)
        feed.skip(before - feed.number - 1)
