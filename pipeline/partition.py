"""One partition, as a worker holds it: the channel on which its readings arrive, and what is in flight.

How it keeps the order, and how the batch finds its size:

- The queue has a single active consumer, so of all the workers one is served at a time.
- What a batch takes is all that has arrived, up to a cap. Alone, a reading waits for nobody; under load the
  batch grows by itself while the one before it is worked on.
- A machine that sends too much has its readings moved to the overflow queue (`pipeline.flood`), which is
  consumed on the same channel, a few at a time, so that both count as one to all that is said here. As
  each queue picks its active consumer by itself, what comes from the overflow is held back until a reading
  of the partition itself has come. Where none is there, a probe, which the session publishes, stands in.
- Nothing is handed out before the readings handed out last were acknowledged, all at once. So no lock is
  needed, and a batch that fails is simply not acknowledged: the partition is given up, and the broker gives
  its readings, in order and before all others, to the next session.

Threads: all of it runs on the consumer's thread, but `ask_active` and `lost`, which worker threads call.
"""

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from threading import Event, Thread
from time import monotonic
from typing import Any, Final

import pika
from pika.channel import Channel

from pipeline import topology, traces
from pipeline.ages import Ages
from pipeline.claim import claim_of
from pipeline.connection import Connection, close_at_once
from pipeline.errors import SessionLost
from pipeline.flood import FloodWatch
from pipeline.moment import moment_of
from pipeline.overflow import reading_back
from pipeline.reading import Reading, Share
from pipeline.report import Holding
from pipeline.sessions import Sessions
from pipeline.store import RedisError
from pipeline.takings import Takings

#: What RabbitMQ 4.3 and later add to a message that was handed to a consumer before.
_ACQUIRED_COUNT: Final = "x-acquired-count"

_logger = logging.getLogger(__name__)


class Partition:
    """From `basic.consume` to the end of the channel: one session. It calls `on_end` when that has ended."""

    def __init__(
        self,
        connection: Connection,
        number: int,
        sessions: Sessions,
        on_end: Callable[["Partition", BaseException], None],
    ) -> None:
        self.number = number
        self.queue = topology.readings_queue(number)
        self.overflow = topology.overflow_queue(number)
        self.name = os.urandom(8)
        self.in_flight: Share | None = None
        #: Readings that were acknowledged in this session.
        self.settled = 0
        self.settled_tag = 0
        self._acknowledged_tag = 0
        self._sessions = sessions
        self._connection = connection
        self._on_end = on_end
        self._waiting = deque[Reading]()
        self._held_back: list[Reading] | None = []
        self._flood = FloodWatch()
        self._flooding: str | None = None
        self._takings = Takings()
        self._ages = Ages(number)
        self._releasing = False
        self._ended = Event()
        self._channel: Channel = connection.channel(on_open_callback=self._on_open)
        self._channel.add_on_close_callback(self._on_close)

    # What the consumer does with it.

    @property
    def ready(self) -> bool:
        """Whether there is something to be handed out."""
        return bool(self._waiting) and self.in_flight is None and not self._releasing

    @property
    def waiting(self) -> int:
        """How many readings have arrived and are not handed out."""
        return len(self._waiting)

    def _held(self) -> Iterator[Reading]:
        """The readings that the broker has handed to this session and that are not acknowledged."""
        in_flight = self.in_flight.readings if self.in_flight else []
        return chain(in_flight, self._waiting, self._held_back or ())

    def holding(self) -> Holding:
        """What there is to say of it to others."""
        in_flight = self.in_flight.readings if self.in_flight else []
        oldest, now = next(self._held(), None), monotonic()
        taken, overflow = self._takings.queue, self._takings.overflow
        return Holding(
            partition=self.number,
            held=len(in_flight) + len(self._waiting) + len(self._held_back or ()),
            settled=self.settled,
            in_flight=len(in_flight),
            held_seconds=round(now - oldest.arrived, 3) if oldest else 0.0,
            oldest_seconds=round(self._ages.queue.seconds(now), 1),
            overflow_oldest_seconds=round(self._ages.overflow.seconds(now), 1),
            taken=taken.time,
            waited=taken.waited,
            overflow_taken=overflow.time,
            overflow_waited=overflow.waited,
        )

    def take(self, readings: int, size: int) -> Share:
        """Hand out what has arrived: at most so many readings, and none after `size` bytes are full."""
        taken = list[Reading]()
        while self._waiting and len(taken) < readings and size > 0:
            reading = self._waiting.popleft()
            taken.append(reading)
            size -= len(reading.body)
        self._takings.note(taken)
        flooding = self._flood.flooding(taken, self._waiting, monotonic())
        if flooding != self._flooding:
            self._flooding = flooding
            if flooding is not None:
                _logger.warning(
                    "machine %s floods %s: its readings go to %s",
                    flooding,
                    self.queue,
                    self.overflow,
                    extra={"machine": flooding},
                )
        if flooding is not None:
            for reading in taken:
                reading.move = reading.machine == flooding and reading.place is None
        self.in_flight = Share(self, taken)
        return self.in_flight

    def _on_settled(self, tag: int) -> None:
        self.settled_tag = tag

    def _probe(self) -> None:
        """Find out whether the broker hands us the partition, where only its overflow has come."""
        if self._held_back:
            self._channel.basic_publish("", self.queue, b"", pika.BasicProperties(type=topology.PROBE_TYPE))

    def settle(self) -> None:
        """Acknowledge what is in flight."""
        assert self.in_flight is not None
        if not self._ended.is_set():
            self._channel.basic_ack(self.in_flight.last_tag, multiple=True)
            self._acknowledged_tag = self.in_flight.last_tag
        self.settled += len(self.in_flight.readings)
        self.in_flight = None
        if self._releasing:
            self._finish()

    def look(self) -> None:
        """Now and then: find out what is settled, and whether the broker hands us the partition."""
        if self._channel.is_open and not self._releasing:
            if self._acknowledged_tag > self.settled_tag:
                self._ask(partial(self._on_settled, self._acknowledged_tag))
            self._probe()
            self._ages.look(self._channel, self._held())

    def release(self) -> None:
        """Take nothing more, and end the session once what is in flight is settled and noted to be."""
        if not self._releasing:
            self._releasing = True
            if self.in_flight is None:
                self._finish()

    def _finish(self) -> None:
        if self._channel.is_open:
            self._ask(lambda: Thread(target=self._note_and_end, name="finishing", daemon=True).start())
        else:
            self.end()

    def _note_and_end(self) -> None:
        """On a thread of its own, since Redis may take its time, and the connection must not wait for it."""
        try:
            self._sessions.note({self.name: self._acknowledged_tag})
        except RedisError as e:
            _logger.warning("what of %s is settled cannot be noted: %s", self.queue, e)
        self._connection.ioloop.add_callback_threadsafe(self.end)

    def end(self) -> None:
        """End the session now: the broker gives what is not acknowledged to the next one."""
        self._ended.set()
        close_at_once(self._channel)

    # What the broker says.

    def _on_open(self, channel: Channel) -> None:
        channel.add_on_cancel_callback(lambda _: self.end())
        channel.basic_qos(prefetch_count=topology.PREFETCH)
        channel.basic_consume(self.queue, self._on_reading)
        channel.basic_qos(prefetch_count=topology.OVERFLOW_PREFETCH)
        channel.basic_consume(self.overflow, self._on_overflow)
        if self._ended.is_set():
            close_at_once(channel)

    def _on_reading(self, channel: Channel, method: Any, properties: Any, body: bytes) -> None:
        self._ages.queue.delivered += 1
        if self._held_back is not None:
            self._waiting.extend(self._held_back)
            self._held_back = None
        if properties.type == topology.PROBE_TYPE:
            channel.basic_ack(method.delivery_tag)
        else:
            self._waiting.append(_reading(method, properties, body))

    def _on_overflow(self, _channel: object, method: Any, properties: Any, body: bytes) -> None:
        self._ages.overflow.delivered += 1
        reading = reading_back(_reading(method, properties, body), properties.headers)
        if self._held_back is None:
            self._waiting.append(reading)
        else:
            self._held_back.append(reading)

    def _on_close(self, _channel: object, reason: BaseException) -> None:
        self._ended.set()
        self._waiting.clear()
        self._held_back = None
        self._on_end(self, reason)

    # What worker threads ask (`reading.Session`).

    def lost(self) -> bool:
        """Whether this session is known to have ended."""
        return self._ended.is_set()

    def ask_active(self) -> Callable[[], None]:
        """Ask the broker whether this session still holds its partition.

        Returns what waits for the answer, and raises `SessionLost` where it does not.

        Any request that is answered on the channel will do: the broker makes another consumer active
        only after this one's channel has ended.
        """
        answered = Event()
        self._connection.ioloop.add_callback_threadsafe(partial(self._ask, answered.set))

        def wait() -> None:
            while not answered.wait(timeout=0.05):
                if self._ended.is_set():
                    raise SessionLost(f"the session that held {self.queue} has ended")

        return wait

    def _ask(self, on_answer: Callable[[], None]) -> None:
        if not self._ended.is_set() and self._channel.is_open:
            self._channel.basic_qos(prefetch_count=topology.PREFETCH, callback=lambda _: on_answer())


def _reading(method: Any, properties: Any, body: bytes) -> Reading:
    key = topology.text_of(method.routing_key)
    return Reading(
        machine=topology.machine_of(key),
        key=key,
        body=body,
        tag=method.delivery_tag,
        redelivered=method.redelivered or _ACQUIRED_COUNT in (properties.headers or ()),
        message_id=properties.message_id and topology.text_of(properties.message_id),
        content_type=properties.content_type and topology.text_of(properties.content_type),
        claim=claim_of(properties.headers),
        sent=moment_of(properties.headers),
        traceparent=traces.traceparent_of(properties.headers),
        arrived=monotonic(),
    )
