"""The index of all machines: sorted sets in Redis that find machines (`pipeline.store.search`).

The records and deployments are the truth. The index follows them and may be behind for seconds. The rules:

1.  *Every change of a machine's condition updates the index afterwards* (`enter`): it reads the machine and
    puts it into its place, then reads the machine once more, and repeats if the condition has changed. So the
    last entry is never older than the last change, even if others update the same machine at the same time.
2.  *A batch updates only machines whose condition it may have changed* (`pipeline.worker.index_writer`). It
    also checks machines that its session meets for the first time, because the worker that had them before
    may have died before its update. For all others it notes only when they were last seen, and only in an
    existing entry: so a deleted machine does not come back.
3.  *A reader checks the machine itself*, and updates the entries that are in a wrong place.

The keys: `machines` has all machines, sorted by id. `{machines}:seen` sorts them by when they were last seen
(milliseconds since 1970, 0 for never). Each machine is also in one of `{machines}:<condition>`.

The installation says after which time a machine is silent, unless the machine's settings do. Machines with
such settings are also in three other sets: `{machines}:silent-after` sorts them by these seconds,
`{machines}:silent-after:seen` by when they were last seen, and `{machines}:silent-at` by when they become
silent (0 for never). So all silent machines are counted by three ranges (`pipeline.store.health_counts`), and
machines without such settings cost nothing more.

A change of a profile's or source's settings updates all its machines (`enter`). To find those of a source,
`{machines}:home:<partition>` has the machines whose home it is. It may also have machines whose home it was.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple, cast

from pipeline.model.machine import Condition, Stored, condition_of
from pipeline.model.machine_settings import MachineSettings
from pipeline.model.topic_source import is_source
from pipeline.store.client import Client, plain
from pipeline.store.keys import (
    MACHINES_KEY,
    MACHINES_SEEN_KEY,
    MACHINES_SILENT_AFTER_KEY,
    MACHINES_SILENT_AFTER_SEEN_KEY,
    MACHINES_SILENT_AT_KEY,
    condition_key,
    source_machines_key,
)
from pipeline.store.records import Records
from pipeline.store.topic_sources import TopicSources

#: Machines that are read at once, and machines whose names alone are sent at once.
_READ: Final = 200
_NAMES: Final = 1_000

#: Notes that the settings of a machine say after how many seconds it is silent. KEYS: seen, silent-after, its
#: seen, silent-at. A prefix for scripts.
_FOLLOW = """
local function follow(id, after)
    local seen = tonumber(redis.call('ZSCORE', KEYS[1], id) or '0')
    local silent = seen > 0 and seen + 1000 * tonumber(after) or 0
    redis.call('ZADD', KEYS[2], after, id)
    redis.call('ZADD', KEYS[3], string.format('%.0f', seen), id)
    redis.call('ZADD', KEYS[4], string.format('%.0f', silent), id)
end
"""

#: Updates machines. KEYS: those of `_FOLLOW`, `machines`, the conditions, and the homes. ARGV: the place of
#: the last condition in KEYS, and for each machine its id, the place of its condition in KEYS (0: it is
#: deleted), when it was last seen, after how many seconds it is silent (or ''), and the place of its home in
#: KEYS (0: none).
_ENTER = (
    _FOLLOW
    + """
local conditions = tonumber(ARGV[1])
for at = 2, #ARGV, 5 do
    local id, condition, after, home = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 3], tonumber(ARGV[at + 4])
    for place = 6, conditions do
        if place ~= condition then
            redis.call('ZREM', KEYS[place], id)
        end
    end
    if condition ~= 0 then
        redis.call('ZADD', KEYS[5], 0, id)
        redis.call('ZADD', KEYS[1], 'GT', ARGV[at + 2], id)
        redis.call('ZADD', KEYS[condition], 0, id)
    else
        redis.call('ZREM', KEYS[5], id)
        redis.call('ZREM', KEYS[1], id)
    end
    if condition ~= 0 and after ~= '' then
        follow(id, after)
    else
        for place = 2, 4 do
            redis.call('ZREM', KEYS[place], id)
        end
    end
    if home ~= 0 then
        redis.call(condition ~= 0 and 'SADD' or 'SREM', KEYS[home], id)
    end
end
"""
)

#: Notes when machines in the index were last seen. KEYS: those of `_FOLLOW`. ARGV for each machine: when it
#: was last seen, and its id.
_NOTE_SEEN = (
    _FOLLOW
    + """
redis.call('ZADD', KEYS[1], 'XX', 'GT', unpack(ARGV))
if redis.call('EXISTS', KEYS[2]) == 1 then
    local ids = {}
    for at = 2, #ARGV, 2 do
        ids[#ids + 1] = ARGV[at]
    end
    for at, after in ipairs(redis.call('ZMSCORE', KEYS[2], unpack(ids))) do
        if after then
            follow(ids[at], after)
        end
    end
end
"""
)


class _Entry(NamedTuple):
    """What the index says of a machine.

    `condition` is None if the machine is deleted. `silent_after` is what its settings say. `home` is the
    partition of the source that it sends by, if it sends by one.
    """

    condition: Condition | None
    seen: int
    silent_after: int | None
    home: int | None


_SILENT_KEYS: Final = [
    MACHINES_SEEN_KEY,
    MACHINES_SILENT_AFTER_KEY,
    MACHINES_SILENT_AFTER_SEEN_KEY,
    MACHINES_SILENT_AT_KEY,
]
_KEYS: Final = [*_SILENT_KEYS, MACHINES_KEY, *map(condition_key, Condition)]


class MachineIndex:
    """Updates the index. Safe to share between threads. Every method may raise `RedisError`."""

    def __init__(self, client: Client, records: Records) -> None:
        self._redis = client = plain(client)  # an entry is made again with the next reading
        self._records = records
        self._sources = TopicSources(client)
        self._enter = client.register_script(_ENTER)
        self._note_seen = client.register_script(_NOTE_SEEN)

    def enter(self, machine_ids: Iterable[str]) -> None:
        """Update the entries of machines to their current condition. Remove deleted machines."""
        for chunk in chunks(machine_ids, _READ):
            entries = self._entries(chunk)
            while entries:
                self._put(entries)
                now = self._entries(list(entries))
                entries = {each: now[each] for each in entries if _differ(now[each], entries[each])}

    def enter_home(self, partition: int) -> None:
        """Update the entries of the machines whose home is this partition of a source."""
        members = cast("set[bytes]", self._redis.smembers(source_machines_key(partition)))
        self.enter(member.decode() for member in members)

    def forget_home(self, partition: int) -> None:
        """Update the entries of the machines whose home was the partition of a source that is deleted."""
        self.enter_home(partition)
        self._redis.delete(source_machines_key(partition))

    def astray(self, places: Mapping[str, tuple[Condition, int | None]]) -> set[str]:
        """Return the machines that are not entered under the given condition and home."""
        by_key, astray = dict[str, list[str]](), set[str]()
        for machine_id, (condition, home) in places.items():
            by_key.setdefault(condition_key(condition), []).append(machine_id)
            if home is not None and is_source(home):
                by_key.setdefault(source_machines_key(home), []).append(machine_id)
        homes = {source_machines_key(home) for _, home in places.values() if home is not None}
        for key, machine_ids in by_key.items():
            for chunk in chunks(machine_ids, _NAMES):
                found = (
                    map(bool, cast("list[int]", self._redis.smismember(key, chunk)))
                    if key in homes
                    else (score is not None for score in self._redis.zmscore(key, chunk))
                )
                astray |= {each for each, is_there in zip(chunk, found, strict=True) if not is_there}
        return astray

    def note_seen(self, seen: Mapping[str, int]) -> None:
        """Note when machines in the index were last seen (milliseconds since 1970)."""
        for chunk in chunks(seen, _NAMES):
            self._note_seen(keys=_SILENT_KEYS, args=[each for name in chunk for each in (seen[name], name)])

    def _entries(self, machine_ids: Sequence[str]) -> dict[str, _Entry]:
        found = self._records.read(machine_ids)
        settings = self._sources.settings_of_each(list(found.values()))
        return {
            name: _entry(stored, applying)
            for (name, stored), applying in zip(found.items(), settings, strict=True)
        }

    def _put(self, entries: Mapping[str, _Entry]) -> None:
        keys, arguments = [*_KEYS], list[str | int]()
        for machine_id, entry in entries.items():
            place = 0 if entry.condition is None else _KEYS.index(condition_key(entry.condition)) + 1
            home = 0
            if entry.home is not None:
                key = source_machines_key(entry.home)
                if key not in keys:
                    keys.append(key)
                home = keys.index(key) + 1
            arguments += [machine_id, place, entry.seen, entry.silent_after or "", home]
        self._enter(keys=keys, args=[len(_KEYS), *arguments])


def chunks(machine_ids: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield the machines in lists of at most `size`."""
    remaining = iter(machine_ids)
    while chunk := list(islice(remaining, size)):
        yield chunk


def _entry(stored: Stored, settings: MachineSettings) -> _Entry:
    home = stored.record.home
    return _Entry(
        condition_of(stored) if stored.known else None,
        stored.record.counters.seen,
        settings.silent_after_seconds,
        home if home is not None and is_source(home) else None,
    )


def _differ(one: _Entry, other: _Entry) -> bool:
    """Return whether two entries differ in more than when the machine was last seen."""
    return one._replace(seen=0) != other._replace(seen=0)
