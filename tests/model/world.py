"""The state of the model: plain tuples, so that two equal situations are one state.

A message is a number: a reading is positive, a probe is negative (`pipeline.worker.partition` says what a
probe is). Readings 1, 2, 3, … belong to the machines in turn. Each machine's must be applied in this order.
Sessions are numbered 0, 1, 2, … in the order in which they start; the number is also the session's name.
"""

from typing import Final, NamedTuple, TypeAlias

#: No session; no value in the fence key.
NOBODY: Final = -1

#: Stages of a session. `DEAD` sessions cannot change anything any more.
UNBORN, RETRYING, FENCED, CONSUMING, DEAD = range(5)


class Message(NamedTuple):
    """A message in the queue, and how often the queue has taken it back from a consumer (its count)."""

    what: int
    returned: int = 0


class Delivery(NamedTuple):
    """A message checked out to a consumer, under the number that the leader gave to this delivery."""

    tag: int
    what: int
    returned: int


class Held(NamedTuple):
    """A reading that a session has received: by `tag` it is acknowledged, `place` counts deliveries."""

    tag: int
    place: int
    reading: int
    redelivered: bool


class Record(NamedTuple):
    """A machine's record. `applied` stands for its state: how many of its readings it has seen."""

    session: int = NOBODY
    tag: int = 0
    marks: tuple[tuple[int, int], ...] = ()
    applied: int = 0
    epoch: int = 0
    #: Readings that earlier sessions applied, and that have not come back yet.
    earlier: tuple[int, ...] = ()


class Line(NamedTuple):
    """A machine's readings in a batch, and its record as it was read; None if it must be read again.

    `cleared`: the old rule's question was answered, or the fence was looked at.
    """

    machine: int
    readings: tuple[Held, ...]
    record: Record | None
    cleared: bool = False


class Late(NamedTuple):
    """A write whose answer was lost and which takes effect later, if ever.

    Of a machine's record, which applies the readings in `fresh`; or, with `machine` -1, of the fence key,
    which held `before`.
    """

    session: int
    machine: int
    record: Record | None = None
    fresh: tuple[Held, ...] = ()
    before: int = NOBODY


class Probing(NamedTuple):
    """How far a session is with proving what is settled.

    `stage`: 0 nothing, 1 the first probe is sent, 2 it is confirmed, 3 the second one is sent, 4 that one is
    confirmed, 5 done. `claim` is the place of the last reading acknowledged when the first probe was sent.
    `behind`: so many acknowledgements on their way were passed on before the last probe.
    """

    stage: int = 0
    claim: int = 0
    behind: int = 0


class Session(NamedTuple):
    """A session: the worker's end of it, the channel, and the leader's view of the channel."""

    stage: int = UNBORN
    #: The worker has ended it: it takes, acknowledges and receives nothing more.
    ended: bool = False
    #: The link between the leader's node and the channel's node is cut.
    cut: bool = False
    #: The last delivery number that the leader has given out.
    given: int = 0
    flight: tuple[Delivery, ...] = ()
    held: tuple[Held, ...] = ()
    #: How many deliveries the session has received, as far as its rule counts them.
    received: int = 0
    #: The count of the last delivery received; None before the first one.
    returned: int | None = None
    #: The place of the last reading acknowledged.
    done: int = 0
    #: Acknowledgements on their way to the leader. A tag settles all readings up to it; a probe's, which is
    #: acknowledged alone, is negative.
    settling: tuple[int, ...] = ()
    #: Acknowledgements that the channel holds back.
    held_back: tuple[int, ...] = ()
    #: The place up to which the session takes its readings to be settled.
    settled: int = 0
    #: The place up to which Redis says that they are, for the next session.
    noted: int = 0
    epoch: int = 0
    #: The lines of the batch that are not written yet, and the last reading of the batch.
    batch: tuple[Line, ...] = ()
    last: Held | None = None
    #: The value of the fence key when the session tried to take it.
    before: int = NOBODY
    probing: Probing = Probing()


class Budget(NamedTuple):
    """How many faults of each kind may still happen, and how many in total."""

    total: int = 0
    drops: int = 0
    cuts: int = 0
    crashes: int = 0
    lost_answers: int = 0
    edits: int = 0
    slow: int = 0
    #: Not a fault: a session writes a record for a reading that did not come from the queue, but from the
    #: overflow.
    others: int = 0


class State(NamedTuple):
    """The state of everything in the model."""

    ready: tuple[Message, ...]
    #: Readings published so far.
    published: int
    returns: tuple[Message, ...]
    active: int
    waiting: tuple[int, ...]
    checked_out: tuple[Delivery, ...]
    sessions: tuple[Session, ...]
    records: tuple[Record, ...]
    fence: int
    late: tuple[Late, ...]
    budget: Budget


#: A step as a template's name and the numbers in it (`tests.model.words`).
Label: TypeAlias = tuple[str | int, ...]


class Breach(NamedTuple):
    """A promise that is broken."""

    what: str


#: A step and the state after it, or the breach.
Step: TypeAlias = tuple[Label, "State | Breach"]


class Bounds(NamedTuple):
    """The size of a model."""

    machines: int = 2
    readings: int = 4
    prefetch: int = 2
    sessions: int = 3
    budget: Budget = Budget()
    #: So many of the readings are published later, at any time.
    later: int = 0


def start(bounds: Bounds) -> State:
    """Return the first state: the readings wait in the queue, and no session has started."""
    return State(
        ready=tuple(Message(reading) for reading in range(1, bounds.readings - bounds.later + 1)),
        published=bounds.readings - bounds.later,
        returns=(),
        active=NOBODY,
        waiting=(),
        checked_out=(),
        sessions=(Session(),) * bounds.sessions,
        records=(Record(),) * bounds.machines,
        fence=NOBODY,
        late=(),
        budget=bounds.budget,
    )


def with_session(state: State, number: int, session: Session) -> State:
    """Return the state after this session has changed."""
    sessions = state.sessions
    return state._replace(sessions=(*sessions[:number], session, *sessions[number + 1 :]))


def spent(state: State, kind: str) -> State | None:
    """Return the state with one fault of this kind less to come, None if there are none left."""
    budget = state.budget
    left: int = getattr(budget, kind)
    if not budget.total or not left:
        return None
    return state._replace(budget=budget._replace(total=budget.total - 1, **{kind: left - 1}))
