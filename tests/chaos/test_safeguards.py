"""Each safeguard taken out in turn: the campaign must notice. With all of them in place, it must not."""

from collections.abc import Callable

import pytest
from rich.progress import Progress

from tests.chaos.campaign import Campaign
from tests.chaos.plan import Fault, Kind
from tests.chaos.verdict import Verdict

Run = Callable[..., Verdict]


@pytest.fixture
def run(broker_url: str, redis_url: str) -> Run:
    """Gives the verdict on faults that come in the one moment that a safeguard is for."""

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


def test_with_every_safeguard_no_moment_is_a_bad_one(run: Run) -> None:
    verdict = run("nothing", Kind.DIE_ON_TAKING, Kind.DIE_AFTER_WRITE, Kind.WAKE_BEFORE_WRITE)

    assert verdict.breaches == []


def test_without_marks_readings_are_counted_again(run: Run) -> None:
    assert run("no_marks", Kind.DIE_AFTER_WRITE).repeated


def test_without_the_fence_a_worker_that_was_replaced_counts_readings_again(run: Run) -> None:
    assert run("no_fence", Kind.WAKE_BEFORE_WRITE).repeated


def test_without_compare_and_set_edits_of_the_state_are_lost(run: Run) -> None:
    # An edit is lost if it falls between a batch's read and its write, so there are many of them.
    assert run("no_compare_and_set", *[Kind.EDIT_STATE] * 25).edits_lost


def test_acknowledged_early_readings_are_lost(run: Run) -> None:
    assert run("early_acknowledgement", Kind.DIE_ON_TAKING).lost
