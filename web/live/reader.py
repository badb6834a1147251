"""A reader: sends a feed's events to one client, until the client leaves or the API shuts down."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import TYPE_CHECKING, Final

from web.live.feed import CHUNK_BYTES, Feed, Position
from web.live.frame import HEARTBEAT, HELLO, frame, lagged
from web.schemas.reading import event_of

if TYPE_CHECKING:
    from web.live.hub import Hub

#: Seconds after which the client's permission is checked again before more data is sent.
_ADMITTED_SECONDS: Final = 5.0

#: Seconds without events after which a heartbeat is sent.
_HEARTBEAT_SECONDS: Final = 15.0

#: Seconds after which a stream ends, so that the client reconnects and its permission is checked again.
_LONGEST_SECONDS: Final = 3600.0


class Reader:
    """A reader of a feed for one client. It counts as one of the readers until `close`."""

    def __init__(self, hub: "Hub", feed: Feed) -> None:
        self._hub, self._feed = hub, feed
        self._place, self._before = feed.last, b""
        self._closed = False

    async def resume(self, after: Position) -> None:
        """Continue after this position."""
        feed = self._feed
        if feed.keeps(after):
            self._place = after.place
        elif feed.machine is None or after.number is None or after.number > feed.number:
            self._before = lagged(None)
        else:
            self._place, last = feed.last, feed.number
            kept = await asyncio.to_thread(self._hub.recents.read, feed.machine, 1000)
            missing = [each for each in kept if after.number < each.sequence <= last]
            if gone := last - after.number - len(missing):
                self._before = lagged(gone)
            self._before += b"".join(
                frame(*event_of(feed.machine, each), event_id=str(each.sequence)) for each in missing
            )

    async def chunks(self, admitted: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
        """Yield the data to send, while the client is `admitted`, until shutdown or until the time is up."""
        try:
            yield HELLO + self._before
            asked = monotonic()
            end = asked + _LONGEST_SECONDS
            while not self._hub.ended and monotonic() < end:
                if monotonic() - asked > _ADMITTED_SECONDS:
                    asked = monotonic()
                    if not await admitted():
                        return
                chunk, self._place = self._feed.take(self._place)
                if chunk:
                    yield chunk
                    if len(chunk) < CHUNK_BYTES:
                        await asyncio.sleep(self._hub.pace)
                elif not await self._feed.wait(_HEARTBEAT_SECONDS):
                    yield HEARTBEAT
        finally:
            await self.close()

    async def close(self) -> None:
        """Stop counting as a reader. A second call does nothing."""
        if not self._closed:
            self._closed = True
            self._hub.left(self._feed)
