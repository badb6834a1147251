"""The counters of a machine's readings."""

from pipeline.model.counters import Counters, Happened, LastError
from pipeline.model.deployment import Active
from sandbox.job import Failure, Outcome

FINE = Outcome("ok", results=[b"{}", b"{}"])
SILENT = Outcome("ok")
BROKEN = Outcome("error", failure=Failure("division by zero", line=3, text="1 / data"))
NO_FUEL = Outcome("limit", failure=Failure("no fuel", limit="fuel"))
TOO_LARGE = Outcome("limit", failure=Failure("too large", limit="state_bytes"))


def run(first: int, *outcomes: Outcome) -> list[Happened]:
    """Return readings with these outcomes, numbered from `first`."""
    return [Happened(number, None, outcome) for number, outcome in enumerate(outcomes, start=first)]


def test_each_reading_counts_once_and_leads_to_results_or_to_one_dead_letter() -> None:
    counters = Counters().after(run(1, FINE, SILENT, BROKEN, FINE, NO_FUEL), from_machine=True)
    counters = counters.after(run(6, NO_FUEL, TOO_LARGE, BROKEN), from_machine=True)

    assert (counters.readings, counters.results) == (8, 4)
    assert counters.dead_letters == {"error": 2, "limit": 3}
    assert counters.limits == {"fuel": 2, "state_bytes": 1}


def test_the_last_error_stays_with_its_line_while_later_readings_succeed() -> None:
    counters = (
        Counters()
        .after(run(7, BROKEN, FINE), from_machine=True, active=Active(2, "digest"))
        .after(run(9, FINE), from_machine=True)
    )

    assert counters.last_error is not None
    assert counters.last_error == LastError(
        7, "error", counters.last_error.time, "division by zero", 3, "1 / data", None, 2
    )


def test_only_readings_from_the_machine_itself_update_last_seen() -> None:
    resent = Counters().after(run(1, FINE), from_machine=False, resent=1)

    assert (resent.seen, resent.readings, resent.resent) == (0, 1, 1)
    assert resent.after([], from_machine=True).seen > 0


def test_counting_on_does_not_change_the_previous_counters() -> None:
    before = Counters().after(run(1, NO_FUEL), from_machine=True)
    before.after(run(2, NO_FUEL, BROKEN), from_machine=True)

    assert before.dead_letters == {"limit": 1}
    assert before.limits == {"fuel": 1}
