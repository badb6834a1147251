"""The count of one fleet at one moment: its confirmed readings, compared with the machines' states.

The logic stores the gaps in the numbers that it has counted. So each state says for every reading, however
many there are, whether it was counted never, once in order, once but late, or again; and it stays small.
Unlike the verdict at the end of a campaign (`tests.chaos.verdict`), this count is possible after every round.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct, field

from tests.chaos import alarms
from tests.chaos.alarms import Change, journal_of, wrong_changes
from tests.chaos.fleet import Machine
from tests.chaos.timers import SOURCE, TimerState
from tests.support.installation import Installation

#: Counts a reading as late if it fills a gap, and as double if there is no gap for it.
LOGIC: Final = (
    SOURCE
    + alarms.SOURCE
    + """
def process(data, state):
    n, last = data["n"], state.get("last", -1)
    arm(state, n)
    alarm(state, n)
    gaps = state.get("gaps", [])
    state["count"] = state.get("count", 0) + 1
    if n > last:
        if n > last + 1:
            gaps.append([last + 1, n - 1])
        state["last"] = n
    else:
        for place, (first, end) in enumerate(gaps):
            if first <= n <= end:
                rest = [[first, n - 1], [n + 1, end]]
                gaps[place:place + 1] = [gap for gap in rest if gap[0] <= gap[1]]
                state["late"] = state.get("late", 0) + 1
                state["late_numbers"] = [*state.get("late_numbers", []), n][:1000]
                break
        else:
            state["double"] = state.get("double", 0) + 1
    state["gaps"] = gaps
    return {"n": n, "count": state["count"]}
"""
)


class State(TimerState):
    """A machine's state, as `LOGIC` leaves it."""

    count: int = 0
    last: int = -1
    gaps: list[tuple[int, int]] = field(default_factory=list)
    late: int = 0
    late_numbers: list[int] = field(default_factory=list)
    double: int = 0
    changes: int = 0

    def has(self, n: int) -> bool:
        """Return whether reading `n` was counted."""
        return n <= self.last and not any(first <= n <= end for first, end in self.gaps)


class Census(Struct, frozen=True):
    """The readings of all machines. `forgotten` ones were counted in a state that was overwritten since.

    `timers` counts what is wrong with timers: those that ran twice or before something earlier, and those
    that have not run. `alarms` counts likewise the machines whose journal of alarms is wrong.
    """

    confirmed: int = 0
    counted: int = 0
    lost: int = 0
    double: int = 0
    out_of_order: int = 0
    forgotten: int = 0
    timers: int = 0
    alarms: int = 0

    @property
    def breaches(self) -> int:
        """The number of readings and timers that were not counted exactly once and in order."""
        return self.lost + self.double + self.out_of_order + self.forgotten + self.timers + self.alarms

    def __add__(self, other: "Census") -> "Census":
        return Census(*(a + b for a, b in zip(_columns(self), _columns(other), strict=True)))

    def __sub__(self, other: "Census") -> "Census":
        return Census(*(a - b for a, b in zip(_columns(self), _columns(other), strict=True)))


def _columns(census: Census) -> tuple[int, ...]:
    return msgspec.structs.astuple(census)


def state_of(plant: Installation, machine: Machine) -> State:
    """Return a machine's state, over REST."""
    response = plant.client.get(f"/machines/{machine.id}/state")
    if response.status_code == 404:
        return State()
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=State)


def take(plant: Installation, machines: Sequence[Machine], *, doubt_may_be_late: bool = False) -> Census:
    """Count the readings of all machines now, as `judged` does."""
    total = Census()
    for machine in machines:
        journal = journal_of(plant, machine.id)
        total += judged(machine, state_of(plant, machine), journal, doubt_may_be_late=doubt_may_be_late)
    return total


def judged(
    machine: Machine,
    state: State,
    journal: Sequence[Change] | None = None,
    *,
    doubt_may_be_late: bool = False,
) -> Census:
    """Compare the readings that one machine sent with its state, and this with the journal of its alarms.

    With `doubt_may_be_late`, a reading in doubt may be counted after later ones: a broker that was frozen may
    receive it from a connection that its publisher has given up long ago.
    """
    doubt = sum(1 for n in state.late_numbers if not machine.confirmed[n]) if doubt_may_be_late else 0
    missing = {n for first, end in state.gaps for n in range(first, end + 1)}
    once = state.last + 1 - len(missing)
    lost = sum(
        1 for n, confirmed in enumerate(machine.confirmed) if confirmed and (n > state.last or n in missing)
    )
    return Census(
        confirmed=sum(machine.confirmed),
        counted=state.count,
        lost=lost,
        double=state.double,
        out_of_order=state.late - doubt,
        forgotten=abs(state.count - once - state.double),
        timers=len(state.armed) + state.twice + state.unordered,
        alarms=bool(journal is not None and wrong_changes(journal, state.changes)),
    )
