"""A schedule: when the worker calls `on_timer` of a logic, without a reading.

A schedule is a cron expression in a time zone (`pipeline.model.cron`), or an interval. An interval counts
from 1970-01-01T00:00Z, so that its times depend on nothing but the schedule: every 900 seconds is at each
quarter of an hour. All functions here are pure, and all times are in milliseconds since 1970.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, Final, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from pipeline.errors import ScheduleRefused
from pipeline.model.cron import CRON_CHARACTERS, Cron
from pipeline.model.time_zone import ZONE_NAME_CHARACTERS, zone_of
from sandbox.job import REPEATING

#: The pattern of a timer's name. A schedule is a timer.
TIMER_NAME_PATTERN: Final = "[A-Za-z0-9_-]{1,64}"

#: Maximum number of schedules of a machine, a profile or a source.
SCHEDULES: Final = 16

#: The bounds of an interval, in seconds: up to a week.
SHORTEST: Final = 1
LONGEST: Final = 7 * 24 * 3600

_NAME: Final = re.compile(TIMER_NAME_PATTERN)

#: The time zone of a cron expression that names none.
_DEFAULT_ZONE: Final = "UTC"

#: How many expressions are kept, about 10 kB each. Reading one again takes some 50 microseconds.
_KEPT: Final = 1024


# The bounds are checked with the rest (`check`), whose messages say what to write instead.
CronText: TypeAlias = Annotated[
    Annotated[str, Meta(extra_json_schema={"maxLength": CRON_CHARACTERS})] | None,
    Meta(
        description="A cron expression with five fields: minute, hour, day of month, month, day of week.",
        examples=["0 6,14,22 * * MON-FRI"],
    ),
]
IntervalSeconds: TypeAlias = Annotated[
    Annotated[int, Meta(extra_json_schema={"minimum": SHORTEST, "maximum": LONGEST})] | None,
    Meta(
        description="An interval in seconds, counted from 1970-01-01T00:00Z: with 900, at each quarter of an "
        "hour. It has no time zone."
    ),
]
ZoneName: TypeAlias = Annotated[
    Annotated[str, Meta(extra_json_schema={"maxLength": ZONE_NAME_CHARACTERS})] | None,
    Meta(
        description="The time zone of `cron`, by its name in the IANA database. The default is UTC.",
        examples=["Europe/Berlin"],
    ),
]


class Schedule(Struct, frozen=True, omit_defaults=True):
    """A schedule: when to call `on_timer` of the logic. It has either `cron` or `every_seconds`."""

    name: Annotated[
        str,
        Meta(
            description="The name that on_timer gets. It is unique in the list.",
            examples=["shift-end"],
            extra_json_schema={"pattern": f"^{TIMER_NAME_PATTERN}$"},
        ),
    ]
    cron: CronText = None
    every_seconds: IntervalSeconds = None
    timezone: ZoneName = None

    @property
    def zone(self) -> ZoneInfo:
        """Its time zone. Raises `ScheduleRefused` if there is none with this name."""
        return zone_of(_DEFAULT_ZONE if self.timezone is None else self.timezone)


def next_due(schedule: Schedule, after: int) -> int | None:
    """Return the first time of a schedule that is later than `after`; None if there is none.

    A valid schedule always has one (`check`).
    """
    if schedule.every_seconds is not None:
        interval = 1000 * schedule.every_seconds
        return (after // interval + 1) * interval if interval > 0 else None
    cron = _cron(schedule.cron, schedule.timezone or _DEFAULT_ZONE)
    return None if cron is None else cron.next(after)


def next_times(schedule: Schedule, after: int, count: int) -> list[datetime]:
    """Return the next times of a valid schedule, in its time zone."""
    found, time = list[datetime](), next_due(schedule, after)
    while time is not None and len(found) < count:
        found.append(datetime.fromtimestamp(time / 1000, schedule.zone))
        time = next_due(schedule, time)
    return found


def last_due(schedule: Schedule, after: int, until: int) -> int | None:
    """Return the last time of a schedule that is later than `after` and not later than `until`."""
    if schedule.every_seconds is not None:
        interval = 1000 * schedule.every_seconds
        found = until // interval * interval if interval > 0 else 0
        return found if found > after else None
    cron = _cron(schedule.cron, schedule.timezone or _DEFAULT_ZONE)
    return None if cron is None else cron.last(after, until)


class Repeated(Struct, frozen=True):
    """A schedule as a timer that repeats: a `sandbox.job.Repeat`."""

    schedule: Schedule

    def last(self, after: int, until: int) -> int | None:
        """Return its last time later than `after` and not later than `until`."""
        return last_due(self.schedule, after, until)

    def next(self, after: int) -> int | None:
        """Return its first time later than `after`."""
        return next_due(self.schedule, after)


class TimersOf(NamedTuple):
    """The schedules of a list as timers: by their names in a record, and what identifies the list."""

    repeats: dict[str, Repeated]
    identity: bytes


@lru_cache(_KEPT)
def timers_of(schedules: tuple[Schedule, ...]) -> TimersOf:
    """Return a list of schedules as timers. The identity of an empty list is empty."""
    if not schedules:
        return TimersOf({}, b"")
    encoded = msgspec.msgpack.encode(schedules)
    repeats = {f"{REPEATING}{each.name}": Repeated(each) for each in schedules}
    return TimersOf(repeats, blake2b(encoded, digest_size=8).digest())


def own_timers(timers: Mapping[str, int]) -> dict[str, int]:
    """Return the timers that the logic has set, without schedules."""
    return {name: due for name, due in timers.items() if not name.startswith(REPEATING)}


def scheduled_times(timers: Mapping[str, int]) -> dict[str, int]:
    """Return when each schedule among these timers is due, by its name."""
    return {name.removeprefix(REPEATING): due for name, due in timers.items() if name.startswith(REPEATING)}


def rescheduled(timers: Mapping[str, int], of: TimersOf, now: int) -> dict[str, int]:
    """Return a machine's timers with these schedules in place of its earlier ones: each is due after now.

    A schedule that is due and has not run yet stays due.
    """
    firsts = dict[str, int]()
    for name, repeat in of.repeats.items():
        old = timers.get(name)
        is_due = old is not None and old <= now and repeat.next(old - 1) == old
        due = old if is_due else repeat.next(now)
        if due is not None:
            firsts[name] = due
    return own_timers(timers) | firsts


def check(schedules: Sequence[Schedule]) -> None:
    """Raise `ScheduleRefused` if a schedule is invalid, or if there are too many."""
    if len(schedules) > SCHEDULES:
        raise ScheduleRefused(f"There are {len(schedules):,} schedules. At most {SCHEDULES} are possible.")
    names = set[str]()
    for schedule in schedules:
        if _NAME.fullmatch(schedule.name) is None:
            raise ScheduleRefused(
                f"{schedule.name[:80]!r} is not a valid name of a schedule. Use 1 to 64 letters, digits, _ "
                "or -."
            )
        if schedule.name in names:
            raise ScheduleRefused(f"Two schedules have the name {schedule.name!r}. Give each its own.")
        names.add(schedule.name)
        try:
            check_times(schedule)
        except ScheduleRefused as e:
            raise ScheduleRefused(f"The schedule {schedule.name!r} is invalid. {e}") from None


def check_times(schedule: Schedule) -> None:
    """Raise `ScheduleRefused` if the times of a schedule are invalid, whatever its name."""
    if (schedule.cron is None) == (schedule.every_seconds is None):
        both = "both" if schedule.cron is not None else "none of them"
        raise ScheduleRefused(f"A schedule has either cron or every_seconds, and this one has {both}.")
    if schedule.every_seconds is not None:
        if schedule.timezone is not None:
            raise ScheduleRefused("An interval has no time zone. Remove timezone, or use cron.")
        if not SHORTEST <= schedule.every_seconds <= LONGEST:
            raise ScheduleRefused(
                f"every_seconds is {SHORTEST} to {LONGEST:,} (a week), and not {schedule.every_seconds:,}. "
                "For longer, use cron."
            )
    else:
        assert schedule.cron is not None
        Cron(schedule.cron, schedule.zone)


@lru_cache(_KEPT)
def _cron(text: str | None, timezone: str) -> Cron | None:
    """Return an expression; None if it is invalid, which only an older version of `tzdata` can cause."""
    try:
        return None if text is None else Cron(text, zone_of(timezone))
    except ScheduleRefused:
        return None
