"""Tests for `pipeline.model.cron`."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.errors import ScheduleRefused
from pipeline.model.cron import CRON_CHARACTERS, Cron
from pipeline.model.time_zone import zone_of

MINUTE: Final = timedelta(minutes=1)

#: Zones, each with days on which its clock changes: forward and back by an hour; by half an hour; at
#: midnight; twice around Ramadan; over a whole day; and in one that never changes.
CHANGES: Final = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "Europe/Dublin": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-10-04", "2026-04-05"),
    "America/Santiago": ("2026-09-06", "2026-04-05"),
    "America/Havana": ("2026-03-08", "2026-11-01"),
    "Africa/Cairo": ("2026-04-24", "2026-10-30"),
    "Africa/Casablanca": ("2026-03-22", "2026-02-15"),
    "Pacific/Apia": ("2011-12-30", "2011-04-02"),
    "Antarctica/Troll": ("2026-03-29", "2026-10-25"),
    "UTC": ("2026-03-29", "2028-02-29"),
}


def milliseconds(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def times(text: str, zone: str, after: str, count: int) -> list[str]:
    """Return the next times of an expression, as the clock of its zone shows them."""
    cron, at, found = Cron(text, zone_of(zone)), milliseconds(after), list[str]()
    for _ in range(count):
        later = cron.next(at)
        assert later is not None
        at = later
        found.append(datetime.fromtimestamp(at / 1000, zone_of(zone)).isoformat(timespec="minutes"))
    return found


@pytest.mark.parametrize(
    ("text", "zone", "after", "expected"),
    [
        # Ordinary days.
        ("0 6,14,22 * * *", "UTC", "2026-11-30T13:59:59.999Z", ["2026-11-30T14:00", "2026-11-30T22:00"]),
        ("0 6,14,22 * * *", "UTC", "2026-11-30T14:00:00Z", ["2026-11-30T22:00", "2026-12-01T06:00"]),
        ("*/20 * * * *", "UTC", "2026-12-31T23:30:00Z", ["2026-12-31T23:40", "2027-01-01T00:00"]),
        ("0 8 * * MON-FRI", "UTC", "2026-11-27T08:00:00Z", ["2026-11-30T08:00", "2026-12-01T08:00"]),
        ("0 8 * * mon", "UTC", "2026-11-27T08:00:00Z", ["2026-11-30T08:00", "2026-12-07T08:00"]),
        ("0 0 * * 7", "UTC", "2026-11-28T08:00:00Z", ["2026-11-29T00:00", "2026-12-06T00:00"]),
        ("0 0 * * 0", "UTC", "2026-11-28T08:00:00Z", ["2026-11-29T00:00", "2026-12-06T00:00"]),
        ("0 0 1 JAN,JUL *", "UTC", "2026-11-28T08:00:00Z", ["2027-01-01T00:00", "2027-07-01T00:00"]),
        ("10-20/5 0 1 1 *", "UTC", "2026-11-28T08:00:00Z", ["2027-01-01T00:10", "2027-01-01T00:15"]),
        # With both a day of the month and a day of the week, either is enough, unless one begins with *.
        ("0 0 13 * 5", "UTC", "2026-11-01T08:00:00Z", ["2026-11-06T00:00", "2026-11-13T00:00"]),
        ("0 0 */13 * 5", "UTC", "2026-11-01T08:00:00Z", ["2026-11-27T00:00", "2027-01-01T00:00"]),
        # Leap years.
        ("0 0 29 2 *", "UTC", "2026-11-28T08:00:00Z", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("0 0 29 2 *", "UTC", "2096-03-01T08:00:00Z", ["2104-02-29T00:00", "2108-02-29T00:00"]),
    ],
)
def test_an_expression_means_what_it_means_in_cron(
    text: str, zone: str, after: str, expected: list[str]
) -> None:
    assert times(text, zone, after, len(expected)) == [f"{each}+00:00" for each in expected]


def test_a_rare_day_is_found_after_forty_years() -> None:
    # The 29 February is a Sunday in 2088. 2100 is no leap year, so the next one is in 2128.
    assert times("0 0 29 2 */7", "UTC", "2088-03-01T00:00:00Z", 1) == ["2128-02-29T00:00+00:00"]


@pytest.mark.parametrize(
    ("text", "zone", "after", "expected"),
    [
        # 02:00 to 03:00 is skipped: a fixed time runs at 03:00, once, and an interval does not run.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", ["29T03:00+02:00", "30T02:30+02:00"]),
        ("0,15,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", ["29T03:00+02:00", "30T02:00+02:00"]),
        ("30 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", ["29T03:00+02:00", "29T03:30+02:00"]),
        ("0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", ["29T03:00+02:00", "30T02:00+02:00"]),
        ("*/30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", ["30T02:00+02:00", "30T02:30+02:00"]),
        ("30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", ["29T01:30+01:00", "29T03:30+02:00"]),
        # 02:00 to 03:00 is repeated: a fixed time runs the first time, and an interval both times.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", ["25T02:30+02:00", "26T02:30+01:00"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T01:15:00Z", ["26T02:30+01:00", "27T02:30+01:00"]),
        ("30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", ["25T02:30+02:00", "25T02:30+01:00"]),
        ("*/40 2 * * *", "Europe/Berlin", "2026-10-25T00:20:00Z", ["25T02:40+02:00", "25T02:00+01:00"]),
        # The clock moves in New York by an hour at 02:00.
        ("30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", ["08T03:00-04:00", "09T02:30-04:00"]),
        ("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", ["01T01:30-04:00", "02T01:30-05:00"]),
        ("*/30 1 1 11 *", "America/New_York", "2026-11-01T05:00:00Z", ["01T01:30-04:00", "01T01:00-05:00"]),
        # On Lord Howe Island by half an hour: 02:00 to 02:30 is skipped, and 01:30 to 02:00 repeated.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", ["04T02:30+11:00", "05T02:15+11:00"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00:00Z", ["05T01:45+11:00", "06T01:45+10:30"]),
        ("*/15 2 * * *", "Australia/Lord_Howe", "2026-04-04T14:50:00Z", ["05T02:00+10:30", "05T02:15+10:30"]),
        ("45 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00:00Z", ["05T01:45+11:00", "05T01:45+10:30"]),
        # Samoa had no 30 December 2011.
        ("0 6 * * *", "Pacific/Apia", "2011-12-29T20:00:00Z", ["31T00:00+14:00", "31T06:00+14:00"]),
        ("0 6 30 * *", "Pacific/Apia", "2011-12-29T20:00:00Z", ["31T00:00+14:00", "30T06:00+14:00"]),
        ("0 */6 * * *", "Pacific/Apia", "2011-12-30T05:00:00Z", ["31T00:00+14:00", "31T06:00+14:00"]),
        ("0 */6 30 12 *", "Pacific/Apia", "2011-12-29T20:00:00Z", ["30T00:00+14:00", "30T06:00+14:00"]),
        # Morocco is one hour behind during Ramadan: from 03:00 to 02:00, and from 02:00 to 03:00.
        ("30 2 * * *", "Africa/Casablanca", "2026-02-14T12:00:00Z", ["15T02:30+01:00", "16T02:30+00:00"]),
        ("30 2 * * *", "Africa/Casablanca", "2026-03-21T12:00:00Z", ["22T03:00+01:00", "23T02:30+01:00"]),
        # In Santiago there is no midnight.
        ("0 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z", ["06T01:00-03:00", "07T00:00-03:00"]),
        ("*/30 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z", ["07T00:00-03:00", "07T00:30-03:00"]),
    ],
)
def test_skipped_and_repeated_times(text: str, zone: str, after: str, expected: list[str]) -> None:
    assert [each[8:] for each in times(text, zone, after, 2)] == expected


def test_an_interval_runs_each_hour_also_when_the_clock_changes() -> None:
    for zone in ("Europe/Berlin", "America/New_York"):
        for day in CHANGES[zone]:
            cron, at = Cron("7 * * * *", zone_of(zone)), milliseconds(f"{day}T00:00:00Z")
            found = [at := cron.next(at) or 0 for _ in range(24)]
            assert {later - earlier for earlier, later in pairwise(found)} == {3_600_000}


# --- The same by another way: look at the clock each minute. -----------------------------------------------


Field = tuple[str, frozenset[int]]


def stars(low: int, high: int) -> st.SearchStrategy[Field]:
    """Return fields that begin with `*`, each with its values."""
    every = st.integers(1, high).map(lambda n: (f"*/{n}", frozenset(range(low, high + 1, n))))
    return st.one_of(st.just(("*", frozenset(range(low, high + 1)))), every)


def numbers(low: int, high: int) -> st.SearchStrategy[Field]:
    """Return fields with lists and ranges, each with its values."""
    lists = st.sets(st.integers(low, high), min_size=1, max_size=4).map(
        lambda found: (",".join(map(str, found)), frozenset(found))
    )
    ranges = st.tuples(st.integers(low, high), st.integers(low, high), st.integers(1, 3)).map(
        lambda three: _range(min(three[:2]), max(three[:2]), three[2])
    )
    return st.one_of(lists, ranges)


def _range(low: int, high: int, step: int) -> Field:
    text = f"{low}-{high}" + (f"/{step}" if step > 1 and high > low else "")
    return text, frozenset(range(low, high + 1, step))


FIELDS = st.tuples(
    stars(0, 59) | numbers(0, 59),
    stars(0, 23) | numbers(0, 23) | numbers(0, 3),
    stars(1, 31) | numbers(1, 31),
    stars(1, 12) | numbers(1, 12),
    stars(0, 7) | numbers(0, 7),
)


class Slow:
    """The times of an expression, found by looking at the clock each minute."""

    def __init__(self, fields: tuple[Field, ...], zone: str) -> None:
        (minute, self._minutes), (hour, self._hours), (day, self._days) = fields[:3]
        (month, self._months), (weekday, self._weekdays) = fields[3:]
        self.text = " ".join((minute, hour, day, month, weekday))
        self._both_days = day.startswith("*") or weekday.startswith("*")
        self._is_fixed = not minute.startswith("*") and not hour.startswith("*")
        self._zone = zone_of(zone)

    def between(self, start: datetime, end: datetime) -> list[int]:
        """Return the times after `start` and before `end`, in milliseconds."""
        return sorted({each for each in self._times(start, end) if each > round(1000 * start.timestamp())})

    def _times(self, start: datetime, end: datetime) -> Iterator[int]:
        moment = start - timedelta(days=1)
        latest = moment.astimezone(self._zone).replace(tzinfo=None)
        while (moment := moment + MINUTE) < end:
            local = moment.astimezone(self._zone).replace(tzinfo=None, fold=0)
            at = round(1000 * moment.timestamp())
            if not self._is_fixed:
                if self._matches(local):
                    yield at
                continue
            while latest < local:  # all minutes that the clock has passed or skipped
                latest += MINUTE
                if self._matches(latest):
                    yield at

    def _matches(self, local: datetime) -> bool:
        in_month = local.day in self._days
        in_week = bool({local.isoweekday(), local.isoweekday() % 7} & self._weekdays)
        return (
            local.minute in self._minutes
            and local.hour in self._hours
            and local.month in self._months
            and (in_month and in_week if self._both_days else in_month or in_week)
        )


@settings(max_examples=100, deadline=None)
@given(
    fields=FIELDS,
    zone_and_day=st.sampled_from([(zone, day) for zone, days in CHANGES.items() for day in days]),
    minutes=st.lists(st.integers(0, 2 * 1440 - 1), max_size=5),
)
@example(
    fields=(
        ("*/40", frozenset({0, 40})),
        ("2", frozenset({2})),
        _range(1, 31, 1),
        _range(1, 12, 1),
        _range(0, 7, 1),
    ),
    zone_and_day=("Australia/Lord_Howe", "2026-04-05"),
    minutes=[],
)
def test_the_times_are_those_that_the_clock_shows(
    fields: tuple[Field, ...], zone_and_day: tuple[str, str], minutes: list[int]
) -> None:
    zone, day = zone_and_day
    slow = Slow(fields, zone)
    start = datetime.fromisoformat(f"{day}T12:00:00Z") - timedelta(days=1)
    end = start + timedelta(days=2)
    expected = slow.between(start, end)
    first, last = round(1000 * start.timestamp()), round(1000 * end.timestamp()) - 1
    try:
        cron = Cron(slow.text, zone_of(zone))
    except ScheduleRefused:
        assert not expected
        return

    found, at = list[int](), cron.next(first)
    while at is not None and at <= last:
        found.append(at)
        at = cron.next(at)

    assert found == expected
    assert Cron(slow.text, zone_of(zone)).last(first, last) == max(expected, default=None)
    for minute in minutes:
        then = first + 60_000 * minute + 1
        assert cron.next(then) == next((each for each in found if each > then), at)
        assert cron.last(first, then) == max((each for each in found if each <= then), default=None)


# --- Invalid and hostile expressions. ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("61 * * * *", "'61 * * * *': minutes are 0 to 59, and not 61."),
        ("* 24 * * *", "hours are 0 to 23, and not 24."),
        ("* * 0 * *", "days of the month are 1 to 31, and not 0."),
        ("* * * 13 *", "months are 1 to 12 or JAN to DEC, and not 13."),
        ("* * * * 8", "days of the week are 0 to 7 or SUN to SAT, and not 8."),
        ("* * * * MONDAY", "MONDAY is not supported in the day of week. Use *, numbers, names (MON)"),
        ("* * * MON *", "MON is not supported in the month."),
        ("*/0 * * * *", "a step of minutes is 1 to 59, and not 0."),
        ("*/90 * * * *", "For an interval that does not divide an hour, use every_seconds."),
        ("* */24 * * *", "a step of hours is 1 to 23, and not 24."),
        ("5/15 * * * *", "5 cannot have a step. Write 5-59/15 instead."),
        ("5-5/15 * * * *", "5-5 has one value, so it cannot have a step."),
        ("* 22-6 * * *", "the range 22-6 goes down. Write 22-23,0-6 instead."),
        ("* * * * FRI-SUN", "the range FRI-SUN goes down. Write 5-7 instead."),
        ("* * * * 7-2", "the range 7-2 goes down. Write 0-2 instead."),
        ("* * * * SAT-MON", "the range SAT-MON goes down. Write 6,0-1 instead."),
        ("1,,2 * * * *", "in the minute, a value is missing before or after a comma."),
        ("", "'' has 0 fields. A cron expression has five"),
        ("5", "'5' has 1 field. A cron expression has five"),
        ("* * * *", "'* * * *' has 4 fields. A cron expression has five: minute, hour, day of month, month"),
        ("0 * * * * *", "Seconds and years are not supported."),
        ("@daily", "'@daily' is a nickname, which is not supported. Write '0 0 * * *' instead."),
        ("@reboot", "is a nickname, which is not supported. Write five fields"),
        ("0 0 30 2 *", "'0 0 30 2 *' never comes: no month of it has such a day."),
        ("0 0 31 4,6,9,11 *", "never comes"),
        ("0 0 L * *", "L is not supported in the day of month."),
        ("0 0 LW * *", "LW is not supported"),
        ("0 0 * * 5L", "5L is not supported"),
        ("0 0 * * MON#2", "MON#2 is not supported"),
        ("0 0 15W * *", "15W is not supported"),
        ("0 0 ? * *", "? is not supported"),
        ("H H * * *", "H is not supported in the minute"),
        ("R R * * *", "R is not supported in the minute"),
        ("0~59 * * * *", "0~59 is not supported"),
        ("-5 * * * *", "-5 is not supported"),
        ("1- * * * *", "1- is not supported"),
        ("1-2-3 * * * *", "1-2-3 is not supported"),
        ("*/2/3 * * * *", "*/2/3 is not supported"),
        ("* * * * *\n", "has characters that a cron expression cannot have"),
        ("１ * * * *", "has characters that a cron expression cannot have"),
        ("*\N{NO-BREAK SPACE}* * * *", "has characters that a cron expression cannot have"),
        ("0 0 * * ſun", "has characters that a cron expression cannot have"),
        (f"{'9' * 150} * * * *", "minutes are 0 to 59, and not 99999999999999999999…."),
        (f"*/{'9' * 150} * * * *", "a step of minutes is 1 to 59"),
        (f"0-{'9' * 150} * * * *", "minutes are 0 to 59"),
        (
            "*" * 100_000,
            f"A cron expression has at most {CRON_CHARACTERS} characters, and this one has 100,000.",
        ),
    ],
)
def test_an_invalid_expression_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ScheduleRefused) as refused:
        Cron(text, zone_of("UTC"))
    assert reason in str(refused.value)
    assert len(str(refused.value)) < 600


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=30), st.text("0123456789*/,-LW#?HR@ SUNmon", max_size=60)))
def test_any_text_is_an_expression_or_is_refused(text: str) -> None:
    try:
        cron = Cron(text, zone_of("Europe/Berlin"))
    except ScheduleRefused:
        return
    now = milliseconds("2026-11-30T10:00:00Z")
    found = cron.next(now)
    assert found is not None
    assert found > now
    assert found % 60_000 == 0


@pytest.mark.parametrize(
    "text",
    [
        "59 23 29 2 */7",
        "59 23 31 12 *",
        f"{','.join(['0-59/1'] * 27)} 23 29 2 */7",
        "0-59 2 * * *",
        "* * * * *",
    ],
)
def test_no_expression_needs_long(text: str) -> None:
    # In all years, on the days when the clock changes, and in between.
    longest = 0.0
    for year in range(2026, 2126, 4):
        for day in ("03-29T00:59:59", "10-25T00:30:00", "03-01T00:00:00"):
            before = time.perf_counter()
            assert Cron(text, zone_of("Europe/Berlin")).next(milliseconds(f"{year}-{day}Z"))
            longest = max(longest, time.perf_counter() - before)
    assert longest < 1  # some 10 milliseconds on an idle machine


def test_beyond_the_last_year_there_is_no_time() -> None:
    cron = Cron("0 0 1 1 *", zone_of("UTC"))
    assert cron.next(milliseconds("9998-06-01T00:00:00Z")) == milliseconds("9999-01-01T00:00:00Z")
    assert cron.next(milliseconds("9999-06-01T00:00:00Z")) is None
    assert cron.next(10**18) is None


def test_times_before_1970_are_found_too() -> None:
    assert Cron("0 0 1 1 *", zone_of("UTC")).next(-1) == 0
    assert datetime.fromtimestamp(0, UTC).year == 1970
