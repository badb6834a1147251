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
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from pipeline.model.machine import Condition, Stored, condition_of
from pipeline.store.client import Client, plain
from pipeline.store.keys import MACHINES_KEY, MACHINES_SEEN_KEY, condition_key
from pipeline.store.records import Records

#: Machines that are read at once, and machines whose names alone are sent at once.
_READ: Final = 200
_NAMES: Final = 1_000

#: Updates machines. KEYS: `machines`, seen, conditions. ARGV for each machine: its id, the place of its
#: condition in KEYS (0: it is deleted), and when it was last seen.
_ENTER = """
for at = 1, #ARGV, 3 do
    local id, condition = ARGV[at], tonumber(ARGV[at + 1])
    for place, key in ipairs(KEYS) do
        if condition == 0 or (place > 2 and place ~= condition) then
            redis.call('ZREM', key, id)
        elseif place == 2 then
            redis.call('ZADD', key, 'GT', ARGV[at + 2], id)
        else
            redis.call('ZADD', key, 0, id)
        end
    end
end
"""

#: A machine's condition (None if it is deleted), and when it was last seen.
_Entry = tuple[Condition | None, int]


_KEYS: Final = [MACHINES_KEY, MACHINES_SEEN_KEY, *map(condition_key, Condition)]


class MachineIndex:
    """Updates the index. Safe to share between threads. Every method may raise `RedisError`."""

    def __init__(self, client: Client, records: Records) -> None:
        self._redis = client = plain(client)  # an entry is made again with the next reading
        self._records = records
        self._enter = client.register_script(_ENTER)

    def enter(self, machine_ids: Iterable[str]) -> None:
        """Update the entries of machines to their current condition. Remove deleted machines."""
        for chunk in chunks(machine_ids, _READ):
            entries = self._entries(chunk)
            while entries:
                self._put(entries)
                now = self._entries(list(entries))
                entries = {each: now[each] for each in entries if now[each][0] != entries[each][0]}

    def astray(self, conditions: Mapping[str, Condition]) -> set[str]:
        """Return the machines that are not entered under the given condition."""
        by_condition, astray = dict[Condition, list[str]](), set[str]()
        for machine_id, condition in conditions.items():
            by_condition.setdefault(condition, []).append(machine_id)
        for condition, machine_ids in by_condition.items():
            for chunk in chunks(machine_ids, _NAMES):
                scores = self._redis.zmscore(condition_key(condition), chunk)
                astray |= {each for each, score in zip(chunk, scores, strict=True) if score is None}
        return astray

    def note_seen(self, seen: Mapping[str, int]) -> None:
        """Note when machines in the index were last seen (milliseconds since 1970)."""
        for chunk in chunks(seen, _NAMES):
            self._redis.zadd(MACHINES_SEEN_KEY, {each: seen[each] for each in chunk}, xx=True, gt=True)

    def _entries(self, machine_ids: Sequence[str]) -> dict[str, _Entry]:
        return {each: _entry(stored) for each, stored in self._records.read(machine_ids).items()}

    def _put(self, entries: Mapping[str, _Entry]) -> None:
        arguments = list[str | int]()
        for machine_id, (condition, seen) in entries.items():
            place = 0 if condition is None else _KEYS.index(condition_key(condition)) + 1
            arguments += [machine_id, place, seen]
        self._enter(keys=_KEYS, args=arguments)


def chunks(machine_ids: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield the machines in lists of at most `size`."""
    remaining = iter(machine_ids)
    while chunk := list(islice(remaining, size)):
        yield chunk


def _entry(stored: Stored) -> _Entry:
    return (condition_of(stored) if stored.known else None), stored.record.counters.seen
