"""The machines' records in Redis, read and written for a whole batch in one round trip each.

Each machine's record is one key, `machine:{<id>}:record`: a token of eight random bytes, followed by the
record as msgpack. A write compares the token with the one that was read, and puts a new one. The braces keep
the keys of one machine on one node of a Redis Cluster.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Final, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pipeline.errors import SessionLost
from pipeline.model.alarm import Alarms
from pipeline.model.deployment import Deployment, Pause
from pipeline.model.machine import Stored
from pipeline.model.record import Record
from pipeline.model.session import Fence
from pipeline.settings import JOURNAL_MAX, RECENT
from pipeline.store.alarms import WITH_ALARMS, AlarmStore
from pipeline.store.client import Client, Pipeline
from pipeline.store.dead_letters import USE_UP, LetterStore
from pipeline.store.keys import (
    MACHINES_KEY,
    deployment_key,
    fence_key,
    letter_keys,
    recent_key,
    record_key,
    timers_key,
)
from pipeline.store.recents import RecentStore
from pipeline.telemetry import tracing

#: Bytes of a token. It is random and not a counter, so that a machine that was deleted and created again
#: cannot be taken for the old one.
_TOKEN_BYTES = 8

#: Seconds for which Redis keeps the data that identifies a deleted machine's readings: a week. A reading that
#: waits in a queue for longer is taken for a new machine's, and may be applied a second time.
GONE_SECONDS: Final = 7 * 24 * 3600

_TAKEN = "another session has taken the partition, and the batch is its to do"


#: Writes a record, which expires after `seconds` unless they are 0, and appends to its machine's last
#: readings: `count` of them, from ARGV[first] on. The list keeps the last `keep`. The arguments after them
#: say what has happened to its alarms. The index of timers says `due`, or '<' and the time at which it is due
#: at latest; '-' removes the machine from it, and '' changes nothing. A prefix for scripts.
_PUT = (
    WITH_ALARMS
    + """
local function put(record, value, seconds, timers, machine, due, recent, keep, first, count)
    redis.call('SET', record, value)
    put_alarms(machine, first + count)
    if due == '-' then
        redis.call('ZREM', timers, machine)
    elseif string.sub(due, 1, 1) == '<' then
        redis.call('ZADD', timers, 'LT', string.sub(due, 2), machine)
    elseif due ~= '' then
        redis.call('ZADD', timers, due, machine)
    end
    if seconds ~= '0' then
        redis.call('EXPIRE', record, seconds)
    end
    if count > 0 then
        redis.call('RPUSH', recent, unpack(ARGV, first, first + count - 1))
        redis.call('LTRIM', recent, -keep, -1)
    end
end
"""
)

#: Compare-and-set of many records, each by itself, for sessions that all hold their fences (rule 4 in
#: `pipeline.model.record`). Returns the places of the records that had changed; 0 alone means that another
#: session holds a fence, and nothing is written. KEYS: the fences, and for each record the record, the last
#: readings and the index of timers. ARGV: the number of fences, the sessions that must hold them, how many
#: last readings to keep, and for each record the token, the record, its seconds, the machine, when its first
#: timer is due, the number of its readings, the readings, and what has happened to its alarms.
_WRITE = (
    _PUT
    + """
local fences = tonumber(ARGV[1])
for fence = 1, fences do
    if redis.call('GETRANGE', KEYS[fence], 0, 7) ~= ARGV[1 + fence] then
        return {0}
    end
end
local changed, keep, at = {}, ARGV[fences + 2], fences + 3
for key = fences + 1, #KEYS, 3 do
    local count = tonumber(ARGV[at + 5])
    if redis.call('GETRANGE', KEYS[key], 0, 7) == ARGV[at] then
        put(KEYS[key], ARGV[at + 1], ARGV[at + 2], KEYS[key + 2], ARGV[at + 3], ARGV[at + 4], KEYS[key + 1],
            keep, at + 6, count)
    else
        changed[#changed + 1] = (key - fences + 2) / 3
    end
    at = after_alarms(at + 6 + count)
end
return changed
"""
)

#: Compare-and-set of one record that uses up dead letters of its machine: both or none. Returns 1 if done, 0
#: if the record had changed or a letter is gone, -1 if another session holds the fence. KEYS: fence, record,
#: last readings, index of timers, `letter_keys`. ARGV: session, how many last readings to keep, token,
#: record, its seconds, the machine, when its first timer is due, the number of its readings, the
#: readings, what has happened to its alarms, and the names of the letters.
_WRITE_USING = (
    USE_UP
    + _PUT
    + """
local names = after_alarms(9 + ARGV[8])
if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] then
    return -1
end
if redis.call('GETRANGE', KEYS[2], 0, 7) ~= ARGV[3] then
    return 0
end
for place = names, #ARGV do
    if redis.call('HEXISTS', KEYS[5], ARGV[place]) == 0 then
        return 0
    end
end
put(KEYS[2], ARGV[4], ARGV[5], KEYS[4], ARGV[6], ARGV[7], KEYS[3], ARGV[2], 9, ARGV[8] + 0)
use_up(KEYS[5], KEYS[6], KEYS[7], names)
return 1
"""
)

#: Compare-and-set of a machine's deployment that also puts a new token on its record: both or none. Returns 0
#: if one of them had changed. KEYS: deployment and record. ARGV: the deployment as read, the new one, token,
#: record.
_PAUSE = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] or redis.call('GETRANGE', KEYS[2], 0, 7) ~= ARGV[3] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[4])
return 1
"""


class Due(Struct, frozen=True):
    """What the index of timers must say of a machine in a partition: when its first timer is due, or None.

    With `at_latest`, an earlier time stays.
    """

    partition: int
    due: int | None
    at_latest: bool = False


class Update(Struct, frozen=True):
    """A machine's new record, to be written over the one in `read`.

    The same write appends `recents`, the last readings that led to the record, encoded, and uses up the dead
    letters `uses`. `fence` is the fence that the writing session must hold; it is None for an edit over the
    API. `due` changes the index of timers. `alarms` says what has happened to its
    alarms.
    """

    read: Stored
    record: Record
    uses: Sequence[str] = ()
    recents: Sequence[bytes] = ()
    fence: Fence | None = None
    due: Due | None = None
    alarms: Alarms | None = None


def _timers_key(update: Update) -> str:
    return timers_key(update.due.partition if update.due is not None else 0)


class Records:
    """Reads and writes records. Safe to share between threads.

    `recent` is the number of last readings to keep for each machine, and `alarm_journal_max` that of changes
    of alarms.
    """

    def __init__(self, client: Client, recent: int = RECENT, alarm_journal_max: int = JOURNAL_MAX) -> None:
        self.recent = recent
        self.alarms = AlarmStore(client, alarm_journal_max)
        self._redis = client
        self.letters = LetterStore(client)
        self.recents = RecentStore(client)
        self._write = client.register_script(_WRITE)
        self._write_using = client.register_script(_WRITE_USING)
        self._pause = client.register_script(_PAUSE)
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Record)

    def read(self, machine_ids: Sequence[str]) -> dict[str, Stored]:
        """Return the records of these machines with their deployments. Raises `RedisError`."""
        keys = [
            key for machine_id in machine_ids for key in (record_key(machine_id), deployment_key(machine_id))
        ]
        values = cast("list[bytes | None]", self._redis.mget(keys))
        deployments = [Deployment.parse(value) for value in values[1::2]]
        profiles = self._profiles({deployment.profile for deployment in deployments if deployment.profile})
        return {
            machine_id: self._stored(value, deployment, profiles.get(deployment.profile or ""))
            for machine_id, value, deployment in zip(machine_ids, values[::2], deployments, strict=True)
        }

    def homes(self, machine_ids: Iterable[str]) -> dict[str, int]:
        """Return the partitions that the last readings of these machines came from, where known."""
        names = list(machine_ids)
        values = cast(
            "list[bytes | None]", self._redis.mget([record_key(each) for each in names]) if names else []
        )
        records = [self._stored(value, Deployment()).record for value in values]
        return {
            name: record.home for name, record in zip(names, records, strict=True) if record.home is not None
        }

    def _profiles(self, names: set[str]) -> dict[str, Deployment]:
        if not names:
            return {}
        values = cast(
            "list[bytes | None]", self._redis.mget([deployment_key(each, "profile") for each in names])
        )
        return {name: Deployment.parse(value) for name, value in zip(names, values, strict=True)}

    def parse(self, value: bytes | None, deployment: bytes | None) -> Stored:
        """Parse a machine from the values of its keys, without the deployment of its profile."""
        return self._stored(value, Deployment.parse(deployment))

    def _stored(
        self, value: bytes | None, deployment: Deployment, profile: Deployment | None = None
    ) -> Stored:
        if value is None:
            return Stored(Record(), b"", deployment, profile)
        record = self._decoder.decode(memoryview(value)[_TOKEN_BYTES:])
        return Stored(record, value[:_TOKEN_BYTES], deployment, profile)

    def encode(self, record: Record) -> bytes:
        """Encode the value of a record's key, with a new token."""
        return os.urandom(_TOKEN_BYTES) + self._encoder.encode(record)

    def write(self, updates: Mapping[str, Update]) -> set[str]:
        """Write updates, by machine. Return the machines whose record had changed meanwhile.

        A machine also counts as changed if a dead letter that its update uses up is gone. Raises
        `SessionLost` if another session holds the fence of an update, and `RedisError`; then each
        update is either written or not.
        """
        if new := [
            each for each, update in updates.items() if not (update.read.recorded or update.record.gone)
        ]:
            self.register(new)
        plain, using = dict[str, Update](), dict[str, Update]()
        for machine_id, update in updates.items():
            (using if update.uses else plain)[machine_id] = update
        with tracing.write(machines=len(updates)):
            changed = self._write_plain(plain) if plain else set()
            return changed | self._write_all_using(using) if using else changed

    def _arguments(self, machine_id: str, update: Update) -> list[bytes | int | str]:
        record = update.record
        # A write removes the expiry of a key, so the rest of a deleted machine's record needs it again. It
        # is set in the same step, so that it cannot hit a record that a person creates meanwhile.
        seconds = GONE_SECONDS if record.gone and record.moved == record.taken else 0
        due: int | str = ""
        if update.due is not None:
            due = "-" if update.due.due is None else f"{'<' * update.due.at_latest}{update.due.due}"
        head: list[bytes | int | str] = [update.read.token, self.encode(record), seconds, machine_id, due]
        return [*head, len(update.recents), *update.recents, *self.alarms.arguments(update.alarms)]

    def _write_plain(self, updates: Mapping[str, Update]) -> set[str]:
        machine_ids = list(updates)
        fences = list({update.fence: None for update in updates.values() if update.fence is not None})
        keys = [fence_key(fence) for fence in fences]
        keys += [
            key
            for machine_id, update in updates.items()
            for key in (record_key(machine_id), recent_key(machine_id), _timers_key(update))
        ]
        arguments = chain.from_iterable(self._arguments(name, update) for name, update in updates.items())
        sessions = [fence.session for fence in fences]
        changed = self._write(keys=keys, args=[len(fences), *sessions, self.recent, *arguments])
        if 0 in changed:
            raise SessionLost(_TAKEN)
        return {machine_ids[place - 1] for place in changed}

    def _write_all_using(self, updates: Mapping[str, Update]) -> set[str]:
        with self._redis.pipeline(transaction=False) as pipeline:
            for machine_id, update in updates.items():
                assert update.fence is not None
                keys = [fence_key(update.fence), record_key(machine_id), recent_key(machine_id)]
                keys.append(_timers_key(update))
                head: list[bytes | int] = [update.fence.session, self.recent]
                arguments = [*head, *self._arguments(machine_id, update), *update.uses]
                self._write_using(keys=[*keys, *letter_keys(machine_id)], args=arguments, client=pipeline)
            answers = dict(zip(updates, pipeline.execute(), strict=True))
        used = [
            (each, name) for each, update in updates.items() if answers[each] == 1 for name in update.uses
        ]
        self.letters.forget(used)
        if -1 in answers.values():
            raise SessionLost(_TAKEN)
        return {machine_id for machine_id, answer in answers.items() if not answer}

    def pause(self, machine_id: str, *, paused: bool) -> Deployment:
        """Pause a machine, so that its readings become dead letters, or resume it. Return its deployment.

        The record's token changes too, so that a batch that runs meanwhile reads the deployment again. So the
        numbers of the paused readings are exact.
        """
        keys = [deployment_key(machine_id), record_key(machine_id)]
        while True:
            values = cast("list[bytes | None]", self._redis.mget(keys))
            stored = self.parse(values[1], values[0])
            if stored.deployment.paused == paused:
                return stored.deployment
            number, pause = stored.record.number, stored.deployment.pause
            pause = Pause(number) if paused or pause is None else Pause(pause.first, number)
            deployment = replace(stored.deployment, pause=pause)
            if not stored.known:
                self.register([machine_id])
            after = [self._encoder.encode(deployment), stored.token, self.encode(stored.record)]
            if self._pause(keys=keys, args=[values[0] or b"", *after]):
                return deployment

    def repair_index(self, machine_id: str, names: Iterable[str]) -> None:
        """Correct what the index says of these alarms of a machine, and of those in its record."""
        key = record_key(machine_id)

        def put(step: Pipeline) -> None:
            record = self._stored(cast("bytes | None", step.get(key)), Deployment()).record
            step.multi()
            self.alarms.replace(machine_id, names, Alarms(record.alarms, record.alarm_changes), step)

        self._redis.transaction(put, key)

    def register(self, machine_ids: Iterable[str]) -> None:
        """Add machines to the list of all machines, before anything else is kept of them."""
        self._redis.zadd(MACHINES_KEY, dict.fromkeys(machine_ids, 0))
