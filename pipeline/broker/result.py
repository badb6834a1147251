"""Results as published: CloudEvents 1.0, structured mode, JSON (`application/cloudevents+json`).

Everything is in the body, because AMQP 0-9-1 and MQTT 3.1.1 have no headers in common.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec
import pika
from msgspec import UNSET, Meta, Struct, UnsetType

from pipeline import wire
from pipeline.broker.publisher import PERSISTENT, Message
from pipeline.model.deployment import Active
from pipeline.model.record import Outgoing
from pipeline.telemetry import tracing

#: The media type of a CloudEvent in structured mode (CloudEvents 1.0.2, JSON event format, section 3).
CONTENT_TYPE = "application/cloudevents+json"

#: The `type` of every result.
EVENT_TYPE = "iot-logic.result"


class CloudEvent(Struct, frozen=True):
    """The envelope of a result."""

    id: Annotated[
        str,
        Meta(
            pattern=r"^(timer-)?[1-9][0-9]*(\.[1-9][0-9]*)?$",
            description="The running number of the machine's reading, counted from 1 and never reused. A "
            "timer has a running number of its own, after timer-. If there are several results, a dot and "
            "the position of the result follow. Equal ids are repeats.",
            examples=["17", "17.1", "timer-3"],
        ),
    ]
    source: Annotated[
        str, Meta(pattern=f"^/machines/{wire.MACHINE_ID_PATTERN}$", examples=["/machines/furnace"])
    ]
    type: Annotated[str, Meta(extra_json_schema={"const": EVENT_TYPE})]
    time: Annotated[
        str,
        Meta(
            description="When the reading was processed (RFC 3339, UTC).",
            examples=["2026-11-23T08:15:30.123Z"],
            extra_json_schema={"format": "date-time"},
        ),
    ]
    subject: Annotated[
        str,
        Meta(pattern=f"^{wire.MACHINE_ID_PATTERN}$", description="The machine's id.", examples=["furnace"]),
    ]
    logicversion: Annotated[
        int,
        Meta(
            ge=1,
            description="The version of the logic, the machine's own or its profile's.",
            examples=[3],
        ),
    ]
    data: Annotated[
        msgspec.Raw,
        Meta(
            description="The JSON object that `process` or `on_timer` returned.",
            examples=[{"alarm": "too hot", "times": 2}],
            extra_json_schema={"type": "object"},
        ),
    ]
    logicprofile: (
        Annotated[
            str,
            Meta(
                pattern=f"^{wire.MACHINE_ID_PATTERN}$",
                description="The profile of the logic; missing if the logic is the machine's own.",
                examples=["pumps"],
            ),
        ]
        | UnsetType
    ) = UNSET
    traceparent: (
        Annotated[
            str,
            Meta(
                pattern=f"^{tracing.PATTERN}$",
                description="The trace of the batch that produced the result (W3C Trace Context); missing if "
                "tracing is off.",
                examples=["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
            ),
        ]
        | UnsetType
    ) = UNSET
    specversion: Annotated[str, Meta(extra_json_schema={"const": "1.0"})] = "1.0"
    datacontenttype: Annotated[str, Meta(extra_json_schema={"const": "application/json"})] = (
        "application/json"
    )


_encoder = msgspec.json.Encoder()


def encode_result(machine_id: str, event_id: str, time: str, active: Active, data: bytes) -> bytes:
    """Encode the CloudEvent with `data`, a JSON object that the logic `active` returned."""
    return _encoder.encode(
        CloudEvent(
            id=event_id,
            source=f"/machines/{machine_id}",
            type=EVENT_TYPE,
            time=time,
            subject=machine_id,
            logicversion=active.version,
            data=msgspec.Raw(data),
            logicprofile=active.profile or UNSET,
            traceparent=tracing.current() or UNSET,
        )
    )


def event_ids(name: str, results: Sequence[bytes]) -> list[str]:
    """Return the ids of the results of a reading: `17`, or `17.1`, `17.2`, … if several.

    Those of a timer are `timer-3`, or `timer-3.1`, `timer-3.2`, ….
    """
    if len(results) == 1:
        return [name]
    return [f"{name}.{place}" for place in range(1, len(results) + 1)]


def result_message(key: str, machine_id: str, outgoing: Outgoing) -> Message:
    """Return the message of a result, for the exchange `results`."""
    return Message(
        wire.RESULTS_EXCHANGE,
        key,
        outgoing.body,
        pika.BasicProperties(
            content_type=CONTENT_TYPE,
            message_id=f"{machine_id}/{outgoing.id}",
            delivery_mode=PERSISTENT,
        ),
    )
