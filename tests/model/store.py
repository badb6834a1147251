"""Redis: each step is atomic. An answer may be lost, and then the write may take effect later."""

from collections.abc import Iterator

from tests.model.broker import rank_of
from tests.model.rules import Fence, Rules
from tests.model.world import Bounds, Breach, Held, Line, Record, State, Step, spent, with_session


def judge(before: Record, after: Record, fresh: tuple[Held, ...], bounds: Bounds) -> Breach | None:
    """Return the breach if a session applies these readings now, None if there is none."""
    applied = before.applied
    for each in fresh:
        rank = rank_of(each.reading, bounds)
        if rank <= applied:
            return Breach(f"reading {each.reading} is applied twice")
        if rank > applied + 1:
            return Breach(f"reading {each.reading} is applied before an earlier one of its machine")
        applied = rank
    if after.applied != applied:
        return Breach("a state is written over a newer one: what it had counted is lost")
    return None


def put(state: State, machine: int, record: Record, rules: Rules) -> State:
    """Write a record. With N1, sessions that have read it before must read it again."""
    records = (*state.records[:machine], record, *state.records[machine + 1 :])
    state = state._replace(records=records)
    return outdated(state, machine) if rules.compares else state


def outdated(state: State, machine: int) -> State:
    """Give a record another token: writes of sessions that have read it before fail."""
    for number, session in enumerate(state.sessions):
        if any(line.machine == machine and line.record is not None for line in session.batch):
            batch = tuple(
                Line(machine, line.readings, None) if line.machine == machine else line
                for line in session.batch
            )
            state = with_session(state, number, session._replace(batch=batch))
    if any(late.machine == machine for late in state.late):
        state = state._replace(late=tuple(late for late in state.late if late.machine != machine))
    return state


def set_fence(state: State, name: int, rules: Rules) -> State:
    """Put a name into the fence key."""
    late = state.late
    if late and rules.fence is Fence.BEFORE_CONSUME:
        # A name that is gone never comes back: these can have no effect any more.
        late = tuple(
            each for each in late if (each.before == name if each.machine < 0 else each.session == name)
        )
    return state._replace(fence=name, late=late)


def may_write(state: State, number: int, rules: Rules) -> bool:
    """Whether the script that writes lets this session write."""
    return not rules.fences_writes or state.fence == number


def steps(state: State, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    """Yield the late writes that may take effect next."""
    for index, late in enumerate(state.late):
        rest = state._replace(late=(*state.late[:index], *state.late[index + 1 :]))
        if late.machine < 0:
            compares = rules.fence not in (Fence.SET, Fence.SET_SAME_NAME)
            if not compares or state.fence == late.before:
                yield ("late fence", late.session), set_fence(rest, late.session, rules)
        elif may_write(state, late.session, rules):
            assert late.record is not None
            breach = judge(state.records[late.machine], late.record, late.fresh, bounds)
            after = put(rest, late.machine, late.record, rules)
            yield ("late write", late.session, late.machine), breach or after


def edits(state: State, rules: Rules) -> Iterator[Step]:
    """Yield edits of a state over the API: they change the token and keep the marks."""
    if rules.compares and (fault := spent(state, "edits")):
        for machine in range(len(state.records)):
            if any(line.machine == machine and line.record for each in state.sessions for line in each.batch):
                yield ("edit", machine), outdated(fault, machine)
