"""The routes of alarms: those that are open, what people do with them, and the journal."""

from typing import Annotated, Final

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct

from pipeline.clock import milliseconds, milliseconds_now
from pipeline.model.alarm import AlarmAction, AlarmState
from pipeline.store.alarms import AlarmFilter
from pipeline.store.audit import Audit
from sandbox.job import ALARM_NAME_PATTERN, Severity
from web.access.roles import Role, access
from web.http.problems import checked_id
from web.schemas.alarm import AlarmCount, AlarmCounts, AlarmDetails, AlarmJournal, AlarmList
from web.services import Services

#: The longest time for which an alarm can be shelved: a month of 31 days.
_LONGEST_SHELVING_MINUTES: Final = 31 * 24 * 60

Comment = Annotated[str, Meta(max_length=1_000, description="For the journal and for colleagues.")]

#: The name of an alarm in a path.
Name = Annotated[str, Meta(pattern=f"^{ALARM_NAME_PATTERN}$")]


class NewAcknowledgement(Struct, forbid_unknown_fields=True):
    """What to acknowledge an alarm with."""

    comment: Comment = ""
    raised: Annotated[
        Annotated[str, Meta(max_length=40, extra_json_schema={"format": "date-time"})] | None,
        Meta(description="`raised` of the alarm as you saw it: if it was raised again since, answers 409."),
    ] = None
    severity: Annotated[
        Severity | None,
        Meta(description="`severity` as you saw it: if the alarm is more severe by now, answers 409."),
    ] = None


class NewShelving(Struct, forbid_unknown_fields=True):
    """For how long to shelve an alarm, and why."""

    minutes: Annotated[int, Meta(ge=1, le=_LONGEST_SHELVING_MINUTES)]
    comment: Comment = ""


class AlarmsController(Controller):
    """`/alarms` and the paths below it."""

    path = "/alarms"

    @get(sync_to_thread=True, **access(Role.VIEWER))
    def list_alarms(
        self,
        services: NamedDependency[Services],
        severity: FromQuery[Severity] = "warning",
        machine: FromQuery[str] = "",
        profile: FromQuery[str | None] = None,
        name: FromQuery[str] = "",
        condition: Annotated[AlarmState | None, QueryParameter(name="state")] = None,
        shelved: FromQuery[bool | None] = None,
        after: FromQuery[str] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> AlarmList:
        """List the open alarms, those raised last first.

        `severity` is the lowest one. `machine` and `name` are how ids and names begin. Without `shelved`,
        shelved alarms are among them.
        """
        where = AlarmFilter(severity, machine, profile, name, condition, shelved)
        try:
            page = services.alarm_store.find(where, milliseconds_now(), after, limit)
        except ValueError as e:
            raise ClientException(detail=f"{e}. Take `after` from the `next` of the previous page.") from e
        return AlarmList.shown(page)

    @get("/counts", sync_to_thread=True, **access(Role.VIEWER))
    def count_alarms(self, services: NamedDependency[Services]) -> AlarmCounts:
        """Return how many alarms are open, by severity and state."""
        counts = services.alarm_store.counts(milliseconds_now())
        return AlarmCounts([AlarmCount(*key, *count) for key, count in sorted(counts.items())])

    @get("/journal", sync_to_thread=True, **access(Role.VIEWER))
    def list_alarm_changes(
        self,
        services: NamedDependency[Services],
        severity: FromQuery[Severity] = "warning",
        machine: FromQuery[str | None] = None,
        profile: FromQuery[str | None] = None,
        name: FromQuery[str] = "",
        action: FromQuery[AlarmAction | None] = None,
        before: FromQuery[str] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> AlarmJournal:
        """List the changes of alarms, the newest first: all, or those of one machine.

        The last `IOT_LOGIC_ALARM_JOURNAL_MAX` changes are kept.
        """
        where = AlarmFilter(severity, "", profile, name)
        try:
            page = services.alarm_store.journal(where, before, limit, action=action, machine=machine)
        except ValueError as e:
            raise ClientException(detail=f"{e}. Take `before` from the `next` of the previous page.") from e
        return AlarmJournal.shown(page)


class MachineAlarmsController(Controller):
    """`/machines/{machine_id}/alarms` and the paths below it."""

    path = "/machines/{machine_id:str}/alarms"

    @post(
        "/{name:str}/acknowledge",
        status_code=200,
        sync_to_thread=True,
        **access(Role.OPERATOR, 404, 409, 413),
    )
    def acknowledge_alarm(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        machine_id: FromPath[str],
        name: FromPath[Name],
        data: JSONBody[NewAcknowledgement],
    ) -> AlarmDetails:
        """Acknowledge an alarm: reminders end. An alarm that is not active any more becomes normal."""
        return _acknowledge(services, audit, checked_id(machine_id), name, data)

    @post("/{name:str}/shelve", status_code=200, sync_to_thread=True, **access(Role.OPERATOR, 404, 413))
    def shelve_alarm(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        machine_id: FromPath[str],
        name: FromPath[Name],
        data: JSONBody[NewShelving],
    ) -> AlarmDetails:
        """Shelve an alarm for a time: nobody is told of it. It keeps its state, and changes as before."""
        return _shelve(services, audit, checked_id(machine_id), name, data)

    @post("/{name:str}/unshelve", status_code=200, sync_to_thread=True, **access(Role.OPERATOR, 404, 413))
    def unshelve_alarm(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        machine_id: FromPath[str],
        name: FromPath[Name],
    ) -> AlarmDetails:
        """End the shelving of an alarm before its time."""
        return _unshelve(services, audit, checked_id(machine_id), name)


class PlantAlarmsController(Controller):
    """`/plant-alarms` and the paths below it: the alarms of the plant itself, which have no machine."""

    path = "/plant-alarms"

    @post(
        "/{name:str}/acknowledge",
        status_code=200,
        sync_to_thread=True,
        **access(Role.OPERATOR, 404, 409, 413),
    )
    def acknowledge_plant_alarm(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        name: FromPath[Name],
        data: JSONBody[NewAcknowledgement],
    ) -> AlarmDetails:
        """Acknowledge an alarm of the plant."""
        return _acknowledge(services, audit, None, name, data)

    @post("/{name:str}/shelve", status_code=200, sync_to_thread=True, **access(Role.OPERATOR, 404, 413))
    def shelve_plant_alarm(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        name: FromPath[Name],
        data: JSONBody[NewShelving],
    ) -> AlarmDetails:
        """Shelve an alarm of the plant for a time."""
        return _shelve(services, audit, None, name, data)

    @post("/{name:str}/unshelve", status_code=200, sync_to_thread=True, **access(Role.OPERATOR, 404, 413))
    def unshelve_plant_alarm(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        name: FromPath[Name],
    ) -> AlarmDetails:
        """End the shelving of an alarm of the plant before its time."""
        return _unshelve(services, audit, None, name)


def _acknowledge(
    services: Services, audit: Audit, machine: str | None, name: str, data: NewAcknowledgement
) -> AlarmDetails:
    try:
        raised = None if data.raised is None else milliseconds(data.raised)
    except ValueError as e:
        raise ClientException(detail=f"`raised` is not a time as RFC 3339 has it: {e}.") from e
    alarm = services.alarms.acknowledge(
        machine, name, audit.author, data.comment, raised=raised, severity=data.severity
    )
    audit.record("alarm.acknowledge", _target(machine, name), machine=machine, after=data.comment or None)
    return AlarmDetails.shown(machine, alarm)


def _shelve(
    services: Services, audit: Audit, machine: str | None, name: str, data: NewShelving
) -> AlarmDetails:
    until = milliseconds_now() + 60_000 * data.minutes
    alarm = services.alarms.shelve(machine, name, until, audit.author, data.comment)
    shown = AlarmDetails.shown(machine, alarm)
    audit.record(
        "alarm.shelve", _target(machine, name), machine=machine, after=shown.shelved and shown.shelved.until
    )
    return shown


def _unshelve(services: Services, audit: Audit, machine: str | None, name: str) -> AlarmDetails:
    alarm = services.alarms.unshelve(machine, name, audit.author)
    audit.record("alarm.unshelve", _target(machine, name), machine=machine)
    return AlarmDetails.shown(machine, alarm)


def _target(machine: str | None, name: str) -> str:
    return name if machine is None else f"{machine}/{name}"
