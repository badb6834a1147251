"""A client's way through a feed: from where it begins to what it is sent, until it goes or the API ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import TYPE_CHECKING, Final

from web.live.feed import CHUNK_BYTES, Feed, Position
from web.live.frame import HEARTBEAT, HELLO, frame, lagged
from web.schemas.reading import event_of

if TYPE_CHECKING:
    from web.live.hub import Hub

#: Seconds after which it is asked again whether the client may read, before he is sent anything.
_ADMITTED_SECONDS: Final = 5.0

#: Seconds without anything to send, after which a heartbeat is.
_HEARTBEAT_SECONDS: Final = 15.0

#: Seconds after which a stream ends, so that its client comes again and shows that it still may.
_LONGEST_SECONDS: Final = 3600.0


class Reader:
    """A client's way through a feed. It has its place among the readers until `close`."""

    def __init__(self, hub: "Hub", feed: Feed) -> None:
        self._feeds, self._feed = hub, feed
        self._place, self._before = feed.last, b""
        self._closed = False

    async def resume(self, after: Position) -> None:
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
                frame(*event_of(feed.machine, each), event_id=str(each.number)) for each in missing
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
