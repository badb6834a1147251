"""Each safeguard taken out in turn: the campaign must notice. With all of them in place, it must not."""

import pytest
from rich.progress import Progress

from tests.chaos.campaign import Campaign
from tests.chaos.plan import Fault, Kind
from tests.chaos.verdict import Verdict


def run(module: str, kind: Kind) -> Verdict:
    """The verdict on one fault that comes in the one moment that the safeguard is for."""
    fault = Fault(kind, alone=False, pause=0, seed=1)
    campaign = Campaign(
        [fault], readings=1_000, seed=1, machines=8, rate=150, module=f"tests.chaos.sabotage.{module}"
    )
    return campaign.run(Progress(disable=True)).verdict


@pytest.mark.parametrize("kind", [Kind.DIE_ON_TAKING, Kind.DIE_AFTER_WRITE, Kind.WAKE_BEFORE_WRITE])
def test_with_every_safeguard_no_moment_is_a_bad_one(kind: Kind) -> None:
    assert run("nothing", kind).breaches == []


def test_without_marks_readings_are_counted_again() -> None:
    assert run("no_marks", Kind.DIE_AFTER_WRITE).repeated


def test_without_compare_and_set_counts_are_lost() -> None:
    verdict = run("no_compare_and_set", Kind.WAKE_BEFORE_WRITE)

    assert verdict.lost
    assert verdict.results_different


def test_acknowledged_early_readings_are_lost() -> None:
    assert run("early_acknowledgement", Kind.DIE_ON_TAKING).lost
