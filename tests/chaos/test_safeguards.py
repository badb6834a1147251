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


def test_without_compare_and_set_records_are_overwritten(run: Run) -> None:
    # What it costs depends on what the successor is doing when the old record comes back: it may have read
    # the machine's record just before, and write it over the old one again. So the moment comes twice.
    verdict = run("no_compare_and_set", Kind.WAKE_BEFORE_WRITE, Kind.WAKE_BEFORE_WRITE)

    assert verdict.lost or verdict.results_different


def test_acknowledged_early_readings_are_lost(run: Run) -> None:
    assert run("early_acknowledgement", Kind.DIE_ON_TAKING).lost
