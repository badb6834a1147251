"""The collector of dead letters: takes them from their queue, keeps them in Redis, and acknowledges.

A redelivered letter is kept once, so nothing is lost if the collector is killed, and any number of collectors
may run. When the maximum number of letters is kept, the collector takes no more, and the rest wait in the
queue, on disk. When the queue is full too, workers cannot publish a dead letter, and its partition waits.

RabbitMQ makes the letter of a reading that expired, and may make it twice (`pipeline.broker.expiry`):

- A letter that exists is not kept again, unless it is delivered for the first time and expired in the same
  second as the one that is kept. Then two equal readings expired, and both are kept. A repeat comes later,
  because RabbitMQ restarts or chooses another leader before it. The limits: if a collector was killed before
  it acknowledged, equal letters that expired in the same second may be taken for each other. And equal
  readings with the same `message_id` or the same time become one letter if they expire in different seconds.
- A reading that was sent again and expires on its way needs no second letter. Its first letter still exists
  or was used up.

Messages with an unknown topic (`pipeline.broker.unknown_topic`) have a queue and a collector of their own,
and a tenth of the places. A device with a wrong topic can send any number of them, and must not hold up a
partition. When their queue is full, RabbitMQ refuses more.
"""

import logging
from collections.abc import Iterator
from threading import Event, Thread
from time import monotonic
from typing import Any, ClassVar, Final

import pika
import pika.exceptions
from pika.adapters.blocking_connection import BlockingChannel

from pipeline import wire
from pipeline.broker import topology
from pipeline.broker.connection import close_at_once, connect, reason_of
from pipeline.broker.dead_letter import letter_of
from pipeline.broker.expiry import expiry_of, is_identified
from pipeline.broker.unknown_topic import unknown_topic_letter
from pipeline.errors import TopologyError
from pipeline.model.claim import claim_of
from pipeline.model.dead_letter import EXPIRED, UNKNOWN_TOPIC, Letter, another
from pipeline.model.topic_source import IdRules
from pipeline.settings import Settings
from pipeline.store.client import RedisError
from pipeline.store.dead_letters import LetterStore
from pipeline.store.topic_sources import SourceList, TopicSources

#: Maximum letters that are kept in one round trip, and so are in memory, and their maximum bytes.
_LETTERS: Final = 200
_BYTES: Final = 4 * 1024**2

#: Seconds to wait for a letter, for room, and for RabbitMQ or Redis to come back.
_IDLE_SECONDS: Final = 0.25
_RECONNECT_SECONDS: Final = 0.5

#: Seconds between two checks that all counted letters exist, while there is no room.
_SWEEP_SECONDS: Final = 60

#: The errors if RabbitMQ or Redis is unavailable. pika asserts if a lost connection is used.
_GONE = (AssertionError, OSError, pika.exceptions.AMQPError, TopologyError, RedisError)

_logger = logging.getLogger(__name__)


class DeadLetterCollector:
    """A thread with its own connection, from `start` to `close`.

    `waiting` is the number of letters in the queue, or None if unknown.
    """

    _queue: ClassVar = wire.DEAD_LETTERS_QUEUE

    def __init__(self, settings: Settings, letters: LetterStore, sources: TopicSources) -> None:
        self.waiting: int | None = None
        self._sources, self._known = sources, SourceList()
        self._rules: dict[int, IdRules] = {}
        self._settings = settings
        self._letters = letters
        self._swept = float("-inf")
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="collector", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Finish the letters already taken, and close the connection."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                topology.ensure(self._settings)
                with connect(self._settings.amqp_url) as connection:
                    self._serve(connection)
            except _GONE as e:
                self.waiting = None
                _logger.warning("dead letters cannot be stored and wait in RabbitMQ: %s", reason_of(e))
                self._stopping.wait(_RECONNECT_SECONDS)

    def _serve(self, connection: pika.BlockingConnection) -> None:
        """Keep letters until the collector must stop. Unacknowledged letters then return to the queue."""
        channel = _channel(connection)
        deliveries: Iterator[Any] | None = None
        while not self._stopping.is_set():
            room = self._room()
            if room > 0:
                deliveries = deliveries or channel.consume(self._queue, inactivity_timeout=_IDLE_SECONDS)
                self._take(channel, deliveries, min(room, _LETTERS))
            else:
                if deliveries is not None:
                    # Prefetched letters return to the queue, in order. A cancel would return them one by one.
                    close_at_once(channel._impl)
                    channel, deliveries = _channel(connection), None
                channel.connection.process_data_events(time_limit=_IDLE_SECONDS)
            # RabbitMQ ends the connection if this node is cut off from the others.
            channel.basic_get(wire.HEALTH_CHECK_QUEUE, auto_ack=True)
            queue = channel.queue_declare(self._queue, passive=True)
            self.waiting = queue.method.message_count

    def _take(self, channel: BlockingChannel, deliveries: Iterator[Any], most: int) -> None:
        """Keep the letters that have arrived, at most `most`, and acknowledge them."""
        letters, size, tag = list[tuple[Letter, bytes]](), 0, 0
        origins = list[tuple[Any, pika.BasicProperties]]()
        for method, properties, body in deliveries:
            if method is None:
                break
            if not tag:
                self._read_sources()
            letter = self._letter_of(method.routing_key, properties, body)
            if not self._is_claimed(letter, properties, body):
                letters.append((letter, body))
                origins.append((method, properties))
            tag, size = method.delivery_tag, size + len(body)
            if len(letters) >= most or size >= _BYTES or not channel.get_waiting_message_count():
                break
        else:
            raise pika.exceptions.ConsumerCancelled("RabbitMQ cancelled the consumer of dead letters")
        if tag:
            new = self._letters.keep(letters)
            for (letter, body), is_new, origin in zip(letters, new, origins, strict=True):
                if not is_new and self._is_another(letter, *origin):
                    self._letters.keep([(another(letter), body)])
            channel.basic_ack(tag, multiple=True)

    def _read_sources(self) -> None:
        """Read the rules by which the topics of expired readings name machines."""
        known = self._sources.newer(self._known)
        if known is not self._known:
            self._known = known
            self._rules = {number: each.in_use.rules for number, each in known.partitions.items()}

    def _letter_of(self, key: str, properties: pika.BasicProperties, body: bytes) -> Letter:
        return letter_of(key, properties, body, self._rules)

    def _is_another(self, letter: Letter, method: Any, properties: pika.BasicProperties) -> bool:
        """Return whether this is an expired reading and not a repeat of an equal one with the same name.

        It is, if RabbitMQ delivers it for the first time, and nothing in it would identify a repeat or both
        expired in the same second.
        """
        expiry = expiry_of(wire.text_of(method.routing_key), properties.headers or {}, self._rules)
        if method.redelivered or expiry is None or expiry.place:
            return False
        kept = self._letters.get(letter.machine, letter.name)
        return not is_identified(expiry, properties) or (kept is not None and kept.letter.time == letter.time)

    def _is_claimed(self, letter: Letter, properties: pika.BasicProperties, body: bytes) -> bool:
        """Return whether this expired reading was itself sent again from a letter."""
        claim = claim_of(properties.headers) if letter.kind == EXPIRED else None
        return claim is not None and claim.holds(self._letters.secret(), letter.machine, body)

    def _room(self) -> int:
        """Return how many more letters may be kept."""
        room = self._settings.dead_letters_max - self._letters.count()
        if room <= 0 and monotonic() - self._swept > _SWEEP_SECONDS:
            self._letters.sweep()
            self._swept = monotonic()
            room = self._settings.dead_letters_max - self._letters.count()
        return room


class UnknownTopicCollector(DeadLetterCollector):
    """Stores the messages below `machines/` whose topic is none of readings."""

    _queue: ClassVar = wire.UNKNOWN_TOPICS_QUEUE

    def _letter_of(self, key: str, properties: pika.BasicProperties, body: bytes) -> Letter:
        return unknown_topic_letter(key, properties, body)

    def _is_another(self, letter: Letter, method: Any, properties: pika.BasicProperties) -> bool:  # noqa: ARG002
        """Return whether this is an equal message, and not one that comes back after a crash."""
        return not method.redelivered

    def _room(self) -> int:
        share = max(self._settings.dead_letters_max // 10, 1)
        return min(super()._room(), share - self._letters.count_kinds().get(UNKNOWN_TOPIC, 0))


def _channel(connection: pika.BlockingConnection) -> BlockingChannel:
    channel = connection.channel()
    channel.basic_qos(prefetch_count=_LETTERS)
    return channel
