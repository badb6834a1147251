"""A reading that expired in a partition's queue before a worker took it, dead-lettered by RabbitMQ.

A device gives a reading an expiry with AMQP's `expiration` or MQTT 5's message expiry interval. The
partitions' queues dead-letter at least once (`pipeline.broker.topology`): RabbitMQ forwards the message to
the exchange `dead-letters` with its original routing key, headers and bytes, and adds the header `x-death`.
It removes the message from the queue only when the dead letters' queue has confirmed it.

An expired reading was never run, so it has no running number. Its name is a hash of everything that
distinguishes it from another reading. So a message that RabbitMQ forwards twice, after a crash, has the same
name both times. Two equal readings without a place in the overflow, with the same `message_id` and time or
none, differ only in the second in which they expired; see `pipeline.dead_letters.collector`.

Before version 4, RabbitMQ appends to the header `x-death` that a device sent. So nothing in the header is
trusted: a value of an unexpected type or size counts as missing.

The limit: a worker that crashes after it has applied a reading and before it acknowledges it leaves the
reading in the queue. If the reading expires before another worker takes it, it is both applied and a dead
letter.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

import msgspec
import pika
from msgspec import Struct

from pipeline import wire
from pipeline.broker import topology
from pipeline.broker.sent_at import sent_at_of
from pipeline.clock import rfc3339
from pipeline.model.topic_source import IdRules

#: No partition belongs to a source.
NO_SOURCES: Final[Mapping[int, IdRules]] = {}

_QUEUE: Final = re.compile(topology.PARTITION_QUEUES_PATTERN)
#: RabbitMQ accepts no longer expiration.
_LIFETIME: Final = re.compile("[0-9]{1,12}")


class Expiry(Struct, frozen=True):
    """Where and when a reading expired.

    `machine` is None if the message names none. `lifetime` is the number of milliseconds after which it
    expired, or None if unknown. `place` is its place in the overflow, if it was there.
    """

    queue: str
    machine: str | None
    time: str | None
    lifetime: int | None
    place: int | None = None

    @property
    def message(self) -> str:
        """A sentence that says what happened and what to do."""
        after = "" if self.lifetime is None else f" after {self.lifetime / 1000:g} s"
        return (
            f"This reading expired{after} in the queue {self.queue}, before a worker took it. Send it again "
            "if it still matters. If this happens often, set a longer expiry on the device, or start more "
            "workers."
        )


def expiry_of(
    key: str, headers: Mapping[str, Any], sources: Mapping[int, IdRules] = NO_SOURCES
) -> Expiry | None:
    """Return the expiry in a dead letter's routing key and headers.

    Return None if the message did not expire in our queues. `sources` has the rules for ids of each partition
    that belongs to a source.
    """
    deaths = headers.get("x-death")
    death = deaths[0] if isinstance(deaths, list) and deaths else None
    if not isinstance(death, dict) or death.get("reason") != "expired":
        return None
    queue, time, lifetime = (death.get(name) for name in ("queue", "time", "original-expiration"))
    if not (isinstance(queue, str) and _QUEUE.fullmatch(queue)):
        return None
    rules = sources.get(int(queue.rpartition(".")[2]))
    machine, place = (wire.machine_of(key) if rules is None else rules.machine_of(key)), None
    if key == queue:
        # A reading in the overflow was published to its queue, and names its machine in a header. So does one
        # that was sent again to the queue of a source.
        machine, place = topology.moved_from(headers)
        if rules is not None and place is None:
            machine = wire.machine_sent_to(headers)
    return Expiry(
        queue=queue,
        machine=machine,
        time=rfc3339(time) if isinstance(time, datetime) else None,
        lifetime=int(lifetime) if isinstance(lifetime, str) and _LIFETIME.fullmatch(lifetime) else None,
        place=place,
    )


def is_identified(expiry: Expiry, properties: pika.BasicProperties) -> bool:
    """Return whether something other than the second in which it expired identifies this reading.

    A `message_id` and a time need not be unique: a device may repeat the first, and readings that come in the
    same millisecond share the second.
    """
    return bool(properties.message_id or expiry.place or sent_at_of(properties.headers))


def name_of(expiry: Expiry, properties: pika.BasicProperties, key: str, body: bytes) -> str:
    """Return the name of the expired reading's letter."""
    time = None if is_identified(expiry, properties) else expiry.time
    message_id = properties.message_id and wire.text_of(properties.message_id)
    identity = (key, message_id, expiry.place, sent_at_of(properties.headers), time, body)
    return f"expired-{blake2b(msgspec.msgpack.encode(identity), digest_size=16).hexdigest()}"
