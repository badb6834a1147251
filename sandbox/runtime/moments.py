"""The module datetime without a clock: dates and times that a logic reads, computes with and writes.

Strategy. As in `facades`. In addition, a function that asks the host for its time or its time zone is missing
or requires a time zone. Every argument must have one of the types that the table of its function names,
because Python's own constructors also accept the bytes of a pickle, as text too, and make dates of them that
do not exist and crash the interpreter. Formats of dates must be short and have known directives, because the
C library pads to any width, and Python parses dates with regular expressions that it makes of the format.
"""

import re
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

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


class Kind(NamedTuple):
    """The allowed types of an argument, exactly; their name, and what to write instead of a text."""

    name: str
    types: tuple[type, ...]
    instead: str = ""


#: What to write instead of a text in place of a time zone or its offset.
_BY_NAME: Final = "for a time zone by name, write ZoneInfo('Europe/Berlin')"
WHOLE: Final = Kind("a whole number", (int, bool))
NUMBER: Final = Kind("a number", (int, float, bool))
TEXT: Final = Kind("a text", (str,))
DAY: Final = Kind("a date", (date, datetime))
HOUR: Final = Kind("a time", (time,))
SPAN: Final = Kind("a timedelta", (timedelta,), _BY_NAME)
ZONE: Final = Kind("a ZoneInfo, a timezone or None", (ZoneInfo, timezone, type(None)), _BY_NAME)
MOMENT: Final = Kind("a datetime or None", (datetime, type(None)))

#: A time zone.
Zone = timezone | ZoneInfo
#: The parameters of a function in their order, each with its kind.
Parameters = Mapping[str, Kind]

_DATE: Final = dict.fromkeys(("year", "month", "day"), WHOLE)
_TIME: Final = {
    **dict.fromkeys(("hour", "minute", "second", "microsecond"), WHOLE),
    "tzinfo": ZONE,
    "fold": WHOLE,
}
_SPAN: Final = dict.fromkeys(
    ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"), NUMBER
)


class Moments:
    """The module datetime without a clock: its types as functions, and the methods of their values."""

    def __init__(self, meter: Meter, texts: Texts) -> None:
        self._meter = meter
        self._texts = texts
        typed = self._typed
        self.types: dict[str, Callable[..., Any]] = {
            "date": typed(date, _DATE),
            "datetime": typed(datetime, {**_DATE, **_TIME}),
            "time": typed(time, _TIME),
            "timedelta": typed(timedelta, _SPAN),
            "timezone": typed(timezone, {"offset": SPAN, "name": TEXT}),
        }
        read = {"date_string": TEXT}
        self.on_types: dict[object, dict[str, Any]] = {
            self.types["datetime"]: {
                "combine": typed(datetime.combine, {"date": DAY, "time": HOUR, "tzinfo": ZONE}),
                "fromisoformat": typed(datetime.fromisoformat, read),
                "fromtimestamp": typed(_fromtimestamp, {"timestamp": NUMBER, "tz": ZONE}),
                "strptime": typed(self._strptime, {**read, "format": TEXT}),
            },
            self.types["date"]: {
                "fromisoformat": typed(date.fromisoformat, read),
                "fromordinal": typed(date.fromordinal, {"n": WHOLE}),
            },
            self.types["time"]: {"fromisoformat": typed(time.fromisoformat, read)},
            self.types["timezone"]: {"utc": UTC},
        }

    def methods(self) -> dict[type, dict[str, Callable[..., Any]]]:
        """Return the methods of the values, by type. Those of Python have no argument."""
        days: dict[str, Callable[..., Any]] = {
            "isocalendar": lambda moment, /: tuple(moment.isocalendar()),
            "isoweekday": date.isoweekday,
            "strftime": self._texts.moment,
            "toordinal": date.toordinal,
            "weekday": date.weekday,
        }
        return {
            date: {
                **days,
                "ctime": date.ctime,
                "isoformat": date.isoformat,
                "replace": self._method(date.replace, _DATE),
            },
            datetime: {
                **days,
                "astimezone": self._method(_astimezone, {"tz": ZONE}),
                "ctime": datetime.ctime,
                "date": datetime.date,
                "dst": datetime.dst,
                "isoformat": self._method(datetime.isoformat, {"sep": TEXT, "timespec": TEXT}),
                "replace": self._method(datetime.replace, {**_DATE, **_TIME}),
                "time": datetime.time,
                "timestamp": _timestamp,
                "tzname": datetime.tzname,
                "utcoffset": datetime.utcoffset,
            },
            time: {
                "dst": time.dst,
                "isoformat": self._method(time.isoformat, {"timespec": TEXT}),
                "replace": self._method(time.replace, _TIME),
                "strftime": self._texts.moment,
                "tzname": time.tzname,
                "utcoffset": time.utcoffset,
            },
            timedelta: {"total_seconds": timedelta.total_seconds},
            timezone: {"utcoffset": self._method(timezone.utcoffset, {"dt": MOMENT})},
            ZoneInfo: {},
        }

    def _typed(self, function: Callable[..., Any], parameters: Parameters) -> Callable[..., Any]:
        """Return the function with a check of its arguments."""

        def run(*arguments: Any, **keywords: Any) -> Any:
            self._check(parameters, arguments, keywords)
            return function(*arguments, **keywords)

        return run

    def _method(self, function: Callable[..., Any], parameters: Parameters) -> Callable[..., Any]:
        """Return the method with a check of its arguments after the value itself."""

        def run(moment: Any, /, *arguments: Any, **keywords: Any) -> Any:
            self._check(parameters, arguments, keywords)
            return function(moment, *arguments, **keywords)

        return run

    def _check(self, parameters: Parameters, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
        self._meter.spend(2)
        for name, argument in (*zip(parameters, arguments, strict=False), *keywords.items()):
            # Python refuses too many arguments and unknown keywords, after this.
            kind = parameters.get(name)
            if kind is not None and type(argument) not in kind.types:
                instead = kind.instead if type(argument) is str else ""
                raise TypeError(
                    f"{name} must be {kind.name}, not {type(argument).__name__}{instead and '; '}{instead}"
                )
            if type(argument) is str and len(argument) > LONGEST_MOMENT:
                raise ValueError(f"a text of {len(argument)} characters is too long for {name}")

    def _strptime(self, date_string: str, format: str, /) -> datetime:  # noqa: A002
        check_directives(format)
        self._pay_for(format)
        with warnings.catch_warnings():
            # Python 3.13 warns of a day without a year; a warning must not be an error for a logic.
            warnings.simplefilter("ignore")
            try:
                return datetime.strptime(date_string, format)
            except re.error:  # Python does not keep such a format
                self._meter.date_formats.discard(format)
                raise ValueError(f"a directive occurs twice in the date format {format!r}") from None

    def _pay_for(self, pattern: str) -> None:
        """Pay for a format; other readings do not count, so that the fuel of a reading is always the same."""
        known = self._meter.date_formats
        if pattern in known:
            self._meter.spend(KNOWN_FORMAT_TICKS)
            return
        self._meter.spend(FORMAT_TICKS + DIRECTIVE_TICKS * pattern.count("%"))
        if len(known) < MOST_FORMATS:
            known.add(pattern)


def _fromtimestamp(timestamp: float, tz: Zone | None = None) -> datetime:
    if tz is None:
        raise TypeError(
            "datetime.fromtimestamp() needs a time zone as its second argument, such as timezone.utc"
        )
    return datetime.fromtimestamp(timestamp, tz)


def _astimezone(moment: datetime, tz: Zone | None = None) -> datetime:
    if tz is None or moment.tzinfo is None:
        raise TypeError("astimezone() needs a moment with a time zone, and the time zone to go to")
    return moment.astimezone(tz)


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
    hour = {name: read(name) for name in ("hour", "minute", "second", "microsecond", "tzinfo", "fold")}
    span = {name: read(name) for name in ("days", "seconds", "microseconds")}
    zone = {"key": read("key")}
    return {date: day, datetime: {**day, **hour}, time: hour, timedelta: span, ZoneInfo: zone}
