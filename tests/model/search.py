"""A breadth-first search through all states: the first breach that it finds has the shortest trace."""

import gc
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import count
from time import process_time
from typing import Any, ClassVar, Final, Protocol, TypeVar

from tests.model.world import Breach, Label

#: The breach if no step leads any more to a state in which all is done.
STUCK: Final = "from here, not all readings can be run any more, whatever happens"


class Situation(Hashable, Protocol):
    """A state of a model, with the faults that may still happen."""

    @property
    def budget(self) -> Hashable:
        """The faults. A step that changes them is a fault."""


S = TypeVar("S", bound=Situation)


class Model(Protocol[S]):
    """Rules in a model of some size. With `checks_progress`, every state must have a way to finish."""

    checks_progress: ClassVar[bool]

    @property
    def name(self) -> str:
        """The name of the rules."""

    @property
    def size(self) -> str:
        """The size of the model in words."""

    def start(self) -> S:
        """Return the first state."""

    def steps(self, state: S) -> Iterator[tuple[Label, S | Breach]]:
        """Yield the next steps, and the state after each."""

    def is_done(self, state: S) -> bool:
        """Return whether all readings are applied and settled."""

    def in_words(self, label: Label) -> str:
        """Say what happened in a step."""


@dataclass(frozen=True)
class Scenario:
    """A model to search. `breach`: part of the breach that the search must find; None if none.

    `thorough`: it takes a minute, and only `python -m tests.model` runs it.
    """

    model: Model[Any]
    breach: str | None = None
    thorough: bool = False


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


def explore(model: Model[Any]) -> Result:
    """Search all reachable states, or until the promise is broken."""
    collects = gc.isenabled()
    # There are many tuples and no cycles, so the collector would only cost time.
    gc.disable()
    try:
        return _explore(model)
    finally:
        if collects:
            gc.enable()


def _explore(model: Model[S]) -> Result:
    began = process_time()
    states = [model.start()]
    numbers = {states[0]: 0}
    #: For each state, the one before it and the step between, and the states that lead to it without a fault.
    traces: list[tuple[int, Label] | None] = [None]
    before: list[list[int]] = [[]]
    done = list[int]()

    def result(breach: str | None, last: tuple[int, Label] | None) -> Result:
        labels = list[Label]()
        while last is not None:
            labels.append(last[1])
            last = traces[last[0]]
        trace = tuple(model.in_words(label) for label in reversed(labels))
        return Result(len(states), process_time() - began, breach, trace, len(done))

    for number in count():
        if number == len(states):
            break
        state = states[number]
        if model.is_done(state):
            done.append(number)
        for label, after in model.steps(state):
            if isinstance(after, Breach):
                return result(after.what, (number, label))
            other = numbers.get(after)
            if other is None:
                other = numbers[after] = len(states)
                states.append(after)
                traces.append((number, label))
                before.append([])
            if model.checks_progress and after.budget == state.budget:
                before[other].append(number)
    if model.checks_progress and (stuck := _stuck(before, done)) is not None:
        return result(STUCK, traces[stuck])
    return result(None, None)


def _stuck(before: list[list[int]], done: list[int]) -> int | None:
    """Return the first state that does not lead to any of those that are done; None if all do."""
    lead = [False] * len(before)
    ways = list(done)
    while ways:
        number = ways.pop()
        if not lead[number]:
            lead[number] = True
            ways += before[number]
    return lead.index(False) if False in lead else None
