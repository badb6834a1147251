"""Sessions: they take batches, write records, hand moved readings to a publisher, and acknowledge.

Only the session that holds the fence is in the model: `tests.model` shows that others write nothing. What
earlier sessions have left are messages on their way to the overflow, and publishers that go on.
"""

from collections.abc import Iterator

from tests.model.overflow.rules import Rules
from tests.model.overflow.world import (
    NONE,
    TAKEN,
    WRITTEN,
    Bounds,
    Copy,
    Record,
    Session,
    State,
    Stream,
    machine_of,
    spent,
)
from tests.model.world import Breach, Label

Step = tuple[Label, State | Breach]


def end(state: State, rules: Rules, *, released: bool = False) -> State:
    """End the session and start the next one. The broker returns what is not settled.

    Its publisher goes on.
    """
    return state._replace(
        ready=state.checked_out + state.ready,
        checked_out=(),
        session=Session(done=state.settled),
        records=tuple(rules.left(record, released=released) for record in state.records),
        streams=tuple(each._replace(is_awaited=False) for each in state.streams),
    )


def kill(state: State, rules: Rules) -> State:
    """Kill the worker: its publisher's messages on their way arrive later, or never."""
    streams = [
        Stream((), each.flight, is_awaited=False) if each.is_awaited else each for each in state.streams
    ]
    return end(state._replace(streams=tuple(each for each in streams if each.messages or each.flight)), rules)


def crash(state: State, rules: Rules) -> State:
    """Kill the broker and start it again: everything on its way is lost."""
    again = [each._replace(flight=each.messages[:1], answers=()) for each in state.streams if each.messages]
    return end(state._replace(streams=() if rules.fails_if_lost else tuple(again)), rules)


def _own(state: State) -> range:
    """Return the readings of the batch that come from the partition's own queue."""
    session = state.session
    before = session.moving or session.done
    return range(before + 1, before + session.own + 1)


def _take(state: State, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    """Take up to two readings from each queue."""
    session = state.session
    left = bounds.readings - (session.moving or session.done)
    arrived = len(state.checked_out) - session.handled
    if session.moving and rules.own_wait:
        left = 0
    if session.moving and not rules.hands_out_overflow:
        arrived = 0
    for own in range(left + 1):
        for back in range(min(2, arrived) + 1):
            for floods in (False, True)[: 1 + bool(own)]:
                if own or back:
                    batch = session._replace(stage=TAKEN, own=own, back=back, floods=floods)
                    yield ("take", own, back, floods), state._replace(session=batch)


def _write(state: State, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    """Write the records of the batch, all at once."""
    session, own = state.session, _own(state)
    copies = state.checked_out[session.handled : session.handled + session.back]
    moves, records, ran = list[Copy](), list[Record](), list[int]()
    for machine, record in enumerate(state.records):
        mine = tuple(each for each in own if machine_of(each, bounds) == machine)
        theirs = tuple(each for each in copies if machine_of(each.reading, bounds) == machine)
        ahead = bool(session.moving) and not own
        split = rules.split(record, theirs, mine, ahead=ahead)
        if split.early and ahead and rules.ends_at_gap:
            yield ("gap", split.early[0].reading), end(state, rules)
            return
        floods = session.floods and machine == 0
        after, run = rules.written(record, split, mine, floods=floods, ahead=ahead)
        if breach := _judge(state, machine, run, bounds):
            yield ("write", *run), breach
            return
        if mine:
            moves += [each for each in after.outgoing if each.place > after.taken]
        records.append(after)
        ran += run
    state = state._replace(records=tuple(records))
    written = session._replace(stage=WRITTEN, moves=tuple(moves))
    yield ("write", *ran), state._replace(session=written)
    if fault := spent(state, "lost_answers"):
        yield ("write unanswered", *ran), fault


def _judge(state: State, machine: int, run: tuple[int, ...], bounds: Bounds) -> Breach | None:
    """Return the breach if these readings of a machine are run now, None if there is none."""
    applied = state.records[machine].applied or machine + 1 - bounds.machines
    for reading in run:
        if reading <= applied:
            return Breach(f"reading {reading} is applied twice")
        between = range(applied + bounds.machines, reading, bounds.machines)
        if not set(between) <= set(state.expired):
            return Breach(f"reading {reading} is applied before an earlier one of its machine")
        applied = reading
    return None


def settle(state: State, rules: Rules) -> State:
    """Acknowledge the batch, as far as it has no moved readings, and return the state."""
    session = state.session
    last = _own(state).stop - 1
    waits = session.moving or (session.moves and rules.confirms_first)
    session = session._replace(
        handled=session.handled + session.back,
        stage=NONE,
        own=0,
        back=0,
        floods=False,
        moves=(),
        **({"moving": last} if waits else {"done": last}),
    )
    return state._replace(session=session)


def steps(state: State, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    """Yield the next steps of the session, and its faults."""
    session = state.session
    if session.stage == NONE:
        yield from _take(state, rules, bounds)
        is_proven = state.settled == session.done
        if not session.moving and is_proven and (fault := spent(state, "releases")):
            yield ("release",), end(fault, rules, released=True)
    elif session.stage == TAKEN:
        yield from _write(state, rules, bounds)
    for kind, after in (("drops", end), ("kills", kill), ("crashes", crash)):
        if fault := spent(state, kind):
            yield (kind,), after(fault, rules)
    if fault := spent(state, "edits"):
        for machine, record in enumerate(state.records):
            records = (*state.records[:machine], rules.edited(record), *state.records[machine + 1 :])
            yield ("edit", machine), fault._replace(records=records)


def acknowledgements(state: State) -> Iterator[tuple[Label, State]]:
    """Yield the steps in which the queues apply acknowledgements."""
    session = state.session
    if state.settled < session.done:
        yield ("settle", session.done), state._replace(settled=session.done)
    if session.handled:
        rest = state.checked_out[session.handled :]
        yield ("settle back",), state._replace(checked_out=rest, session=session._replace(handled=0))
