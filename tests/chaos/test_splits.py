"""One split of a cluster of three RabbitMQ nodes; `make chaos SPLITS=30` runs many, of all kinds."""

import pytest

from tests.chaos.rounds import Findings
from tests.chaos.splits import Kind, splits

SEED = 1

#: TO ADD: the modules of `tests.chaos.sabotage` that put an old rule back. With each of them readings must be
#: counted twice.
OLD_RULES: list[str] = []


def split(module: str) -> Findings:
    return splits(1, SEED, print, handling="ignore", kinds=(Kind.CUT_OFF,), module=module)


def test_a_worker_on_a_node_that_is_cut_off_counts_no_reading_twice() -> None:
    found = split("pipeline.actors")

    assert found.stood_still == []
    assert found.total.confirmed > 0
    assert found.total.breaches == 0, found.total


@pytest.mark.parametrize("rule", OLD_RULES)
def test_with_the_old_rule_a_worker_on_a_node_that_is_cut_off_counts_readings_twice(rule: str) -> None:
    found = split(f"tests.chaos.sabotage.{rule}")

    assert found.stood_still == []
    assert found.total.double
