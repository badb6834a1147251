"""Counts the machines of groups by health: those of each profile, of each tag, or of each line.

The groups come in pages, sorted by name. A script counts each group on its own, so that Redis is never
blocked for longer than by one group. A group of more than `MAX_EXAMINED` machines has its size only, so that
no count takes long. Like the whole index, the counts may be behind the machines for seconds.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final, cast

from msgspec import Struct

from pipeline.model.machine import Condition, Health, Silence
from pipeline.store.client import Client, plain
from pipeline.store.health_counts import MAX_EXAMINED
from pipeline.store.keys import (
    LINES_KEY,
    MACHINES_SEEN_KEY,
    MACHINES_SILENT_AFTER_KEY,
    PROFILES_KEY,
    TAGS_KEY,
    condition_key,
    line_machines_key,
    profile_machines_key,
    tag_machines_key,
)

#: Counts a group. KEYS: its set, seen, silent-after, and the conditions. ARGV: now, the seconds after which a
#: machine is silent whose settings do not say so, and how many machines to check. Returns the size of the
#: set, and for each condition how many are in it, and how many of those were last seen too long ago; only the
#: size if there are too many to check.
_COUNT: Final = """
local now, default, size = tonumber(ARGV[1]), tonumber(ARGV[2]), redis.call('SCARD', KEYS[1])
if size == 0 or size > tonumber(ARGV[3]) then
    return {size}
end
local ids, answer = redis.call('SMEMBERS', KEYS[1]), {size}
local seen, afters = redis.call('ZMSCORE', KEYS[2], unpack(ids)), redis.call('ZMSCORE', KEYS[3], unpack(ids))
for place = 4, #KEYS do
    local count, old = 0, 0
    for at, score in ipairs(redis.call('ZMSCORE', KEYS[place], unpack(ids))) do
        if score then
            local last = tonumber(seen[at] or '0')
            count = count + 1
            old = old + (last > 0 and last < now - 1000 * tonumber(afters[at] or default) and 1 or 0)
        end
    end
    answer[#answer + 1], answer[#answer + 2] = count, old
end
return answer
"""

_CONDITIONS: Final = (
    Condition.PAUSED,
    Condition.QUARANTINED,
    Condition.NEW,
    Condition.FAILING,
    Condition.FINE,
)


class GroupKind(StrEnum):
    """What the machines of a group have in common."""

    PROFILE = "profile"
    TAG = "tag"
    LINE = "line"


#: The key of the names of all groups of a kind, and of the machines of one of them.
_KEYS: Final[dict[GroupKind, tuple[str, Callable[[str], str]]]] = {
    GroupKind.PROFILE: (PROFILES_KEY, profile_machines_key),
    GroupKind.TAG: (TAGS_KEY, tag_machines_key),
    GroupKind.LINE: (LINES_KEY, line_machines_key),
}


class MachineGroup(Struct, frozen=True):
    """A group, the number of its machines, and that number by health; null if counting takes too long."""

    name: str
    machines: int
    health: dict[Health, int] | None


class GroupCounter:
    """Counts groups. Safe to share between threads. May raise `RedisError`."""

    def __init__(self, client: Client) -> None:
        self._redis = client
        self._count = plain(client).register_script(_COUNT)  # it only reads

    def page(
        self, kind: GroupKind, after: str, limit: int, silence: Silence, most: int = MAX_EXAMINED
    ) -> tuple[list[MachineGroup], str | None]:
        """Return up to `limit` groups with names after `after`, and the cursor of the next page.

        Groups without machines are left out.
        """
        names_key, machines_key = _KEYS[kind]
        start = f"({after}" if after else "-"
        found = cast("list[bytes]", self._redis.zrangebylex(names_key, start, "+", 0, limit + 1))
        names = [*map(bytes.decode, found)]
        counted = (self._counted(name, machines_key(name), silence, most) for name in names[:limit])
        groups = [each for each in counted if each.machines]
        return groups, names[limit - 1] if len(names) > limit else None

    def _counted(self, name: str, key: str, silence: Silence, most: int) -> MachineGroup:
        keys = [key, MACHINES_SEEN_KEY, MACHINES_SILENT_AFTER_KEY, *map(condition_key, _CONDITIONS)]
        size, *counts = self._count(keys=keys, args=[silence.now, silence.after, most])
        if not counts:
            return MachineGroup(name, size, None if size else {})
        paused, quarantined, new, failing, fine = counts[::2]
        old_failing, old_fine = counts[7], counts[9]
        health = {
            Health.RUNNING: fine - old_fine,
            Health.FAILING: failing - old_failing,
            Health.SILENT: old_failing + old_fine,
            Health.QUARANTINED: quarantined,
            Health.PAUSED: paused,
            Health.NEW: new,
        }
        # The set of a profile may contain a machine that no longer exists.
        return MachineGroup(name, sum(health.values()), health)
