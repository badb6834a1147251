"""What people do with alarms: acknowledge them, and shelve them for a time.

Each change is a write over the record that was read, as each batch is (rule 4 of `pipeline.model.alarm`).
"""

from collections.abc import Callable

from pipeline.clock import milliseconds_now
from pipeline.errors import AlarmChanged, NoAlarm
from pipeline.model.alarm import SEVERITIES, Alarm, Alarms
from pipeline.store.alarms import AlarmStore
from pipeline.store.records import Records, Update
from sandbox.job import Severity

#: Changes an alarm by its name. Returns whether it could be changed.
Change = Callable[[Alarms], bool]


class AlarmDesk:
    """Changes alarms of machines, and of the plant itself: then the machine is None.

    Safe to share between threads. Every method may raise `RedisError`.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._store: AlarmStore = records.alarms

    def acknowledge(
        self,
        machine: str | None,
        name: str,
        who: str,
        comment: str,
        *,
        raised: int | None = None,
        severity: Severity | None = None,
    ) -> Alarm:
        """Acknowledge an alarm. Return it. One that is acknowledged stays as it is.

        `raised` and `severity` say which alarm the caller has seen: if it was raised at another time or is
        more severe, raises `AlarmChanged`. Raises `NoAlarm` if there is none of this name.
        """

        def change(alarms: Alarms) -> bool:
            alarm = self._of(alarms, machine, name)
            if raised is not None and alarm.raised != raised:
                raise AlarmChanged(f"The alarm {name!r} was raised again meanwhile. Look at it once more.")
            if severity is not None and SEVERITIES.index(alarm.severity) > SEVERITIES.index(severity):
                raise AlarmChanged(f"The alarm {name!r} is {alarm.severity} by now. Look at it once more.")
            return alarms.acknowledge(name, who, comment, milliseconds_now())

        return self._change(machine, name, change)

    def shelve(self, machine: str | None, name: str, until: int, who: str, comment: str) -> Alarm:
        """Shelve an alarm until a time (milliseconds since 1970). Return it. Raises `NoAlarm`."""

        def change(alarms: Alarms) -> bool:
            self._of(alarms, machine, name)
            return alarms.shelve(name, until, who, comment, milliseconds_now())

        return self._change(machine, name, change)

    def unshelve(self, machine: str | None, name: str, who: str) -> Alarm:
        """End the shelving of an alarm. Return it. One that is not shelved stays as it is. Raises
        `NoAlarm`."""

        def change(alarms: Alarms) -> bool:
            self._of(alarms, machine, name)
            return alarms.unshelve(name, who, milliseconds_now())

        return self._change(machine, name, change)

    def end_shelving(self, machine: str | None, name: str) -> None:
        """End the shelving of an alarm if its time is over."""

        def change(alarms: Alarms) -> bool:
            alarm, now = self._of(alarms, machine, name), milliseconds_now()
            return alarm.shelved is not None and not alarm.is_shelved(now) and alarms.unshelve(name, "", now)

        self._change(machine, name, change)

    def repair(self, machine: str | None, name: str) -> None:
        """Correct what the index says of an alarm that its machine does not have."""
        if machine is not None:
            self._records.repair_index(machine, [name])
            return
        token, plant = self._store.read_plant()
        alarms = Alarms(plant.alarms, plant.number)
        alarms.silent.add(name)
        self._store.write_plant(token, alarms)

    def _of(self, alarms: Alarms, machine: str | None, name: str) -> Alarm:
        if (alarm := alarms.now.get(name)) is None:
            whose = "The plant" if machine is None else f"The machine {machine!r}"
            raise NoAlarm(f"{whose} has no open alarm {name!r}.")
        return alarm

    def _change(self, machine: str | None, name: str, change: Change) -> Alarm:
        while True:
            if machine is None:
                token, plant = self._store.read_plant()
                alarms = Alarms(plant.alarms, plant.number)
                if not change(alarms) or self._store.write_plant(token, alarms):
                    return self._last(alarms, name)
            else:
                stored = self._records.read([machine])[machine]
                alarms = Alarms(stored.record.alarms, stored.record.alarm_changes)
                if not change(alarms):
                    return self._last(alarms, name)
                update = Update(stored, stored.record.alarmed(alarms), alarms=alarms)
                if not self._records.write({machine: update}):
                    return self._last(alarms, name)

    def _last(self, alarms: Alarms, name: str) -> Alarm:
        """Return the alarm as it is, or as it was when it became normal."""
        return alarms.now.get(name) or alarms.changes[-1].alarm
