"""The model of the partition's own queue as the search needs it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

from tests.model import broker, store, worker
from tests.model.rules import Rules
from tests.model.words import faults_in_words, in_words
from tests.model.world import Bounds, Breach, Label, State, start


@dataclass(frozen=True)
class QueueModel:
    """Rules in a model of this size."""

    rules: Rules
    bounds: Bounds
    checks_progress: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """The name of the rules."""
        return self.rules.name

    @property
    def size(self) -> str:
        """The size of the model in words."""
        bounds = self.bounds
        later = f" ({bounds.later} published later)" if bounds.later else ""
        return (
            f"machines {bounds.machines}, readings {bounds.readings}{later}, prefetch {bounds.prefetch}, "
            f"sessions {bounds.sessions}, {faults_in_words(bounds.budget)}"
        )

    def start(self) -> State:
        """Return the first state."""
        return start(self.bounds)

    def steps(self, state: State) -> Iterator[tuple[Label, State | Breach]]:
        """Yield the next steps, and the state after each."""
        for label, after in chain(
            broker.steps(state, self.bounds),
            worker.steps(state, self.rules, self.bounds),
            store.steps(state, self.rules, self.bounds),
            store.edits(state, self.rules),
        ):
            if not isinstance(after, Breach):
                after = worker.tidy(after, self.rules, self.bounds)
            yield label, after

    def is_done(self, state: State) -> bool:
        """Return whether all readings are applied and settled."""
        return (
            state.published == self.bounds.readings
            and not any(each.what > 0 for each in state.ready + state.returns)
            and not any(each.what > 0 for each in state.checked_out)
            and sum(record.applied for record in state.records) == self.bounds.readings
        )

    def in_words(self, label: Label) -> str:
        """Say what happened in a step."""
        return in_words(label, self.bounds)
