"""One SIGKILL of RabbitMQ with its log held; `make chaos KILLS=200` runs many, also of the other kinds."""

import pytest

from tests.chaos.kills import Kind, kills
from tests.chaos.rounds import Findings, plan

SEED = 1

#: The modules of `tests.chaos.sabotage` that break a rule: each of them must make readings count twice.
BROKEN_RULES = ["believes_acknowledgements", "no_marks"]


def killed(module: str) -> Findings:
    return kills(1, SEED, print, kinds=(Kind.LOG_HELD,), module=module)


def test_no_reading_counts_twice_if_a_killed_broker_loses_acknowledgements() -> None:
    found = killed("pipeline.actors")

    assert found.stood_still == []
    assert found.total.confirmed > 0
    assert found.total.breaches == 0, found.total


@pytest.mark.parametrize("rule", BROKEN_RULES)
def test_with_a_broken_rule_readings_count_twice_after_a_kill_of_the_broker(rule: str) -> None:
    found = killed(f"tests.chaos.sabotage.{rule}")

    assert found.stood_still == []
    assert found.total.double


def test_a_seed_always_gives_the_same_rounds_and_each_kind_before_any_repeats() -> None:
    kinds = list(Kind)
    first = plan(kinds, SEED, 3 * len(kinds))

    assert plan(kinds, SEED, 3 * len(kinds)) == first
    assert plan(kinds, SEED + 1, 3 * len(kinds)) != first
    for start in range(0, len(first), len(kinds)):
        assert {each.kind for each in first[start : start + len(kinds)]} == set(kinds)
