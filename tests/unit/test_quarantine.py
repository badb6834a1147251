"""The outcomes that lead to quarantine, and those that do not."""

from typing import Literal

import pytest

from pipeline.model.quarantine import Strikes
from sandbox.job import EXHAUSTIONS, KILLS, Failure, Outcome

FINE = Outcome("ok")
KILLED = Outcome("limit", failure=Failure("too long", limit="hard_seconds"), killed=True)
TOO_LARGE = Outcome("limit", failure=Failure("too large", limit="state_bytes"))


def strikes(*outcomes: Outcome) -> Strikes:
    result = Strikes("digest")
    for outcome in outcomes:
        result = result.after(outcome)
    return result


def test_kills_count_whatever_happens_between_them() -> None:
    assert not strikes(*[KILLED, FINE] * (KILLS - 1)).quarantined
    assert strikes(*[KILLED, FINE] * KILLS).quarantined


@pytest.mark.parametrize("limit", ["fuel", "soft_seconds", "batch_seconds"])
def test_only_consecutive_readings_that_run_out_of_fuel_or_time_count(limit: str) -> None:
    exhausted = Outcome("limit", failure=Failure("too much", limit=limit))
    assert strikes(*[exhausted] * EXHAUSTIONS).quarantined
    assert not strikes(*[exhausted] * (EXHAUSTIONS - 1), FINE, exhausted).quarantined


@pytest.mark.parametrize("kind", ["paused", "late"])
def test_a_reading_that_is_not_run_changes_no_count(kind: Literal["paused", "late"]) -> None:
    exhausted = Outcome("limit", failure=Failure("too much", limit="fuel"))
    assert strikes(*[exhausted, Outcome(kind, failure=Failure("not run"))] * EXHAUSTIONS).quarantined


def test_other_limits_and_errors_do_not_count() -> None:
    assert not strikes(*[TOO_LARGE, Outcome("error", failure=Failure("bug"))] * 50).quarantined


def test_another_logic_starts_with_no_counts() -> None:
    assert strikes(*[KILLED] * KILLS).against("another") == Strikes("another")


def test_a_logic_that_the_sandbox_refuses_to_run_again_is_in_quarantine() -> None:
    assert strikes(Outcome("quarantined", failure=Failure("not run"))).quarantined
