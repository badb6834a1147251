"""Counts the machines by health from the index, in one script.

Redis knows how many machines are paused, quarantined or new: each is a set. For the others, the health
depends on when each was last seen, which another set has for all machines. If the settings of machines say
after how long they are silent, other sets have these machines, by when they become silent. So three ranges
give the number of machines that have sent nothing for too long. But some of these are paused, quarantined or
failing. The script counts them from the smaller side: it either checks when the machines with trouble were
last seen, or checks the condition of the machines that were last seen too long ago. If both sides have more
than `MAX_EXAMINED` machines, the counts of silent, failing and running machines are unknown, so that no count
takes long.

Like the whole index, the counts may be behind the machines for seconds.
"""

from typing import Final

from msgspec import Struct

from pipeline.model.machine import Condition, Health, Silence
from pipeline.store.client import Client, plain
from pipeline.store.keys import (
    MACHINES_KEY,
    MACHINES_SEEN_KEY,
    MACHINES_SILENT_AFTER_KEY,
    MACHINES_SILENT_AFTER_SEEN_KEY,
    MACHINES_SILENT_AT_KEY,
    condition_key,
)

#: Maximum machines that a count checks. Redis is blocked meanwhile, for about two milliseconds.
MAX_EXAMINED: Final = 4_000

#: KEYS: seen, all machines, new machines, silent-after, its seen, silent-at, and the conditions of trouble.
#: ARGV: now, since when a machine is not silent whose settings do not say so, after how many seconds, and how
#: many to check. Returns the number of machines, the number of new ones, the number last seen too long ago,
#: and for each condition its number of machines and how many of those were last seen too long ago: -1 if
#: there are too many to check.
_COUNT: Final = """
local now, until_now, until_since = tonumber(ARGV[1]), '(' .. ARGV[1], '(' .. ARGV[2]
local default, most = tonumber(ARGV[3]), tonumber(ARGV[4])
local old, own = redis.call('ZCOUNT', KEYS[1], 1, until_since), redis.call('ZCOUNT', KEYS[6], 1, until_now)
local silent = old - redis.call('ZCOUNT', KEYS[5], 1, until_since) + own
local answer, sizes, apart = {redis.call('ZCARD', KEYS[2]), redis.call('ZCARD', KEYS[3]), silent}, {}, 0
for place = 7, #KEYS do
    sizes[place] = redis.call('ZCARD', KEYS[place])
    apart = apart + sizes[place]
end
local ids
if apart > most and old + own <= most then
    ids = redis.call('ZRANGE', KEYS[6], 1, until_now, 'BYSCORE')
    local others = redis.call('ZRANGE', KEYS[1], 1, until_since, 'BYSCORE')
    if #others > 0 then
        for at, after in ipairs(redis.call('ZMSCORE', KEYS[4], unpack(others))) do
            if not after then
                ids[#ids + 1] = others[at]
            end
        end
    end
end
for place = 7, #KEYS do
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
            local afters = redis.call('ZMSCORE', KEYS[4], unpack(members))
            for at, score in ipairs(redis.call('ZMSCORE', KEYS[1], unpack(members))) do
                local seen, after = tonumber(score or '0'), tonumber(afters[at] or default)
                count = count + (seen > 0 and seen < now - 1000 * after and 1 or 0)
            end
        end
    end
    answer[#answer + 1], answer[#answer + 2] = sizes[place], count
end
return answer
"""

#: The conditions of trouble. A machine in one of them may be silent too.
_TROUBLE: Final = (Condition.PAUSED, Condition.QUARANTINED, Condition.FAILING)
_KEYS: Final = [
    MACHINES_SEEN_KEY,
    MACHINES_KEY,
    condition_key(Condition.NEW),
    MACHINES_SILENT_AFTER_KEY,
    MACHINES_SILENT_AFTER_SEEN_KEY,
    MACHINES_SILENT_AT_KEY,
    *map(condition_key, _TROUBLE),
]


class HealthCounts(Struct, frozen=True):
    """The number of machines, in total and by health; null if counting takes too long."""

    machines: int
    health: dict[Health, int | None]


class HealthCounter:
    """Counts machines. Safe to share between threads."""

    def __init__(self, client: Client) -> None:
        self._count = plain(client).register_script(_COUNT)  # it only reads

    def count(self, silence: Silence, most: int = MAX_EXAMINED) -> HealthCounts:
        """Count the machines by health. Raises `RedisError`."""
        arguments = [silence.now, silence.since(), silence.after, most]
        machines, new, old, *counts = self._count(keys=_KEYS, args=arguments)
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
