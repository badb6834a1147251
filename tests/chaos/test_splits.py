"""One split of a cluster of three RabbitMQ nodes; `make chaos SPLITS=30` runs many, of all kinds."""

import pytest

from tests.chaos.rounds import Findings
from tests.chaos.splits import Kind, splits

SEED = 1


def split(kind: Kind, module: str, seed: int = SEED) -> Findings:
    return splits(1, seed, print, handling="ignore", kinds=(kind,), module=module)


def test_a_worker_on_an_isolated_node_counts_no_reading_twice() -> None:
    found = split(Kind.CUT_OFF, "pipeline.actors")

    assert found.stood_still == []
    assert found.total.confirmed > 0
    assert found.total.breaches == 0, found.total


#: The kinds of splits, each with the module of `tests.chaos.sabotage` that breaks the rule for it.
BROKEN_RULES = [
    (Kind.CUT_OFF, "believes_acknowledgements"),
    (Kind.LINK_CUT, "no_count"),
    (Kind.OVERLAP, "no_fence"),
]

#: A split may miss the moment that a rule is for. Each attempt is another split.
ATTEMPTS = 4


@pytest.mark.parametrize(("kind", "rule"), BROKEN_RULES)
def test_with_a_broken_rule_a_worker_on_an_isolated_node_counts_readings_twice(kind: Kind, rule: str) -> None:
    doubles = 0
    for seed in range(SEED, SEED + ATTEMPTS):
        found = split(kind, f"tests.chaos.sabotage.{rule}", seed)
        assert found.stood_still == []
        doubles = found.total.double
        if doubles:
            break

    assert doubles
