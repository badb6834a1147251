"""`iot-logic schedule`: show the next times of a schedule. It needs no server."""

import argparse
from typing import Final

from pipeline import clock
from pipeline.errors import ScheduleRefused
from pipeline.model.schedule import Schedule, check_times, next_times
from web.cli.commands import OK, WRONG
from web.cli.commands.errors import Misused
from web.cli.commands.screen import Screen

#: The maximum number of times.
_MOST: Final = 1000


def show_times(arguments: argparse.Namespace) -> int:
    """Show the next times, with the weekday, in the time zone of the schedule and in UTC."""
    if arguments.cron is None and arguments.every_seconds is None:
        raise Misused("Give a cron expression in quotes, or --every-seconds.")
    screen = Screen.of(arguments)
    schedule = Schedule("", arguments.cron, arguments.every_seconds, arguments.timezone)
    try:
        check_times(schedule)
    except ScheduleRefused as e:
        screen.document({"times": [], "error": str(e)})
        screen.note(str(e), style="red")
        return WRONG
    after = clock.milliseconds_now() if arguments.after is None else clock.milliseconds(arguments.after)
    found = next_times(schedule, after, min(arguments.limit, _MOST))
    times = [{"time": clock.rfc3339(each), "local": each.isoformat(timespec="seconds")} for each in found]
    screen.document({"times": times, "error": None})
    for each, shown in zip(found, times, strict=True):
        screen.say(f"{each:%a} {shown['local']}", (f"  {shown['time']}", "dim"))
    return OK
