"""A short campaign, with a fault of each kind; `make chaos` runs long ones."""

from rich.progress import Progress

from tests.chaos.campaign import Campaign
from tests.chaos.plan import Kind, plan

READINGS, MACHINES, RATE = 5_000, 16, 120

SEED = 1


def test_each_reading_counts_once_and_in_order_whatever_is_killed_paused_or_cut() -> None:
    faults = plan(SEED, len(Kind))

    report = Campaign(faults, readings=READINGS, seed=SEED, machines=MACHINES, rate=RATE).run(
        Progress(disable=True)
    )

    assert report.verdict.breaches == [], "\n".join(report.journal)
    assert set(report.faults) == set(Kind)
    assert report.confirmed >= READINGS
    assert report.results + report.dead_letters >= report.confirmed
    assert report.dead_letters > 0


def test_a_seed_always_gives_the_same_plan_and_each_kind_before_any_repeats() -> None:
    first = plan(SEED, 3 * len(Kind))

    assert plan(SEED, 3 * len(Kind)) == first
    assert plan(SEED + 1, 3 * len(Kind)) != first
    for start in range(0, len(first), len(Kind)):
        assert {fault.kind for fault in first[start : start + len(Kind)]} == set(Kind)
