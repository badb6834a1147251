"""The machines' records in Redis, read and written for a whole batch in one round trip each.

Each machine's record is one key, `machine:{<id>}:record`: eight random bytes, the token, and behind them
the record as msgpack. Writing compares the token that was read and puts a new one. The braces keep the
keys of one machine on one node of a Redis Cluster.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, cast

import msgspec
import redis
from msgspec import Struct
from msgspec.structs import replace

from pipeline.dead_letters import USE_UP, DeadLetters, letter_keys
from pipeline.recents import Recents, recent_key
from pipeline.record import Record
from pipeline.settings import RECENT
from pipeline.setup import Active, Pause, Setup, setup_key

#: Bytes of a token. Random rather than counted, so that a machine that was deleted and made anew cannot
#: be taken for the one before.
_TOKEN_BYTES = 8

#: The set of all machines that have a record or a logic (sorted, for paging).
MACHINES_KEY = "machines"

#: Puts a record, and appends to its machine's last readings, `count` of them from ARGV[first] on, of which
#: `keep` are kept. For scripts that begin with it.
_PUT = """
local function put(record, value, recent, keep, first, count)
    redis.call('SET', record, value)
    if count > 0 then
        redis.call('RPUSH', recent, unpack(ARGV, first, first + count - 1))
        redis.call('LTRIM', recent, -keep, -1)
    end
end
"""

#: Compare-and-set of many records, each for itself. Answers the places of those that had changed. KEYS of
#: each: record and last readings; ARGV how many of those to keep, of each: token, record, and its readings
#: behind their count.
_WRITE = (
    _PUT
    + """
local changed, at = {}, 2
for place = 1, #KEYS, 2 do
    local count = tonumber(ARGV[at + 2])
    if redis.call('GETRANGE', KEYS[place], 0, 7) == ARGV[at] then
        put(KEYS[place], ARGV[at + 1], KEYS[place + 1], ARGV[1], at + 3, count)
    else
        changed[#changed + 1] = (place + 1) / 2
    end
    at = at + 3 + count
end
return changed
"""
)

#: Compare-and-set of one record, which uses up dead letters of its machine: both or none. Answers 0 where
#: the record had changed or a letter is gone. KEYS and ARGV as above, then `letter_keys` and names.
_WRITE_USING = (
    USE_UP
    + _PUT
    + """
local names = 5 + ARGV[4]
if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[2] then
    return 0
end
for place = names, #ARGV do
    if redis.call('HEXISTS', KEYS[3], ARGV[place]) == 0 then
        return 0
    end
end
put(KEYS[1], ARGV[3], KEYS[2], ARGV[1], 5, ARGV[4] + 0)
use_up(KEYS[3], KEYS[4], KEYS[5], names)
return 1
"""
)

#: Compare-and-set of a machine's setup, which puts another token on its record: both or none. Answers 0 where
#: one of them had changed. KEYS setup and record; ARGV the setup as it was read, the new one, token, record.
_PAUSE = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] or redis.call('GETRANGE', KEYS[2], 0, 7) ~= ARGV[3] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[4])
return 1
"""

#: What a write has to do with no dead letters, or no readings, of any machine.
NONE: Final[Mapping[str, Any]] = MappingProxyType({})


def record_key(machine_id: str) -> str:
    """The key of a machine's record."""
    return f"machine:{{{machine_id}}}:record"


class Stored(Struct, frozen=True):
    """A machine as it was read: its record, the token to write over it (empty: it is new), its setup, and
    that of its profile, where it runs that one's logic."""

    record: Record
    token: bytes
    setup: Setup
    profile: Setup | None = None

    @property
    def active(self) -> Active | None:
        """The logic that it is set up to run: its own, else that of its profile."""
        if self.setup.version or self.profile is None or not self.profile.version:
            return self.setup.active
        return Active(self.profile.version, self.profile.digest, self.setup.profile)

    @property
    def quarantined(self) -> bool:
        """Whether its logic is not run here any more."""
        return self.active is not None and self.record.strikes.against(self.active.digest).quarantined

    @property
    def recorded(self) -> bool:
        """Whether it has a state: it has sent a reading, or was given one."""
        return bool(self.token) and not self.record.gone

    @property
    def known(self) -> bool:
        """Whether anything is kept of it."""
        return self.recorded or self.setup != Setup()


class Records:
    """Reads and writes records. Safe to share between threads.

    `recent` is how many of a machine's last readings are kept.
    """

    def __init__(self, client: "redis.Redis", recent: int = RECENT) -> None:
        self.recent = recent
        self._redis = client
        self.letters = DeadLetters(client)
        self.recents = Recents(client)
        self._write = client.register_script(_WRITE)
        self._write_using = client.register_script(_WRITE_USING)
        self._pause = client.register_script(_PAUSE)
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Record)

    def read(self, machine_ids: Sequence[str]) -> dict[str, Stored]:
        """The records of these machines, and what each is set up to run. Raises `redis.RedisError`."""
        keys = [key for machine_id in machine_ids for key in (record_key(machine_id), setup_key(machine_id))]
        values = cast("list[bytes | None]", self._redis.mget(keys))
        setups = [Setup.parse(value) for value in values[1::2]]
        profiles = self._profiles({setup.profile for setup in setups if setup.profile and not setup.version})
        return {
            machine_id: self._stored(value, setup, profiles)
            for machine_id, value, setup in zip(machine_ids, values[::2], setups, strict=True)
        }

    def _profiles(self, names: set[str]) -> dict[str, Setup]:
        if not names:
            return {}
        values = cast("list[bytes | None]", self._redis.mget([setup_key(each, "profile") for each in names]))
        return {name: Setup.parse(value) for name, value in zip(names, values, strict=True)}

    def parse(self, value: bytes | None, setup: bytes | None) -> Stored:
        """A machine, from the values of its keys; without what its profile is set up to run."""
        return self._stored(value, Setup.parse(setup))

    def _stored(self, value: bytes | None, setup: Setup, profiles: Mapping[str, Setup] = NONE) -> Stored:
        profile = profiles.get(setup.profile) if setup.profile else None
        if value is None:
            return Stored(Record(), b"", setup, profile)
        record = self._decoder.decode(memoryview(value)[_TOKEN_BYTES:])
        return Stored(record, value[:_TOKEN_BYTES], setup, profile)

    def encode(self, record: Record) -> bytes:
        """The value of a record's key, with a new token."""
        return os.urandom(_TOKEN_BYTES) + self._encoder.encode(record)

    def write(
        self,
        read: Mapping[str, Stored],
        updates: Mapping[str, Record],
        uses: Mapping[str, Sequence[str]] = NONE,
        recents: Mapping[str, Sequence[bytes]] = NONE,
    ) -> set[str]:
        """Write `updates` over what was `read`. Returns the machines whose record had changed meanwhile.

        `uses` says by machine which dead letters its update uses up, in the same write; where one of them
        is gone, the machine counts as changed. `recents` are by machine the readings that made the update,
        encoded, `self.recent` of each at the most.

        Raises `redis.RedisError`; then each record is written or is not.
        """
        if not updates:
            return set()
        new = [machine_id for machine_id in updates if not read[machine_id].recorded]
        if new:
            self.register(new)
        arguments = {
            machine_id: self._arguments(read[machine_id], update, recents.get(machine_id, ()))
            for machine_id, update in updates.items()
        }
        changed = self._write_plain({each: arguments[each] for each in arguments if each not in uses})
        return changed | self._write_all_using(arguments, uses) if uses else changed

    def _arguments(self, read: Stored, update: Record, recent: Sequence[bytes]) -> list[bytes | int]:
        return [read.token, self.encode(update), len(recent), *recent]

    def _write_plain(self, arguments: Mapping[str, list[bytes | int]]) -> set[str]:
        if not arguments:
            return set()
        machine_ids = list(arguments)
        keys = [key for machine_id in machine_ids for key in (record_key(machine_id), recent_key(machine_id))]
        changed = self._write(keys=keys, args=[self.recent, *chain.from_iterable(arguments.values())])
        return {machine_ids[place - 1] for place in changed}

    def _write_all_using(
        self, arguments: Mapping[str, list[bytes | int]], uses: Mapping[str, Sequence[str]]
    ) -> set[str]:
        with self._redis.pipeline(transaction=False) as pipeline:
            for machine_id, names in uses.items():
                keys = [record_key(machine_id), recent_key(machine_id), *letter_keys(machine_id)]
                self._write_using(
                    keys=keys, args=[self.recent, *arguments[machine_id], *names], client=pipeline
                )
            written = dict(zip(uses, pipeline.execute(), strict=True))
        self.letters.forget([(each, name) for each, names in uses.items() if written[each] for name in names])
        return {machine_id for machine_id in uses if not written[machine_id]}

    def pause(self, machine_id: str, *, paused: bool) -> Setup:
        """Have a machine's readings become dead letters from now on, or not any more. Returns its setup.

        The record's token changes with it, so that a batch that runs meanwhile reads the setup again: which
        numbers were paused is exact.
        """
        keys = [setup_key(machine_id), record_key(machine_id)]
        while True:
            values = cast("list[bytes | None]", self._redis.mget(keys))
            stored = self.parse(values[1], values[0])
            if stored.setup.paused == paused:
                return stored.setup
            number, pause = stored.record.number, stored.setup.pause
            pause = Pause(number) if paused or pause is None else Pause(pause.first, number)
            setup = replace(stored.setup, pause=pause)
            if not stored.known:
                self.register([machine_id])
            after = [self._encoder.encode(setup), stored.token, self.encode(stored.record)]
            if self._pause(keys=keys, args=[values[0] or b"", *after]):
                return setup

    def register(self, machine_ids: Iterable[str]) -> None:
        """Put machines on the list of all machines, before anything else is kept of them."""
        self._redis.zadd(MACHINES_KEY, dict.fromkeys(machine_ids, 0))
