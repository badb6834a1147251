"""The report of a campaign, as tables."""

from statistics import median

from rich.console import Console
from rich.table import Table

from tests.chaos.campaign import Report
from tests.chaos.plan import Kind

#: Seconds within which every reading should have its result.
AIMS = {Kind.JOIN: 5, Kind.LEAVE: 5, Kind.KILL_WORKER: 15}

#: The maximum number of breaches that are shown; the files list all.
_SHOWN = 20


def show(report: Report, console: Console) -> None:
    """Print the faults, the counts and the breaches."""
    console.print(_faults(report), _counts(report))
    breaches = report.verdict.breaches
    for breach in breaches[:_SHOWN]:
        console.print(breach, style="red", markup=False)
    if len(breaches) > _SHOWN:
        console.print(f"... and {len(breaches) - _SHOWN} more")
    console.print(f"{report.seconds:.0f} s with seed {report.seed}: {len(breaches)} breaches")


def _faults(report: Report) -> Table:
    table = Table(
        "fault", title="Faults, and the longest wait of each machine's readings where one was alone"
    )
    for column in ("times", "median s", "max s", "aim s"):
        table.add_column(column, justify="right")
    for kind, times in report.faults.items():
        seconds = report.flowed.get(kind, [])
        figures = (f"{median(seconds):.2f}", f"{max(seconds):.2f}") if seconds else ("", "")
        table.add_row(kind, str(times), *figures, str(AIMS.get(kind, "")))
    return table


def _counts(report: Report) -> Table:
    table = Table("readings", title="Counts")
    table.add_column("", justify="right")
    for name, count in (
        ("sent", report.sent),
        ("confirmed", report.confirmed),
        ("counted", report.counted),
        ("with results", report.results),
        ("with dead letters", report.dead_letters),
        ("timers run", report.timers),
        ("changes of alarms", report.alarms),
        ("states edited", report.edits),
    ):
        table.add_row(name, f"{count:,}")
    table.add_section()
    verdict = report.verdict
    for name, breaches in (
        ("lost", verdict.lost),
        ("repeated", verdict.repeated),
        ("out of order", verdict.out_of_order),
        ("timers wrong", verdict.timers_wrong),
        ("alarms wrong", verdict.alarms_wrong),
        ("results missing", verdict.results_missing),
        ("ids with different results", verdict.results_different),
        ("dead letters wrong", verdict.dead_letters_wrong),
        ("edits lost", verdict.edits_lost),
        ("left in queues", verdict.left_in_queues),
        ("stood still", verdict.stood_still),
        ("ended unasked", verdict.ended_unasked),
    ):
        table.add_row(name, f"{len(breaches):,}", style="red" if breaches else None)
    return table
