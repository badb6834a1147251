"""One partition, as a worker holds it: the channel on which its readings arrive, and what is in flight.

How it keeps the order, and how the batch finds its size:

- The queue has a single active consumer, so of all the workers one is served at a time. Who may write is not
  the broker's to say but the fence's, which the session took before it began (`pipeline.store.sessions`).
- What a batch takes is all that has arrived, up to a cap. Alone, a reading waits for nobody; under load the
  batch grows by itself while the one before it is worked on.
- A machine that sends too much has its readings moved to the overflow queue (`pipeline.worker.flood`), which
  is consumed on the same channel, a few at a time. What comes from there and from the partition's own queue
  is handed out in the order in which it came. As each queue picks its active consumer by itself, what comes
  from the overflow is held back until a reading of the partition itself has come. Where none is there, a
  probe, which the session publishes, stands in.
- Nothing is handed out before the readings handed out last were acknowledged, all at once. So no lock is
  needed, and a batch that fails is simply not acknowledged: the partition is given up, and the broker gives
  its readings, in order and before all others, to the next session.
- But for this: an overflow that is full takes no more readings until some of it is worked off. So while
  readings are on their way there, only what comes from there is handed out. What came before them from the
  partition's own queue is acknowledged once they are there.
- A queue may also take readings back and hand them to the same session again, under new tags: when the link
  between two brokers was cut and is there again. The broker counts how often it gave each reading back, and
  gives back the first ones first. So the counts of a session's deliveries never rise, unless that has
  happened; then the session ends, and the next one knows the readings by their marks.
- A released session ends once it is proven how far it is settled (`pipeline.worker.proof`). So its successor
  recognises readings exactly, those with equal bytes too.

Threads: all of it runs on the consumer's thread, but `lost`, which worker threads call; they also read
`settled`.
"""

import logging
import re
from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain
from threading import Event
from time import monotonic
from typing import Any, Final

from pika.channel import Channel

from pipeline import wire
from pipeline.broker.connection import Connection, close_at_once
from pipeline.broker.overflow import reading_back
from pipeline.broker.sent_at import sent_at_of
from pipeline.model.claim import claim_of
from pipeline.model.reading import Reading
from pipeline.model.session import Fence, Settled
from pipeline.store.workers import Holding
from pipeline.telemetry import tracing
from pipeline.worker.batch import Share
from pipeline.worker.flood import FloodWatch
from pipeline.worker.proof import Proof
from pipeline.worker.queue_age import LastTakens, QueueAges

#: The header in which RabbitMQ says how often a message was given back. Up to 4.2, and since 4.3, where the
#: other one counts failures alone (`rabbit_fifo_client:add_delivery_count_header/2`).
_DELIVERY_COUNT: Final = "x-delivery-count"
_ACQUIRED_COUNT: Final = "x-acquired-count"

#: Seconds that a released session waits for the proof of what is settled.
_PROOF_SECONDS: Final = 5.0

_logger = logging.getLogger(__name__)


class Partition:
    """From `basic.consume` to the end of the channel: one session, which has taken `fence`.

    It calls `on_end` when it has ended.
    """

    def __init__(
        self,
        connection: Connection,
        fence: Fence,
        on_end: Callable[["Partition", BaseException], None],
    ) -> None:
        self.fence = fence
        self.number = fence.partition
        self.queue = wire.readings_queue(self.number)
        self.overflow = wire.overflow_queue(self.number)
        self.in_flight: Share | None = None
        #: What is done, but for the readings of it that are on their way to the overflow.
        self._moving: Share | None = None
        #: Whether what is in flight was handed out ahead of others that came before, because of those.
        self._is_ahead = False
        #: How many readings were acknowledged in this session.
        self.acknowledged = 0
        self._proof: Proof | None = None
        self._given_back: float = float("inf")
        self._count_header = _DELIVERY_COUNT
        #: The last probe that was delivered and may not be acknowledged yet: acknowledging goes in order.
        self._probe_tag = 0
        self._on_end = on_end
        #: What has arrived and is not handed out: from the partition's own queue, and from the overflow.
        self._waiting = deque[Reading]()
        self._waiting_back = deque[Reading]()
        #: Whether a reading or a probe has come from the partition's own queue.
        self._is_served = False
        self._flood = FloodWatch()
        self._flooding: str | None = None
        self._takings = LastTakens()
        self._ages = QueueAges(self.number)
        self._release_by: float | None = None
        #: Whether it has ended in order: with nothing in flight, and nothing on its way to the overflow.
        self._released = False
        self._ended = Event()
        self._channel: Channel = connection.channel(on_open_callback=self._on_open)
        self._channel.add_on_close_callback(self._on_close)

    # What the consumer does with it.

    @property
    def ready(self) -> bool:
        """Whether there is something to be handed out."""
        if self.in_flight is not None or self._release_by is not None:
            return False
        own = bool(self._waiting) and self._moving is None
        return own or (self._is_served and bool(self._waiting_back))

    @property
    def waiting(self) -> int:
        """How many readings have arrived and are not handed out."""
        return len(self._waiting) + len(self._waiting_back)

    def _begun(self) -> list[Reading]:
        """The readings that were handed out and are not acknowledged."""
        return [reading for share in (self._moving, self.in_flight) if share for reading in share.readings]

    def _held(self) -> Iterator[Reading]:
        """The readings that the broker has handed to this session and that are not acknowledged."""
        return chain(self._begun(), self._waiting, self._waiting_back)

    def holding(self) -> Holding:
        """What there is to say of it to others."""
        begun, oldest, now = self._begun(), next(self._held(), None), monotonic()
        taken, overflow = self._takings.queue, self._takings.overflow
        return Holding(
            partition=self.number,
            held=len(begun) + self.waiting,
            settled=self.acknowledged,
            in_flight=len(begun),
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
        while len(taken) < readings and size > 0 and (queue := self._next()):
            reading = queue.popleft()
            taken.append(reading)
            size -= len(reading.body)
        self._takings.note(taken)
        self._is_ahead = self._moving is not None
        if not self._is_ahead:
            self._watch(taken)
        self.in_flight = Share(self, taken)
        return self.in_flight

    def _next(self) -> deque[Reading]:
        """The queue of those that wait from which one is to be taken: that of the first one to arrive."""
        own, back = self._waiting, self._waiting_back
        if self._moving is not None or not own:
            return back
        return back if back and back[0].tag < own[0].tag else own

    def _watch(self, taken: list[Reading]) -> None:
        """Have the readings that a batch takes moved, if their machine floods."""
        waiting = [*self._waiting, *self._waiting_back] if self._waiting_back else self._waiting
        flooding = self._flood.flooding(taken, waiting, monotonic())
        if flooding != self._flooding:
            self._flooding = flooding
            if flooding is not None:
                _logger.warning(
                    "machine %s floods %s; moving its readings to %s",
                    flooding,
                    self.queue,
                    self.overflow,
                    extra={"machine": flooding},
                )
        if flooding is not None:
            for reading in taken:
                reading.move = reading.machine == flooding and reading.place is None

    def settle(self) -> None:
        """Acknowledge what is in flight; of a batch with moved readings, only what came from the overflow."""
        assert self.in_flight is not None
        share, self.in_flight = self.in_flight, None
        if share.moved is None and not self._is_ahead:
            self._acknowledge(share.readings)
        else:
            for reading in share.readings:
                if reading.is_back:
                    self._acknowledge_one(reading)
            if share.moved is not None:
                self._moving = Share(self, [reading for reading in share.readings if not reading.is_back])
        self._finish()

    def settle_moved(self) -> None:
        """Acknowledge what has waited for its readings to get into the overflow."""
        assert self._moving is not None
        share, self._moving = self._moving, None
        self._acknowledge(share.readings)
        self._finish()

    def _acknowledge(self, readings: list[Reading]) -> None:
        """Acknowledge these and all that came before; if nothing else is held, the last probe as well."""
        self.acknowledged += len(readings)
        if self._ended.is_set() or self._proof is None:
            return
        self._proof.acknowledge(max(reading.delivery for reading in readings))
        tag = readings[-1].tag
        self._channel.basic_ack(tag if self._holds_any else max(tag, self._probe_tag), multiple=True)

    def _acknowledge_one(self, reading: Reading) -> None:
        self.acknowledged += 1
        if not self._ended.is_set():
            self._channel.basic_ack(reading.tag)

    @property
    def _holds_any(self) -> bool:
        """Whether it holds a reading that is not acknowledged."""
        return next(self._held(), None) is not None

    def tick(self) -> None:
        """Now and then: prove what is settled, and find out whether the broker hands us the partition."""
        if self._proof is None or self._ended.is_set():
            return
        if (self._waiting_back and not self._is_served) or not self._proof.complete:
            self._proof.publish()
        self._ages.refresh(self._channel, self._held())
        self._finish()

    def release(self) -> None:
        """Take nothing more, and end the session once what is in flight is settled, and that is proven."""
        if self._release_by is None:
            self._release_by = monotonic() + _PROOF_SECONDS
            self._finish()

    def _finish(self) -> None:
        """End a released session, or do the next thing that it takes to prove how far it is settled."""
        if self._release_by is None or self.in_flight is not None or self._ended.is_set():
            return
        is_proven = self._proof is None or self._proof.complete
        if (is_proven and self._moving is None) or monotonic() > self._release_by:
            self._released = self._moving is None
            self.end()
        elif self._proof is not None and not is_proven:
            self._proof.publish(seconds=0)

    def end(self) -> None:
        """End the session now: the broker gives what is not acknowledged to the next one."""
        self._ended.set()
        close_at_once(self._channel)

    # What the broker says.

    def _on_open(self, channel: Channel) -> None:
        if self._ended.is_set():
            close_at_once(channel)
            return
        channel.add_on_cancel_callback(lambda _: self.end())
        self._count_header = _count_header(channel.connection.server_properties or {})
        self._proof = Proof(channel, self.queue, self.fence.session, self._finish)
        channel.basic_qos(prefetch_count=wire.PREFETCH)
        channel.basic_consume(self.queue, self._on_reading)
        channel.basic_qos(prefetch_count=wire.OVERFLOW_PREFETCH)
        channel.basic_consume(self.overflow, self._on_overflow)

    def _on_reading(self, _channel: object, method: Any, properties: Any, body: bytes) -> None:
        if self._ended.is_set() or self._is_given_back(method, properties):
            return
        assert self._proof is not None
        self._ages.queue.delivered += 1
        delivery = self._proof.deliver()
        self._is_served = True
        if wire.is_probe(method, properties, self.queue):
            self._proof.come_back(properties.message_id)
            self._probe_tag = method.delivery_tag
            if not self._holds_any:
                self._channel.basic_ack(self._probe_tag, multiple=True)
        else:
            reading = _reading(method, properties, body)
            reading.delivery = delivery
            self._waiting.append(reading)
        self._finish()

    def _is_given_back(self, method: Any, properties: Any) -> bool:
        """Whether the queue has taken back what this session held. Then the session is ended."""
        count = self._times_given_back(properties) if method.redelivered else 0
        if count > self._given_back:
            _logger.warning("%s took readings back from its session; ending the session", self.queue)
            self.end()
            return True
        self._given_back = count
        return False

    def _times_given_back(self, properties: Any) -> int:
        """How often the broker has given back a message that it calls redelivered."""
        count = (properties.headers or {}).get(self._count_header)
        return int(count) if isinstance(count, int) else 1

    def _on_overflow(self, _channel: object, method: Any, properties: Any, body: bytes) -> None:
        if self._ended.is_set():
            return
        self._ages.overflow.delivered += 1
        reading = reading_back(_reading(method, properties, body), properties.headers)
        self._waiting_back.append(reading)

    def _on_close(self, _channel: object, reason: BaseException) -> None:
        self._ended.set()
        self._waiting.clear()
        self._waiting_back.clear()
        self._on_end(self, reason)

    # What worker threads ask (`reading.Session`).

    def lost(self) -> bool:
        """Whether this session is known to have ended."""
        return self._ended.is_set()

    @property
    def settled(self) -> Settled:
        """What the broker has proven to be settled."""
        if self._proof is None:
            return Settled(complete=True)  # it was given nothing
        return Settled(self._proof.settled, complete=self._released and self._proof.complete)


def _count_header(server_properties: dict[str, Any]) -> str:
    """The header in which a broker counts how often it gave a message back.

    Only that one may be believed: a device may write the other one into its readings.
    """
    version = re.match(r"(\d+)\.(\d+)", str(server_properties.get("version", "")))
    is_new = version is not None and (int(version[1]), int(version[2])) >= (4, 3)
    return _ACQUIRED_COUNT if is_new else _DELIVERY_COUNT


def _reading(method: Any, properties: Any, body: bytes) -> Reading:
    key = wire.text_of(method.routing_key)
    return Reading(
        machine=wire.machine_of(key),
        key=key,
        body=body,
        tag=method.delivery_tag,
        redelivered=method.redelivered,
        message_id=properties.message_id and wire.text_of(properties.message_id),
        content_type=properties.content_type and wire.text_of(properties.content_type),
        claim=claim_of(properties.headers),
        sent=sent_at_of(properties.headers),
        traceparent=tracing.traceparent_of(properties.headers),
        arrived=monotonic(),
    )
