"""The thread of a worker process that publishes live readings to subscribers (`pipeline.store.pubsub`).

Announcing must cost the pipeline nothing:

- Without a subscriber, batches leave nothing here. The thread asks Redis four times a second which channels
  have subscribers, and does nothing else.
- Batches leave readings that are already encoded. The thread publishes them together, several times a second.
  No batch waits for it: a batch only appends references to a list.
- While Redis is slow, the rate of readings on each channel and the total bytes of all channels are bounded.
  The announcer skips and counts the rest. So the loss in a flood is known, and memory does not grow.
- Redis disconnects a subscriber that is too slow (client-output-buffer-limit pubsub). Nothing waits for it.
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

#: Seconds that the announcer has to publish the remaining readings when the worker stops.
_CLOSING_SECONDS: Final = 2.0

#: Maximum bytes of waiting readings. No sensible rate puts more here in a second.
_WAITING_BYTES: Final = 4 * 1024**2

_logger = logging.getLogger(__name__)


class _Queue:
    """The readings that wait for one channel. `room` is the number of readings that it still accepts."""

    def __init__(self, room: float) -> None:
        self.room = room
        self.readings = list[tuple[str, Raw]]()
        self.skipped = 0


class Announcer:
    """A thread that runs from `start` to `close`. `rate` is the maximum readings a second on each channel."""

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
        """Whether a channel had a subscriber at the last check."""
        return bool(self._queues)

    def start(self) -> None:
        """Start the thread, which polls Redis for subscribers."""
        self._thread.start()

    def close(self) -> None:
        """Publish the remaining readings and stop the thread."""
        self._stopping.set()
        self._due.set()
        self._thread.join(_CLOSING_SECONDS)

    def offer(self, readings: Mapping[str, tuple[Sequence[bytes], int]]) -> None:
        """Hand over the readings of a written batch for the channels with subscribers. This never blocks.

        `readings` maps a machine to its last readings, encoded as Redis keeps them, and the number of
        readings that were run.
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
        """Ask Redis which channels have subscribers, at most every `SUBSCRIBERS_SECONDS`."""
        if (time := monotonic()) - self._asked_at < SUBSCRIBERS_SECONDS:
            return
        self._asked_at = time
        channels = cast("list[bytes]", self._redis.pubsub_channels(self._prefix + b"*"))
        names = [channel.removeprefix(self._prefix).decode() for channel in channels]
        with self._lock:
            self._queues = {name: self._queues.get(name) or _Queue(self._rate) for name in names}

    def _send(self) -> None:
        """Publish the waiting readings, and refill each channel's room at its rate."""
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
                    # An `Announcement` whose readings are encoded already.
                    message = self._encoder.encode((readings, skipped))
                    pipeline.publish(self._prefix + name.encode(), message)
                pipeline.execute()
