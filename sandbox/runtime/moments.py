"""The module datetime without a clock: dates and times that a logic reads, computes with and writes.

Strategy. As in `facades`. In addition, a function that asks the host for its time or its time zone is missing
or requires a time zone. Formats of dates must be short and have known directives, because the C library pads
to any width, and Python parses dates with regular expressions that it makes of the format.
"""

import warnings
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

from sandbox.runtime.meter import Meter
from sandbox.runtime.texts import Texts, check_directives

#: Python makes a regular expression of each new format: ticks for the format, and for each directive in it.
FORMAT_TICKS = 40
DIRECTIVE_TICKS = 50
#: Ticks to parse with a format that this reading has used before, and how many of them Python surely keeps.
KNOWN_FORMAT_TICKS = 20
MOST_FORMATS = 100
#: The most characters of a text with a date, and of the format to parse it; real ones have some thirty.
LONGEST_MOMENT = 100

# This fills Python's caches once: the confined child cannot read the host's locale and time zone later.
datetime.strptime("2026-03-12 Thursday March", "%Y-%m-%d %A %B")


class Moments:
    """The module datetime without a clock: its types as functions, and the methods of their values."""

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
            self.meter.spend(2)
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
        self._pay_for(pattern)
        with warnings.catch_warnings():
            # Python 3.13 warns of a day without a year; a warning must not be an error for a logic.
            warnings.simplefilter("ignore")
            return datetime.strptime(text, pattern)

    def _replace(self, moment: Any, *fields: Any, **named: Any) -> Any:
        self.meter.spend(1)
        return moment.replace(*fields, **named)

    def _pay_for(self, pattern: str) -> None:
        """Pay for a format; other readings do not count, so that the fuel of a reading is always the same."""
        known = self.meter.date_formats
        if pattern in known:
            self.meter.spend(KNOWN_FORMAT_TICKS)
            return
        self.meter.spend(FORMAT_TICKS + DIRECTIVE_TICKS * pattern.count("%"))
        if len(known) < MOST_FORMATS:
            known.add(pattern)

    def methods(self) -> dict[type, dict[str, Callable[..., Any]]]:
        """Return the methods of the values, by type."""
        days: dict[str, Callable[..., Any]] = {
            "ctime": date.ctime,
            "isocalendar": lambda moment: tuple(moment.isocalendar()),
            "isoweekday": lambda moment: moment.isoweekday(),
            "replace": self._replace,
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
    """Return the attributes of the values, by type; a logic reads them without a call."""

    def read(name: str) -> Callable[[Any], Any]:
        return lambda moment: getattr(moment, name)

    day = {name: read(name) for name in ("year", "month", "day")}
    hour = {name: read(name) for name in ("hour", "minute", "second", "microsecond", "tzinfo")}
    span = {name: read(name) for name in ("days", "seconds", "microseconds")}
    return {date: day, datetime: {**day, **hour}, time: hour, timedelta: span}
