"""Timers: `set_timer` and `cancel_timer`, and the values that `on_timer` gets.

What a logic sets and cancels counts only if the whole reading succeeds, as for its state: the changes are
collected in `Timers.changes`, and the runner sends them with the outcome.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sandbox.job import REPEATING, TIMER_NAME_PATTERN, TimerRun
from sandbox.runtime.meter import Meter

_NAME: Final = re.compile(TIMER_NAME_PATTERN)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

#: The ticks of one call.
_TICKS: Final = 6


class Clock(NamedTuple):
    """When a reading or a timer runs, and when the machine's timers are due, in milliseconds since 1970."""

    now: int
    timers: Mapping[str, int]


class Timers:
    """The timers of the machine whose reading runs, as the logic sees and changes them."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._clock: Clock | None = None
        #: What the logic has set and cancelled (None) since `begin`.
        self.changes: dict[str, int | None] = {}

    def begin(self, clock: Clock | None) -> None:
        """Begin a reading. Without a clock, the logic can set no timer."""
        self._clock = clock
        self.changes = {}

    def functions(self) -> dict[str, Callable[..., None]]:
        """Return the functions of a logic."""

        def set_timer(
            name: Any, *, seconds: Any = None, minutes: Any = None, hours: Any = None, at: Any = None
        ) -> None:
            self._set(name, seconds, minutes, hours, at)

        def cancel_timer(name: Any) -> None:
            self._cancel(name)

        return {"set_timer": set_timer, "cancel_timer": cancel_timer}

    def _set(self, name: Any, seconds: Any, minutes: Any, hours: Any, at: Any) -> None:
        clock = self._begun(name)
        has_span = minutes is not None or seconds is not None or hours is not None
        if has_span == (at is not None):
            raise TypeError("set_timer needs a time: seconds, minutes or hours, or else at")
        limits = self._meter.limits
        if has_span:
            span = _span(seconds, "seconds", 1_000)
            span += _span(minutes, "minutes", 60_000) + _span(hours, "hours", 3_600_000)
            if span < 1000 * limits.timer_shortest_seconds:
                self._meter.exceed("timer_shortest_seconds")
            due = clock.now + round(span)
        else:
            due = self._at(clock.now, at)
        if due - clock.now > 1000 * limits.timer_longest_seconds:
            self._meter.exceed("timer_longest_seconds")
        self.changes[name] = due
        if name not in clock.timers and len(clock.timers) + len(self.changes) > limits.timers:
            kept = {each for each in clock.timers if not each.startswith(REPEATING)}
            kept |= {each for each, due in self.changes.items() if due is not None}
            kept -= {each for each, due in self.changes.items() if due is None}
            if len(kept) > limits.timers:
                self._meter.exceed("timers")

    def _cancel(self, name: Any) -> None:
        clock = self._begun(name)
        if name in clock.timers:
            self.changes[name] = None
        else:
            self.changes.pop(name, None)

    def _begun(self, name: Any) -> Clock:
        """Check the name of a timer, and return the clock."""
        self._meter.spend(_TICKS)
        if self._clock is None:
            raise RuntimeError("timers can be set only while process or on_timer runs")
        if type(name) is not str:
            raise TypeError("the name of a timer must be a text")
        if (name not in self._clock.timers or ":" in name) and not _NAME.fullmatch(name):
            raise ValueError("the name of a timer has 1 to 64 letters, digits, underscores or hyphens")
        return self._clock

    def _at(self, now: int, at: Any) -> int:
        if type(at) is not datetime or at.tzinfo is None:
            raise TypeError("at must be a datetime with a time zone")
        due = (at - _EPOCH) // _MILLISECOND
        if due < now:
            raise ValueError("at is in the past: it is before the time of the reading")
        return max(due, now + round(1000 * self._meter.limits.timer_shortest_seconds))


def _span(value: Any, unit: str, milliseconds: int) -> float:
    """Return a span of time in milliseconds, from a number of units or None."""
    if value is None:
        return 0.0
    if type(value) not in (int, float) or not -1e15 < value < 1e15:
        raise TypeError(f"{unit} must be a number")
    return float(value * milliseconds)


def values_of(run: TimerRun) -> tuple[MappingProxyType[str, Any], MappingProxyType[str, Any]]:
    """Return what a logic gets as `timer`, and what it reads as `meta` meanwhile."""
    received = _rfc3339(run.received)
    late = max(0, run.received - run.due) / 1000
    timer = {"name": run.name, "due": _rfc3339(run.due), "received": received, "late": late}
    meta = {"topic": None, "late": False, "received": received, "number": None, "message_id": None}
    return MappingProxyType(timer), MappingProxyType(meta)


def _rfc3339(milliseconds: int) -> str:
    """Return a time in milliseconds since 1970 as text, in UTC."""
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
