"""Alarms in Redis: an index of those that are open, and the journal of all changes.

Both change in the same script as the record that has the alarms, so they say what it says (`WITH_ALARMS`).
The journal is also the outbox. One process of the API at a time publishes what is in it
(`pipeline.plant.alarm_relay`), and notes how far it has come. The journal keeps a number of changes. If no
API runs while more are made, the oldest are neither published nor told, and the API logs it.
"""

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple, cast

import msgspec
from msgspec import Struct

from pipeline.model.alarm import SEVERITIES, Alarm, AlarmAction, AlarmChange, Alarms, AlarmState, KeptChange
from pipeline.settings import JOURNAL_MAX
from pipeline.store.client import Client, Pipeline
from pipeline.store.keys import (
    ALARMS_JOURNAL_KEY,
    ALARMS_OPEN_KEY,
    ALARMS_RAISED_KEY,
    ALARMS_SHELVED_KEY,
    PLANT_ALARMS_KEY,
    alarms_relayed_key,
)
from sandbox.job import Severity

#: Writes what has happened to the alarms of a machine: the arguments from ARGV[at] on, which
#: `AlarmStore.arguments` returns. `after_alarms` returns the place after them. A prefix for scripts.
WITH_ALARMS: Final = f"""
local function after_alarms(at)
    return at + 3 + 4 * ARGV[at] + ARGV[at + 1]
end

local function put_alarms(machine, at)
    local first, changes = at + 3, at + 3 + 4 * ARGV[at]
    for each = first, changes - 1, 4 do
        local member, raised, until_, alarm = machine .. '/' .. ARGV[each], unpack(ARGV, each + 1, each + 3)
        if raised == '' then
            redis.call('HDEL', '{ALARMS_OPEN_KEY}', member)
            redis.call('ZREM', '{ALARMS_RAISED_KEY}', member)
        else
            redis.call('HSET', '{ALARMS_OPEN_KEY}', member, alarm)
            redis.call('ZADD', '{ALARMS_RAISED_KEY}', raised, member)
        end
        if until_ == '' then
            redis.call('ZREM', '{ALARMS_SHELVED_KEY}', member)
        else
            redis.call('ZADD', '{ALARMS_SHELVED_KEY}', until_, member)
        end
    end
    for each = changes, after_alarms(at) - 1 do
        redis.call('XADD', '{ALARMS_JOURNAL_KEY}', 'MAXLEN', ARGV[at + 2], '*', 'machine', machine,
            'change', ARGV[each])
    end
end
"""

#: Writes the alarms of a machine. KEYS: those that it changes. ARGV: the machine, and `arguments`.
_PUT: Final = WITH_ALARMS + "put_alarms(ARGV[1], 2)"

#: Compare-and-set of the plant's own alarms. KEYS: the alarms. ARGV: the token, the new value, and
#: `arguments`. Returns 0 if they had changed.
_PUT_PLANT: Final = (
    WITH_ALARMS
    + """
if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2])
put_alarms('', 3)
return 1
"""
)

#: Takes or keeps a lease. KEYS: the lease. ARGV: who asks, and for how many milliseconds.
_LEASE: Final = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

_TOKEN_BYTES: Final = 8

#: Alarms or changes that are read at once.
_CHUNK: Final = 500

#: The most entries to look at for one page. A page may have fewer although there is a next one.
_LOOK: Final = 20_000

_ID: Final = re.compile("[0-9]{1,15}-[0-9]{1,15}")
_encoder = msgspec.msgpack.Encoder()
_decode_alarm = msgspec.msgpack.Decoder(Alarm).decode
_decode_change = msgspec.msgpack.Decoder(AlarmChange).decode


class PlantAlarms(Struct, frozen=True, array_like=True):
    """The alarms of the plant itself, as they are kept. `number` counts their changes."""

    alarms: dict[str, Alarm] = {}
    number: int = 0


_decode_plant = msgspec.msgpack.Decoder(PlantAlarms).decode


class OpenAlarm(Struct, frozen=True):
    """An open alarm. `machine` is None if it is one of the plant itself."""

    machine: str | None
    alarm: Alarm


class AlarmFilter(Struct, frozen=True):
    """Which alarms to find. `severity` is the lowest one; `machine` and `name` are how ids and names
    begin."""

    severity: Severity = "warning"
    machine: str = ""
    profile: str | None = None
    name: str = ""
    state: AlarmState | None = None
    shelved: bool | None = None

    def matches(self, machine: str | None, alarm: Alarm, now: int) -> bool:
        """Return whether an alarm is one of them."""
        return (
            SEVERITIES.index(alarm.severity) >= SEVERITIES.index(self.severity)
            and (machine or "").startswith(self.machine)
            and self.profile in (None, alarm.logicprofile)
            and alarm.name.startswith(self.name)
            and self.state in (None, alarm.state)
            and self.shelved in (None, alarm.is_shelved(now))
        )


class AlarmPage(NamedTuple):
    """A page of open alarms, and the cursor of the next page; None on the last page."""

    alarms: list[OpenAlarm]
    next: str | None


class JournalPage(NamedTuple):
    """A page of changes, newest first, and the cursor of the next page; None on the last page."""

    changes: list[KeptChange]
    next: str | None


def _entry(name: str, alarm: Alarm | None) -> tuple[str, str, str, bytes]:
    if alarm is None:
        return name, "", "", b""
    until = "" if alarm.shelved is None else str(alarm.shelved.until)
    return name, str(alarm.raised), until, _encoder.encode(alarm)


class AlarmStore:
    """Reads and writes the index and the journal, which keeps `most` changes. Safe to share between threads.

    Every method may raise `RedisError`.
    """

    def __init__(self, client: Client, most: int = JOURNAL_MAX) -> None:
        self._most = most
        self._redis = client
        self._put = client.register_script(_PUT)
        self._put_plant = client.register_script(_PUT_PLANT)
        self._lease = client.register_script(_LEASE)

    def arguments(self, alarms: Alarms | None, *, before: Iterable[str] = ()) -> list[bytes | int | str]:
        """Return the arguments of `put_alarms`, from what has happened to the alarms of a machine.

        They are the number of alarms, the number of changes, and how many changes the journal keeps; for each
        alarm its name, when it was raised, until when it is shelved, and the alarm, all empty where there is
        none; and the changes. Alarms in `before` that are there no more leave the index too.
        """
        if alarms is None:
            return [0, 0, 0]
        touched = {change.alarm.name for change in alarms.changes} | alarms.silent | {*before}
        entries = [field for name in sorted(touched) for field in _entry(name, alarms.now.get(name))]
        changes = [_encoder.encode(each) for each in alarms.changes]
        return [len(touched), len(changes), self._most, *entries, *changes]

    def find(self, where: AlarmFilter, now: int, after: str, limit: int) -> AlarmPage:
        """Return a page of the open alarms that match, those raised last first.

        `after` is the `next` of another page, or empty. Raises `ValueError` if it is not a cursor.
        """
        last = _cursor(after) if after else None
        place = 0 if last is None else self._redis.zcount(ALARMS_RAISED_KEY, f"({last[0]}", "+inf")
        found, looked = list[OpenAlarm](), 0
        while True:
            members = cast(
                "list[tuple[bytes, float]]",
                self._redis.zrange(ALARMS_RAISED_KEY, place, place + _CHUNK - 1, desc=True, withscores=True),
            )
            place += len(members)
            names = [
                (int(raised), member.decode())
                for member, raised in members
                if last is None or (int(raised), member.decode()) < last
            ]
            values = cast(
                "list[bytes | None]",
                self._redis.hmget(ALARMS_OPEN_KEY, [member for _, member in names]) if names else [],
            )
            for (raised, member), value in zip(names, values, strict=True):
                looked += 1
                machine, _, _ = member.partition("/")
                if value is not None and where.matches(machine or None, alarm := _decode_alarm(value), now):
                    found.append(OpenAlarm(machine or None, alarm))
                if len(found) == limit or looked == _LOOK:
                    return AlarmPage(found, f"{raised}:{member}")
            if len(members) < _CHUNK:
                return AlarmPage(found, None)

    def counts(self, now: int) -> dict[tuple[Severity, AlarmState], tuple[int, int]]:
        """Return how many alarms are open, by severity and state, and how many of them are shelved at this
        time. Reads all of them."""
        found = dict[tuple[Severity, AlarmState], tuple[int, int]]()
        entries = cast("Iterator[tuple[bytes, bytes]]", self._redis.hscan_iter(ALARMS_OPEN_KEY, count=_CHUNK))
        for _, value in entries:
            alarm = _decode_alarm(value)
            count, shelved = found.get((alarm.severity, alarm.state), (0, 0))
            found[alarm.severity, alarm.state] = count + 1, shelved + alarm.is_shelved(now)
        return found

    def shelved(self, until: int) -> list[tuple[str | None, str]]:
        """Return the machines and names of some alarms whose shelving is over at this time."""
        members = cast(
            "list[bytes]",
            self._redis.zrange(ALARMS_SHELVED_KEY, "-inf", until, byscore=True, offset=0, num=_CHUNK),
        )
        pairs = [member.decode().partition("/") for member in members]
        return [(machine or None, name) for machine, _, name in pairs]

    def replace(self, machine: str, before: Iterable[str], alarms: Alarms, step: Pipeline) -> None:
        """Put all alarms of a machine into the index in place of those named `before`, and note the changes.

        This becomes part of a transaction.
        """
        alarms.silent.update(alarms.now)
        args = [machine, *self.arguments(alarms, before=before)]
        self._put(keys=[ALARMS_OPEN_KEY], args=args, client=step)

    # The plant's own alarms.

    def read_plant(self) -> tuple[bytes, PlantAlarms]:
        """Return the plant's own alarms, and the token to write over them."""
        value = cast("bytes | None", self._redis.get(PLANT_ALARMS_KEY))
        if value is None:
            return b"", PlantAlarms()
        return value[:_TOKEN_BYTES], _decode_plant(value[_TOKEN_BYTES:])

    def write_plant(self, token: bytes, alarms: Alarms) -> bool:
        """Write what has happened to the plant's own alarms. Return False if they had changed meanwhile."""
        value = os.urandom(_TOKEN_BYTES) + _encoder.encode(PlantAlarms(alarms.now, alarms.number))
        args: list[bytes | int | str] = [token, value, *self.arguments(alarms)]
        return bool(self._put_plant(keys=[PLANT_ALARMS_KEY], args=args))

    # The journal.

    def journal(
        self,
        where: AlarmFilter,
        before: str,
        limit: int,
        *,
        action: AlarmAction | None = None,
        machine: str | None = None,
    ) -> JournalPage:
        """Return a page of the changes that match, newest first, before the change with the id `before`.

        `machine` is the whole id of a machine. Raises `ValueError` if `before` is not an id.
        """
        if before and not _ID.fullmatch(before):
            raise ValueError(f"{before!r} is not a valid cursor")
        found, looked, last = list[KeptChange](), 0, f"({before}" if before else "+"
        if before and not before.strip("0-"):
            return JournalPage(found, None)
        while True:
            entries = cast("_Entries", self._redis.xrevrange(ALARMS_JOURNAL_KEY, last, "-", count=_CHUNK))
            for kept in _kept(entries):
                looked += 1
                # Whether it was shelved at that time is not asked for.
                matches = where.matches(kept.machine, kept.change.alarm, kept.change.time)
                if matches and action in (None, kept.change.action) and machine in (None, kept.machine):
                    found.append(kept)
                if len(found) == limit or looked == _LOOK:
                    return JournalPage(found, kept.id)
            if len(entries) < _CHUNK:
                return JournalPage(found, None)
            last = f"({entries[-1][0].decode()}"

    def take_lease(self, lease: str, holder: str, seconds: float) -> bool:
        """Take or keep the lease with this key. Return whether `holder` has it."""
        return bool(self._lease(keys=[lease], args=[holder, int(1000 * seconds)]))

    def give_lease_back(self, lease: str, holder: str) -> None:
        """Give a lease back, if `holder` has it."""
        self.take_lease(lease, holder, 0.001)

    def relayed(self, relay: str) -> str:
        """Return the id of the last change that this relay has handed over."""
        return cast("bytes", self._redis.get(alarms_relayed_key(relay)) or b"0-0").decode()

    def note_relayed(self, relay: str, change_id: str) -> None:
        """Note that this relay has handed over all changes up to this one."""
        self._redis.set(alarms_relayed_key(relay), change_id)

    def after(self, change_id: str, most: int) -> list[KeptChange]:
        """Return the first changes after this one, oldest first."""
        entries = self._redis.xrange(ALARMS_JOURNAL_KEY, f"({change_id}", "+", count=most)
        return list(_kept(cast("_Entries", entries)))

    def is_dropped(self, change_id: str) -> bool:
        """Return whether the journal was full and has dropped this change, and maybe later ones."""
        if not self._redis.exists(ALARMS_JOURNAL_KEY):
            return False
        info = self._redis.xinfo_stream(ALARMS_JOURNAL_KEY)
        if info["entries-added"] == info["length"]:
            return False
        first = cast("tuple[bytes, Any] | None", info["first-entry"])
        return first is not None and _place(first[0].decode()) > _place(change_id)


#: The ids of entries in a stream, and their fields.
_Entries = list[tuple[bytes, dict[bytes, bytes]]]


def _kept(entries: _Entries) -> Iterator[KeptChange]:
    for entry_id, fields in entries:
        machine = fields[b"machine"].decode()
        yield KeptChange(entry_id.decode(), machine or None, _decode_change(fields[b"change"]))


def _place(entry_id: str) -> tuple[int, int]:
    first, _, second = entry_id.partition("-")
    return int(first), int(second)


def _cursor(text: str) -> tuple[int, str]:
    raised, colon, member = text.partition(":")
    if not (colon and raised.isascii() and raised.isdigit() and len(raised) < 16):
        raise ValueError(f"{text!r} is not a valid cursor")
    return int(raised), member
