"""Recognises late readings: those whose own time is long before the newest time of their machine.

A machine's record keeps the newest time that a reading of the machine had. A reading that is older by more
than the rule's bound is late. Then it is marked for the logic, or it becomes a dead letter, or it is only
counted, as the rule says. Readings that are not late may still be out of order, within the bound.

A time is a text such as 2026-11-30T06:00:00Z (without an offset it is UTC), or a number: seconds,
milliseconds, microseconds or nanoseconds since 1970, as its size says. A reading without a valid time is
never late. A dead letter that a person sends again is always run. A device whose clock is far ahead must not
make all later readings late. So a time more than a day after the worker's clock does not count as the newest.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias

from msgspec import Meta, Struct

from pipeline.clock import rfc3339
from pipeline.model.field_path import field_of
from pipeline.model.reading import Reading
from pipeline.model.timer import is_timer
from sandbox.job import Failure, Outcome

#: What happens to a late reading.
LateAction: TypeAlias = Literal["accept", "mark", "dead-letter"]

#: How far a time may be ahead of the worker's clock to count as the newest, in milliseconds.
_AHEAD: Final = 24 * 3600 * 1000

#: The number of seconds since 1970 in the year 5138. A larger number is in a smaller unit.
_SECONDS: Final = 10**11
_NANOSECONDS: Final = 10**20


class LateRule(Struct, frozen=True, omit_defaults=True):
    """Which readings of a machine are late, and what happens to them."""

    field: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=200,
            description="The field with the reading's time, such as time; a dot leads into an object: "
            "header.time.",
        ),
    ]
    seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=366 * 24 * 3600,
            description="A reading is late if it is older than the newest one by more than this.",
        ),
    ] = 0
    action: Annotated[
        LateAction,
        Meta(
            description='accept: only count it; mark: also set meta["late"]; dead-letter: do not run it, but '
            "keep it as a dead letter of kind late."
        ),
    ] = "mark"


class Judged(NamedTuple):
    """Which of some readings are late, by their place, each with the reason; and the newest time then."""

    late: dict[int, str]
    newest: int | None


def judge(rule: LateRule, newest: int | None, readings: Sequence[Reading], now: int) -> Judged:
    """Judge readings in JSON. Times are in milliseconds since 1970; `newest` is that of the record."""
    late = dict[int, str]()
    for place, reading in enumerate(readings):
        must_run = reading.claim is not None and (rule.action == "dead-letter" or is_timer(reading.claim))
        time = None if must_run else time_of(field_of(rule.field, reading.body))
        if time is None:
            continue
        if newest is not None and newest - time > 1000 * rule.seconds:
            late[place] = _reason(rule, time, newest)
        elif time <= now + _AHEAD:
            newest = time if newest is None else max(newest, time)
    return Judged(late, newest)


def late_outcome(reason: str) -> Outcome:
    """Return the outcome of a late reading that is not run."""
    return Outcome("late", failure=Failure(reason))


def time_of(value: Any) -> int | None:
    """Return a time in milliseconds since 1970; None if the value is not a time."""
    if isinstance(value, str):
        try:
            time = datetime.fromisoformat(value.upper())  # RFC 3339 also allows a small z
        except ValueError:
            return None
        return _milliseconds((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _NANOSECONDS:
        return None
    for _ in range(3):
        if value >= _SECONDS:
            value /= 1000
    return _milliseconds(value)


def _milliseconds(seconds: float) -> int | None:
    """Return milliseconds; None if the time is not between 1970 and the year 5138."""
    return round(1000 * seconds) if 0 <= seconds < _SECONDS else None


def _reason(rule: LateRule, time: int, newest: int) -> str:
    return (
        f"the reading is late: its {rule.field} is {rfc3339(time / 1000)}, and the newest reading is of "
        f"{rfc3339(newest / 1000)}, {_shown((newest - time) / 1000)} seconds later; the rule allows "
        f"{_shown(rule.seconds)}"
    )


def _shown(seconds: float) -> str:
    return f"{seconds:,.3f}".rstrip("0").rstrip(".")
