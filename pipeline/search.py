"""Finds machines in the directory: by the beginning of their id, their health and their profile, all of it at
once, in the order of their ids or of when they were last seen, the last one first.

What a page costs is bounded, however many machines there are, and whatever fits:

- Where few are left by one of the filters, these few are looked at, and sorted.
- Else the machines are walked through in their order from the cursor on, until the page is full, or
  `LOOKS` were looked at. Then the page is shorter than it could be, and its `next` says where to go on.

A cursor names a place in the order and not a count, so what comes or goes elsewhere moves no page. By id,
each machine that is there all the time is found once. By last seen, one that sends meanwhile goes to the
front: a walk that is under way may miss it, and finds none twice.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from operator import itemgetter
from typing import Final, Literal, cast

import redis
from msgspec import Struct

from pipeline.directory import SEEN_KEY, condition_key
from pipeline.health import Condition, Health
from pipeline.records import MACHINES_KEY
from pipeline.setup import profile_machines_key
from pipeline.topology import is_machine_id

#: Machines that one page looks at, at the most, and in one round trip. Redis does nothing else meanwhile: a
#: thousand take it a millisecond or two.
LOOKS: Final = 5_000
_STEP: Final = 1_000

#: So few machines are all looked at, and sorted.
_FEW: Final = 1_000

#: Later than any machine was seen, in milliseconds since 1970.
_NEVER: Final = 2**53

#: Looks at candidates, and answers how many there were, the last one with when it was seen, and then those
#: that fit, in the same way. KEYS where the candidates are, seen, the profile's machines (or seen again), and
#: the conditions of which one must fit. ARGV what the candidates are, how many, from where to where, the
#: prefix, when they must have been seen (since, before), and whether there is a profile. A cursor by when
#: machines were last seen is found by bisection: Redis sorts equal scores by the bytes of the ids.
_LOOK: Final = """
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

local prefix, since, before = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
if prefix ~= '' then
    keep(function(at, id) return string.sub(id, 1, #prefix) == prefix end)
end
if #ids > 0 and ARGV[8] == '1' then
    local members = redis.call('SMISMEMBER', KEYS[3], unpack(ids))
    keep(function(at) return members[at] == 1 end)
end
if #ids > 0 and #KEYS > 3 then
    local fitting = {}
    for place = 4, #KEYS do
        for at, score in ipairs(redis.call('ZMSCORE', KEYS[place], unpack(ids))) do
            fitting[at] = fitting[at] or score
        end
    end
    keep(function(at) return fitting[at] end)
end
if #ids > 0 then
    for at, seen in ipairs(redis.call('ZMSCORE', KEYS[2], unpack(ids))) do
        seen = seen or '0'
        if tonumber(seen) >= since and tonumber(seen) < before then
            answer[#answer + 1], answer[#answer + 2] = ids[at], seen
        end
    end
end
return answer
"""

_SEEN_CURSOR = re.compile(r"([0-9]{1,16})\.([A-Za-z0-9_-]{1,128})")


class Sort(StrEnum):
    """In which order machines are found."""

    ID = "id"
    #: The one that was seen last comes first, those that never were last.
    LAST_SEEN = "last_seen"


class Filter(Struct, frozen=True, kw_only=True):
    """Which machines are meant: those that fit all that is given."""

    prefix: str = ""
    health: Health | None = None
    profile: str | None = None


class Page(Struct, frozen=True):
    """The machines that were found, and where the next page starts, None on the last."""

    machine_ids: list[str]
    next: str | None


#: A machine's place in the orders: when it was seen (milliseconds since 1970), and its id.
_Place = tuple[int, str]


class _Tests(Struct, frozen=True):
    """What a machine must fit, in the terms of the directory: it was seen at `since` or later and before
    `before`, is in one of the conditions (in any, where there are none), and so on."""

    prefix: str
    since: int
    before: int
    conditions: tuple[Condition, ...]
    profile: str | None

    @classmethod
    def of(cls, where: Filter, silent_since: int) -> "_Tests":
        since, before = 0, _NEVER
        if where.health is Health.NEW:
            before = 1
        elif where.health is Health.SILENT:
            before = silent_since
        elif where.health in (Health.RUNNING, Health.FAILING):
            since = silent_since
        return cls(where.prefix, since, before, _conditions(where.health), where.profile)


class _Candidates(Struct, frozen=True):
    """Who is looked at: of the sorted set (or set) `key` what lies between `first` and `last`."""

    what: Literal["ids", "set", "seen", "behind"]
    key: str
    first: bytes | str | int = ""
    last: bytes | str | int = ""


class Search:
    """Finds machines. Safe to share between threads. May raise `redis.RedisError`."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._script = client.register_script(_LOOK)

    def find(self, where: Filter, sort: Sort, after: str, limit: int, silent_since: int) -> Page:
        """The machines that are meant, from behind `after`, which is `next` of another page, or empty.

        Who was last seen before `silent_since` (milliseconds since 1970) is silent. The directory may be
        behind for seconds, so that one of them may not fit (any more). Raises `ValueError` where `after` is
        no cursor of this order.
        """
        tests, cursor = _Tests.of(where, silent_since), _parse(sort, after)
        few = self._few(tests, sort, limit)
        if few is None:
            return self._walk(tests, sort, cursor, limit)
        found = [place for part in few for place in self._look(part, tests, 2 * _FEW)[2]]
        found = (
            sorted(set(found), key=lambda place: place[1]) if sort is Sort.ID else sorted(set(found))[::-1]
        )
        if cursor is not None:
            found = [place for place in found if _is_behind(sort, place, cursor)]
        return _page(sort, found, limit)

    def _few(self, tests: _Tests, sort: Sort, limit: int) -> list[_Candidates] | None:
        """All who fit one of the tests, where these are few, and fewer than a walk would look at."""
        window, ids = (f"{tests.since}", f"({tests.before}"), _id_range(tests.prefix)
        by_id, by_condition = sort is Sort.ID, [condition_key(each) for each in tests.conditions]
        # Each choice with whether a walk goes along it, and looks at no others anyway.
        choices = [(True, [_Candidates("ids", MACHINES_KEY, "-", "+")])]
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.zcard(MACHINES_KEY)
            if tests.prefix:
                choices.append((by_id, [_Candidates("ids", MACHINES_KEY, *ids)]))
                pipeline.zlexcount(MACHINES_KEY, *ids)
            if (tests.since, tests.before) != (0, _NEVER):
                choices.append((not by_id, [_Candidates("seen", SEEN_KEY, *window)]))
                pipeline.zcount(SEEN_KEY, *window)
            if tests.profile is not None:
                choices.append((False, [_Candidates("set", profile_machines_key(tests.profile))]))
                pipeline.scard(profile_machines_key(tests.profile))
            for key in by_condition:
                pipeline.zcard(key)
            sizes = cast("list[int]", pipeline.execute())
        if by_condition:
            along = by_id and len(by_condition) == 1
            sizes[len(choices) :] = [sum(sizes[len(choices) :])]
            choices.append((along, [_Candidates("ids", key, "-", "+") for key in by_condition]))
        walked = min(size for size, (along, _) in zip(sizes, choices, strict=True) if along)
        others = [(size, choice) for size, (along, choice) in zip(sizes, choices, strict=True) if not along]
        if not others:
            return None
        size, choice = min(others, key=itemgetter(0))
        # One in walked / size fits, if they are spread evenly.
        return choice if size <= _FEW and size * size < (limit + 1) * walked else None

    def _walk(self, tests: _Tests, sort: Sort, cursor: _Place | None, limit: int) -> Page:
        candidates, step = _from_start(tests, sort, cursor), min(limit + 1, _STEP)
        found, looked = list[_Place](), 0
        while True:
            count, last, fits = self._look(candidates, tests, step)
            found += fits
            looked += count
            if len(found) > limit or count < step or (sort is Sort.LAST_SEEN and last[0] < tests.since):
                return _page(sort, found, limit)
            if looked >= LOOKS:
                return Page([machine_id for _, machine_id in found], _cursor(sort, last))
            candidates, step = _from_start(tests, sort, last), min(4 * step, _STEP)

    def _look(self, candidates: _Candidates, tests: _Tests, count: int) -> tuple[int, _Place, list[_Place]]:
        """How many candidates there were, `count` at the most, the last of them, and those that fit."""
        profile_key = profile_machines_key(tests.profile) if tests.profile is not None else SEEN_KEY
        keys = [candidates.key, SEEN_KEY, profile_key, *map(condition_key, tests.conditions)]
        arguments: list[bytes | str | int] = [
            *(candidates.what, count, candidates.first, candidates.last),
            *(tests.prefix, tests.since, tests.before, int(tests.profile is not None)),
        ]
        number, last_id, last_seen, *fits = self._script(keys=keys, args=arguments)
        places = zip(fits[::2], fits[1::2], strict=True)
        return (
            number,
            (int(last_seen), last_id.decode()),
            [(int(seen), machine_id.decode()) for machine_id, seen in places],
        )


def _from_start(tests: _Tests, sort: Sort, cursor: _Place | None) -> _Candidates:
    """All machines that may fit, from behind the cursor on."""
    if sort is Sort.LAST_SEEN:
        if cursor is None:
            return _Candidates("seen", SEEN_KEY, f"{tests.since}", f"({tests.before}")
        return _Candidates("behind", SEEN_KEY, *cursor)
    key = condition_key(tests.conditions[0]) if len(tests.conditions) == 1 else MACHINES_KEY
    first, last = _id_range(tests.prefix)
    if cursor is not None and cursor[1] >= tests.prefix:
        first = f"({cursor[1]}".encode()
    return _Candidates("ids", key, first, last)


def _id_range(prefix: str) -> tuple[bytes, bytes]:
    """The ids with this prefix, as Redis says a range by bytes."""
    return (f"[{prefix}".encode(), f"({prefix}".encode() + b"\xff") if prefix else (b"-", b"+")


def _conditions(health: Health | None) -> tuple[Condition, ...]:
    if health is None:
        return ()
    if health is Health.SILENT:
        return Condition.FAILING, Condition.FINE
    return (Condition.FINE if health is Health.RUNNING else Condition(health),)


def _page(sort: Sort, found: Sequence[_Place], limit: int) -> Page:
    page = found[:limit]
    return Page(
        [machine_id for _, machine_id in page], _cursor(sort, page[-1]) if len(found) > limit else None
    )


def _is_behind(sort: Sort, place: _Place, cursor: _Place) -> bool:
    return place[1] > cursor[1] if sort is Sort.ID else place < cursor


def _cursor(sort: Sort, place: _Place) -> str:
    return place[1] if sort is Sort.ID else f"{place[0]}.{place[1]}"


def _parse(sort: Sort, after: str) -> _Place | None:
    if not after:
        return None
    if sort is Sort.ID:
        if not is_machine_id(after):
            raise ValueError(f"{after!r} is no cursor by id")
        return 0, after
    found = _SEEN_CURSOR.fullmatch(after)
    if found is None:
        raise ValueError(f"{after!r} is no cursor by last seen")
    return int(found[1]), found[2]
