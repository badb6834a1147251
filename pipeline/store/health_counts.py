"""Counts the machines of each health, from the index, in one look.

How many machines are paused, quarantined or new, Redis knows: each is a set. Of the others it depends on when
each was last seen, which another set has for all. So the silent ones are counted from whichever side is
smaller: those in a condition of trouble are asked when they were seen, or those that were seen too long ago
are asked in which condition they are. If both sides have more than `MAX_EXAMINED` machines, the counts of
silent, failing and running ones are unknown: nobody waits long for a count.

As all of the index, it may be behind the machines for seconds.
"""

from typing import Final

import redis
from msgspec import Struct

from pipeline.model.machine import Condition, Health
from pipeline.store.keys import MACHINES_KEY, condition_key
from pipeline.store.machine_index import SEEN_KEY

#: Machines that are looked at for a count, at the most. Redis does nothing else meanwhile, for some two
#: milliseconds.
MAX_EXAMINED: Final = 4_000

#: KEYS seen, all machines, those that are new, and the conditions of trouble; ARGV since when a machine is
#: not silent, and how many are looked at. Answers how many machines there are, how many are new, how many
#: were seen before that, and of each condition how many it has, and how many of those were seen before: -1
#: where that would be too many to look at.
_COUNT: Final = """
local since, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local old = redis.call('ZCOUNT', KEYS[1], 1, '(' .. ARGV[1])
local answer, sizes, apart = {redis.call('ZCARD', KEYS[2]), redis.call('ZCARD', KEYS[3]), old}, {}, 0
for place = 4, #KEYS do
    sizes[place] = redis.call('ZCARD', KEYS[place])
    apart = apart + sizes[place]
end
local ids
if apart > most and old <= most then
    ids = redis.call('ZRANGE', KEYS[1], 1, '(' .. ARGV[1], 'BYSCORE')
end
for place = 4, #KEYS do
    local count = -1
    if ids then
        count = 0
        if #ids > 0 then
            for _, score in ipairs(redis.call('ZMSCORE', KEYS[place], unpack(ids))) do
                count = count + (score and 1 or 0)
            end
        end
    elseif apart <= most then
        count = 0
        if sizes[place] > 0 then
            local members = redis.call('ZRANGE', KEYS[place], 0, -1)
            for _, score in ipairs(redis.call('ZMSCORE', KEYS[1], unpack(members))) do
                local seen = tonumber(score or '0')
                count = count + (seen > 0 and seen < since and 1 or 0)
            end
        end
    end
    answer[#answer + 1], answer[#answer + 2] = sizes[place], count
end
return answer
"""

#: The conditions of trouble, in which a machine may be silent or not.
_TROUBLE: Final = (Condition.PAUSED, Condition.QUARANTINED, Condition.FAILING)
_KEYS: Final = [SEEN_KEY, MACHINES_KEY, *map(condition_key, (Condition.NEW, *_TROUBLE))]


class HealthCounts(Struct, frozen=True):
    """The number of machines, in total and by health; null if counting takes too long."""

    machines: int
    health: dict[Health, int | None]


class HealthCounter:
    """Counts machines. Safe to share between threads."""

    def __init__(self, client: "redis.Redis") -> None:
        self._count = client.register_script(_COUNT)

    def count(self, silent_since: int, looks: int = MAX_EXAMINED) -> HealthCounts:
        """How many machines there are of each health, where who was last seen before `silent_since`
        (milliseconds since 1970) is silent. Raises `redis.RedisError`."""
        machines, new, old, *counts = self._count(keys=_KEYS, args=[silent_since, looks])
        paused, quarantined, failing = counts[::2]
        silent: int | None = None
        running: int | None = None
        failing_now: int | None = None
        if min(counts[1::2]) >= 0:
            old_paused, old_quarantined, old_failing = counts[1::2]
            silent = old - old_paused - old_quarantined
            failing_now = failing - old_failing
            running = machines - paused - quarantined - new - silent - failing_now
        return HealthCounts(
            machines,
            {
                Health.RUNNING: running,
                Health.FAILING: failing_now,
                Health.SILENT: silent,
                Health.QUARANTINED: quarantined,
                Health.PAUSED: paused,
                Health.NEW: new,
            },
        )
