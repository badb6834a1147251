"""The module datetime without a clock: days and times that a logic reads, computes with and writes.

Strategy. As in `facades`; besides, whatever asks the host for its time or its zone is not there or wants a
zone, and the formats of dates are held to short ones with known directives, because the C library pads to
any width and Python reads dates by regular expressions that it makes of the format.
"""

import warnings
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

from sandbox.runtime.meter import Meter
from sandbox.runtime.texts import Texts, check_directives

#: Characters of a text with a date, and of the format to read it with; real ones have some thirty.
LONGEST_MOMENT = 100

# Filled here, once, because reading the host's locale and zone is not possible later, in confinement.
datetime.strptime("2026-03-12 Thursday March", "%Y-%m-%d %A %B")


class Moments:
    """The module datetime without a clock: types as functions, and what their values can do."""

    def __init__(self, meter: Meter, texts: Texts) -> None:
        self.meter = meter
        self.texts = texts
        self.types: dict[str, Callable[..., Any]] = {
            kind.__name__: self._maker(kind) for kind in (date, datetime, time, timedelta, timezone)
        }
        self.on_types: dict[object, dict[str, Any]] = {
            self.types["datetime"]: {
                "combine": self._combine,
                "fromisoformat": self._reader(datetime.fromisoformat),
                "fromtimestamp": self._from_timestamp,
                "strptime": self._strptime,
            },
            self.types["date"]: {
                "fromisoformat": self._reader(date.fromisoformat),
                "fromordinal": date.fromordinal,
            },
            self.types["time"]: {"fromisoformat": self._reader(time.fromisoformat)},
            self.types["timezone"]: {"utc": UTC},
        }

    def _maker(self, kind: Any) -> Callable[..., Any]:
        def make(*arguments: Any, **keywords: Any) -> Any:
            self.meter.spend(1)
            for argument in (*arguments, *keywords.values()):
                if type(argument) is str:  # the name of a zone, which %Z writes out
                    self._short(argument)
            return kind(*arguments, **keywords)

        make.__name__ = kind.__name__
        return make

    def _reader(self, read: Callable[[str], Any]) -> Callable[[Any], Any]:
        def run(text: Any, /) -> Any:
            if type(text) is not str:
                raise TypeError(f"fromisoformat() takes a text, not a {type(text).__name__}")
            self._short(text)
            self.meter.spend(1)
            return read(text)

        return run

    def _short(self, text: str) -> None:
        if len(text) > LONGEST_MOMENT:
            raise ValueError(f"a text of {len(text)} characters is not a date or time zone")

    def _combine(self, day: Any, hour: Any, /, tzinfo: Any = True) -> datetime:
        self.meter.spend(1)
        return datetime.combine(day, hour) if tzinfo is True else datetime.combine(day, hour, tzinfo)

    def _from_timestamp(self, seconds: Any, /, tz: Any = None) -> datetime:
        self.meter.spend(1)
        if tz is None:
            raise TypeError(
                "datetime.fromtimestamp() needs a time zone as its second argument, such as timezone.utc"
            )
        return datetime.fromtimestamp(seconds, tz)

    def _strptime(self, text: Any, pattern: Any, /) -> datetime:
        if type(text) is not str or type(pattern) is not str:
            raise TypeError("datetime.strptime() takes two texts")
        self._short(text)
        self._short(pattern)
        check_directives(pattern)
        self.meter.spend(200)  # a format that is new to Python becomes a regular expression
        with warnings.catch_warnings():
            # Python 3.13 warns of a day without a year; a warning is no error for a logic.
            warnings.simplefilter("ignore")
            return datetime.strptime(text, pattern)

    def methods(self) -> dict[type, dict[str, Callable[..., Any]]]:
        """Methods of the values."""
        days: dict[str, Callable[..., Any]] = {
            "ctime": date.ctime,
            "isocalendar": lambda moment: tuple(moment.isocalendar()),
            "isoweekday": lambda moment: moment.isoweekday(),
            "replace": lambda moment, *fields, **named: moment.replace(*fields, **named),
            "strftime": self.texts.moment,
            "toordinal": lambda moment: moment.toordinal(),
            "weekday": lambda moment: moment.weekday(),
        }
        hours: dict[str, Callable[..., Any]] = {
            "isoformat": lambda moment, *style, **named: moment.isoformat(*style, **named),
            "replace": days["replace"],
            "strftime": self.texts.moment,
            "utcoffset": lambda moment: moment.utcoffset(),
        }
        both: dict[str, Callable[..., Any]] = {
            **days,
            **hours,
            "ctime": datetime.ctime,
            "astimezone": _astimezone,
            "date": datetime.date,
            "time": datetime.time,
            "timestamp": _timestamp,
        }
        return {
            date: {**days, "isoformat": date.isoformat},
            datetime: both,
            time: hours,
            timedelta: {"total_seconds": timedelta.total_seconds},
            timezone: {"utcoffset": timezone.utcoffset},
        }


def _astimezone(moment: datetime, zone: Any = None, /) -> datetime:
    if zone is None or moment.tzinfo is None:
        raise TypeError("astimezone() needs a moment with a time zone, and the time zone to go to")
    return moment.astimezone(zone)


def _timestamp(moment: datetime, /) -> float:
    if moment.tzinfo is None:
        raise TypeError(
            "timestamp() needs a moment with a time zone: .replace(tzinfo=timezone.utc), for example"
        )
    return moment.timestamp()


def moment_attributes() -> dict[type, dict[str, Callable[[Any], Any]]]:
    """Attributes of the values, which are read without a call."""

    def read(name: str) -> Callable[[Any], Any]:
        return lambda moment: getattr(moment, name)

    day = {name: read(name) for name in ("year", "month", "day")}
    hour = {name: read(name) for name in ("hour", "minute", "second", "microsecond", "tzinfo")}
    span = {name: read(name) for name in ("days", "seconds", "microseconds")}
    return {date: day, datetime: {**day, **hour}, time: hour, timedelta: span}
