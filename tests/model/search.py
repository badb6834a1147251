"""A breadth-first search through all states: the first breach that it finds has the shortest trace."""

import gc
from collections import deque
from dataclasses import dataclass
from time import process_time

from tests.model import broker, store, worker
from tests.model.rules import Rules
from tests.model.words import in_words
from tests.model.world import Bounds, Breach, Label, State, start


@dataclass(frozen=True)
class Result:
    """The result of a search: the number of states, and the shortest trace to a breach, if there is one.

    `done` counts the states in which all readings are applied and settled.
    """

    states: int
    seconds: float
    breach: str | None = None
    trace: tuple[str, ...] = ()
    done: int = 0

    def __str__(self) -> str:
        if self.breach is None:
            return "no breach"
        steps = "\n".join(f"{number:3}. {each}" for number, each in enumerate(self.trace, start=1))
        return f"{steps}\n     Breach: {self.breach}"


def explore(rules: Rules, bounds: Bounds) -> Result:
    """Search all reachable states, or until the promise is broken."""
    collects = gc.isenabled()
    # There are many tuples and no cycles, so the collector would only cost time.
    gc.disable()
    try:
        return _explore(rules, bounds)
    finally:
        if collects:
            gc.enable()


def _explore(rules: Rules, bounds: Bounds) -> Result:
    began = process_time()
    first = start(bounds)
    seen: dict[State, tuple[State, Label] | None] = {first: None}
    queue = deque([first])
    done = 0
    while queue:
        state = queue.popleft()
        done += _is_done(state, bounds)
        for steps in (
            broker.steps(state, bounds),
            worker.steps(state, rules, bounds),
            store.steps(state, rules, bounds),
            store.edits(state, rules),
        ):
            for label, after in steps:
                if isinstance(after, Breach):
                    trace = [label]
                    before = seen[state]
                    while before is not None:
                        state, label = before
                        trace.append(label)
                        before = seen[state]
                    words = tuple(in_words(each, bounds) for each in reversed(trace))
                    return Result(len(seen), process_time() - began, after.what, words)
                after = worker.tidy(after, rules, bounds)
                if after not in seen:
                    seen[after] = (state, label)
                    queue.append(after)
    return Result(len(seen), process_time() - began, done=done)


def _is_done(state: State, bounds: Bounds) -> bool:
    """Whether all readings are applied and settled."""
    return (
        state.published == bounds.readings
        and not any(each.what > 0 for each in state.ready + state.returns)
        and not any(each.what > 0 for each in state.checked_out)
        and sum(record.applied for record in state.records) == bounds.readings
    )
