"""Alarms: a logic raises and clears them, and people acknowledge and shelve them.

The states and words follow ANSI/ISA-18.2 (IEC 62682):

=========================  =====================================================================
`unacknowledged`           active, and nobody has acknowledged it
`acknowledged`             active, and somebody has acknowledged it
`returned`                 no longer active, and nobody has acknowledged it
`normal`                   neither; kept only while it is shelved
=========================  =====================================================================

A shelved alarm keeps its state, and nobody is told of it until its time is over. The rules:

1.  *The alarms of a machine are in its record*, with its state and its timers. So what a reading raises and
    clears is applied once, with everything else that it does (`pipeline.model.record`).
2.  *Raising an active alarm again updates its message and details, and tells nobody.* Only if it has become
    more severe, it counts as raised again: it is unacknowledged, and everybody is told.
3.  *Each change of state is an `AlarmChange`, with a number of its own*, which the record counts. It goes
    into the journal in the same script that writes the record (`pipeline.store.alarms`). From there it is
    published at least once, and under the same id each time (`pipeline.plant.alarm_relay`).
4.  *A person's change is a write over the record that was read*, as each batch is. So nobody acknowledges an
    alarm that a reading has just raised again.
5.  *A record holds a bounded number of alarms.* A logic that raises too many active ones exceeds a limit. Of
    those that are not active, the oldest is ended if there are more than `MOST`.

An alarm of the plant itself, for instance that no worker runs, has the same life
(`pipeline.plant.own_alarms`).
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from pipeline.model.deployment import Active
from sandbox.job import ALARMS, Raised, Severity

#: The severities, in rising order.
SEVERITIES: Final[tuple[Severity, ...]] = ("warning", "minor", "major", "critical")

#: The states of an alarm; see above.
AlarmState = Literal["unacknowledged", "acknowledged", "returned", "normal"]

#: What happened to an alarm. `lowered`: it is less severe than before. `ended`: its machine was deleted or
#: restored from a backup without the alarm, its state was reset, or there were too many alarms.
AlarmAction = Literal["raised", "lowered", "cleared", "acknowledged", "shelved", "unshelved", "ended"]

#: The most alarms in a record.
MOST: Final = 2 * ALARMS


class Acknowledgement(Struct, frozen=True, array_like=True):
    """Who has acknowledged an alarm, when (milliseconds since 1970), and with which comment."""

    who: str
    time: int
    comment: str = ""


class Shelving(Struct, frozen=True, array_like=True):
    """Who has shelved an alarm, when and until when (milliseconds since 1970), and with which comment."""

    who: str
    time: int
    until: int
    comment: str = ""


class Alarm(Struct, frozen=True, array_like=True):
    """An alarm of a machine. Times are in milliseconds since 1970.

    `details` is a JSON object. `raised` is when it became active: the time of the reading or timer that
    raised it. `times` counts how often it was raised since then. `cleared` is when it was cleared; None while
    it is active. `logicversion` and `logicprofile` name the logic that raised it last.
    """

    name: str
    severity: Severity
    message: str
    details: bytes
    raised: int
    times: int = 1
    cleared: int | None = None
    logicversion: int | None = None
    logicprofile: str | None = None
    acknowledged: Acknowledgement | None = None
    shelved: Shelving | None = None

    @property
    def active(self) -> bool:
        """Whether its cause still lasts."""
        return self.cleared is None

    @property
    def state(self) -> AlarmState:
        """Its state by ISA-18.2, without regard to shelving."""
        if self.active:
            return "unacknowledged" if self.acknowledged is None else "acknowledged"
        return "returned" if self.acknowledged is None else "normal"

    def is_shelved(self, now: int) -> bool:
        """Return whether it is shelved at this time."""
        return self.shelved is not None and now < self.shelved.until


class AlarmChange(Struct, frozen=True, array_like=True):
    """A change of an alarm. `alarm` is the alarm afterwards; if it is normal or ended, as it was last.

    `number` counts the changes of the machine's alarms. `time` is when it happened, in milliseconds since
    1970. `who` and `comment` are those of a person; `who` is empty if it was the logic. `cause` is the name
    of the reading or timer, as in the id of its results.
    """

    number: int
    action: AlarmAction
    time: int
    alarm: Alarm
    who: str = ""
    comment: str = ""
    cause: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether the machine no longer has the alarm."""
        return self.action == "ended" or (self.alarm.state == "normal" and self.alarm.shelved is None)


class Alarms:
    """The alarms of a machine while they change: `now` has them, and `changes` what has happened to them.

    `silent` are the names of those that were updated without a change.
    """

    def __init__(self, before: Mapping[str, Alarm], number: int) -> None:
        self.now = dict(before)
        self.number = number
        self.changes = list[AlarmChange]()
        self.silent = set[str]()

    def apply(
        self, outcome: Mapping[str, Raised | None], time: int, cause: str, active: Active | None
    ) -> None:
        """Raise and clear what a reading or timer has raised and cleared."""
        for name, raised in outcome.items():
            if raised is None:
                self.clear(name, time, cause=cause)
            else:
                self.raise_(name, raised, time, cause=cause, active=active)

    def raise_(
        self, name: str, raised: Raised, time: int, *, cause: str | None = None, active: Active | None = None
    ) -> None:
        """Raise an alarm, or update it."""
        before = self.now.get(name)
        version, profile = (active.version, active.profile) if active else (None, None)
        new = Alarm(
            name,
            raised.severity,
            raised.message,
            raised.details,
            time,
            logicversion=version,
            logicprofile=profile,
            shelved=before.shelved if before else None,
        )
        if before is None or not before.active:
            self._change("raised", new, time, cause=cause)
            self._end_oldest(time)
            return
        was, is_now = SEVERITIES.index(before.severity), SEVERITIES.index(new.severity)
        new = replace(new, raised=before.raised, times=before.times + 1, acknowledged=before.acknowledged)
        if is_now > was:
            self._change("raised", replace(new, acknowledged=None), time, cause=cause)
        elif is_now < was:
            self._change("lowered", new, time, cause=cause)
        else:
            self.now[name] = new
            self.silent.add(name)

    def update(self, name: str, raised: Raised) -> None:
        """Replace the message and details of an alarm, and tell nobody."""
        self.now[name] = replace(self.now[name], message=raised.message, details=raised.details)
        self.silent.add(name)

    def clear(self, name: str, time: int, *, cause: str | None = None) -> None:
        """Clear an alarm, if it is active."""
        alarm = self.now.get(name)
        if alarm is not None and alarm.active:
            self._change("cleared", replace(alarm, cleared=max(time, alarm.raised)), time, cause=cause)

    def acknowledge(self, name: str, who: str, comment: str, time: int) -> bool:
        """Acknowledge an alarm. Return whether it was not acknowledged."""
        alarm = self.now.get(name)
        if alarm is None or alarm.acknowledged is not None:
            return False
        done = replace(alarm, acknowledged=Acknowledgement(who, time, comment))
        self._change("acknowledged", done, time, who=who, comment=comment)
        return True

    def shelve(self, name: str, until: int, who: str, comment: str, time: int) -> bool:
        """Shelve an alarm until a time, also one that is shelved. Return whether there is such an alarm."""
        alarm = self.now.get(name)
        if alarm is None:
            return False
        done = replace(alarm, shelved=Shelving(who, time, until, comment))
        self._change("shelved", done, time, who=who, comment=comment)
        return True

    def unshelve(self, name: str, who: str, time: int) -> bool:
        """End the shelving of an alarm. Return whether it was shelved. Without `who`, its time is over."""
        alarm = self.now.get(name)
        if alarm is None or alarm.shelved is None:
            return False
        self._change("unshelved", replace(alarm, shelved=None), time, who=who)
        return True

    def end(self, names: Iterable[str], time: int, *, who: str = "", comment: str = "") -> None:
        """End alarms, whatever their state is."""
        for name in list(names):
            self._change("ended", self.now[name], time, who=who, comment=comment)

    def _end_oldest(self, time: int) -> None:
        """End the oldest alarms that are not active, if there are too many."""
        extra = len(self.now) - MOST
        if extra > 0:
            old = sorted((each.raised, name) for name, each in self.now.items() if not each.active)
            self.end((name for _, name in old[:extra]), time, comment=f"more than {MOST} alarms")

    def _change(
        self,
        action: AlarmAction,
        alarm: Alarm,
        time: int,
        *,
        who: str = "",
        comment: str = "",
        cause: str | None = None,
    ) -> None:
        self.number += 1
        change = AlarmChange(self.number, action, time, alarm, who, comment, cause)
        self.changes.append(change)
        self.silent.discard(alarm.name)
        if change.is_over:
            self.now.pop(alarm.name, None)
        else:
            self.now[alarm.name] = alarm


class KeptChange(Struct, frozen=True):
    """A change in the journal. `id` is its position there; `machine` is None for an alarm of the plant."""

    id: str
    machine: str | None
    change: AlarmChange
