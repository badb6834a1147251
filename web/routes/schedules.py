"""The route that shows the next times of a schedule."""

from datetime import datetime
from typing import Annotated, Final

from litestar import Controller, post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from pipeline import clock
from pipeline.model.schedule import (
    CronText,
    IntervalSeconds,
    Schedule,
    ZoneName,
    check_times,
    next_times,
)
from web.access.roles import Role, access

#: How many times are shown.
_TIMES: Final = 3


class ScheduleToTry(Struct, forbid_unknown_fields=True):
    """A schedule to try. It has either `cron` or `every_seconds`."""

    cron: CronText = None
    every_seconds: IntervalSeconds = None
    timezone: ZoneName = None
    after: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(
            description="Show the times after this one (RFC 3339, with a time zone). The default is now.",
            examples=["2026-11-23T08:15:30Z"],
        ),
    ] = None


class ScheduledTime(Struct):
    """A time of a schedule."""

    time: Annotated[str, Meta(description="The time in UTC.")]
    local: Annotated[
        str,
        Meta(
            description="The same time in the time zone of the schedule, with its offset from UTC.",
            examples=["2026-11-23T14:00:00+01:00"],
        ),
    ]


class ScheduledTimes(Struct):
    """The next three times of a schedule."""

    times: list[ScheduledTime]


class SchedulesController(Controller):
    """`/schedules/try`."""

    path = "/schedules"

    @post("/try", status_code=200, sync_to_thread=True, **access(Role.VIEWER, 413, 422, changes=False))
    def try_schedule(self, data: JSONBody[ScheduleToTry]) -> ScheduledTimes:
        """Return the next three times of a schedule. Nothing is stored."""
        schedule = Schedule("", data.cron, data.every_seconds, data.timezone)
        check_times(schedule)
        after = clock.milliseconds_now() if data.after is None else round(data.after.timestamp() * 1000)
        return ScheduledTimes(
            [
                ScheduledTime(clock.rfc3339(each), each.isoformat(timespec="seconds"))
                for each in next_times(schedule, after, _TIMES)
            ]
        )
