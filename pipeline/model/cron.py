"""A cron expression in a time zone: five fields, with the meaning that they have in Debian's cron.

The library `cronsim` reads the expression and finds the local times that match it. It decides nothing about
daylight saving, because around a change of the clock its own rule skips times in a zone that moves by half an
hour, and returns times of the past. So this module asks it for times without a zone, and finds their moments
itself.

A clock that is put forward skips some local times, and one that is put back repeats some. There are two kinds
of expressions, as in Debian's cron:

*   If neither the minute nor the hour begins with `*`, the expression names **fixed times**: `30 2 * * *`.
    Each runs once. A skipped time runs at the moment of the change; several such times are one run. A
    repeated time runs the first time only.
*   All others mean **intervals**: `*/15 * * * *`. They run whenever the clock shows a matching time: not at
    skipped times, and both times at repeated ones.

Everything in an expression is checked here before `cronsim` sees it, for two reasons. A message can say what
is wrong, and extensions of the library, such as `L`, `#` and seconds, stay out. An expression is short, and
`cronsim` gives up after 50 years, which is longer than any expression with a match makes it search: 29
February falls on a given day of the week at least every 40 years.
"""

import re
from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from pipeline.errors import ScheduleRefused

#: The maximum number of characters of an expression. A list of all minutes has 169.
CRON_CHARACTERS: Final = 200

_EPOCH: Final = datetime(1970, 1, 1)
_SECOND: Final = timedelta(seconds=1)
_MINUTE: Final = 60_000
#: An expression that has no match from here on never has one.
_START: Final = datetime(2000, 1, 1)

_TERM: Final = re.compile(r"(\*|(\w+)(?:-(\w+))?)(?:/(\w+))?", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+")
_ALLOWED: Final = re.compile(r"[ -~\t]*")

_NICKNAMES: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


class _Field(NamedTuple):
    """A field of an expression: what it is, its bounds, and the names of its values."""

    name: str
    plural: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_FIELDS: Final = (
    _Field("minute", "minutes", 0, 59),
    _Field("hour", "hours", 0, 23),
    _Field("day of month", "days of the month", 1, 31),
    _Field("month", "months", 1, 12, _MONTHS),
    _Field("day of week", "days of the week", 0, 7, _DAYS),
)


class Cron:
    """A valid cron expression in a time zone, which finds its times."""

    def __init__(self, text: str, zone: ZoneInfo) -> None:
        """Raise `ScheduleRefused` if the expression is invalid."""
        _check(text)
        try:
            self._simulation = CronSim(text, _START)
            next(copy(self._simulation))
        except (CronSimError, StopIteration):
            raise ScheduleRefused(f"{text!r} never comes: no month of it has such a day.") from None
        minute, hour, *_ = text.split()
        self._is_fixed = not minute.startswith("*") and not hour.startswith("*")
        self._zone = zone
        # The last answers, because the machines of a profile ask one after another: a span without a time,
        # and two times that follow each other. A tuple is replaced at once, so threads need no lock.
        self._free = (0, 0)
        self._neighbours = (0, 0)

    def next(self, after: int) -> int | None:
        """Return the first time after `after`, in milliseconds since 1970; None if there is none.

        There is none only after the year 9999.
        """
        since, until = self._free
        if since <= after < until:
            return until
        try:
            found = 1000 * self._next(after // 1000)
        except (StopIteration, OverflowError, ValueError, OSError):
            return None
        self._free = (after, found)
        return found

    def last(self, after: int, until: int) -> int | None:
        """Return the last time after `after` and up to `until`; None if there is none."""
        found, following = self._neighbours
        if found <= until < following:
            return found if found > after else None
        first = self.next(after)
        if first is None or first > until:
            return None
        # Most often, there is one. Otherwise, find the last minute after which there is one, by halving.
        found, following_or_none = first, self.next(first)
        if following_or_none is not None and following_or_none <= until:
            found = self._search(following_or_none, until)
            following_or_none = self.next(found)
        if following_or_none is not None:
            self._neighbours = (found, following_or_none)
        return found

    def _search(self, found: int, until: int) -> int:
        """Return the last time up to `until`, if `found` is one of these times."""
        known, beyond = found // _MINUTE, until // _MINUTE + 1
        while beyond - known > 1:
            middle = (known + beyond) // 2
            time = self.next(_MINUTE * middle - 1)
            if time is not None and time <= until:
                known, found = time // _MINUTE, time
            else:
                beyond = middle
        return found

    def _next(self, after: int) -> int:
        """Return the first time after `after`, in seconds since 1970."""
        here = datetime.fromtimestamp(after, self._zone)
        local = here.replace(tzinfo=None, fold=0)
        if self._is_fixed:
            # A later local time never runs before an earlier one.
            return next(each for each in map(self._once, self._matches(local)) if each > after)
        repeat = _seconds(here.utcoffset()) - _seconds(here.replace(fold=1).utcoffset())
        if here.fold or repeat <= 0:
            return next(each for each in self._real(self._matches(local)) if each > after)
        # Local times up to `local` come once more soon, perhaps before the next match that is later than it.
        local -= timedelta(seconds=repeat)
        until = local + timedelta(seconds=2 * repeat)
        found = list[int]()
        for match in self._matches(local):
            found += [each for each in self._real([match]) if each > after]
            if found and match >= until:
                break
        return min(found)

    def _matches(self, local: datetime) -> Iterator[datetime]:
        """Return the matching local times after one."""
        simulation = copy(self._simulation)
        simulation.dt = local
        return simulation

    def _real(self, matches: Iterator[datetime] | list[datetime]) -> Iterator[int]:
        """Return the moments at which the clock shows one of these local times."""
        for match in matches:
            first, second = self._moments(match)
            if first <= second:
                yield first
            if first < second:
                yield second

    def _once(self, match: datetime) -> int:
        """Return the first moment at which the clock shows a local time, or at which it skips it."""
        first, second = self._moments(match)
        return first if first <= second else self._change(second, first)

    def _moments(self, local: datetime) -> tuple[int, int]:
        """Return the moments of a local time: equal ones, or two ascending ones if it is repeated.

        They are descending if the time is skipped, and the clock changes between them.
        """
        first = local.replace(tzinfo=self._zone)
        since_1970 = (local - _EPOCH) // _SECOND
        return (
            since_1970 - _seconds(first.utcoffset()),
            since_1970 - _seconds(first.replace(fold=1).utcoffset()),
        )

    def _change(self, before: int, after: int) -> int:
        """Return the moment between two others at which the clock changes."""
        offset = self._offset(before)
        while after - before > 1:
            middle = (before + after) // 2
            if self._offset(middle) == offset:
                before = middle
            else:
                after = middle
        return after

    def _offset(self, moment: int) -> timedelta | None:
        return datetime.fromtimestamp(moment, UTC).astimezone(self._zone).utcoffset()


def _seconds(offset: timedelta | None) -> int:
    assert offset is not None
    return offset // _SECOND


def _check(text: str) -> None:
    """Raise `ScheduleRefused` if an expression is invalid, with the reason."""
    if len(text) > CRON_CHARACTERS:
        raise ScheduleRefused(
            f"A cron expression has at most {CRON_CHARACTERS} characters, and this one has {len(text):,}."
        )
    if _ALLOWED.fullmatch(text) is None:
        raise ScheduleRefused(
            f"{text!r} has characters that a cron expression cannot have. Use the digits 0 to 9, *, comma, "
            "hyphen, slash and space, and the English names of months and days, such as JAN and MON."
        )
    parts = text.split()
    if parts and parts[0].startswith("@"):
        instead = _NICKNAMES.get(text.strip().lower())
        hint = f"Write {instead!r} instead." if instead else "Write five fields, such as '0 6 * * *'."
        raise ScheduleRefused(f"{text!r} is a nickname, which is not supported. {hint}")
    if len(parts) != len(_FIELDS):
        more = " Seconds and years are not supported." if len(parts) > len(_FIELDS) else ""
        raise ScheduleRefused(
            f"{text!r} has {len(parts)} {'field' if len(parts) == 1 else 'fields'}. A cron expression has "
            f"five: minute, hour, day of month, month and day of week, such as '0 6 * * *'.{more}"
        )
    for field, part in zip(_FIELDS, parts, strict=True):
        for term in part.split(","):
            if reason := _wrong(field, term):
                raise ScheduleRefused(f"{text!r}: {reason}")


def _wrong(field: _Field, term: str) -> str | None:
    """Return what is wrong with a term, which stands alone in a field or in a list."""
    if not term:
        return f"in the {field.name}, a value is missing before or after a comma."
    match = _TERM.fullmatch(term)
    if match is None:
        return _not_understood(field, term)
    whole, first, last, step = match.groups()
    values = [_value(field, each) for each in (first, last) if each is not None]
    for value in values:
        if isinstance(value, str):
            return value
    match values:
        case [int(low), int(high)] if low > high:
            return f"the range {whole} goes down. Write {_around(field, low, high)} instead."
        case [int(low), int(high)] if low == high and step is not None:
            return f"{whole} has one value, so it cannot have a step."
        case [int()] if step is not None:
            return f"{first} cannot have a step. Write {first}-{_last(field)}/{step} instead."
    return None if step is None else _wrong_step(field, term, step)


def _value(field: _Field, word: str) -> int | str:
    """Return a value, or what is wrong with it."""
    if word.upper() in field.names:
        return field.low + field.names.index(word.upper())
    if _NUMBER.fullmatch(word) is None:
        return _not_understood(field, word)
    value = int(word)
    if field.low <= value <= field.high:
        return value
    names = f" or {field.names[0]} to {field.names[-1]}" if field.names else ""
    return f"{field.plural} are {field.low} to {field.high}{names}, and not {_shown(word)}."


def _wrong_step(field: _Field, term: str, step: str) -> str | None:
    if _NUMBER.fullmatch(step) is None:
        return _not_understood(field, term)
    if not 1 <= int(step) <= field.high:
        hint = " For an interval that does not divide an hour, use every_seconds." if field.high == 59 else ""
        return f"a step of {field.plural} is 1 to {field.high}, and not {_shown(step)}.{hint}"
    return None


def _around(field: _Field, low: int, high: int) -> str:
    """Return how to write a range that goes over the end of a field."""
    ends = [(low, _last(field)), (field.low, high)]
    if field.high == 7 and high == 0:
        ends = [(low, 7)]
    elif field.high == low == 7:
        ends = [(0, high)]
    return ",".join(str(one) if one == other else f"{one}-{other}" for one, other in ends)


def _last(field: _Field) -> int:
    """Return the last value of a field. Days of the week have Sunday twice, as 0 and as 7."""
    return 6 if field.high == 7 else field.high


def _not_understood(field: _Field, term: str) -> str:
    names = f", names ({field.names[1]})" if field.names else ""
    return (
        f"{_shown(term)} is not supported in the {field.name}. Use *, numbers{names}, lists (1,3), "
        "ranges (1-5) and steps (*/2 or 1-5/2)."
    )


def _shown(word: str) -> str:
    return word if len(word) <= 20 else f"{word[:20]}…"
