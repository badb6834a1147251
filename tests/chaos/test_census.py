"""The count after a round: each kind of error is detected, and doubt is not a breach."""

from typing import Any

import msgspec
import pytest

from tests.chaos.alarms import Change, Details
from tests.chaos.census import LOGIC, Census, State, judged
from tests.chaos.fleet import Machine, Sort
from tests.chaos.verdict import State as StateAtTheEnd
from tests.chaos.verdict import Verdict

SENT = 6


def counted(*numbers: int) -> State:
    """Return the state after these readings, in this order."""
    scope: dict[str, Any] = {"meta": {"received": ""}}
    scope |= dict.fromkeys(("set_timer", "raise_alarm", "clear_alarm"), lambda *_, **__: None)
    state = dict[str, Any]()
    exec(LOGIC, scope)  # noqa: S102  the logic that the campaign uploads
    for n in numbers:
        scope["process"]({"n": n}, state)
    for name in list(state.get("armed", {})):
        scope["on_timer"]({"name": name, "received": ""}, state)
    return msgspec.convert(state, State)


def census(state: State, in_doubt: tuple[int, ...] = ()) -> Census:
    """Return the count of a machine that has sent `SENT` readings, all confirmed except those in doubt."""
    machine = Machine(0)
    for n in range(SENT):
        machine.next_message(Sort.GOOD)
        machine.confirmed[n] = n not in in_doubt
    return judged(machine, state)


@pytest.mark.parametrize(
    ("numbers", "in_doubt"),
    [((0, 1, 2, 3, 4, 5), ()), ((0, 1, 2, 3, 4, 5), (2,)), ((0, 1, 3, 4, 5), (2,)), ((0, 1, 2, 3), (4, 5))],
)
def test_a_reading_counts_once_and_one_in_doubt_once_or_never(
    numbers: tuple[int, ...], in_doubt: tuple[int, ...]
) -> None:
    assert census(counted(*numbers), in_doubt).breaches == 0


@pytest.mark.parametrize(
    ("numbers", "breaches"),
    [
        ((), {"lost": 6}),
        ((0, 1, 2, 3), {"lost": 2}),
        ((2, 4, 5), {"lost": 3}),
        ((0, 1, 2, 1, 2, 3, 4, 5), {"double": 2}),
        ((0, 1, 2, 3, 4, 5, 5), {"double": 1}),
        ((0, 1, 4, 5, 2, 3), {"out_of_order": 2}),
        ((0, 4, 2, 2, 5), {"lost": 2, "double": 1, "out_of_order": 1}),
        ((5, 2, 0, 4, 1, 3), {"out_of_order": 5}),
    ],
)
def test_a_reading_that_is_lost_double_or_out_of_order_is_detected(
    numbers: tuple[int, ...], breaches: dict[str, int]
) -> None:
    assert census(counted(*numbers)) == Census(6, len(numbers), **breaches)


def test_a_state_that_lost_a_count_is_detected() -> None:
    state = counted(0, 1, 2, 3, 4, 5)
    state.count -= 1

    assert census(state).forgotten == 1


@pytest.mark.parametrize(("in_doubt", "breaches"), [((1,), 0), ((), 1), ((2,), 1)])
def test_only_a_reading_in_doubt_may_be_late_after_a_freeze(in_doubt: tuple[int, ...], breaches: int) -> None:
    machine = Machine(0)
    for n in range(SENT):
        machine.next_message(Sort.GOOD)
        machine.confirmed[n] = n not in in_doubt
    state = counted(0, 2, 1, 3, 4, 5)

    assert judged(machine, state, doubt_may_be_late=True).breaches == breaches
    assert judged(machine, state).breaches == 1


@pytest.mark.parametrize(
    ("timer", "breaches"),
    [
        ({"armed": {"t1": 5}}, 1),
        ({"twice": 1}, 1),
        ({"unordered": 2}, 2),
        ({"runs": 3}, 0),
    ],
)
def test_a_timer_that_is_lost_or_runs_twice_or_out_of_order_is_detected(
    timer: dict[str, Any], breaches: int
) -> None:
    state = msgspec.structs.replace(counted(0, 1, 2, 3, 4, 5), **timer)
    assert census(state).breaches == census(state).timers == breaches


def changes(*numbers: int) -> list[Change]:
    """Return changes with these numbers, raised and cleared in turn."""
    return [Change(n, "raised" if n % 2 else "cleared", Details(n if n % 2 else n - 1)) for n in numbers]


@pytest.mark.parametrize(
    ("journal", "breaches"),
    [
        (changes(1, 2, 3), 0),
        (changes(1, 2), 1),
        (changes(1, 2, 3, 4), 1),
        (changes(1, 3, 3), 1),
        (changes(2, 1, 3), 1),
        ([*changes(1, 2), Change(3, "cleared", Details(3))], 1),
        ([*changes(1, 2), Change(3, "raised", Details(1))], 1),
    ],
)
def test_an_alarm_that_is_lost_or_there_twice_or_out_of_order_is_detected(
    journal: list[Change], breaches: int
) -> None:
    state = msgspec.structs.replace(counted(0, 1, 2, 3, 4, 5), changes=3)
    machine = Machine(0)
    for _ in range(SENT):
        machine.next_message(Sort.GOOD)
    assert judged(machine, state, journal).alarms == breaches

    verdict = Verdict()
    verdict.judge_alarms(machine, StateAtTheEnd(changes=3), journal)
    assert bool(verdict.alarms_wrong) == bool(breaches)
