"""One partition, as a worker holds it: the channel that delivers its readings, and its readings in flight.

How it keeps the order, and how the size of a batch adapts:

- The queue has a single active consumer, so the broker delivers to one worker at a time. The broker does not
  decide which session may write. The fence does, and the session took it before it started
  (`pipeline.store.sessions`).
- A batch takes all readings that have arrived, up to a limit. At low load, a reading waits for no other.
  Under load, the batch grows while the previous one is processed.
- The worker moves the readings of a machine that floods to the overflow queue (`pipeline.worker.flood`), and
  consumes that queue on the same channel, a few readings at a time. Readings from the overflow and from the
  partition's own queue are handed out in the order in which they arrived. Each queue chooses its active
  consumer by itself. So readings from the overflow are held back until a reading of the partition's own queue
  has arrived. If that queue has none, the session publishes a probe, which stands in for a reading.
- The partition hands out no readings until the last ones were acknowledged, all at once. So no lock is
  needed. If a batch fails, it is not acknowledged: the session gives up the partition, and the broker
  redelivers its readings, in order and before all others, to the next session.
- There is one exception: a full overflow accepts no readings until some of it is processed. So while readings
  are on their way to the overflow, only readings from the overflow are handed out. Earlier readings from the
  partition's own queue are acknowledged once the moved readings have arrived there.
- A queue can also take readings back and redeliver them to the same session under new tags: when the link
  between two brokers was cut and is restored. The broker counts how often it returned each reading, and
  redelivers the first readings first. So the counts of a session's deliveries never rise unless this has
  happened. If they rise, the session ends, and the next session recognises the readings by their marks.
- Machines whose timers are due are handed out as if a reading had arrived, behind the readings that have
  (`pipeline.worker.due_timers`). They wait until a probe has come back that was published after they were
  due: so no earlier reading can follow.
- A released session ends once it is proven how far it is settled (`pipeline.worker.proof`). So its successor
  recognises redelivered readings exactly, even readings with equal bytes.

Threads: everything runs on the consumer's thread, except `lost`, which worker threads call. They also read
`moving` and `settled`.
"""

import logging
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from threading import Event
from time import monotonic
from typing import Any, Final

from pika.channel import Channel

from pipeline import wire
from pipeline.broker.connection import Connection, close_at_once
from pipeline.broker.overflow import restored
from pipeline.broker.sent_at import sent_at_of
from pipeline.clock import milliseconds_now
from pipeline.model.claim import claim_of
from pipeline.model.reading import Reading
from pipeline.model.received import received_at
from pipeline.model.session import Fence, Settled
from pipeline.model.topic_source import SourceInUse
from pipeline.store.workers import Holding
from pipeline.telemetry import tracing
from pipeline.worker.batch import Share
from pipeline.worker.due_timers import DueTimers
from pipeline.worker.flood import FloodWatch
from pipeline.worker.proof import Proof
from pipeline.worker.queue_age import LastTakens, QueueAges

#: The headers in which RabbitMQ says how often a message was returned: the first one up to 4.2, the second
#: since 4.3, where the first one counts only failures (`rabbit_fifo_client:add_delivery_count_header/2`).
_DELIVERY_COUNT: Final = "x-delivery-count"
_ACQUIRED_COUNT: Final = "x-acquired-count"

#: Seconds between two probes while timers wait for one.
_CLEAR_SECONDS: Final = 0.1

#: Seconds that a released session waits for the proof of how far it is settled.
_PROOF_SECONDS: Final = 5.0

#: RabbitMQ 4.3 takes back readings that are not acknowledged in time, but not those behind them, so their
#: order changes (`rabbit_fifo`, `evaluate_consumer_timeout`, v4.3.5). The default is 30 minutes; this is a
#: week, in milliseconds. Older versions ignore the argument. They close the channel, which ends the session.
_CONSUMER_ARGUMENTS: Final = {"x-consumer-timeout": 7 * 24 * 3600 * 1000}

_logger = logging.getLogger(__name__)


class Partition:
    """One session of a partition, from `basic.consume` to the end of the channel. It has taken `fence`.

    It calls `on_end` when it has ended.
    """

    def __init__(
        self,
        connection: Connection,
        fence: Fence,
        on_end: Callable[["Partition", BaseException], None],
        source: SourceInUse | None = None,
    ) -> None:
        self.fence = fence
        self.source = source
        self.refused: dict[int, tuple[str, bytes]] = {}
        self.number = fence.partition
        self.queue = wire.readings_queue(self.number)
        self.overflow = wire.overflow_queue(self.number)
        self.in_flight: Share | None = None
        #: The finished share whose moved readings are still on their way to the overflow.
        self._moving: Share | None = None
        #: Whether the readings in flight were handed out before earlier ones, because of `_moving`.
        self._is_ahead = False
        #: Number of readings acknowledged in this session.
        self.acknowledged = 0
        self._proof: Proof | None = None
        self._given_back: float = float("inf")
        self._count_header = _DELIVERY_COUNT
        #: The last delivered probe that is not acknowledged yet, because acknowledgements go in order.
        self._probe_tag = 0
        self._on_end = on_end
        #: Readings that have arrived and are not handed out: from the partition's own queue, and from the
        #: overflow.
        self._waiting = deque[Reading]()
        self._waiting_overflow = deque[Reading]()
        #: Whether a reading or a probe has arrived from the partition's own queue.
        self._is_served = False
        #: Whether a reading has arrived that no session received before, or a probe of this session. Then all
        #: readings that earlier sessions received and did not settle have arrived before.
        self._is_past_earlier = False
        #: Whether the session was caught up when it ended.
        self.was_caught_up = False
        self._flood = FloodWatch()
        self._flooding: str | None = None
        self._timers = DueTimers()
        self._last_takens = LastTakens()
        self._ages = QueueAges(self.number)
        self._release_by: float | None = None
        #: Whether the session ended cleanly: with no readings in flight or on their way to the overflow.
        self._released = False
        self._ended = Event()
        self._channel: Channel = connection.channel(on_open_callback=self._on_open)
        self._channel.add_on_close_callback(self._on_close)

    # The consumer calls these methods.

    @property
    def has_readings(self) -> bool:
        """Whether there are readings to hand out."""
        if self.in_flight is not None or self._release_by is not None:
            return False
        own = bool(self._waiting) and self._moving is None
        return own or (self._is_served and bool(self._waiting_overflow))

    @property
    def has_timers(self) -> bool:
        """Whether there are machines to hand out whose timers are due."""
        may_hand_out = self.in_flight is None and self._release_by is None and self._moving is None
        return may_hand_out and self._timers.ready

    @property
    def waiting(self) -> int:
        """The number of readings that have arrived and are not handed out."""
        return len(self._waiting) + len(self._waiting_overflow)

    def _begun(self) -> list[Reading]:
        """The readings that were handed out and are not acknowledged."""
        return [reading for share in (self._moving, self.in_flight) if share for reading in share.readings]

    def _held(self) -> Iterator[Reading]:
        """Yield the readings that the broker delivered to this session and that are not acknowledged."""
        return chain(self._begun(), self._waiting, self._waiting_overflow)

    def holding(self) -> Holding:
        """Return the state of this partition for the worker's report."""
        begun, oldest, now = self._begun(), next(self._held(), None), monotonic()
        taken, overflow = self._last_takens.queue, self._last_takens.overflow
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

    def take(self, readings: int, size: int, timers: int = 0) -> Share:
        """Hand out arrived readings: at most `readings`, and none after `size` bytes are full.

        With them, hand out at most `timers` machines whose timers are due.
        """
        taken = list[Reading]()
        while len(taken) < readings and size > 0 and (queue := self._next()):
            reading = queue.popleft()
            taken.append(reading)
            size -= len(reading.body)
        self._last_takens.note(taken)
        self._is_ahead = self._moving is not None
        self.in_flight = Share(self, taken)
        if not self._is_ahead:
            self._watch(taken)
            self._timers.clear_up_to(self._waiting[0].tag if self._waiting else None)
            self.in_flight.due = self._timers.take(timers)
            self.in_flight.until = self._timers.cleared
        return self.in_flight

    def _next(self) -> deque[Reading]:
        """Return the queue of waiting readings to take from: the one whose first reading arrived first."""
        own, overflow = self._waiting, self._waiting_overflow
        if self._moving is not None or not own:
            return overflow
        return overflow if overflow and overflow[0].tag < own[0].tag else own

    def _watch(self, taken: list[Reading]) -> None:
        """Mark the readings of a batch as moved if their machine floods."""
        waiting = [*self._waiting, *self._waiting_overflow] if self._waiting_overflow else self._waiting
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
        """Acknowledge the share in flight.

        If it has moved readings, acknowledge only the readings that came from the overflow.
        """
        assert self.in_flight is not None
        share, self.in_flight = self.in_flight, None
        if share.moved is None and not self._is_ahead:
            if share.readings:
                self._acknowledge(share.readings)
        else:
            for reading in share.readings:
                if reading.from_overflow:
                    self._acknowledge_one(reading)
            if share.moved is not None:
                self._moving = Share(
                    self, [reading for reading in share.readings if not reading.from_overflow]
                )
        self._acknowledge_probe()
        self._finish()

    def settle_moved(self) -> None:
        """Acknowledge the readings that waited for moved readings to arrive in the overflow."""
        assert self._moving is not None
        share, self._moving = self._moving, None
        self._acknowledge(share.readings)
        self._acknowledge_probe()
        self._finish()

    def _acknowledge(self, readings: list[Reading]) -> None:
        """Acknowledge these readings and all earlier ones."""
        self.acknowledged += len(readings)
        if self._ended.is_set() or self._proof is None:
            return
        self._proof.acknowledge(max(reading.delivery for reading in readings))
        tag = readings[-1].tag
        self._channel.basic_ack(tag, multiple=True)
        if self._probe_tag < tag:
            self._probe_tag = 0

    def _acknowledge_one(self, reading: Reading) -> None:
        self.acknowledged += 1
        if not self._ended.is_set():
            self._channel.basic_ack(reading.tag)

    def _acknowledge_probe(self) -> None:
        """Acknowledge the last probe, unless the session holds an unacknowledged reading."""
        if self._probe_tag and next(self._held(), None) is None and not self._ended.is_set():
            self._channel.basic_ack(self._probe_tag, multiple=True)
            self._probe_tag = 0

    def tick(self) -> None:
        """Do the periodic work of the session.

        Publish probes, and check whether the broker delivers the partition to this session.
        """
        if self._proof is None or self._ended.is_set():
            return
        if (self._waiting_overflow and not self._is_served) or not self._proof.complete:
            self._proof.publish()
        self._ages.refresh(self._channel, self._held())
        self._clear()
        self._finish()

    # Timers.

    @property
    def timers_wanted(self) -> int:
        """How many machines with timers that are due the session can take note of, with those it knows."""
        if self._proof is None or self._release_by is not None or self._ended.is_set():
            return 0
        return self._timers.wanted

    def wake(self, due: Mapping[str, int]) -> None:
        """Take note of machines with timers that are due, each with the time of the first one."""
        self._timers.note(due)
        self._clear()

    def rested(self, machines: Iterable[str]) -> None:
        """Note that the index of timers no longer names these machines, or will name them again."""
        self._timers.forget(machines)

    def _clear(self) -> None:
        """Publish a probe if timers wait for it: it proves that no earlier reading can follow."""
        if self._proof is not None and not self._ended.is_set():
            if not self._waiting:
                self._timers.clear_up_to(None)
            if self._timers.needs_probe:
                self._proof.publish(seconds=_CLEAR_SECONDS)

    @property
    def is_caught_up(self) -> bool:
        """Whether no reading waits that an earlier session received and may have processed."""
        return self._is_past_earlier and not any(reading.redelivered for reading in self._waiting)

    def use(self, source: SourceInUse) -> None:
        """End the session if its source has changed, so that the next one uses the new rules.

        First it processes the readings of earlier sessions by the rules of these
        (`pipeline.store.topic_sources`).
        """
        if source == self.source or self._proof is None:
            return
        if self.is_caught_up:
            self.release()
        else:
            self._proof.publish()

    def release(self) -> None:
        """Take no more readings, and end the session when those in flight are settled and this is proven."""
        if self._release_by is None:
            self._release_by = monotonic() + _PROOF_SECONDS
            self._finish()

    def _finish(self) -> None:
        """End a released session, or take the next step to prove how far it is settled."""
        if self._release_by is None or self.in_flight is not None or self._ended.is_set():
            return
        is_proven = self._proof is None or self._proof.complete
        if (is_proven and self._moving is None) or monotonic() > self._release_by:
            self._released = self._moving is None
            self.end()
        elif self._proof is not None and not is_proven:
            self._proof.publish(seconds=0)

    def end(self) -> None:
        """End the session now. The broker redelivers the unacknowledged readings to the next session."""
        self._ended.set()
        close_at_once(self._channel)

    # The broker calls these methods.

    def _on_open(self, channel: Channel) -> None:
        if self._ended.is_set():
            close_at_once(channel)
            return
        channel.add_on_cancel_callback(lambda _: self.end())
        self._count_header = _count_header(channel.connection.server_properties or {})
        self._proof = Proof(channel, self.queue, self.fence.session, self._finish)
        channel.basic_qos(prefetch_count=wire.PREFETCH)
        channel.basic_consume(self.queue, self._on_reading, arguments=_CONSUMER_ARGUMENTS)
        channel.basic_qos(prefetch_count=wire.OVERFLOW_PREFETCH)
        channel.basic_consume(self.overflow, self._on_overflow, arguments=_CONSUMER_ARGUMENTS)

    def _on_reading(self, _channel: object, method: Any, properties: Any, body: bytes) -> None:
        """Note a delivery. Every reading passes here, so the usual case makes few calls."""
        if self._ended.is_set() or (method.redelivered and self._is_given_back(properties)):
            return
        assert self._proof is not None
        if not method.redelivered:
            self._given_back = 0
            self._is_past_earlier = True
        self._ages.queue.delivered += 1
        delivery = self._proof.deliver()
        self._is_served = True
        if properties.type is not None and wire.is_probe(method, properties, self.queue):
            if (published := self._proof.come_back(properties.message_id)) is not None:
                self._timers.note_probe(method.delivery_tag, published)
                self._clear()
            self._probe_tag = method.delivery_tag
            self._acknowledge_probe()
        else:
            reading = _reading(method, properties, body, self.source)
            reading.delivery = delivery
            self._waiting.append(reading)
        if self._release_by is not None:
            self._finish()

    def _is_given_back(self, properties: Any) -> bool:
        """End the session and return True if the queue has taken back readings that this session held."""
        count = self._times_given_back(properties)
        if count > self._given_back:
            _logger.warning("%s took readings back from its session; ending the session", self.queue)
            self.end()
            return True
        self._given_back = count
        return False

    def _times_given_back(self, properties: Any) -> int:
        """Return how often the broker has returned a message that it marks as redelivered."""
        count = (properties.headers or {}).get(self._count_header)
        return int(count) if isinstance(count, int) else 1

    def _on_overflow(self, _channel: object, method: Any, properties: Any, body: bytes) -> None:
        if self._ended.is_set():
            return
        self._ages.overflow.delivered += 1
        reading = restored(_reading(method, properties, body, None), properties.headers)
        self._waiting_overflow.append(reading)

    def _on_close(self, _channel: object, reason: BaseException) -> None:
        self._ended.set()
        self.was_caught_up = self.is_caught_up
        self._waiting.clear()
        self._waiting_overflow.clear()
        self._on_end(self, reason)

    # Worker threads call these (`pipeline.worker.batch.Session`).

    def lost(self) -> bool:
        """Return whether this session is known to have ended."""
        return self._ended.is_set()

    @property
    def moving(self) -> bool:
        """Whether readings of an earlier batch are still on their way to the overflow."""
        return self._moving is not None

    @property
    def settled(self) -> Settled:
        """How far the session is proven to be settled."""
        if self._proof is None:
            # The broker delivered nothing to it, and nothing will come once it has ended.
            return Settled(complete=self._ended.is_set())
        return Settled(self._proof.settled, complete=self._released and self._proof.complete)


def _count_header(server_properties: dict[str, Any]) -> str:
    """Return the header in which a broker counts how often it returned a message.

    Trust only this header: a device may write the other one into its readings.
    """
    version = re.match(r"(\d+)\.(\d+)", str(server_properties.get("version", "")))
    is_new = version is not None and (int(version[1]), int(version[2])) >= (4, 3)
    return _ACQUIRED_COUNT if is_new else _DELIVERY_COUNT


def _reading(method: Any, properties: Any, body: bytes, source: SourceInUse | None) -> Reading:
    key, sent = wire.text_of(method.routing_key), sent_at_of(properties.headers)
    machine = wire.machine_of(key) if source is None else source.rules.machine_of(key)
    if source is not None and not method.exchange:
        # It was sent again to this queue by its name (`pipeline.dead_letters.redrive`).
        machine = wire.machine_sent_to(properties.headers)
        key = wire.key_sent_with(properties.headers) or (wire.data_key(machine) if machine else key)
    return Reading(
        machine=machine,
        key=key,
        body=body,
        tag=method.delivery_tag,
        redelivered=method.redelivered,
        message_id=properties.message_id and wire.text_of(properties.message_id),
        content_type=properties.content_type and wire.text_of(properties.content_type),
        claim=claim_of(properties.headers),
        sent=sent,
        traceparent=tracing.traceparent_of(properties.headers),
        arrived=monotonic(),
        received=received_at(sent, milliseconds_now()),
    )
