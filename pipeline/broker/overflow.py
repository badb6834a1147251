"""A reading on its way through an overflow queue: publishing it there, and reading it back.

The routing key is the name of the queue, so headers carry the machine and the reading's place in the
machine's order. A message without these headers was published by somebody else.
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
    if outgoing.move.key is not None:
        headers[wire.KEY_HEADER] = outgoing.move.key
    if outgoing.move.sent is not None:
        headers[wire.SENT_AT_HEADER] = outgoing.move.sent
    properties = pika.BasicProperties(
        message_id=outgoing.move.message_id,
        content_type=outgoing.move.content_type,
        delivery_mode=PERSISTENT,
        headers=headers,
    )
    return Message("", queue, outgoing.body, properties, mandatory=True)


def restored(reading: Reading, headers: dict[str, Any] | None) -> Reading:
    """Return the reading as it was before the move; without a machine if the headers name none."""
    machine_id, place = topology.moved_from(headers or {})
    if machine_id is not None:
        reading.machine, reading.place = machine_id, place
        reading.key = wire.key_sent_with(headers) or wire.data_key(machine_id)
        attempt = (headers or {}).get(wire.ATTEMPT_HEADER)
        reading.attempt = int(attempt) if isinstance(attempt, int) else 0
    return reading
