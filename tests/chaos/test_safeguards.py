"""The campaign detects the removal of each safeguard, and finds nothing with all safeguards in place."""

from collections.abc import Callable

import pytest
from rich.progress import Progress

from tests.chaos.campaign import Campaign
from tests.chaos.plan import Fault, Kind
from tests.chaos.verdict import Verdict

Run = Callable[..., Verdict]


@pytest.fixture
def run(broker_url: str, redis_url: str) -> Run:
    """Return the verdict on faults that occur exactly at the moment that a safeguard is for."""

    def run(module: str, *kinds: Kind) -> Verdict:
        campaign = Campaign(
            [Fault(kind, alone=False, pause=0, seed=1) for kind in kinds],
            readings=1_000,
            seed=1,
            machines=8,
            rate=150,
            module=f"tests.chaos.sabotage.{module}",
            urls=(broker_url, redis_url),
        )
        return campaign.run(Progress(disable=True)).verdict

    return run


def test_with_every_safeguard_no_moment_causes_a_breach(run: Run) -> None:
    verdict = run("nothing", Kind.DIE_ON_TAKING, Kind.DIE_AFTER_WRITE, Kind.WAKE_BEFORE_WRITE)

    assert verdict.breaches == []


def test_without_marks_readings_are_counted_again(run: Run) -> None:
    assert run("no_marks", Kind.DIE_AFTER_WRITE).repeated


def test_without_the_fence_a_replaced_worker_counts_readings_again(run: Run) -> None:
    assert run("no_fence", Kind.WAKE_BEFORE_WRITE).repeated


def test_without_compare_and_set_edits_of_the_state_are_lost(run: Run) -> None:
    # An edit is lost only between a batch's read and its write, so the test makes many edits.
    assert run("no_compare_and_set", *[Kind.EDIT_STATE] * 25).edits_lost


def test_with_early_acknowledgement_readings_are_lost(run: Run) -> None:
    assert run("early_acknowledgement", Kind.DIE_ON_TAKING).lost
