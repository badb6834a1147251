"""An alarm as clients see it, and its changes."""

from typing import Annotated, Self

import msgspec
from msgspec import Meta, Struct

from pipeline.broker.alarm import AcknowledgedBy, AlarmData, ShelvedBy, data_of
from pipeline.clock import milliseconds_now, rfc3339
from pipeline.model.alarm import Alarm, AlarmState, KeptChange
from pipeline.store.alarms import AlarmPage, JournalPage
from sandbox.job import Severity


class AlarmDetails(Struct):
    """An open alarm. Times are RFC 3339, UTC."""

    machine: Annotated[str | None, Meta(description="Null if it is an alarm of the plant itself.")]
    name: str
    severity: Severity
    state: Annotated[
        AlarmState,
        Meta(
            description="unacknowledged: active, and nobody has acknowledged it. acknowledged: active. "
            "returned: no longer active, and nobody has acknowledged it. normal: neither, but shelved."
        ),
    ]
    message: str
    details: Annotated[
        msgspec.Raw,
        Meta(description="The JSON object that the logic gave.", extra_json_schema={"type": "object"}),
    ]
    raised: Annotated[str, Meta(description="When it became active.")]
    times: Annotated[int, Meta(description="How often it was raised since it became active.")]
    cleared: Annotated[str | None, Meta(description="When it was cleared; null while it is active.")]
    acknowledged: AcknowledgedBy | None
    shelved: Annotated[ShelvedBy | None, Meta(description="Null if it is not shelved now.")]
    logicversion: Annotated[int | None, Meta(description="The version of the logic that raised it last.")]
    logicprofile: Annotated[
        str | None, Meta(description="The profile of that version; null if it is the machine's own.")
    ]

    @classmethod
    def shown(cls, machine: str | None, alarm: Alarm) -> Self:
        """Return an alarm as clients see it."""
        shelving = alarm.shelved if alarm.is_shelved(milliseconds_now()) else None
        return cls(
            machine=machine,
            name=alarm.name,
            severity=alarm.severity,
            state=alarm.state,
            message=alarm.message,
            details=msgspec.Raw(alarm.details),
            raised=rfc3339(alarm.raised / 1000),
            times=alarm.times,
            cleared=None if alarm.cleared is None else rfc3339(alarm.cleared / 1000),
            acknowledged=AcknowledgedBy.shown(alarm.acknowledged) if alarm.acknowledged else None,
            shelved=ShelvedBy.shown(shelving) if shelving else None,
            logicversion=alarm.logicversion,
            logicprofile=alarm.logicprofile,
        )


class AlarmList(Struct):
    """A page of open alarms. `next` is the cursor of the next page (`?after=`), null on the last."""

    alarms: list[AlarmDetails]
    next: str | None

    @classmethod
    def shown(cls, page: AlarmPage) -> Self:
        """Return a page as clients see it."""
        return cls([AlarmDetails.shown(each.machine, each.alarm) for each in page.alarms], page.next)


class AlarmCount(Struct):
    """How many alarms of a severity and a state are open."""

    severity: Severity
    state: AlarmState
    count: int
    shelved: Annotated[int, Meta(description="How many of them are shelved now.")]


class AlarmCounts(Struct):
    """How many alarms are open. Combinations without an alarm are left out."""

    counts: list[AlarmCount]


class JournalEntry(AlarmData, frozen=True, kw_only=True):
    """A change of an alarm, as its event has it."""

    id: Annotated[str, Meta(description="The place of the change in the journal.")]
    number: Annotated[
        int, Meta(description="The running number of the change on its machine; its event is alarm-<number>.")
    ]
    machine: Annotated[str | None, Meta(description="Null if it is an alarm of the plant itself.")]
    time: Annotated[str, Meta(description="When it happened (RFC 3339, UTC).")]
    logicversion: int | None
    logicprofile: str | None

    @classmethod
    def of(cls, kept: KeptChange) -> Self:
        """Return a change as clients see it."""
        data, alarm = data_of(kept.change), kept.change.alarm
        return cls(
            **{name: getattr(data, name) for name in data.__struct_fields__},
            id=kept.id,
            number=kept.change.number,
            machine=kept.machine,
            time=rfc3339(kept.change.time / 1000),
            logicversion=alarm.logicversion,
            logicprofile=alarm.logicprofile,
        )


class AlarmJournal(Struct):
    """A page of the journal, newest first. `next` is the cursor of the next page (`?before=`)."""

    changes: list[JournalEntry]
    next: str | None

    @classmethod
    def shown(cls, page: JournalPage) -> Self:
        """Return a page as clients see it."""
        return cls([JournalEntry.of(each) for each in page.changes], page.next)
