"""A reading on its way through an overflow queue: how it is published there, and read off it again.

Queues are published to by their name there, so the machine is said in a header, and so is the reading's
place in the machine's line. What has neither was put there by somebody else.
"""

from typing import Any

import pika

from pipeline import wire
from pipeline.broker import topology
from pipeline.broker.publisher import PERSISTENT, Message
from pipeline.model.reading import Reading
from pipeline.model.record import Outgoing
from pipeline.wire import CLAIM_HEADER


def move_message(queue: str, machine_id: str, outgoing: Outgoing) -> Message:
    """The message that moves a reading into the overflow queue `queue`."""
    assert outgoing.move is not None
    headers: dict[str, Any] = {
        wire.MACHINE_HEADER: machine_id,
        wire.PLACE_HEADER: outgoing.move.place,
    }
    if outgoing.move.attempt:
        headers[wire.ATTEMPT_HEADER] = outgoing.move.attempt
    if outgoing.move.claim is not None:
        headers[CLAIM_HEADER] = outgoing.move.claim.header
    if outgoing.move.sent is not None:
        headers[wire.SENT_AT_HEADER] = outgoing.move.sent
    properties = pika.BasicProperties(
        message_id=outgoing.move.message_id,
        content_type=outgoing.move.content_type,
        delivery_mode=PERSISTENT,
        headers=headers,
    )
    return Message("", queue, outgoing.body, properties, mandatory=True)


def reading_back(reading: Reading, headers: dict[str, Any] | None) -> Reading:
    """The reading as it was before it was moved; of no machine where the headers do not say whose it is."""
    machine_id, place = topology.moved_from(headers or {})
    if machine_id is not None:
        reading.machine, reading.key, reading.place = machine_id, wire.data_key(machine_id), place
        attempt = (headers or {}).get(wire.ATTEMPT_HEADER)
        reading.attempt = int(attempt) if isinstance(attempt, int) else 0
    return reading
