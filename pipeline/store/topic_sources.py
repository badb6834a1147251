"""Sources of readings in Redis (`pipeline.model.topic_source`). The sources of logic are in `sources`.

Each source has a partition of its own, with a number from a counter that never returns a number twice. All
sources are in one hash, which changes by compare-and-set on the count of its changes: so two changes that
race cannot make sources that overlap. The states of a source:

- `new`: its queues may be missing. No worker consumes them yet.
- `active`: workers consume its partition.
- `draining`: it is being deleted. No new readings come in, and workers process those that wait.
- `closing`: nothing waits. Workers leave the partition. If readings come back to its queue meanwhile, it is
  `draining` again. Otherwise its queues are deleted, and then its entry.

So an entry exists as long as its queues. When the queues are deleted, the number of the partition is
*retired* for good: it can deliver nothing any more (`pipeline.worker.ways`). This is a fact to read, and not
only the absence of an entry, because a Redis that has been replaced may still answer, without the last
entries.

*The rules for ids must not change between a reading's first delivery and its last one*, or one reading could
count for two machines. So the rules that a partition uses are kept apart from those that the user wants. A
session adopts the user's rules only if no earlier rules are kept (`adopt`). A session that ends drops its
rules only if no reading that was processed by them can come back (`drop`); else its successor uses them too,
and drops them later. A change of the rules makes the sessions end (`pipeline.worker.consumer`).
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pipeline.errors import SourceConflict
from pipeline.model.machine import Stored
from pipeline.model.machine_settings import MachineSettings
from pipeline.model.session import Fence
from pipeline.model.topic_source import (
    FIRST_PARTITION,
    SOURCES,
    IdRules,
    SourceInUse,
    TopicSource,
    check_overlaps,
    checked,
    is_source,
    matches,
    pattern_of,
    rules_of,
)
from pipeline.store.client import Client
from pipeline.store.keys import (
    TOPIC_SOURCES_CHANGES_KEY,
    TOPIC_SOURCES_KEY,
    TOPIC_SOURCES_PARTITION_KEY,
    TOPIC_SOURCES_RETIRED_KEY,
    TOPIC_SOURCES_RULES_KEY,
    fence_key,
    timers_key,
)

#: Writes or deletes a source if no source has changed. KEYS: sources, changes. ARGV: the count of changes as
#: read, the name, and the new value or nothing.
_CHANGE: Final = """
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] then
    return 0
end
redis.call('INCR', KEYS[2])
if ARGV[3] == '' then
    redis.call('HDEL', KEYS[1], ARGV[2])
else
    redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
end
return 1
"""

#: Notes that a number was given to a partition. KEYS: the count of given numbers. ARGV: the count with this
#: number. Returns 0 if this number or a later one was given before.
_GIVE: Final = """
if tonumber(redis.call('GET', KEYS[1]) or 0) >= tonumber(ARGV[1]) then
    return 0
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
"""

#: Adopts rules for a partition and returns those in use; nothing if another session holds the fence. KEYS:
#: fence, rules. ARGV: session, partition, the wanted rules.
_ADOPT: Final = """
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then
    return false
end
redis.call('HSETNX', KEYS[2], ARGV[2], ARGV[3])
return redis.call('HGET', KEYS[2], ARGV[2])
"""

#: Drops the rules in use. KEYS: fence, rules. ARGV: session, partition.
_DROP: Final = """
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) == ARGV[1] then
    redis.call('HDEL', KEYS[2], ARGV[2])
end
"""

#: The states of a source, see above.
State = Literal["new", "active", "draining", "closing"]


class KeptSource(Struct, frozen=True):
    """A source with its name, the number of its partition and its state.

    `bound` are the patterns of all bindings that its queue may have. `revision` changes with each change of
    the source.
    """

    name: str
    partition: int
    state: State
    revision: int
    source: TopicSource
    bound: tuple[str, ...] = ()

    @property
    def in_use(self) -> SourceInUse:
        """The source as a new session uses it, unless other rules are in use."""
        source = self.source
        return SourceInUse(self.name, rules_of(source), source.profile, source.settings)

    def matches(self, key: str) -> bool:
        """Return whether a reading with this routing key comes in by this source."""
        return matches(pattern_of(self.source), key)

    @property
    def is_deleted(self) -> bool:
        """Whether a user has deleted the source."""
        return self.state in ("draining", "closing")

    @property
    def is_consumed(self) -> bool:
        """Whether workers consume the source's partition."""
        return self.state in ("active", "draining")


class SourceList(Struct, frozen=True):
    """All sources by name, as they are after a number of changes."""

    changes: int = 0
    sources: dict[str, KeptSource] = {}

    @property
    def consumed(self) -> dict[int, KeptSource]:
        """The sources whose partitions workers consume, by the number of the partition."""
        return {each.partition: each for each in self.sources.values() if each.is_consumed}

    @property
    def partitions(self) -> dict[int, KeptSource]:
        """All sources by the number of the partition, sorted."""
        return {
            each.partition: each for each in sorted(self.sources.values(), key=lambda each: each.partition)
        }


class TopicSources:
    """Keeps and finds sources. Safe to share between threads. Every method may raise `RedisError`."""

    def __init__(self, client: Client) -> None:
        self._redis = client
        self._change = client.register_script(_CHANGE)
        self._give = client.register_script(_GIVE)
        self._adopt = client.register_script(_ADOPT)
        self._drop = client.register_script(_DROP)

    def list(self) -> SourceList:
        """Return all sources."""
        with self._redis.pipeline(transaction=True) as step:
            step.get(TOPIC_SOURCES_CHANGES_KEY)
            step.hgetall(TOPIC_SOURCES_KEY)
            changes, values = step.execute()
        kept = [_decode(value) for value in cast("Mapping[bytes, bytes]", values).values()]
        return SourceList(
            int(changes or 0), {each.name: each for each in sorted(kept, key=lambda each: each.name)}
        )

    def offering(self, profile: str) -> Sequence[KeptSource]:
        """Return the sources whose new machines follow a profile, sorted by name."""
        return [
            each
            for each in self.list().sources.values()
            if each.source.profile == profile and not each.is_deleted
        ]

    def newer(self, known: SourceList) -> SourceList:
        """Return all sources, which are `known` unless something has changed."""
        changes = int(cast("bytes | None", self._redis.get(TOPIC_SOURCES_CHANGES_KEY)) or 0)
        return known if changes == known.changes else self.list()

    def settings_of(self, stored: Stored) -> MachineSettings:
        """Return the settings of a machine, and what it does not set from the source that it sends by."""
        [settings] = self.settings_of_each([stored])
        return settings

    def settings_of_each(self, machines: Sequence[Stored]) -> Sequence[MachineSettings]:
        """Return the settings of each of these machines, like `settings_of`."""
        homes = [each.record.home or 0 for each in machines]
        sources = self.list().partitions if any(map(is_source, homes)) else {}
        return [
            each.settings.over(sources[home].source.settings) if home in sources else each.settings
            for each, home in zip(machines, homes, strict=True)
        ]

    def write(self, known: SourceList, kept: KeptSource) -> bool:
        """Write a source. Return False, and change nothing, if any source has changed since `known`."""
        return self._put(known, kept.name, msgspec.msgpack.encode(kept))

    def check_restorable(self, sources: Mapping[str, TopicSource]) -> None:
        """Raise `SourceRefused` or `SourceConflict` if these sources of a backup cannot be restored."""
        here = self.list().sources
        bound = {each.name: each.bound for each in here.values()}
        for name, source in sources.items():
            if name in here and here[name].is_deleted:
                raise SourceConflict(f"The source {name!r} is being deleted. Import the file after that.")
            check_overlaps(name, checked(source), bound)
            bound[name] = (*bound.get(name, ()), pattern_of(source))
        if len(bound) > SOURCES:
            raise SourceConflict(
                f"With the sources in the file there would be {len(bound)}. At most {SOURCES} are possible."
            )

    def restore(self, name: str, source: TopicSource, partition: int) -> None:
        """Create or replace a source from a backup. An API process declares its queues.

        It keeps the number of its partition if no later one was given here. Raises `SourceRefused`.
        """
        source, given = checked(source), 0
        while True:
            self.check_restorable({name: source})
            known = self.list()
            before = known.sources.get(name)
            bound = (*before.bound, pattern_of(source)) if before else (pattern_of(source),)
            number = before.partition if before else (given or self._partition_again(partition))
            given = number
            state: State = before.state if before else "new"
            kept = KeptSource(name, number, state, known.changes + 1, source, tuple(dict.fromkeys(bound)))
            if self.write(known, kept):
                return

    def _partition_again(self, partition: int) -> int:
        """Return this number if no later one was given, else a new one."""
        count = partition - FIRST_PARTITION + 1
        is_given = self._give(keys=[TOPIC_SOURCES_PARTITION_KEY], args=[count])
        return partition if is_given else self.next_partition()

    def remove(self, known: SourceList, name: str) -> bool:
        """Remove a source whose queues are deleted. Return False if any source has changed since `known`."""
        partition = known.sources[name].partition
        self._redis.sadd(TOPIC_SOURCES_RETIRED_KEY, partition)
        self._redis.delete(fence_key(Fence(partition, b"")))
        # Another partition must run the timers of its machines (`pipeline.worker.ways`).
        everywhere = [timers_key(0), timers_key(partition)]
        self._redis.zunionstore(timers_key(0), everywhere, aggregate="MIN")
        self._redis.delete(timers_key(partition))
        self._redis.hdel(TOPIC_SOURCES_RULES_KEY, str(partition))
        return self._put(known, name, b"")

    def retired(self) -> frozenset[int]:
        """Return the numbers of the partitions whose queues are deleted."""
        return frozenset(map(int, cast("set[bytes]", self._redis.smembers(TOPIC_SOURCES_RETIRED_KEY))))

    def next_partition(self) -> int:
        """Return the number of a new partition."""
        return FIRST_PARTITION - 1 + int(self._redis.incr(TOPIC_SOURCES_PARTITION_KEY))

    def adopt(self, fence: Fence, source: SourceInUse) -> SourceInUse | None:
        """Return the source as the session with this fence must use it; None if it has lost the fence."""
        wanted = msgspec.msgpack.encode(source.rules)
        value = self._adopt(
            keys=[fence_key(fence), TOPIC_SOURCES_RULES_KEY], args=[fence.session, fence.partition, wanted]
        )
        if value is None:
            return None
        return replace(source, rules=msgspec.msgpack.decode(cast(bytes, value), type=IdRules))

    def drop(self, fence: Fence) -> None:
        """Drop the rules of a session that has ended, as none of its readings can come back.

        The session must still hold the fence.
        """
        self._drop(keys=[fence_key(fence), TOPIC_SOURCES_RULES_KEY], args=[fence.session, fence.partition])

    def _put(self, known: SourceList, name: str, value: bytes) -> bool:
        keys = [TOPIC_SOURCES_KEY, TOPIC_SOURCES_CHANGES_KEY]
        return bool(self._change(keys=keys, args=[known.changes, name, value]))


_decode = msgspec.msgpack.Decoder(KeptSource).decode
