"""The queue's leader, and the channels between it and the sessions.

The Raft log has everything that the leader has applied, and survives a crash. Messages in flight may be lost.
"""

from collections.abc import Iterator

from tests.model.world import (
    CONSUMING,
    NOBODY,
    Bounds,
    Breach,
    Delivery,
    Message,
    Probing,
    Session,
    State,
    Step,
    spent,
    with_session,
)


def machine_of(reading: int, bounds: Bounds) -> int:
    """Return the machine that this reading is of."""
    return (reading - 1) % bounds.machines


def rank_of(reading: int, bounds: Bounds) -> int:
    """Return the place of this reading among its machine's, from 1."""
    return (reading - 1) // bounds.machines + 1


def check_out(state: State, bounds: Bounds) -> State:
    """Hand messages to the active consumer until it has as many as it may have.

    `rabbit_fifo:checkout_one/4` and `take_next_msg/1`: returned messages come first.
    """
    number = state.active
    if number == NOBODY or len(state.checked_out) >= bounds.prefetch:
        return state
    ready, returns, checked_out = state.ready, state.returns, state.checked_out
    session = state.sessions[number]
    given, flight = session.given, session.flight
    while len(checked_out) < bounds.prefetch and (returns or ready):
        if returns:
            message, *rest = returns
            returns = tuple(rest)
        else:
            message, *rest = ready
            ready = tuple(rest)
        given += 1
        delivery = Delivery(given, message.what, message.returned)
        checked_out = (*checked_out, delivery)
        flight = (*flight, delivery)
    session = session._replace(given=given, flight=flight)
    return with_session(state, number, session)._replace(
        ready=ready, returns=returns, checked_out=checked_out
    )


def activate(state: State, bounds: Bounds) -> State:
    """Make the next waiting consumer active that the leader can reach (`activate_next_consumer/2`)."""
    if state.active == NOBODY:
        for number in state.waiting:
            if not state.sessions[number].cut:
                waiting = tuple(each for each in state.waiting if each != number)
                return check_out(state._replace(active=number, waiting=waiting), bounds)
    return state


def consume(state: State, number: int, bounds: Bounds) -> State:
    """Add a consumer behind those that wait."""
    session = state.sessions[number]._replace(stage=CONSUMING)
    state = with_session(state, number, session)
    return activate(state._replace(waiting=(*state.waiting, number)), bounds)


def _give_back(state: State) -> State:
    """Return all messages that are checked out (`return_all/6`, `return_one/8`)."""
    back = tuple(Message(each.what, each.returned + 1) for each in state.checked_out)
    return state._replace(returns=(*state.returns, *back), checked_out=(), active=NOBODY)


def _without_channel(session: Session) -> Session:
    """Return the session without the fields that only matter while it has a channel."""
    return session._replace(
        cut=False, given=0, flight=(), returned=None, done=0, settling=(), held_back=(), probing=Probing()
    )


def close(state: State, number: int, bounds: Bounds) -> State:
    """End a session's channel: `{down, Pid, Info}`."""
    if state.active == number:
        state = _give_back(state)
    state = with_session(state, number, _without_channel(state.sessions[number]))
    waiting = tuple(each for each in state.waiting if each != number)
    return activate(state._replace(waiting=waiting), bounds)


def cut(state: State, bounds: Bounds) -> State:
    """Cut the link to the active consumer's node: `{down, Pid, noconnection}`, up to RabbitMQ 4.2.

    Acknowledgements in flight are void, because the leader has returned their messages. Probes in flight are
    not lost: the channel sends them again when the link is back (`resend_all_pending/1`).
    """
    number = state.active
    state = _give_back(state)
    session = state.sessions[number]
    session = session._replace(cut=True, flight=(), settling=(), probing=session.probing._replace(behind=0))
    state = with_session(state, number, session)
    return activate(state._replace(waiting=(*state.waiting, number)), bounds)


def heal(state: State, number: int, bounds: Bounds) -> State:
    """Bring the link back: `{nodeup, Node}`."""
    return activate(with_session(state, number, state.sessions[number]._replace(cut=False)), bounds)


def crash(state: State) -> State:
    """Kill the broker and start it again: no channel is left."""
    for number in (state.active, *state.waiting):
        if number != NOBODY:
            state = with_session(state, number, _without_channel(state.sessions[number]))
    return _give_back(state)._replace(waiting=())


def settle(state: State, bounds: Bounds) -> State | Breach | None:
    """Apply the next acknowledgement, None if there is none (`complete/5`).

    It only settles messages that are still checked out: delivery numbers are never used again.
    """
    number = state.active
    if number == NOBODY or not state.sessions[number].settling:
        return None
    session = state.sessions[number]
    tag, *rest = session.settling
    kept = list[Delivery]()
    for each in state.checked_out:
        if each.tag != -tag if each.what < 0 else each.tag > tag:
            kept.append(each)
        elif (
            each.what > 0
            and rank_of(each.what, bounds) > state.records[machine_of(each.what, bounds)].applied
        ):
            return Breach(f"reading {each.what} is settled and was never applied: it is lost")
    probing = session.probing
    if probing.behind:
        probing = probing._replace(behind=probing.behind - 1)
    state = with_session(state, number, session._replace(settling=tuple(rest), probing=probing))
    return check_out(state._replace(checked_out=tuple(kept)), bounds)


def enqueue(state: State, number: int, probe: int, bounds: Bounds) -> State | Breach:
    """Apply a publish, behind all acknowledgements that the channel has passed on before it.

    Settling has a higher priority in Raft than publishing (`rabbit_fifo_client:settle/3`, `enqueue/4`).
    """
    while state.active == number and state.sessions[number].probing.behind:
        after = settle(state, bounds)
        if after is None or isinstance(after, Breach):
            return after or state
        state = after
    return check_out(state._replace(ready=(*state.ready, Message(probe))), bounds)


def steps(state: State, bounds: Bounds) -> Iterator[Step]:
    """Yield the next steps of the broker, faults included."""
    after = settle(state, bounds)
    if after is not None:
        yield ("settle",), after
    if state.published < bounds.readings:
        reading = state.published + 1
        published = state._replace(published=reading, ready=(*state.ready, Message(reading)))
        yield ("publish", reading), check_out(published, bounds)
    for number in (state.active, *state.waiting):
        if number == NOBODY:
            continue
        session = state.sessions[number]
        if session.ended:
            yield ("close", number), close(state, number, bounds)
        elif fault := spent(state, "drops"):
            yield ("drop", number), close(fault, number, bounds)
        if session.cut:
            yield ("heal", number), heal(state, number, bounds)
    if state.active != NOBODY:
        if fault := spent(state, "cuts"):
            yield ("cut", state.active), cut(fault, bounds)
        if fault := spent(state, "crashes"):
            yield ("crash",), crash(fault)
