"""Changes of alarms as published: CloudEvents 1.0, structured mode, JSON, like results.

`pipeline.model.alarm` describes the states and the changes.
"""

from typing import Annotated, Final, Self

import msgspec
import pika
from msgspec import UNSET, Meta, Struct, UnsetType

from pipeline import wire
from pipeline.broker.publisher import PERSISTENT, Message
from pipeline.broker.result import CONTENT_TYPE
from pipeline.clock import rfc3339
from pipeline.model.alarm import Acknowledgement, AlarmAction, AlarmChange, AlarmState, Shelving
from sandbox.job import ALARM_NAME_PATTERN, Severity

#: The `type` of every change of an alarm.
ALARM_EVENT_TYPE: Final = "iot-logic.alarm"

#: The subject of an alarm of the plant itself.
PLANT: Final = "plant"

_TIME: Final = Meta(
    description="RFC 3339, UTC.",
    examples=["2026-11-23T08:15:30.123Z"],
    extra_json_schema={"format": "date-time"},
)


class AcknowledgedBy(Struct, frozen=True):
    """Who has acknowledged an alarm."""

    who: str
    time: Annotated[str, _TIME]
    comment: str

    @classmethod
    def shown(cls, done: Acknowledgement) -> Self:
        """Return an acknowledgement as clients see it."""
        return cls(done.who, rfc3339(done.time / 1000), done.comment)


class ShelvedBy(Struct, frozen=True):
    """Who has shelved an alarm, and until when."""

    who: str
    time: Annotated[str, _TIME]
    until: Annotated[str, _TIME]
    comment: str

    @classmethod
    def shown(cls, done: Shelving) -> Self:
        """Return a shelving as clients see it."""
        return cls(done.who, rfc3339(done.time / 1000), rfc3339(done.until / 1000), done.comment)


class AlarmData(Struct, frozen=True):
    """The alarm after the change, and who or what changed it."""

    name: Annotated[str, Meta(pattern=f"^{ALARM_NAME_PATTERN}$", examples=["too-hot"])]
    action: Annotated[AlarmAction, Meta(description="What happened.", examples=["raised"])]
    state: Annotated[AlarmState, Meta(description="The state by ISA-18.2, also while the alarm is shelved.")]
    severity: Annotated[Severity, Meta(examples=["major"])]
    message: Annotated[str, Meta(max_length=500, examples=["The bearing is at 97 °C."])]
    details: Annotated[
        msgspec.Raw,
        Meta(
            description="The JSON object that the logic gave.",
            examples=[{"celsius": 97}],
            extra_json_schema={"type": "object"},
        ),
    ]
    raised: Annotated[str, _TIME]
    cleared: Annotated[
        Annotated[str, Meta(extra_json_schema={"format": "date-time"})] | None,
        Meta(description="When it was cleared (RFC 3339, UTC); null while it is active."),
    ]
    times: Annotated[
        int, Meta(ge=1, description="How often it was raised since it became active.", examples=[2])
    ]
    acknowledged: AcknowledgedBy | None
    shelved: ShelvedBy | None
    who: Annotated[str, Meta(description="Who made the change; empty if it was the logic.", examples=[""])]
    comment: Annotated[str, Meta(examples=[""])]
    cause: Annotated[
        str | None,
        Meta(
            description="The reading or timer that made the change, as in the ids of its results.",
            examples=["17"],
        ),
    ]


class AlarmEvent(Struct, frozen=True):
    """The envelope of a change."""

    id: Annotated[
        str,
        Meta(
            pattern="^alarm-[1-9][0-9]*$",
            description="The running number of the change, counted for each machine from 1. Equal ids are "
            "repeats.",
            examples=["alarm-17"],
        ),
    ]
    source: Annotated[
        str,
        Meta(pattern=f"^/(machines/{wire.MACHINE_ID_PATTERN}|{PLANT})$", examples=["/machines/furnace"]),
    ]
    type: Annotated[str, Meta(extra_json_schema={"const": ALARM_EVENT_TYPE})]
    time: Annotated[str, _TIME]
    subject: Annotated[
        str,
        Meta(
            pattern=f"^{wire.MACHINE_ID_PATTERN}$",
            description="The machine's id; plant for an alarm of the plant itself, whose source is /plant.",
            examples=["furnace"],
        ),
    ]
    data: AlarmData
    logicversion: (
        Annotated[
            int,
            Meta(ge=1, description="The version of the logic that raised it last.", examples=[3]),
        ]
        | UnsetType
    ) = UNSET
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
    specversion: Annotated[str, Meta(extra_json_schema={"const": "1.0"})] = "1.0"
    datacontenttype: Annotated[str, Meta(extra_json_schema={"const": "application/json"})] = (
        "application/json"
    )


_encoder = msgspec.json.Encoder()


def data_of(change: AlarmChange) -> AlarmData:
    """Return a change as clients see it."""
    alarm = change.alarm
    return AlarmData(
        name=alarm.name,
        action=change.action,
        state=alarm.state,
        severity=alarm.severity,
        message=alarm.message,
        details=msgspec.Raw(alarm.details),
        raised=rfc3339(alarm.raised / 1000),
        cleared=None if alarm.cleared is None else rfc3339(alarm.cleared / 1000),
        times=alarm.times,
        acknowledged=None if alarm.acknowledged is None else AcknowledgedBy.shown(alarm.acknowledged),
        shelved=None if alarm.shelved is None else ShelvedBy.shown(alarm.shelved),
        who=change.who,
        comment=change.comment,
        cause=change.cause,
    )


def encode_alarm_event(machine: str | None, change: AlarmChange) -> bytes:
    """Encode the CloudEvent of a change. `machine` is None for an alarm of the plant."""
    alarm = change.alarm
    return _encoder.encode(
        AlarmEvent(
            id=event_id(change),
            source=f"/{PLANT}" if machine is None else f"/machines/{machine}",
            type=ALARM_EVENT_TYPE,
            time=rfc3339(change.time / 1000),
            subject=PLANT if machine is None else machine,
            data=data_of(change),
            logicversion=UNSET if alarm.logicversion is None else alarm.logicversion,
            logicprofile=alarm.logicprofile or UNSET,
        )
    )


def alarm_message(machine: str | None, change: AlarmChange) -> Message:
    """Return the message of a change, for the exchange `alarms`."""
    return Message(
        wire.ALARMS_EXCHANGE,
        wire.PLANT_ALARM_KEY if machine is None else wire.alarm_key(machine),
        encode_alarm_event(machine, change),
        pika.BasicProperties(
            content_type=CONTENT_TYPE,
            # No machine's id contains a tilde, but a machine can have the id "plant".
            message_id=f"{f'~{PLANT}' if machine is None else machine}/{event_id(change)}",
            delivery_mode=PERSISTENT,
        ),
    )


def event_id(change: AlarmChange) -> str:
    """Return the id of a change's event."""
    return f"alarm-{change.number}"
