"""The state of the model of the overflow: plain tuples, so that two equal situations are one state.

Readings 1, 2, 3, … belong to the machines in turn. Each machine's must be run in this order. All wait in the
partition's own queue at first.
"""

from typing import NamedTuple

#: Stages of a session's batch.
NONE, TAKEN, WRITTEN = range(3)


class Copy(NamedTuple):
    """A moved reading in the overflow, or on its way there, and the attempt that published it."""

    reading: int
    place: int
    attempt: int = 0


class Record(NamedTuple):
    """A machine's record.

    `seen` is the last of its readings that was run or moved, `applied` the last one that was run. `is_own`
    says that the current session wrote the record, and `tag` is the last reading from the partition's own
    queue that this session has applied to it, 0 if none.
    """

    seen: int = 0
    applied: int = 0
    is_own: bool = False
    tag: int = 0
    moved: int = 0
    taken: int = 0
    outgoing: tuple[Copy, ...] = ()
    attempts: tuple[tuple[int, int], ...] = ()


class Session(NamedTuple):
    """The session that holds the fence: its readings are in order, so counts say which ones it has.

    `done` is the last reading from the partition's own queue that is acknowledged. If `moving` is not 0, the
    readings after it, up to this one, wait for moved readings to arrive in the overflow.
    """

    done: int = 0
    moving: int = 0
    #: How many readings from the overflow are acknowledged and not settled: the first ones checked out.
    handled: int = 0
    #: The batch: how many readings it has from each queue, and whether the first machine floods. Those from
    #: the overflow follow the acknowledged ones.
    stage: int = NONE
    own: int = 0
    back: int = 0
    floods: bool = False
    #: The moved readings that the batch must publish, after its records are written.
    moves: tuple[Copy, ...] = ()


class Stream(NamedTuple):
    """A publisher's attempt to move readings. `flight` has not reached the queue; `answers` are its answers.

    `messages` are not confirmed. Without any, it is what a lost connection has left behind. `is_awaited` says
    that the current session waits for the confirms.
    """

    messages: tuple[Copy, ...]
    flight: tuple[Copy, ...] = ()
    answers: tuple[bool, ...] = ()
    is_awaited: bool = True


class Budget(NamedTuple):
    """How many faults of each kind may still happen, and how many in total."""

    total: int = 0
    #: A session loses its channel; its worker goes on to publish.
    drops: int = 0
    #: A worker is killed.
    kills: int = 0
    #: The broker crashes.
    crashes: int = 0
    #: A publisher loses its connection.
    losses: int = 0
    lost_answers: int = 0
    edits: int = 0
    #: The overflow has no leader and refuses a message.
    refusals: int = 0
    #: A reading expires in the overflow.
    expiries: int = 0
    #: Not a fault: a session is released.
    releases: int = 0


class State(NamedTuple):
    """The state of everything in the model."""

    #: The overflow: its messages, those returned by a consumer first.
    ready: tuple[Copy, ...]
    #: The messages that the overflow has delivered to the session and that are not settled.
    checked_out: tuple[Copy, ...]
    #: The last reading of the partition's own queue that is settled.
    settled: int
    session: Session
    records: tuple[Record, ...]
    streams: tuple[Stream, ...]
    #: The readings that have expired: they are dead letters.
    expired: tuple[int, ...]
    budget: Budget


class Bounds(NamedTuple):
    """The size of a model. The overflow refuses messages while it has `room` messages that wait."""

    machines: int = 1
    readings: int = 3
    room: int = 1
    prefetch: int = 1
    budget: Budget = Budget()


def start(bounds: Bounds) -> State:
    """Return the first state: all readings wait in the partition's own queue."""
    return State((), (), 0, Session(), (Record(),) * bounds.machines, (), (), bounds.budget)


def machine_of(reading: int, bounds: Bounds) -> int:
    """Return the machine that this reading is of."""
    return (reading - 1) % bounds.machines


def spent(state: State, kind: str) -> State | None:
    """Return the state with one fault of this kind less to come, None if there are none left."""
    budget = state.budget
    left: int = getattr(budget, kind)
    if not budget.total or not left:
        return None
    return state._replace(budget=budget._replace(total=budget.total - 1, **{kind: left - 1}))
