"""A primary Redis that fails under full load; `make chaos FAILOVERS=20` runs many rounds of all kinds."""

from tests.chaos.failovers import Kind, failovers

SEED = 1


def test_a_primary_that_is_cut_off_with_the_workers_loses_and_doubles_nothing() -> None:
    found, twice = failovers(1, SEED, print, kinds=(Kind.CUT_OFF,))

    assert found.stood_still == []
    assert found.total.confirmed > 0
    assert found.total.breaches == 0, found.total
    assert twice == 0


def test_without_copies_its_readings_are_lost() -> None:
    found, _twice = failovers(
        1, SEED, print, kinds=(Kind.CUT_OFF,), environ={"IOT_LOGIC_REDIS_REPLICAS": "0"}
    )

    assert found.total.lost
