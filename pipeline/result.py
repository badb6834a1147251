"""Results as they leave: CloudEvents 1.0, structured mode, JSON (`application/cloudevents+json`).

Everything is in the body, because AMQP 0-9-1 and MQTT 3.1.1 have no headers in common.
"""

from datetime import UTC, datetime

import msgspec
import pika
from msgspec import Struct

from pipeline import topology
from pipeline.publisher import PERSISTENT, Message
from pipeline.record import Outgoing

#: The media type of a CloudEvent in structured mode (CloudEvents 1.0.2, JSON event format, section 3).
CONTENT_TYPE = "application/cloudevents+json"

#: The `type` of every result.
EVENT_TYPE = "iot-logic.result"


class CloudEvent(Struct, frozen=True):
    """The envelope of a result. `data` is the JSON object that `process` returned."""

    id: str
    source: str
    type: str
    time: str
    subject: str
    logicversion: int
    data: msgspec.Raw
    specversion: str = "1.0"
    datacontenttype: str = "application/json"


_encoder = msgspec.json.Encoder()


def encode_result(machine_id: str, event_id: str, time: str, logicversion: int, data: bytes) -> bytes:
    """The CloudEvent that carries `data`, a JSON object."""
    return _encoder.encode(
        CloudEvent(
            id=event_id,
            source=f"/machines/{machine_id}",
            type=EVENT_TYPE,
            time=time,
            subject=machine_id,
            logicversion=logicversion,
            data=msgspec.Raw(data),
        )
    )


def event_ids(number: int, results: list[bytes]) -> list[str]:
    """The ids of what the machine's reading `number` returned: `17`, or of several `17.1`, `17.2`, …"""
    if len(results) == 1:
        return [str(number)]
    return [f"{number}.{place}" for place in range(1, len(results) + 1)]


def result_message(key: str, machine_id: str, outgoing: Outgoing) -> Message:
    """The message of a result, for the exchange `results`."""
    return Message(
        topology.RESULTS_EXCHANGE,
        key,
        outgoing.body,
        pika.BasicProperties(
            content_type=CONTENT_TYPE,
            message_id=f"{machine_id}/{outgoing.id}",
            delivery_mode=PERSISTENT,
        ),
    )


def now() -> str:
    """The time as results say it: RFC 3339, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
