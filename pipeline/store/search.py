"""Finds machines in the index by id, text, health, profile, tag and line, all combined.

The order is by id, or by when the machines were last seen, latest first. The cost of a page is bounded,
however many machines exist and whichever match:

- If one of the filters leaves only a few machines, all of these are checked and sorted.
- Otherwise the search walks through the machines in order from the cursor on, until the page is full or
  `MAX_EXAMINED` machines were checked. Then the page is shorter than its limit, and its `next` says where to
  continue.

A text is searched in the ids and cards of the machines that the other filters leave, so a search for a rare
text among N machines takes N / `MAX_EXAMINED` pages.

If the settings of machines say after how long they are silent, the window of a walk by last seen holds for
all of them: it is wider, and its pages may be shorter.

A cursor names a place in the order and not a count, so machines that come or go elsewhere do not shift pages.
By id, each machine that exists all the time is found once. By last seen, a machine that sends meanwhile moves
to the front: a search in progress may miss it, and finds no machine twice.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from itertools import islice
from operator import itemgetter
from typing import Final, cast

from msgspec import Struct

from pipeline.model.machine import Silence
from pipeline.store.client import Client, Pipeline
from pipeline.store.keys import (
    MACHINES_KEY,
    MACHINES_SEEN_KEY,
    MACHINES_SILENT_AFTER_KEY,
    MACHINES_SILENT_AT_KEY,
    condition_key,
)
from pipeline.store.search_script import (
    DEPEND_ON_SILENCE,
    NEVER,
    Candidates,
    IndexTerms,
    MachineFilter,
    Place,
    SearchScript,
)
from pipeline.wire import is_machine_id

#: Maximum machines that one page checks, and that one round trip checks. Redis is blocked meanwhile: a
#: thousand machines take a millisecond or two.
MAX_EXAMINED: Final = 4_000
_STEP: Final = 2_000

#: Up to this number, all machines are checked and sorted.
_FEW: Final = 1_000

_SEEN_CURSOR = re.compile(r"([0-9]{1,16})\.([A-Za-z0-9_-]{1,128})")


class Sort(StrEnum):
    """The order of the list of machines."""

    ID = "id"
    #: Latest seen first, never seen last.
    LAST_SEEN = "last_seen"


class Page(Struct, frozen=True):
    """The machines that were found, and the cursor of the next page; None on the last page."""

    machine_ids: list[str]
    next: str | None


class Search:
    """Finds machines. Safe to share between threads. May raise `RedisError`."""

    def __init__(self, client: Client) -> None:
        self._redis = client
        self._script = SearchScript(client)

    def find(self, where: MachineFilter, sort: Sort, after: str, limit: int, silence: Silence) -> Page:
        """Return the machines that match, from behind `after`, the `next` of another page, or empty.

        The index may be behind for seconds, so a machine may not match (any more). Raises `ValueError` if
        `after` is not a cursor of this order.
        """
        cursor = _parse(sort, after)
        terms = IndexTerms.of(where, silence, self._own() if where.health in DEPEND_ON_SILENCE else None)
        few, step = self._plan(terms, sort, limit)
        if few is None:
            return self._walk(terms, sort, cursor, limit, step)
        found = [place for part in few for place in self._script.at(part, terms, 2 * _FEW)[2]]
        found = (
            sorted(set(found), key=lambda place: place[1]) if sort is Sort.ID else sorted(set(found))[::-1]
        )
        if cursor is not None:
            found = [place for place in found if _is_behind(sort, place, cursor)]
        return _page(sort, found, limit)

    def _own(self) -> tuple[int, int] | None:
        """Return the fewest and the most seconds after which a machine is silent by its settings, if any."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for place in (0, -1):
                pipeline.zrange(MACHINES_SILENT_AFTER_KEY, place, place, withscores=True)
            fewest, most = cast("list[list[tuple[bytes, float]]]", pipeline.execute())
        return (int(fewest[0][1]), int(most[0][1])) if fewest and most else None

    def _plan(self, terms: IndexTerms, sort: Sort, limit: int) -> tuple[list[Candidates] | None, int]:
        """Choose the machines to check, and estimate how many a walk would check for a page.

        Return all machines that match one of the terms if they are few, and fewer than a walk would check;
        otherwise None.
        """
        by_id = sort is Sort.ID
        # Each choice says whether a walk goes along it and so checks no other machines anyway.
        choices = [(True, [Candidates("ids", MACHINES_KEY, "-", "+")])]
        if terms.prefix:
            choices.append((by_id, [Candidates("ids", MACHINES_KEY, *_id_range(terms.prefix))]))
        if (terms.since, terms.before) != (0, NEVER):
            choices.append((not by_id, [_seen_between(MACHINES_SEEN_KEY, terms.since, terms.before)]))
        if terms.is_silent is not None:
            choices.append((False, _by_silence(terms)))
        choices += [(False, [Candidates("set", key)]) for key in terms.sets]
        if terms.conditions:
            along = by_id and len(terms.conditions) == 1
            keys = map(condition_key, terms.conditions)
            choices.append((along, [Candidates("ids", key, "-", "+") for key in keys]))
        with self._redis.pipeline(transaction=False) as pipeline:
            for part in [part for _, parts in choices for part in parts]:
                _count(pipeline, part)
            counts = iter(cast("list[int]", pipeline.execute()))
        sizes = [sum(islice(counts, len(parts))) for _, parts in choices]
        walked = min(size for size, (along, _) in zip(sizes, choices, strict=True) if along)
        others = [(size, choice) for size, (along, choice) in zip(sizes, choices, strict=True) if not along]
        # A text may match few machines, or none.
        least = _STEP if terms.text else limit + 1
        if not others:
            return None, least
        size, choice = min(others, key=itemgetter(0))
        # If matches are spread evenly, one in walked / size matches. Check half as many more, as they are not
        # quite even.
        checks = max(least, (limit + 1) * walked * 3 // (2 * max(size, 1)))
        return choice if size <= _FEW and size < checks else None, checks

    def _walk(self, terms: IndexTerms, sort: Sort, cursor: Place | None, limit: int, step: int) -> Page:
        candidates, step = _from_start(terms, sort, cursor), min(step, _STEP)
        found, looked = list[Place](), 0
        while True:
            count, last, fits = self._script.at(candidates, terms, step)
            found += fits
            looked += count
            if len(found) > limit or count < step or (sort is Sort.LAST_SEEN and last[0] < terms.since):
                return _page(sort, found, limit)
            if looked >= MAX_EXAMINED:
                return Page([machine_id for _, machine_id in found], _cursor(sort, last))
            candidates, step = _from_start(terms, sort, last), min(2 * step, _STEP)


def _from_start(terms: IndexTerms, sort: Sort, cursor: Place | None) -> Candidates:
    """Return all machines that may match, from behind the cursor on."""
    if sort is Sort.LAST_SEEN:
        if cursor is None:
            return _seen_between(MACHINES_SEEN_KEY, terms.since, terms.before)
        return Candidates("behind", MACHINES_SEEN_KEY, *cursor)
    key = condition_key(terms.conditions[0]) if len(terms.conditions) == 1 else MACHINES_KEY
    first, last = _id_range(terms.prefix)
    if cursor is not None and cursor[1] >= terms.prefix:
        first = f"({cursor[1]}".encode()
    return Candidates("ids", key, first, last)


def _seen_between(key: str, since: int, before: int) -> Candidates:
    return Candidates("seen", key, f"{since}", f"({before}")


def _by_silence(terms: IndexTerms) -> list[Candidates]:
    """Return all machines that are silent or, if these are wanted, are not: some others are among them."""
    now, since = terms.silence.now, terms.silence.since()
    if terms.is_silent:
        return [_seen_between(MACHINES_SEEN_KEY, 1, since), _seen_between(MACHINES_SILENT_AT_KEY, 1, now)]
    return [_seen_between(MACHINES_SEEN_KEY, since, NEVER), _seen_between(MACHINES_SILENT_AT_KEY, now, NEVER)]


def _count(pipeline: Pipeline, candidates: Candidates) -> None:
    """Ask how many candidates there are."""
    key, first, last = candidates.key, candidates.first, candidates.last
    if candidates.what == "set":
        pipeline.scard(key)
    elif candidates.what == "seen":
        pipeline.zcount(key, cast(str, first), cast(str, last))
    else:
        pipeline.zlexcount(key, first, last)


def _id_range(prefix: str) -> tuple[bytes, bytes]:
    """Return the ids with this prefix, as a range of bytes for Redis."""
    return (f"[{prefix}".encode(), f"({prefix}".encode() + b"\xff") if prefix else (b"-", b"+")


def _page(sort: Sort, found: Sequence[Place], limit: int) -> Page:
    page = found[:limit]
    return Page(
        [machine_id for _, machine_id in page], _cursor(sort, page[-1]) if len(found) > limit else None
    )


def _is_behind(sort: Sort, place: Place, cursor: Place) -> bool:
    return place[1] > cursor[1] if sort is Sort.ID else place < cursor


def _cursor(sort: Sort, place: Place) -> str:
    return place[1] if sort is Sort.ID else f"{place[0]}.{place[1]}"


def _parse(sort: Sort, after: str) -> Place | None:
    if not after:
        return None
    if sort is Sort.ID:
        if not is_machine_id(after):
            raise ValueError(f"{after!r} is not a valid cursor for the order by id")
        return 0, after
    found = _SEEN_CURSOR.fullmatch(after)
    if found is None:
        raise ValueError(f"{after!r} is not a valid cursor for the order by last_seen")
    return int(found[1]), found[2]
