"""Checks the answers of a child before the parent uses them.

Decoding has already checked the types of a message (`frames.py`). These checks remain: the number of outcomes
is possible, a child may give each of them, results and states are JSON objects within the limits, and texts
are safe to show. A text can be cleaned; any other violation is an `Untrue`. An honest child never sends such
an answer, so the parent discards all of it, and does not trust the child to name the reading that caused it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from sandbox.job import (
    ALARM_NAME_PATTERN,
    REPEATING,
    TIMER_NAME_PATTERN,
    Checked,
    Failure,
    Outcome,
    Problem,
    Raised,
)
from sandbox.limits import Limits
from sandbox.words import cleaned

#: The kinds of outcome that a child may give, besides "ok".
_FAILED: Final = frozenset({"not-json", "invalid-payload", "error", "limit", "refused", "quarantined"})

#: The most characters to show of a message or a hint, and of a line of source.
_MESSAGE: Final = 500
_LINE: Final = 200

_TIMER_NAME: Final = re.compile(TIMER_NAME_PATTERN)
_ALARM_NAME: Final = re.compile(ALARM_NAME_PATTERN)

_decode_object = msgspec.json.Decoder(dict[str, object]).decode


class Untrue(Exception):
    """A child gave an answer that an honest child cannot give."""


def believed(outcomes: Sequence[Outcome], limits: Limits) -> list[Outcome]:
    """Return the outcomes with cleaned texts. Raises `Untrue` at the first impossible outcome."""
    found = list[Outcome]()
    for outcome in outcomes:
        if outcome.killed or outcome.fuel < 0:
            raise Untrue("an outcome that a child cannot give")
        if outcome.peaks and not _PEAKS.issuperset(outcome.peaks):
            raise Untrue("a peak value for an unknown limit")
        if outcome.kind == "ok":
            if outcome.failure is not None:
                raise Untrue("an outcome that is both ok and a failure")
            _look_at_results(outcome.results, limits)
            found.append(outcome)
        elif outcome.kind not in _FAILED or outcome.failure is None or _has_effect(outcome):
            raise Untrue("a failure without an error")
        else:
            found.append(replace(outcome, failure=_cleaned_failure(outcome.failure)))
    return found


def _has_effect(outcome: Outcome) -> bool:
    return bool(outcome.results or outcome.timers or outcome.alarms)


def believe_alarms(active: set[str], changes: Mapping[str, Raised | None], limits: Limits) -> None:
    """Make these changes to the names of the active alarms. Raises `Untrue`."""
    before = len(active)
    for name, raised in changes.items():
        if raised is None:
            if name not in active:
                raise Untrue("an alarm is cleared that is not active")
            active.remove(name)
            continue
        if not _ALARM_NAME.fullmatch(name):
            raise Untrue("an alarm without a valid name")
        size = len(raised.message) + len(raised.details)
        if size > limits.alarm_bytes or not is_object(raised.details, limits.value_depth):
            raise Untrue("the details of an alarm that are not a JSON object within the limits")
        active.add(name)
    if len(active) > max(before, limits.alarms):
        raise Untrue("more active alarms than a machine can have")


def believe_timers(
    timers: dict[str, int], changes: Mapping[str, int | None], now: int, limits: Limits
) -> None:
    """Make these changes to timers, which a logic made at `now`. Raises `Untrue`."""
    before = len(timers)
    for name, due in changes.items():
        if due is None:
            if name.startswith(REPEATING) or timers.pop(name, None) is None:
                raise Untrue("a timer is cancelled that is not set")
            continue
        if name not in timers and not _TIMER_NAME.fullmatch(name):
            raise Untrue("a timer without a valid name")
        soonest = now + int(1000 * limits.timer_shortest_seconds)
        if not soonest <= due <= now + 1000 * limits.timer_longest_seconds or name.startswith(REPEATING):
            raise Untrue("a timer that is due too soon or too late")
        timers[name] = due
    if len(timers) > before and len(timers) - repeating_in(timers) > limits.timers:
        raise Untrue("more timers than a machine can have")


def repeating_in(timers: Iterable[str]) -> int:
    """Return how many of these timers repeat; the logic has not set them."""
    return sum(name.startswith(REPEATING) for name in timers)


def _look_at_results(results: list[bytes], limits: Limits) -> None:
    if len(results) > limits.results or sum(map(len, results)) > limits.result_bytes:
        raise Untrue("more results than a reading can have")
    for result in results:
        if not is_object(result, limits.value_depth):
            raise Untrue("a result that is not a JSON object")


def is_object(text: bytes, depth: int) -> bool:
    """Return whether a text is a JSON object with at most `depth` levels."""
    try:
        value: object = _decode_object(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return False
    if text.count(b"{") + text.count(b"[") <= depth:
        return True  # the depth is at most the number of brackets; this check is nearly always enough
    level = [value]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)  # type: ignore[attr-defined]
            if isinstance(inner, dict | list)
        ]
        if not level:
            return True
    return False


def believed_state(state: bytes, before: bytes, limits: Limits) -> bool:
    """Return whether `state` is possible after a reading that started from `before`.

    `before` may exceed the limits, if they have been lowered since; a failed reading leaves it unchanged.
    """
    return state == before or (len(state) <= limits.state_bytes and is_object(state, limits.value_depth))


def believed_verdict(checked: Checked) -> Checked:
    """Return the verdict on a source with cleaned texts."""
    problems = _cleaned_problems(checked.problems)
    return Checked(problems, None if problems else checked.code, _cleaned_problems(checked.notes))


def _cleaned_problems(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            max(1, problem.line),
            max(1, problem.column),
            cleaned(problem.text, _LINE),
            cleaned(problem.message, _MESSAGE),
            cleaned(problem.hint, _MESSAGE),
        )
        for problem in problems
    )


def _cleaned_failure(failure: Failure) -> Failure:
    return Failure(
        cleaned(failure.message, _MESSAGE),
        failure.line,
        cleaned(failure.text, _LINE),
        failure.limit if failure.limit in _LIMITS else None,
        failure.allowed,
    )


_LIMITS: Final = frozenset(Limits.__struct_fields__)
_PEAKS: Final = _LIMITS
