"""The count at the end: the sent readings, compared with the states, the results and the dead letters."""

from collections.abc import Sequence

from msgspec import Struct, field
from msgspec.structs import asdict

from tests.chaos import alarms
from tests.chaos.alarms import Change, wrong_changes
from tests.chaos.fleet import Machine, Sort, body_of
from tests.chaos.tap import Letter, Outcomes, Result
from tests.chaos.timers import SOURCE, TimerState

#: Counts readings, and stores the last number, the gaps before it, and the late numbers. `{version}` makes
#: each upload a different source with the same effect.
LOGIC = (
    """# Version {version}."""
    + (SOURCE + alarms.SOURCE).replace("{", "{{").replace("}", "}}")
    + """
def process(data, state):
    n, last = data["n"], state.get("last", -1)
    arm(state, n)
    alarm(state, n)
    state["count"] = state.get("count", 0) + 1
    if n > last + 1:
        state["gaps"] = state.get("gaps", []) + [[last + 1, n - 1]]
    if n > last:
        state["last"] = n
    elif len(state.get("late", [])) < 100:
        state["late"] = state.get("late", []) + [n]
    return {{"n": n, "count": state["count"]}}
"""
)


class State(TimerState):
    """A machine's state, as `LOGIC` leaves it; `edits` counts the edits over REST."""

    count: int = 0
    last: int = -1
    gaps: list[tuple[int, int]] = field(default_factory=list)
    late: list[int] = field(default_factory=list)
    edits: int = 0
    changes: int = 0


class Edits(Struct):
    """The edits of a machine's state that succeeded, and those without a clear answer."""

    done: int = 0
    in_doubt: int = 0


class Verdict(Struct):
    """The breaches, each as a sentence, by kind. If all are empty, every promise was kept."""

    lost: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    timers_wrong: list[str] = field(default_factory=list)
    alarms_wrong: list[str] = field(default_factory=list)
    results_missing: list[str] = field(default_factory=list)
    results_different: list[str] = field(default_factory=list)
    dead_letters_wrong: list[str] = field(default_factory=list)
    edits_lost: list[str] = field(default_factory=list)
    left_in_queues: list[str] = field(default_factory=list)
    stood_still: list[str] = field(default_factory=list)
    ended_unasked: list[str] = field(default_factory=list)

    @property
    def breaches(self) -> list[str]:
        """All breaches, each with the name of its column."""
        return [
            f"{column.replace('_', ' ')}: {breach}"
            for column, breaches in asdict(self).items()
            for breach in breaches
        ]

    def judge(self, machine: Machine, state: State, number: int, outcomes: Outcomes, edits: Edits) -> None:
        """Add the breaches of one machine, whose record counts `number` readings."""
        results, letters = outcomes.results[machine.id], outcomes.letters[machine.id]
        counted = self._judge_state(machine, state)
        self._judge_results(machine, counted, results)
        self._judge_letters(machine, letters)
        self._judge_timers(machine, state, outcomes.timers[machine.id])
        for each in range(1, max([number, *results, *letters], default=0) + 1):
            places = (each in results) + (each in letters)
            if each > number:
                self.lost.append(f"{machine.id}: reading number {each} is gone from the record ({number})")
            elif places == 0:
                self.results_missing.append(f"{machine.id}: number {each} has neither result nor dead letter")
            elif places == 2:
                self.results_different.append(f"{machine.id}/{each}: a result and a dead letter")
        if not edits.done <= state.edits <= edits.done + edits.in_doubt:
            self.edits_lost.append(
                f"{machine.id}: {edits.done} edits were answered, {edits.in_doubt} are in doubt, "
                f"the state has {state.edits}"
            )

    def judge_alarms(self, machine: Machine, state: State, journal: Sequence[Change]) -> None:
        """Add the breaches of a machine's alarms, which are in the journal."""
        self.alarms_wrong += [f"{machine.id}: {each}" for each in wrong_changes(journal, state.changes)]

    def _judge_state(self, machine: Machine, state: State) -> set[int]:
        """Add the breaches in the state. Return the numbers that it has counted."""
        counted = set(range(state.last + 1))
        for first, last in state.gaps:
            counted.difference_update(range(first, last + 1))
        expected = len(counted) + len(state.late)
        for n in state.late:
            if n in counted:
                self.repeated.append(f"{machine.id}: {n} was counted again")
            else:
                self.out_of_order.append(f"{machine.id}: {n} was counted after a later one")
                counted.add(n)
        if state.count > expected:
            self.repeated.append(f"{machine.id}: {state.count} counted of {expected} readings")
        elif state.count < expected:
            self.lost.append(f"{machine.id}: {state.count} counted of {expected} readings")
        for n, (sort, confirmed) in enumerate(zip(machine.sorts, machine.confirmed, strict=True)):
            if sort != Sort.GOOD and n in counted:
                self.dead_letters_wrong.append(f"{machine.id}: {n} had to fail, and was counted")
            elif sort == Sort.GOOD and confirmed and n not in counted:
                self.lost.append(f"{machine.id}: {n} was confirmed, and is not counted")
        return counted

    def _judge_timers(self, machine: Machine, state: State, runs: dict[int, bytes]) -> None:
        """Add the breaches of the timers. `runs` are the results of those that ran."""
        lost = [f"{name}, set by {n}, has not run" for name, n in state.armed.items()]
        lost += [f"run {run} has no result" for run in range(1, state.runs + 1) if run not in runs]
        if state.twice:
            lost.append(f"{state.twice} ran twice")
        if state.unordered:
            lost.append(f"{state.unordered} times, something was earlier than what had run before it")
        if len(runs) > state.runs:
            lost.append(f"{len(runs)} have results, and {state.runs} have run")
        self.timers_wrong += [f"{machine.id}: {each}" for each in lost]

    def _judge_results(self, machine: Machine, counted: set[int], results: dict[int, Result]) -> None:
        seen, last = set[int](), -1
        for number, result in sorted(results.items()):
            if result.n in seen:
                self.repeated.append(f"{machine.id}: {result.n} has another result, with number {number}")
            elif result.n < last:
                self.out_of_order.append(f"{machine.id}: {result.n} was processed after {last}")
            elif result.n not in counted:
                self.lost.append(f"{machine.id}: {result.n} has a result, and is not counted")
            seen.add(result.n)
            last = max(last, result.n)

    def _judge_letters(self, machine: Machine, letters: dict[int, Letter]) -> None:
        kinds = {Sort.RAISES: "error", Sort.NOT_JSON: "not-json"}
        awaited = {
            body_of(n, Sort(sort)): (n, kinds[Sort(sort)], bool(confirmed))
            for n, (sort, confirmed) in enumerate(zip(machine.sorts, machine.confirmed, strict=True))
            if sort != Sort.GOOD
        }
        for number, letter in sorted(letters.items()):
            n, kind, _ = awaited.pop(letter.body, (None, "", False))
            if n is None:
                self.dead_letters_wrong.append(
                    f"{machine.id}/{number}: {letter.body!r} ({letter.kind}) had not to fail, or did twice"
                )
            elif letter.kind != kind:
                self.dead_letters_wrong.append(f"{machine.id}/{number}: {letter.kind}, not {kind}")
        for n, kind, confirmed in awaited.values():
            if confirmed:
                self.dead_letters_wrong.append(f"{machine.id}: {n} had to fail ({kind}), and has no letter")
