"""The workers' sessions: they take the fence, consume, receive, read, write and acknowledge.

A session may rest at any point for any time: the model shows paused and killed workers like this.
"""

from collections.abc import Iterator

from tests.model import broker, store
from tests.model.rules import Earlier, Fence, Forget, Proof, Rules
from tests.model.world import (
    CONSUMING,
    DEAD,
    FENCED,
    NOBODY,
    RETRYING,
    UNBORN,
    Bounds,
    Breach,
    Held,
    Label,
    Late,
    Line,
    Probing,
    Session,
    State,
    Step,
    spent,
    with_session,
)

#: Sessions that consume at a time, at most: one for each worker.
WORKERS = 2


def _is_open(state: State, number: int) -> bool:
    """Whether the session's channel is there."""
    return number == state.active or number in state.waiting


def _ended(session: Session) -> Session:
    """Return the session after its worker has ended it: it drops what it holds."""
    return session._replace(
        ended=True, held=(), flight=(), batch=(), last=None, returned=None, received=0, done=0, settled=0
    )


def tidy(state: State, rules: Rules, bounds: Bounds) -> State:
    """Replace sessions that cannot change anything any more by one value, and close channels.

    An ended session's channel closes some time later. If no acknowledgement is in flight, the time makes no
    difference, so it closes at once.
    """
    for number, session in enumerate(state.sessions):
        if session.stage != CONSUMING:
            continue
        if number == state.active or number in state.waiting:
            if not session.ended or (number == state.active and (session.settling or session.held_back)):
                continue
            state = broker.close(state, number, bounds)
            session = state.sessions[number]
        idle = not session.batch and (session.ended or not session.held)
        if idle or (rules.fence is Fence.BEFORE_CONSUME and state.fence != number):
            state = with_session(state, number, Session(DEAD, noted=session.noted))
    return state


def _start(state: State, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    """Start sessions: with the fence first they take it, then they consume."""
    busy = len(state.waiting) + (state.active != NOBODY)
    busy += sum(session.stage in (RETRYING, FENCED) for session in state.sessions)
    unborn = True
    for number, session in enumerate(state.sessions):
        if session.stage == FENCED:
            yield ("consume", number), broker.consume(state, number, bounds)
        elif session.stage == RETRYING:
            yield from _take_fence(state, number, rules)
        elif session.stage == UNBORN and unborn and busy < WORKERS:
            unborn = False
            if rules.fences_first:
                yield from _take_fence(state, number, rules)
            else:
                yield ("consume", number), broker.consume(state, number, bounds)


def _take_fence(state: State, number: int, rules: Rules) -> Iterator[Step]:
    session = state.sessions[number]
    again = session.stage == RETRYING
    before = session.before if again and rules.fence is Fence.SAME_COMMAND else state.fence
    fenced = with_session(state, number, Session(FENCED))
    if again and state.fence == number and rules.fence is not Fence.SAME_COMMAND:
        yield ("fence there", number), fenced
        return
    if state.fence == before or rules.fence in (Fence.SET, Fence.SET_SAME_NAME):
        yield ("fence", number), store.set_fence(fenced, number, rules)
    else:
        yield ("fence refused", number), with_session(state, number, Session(DEAD))
    if fault := spent(state, "lost_answers"):
        gives_up = rules.fence in (Fence.BEFORE_CONSUME, Fence.SET)
        after = Session(DEAD) if gives_up else Session(RETRYING, before=before)
        late = Late(number, NOBODY, before=before)
        yield (
            ("fence unanswered, given up" if gives_up else "fence unanswered", number),
            with_session(fault, number, after)._replace(late=(*state.late, late)),
        )


def _receive(state: State, number: int, rules: Rules) -> Step:
    """Receive the next delivery."""
    session = state.sessions[number]
    delivery, *rest = session.flight
    label = ("receive", number, delivery.what, delivery.returned)
    if rules.ends_on_return and session.returned is not None and delivery.returned > session.returned:
        ended = session._replace(ended=True, held=(), flight=())
        return ("receive and end", *label[1:]), with_session(state, number, ended)
    session = session._replace(flight=tuple(rest), returned=delivery.returned)
    if delivery.what < 0:
        session = session._replace(received=session.received + rules.counts_probes)
        session = _proven(_acknowledge(session, -delivery.tag), number, delivery.what, rules)
        return ("receive probe", number), with_session(state, number, session)
    place = session.received + 1
    held = Held(delivery.tag, place, delivery.what, delivery.returned > 0)
    session = session._replace(held=(*session.held, held), received=place)
    return label, with_session(state, number, session)


def _take(state: State, number: int, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    """Take one or two readings and read the records of their machines."""
    session = state.sessions[number]
    for count in range(1, min(2, len(session.held)) + 1):
        taken = session.held[:count]
        lines = list[Line]()
        for machine in dict.fromkeys(broker.machine_of(each.reading, bounds) for each in taken):
            readings = tuple(each for each in taken if broker.machine_of(each.reading, bounds) == machine)
            lines.append(Line(machine, readings, None))
        label: Label = tuple(each.reading for each in taken)
        after = session._replace(held=session.held[count:], batch=tuple(lines), last=taken[-1])
        if rules.fence is Fence.BEFORE_READING:
            yield ("take unread", number, *label), with_session(state, number, after)
        else:
            yield ("take", number, *label), _read(state, number, after, rules)


def _look_first(state: State, number: int, session: Session) -> Step:
    """Look at the fence before the records are read."""
    if state.fence != number:
        return ("fenced off", number), with_session(state, number, _ended(session))
    batch = tuple(line._replace(cleared=True) for line in session.batch)
    return ("fence seen", number), with_session(state, number, session._replace(batch=batch))


def _read(state: State, number: int, session: Session, rules: Rules) -> State:
    """Read the records that have not been read, or must be read again."""
    lines = list[Line]()
    if rules.fence is Fence.WITH_READING and state.fence != number:
        return with_session(state, number, _ended(session))
    for line in session.batch:
        if line.record is None:
            record = state.records[line.machine]
            if record.session not in (NOBODY, number):
                record = rules.forgotten(record, state.sessions[record.session].noted)
            if rules.fence is Fence.EPOCH and record.epoch > session.epoch:
                return with_session(state, number, _ended(session))
            line = line._replace(record=record)
        lines.append(line)
    return with_session(state, number, session._replace(batch=tuple(lines)))


def _write(state: State, number: int, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    """Write the record of the next machine of the batch, after the checks that the rules ask for."""
    session = state.sessions[number]
    line, *rest = session.batch
    assert line.record is not None
    assert session.last is not None
    others = line.record.session not in (NOBODY, number)
    split = rules.split(line.record, number, line.readings)
    writes = split.fresh or (split.recognised and rules.earlier is Earlier.KEPT)
    if rules.asks and others and not line.cleared:
        if _is_open(state, number) and not session.ended:
            batch = tuple(each._replace(cleared=each.record is not None) for each in session.batch)
            yield ("answer", number), with_session(state, number, session._replace(batch=batch))
        else:
            yield ("no answer", number), with_session(state, number, _ended(session))
    elif not writes:
        yield from _done(("known", number, line.machine), state, number, rest)
    elif rules.fence is Fence.AFTER_READING and not line.cleared:
        if state.fence == number:
            batch = (line._replace(cleared=True), *rest)
            yield ("fence seen", number), with_session(state, number, session._replace(batch=batch))
        else:
            yield ("fenced off", number), with_session(state, number, _ended(session))
    elif not store.may_write(state, number, rules):
        yield ("fenced off", number), with_session(state, number, _ended(session))
    else:
        fresh = split.fresh
        record = rules.written(line.record, number, session, split, session.last.place, bounds)
        name = "write" if fresh else "take over"
        label: Label = (name, number, line.machine, *(each.reading for each in fresh))
        breach = store.judge(state.records[line.machine], record, fresh, bounds)
        if breach:
            yield label, breach
            return
        yield from _done(label, store.put(state, line.machine, record, rules), number, rest)
        if fault := spent(state, "lost_answers"):
            batch = (Line(line.machine, line.readings, None), *rest)
            late = Late(number, line.machine, record, fresh)
            fault = with_session(fault, number, session._replace(batch=batch))
            yield (f"{name} unanswered", *label[1:]), fault._replace(late=(*state.late, late))


def _write_other(state: State, number: int, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    """Write a machine's record for a reading that came from the overflow: it has no mark."""
    session = state.sessions[number]
    fault = spent(state, "others")
    fenced_off = rules.fences_first and state.fence != number
    if (
        fault is None
        or session.ended
        or session.batch
        or fenced_off
        or not store.may_write(state, number, rules)
    ):
        return
    for machine, record in enumerate(state.records):
        if record.session not in (NOBODY, number):
            record = rules.forgotten(record, state.sessions[record.session].noted)
        if record.session == NOBODY or (rules.fence is Fence.EPOCH and record.epoch > session.epoch):
            continue
        split = rules.split(record, number, ())
        after = rules.written(record, number, session, split, session.done, bounds)
        yield ("write other", number, machine), store.put(fault, machine, after, rules)


def _done(label: Label, state: State, number: int, rest: list[Line]) -> Iterator[Step]:
    """Go on with the rest of the batch; after its end, acknowledge it."""
    session = state.sessions[number]
    last = session.last
    assert last is not None
    if rest:
        # Other lines must be read again if this write has changed their record.
        yield label, with_session(state, number, session._replace(batch=session.batch[1:]))
        return
    session = session._replace(batch=(), last=None)
    if session.ended or not _is_open(state, number):
        yield label, with_session(state, number, session)
        return
    session = session._replace(done=last.place)
    label = ("acknowledged", *label)
    yield label, with_session(state, number, _acknowledge(session, last.tag))
    if not session.held_back and (fault := spent(state, "slow")):
        session = session._replace(held_back=(last.tag,))
        yield ("held back", *label), with_session(fault, number, session)


def _acknowledge(session: Session, tag: int) -> Session:
    """Acknowledge. The channel holds that back if it holds back others (`slow`, `unsent_commands`)."""
    if session.held_back:
        return session._replace(held_back=(*session.held_back, tag))
    # Behind a cut link, the leader has already returned the messages.
    return session if session.cut else session._replace(settling=(*session.settling, tag))


def _passed_on(session: Session) -> Session:
    """Return the session after its channel has passed on the acknowledgements that it held back."""
    return session._replace(settling=(*session.settling, *session.held_back), held_back=())


def _proven(session: Session, number: int, probe: int, rules: Rules) -> Session:
    """Return the session after this probe has been delivered to it."""
    probing = session.probing
    first, second = _probe(number, 1), _probe(number, 2)
    if (rules.proof is Proof.FIRST_DELIVERY and probe == first and probing.stage in (1, 2)) or (
        rules.proof is Proof.SECOND_DELIVERY and probe == second and probing.stage in (3, 4)
    ):
        return session._replace(settled=probing.claim, probing=session.probing._replace(stage=0))
    return session


def _probe(number: int, which: int) -> int:
    return -(2 * number + which)


def _probe_steps(state: State, number: int, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    """Send and confirm probes, and note the readings that they prove to be settled."""
    session = state.sessions[number]
    probing = session.probing
    if not session.ended:
        if probing.stage in (0, 2) and session.done > session.settled:
            claim = session.done if probing.stage == 0 else probing.claim
            sent = probing._replace(stage=probing.stage + 1, claim=claim, behind=len(session.settling))
            yield ("send probe", number), with_session(state, number, session._replace(probing=sent))
        may_note = state.fence == number or not rules.notes_fenced
        if session.settled > session.noted and not session.batch and may_note:
            released = _ended(session)._replace(noted=session.settled, probing=Probing())
            yield ("note and release", number, session.settled), with_session(state, number, released)
    if session.cut:
        return
    if session.held_back:
        yield ("pass on", number), with_session(state, number, _passed_on(session))
    if probing.stage in (1, 3):
        after = broker.enqueue(state, number, _probe(number, 1 if probing.stage == 1 else 2), bounds)
        if not isinstance(after, Breach):
            session = after.sessions[number]
            stage, settled = probing.stage + 1, session.settled
            if (rules.proof, stage) in ((Proof.FIRST_CONFIRM, 2), (Proof.SECOND_CONFIRM, 4)):
                stage, settled = 0, probing.claim
            confirmed = session._replace(settled=settled, probing=probing._replace(stage=stage))
            after = with_session(after, number, _passed_on(confirmed))
        yield ("confirm probe", number), after


def steps(state: State, rules: Rules, bounds: Bounds) -> Iterator[Step]:
    """Yield the next steps of workers."""
    yield from _start(state, rules, bounds)
    for number, session in enumerate(state.sessions):
        if session.stage != CONSUMING:
            continue
        is_open = _is_open(state, number)
        if session.flight and not session.ended:
            yield _receive(state, number, rules)
        late_fence = rules.fence in (Fence.AFTER_DELIVERY, Fence.EPOCH)
        if late_fence and session.received and not session.epoch and not session.ended:
            epoch = max(state.fence, 0) + 1 if rules.fence is Fence.EPOCH else 1
            fence = epoch if rules.fence is Fence.EPOCH else number
            taken = with_session(state, number, session._replace(epoch=epoch))
            yield ("take epoch", number, fence), taken._replace(fence=fence)
        if session.batch:
            if rules.fence is Fence.BEFORE_READING and not all(line.cleared for line in session.batch):
                yield _look_first(state, number, session)
            elif session.batch[0].record is None:
                yield ("read again", number), _read(state, number, session, rules)
            else:
                yield from _write(state, number, rules, bounds)
        elif session.held and not session.ended and (session.epoch or not late_fence):
            yield from _take(state, number, rules, bounds)
            if not rules.asks:
                yield from _write_other(state, number, rules, bounds)
        if is_open and rules.forget is Forget.ANSWER and not session.ended and session.settled < session.done:
            settled = session._replace(settled=session.done, noted=session.done)
            yield ("look", number, session.done), with_session(state, number, settled)
        if is_open and rules.proof is not Proof.NONE:
            yield from _probe_steps(state, number, rules, bounds)
