"""What each step of a logic costs: microseconds of CPU for a unit of fuel, with the worst input known.

The inputs are those that the search in `tests.prices` has found and kept. Run alone (`python -m
tests.bench.prices docs/fuel.md`), it measures them and writes the table into the page.
"""

import statistics
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.bench.figure import Figure, number
from tests.bench.progress import announce
from tests.bench.report import Machine, Report
from tests.bench.size import FULL, Size
from tests.prices.apart import Lost
from tests.prices.kept import kept
from tests.prices.measure import AIM_IN_LOOPS
from tests.prices.operations import operations
from tests.prices.search import Found, campaign

#: Characters of an input in the table.
_SHOWN = 110


class Step(Struct):
    """A step with its worst input, in microseconds for a unit of fuel and in ticks of a plain loop."""

    name: str
    input: str
    us: float
    loops: float


class Prices(Struct):
    """The price of each step, in the order of the docs. `loop_us` is a tick of a plain loop, the median."""

    loop_us: float
    steps: list[Step]

    def figures(self) -> list[Figure]:
        """Return the lines of the report."""
        worst = max(self.steps, key=lambda step: step.loops)
        loop = f"a plain loop: {self.loop_us:.3f} µs"
        return [
            Figure(
                name="the dearest step of a logic",
                value=worst.loops,
                unit="plain loops",
                at_most=round(AIM_IN_LOOPS, 1),
                against=f"{worst.name}: {worst.us:.2f} µs of CPU for a unit of fuel; {loop}",
            ),
            Figure(
                name="a step of a logic with its worst input, median",
                value=statistics.median(step.us for step in self.steps),
                unit="µs of CPU for a unit of fuel",
                against=loop,
            ),
        ]


def measure(size: Size = FULL) -> Prices:
    """Measure the kept input of each step, and search a little around it."""
    announce("the price of each step")
    steps = operations()
    start = {name: [each.input] for name, each in kept().items()}
    worst: dict[str, Found] = {}
    for name, each in campaign(steps, start, size.price_seconds, seed=1, programs=False):
        if isinstance(each, Lost):
            raise SystemExit(f"{name}: {each.how}: {each.what}")
        if isinstance(each, Found) and (name not in worst or each.loops > worst[name].loops):
            worst[name] = each
    return Prices(
        statistics.median(each.loop for each in worst.values()),
        [
            Step(step.name, str(worst[step.name].input), found.price.us_per_tick, found.loops)
            for step in steps
            if (found := worst.get(step.name))
        ],
    )


def table(report: Report) -> str:
    """Return the prices as a table in Markdown."""
    prices = msgspec.convert(report.details["prices"], Prices)
    loop = f"A tick of a plain loop took {prices.loop_us:.3f} µs."
    lines = [
        f"Python {report.machine.python}. {loop} {len(prices.steps)} steps.",
        "",
        "| step | µs for a unit of fuel | in plain loops | worst input found |",
        "|---|---:|---:|---|",
    ]
    for step in prices.steps:
        shown = step.input if len(step.input) <= _SHOWN else step.input[:_SHOWN] + " …"
        cells = f"`{_cell(step.name)}` | {step.us:.2f} | {number(step.loops)} | `{_cell(shown)}`"
        lines.append(f"| {cells} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("`", "'")


def main() -> None:
    """Measure, and write the table into a page."""
    from tests.bench.page import filled

    prices = measure()
    for figure in prices.figures():
        print(f"{figure.name}: {figure.shown}, {figure.verdict or 'no aim'}; {figure.against}")
    report = Report(Machine.this(), False, {}, {})
    report.add("prices", prices)
    page = Path(sys.argv[1])
    page.write_text(filled(page.read_text(), "prices", table(report)))


if __name__ == "__main__":
    main()
