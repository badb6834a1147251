"""The thread of a worker process that announces readings to whoever listens (`pipeline.store.pubsub`).

It must cost the pipeline nothing:

- While nobody listens, batches leave nothing here. Four times a second it asks Redis which channels have
  subscribers; nothing else happens.
- What batches leave is already encoded, and goes out together, some times a second. No batch waits for that:
  leaving it puts references on a list.
- Each channel takes a bounded rate of readings, and all channels together a bounded number of bytes while
  Redis is slow. The rest is left out and counted. So what is lost of a flood is known, and nothing grows.
- A listener who is too slow is cut off by Redis (client-output-buffer-limit pubsub), not waited for.
"""

import logging
from collections.abc import Mapping, Sequence
from threading import Event, Lock, Thread
from time import monotonic
from typing import Final, cast

import msgspec
from msgspec import Raw

from pipeline.store.client import Client, RedisError
from pipeline.store.pubsub import ALL, SUBSCRIBERS_SECONDS, channel_prefix

#: Seconds between two announcements.
_PACE_SECONDS: Final = 0.05

#: Seconds that what is left may take to be announced when the worker ends.
_CLOSING_SECONDS: Final = 2.0

#: Bytes of readings that wait at the most: more than any rate that is sensible puts here in a second.
_WAITING_BYTES: Final = 4 * 1024**2

_logger = logging.getLogger(__name__)


class _Queue:
    """What waits for one channel. `room` is how many readings it still takes."""

    def __init__(self, room: float) -> None:
        self.room = room
        self.readings = list[tuple[str, Raw]]()
        self.skipped = 0


class Announcer:
    """A thread, from `start` to `close`. `rate` is readings a second at the most, on each channel."""

    def __init__(self, client: Client, rate: int) -> None:
        self._redis = client
        self._rate = rate
        self._prefix = channel_prefix(client).encode()
        self._encoder = msgspec.msgpack.Encoder()
        self._lock = Lock()
        self._queues: dict[str, _Queue] = {}
        self._waiting_bytes = 0
        self._sent_at = self._asked_at = float("-inf")
        self._failing = False
        self._due, self._stopping = Event(), Event()
        self._thread = Thread(target=self._run, name="announcer", daemon=True)

    @property
    def listened(self) -> bool:
        """Whether somebody listens, as far as is known."""
        return bool(self._queues)

    def start(self) -> None:
        """Begin to look who listens."""
        self._thread.start()

    def close(self) -> None:
        """Announce what is left."""
        self._stopping.set()
        self._due.set()
        self._thread.join(_CLOSING_SECONDS)

    def offer(self, readings: Mapping[str, tuple[Sequence[bytes], int]]) -> None:
        """Leave the readings of a batch that has been written, for those that listen. Waits for nothing.

        They are, by machine, its last readings as they are kept, and how many were run.
        """
        if not self._queues:
            return
        with self._lock:
            for machine_id, (recents, run) in readings.items():
                for channel in (ALL, machine_id):
                    if (queue := self._queues.get(channel)) is not None:
                        self._put(queue, machine_id, recents, run)
        self._due.set()

    def _put(self, queue: _Queue, machine_id: str, readings: Sequence[bytes], run: int) -> None:
        taken = readings[-int(queue.room) :] if queue.room >= 1 else ()
        size = sum(map(len, taken))
        if self._waiting_bytes + size > _WAITING_BYTES:
            taken, size = (), 0
        queue.readings += [(machine_id, Raw(reading)) for reading in taken]
        queue.room -= len(taken)
        queue.skipped += run - len(taken)
        self._waiting_bytes += size

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._due.wait(SUBSCRIBERS_SECONDS)
            self._due.clear()
            self._announce()
            self._stopping.wait(_PACE_SECONDS)
        self._announce()

    def _announce(self) -> None:
        try:
            self._find_subscribers()
            self._send()
            self._failing = False
        except RedisError as e:
            if not self._failing:
                _logger.warning("live events are omitted while Redis is unavailable: %s", e)
            self._failing = True

    def _find_subscribers(self) -> None:
        """Find out which channels have listeners, if it is time to."""
        if (time := monotonic()) - self._asked_at < SUBSCRIBERS_SECONDS:
            return
        self._asked_at = time
        channels = cast("list[bytes]", self._redis.pubsub_channels(self._prefix + b"*"))
        names = [channel.removeprefix(self._prefix).decode() for channel in channels]
        with self._lock:
            self._queues = {name: self._queues.get(name) or _Queue(self._rate) for name in names}

    def _send(self) -> None:
        """Announce what waits, and make room for as much as the rate allows by now."""
        with self._lock:
            waiting = {
                name: (queue.readings, queue.skipped)
                for name, queue in self._queues.items()
                if queue.readings or queue.skipped
            }
            before, self._sent_at = self._sent_at, monotonic()
            for queue in self._queues.values():
                queue.readings, queue.skipped = [], 0
                queue.room = min(self._rate, queue.room + self._rate * (self._sent_at - before))
            self._waiting_bytes = 0
        if waiting:
            with self._redis.pipeline(transaction=False) as pipeline:
                for name, (readings, skipped) in waiting.items():
                    # An `Announcement`, with readings that are encoded already.
                    message = self._encoder.encode((readings, skipped))
                    pipeline.publish(self._prefix + name.encode(), message)
                pipeline.execute()
