"""Rounds: in each, something happens to the broker while readings flow, and then every reading is counted.

What the rounds find is cumulative: a reading that is counted twice after its round was judged is found in the
next one. A round that cannot be judged, because something stands still, is a breach of its own kind.
"""

import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from random import Random
from typing import Final

from msgspec import Struct, field
from rich.console import Console
from rich.table import Table

from pipeline.local.errors import ServerFailed
from tests.chaos.census import Census
from tests.chaos.site import Site

#: Characters of a failure that are printed.
_SHOWN: Final = 300


class Round(Struct, frozen=True):
    """One round. `seed` is for what it chooses: how long it waits, and how slow something is."""

    kind: StrEnum
    seed: int


class Finding(Struct, frozen=True):
    """What one round found; with a text in `stood_still` it could not be judged."""

    kind: StrEnum
    census: Census
    stood_still: str
    seconds: float

    @property
    def broken(self) -> bool:
        """Whether a promise was broken."""
        return bool(self.stood_still or self.census.breaches)


class Findings(Struct):
    """What all rounds found."""

    seed: int
    each: list[Finding] = field(default_factory=list)

    @property
    def total(self) -> Census:
        """The count of all rounds."""
        return _total(self.each)

    @property
    def stood_still(self) -> list[str]:
        """What stood still, a line a round."""
        return [finding.stood_still for finding in self.each if finding.stood_still]

    @property
    def broken(self) -> int:
        """How many rounds had a breach."""
        return sum(finding.broken for finding in self.each)


def _total(findings: Sequence[Finding]) -> Census:
    return sum((finding.census for finding in findings), Census())


def plan(kinds: Sequence[StrEnum], seed: int, rounds: int) -> list[Round]:
    """Draw `rounds` rounds from a seed. Each kind comes once before any comes again."""
    random, planned = Random(seed), list[Round]()
    deck = list[StrEnum]()
    while len(planned) < rounds:
        if not deck:
            deck = random.sample(list(kinds), len(kinds))
        planned.append(Round(deck.pop(), random.getrandbits(32)))
    return planned


def run(
    site: Site,
    rounds: Sequence[Round],
    happen: Callable[[Round], None],
    findings: Findings,
    say: Callable[[str], None],
) -> None:
    """Run the rounds; `happen` starts with readings that flow, and ends with servers that are all up."""
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
        # A count before all is worked off would call lost what is only late: the next round has it.
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
