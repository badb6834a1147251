"""One stream of events: a machine's, or all machines'. Its last frames are kept, once for all who read it.

Each reader has its own place in it, and takes what has come since, as much at once as it is ready for. One
that is slow falls behind; when its place is not kept any more it is told how much it has missed, and goes on
with the oldest that is. It holds up nobody: there is nothing that it could fill.

An event's id says where it stands: in the run of this feed, `<run>-<place>`, and before that, in a machine's
feed, the number of its last reading: `<number>-<run>-<place>`. The run is another one in each process and
after each start, so that a place is never taken for one of another run; the number is good everywhere.
"""

import asyncio
import re
import secrets
from time import monotonic
from typing import Final

from msgspec import Struct

from web.live.frame import frame, lagged

#: Bytes of frames that a feed keeps: some seconds of a stream that runs at its full rate.
KEPT_BYTES: Final = 2 * 1024**2

#: Bytes that a reader is given at once. What a stuck one holds is this and what the server lets be written
#: before it waits, which is as much.
CHUNK_BYTES: Final = 32 * 1024

#: Seconds between two frames that tell how much was left out of a feed.
_LAGGED_SECONDS: Final = 1.0

_ID: Final = re.compile(r"(?:([0-9]{1,15})-)?([0-9a-f]{8})-([0-9]{1,15})|([0-9]{1,15})")


class Position(Struct, frozen=True):
    """Where a client has read to: a reading's number, or a place in a run, or both, or nothing we know."""

    number: int | None = None
    run: str = ""
    place: int = 0

    @classmethod
    def parse(cls, event_id: str) -> "Position":
        """What a client sends as its `Last-Event-ID`."""
        found = _ID.fullmatch(event_id)
        if found is None:
            return cls()
        number, run, place, alone = found.groups()
        return cls(int(alone)) if alone else cls(None if number is None else int(number), run, int(place))


class Feed:
    """For one event loop; nothing here waits but `wait`.

    `number` is that of the last reading in it, 0 where there is none, and in the feed of all machines.
    `readers` counts who reads it. `live` is set while all that happens comes in.
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
        """The place of the last frame; 0 where there was none yet."""
        return self._first + len(self._frames) - 1

    def keeps(self, place: Position) -> bool:
        """Whether this place is one in this run."""
        return place.run == self.run and place.place <= self.last

    def put(self, event: str, data: bytes, number: int | None = None) -> None:
        """Append an event whose data is JSON; `number` is that of the reading which it is of."""
        self.tell_skipped()
        if number is not None:
            self.number = number
        self._append(frame(event, data, self._id(self.last + 1)))

    def skip(self, count: int) -> None:
        """Note that so many events are left out here."""
        self._skipped += count

    def tell_skipped(self) -> None:
        """Say how much was left out, if it was not said a moment ago."""
        if self._skipped and (time := monotonic()) - self._told_at >= _LAGGED_SECONDS:
            skipped, self._skipped, self._told_at = self._skipped, 0, time
            self._append(lagged(skipped, self._id(self.last + 1)))

    def put_lagged(self) -> None:
        """Say that events are missing here, and nobody knows how many."""
        self._append(lagged(None, self._id(self.last + 1)))

    def _append(self, new: bytes) -> None:
        self._frames.append(new)
        self.bytes += len(new)
        if self.bytes > KEPT_BYTES:
            self.shrink(KEPT_BYTES * 3 // 4)
        self.wake()

    def shrink(self, size: int) -> None:
        """Forget the oldest frames, until the rest takes no more than so many bytes."""
        gone = 0
        while self.bytes > size:
            self.bytes -= len(self._frames[gone])
            gone += 1
        del self._frames[:gone]
        self._first += gone

    def take(self, place: int) -> tuple[bytes, int]:
        """The frames behind this place, about `CHUNK_BYTES` of them at the most, and the place of the last.

        Before them it says how much is missing, where they are not all kept.
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
        """Wait for the next frame. False where none came in this time."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def wake(self) -> None:
        """Have everybody who waits look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _id(self, place: int) -> str:
        return f"{self.run}-{place}" if self.machine is None else f"{self.number}-{self.run}-{place}"
