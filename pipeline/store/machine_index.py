"""The index of all machines: sorted sets in Redis by which they are found (`pipeline.store.search`).

It follows the records and setups, which are the truth, and may be behind them for seconds. The rules:

1.  *Whoever changes how a machine stands enters it anew after that* (`enter`): it is read, and put where it
    belongs. Then it is read once more, and if it stands differently by now, all is done again. So the last
    entry is never older than the last change, whoever else enters the machine at the same time.
2.  *A batch enters only those machines that stand differently after it* (`pipeline.worker.index_writer`).
    Those that its session meets for the first time are looked up, for a worker that had them before may have
    died before it entered them. Of the others it notes only when they were seen, in an entry that is there: a
    deleted machine does not come back by it.
3.  *A reader looks at the machine itself*, and enters those anew that he finds in a wrong place.

The keys: `machines` has all, for the order of their ids; `{machines}:seen` sorts them by when they were last
seen (milliseconds since 1970, 0 for never). Each is in one of `{machines}:<condition>` besides.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import redis

from pipeline.model.machine import Condition, Stored, condition_of
from pipeline.store.keys import MACHINES_KEY, condition_key
from pipeline.store.records import Records

#: When each machine was last seen.
SEEN_KEY: Final = f"{{{MACHINES_KEY}}}:seen"

#: Machines that are read at once, and of which only the names are sent at once.
_READ: Final = 200
_NAMES: Final = 1_000

#: Enters machines. KEYS `machines`, seen, conditions; ARGV of each its id, the place of its condition in
#: KEYS (0: it is gone), and when it was seen.
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

#: Where a machine belongs, None where it is gone, and when it was seen.
_Entry = tuple[Condition | None, int]


_KEYS: Final = [MACHINES_KEY, SEEN_KEY, *map(condition_key, Condition)]


class MachineIndex:
    """Enters machines. Safe to share between threads. Every method may raise `redis.RedisError`."""

    def __init__(self, client: "redis.Redis", records: Records) -> None:
        self._redis = client
        self._records = records
        self._enter = client.register_script(_ENTER)

    def enter(self, machine_ids: Iterable[str]) -> None:
        """Put machines where they belong, as they stand now; take out those that are gone."""
        for chunk in _chunks(machine_ids, _READ):
            entries = self._entries(chunk)
            while entries:
                self._put(entries)
                now = self._entries(list(entries))
                entries = {each: now[each] for each in entries if now[each][0] != entries[each][0]}

    def astray(self, conditions: Mapping[str, Condition]) -> set[str]:
        """Those machines that are not entered in the condition that is said."""
        by_condition, astray = dict[Condition, list[str]](), set[str]()
        for machine_id, condition in conditions.items():
            by_condition.setdefault(condition, []).append(machine_id)
        for condition, machine_ids in by_condition.items():
            for chunk in _chunks(machine_ids, _NAMES):
                scores = self._redis.zmscore(condition_key(condition), chunk)
                astray |= {each for each, score in zip(chunk, scores, strict=True) if score is None}
        return astray

    def note_seen(self, seen: Mapping[str, int]) -> None:
        """Note when machines that are entered were last seen (milliseconds since 1970)."""
        for chunk in _chunks(seen, _NAMES):
            self._redis.zadd(SEEN_KEY, {each: seen[each] for each in chunk}, xx=True, gt=True)

    def _entries(self, machine_ids: Sequence[str]) -> dict[str, _Entry]:
        return {each: _entry(stored) for each, stored in self._records.read(machine_ids).items()}

    def _put(self, entries: Mapping[str, _Entry]) -> None:
        arguments = list[str | int]()
        for machine_id, (condition, seen) in entries.items():
            place = 0 if condition is None else _KEYS.index(condition_key(condition)) + 1
            arguments += [machine_id, place, seen]
        self._enter(keys=_KEYS, args=arguments)


def _chunks(machine_ids: Iterable[str], size: int) -> Iterator[list[str]]:
    remaining = iter(machine_ids)
    while chunk := list(islice(remaining, size)):
        yield chunk


def _entry(stored: Stored) -> _Entry:
    return (condition_of(stored) if stored.known else None), stored.record.counters.seen
