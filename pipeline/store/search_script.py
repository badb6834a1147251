"""Checks candidate machines of the index against a filter, in one round trip.

It is a script, so that the result is consistent, and only matches are transferred.
"""

from typing import Final, Literal

from msgspec import Struct

from pipeline.model.about import as_tag, one_line
from pipeline.model.machine import Condition, Health, Silence
from pipeline.store.client import Client, plain
from pipeline.store.keys import (
    ABOUT_TEXT_KEY,
    MACHINES_SEEN_KEY,
    MACHINES_SILENT_AFTER_KEY,
    condition_key,
    line_machines_key,
    profile_machines_key,
    tag_machines_key,
)
from pipeline.wire import LARGEST_INTEGER

#: Later than any machine was seen, in milliseconds since 1970.
NEVER: Final = LARGEST_INTEGER

#: Checks candidates. Returns how many there were, the last one with when it was seen, and then the matches in
#: the same form. KEYS: the candidates, seen, silent-after, the texts of cards, the sets in all of which they
#: must be, and the conditions of which one must match. ARGV: the type of the candidates, how many, the first
#: and the last, the prefix, when they must have been seen (since, before), how many sets there are, whether
#: they must be silent ('1', '0', or '' for both), now, the seconds after which a machine is silent whose
#: settings do not say so, and the text in their ids or cards (or ''). A cursor by last seen is found by
#: bisection: Redis sorts equal scores by the bytes of the ids.
_SCRIPT: Final = """
local function is_before(one, other)
    for at = 1, math.min(#one, #other) do
        local difference = one:byte(at) - other:byte(at)
        if difference ~= 0 then
            return difference < 0
        end
    end
    return #one < #other
end

local function rank_behind(seen, id)
    local low = redis.call('ZCOUNT', KEYS[1], '(' .. seen, '+inf')
    local high = low + redis.call('ZCOUNT', KEYS[1], seen, seen)
    while low < high do
        local middle = math.floor((low + high) / 2)
        if is_before(redis.call('ZREVRANGE', KEYS[1], middle, middle)[1], id) then
            high = middle
        else
            low = middle + 1
        end
    end
    return low
end

local what, count, first, last = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local ids
if what == 'ids' then
    ids = redis.call('ZRANGE', KEYS[1], first, last, 'BYLEX', 'LIMIT', 0, count)
elseif what == 'set' then
    ids = redis.call('SMEMBERS', KEYS[1])
elseif what == 'seen' then
    ids = redis.call('ZRANGE', KEYS[1], last, first, 'BYSCORE', 'REV', 'LIMIT', 0, count)
else
    local rank = rank_behind(first, last)
    ids = redis.call('ZREVRANGE', KEYS[1], rank, rank + count - 1)
end
local answer = {#ids, ids[#ids] or '', ids[1] and redis.call('ZSCORE', KEYS[2], ids[#ids]) or '0'}

local function keep(fits)
    local kept = {}
    for at, id in ipairs(ids) do
        if fits(at, id) then
            kept[#kept + 1] = id
        end
    end
    ids = kept
end

local prefix, since, before, sets = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
if prefix ~= '' then
    keep(function(at, id) return string.sub(id, 1, #prefix) == prefix end)
end
for place = 5, 4 + sets do
    if #ids > 0 then
        local members = redis.call('SMISMEMBER', KEYS[place], unpack(ids))
        keep(function(at) return members[at] == 1 end)
    end
end
if #ids > 0 and #KEYS > 4 + sets then
    local fitting = {}
    for place = 5 + sets, #KEYS do
        for at, score in ipairs(redis.call('ZMSCORE', KEYS[place], unpack(ids))) do
            fitting[at] = fitting[at] or score
        end
    end
    keep(function(at) return fitting[at] end)
end
local text = ARGV[12]
if #ids > 0 and text ~= '' then
    local texts = redis.call('HMGET', KEYS[4], unpack(ids))
    keep(function(at, id)
        return string.find(string.lower(id), text, 1, true)
            or texts[at] and string.find(texts[at], text, 1, true)
    end)
end
if #ids > 0 then
    local silent, now = ARGV[9], tonumber(ARGV[10])
    local afters = silent ~= '' and redis.call('ZMSCORE', KEYS[3], unpack(ids))
    for at, seen in ipairs(redis.call('ZMSCORE', KEYS[2], unpack(ids))) do
        seen = seen or '0'
        local fits = tonumber(seen) >= since and tonumber(seen) < before
        if fits and afters then
            local is_silent = tonumber(seen) < now - 1000 * tonumber(afters[at] or ARGV[11])
            fits = is_silent == (silent == '1')
        end
        if fits then
            answer[#answer + 1], answer[#answer + 2] = ids[at], seen
        end
    end
end
return answer
"""


class MachineFilter(Struct, frozen=True, kw_only=True):
    """Selects the machines that match all given filters.

    `text` is a part of the id, the plain name, the line or a tag, without case.
    """

    prefix: str = ""
    text: str = ""
    health: Health | None = None
    profile: str | None = None
    tag: str | None = None
    line: str | None = None

    @property
    def sets(self) -> list[str]:
        """The keys of the sets in all of which the machines are."""
        keys = [] if self.profile is None else [profile_machines_key(self.profile)]
        keys += [] if self.tag is None else [tag_machines_key(as_tag(self.tag))]
        return keys + ([] if self.line is None else [line_machines_key(self.line)])


#: The healths that depend on when a machine was last seen.
DEPEND_ON_SILENCE: Final = (Health.RUNNING, Health.FAILING, Health.SILENT)

#: A machine's place in the orders: when it was last seen (milliseconds since 1970), and its id.
Place = tuple[int, str]


class IndexTerms(Struct, frozen=True):
    """The filters in terms of the index.

    The machine was seen at `since` or later and before `before`, is in one of the conditions (any, if there
    are none), and so on. With `is_silent`, this window is not enough: the settings of some machines say after
    how many seconds they are silent, so each machine is checked.
    """

    prefix: str
    since: int
    before: int
    conditions: tuple[Condition, ...]
    sets: list[str]
    text: str
    silence: Silence
    is_silent: bool | None = None

    @classmethod
    def of(cls, where: MachineFilter, silence: Silence, own: tuple[int, int] | None = None) -> "IndexTerms":
        """Convert a filter.

        `own` are the fewest and the most seconds after which a machine is silent by its settings; None if
        there are no such settings.
        """
        since, before, is_silent = 0, NEVER, None
        if where.health is Health.NEW:
            before = 1
        elif where.health in DEPEND_ON_SILENCE:
            is_silent = where.health is Health.SILENT
            fewest, most = own or (silence.after, silence.after)
            if is_silent:
                before = silence.since(min(fewest, silence.after))
            else:
                since = silence.since(max(most, silence.after))
        return cls(
            where.prefix,
            since,
            before,
            _conditions(where.health),
            where.sets,
            one_line(where.text).casefold(),
            silence,
            is_silent if own else None,
        )


class Candidates(Struct, frozen=True):
    """The machines to check: the part of the sorted set (or set) `key` between `first` and `last`."""

    what: Literal["ids", "set", "seen", "behind"]
    key: str
    first: bytes | str | int = ""
    last: bytes | str | int = ""


class SearchScript:
    """Checks machines. Safe to share between threads."""

    def __init__(self, client: Client) -> None:
        self._script = plain(client).register_script(_SCRIPT)  # it only reads

    def at(self, candidates: Candidates, terms: IndexTerms, count: int) -> tuple[int, Place, list[Place]]:
        """Return the number of candidates, at most `count`, the last of them, and the matches.

        Raises `RedisError`.
        """
        keys = [candidates.key, MACHINES_SEEN_KEY, MACHINES_SILENT_AFTER_KEY, ABOUT_TEXT_KEY, *terms.sets]
        keys += map(condition_key, terms.conditions)
        arguments: list[bytes | str | int] = [
            *(candidates.what, count, candidates.first, candidates.last),
            *(terms.prefix, terms.since, terms.before, len(terms.sets)),
            "" if terms.is_silent is None else int(terms.is_silent),
            *(terms.silence.now, terms.silence.after, terms.text.encode()),
        ]
        number, last_id, last_seen, *fits = self._script(keys=keys, args=arguments)
        places = zip(fits[::2], fits[1::2], strict=True)
        return (
            number,
            (int(last_seen), last_id.decode()),
            [(int(seen), machine_id.decode()) for machine_id, seen in places],
        )


def _conditions(health: Health | None) -> tuple[Condition, ...]:
    if health is None:
        return ()
    if health is Health.SILENT:
        return Condition.FAILING, Condition.FINE
    return (Condition.FINE if health is Health.RUNNING else Condition(health),)
