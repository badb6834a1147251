"""The rules under test, as flags: change a rule here first, and see whether the search breaks it.

`OLD` are the rules 1 to 5 of `pipeline.model.record` before the fence, `NEW` those with it (N1 to N7). A
sabotage is `NEW` with one flag changed.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final, NamedTuple

from tests.model.world import Bounds, Held, Record, Session


class Fence(Enum):
    """How a session makes sure that sessions before it cannot write any more (N4)."""

    #: There is no fence.
    NONE = auto()
    #: A session puts its name into Redis before it consumes. The script that writes compares it.
    BEFORE_CONSUME = auto()
    #: The same, but the session looks at the fence before it reads the records, and writes after that.
    BEFORE_READING = auto()
    #: The same, but it looks at the fence in the moment in which it reads the records.
    WITH_READING = auto()
    #: The same, but it looks at the fence after it has read the records.
    AFTER_READING = auto()
    #: A session puts its name into Redis when it has its first delivery. The script that writes compares it.
    AFTER_DELIVERY = auto()
    #: At its first delivery a session takes a number by INCR, and writes it into records. A session that
    #: meets a larger number ends; a smaller one is written over.
    EPOCH = auto()
    #: As BEFORE_CONSUME, but after a lost answer the session reads the key and tries the same name again.
    SAME_NAME = auto()
    #: As BEFORE_CONSUME, but the same command is sent again after a lost answer, as Redis clients do it.
    SAME_COMMAND = auto()
    #: As BEFORE_CONSUME, but the name is set without a comparison.
    SET = auto()
    #: As SET, and after a lost answer the session tries again with the same name.
    SET_SAME_NAME = auto()


class Forget(Enum):
    """How a session knows that its readings are settled, so that it forgets their marks (N5)."""

    DELIVERIES = auto()
    #: The answer to `basic.qos` after the acknowledgement. It is also noted in Redis for the next session.
    ANSWER = auto()
    #: The acknowledgement itself.
    ACKNOWLEDGEMENT = auto()


class Known(Enum):
    """How readings are known in a record of another session (N3)."""

    FLAG_AND_MARK = auto()
    MARK = auto()
    NOTHING = auto()


class Earlier(Enum):
    """What becomes of the marks of earlier sessions when a session writes a record (N3, N5)."""

    #: They are kept apart, and compared with, until a reading is applied that is not among them.
    KEPT = auto()
    #: They count as if they belonged to delivery number PREFETCH, and nobody compares with them: what a
    #: session finds in its own record it knows by its tags. (The old rules.)
    WINDOW = auto()
    #: They are forgotten.
    DROPPED = auto()


class Split(NamedTuple):
    """A machine's readings in a batch: those known by their marks, and those that are not applied.

    `earlier` are the marks of earlier sessions that are left.
    """

    recognised: tuple[Held, ...]
    fresh: tuple[Held, ...]
    earlier: tuple[int, ...]


class Proof(Enum):
    """How a session knows from probes that the leader has applied its acknowledgements (N7)."""

    #: There are no probes.
    NONE = auto()
    #: A probe that was sent after the confirm of the probe before it is delivered to this session.
    SECOND_DELIVERY = auto()
    #: The second probe is confirmed.
    SECOND_CONFIRM = auto()
    #: The first probe is delivered to this session.
    FIRST_DELIVERY = auto()
    #: The first probe is confirmed.
    FIRST_CONFIRM = auto()


@dataclass(frozen=True)
class Rules:
    """The rules of workers. Each flag is a rule or a part of one."""

    name: str
    #: N1: a record is written only over the record that was read.
    compares: bool = True
    #: N2: in its own record a session knows its readings by their tags.
    knows_own: bool = True
    known: Known = Known.FLAG_AND_MARK
    fence: Fence = Fence.BEFORE_CONSUME
    #: Before it writes over the record of another session, a session asks its channel (the old rule 4).
    asks: bool = False
    forget: Forget = Forget.DELIVERIES
    #: So many less than the prefetch count are taken to be on their way (N5: 0).
    window_error: int = 0
    earlier: Earlier = Earlier.KEPT
    #: N6: a session ends when a delivery's count is higher than the one's before it.
    ends_on_return: bool = True
    proof: Proof = Proof.NONE
    #: N7: what is settled is noted only while the fence holds the session's name.
    notes_fenced: bool = True
    #: Whether probes count as deliveries in N5.
    counts_probes: bool = False

    def forgotten(self, record: Record, noted: int) -> Record:
        """Return the record without the marks that its session has noted to be settled."""
        if not noted or not record.marks:
            return record
        return record._replace(marks=tuple(mark for mark in record.marks if mark[0] > noted))

    def split(self, record: Record, session: int, readings: tuple[Held, ...]) -> Split:
        """Divide readings by what the record tells of them."""
        own = record.session == session
        known = record.earlier if own else tuple(mark for _, mark in record.marks) + record.earlier
        recognised, fresh = list[Held](), list[Held]()
        for each in readings:
            if own and self.knows_own and each.tag <= record.tag:
                continue
            may_be_known = each.redelivered or self.known is Known.MARK
            if self.known is not Known.NOTHING and may_be_known and each.reading in known:
                # They come back in order: what stands before this one was not given back.
                known = known[known.index(each.reading) + 1 :]
                recognised.append(each)
            else:
                fresh.append(each)
        return Split(tuple(recognised), tuple(fresh), known)

    def settled(self, session: Session, batch_end: int, bounds: Bounds) -> int:
        """Return the place up to which the session takes its readings to be settled."""
        window = bounds.prefetch - self.window_error
        if self.forget is Forget.ANSWER:
            return max(batch_end - window, session.settled)
        if self.forget is Forget.ACKNOWLEDGEMENT:
            return max(session.received - window, session.done)
        return max(session.received - window, session.settled)

    def written(
        self, record: Record, number: int, session: Session, split: Split, end: int, bounds: Bounds
    ) -> Record:
        """Return the record after these readings; `end` is the place of the batch's last reading.

        Without any reading, it is the record after one that came from the overflow.
        """
        own = record.session == number
        marks = record.marks if own else ()
        if self.earlier is Earlier.WINDOW and not own:
            marks = tuple((bounds.prefetch, mark) for _, mark in record.marks)
        settled = self.settled(session, end, bounds)
        marks = tuple(mark for mark in marks if mark[0] > settled)
        new = split.recognised + split.fresh if self.earlier is not Earlier.WINDOW else split.fresh
        if new:
            marks = (*marks, *((new[-1].place, each.reading) for each in new))
        tag = max((each.tag for each in split.recognised + split.fresh), default=record.tag if own else 0)
        return Record(
            session=number,
            tag=tag,
            marks=marks,
            applied=record.applied + len(split.fresh),
            epoch=session.epoch,
            earlier=split.earlier if self.earlier is Earlier.KEPT and not split.fresh else (),
        )

    @property
    def fences_first(self) -> bool:
        """Whether a session takes the fence before it consumes."""
        return self.fence not in (Fence.NONE, Fence.AFTER_DELIVERY, Fence.EPOCH)

    @property
    def fences_writes(self) -> bool:
        """Whether the script that writes compares the fence."""
        return self.fence not in (
            Fence.NONE,
            Fence.BEFORE_READING,
            Fence.WITH_READING,
            Fence.AFTER_READING,
            Fence.EPOCH,
        )


OLD: Final = Rules(
    "the old rules",
    fence=Fence.NONE,
    asks=True,
    forget=Forget.ANSWER,
    earlier=Earlier.WINDOW,
    ends_on_return=False,
)

NEW: Final = Rules("the new rules")

#: The new rules with probes (N7).
PROBING: Final = replace(NEW, name="the new rules with probes", proof=Proof.SECOND_DELIVERY)


def sabotaged(name: str, of: Rules = NEW, **changes: object) -> Rules:
    """Return these rules with something changed."""
    return replace(of, name=name, **changes)  # type: ignore[arg-type]
