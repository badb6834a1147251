"""The model of the overflow as the search needs it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from tests.model.overflow import publisher, session
from tests.model.overflow.rules import Rules
from tests.model.overflow.words import in_words
from tests.model.overflow.world import WRITTEN, Bounds, Copy, State, Stream, machine_of, start
from tests.model.words import faults_in_words
from tests.model.world import Breach, Label


@dataclass(frozen=True)
class OverflowModel:
    """Rules in a model of this size."""

    rules: Rules
    bounds: Bounds
    checks_progress: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """The name of the rules."""
        return self.rules.name

    @property
    def size(self) -> str:
        """The size of the model in words."""
        bounds = self.bounds
        return (
            f"machines {bounds.machines}, readings {bounds.readings}, room {bounds.room}, "
            f"prefetch {bounds.prefetch}, {faults_in_words(bounds.budget)}"
        )

    def start(self) -> State:
        """Return the first state."""
        return start(self.bounds)

    def steps(self, state: State) -> Iterator[tuple[Label, State | Breach]]:
        """Yield the next steps."""
        for label, after in self._steps(state):
            yield label, after if isinstance(after, Breach) else _tidy(after, self.rules, self.bounds)

    def _steps(self, state: State) -> Iterator[tuple[Label, State | Breach]]:
        commuting = [*self._publish(state), *session.acknowledgements(state)]
        yield from commuting
        if commuting and not state.budget.total:
            return
        yield from session.steps(state, self.rules, self.bounds)
        yield from publisher.steps(state, self.rules, self.bounds)

    def _publish(self, state: State) -> Iterator[tuple[Label, State]]:
        if state.session.stage == WRITTEN:
            after = session.settle(state, self.rules)
            if moves := state.session.moves:
                yield ("move", *(copy.reading for copy in moves)), publisher.submit(after, moves, self.rules)
            else:
                yield ("acknowledge",), after

    def is_done(self, state: State) -> bool:
        """Return whether all readings are settled and run, except those that have expired."""
        return state.settled == self.bounds.readings and all(
            reading in state.expired or reading <= state.records[machine_of(reading, self.bounds)].applied
            for reading in range(1, self.bounds.readings + 1)
        )

    def in_words(self, label: Label) -> str:
        """Say what happened."""
        return in_words(label)


def _tidy(state: State, rules: Rules, bounds: Bounds) -> State:
    """Replace states that differ in nothing that matters by one: only the order of attempts matters."""

    def is_dead(stream: Stream) -> bool:
        copies = (*stream.messages, *stream.flight)
        return all(rules.is_dead(state.records[machine_of(copy.reading, bounds)], copy) for copy in copies)

    streams = [each for each in state.streams if each.is_awaited or not is_dead(each)]
    if any(record.attempts for record in state.records):
        state, streams = _renumbered(state, streams, bounds)
    return state._replace(streams=tuple(sorted(streams)))


def _renumbered(state: State, streams: list[Stream], bounds: Bounds) -> tuple[State, list[Stream]]:
    """Number the attempts of each machine from 0."""
    copies = [*state.ready, *state.checked_out, *state.session.moves]
    for stream in streams:
        copies += [*stream.messages, *stream.flight]
    for record in state.records:
        copies += record.outgoing
    numbers = [{attempt for _, attempt in record.attempts} for record in state.records]
    for copy in copies:
        numbers[machine_of(copy.reading, bounds)].add(copy.attempt)
    new = [{number: place for place, number in enumerate(sorted(each))} for each in numbers]

    def again(copies: tuple[Copy, ...]) -> tuple[Copy, ...]:
        return tuple(
            copy._replace(attempt=new[machine_of(copy.reading, bounds)][copy.attempt]) for copy in copies
        )

    records = [
        record._replace(
            outgoing=again(record.outgoing),
            attempts=tuple((first, new[machine][attempt]) for first, attempt in record.attempts),
        )
        for machine, record in enumerate(state.records)
    ]
    state = state._replace(
        ready=again(state.ready),
        checked_out=again(state.checked_out),
        session=state.session._replace(moves=again(state.session.moves)),
        records=tuple(records),
    )
    return state, [
        each._replace(messages=again(each.messages), flight=again(each.flight)) for each in streams
    ]
