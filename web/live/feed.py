"""A feed: the events of one machine or of all machines. It stores its latest frames once for all its readers.

Each reader has its own position in the feed and takes the frames after it, as many as it can receive. A slow
reader falls behind. When its position is no longer stored, it is told how many events it missed, and
continues with the oldest stored frame. It delays nobody, because it has no buffer that could fill.

An event's id is its position: in the run of this feed (`<run>-<place>`), preceded in a machine's feed by the
`sequence` of its last reading or timer (`<number>-<run>-<place>`). Each process and each start has a
different run, so a place is never mistaken for a place of another run. The number is valid in every process.
"""

import asyncio
import re
import secrets
from time import monotonic
from typing import Final

from msgspec import Struct

from web.live.frame import frame, lagged

#: The maximum size in bytes of a feed's frames: some seconds of a stream at its full rate.
KEPT_BYTES: Final = 2 * 1024**2

#: The size in bytes of one chunk for a reader. A stuck reader holds one chunk, and the server's write buffer,
#: which is as large.
CHUNK_BYTES: Final = 32 * 1024

#: Minimum seconds between two frames that report events left out of a feed.
_LAGGED_SECONDS: Final = 1.0

_ID: Final = re.compile(r"(?:([0-9]{1,15})-)?([0-9a-f]{8})-([0-9]{1,15})|([0-9]{1,15})")


class Position(Struct, frozen=True):
    """A client's position: a reading's `sequence`, a place in a run, both, or neither if it is unknown."""

    number: int | None = None
    run: str = ""
    place: int = 0

    @classmethod
    def parse(cls, event_id: str) -> "Position":
        """Parse the `Last-Event-ID` of a client."""
        found = _ID.fullmatch(event_id)
        if found is None:
            return cls()
        number, run, place, alone = found.groups()
        return cls(int(alone)) if alone else cls(None if number is None else int(number), run, int(place))


class Feed:
    """A feed for one event loop. Only `wait` waits.

    `number` is the `sequence` of its last reading or timer, 0 if there is none, and in the feed of all
    machines. `readers` is the number of readers. `live` is set while the feed receives all events.
    """

    def __init__(self, machine: str | None) -> None:
        self.machine = machine
        self.run = secrets.token_hex(4)
        self.number = 0
        self.readers = 0
        self.idle_since = monotonic()
        self.live = asyncio.Event()
        self.bytes = 0
        self._frames: list[bytes] = []
        self._first = 1  # the place of the first frame that is kept
        self._skipped = 0
        self._told_at = float("-inf")
        self._changed = asyncio.Event()

    @property
    def last(self) -> int:
        """The place of the last frame; 0 before the first one."""
        return self._first + len(self._frames) - 1

    def keeps(self, place: Position) -> bool:
        """Return whether this place is in this run."""
        return place.run == self.run and place.place <= self.last

    def put(self, event: str, data: bytes, number: int | None = None) -> None:
        """Append an event whose data is JSON; `number` is the `sequence` of its reading."""
        self.tell_skipped()
        if number is not None:
            self.number = number
        self._append(frame(event, data, self._id(self.last + 1)))

    def skip(self, count: int) -> None:
        """Note that this many events are left out here."""
        self._skipped += count

    def tell_skipped(self) -> None:
        """Report the events left out, unless a report was sent a moment ago."""
        if self._skipped and (time := monotonic()) - self._told_at >= _LAGGED_SECONDS:
            skipped, self._skipped, self._told_at = self._skipped, 0, time
            self._append(lagged(skipped, self._id(self.last + 1)))

    def put_lagged(self) -> None:
        """Report that an unknown number of events is missing here."""
        self._append(lagged(None, self._id(self.last + 1)))

    def _append(self, new: bytes) -> None:
        self._frames.append(new)
        self.bytes += len(new)
        if self.bytes > KEPT_BYTES:
            self.shrink(KEPT_BYTES * 3 // 4)
        self.wake()

    def shrink(self, size: int) -> None:
        """Drop the oldest frames, until the rest takes at most `size` bytes."""
        gone = 0
        while self.bytes > size:
            self.bytes -= len(self._frames[gone])
            gone += 1
        del self._frames[:gone]
        self._first += gone

    def take(self, place: int) -> tuple[bytes, int]:
        """Return the frames after this place, about `CHUNK_BYTES` at most, and the place of the last one.

        If some of them are no longer stored, the first frame reports how many are missing.
        """
        frames, size = list[bytes](), 0
        if place < self._first - 1:
            missed, place = self._first - 1 - place, self._first - 1
            frames.append(lagged(missed))
        while place < self.last and size < CHUNK_BYTES:
            frames.append(self._frames[place + 1 - self._first])
            size += len(frames[-1])
            place += 1
        return b"".join(frames), place

    async def wait(self, seconds: float) -> bool:
        """Wait for the next frame. Return False if none arrived in this time."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def wake(self) -> None:
        """Wake all waiting readers, so that they check again."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _id(self, place: int) -> str:
        return f"{self.run}-{place}" if self.machine is None else f"{self.number}-{self.run}-{place}"
