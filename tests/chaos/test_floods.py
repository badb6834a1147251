"""A full overflow and a killed worker; `make chaos FLOODS=14` runs many rounds, and kills RabbitMQ too."""

from tests.chaos.floods import Kind, floods

SEED = 1


def test_a_worker_killed_while_the_overflow_is_full_loses_doubles_and_reorders_nothing() -> None:
    found, refusals = floods(1, SEED, print, kinds=(Kind.WORKER,))

    assert refusals
    assert found.stood_still == []
    assert found.total.confirmed > 0
    assert found.total.breaches == 0, found.total


def test_if_moved_readings_are_not_kept_until_they_arrive_some_are_lost() -> None:
    found, refusals = floods(
        1, SEED, print, kinds=(Kind.WORKER,), module="tests.chaos.sabotage.forgets_moves"
    )

    assert refusals
    assert found.total.lost
