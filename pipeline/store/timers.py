"""The index of timers in Redis: for each partition, its machines by when their first timer is due.

A write of a record changes the index in the same script (`pipeline.store.records`). The session that holds a
partition asks for the machines that are due, runs their timers, and says afterwards when each is due again
(`rest`). Until then the index names them, so that a session which follows a crash finds them too. The rules
are in `pipeline.model.timer`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from msgspec import Struct

from pipeline.clock import milliseconds_now
from pipeline.model.session import Fence
from pipeline.store.client import Client
from pipeline.store.keys import fence_key, timers_key
from pipeline.store.records import Records
from pipeline.store.topic_sources import TopicSources

#: Changes what the index says of machines, if the session still holds its fence and the index says what the
#: session read. A machine whose home is elsewhere goes to the index of that partition, unless that one names
#: it already. KEYS: fence, index, and for each machine the index that it goes to. ARGV: session, and for each
#: machine its name, the time that was read, and the new time or ''.
_REST = """
if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] then
    return
end
for each = 3, #KEYS do
    local at = 3 * each - 7
    local name, read, due = ARGV[at], ARGV[at + 1], ARGV[at + 2]
    local score = redis.call('ZSCORE', KEYS[2], name)
    if score and tonumber(score) == tonumber(read) then
        if due == '' or KEYS[each] ~= KEYS[2] then
            redis.call('ZREM', KEYS[2], name)
        end
        if due ~= '' and KEYS[each] == KEYS[2] then
            redis.call('ZADD', KEYS[2], due, name)
        elseif due ~= '' then
            redis.call('ZADD', KEYS[each], 'NX', due, name)
        end
    end
end
"""


class Rest(Struct, frozen=True):
    """What the index must say of a machine that it named at `read`: it is `due` again, in this partition."""

    machine: str
    read: int
    due: int | None
    partition: int


class TimerIndex:
    """Reads and changes the index. Safe to share between threads. All methods may raise `RedisError`."""

    def __init__(self, client: Client) -> None:
        self._redis = client
        self._rest = client.register_script(_REST)

    def due(self, partitions: Mapping[int, int], until: int) -> dict[int, dict[str, int]]:
        """Return the machines with a timer that is due by `until`, and when, for each of these partitions.

        `partitions` says for each how many machines to return at most: those that are due first.
        """
        with self._redis.pipeline(transaction=False) as pipeline:
            for partition, most in partitions.items():
                pipeline.zrange(
                    timers_key(partition), "-inf", until, byscore=True, offset=0, num=most, withscores=True
                )
            answers = cast("list[list[tuple[bytes, float]]]", pipeline.execute())
        return {
            partition: {name.decode(): int(score) for name, score in answer}
            for partition, answer in zip(partitions, answers, strict=True)
            if answer
        }

    def wake(self, machines: Mapping[str, int]) -> None:
        """Name machines at once, each in the index of its partition, because something has changed.

        The time before 1970 differs from all others, so a session that has read another one changes nothing.
        """
        now = -milliseconds_now()
        by_partition = dict[int, dict[str, int]]()
        for machine, partition in machines.items():
            by_partition.setdefault(partition, {})[machine] = now
        with self._redis.pipeline(transaction=False) as pipeline:
            for partition, names in by_partition.items():
                pipeline.zadd(timers_key(partition), names, lt=True)
            pipeline.execute()

    def reschedule(self, records: Records, sources: TopicSources, machine_ids: Iterable[str]) -> None:
        """Let the workers look at machines whose schedules may have changed, also if no reading comes."""
        homes, retired = records.homes(machine_ids), sources.retired()
        self.wake({name: 0 if home in retired else home for name, home in homes.items()})

    def rest(self, fence: Fence, rests: Sequence[Rest]) -> None:
        """Change what the index says of these machines, for the session that holds the fence."""
        here = timers_key(fence.partition)
        keys = [fence_key(fence), here, *(timers_key(each.partition) for each in rests)]
        arguments = [
            argument
            for each in rests
            for argument in (each.machine, each.read, "" if each.due is None else each.due)
        ]
        self._rest(keys=keys, args=[fence.session, *arguments])
