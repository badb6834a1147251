"""Dead letters: readings that failed, with their bytes untouched and the cause in the headers.

The names of the headers are the fields of `Cause`; what has no value is left out. `machine` names the
machine, and the message keeps the device's `content_type`. A dead letter's own `message_id` is
`<machine>/<number>`: one that is there twice after a crash can be told by it.
"""

import pika
from msgspec.structs import asdict

from pipeline import topology
from pipeline.publisher import PERSISTENT, Message
from pipeline.reading import Reading
from pipeline.record import Cause, Outgoing
from sandbox.job import Failure, Outcome


def cause_of(
    reading: Reading,
    outcome: Outcome,
    time: str,
    number: int | None = None,
    logicversion: int | None = None,
) -> Cause:
    """The cause of a failed reading, with what is needed to send the reading again as it was."""
    failure = outcome.failure or Failure("")
    return Cause(
        kind=outcome.kind,
        message=failure.message,
        time=time,
        number=number,
        logicversion=logicversion,
        line=failure.line,
        text=failure.text,
        limit=failure.limit,
        message_id=reading.message_id,
        content_type=reading.content_type,
    )


def dead_letter_message(key: str, machine_id: str, outgoing: Outgoing) -> Message:
    """The message of a dead letter, for the exchange `dead-letters`."""
    assert outgoing.cause is not None
    headers = {name: value for name, value in asdict(outgoing.cause).items() if value not in (None, "")}
    content_type = headers.pop("content_type", None)
    headers["machine"] = machine_id
    return Message(
        topology.DEAD_LETTERS_EXCHANGE,
        key,
        outgoing.body,
        pika.BasicProperties(
            content_type=content_type,
            message_id=f"{machine_id}/{outgoing.id}" if outgoing.id else None,
            delivery_mode=PERSISTENT,
            headers=headers,
        ),
        mandatory=True,
    )
