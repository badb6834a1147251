"""Finds machines in the index by id prefix, health and profile, all combined.

The order is by id, or by when the machines were last seen, latest first. The cost of a page is bounded,
however many machines exist and whichever match:

- If one of the filters leaves only a few machines, all of these are checked and sorted.
- Otherwise the search walks through the machines in order from the cursor on, until the page is full or
  `MAX_EXAMINED` machines were checked. Then the page is shorter than its limit, and its `next` says where to
  continue.

A cursor names a place in the order and not a count, so machines that come or go elsewhere do not shift pages.
By id, each machine that exists all the time is found once. By last seen, a machine that sends meanwhile moves
to the front: a search in progress may miss it, and finds no machine twice.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from operator import itemgetter
from typing import Final, cast

from msgspec import Struct

from pipeline.store.client import Client
from pipeline.store.keys import MACHINES_KEY, MACHINES_SEEN_KEY, condition_key, profile_machines_key
from pipeline.store.search_script import NEVER, Candidates, IndexTerms, MachineFilter, Place, SearchScript
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

    def find(self, where: MachineFilter, sort: Sort, after: str, limit: int, silent_since: int) -> Page:
        """Return the machines that match, from behind `after`, the `next` of another page, or empty.

        A machine is silent if it was last seen before `silent_since` (milliseconds since 1970). The index may
        be behind for seconds, so a machine may not match (any more). Raises `ValueError` if `after` is not a
        cursor of this order.
        """
        terms, cursor = IndexTerms.of(where, silent_since), _parse(sort, after)
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

    def _plan(self, terms: IndexTerms, sort: Sort, limit: int) -> tuple[list[Candidates] | None, int]:
        """Choose the machines to check, and estimate how many a walk would check for a page.

        Return all machines that match one of the terms if they are few, and fewer than a walk would check;
        otherwise None.
        """
        window, ids = (f"{terms.since}", f"({terms.before}"), _id_range(terms.prefix)
        by_id, by_condition = sort is Sort.ID, [condition_key(each) for each in terms.conditions]
        # Each choice says whether a walk goes along it and so checks no other machines anyway.
        choices = [(True, [Candidates("ids", MACHINES_KEY, "-", "+")])]
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.zcard(MACHINES_KEY)
            if terms.prefix:
                choices.append((by_id, [Candidates("ids", MACHINES_KEY, *ids)]))
                pipeline.zlexcount(MACHINES_KEY, *ids)
            if (terms.since, terms.before) != (0, NEVER):
                choices.append((not by_id, [Candidates("seen", MACHINES_SEEN_KEY, *window)]))
                pipeline.zcount(MACHINES_SEEN_KEY, *window)
            if terms.profile is not None:
                choices.append((False, [Candidates("set", profile_machines_key(terms.profile))]))
                pipeline.scard(profile_machines_key(terms.profile))
            for key in by_condition:
                pipeline.zcard(key)
            sizes = cast("list[int]", pipeline.execute())
        if by_condition:
            along = by_id and len(by_condition) == 1
            sizes[len(choices) :] = [sum(sizes[len(choices) :])]
            choices.append((along, [Candidates("ids", key, "-", "+") for key in by_condition]))
        walked = min(size for size, (along, _) in zip(sizes, choices, strict=True) if along)
        others = [(size, choice) for size, (along, choice) in zip(sizes, choices, strict=True) if not along]
        if not others:
            return None, limit + 1
        size, choice = min(others, key=itemgetter(0))
        # If matches are spread evenly, one in walked / size matches. Check half as many more, as they are not
        # quite even.
        checks = max(limit + 1, (limit + 1) * walked * 3 // (2 * max(size, 1)))
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
            return Candidates("seen", MACHINES_SEEN_KEY, f"{terms.since}", f"({terms.before}")
        return Candidates("behind", MACHINES_SEEN_KEY, *cursor)
    key = condition_key(terms.conditions[0]) if len(terms.conditions) == 1 else MACHINES_KEY
    first, last = _id_range(terms.prefix)
    if cursor is not None and cursor[1] >= terms.prefix:
        first = f"({cursor[1]}".encode()
    return Candidates("ids", key, first, last)


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
