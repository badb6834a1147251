"""The count at the end: each kind of error is detected, and doubt is not a breach."""

from typing import Any

import msgspec
import pytest

from tests.chaos.fleet import Machine, Sort, body_of
from tests.chaos.tap import Letter, Outcomes, Result
from tests.chaos.verdict import Edits, State, Verdict

ID = "m0"


def machine(sorts: list[Sort], in_doubt: tuple[int, ...] = ()) -> Machine:
    """Return a machine that has sent these readings, all confirmed except those in doubt."""
    sender = Machine(0)
    for sort in sorts:
        sender.next_message(sort)
    for n in range(len(sorts)):
        sender.confirmed[n] = n not in in_doubt
    return sender


def outcomes(results: dict[int, int], letters: dict[int, Letter] | None = None) -> Outcomes:
    """Return results by number, with the n of each, and dead letters by number."""
    found = Outcomes()
    found.results[ID] = {number: Result(n, b"") for number, n in results.items()}
    found.letters[ID] = letters or {}
    return found


def judged(
    sender: Machine, state: State, number: int, found: Outcomes, edits: Edits | None = None
) -> dict[str, int]:
    """Return the number of breaches, by column."""
    verdict = Verdict()
    verdict.judge(sender, state, number, found, edits or Edits())
    columns = {column: len(getattr(verdict, column)) for column in Verdict.__struct_fields__}
    return {column: count for column, count in columns.items() if count}


GOOD = [Sort.GOOD] * 3

#: The expected state after the three good readings above.
ALL = State(count=3, last=2)


def test_readings_counted_once_and_in_order_are_no_breach() -> None:
    assert judged(machine(GOOD), ALL, 3, outcomes({1: 0, 2: 1, 3: 2})) == {}


@pytest.mark.parametrize(
    ("state", "number", "results"),
    [(ALL, 3, {1: 0, 2: 1, 3: 2}), (State(count=2, last=2, gaps=[(1, 1)]), 2, {1: 0, 2: 2})],
)
def test_a_reading_in_doubt_may_be_counted_or_not(state: State, number: int, results: dict[int, int]) -> None:
    assert judged(machine(GOOD, in_doubt=(1,)), state, number, outcomes(results)) == {}


def test_a_confirmed_reading_that_is_not_counted_is_lost() -> None:
    state = State(count=2, last=2, gaps=[(1, 1)])

    assert judged(machine(GOOD), state, 2, outcomes({1: 0, 2: 2})) == {"lost": 1}


def test_a_state_that_went_back_has_lost_readings_with_results() -> None:
    found = outcomes({1: 0, 2: 1, 3: 2})

    assert judged(machine(GOOD, in_doubt=(2,)), State(count=2, last=1), 2, found) == {"lost": 2}


def test_a_reading_that_is_counted_again_is_repeated_even_if_it_was_in_doubt() -> None:
    state = State(count=4, last=2, late=[2])
    found = outcomes({1: 0, 2: 1, 3: 2, 4: 2})

    assert judged(machine(GOOD, in_doubt=(2,)), state, 4, found) == {"repeated": 2}


def test_a_reading_that_is_counted_after_a_later_one_is_out_of_order() -> None:
    state = State(count=3, last=2, gaps=[(1, 1)], late=[1])
    found = outcomes({1: 0, 2: 2, 3: 1})

    assert judged(machine(GOOD), state, 3, found) == {"out_of_order": 2}


def test_a_number_without_a_result_is_a_missing_result() -> None:
    assert judged(machine(GOOD), ALL, 3, outcomes({1: 0, 3: 2})) == {"results_missing": 1}


def test_results_of_one_id_must_be_equal_and_first_copies_must_be_in_order() -> None:
    found = Outcomes()
    body = b'{"subject": "m0", "id": "%d", "data": {"n": %d}}'

    found.add_result("m0/1", body % (1, 0))
    found.add_result("m0/1", body % (1, 0))
    assert (found.different, found.late) == ([], [])

    found.add_result("m0/1", body % (1, 7))
    found.add_result("m0/3", body % (3, 9))
    found.add_result("m0/2", body % (2, 8))
    found.add_result("m0/3", body % (3, 9))
    assert (len(found.different), len(found.late)) == (1, 1)


BAD = [Sort.GOOD, Sort.RAISES, Sort.NOT_JSON]

RAISED = Letter(body_of(1, Sort.RAISES), "error", b"")
NOT_JSON = Letter(body_of(2, Sort.NOT_JSON), "not-json", b"")

#: The state after a good reading and two that must fail.
ONE = State(count=1, last=0)


def test_dead_letters_of_readings_that_had_to_fail_are_no_breach() -> None:
    assert judged(machine(BAD), ONE, 3, outcomes({1: 0}, {2: RAISED, 3: NOT_JSON})) == {}


def test_dead_letters_that_are_missing_wrong_or_double_are_detected() -> None:
    wrong = {"dead_letters_wrong": 1}
    other = Letter(NOT_JSON.body, "limit", b"")
    good = Letter(body_of(0, Sort.GOOD), "limit", b"")

    assert judged(machine(BAD), ONE, 2, outcomes({1: 0}, {2: RAISED})) == wrong
    assert judged(machine(BAD), ONE, 3, outcomes({1: 0}, {2: RAISED, 3: other})) == wrong
    assert judged(machine(BAD), ONE, 4, outcomes({1: 0}, {2: RAISED, 3: NOT_JSON, 4: NOT_JSON})) == wrong
    assert judged(machine(BAD), ONE, 4, outcomes({1: 0}, {2: RAISED, 3: NOT_JSON, 4: good})) == wrong


def test_a_bad_reading_in_doubt_may_have_a_dead_letter_or_none() -> None:
    sender = machine(BAD, in_doubt=(2,))

    assert judged(sender, ONE, 2, outcomes({1: 0}, {2: RAISED})) == {}
    assert judged(sender, ONE, 3, outcomes({1: 0}, {2: RAISED, 3: NOT_JSON})) == {}


def test_an_edit_that_was_answered_must_be_in_the_state() -> None:
    def edited(count: int, edits: Edits) -> dict[str, int]:
        state = State(count=3, last=2, edits=count)
        return judged(machine(GOOD), state, 3, outcomes({1: 0, 2: 1, 3: 2}), edits)

    assert edited(2, Edits(done=2)) == {}
    assert edited(3, Edits(done=2, in_doubt=1)) == {}
    assert edited(1, Edits(done=2)) == {"edits_lost": 1}
    assert edited(4, Edits(done=2, in_doubt=1)) == {"edits_lost": 1}


@pytest.mark.parametrize(
    ("timers", "runs", "wrong"),
    [
        ({"runs": 2}, (1, 2), 0),
        ({"runs": 2}, (1,), 1),
        ({"runs": 1}, (1, 2), 1),
        ({"runs": 1, "armed": {"t1": 5}}, (1,), 1),
        ({"runs": 1, "twice": 1}, (1,), 1),
        ({"runs": 1, "unordered": 1}, (1,), 1),
    ],
)
def test_a_timer_that_is_lost_or_runs_twice_or_has_no_result_is_a_breach(
    timers: dict[str, Any], runs: tuple[int, ...], wrong: int
) -> None:
    found = outcomes({1: 0, 2: 1, 3: 2})
    found.timers[ID] = dict.fromkeys(runs, b"")
    state = msgspec.structs.replace(ALL, **timers)
    assert judged(machine(GOOD), state, 3, found) == ({"timers_wrong": wrong} if wrong else {})
