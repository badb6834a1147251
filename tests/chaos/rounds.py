"""Rounds: in each, something happens to the broker while readings arrive, and then every reading is counted.

The findings are cumulative: if a reading is counted again after its round was judged, the next round finds
it. A round that cannot be judged, because something stands still, is a breach of its own kind.
"""

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from msgspec import Struct, field
from rich.console import Console
from rich.table import Table

from pipeline.local.errors import ServerFailed
from tests.chaos.census import Census
from tests.chaos.site import Counted

#: The maximum number of characters of a failure that are printed.
_SHOWN: Final = 300


class Round(Struct, frozen=True):
    """One round. `seed` is for its choices: how long it waits, and how much it slows something down."""

    kind: str
    seed: int


class Finding(Struct, frozen=True):
    """The finding of one round. If `stood_still` has a text, the round could not be judged."""

    kind: str
    census: Census
    stood_still: str
    seconds: float

    @property
    def broken(self) -> bool:
        """Return whether a promise was broken."""
        return bool(self.stood_still or self.census.breaches)


class Findings(Struct):
    """The findings of all rounds."""

    seed: int
    each: list[Finding] = field(default_factory=list)

    @property
    def total(self) -> Census:
        """The total count of all rounds."""
        return _total(self.each)

    @property
    def stood_still(self) -> list[str]:
        """What stood still, one line per round."""
        return [finding.stood_still for finding in self.each if finding.stood_still]

    @property
    def broken(self) -> int:
        """The number of rounds with a breach."""
        return sum(finding.broken for finding in self.each)


def _total(findings: Sequence[Finding]) -> Census:
    return sum((finding.census for finding in findings), Census())


def plan(kinds: Sequence[str], seed: int, rounds: int) -> list[Round]:
    """Draw `rounds` rounds from a seed. Each kind occurs once before any kind occurs again."""
    random, planned = Random(seed), list[Round]()
    deck = list[str]()
    while len(planned) < rounds:
        if not deck:
            deck = random.sample(list(kinds), len(kinds))
        planned.append(Round(deck.pop(), random.getrandbits(32)))
    return planned


def run(
    site: Counted,
    rounds: Sequence[Round],
    happen: Callable[[Round], None],
    findings: Findings,
    say: Callable[[str], None],
) -> None:
    """Run the rounds. `happen` starts while readings arrive, and ends when all servers are up."""
    site.drain()
    before = site.census()
    for number, each in enumerate(rounds, start=1):
        began = time.monotonic()
        still = ""
        try:
            site.fleet.resume()
            happen(each)
            site.drain()
        except (AssertionError, ServerFailed) as e:
            still = f"round {number} ({each.kind}): {e}"[:_SHOWN]
        still = " ".join(filter(None, [still, *site.replace_ended()]))
        # If readings still wait, a count would report late ones as lost. The next round counts them.
        now = before if still else site.census()
        finding = Finding(each.kind, now - before, still, time.monotonic() - began)
        before = now
        findings.each.append(finding)
        say(f"round {number} of {len(rounds)}, {_line(finding)}")


def _line(finding: Finding) -> str:
    census = finding.census
    said = (
        f"{finding.kind}: {census.confirmed:,} confirmed, {census.lost:,} lost, {census.double:,} double, "
        f"{census.out_of_order:,} out of order, {finding.seconds:.1f} s"
    )
    if census.forgotten:
        said += f", {census.forgotten:,} forgotten"
    return f"{said}; stood still: {finding.stood_still}" if finding.stood_still else said


def show(findings: Findings, console: Console) -> None:
    """Print the table of the rounds by kind, and what stood still."""
    table = Table("kind", title="Rounds")
    columns = ("rounds", "with a breach", "confirmed", "lost", "double", "out of order", "forgotten")
    for column in (*columns, "stood still", "seconds", "a round"):
        table.add_column(column, justify="right")
    for kind in sorted({finding.kind for finding in findings.each}):
        _add_row(table, kind, [finding for finding in findings.each if finding.kind == kind])
    table.add_section()
    _add_row(table, "all", findings.each)
    console.print(table)
    for line in findings.stood_still:
        console.print(line, style="red", markup=False)


def _add_row(table: Table, name: str, findings: Sequence[Finding]) -> None:
    census, broken = _total(findings), sum(finding.broken for finding in findings)
    seconds = sum(finding.seconds for finding in findings)
    still = sum(bool(finding.stood_still) for finding in findings)
    counts = (census.confirmed, census.lost, census.double, census.out_of_order, census.forgotten, still)
    table.add_row(
        name,
        str(len(findings)),
        str(broken),
        *(f"{count:,}" for count in counts),
        f"{seconds:.0f}",
        f"{seconds / max(len(findings), 1):.1f}",
        style="red" if broken else None,
    )
