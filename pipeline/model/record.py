"""A machine's record: all that must change together when a reading is processed, in one value.

That one value is how each reading changes the state exactly once, although the broker may deliver it
more often. The rules that keep the promise (`tests/model` explores them, `make chaos` tries them):

1.  *A record is written whole or not at all, and only over the record that was read* (compare-and-set on
    a random token, `pipeline.store.records`). It holds the state, which readings made it, and what they have
    still to publish.
2.  *A reading of the session that wrote the record is applied if its tag is not above the record's.*
    Delivery tags count up within a session, and a session applies the readings of the partition's own queue
    in their order. This settles a write whose answer was lost, and a state that was edited over the API in
    between.
3.  *Any other reading is applied if the broker says that it was delivered before and its mark is among those
    of earlier sessions.* The broker gives back what was not acknowledged, flagged, in order, first. A session
    that recognises a reading makes its mark one of its own. So it does not matter in how many batches the
    readings come back, or that others of the machine, from the overflow, come before them.
4.  *Only the session that took the partition's fence last may write* (`pipeline.store.sessions`). It takes
    the fence before it consumes, and Redis checks it in the very write. So a worker that was paused, cut off
    or replaced can apply nothing, whatever it holds, and nobody has to ask the broker: on a cluster that is
    split, the broker's answer would be wrong.
5.  *A mark is kept until a delivery proves that the broker cannot give its reading back.* A queue hands out
    at most `PREFETCH` readings that are not settled, so a session's delivery number n from the queue proves
    that all up to n - PREFETCH are settled. That an acknowledgement was sent, or that the channel answers,
    proves nothing: the acknowledgement may be on its way to the queue, and be lost. If more is proven
    (`pipeline.worker.proof`), marks are forgotten sooner. Marks of earlier sessions are kept until the
    machine has a reading that is not among them: readings come back first and in order, so none of theirs can
    follow it.
6.  *A session ends when the broker gives readings back within it* (`pipeline.worker.partition`). They would
    come under new tags, which rule 2 would take for new readings. The next session knows them by their marks.
7.  *A reading that is moved to the overflow is applied when it is moved*: by its mark it is known, and what
    it has to publish is itself. There it has a place, counted by the record (`moved`), and is run in the
    order of the places, each once (`taken`). As long as any is there, what comes after it goes there too.
    The record keeps them until they are known to be there: when the session's next reading from the
    partition's own queue is applied. They get there in the order of their places, in one attempt
    (`pipeline.broker.publisher`). If another session has to publish them again, it cannot know what became
    of the attempt before: some may be there, with others missing between them. So its attempt has a higher
    number, and from the first place of it on, copies of older attempts do not count (`attempts`).
8.  *A deleted machine leaves behind by what its readings are known, and its numbers and places*, but not
    what it was. So a batch that was faster is not applied a second time, one that was slower is run on a new
    machine (compare-and-set), and no dead letter or place in the overflow is taken for one of the machine
    before. What is on its way to the overflow stays, for it was not run yet.

What would break it: rule 3 cannot tell apart two readings of one machine with equal bytes that came in the
same millisecond and have no `message_id`; and without the broker's time stamp (`pipeline.broker.sent_at`) any
two with equal bytes. If a worker or RabbitMQ *crashes*, a reading that the worker held can be taken for an
equal one, of those that the machine had sent last before. Devices that send equal readings and must be
counted exactly then send a `message_id`, or a timestamp or number.
"""

from collections.abc import Sequence
from typing import Annotated, Self

from msgspec import Meta, Struct
from msgspec.structs import replace

from pipeline.model.claim import Claim
from pipeline.model.counters import Counters
from pipeline.model.quarantine import Strikes
from pipeline.model.reading import MARK_BYTES, Reading
from pipeline.model.session import Settled
from sandbox.job import OutcomeKind


class Cause(Struct, frozen=True, array_like=True):
    """Why a reading became a dead letter, and what it was: all that the dead letter's headers say."""

    kind: OutcomeKind
    message: Annotated[str, Meta(description="What went wrong.")]
    time: Annotated[
        str,
        Meta(
            description="When the reading failed (RFC 3339, UTC).", extra_json_schema={"format": "date-time"}
        ),
    ]
    number: Annotated[int, Meta(description="The running number of the reading.")] | None = None
    logicversion: Annotated[int, Meta(description="The version of the logic that was run.")] | None = None
    line: Annotated[int, Meta(description="The line number in the logic at which it failed.")] | None = None
    text: Annotated[str, Meta(description="The text of that line.")] = ""
    limit: Annotated[str, Meta(description="The limit that was exceeded.")] | None = None
    message_id: Annotated[str, Meta(description="The message id that the device sent.")] | None = None
    content_type: str | None = None
    logicprofile: (
        Annotated[
            str, Meta(description="The profile of the version; missing if the logic is the machine's own.")
        ]
        | None
    ) = None


class Move(Struct, frozen=True, array_like=True):
    """Where a reading stands in the overflow, what it came with, and in which attempt it goes there."""

    place: int
    message_id: str | None = None
    content_type: str | None = None
    claim: Claim | None = None
    sent: int | None = None
    attempt: int = 0


class Outgoing(Struct, frozen=True, array_like=True):
    """What a reading has to publish, byte for byte: a result, with a `cause` a dead letter, or with a `move`
    itself."""

    id: str
    body: bytes
    cause: Cause | None = None
    move: Move | None = None

    def is_on_the_move(self, taken: int) -> bool:
        """Whether it is a reading that was not taken from the overflow yet, those up to `taken` being so."""
        return self.move is not None and self.move.place > taken


class Split(Struct):
    """A batch's readings of one machine, by what the record says of them.

    `applied` are known by their tag or their place in the overflow, `recognised` by their mark, and `fresh`
    are not applied. `stale` are copies in the overflow that do not count: they are published there again.
    `earlier` are the marks of earlier sessions whose readings have still not come back.
    """

    applied: list[Reading] = []
    recognised: list[Reading] = []
    fresh: list[Reading] = []
    stale: list[Reading] = []
    earlier: bytes = b""


class Record(Struct, frozen=True, array_like=True):
    """What is kept of a machine.

    `number` counts its readings and never goes back; `state` is a JSON object. `session`, `tag`, `marks` and
    `earlier` say which readings are applied: `marks` are pairs of the number of a delivery in that session
    and the marks, one after the other, of the readings up to it; `earlier` are the marks of readings that
    earlier sessions applied, and that have not come back yet. `outgoing` is what the last applied readings
    publish. `strikes` is what stands against its logic. `moved` and `taken` count the readings that went into
    the overflow and those that came back. `attempts` are pairs of a place and the number of the attempt in
    which readings went to the overflow from that place on. `counters` is what is counted for people. `gone`:
    the machine is deleted.
    """

    number: int = 0
    state: bytes = b"{}"
    session: bytes = b""
    tag: int = 0
    marks: tuple[tuple[int, bytes], ...] = ()
    outgoing: tuple[Outgoing, ...] = ()
    strikes: Strikes = Strikes()
    moved: int = 0
    taken: int = 0
    counters: Counters = Counters()
    gone: bool = False
    earlier: bytes = b""
    attempts: tuple[tuple[int, int], ...] = ()

    @property
    def failed(self) -> bool:
        """Whether its last reading became a dead letter."""
        return self._failure is not None

    @property
    def _failure(self) -> OutcomeKind | None:
        """Why its last reading failed, None where it did not."""
        error = self.counters.last_error
        return error.kind if error is not None and error.number == self.number else None

    def stands_differently(self, before: "Record") -> bool:
        """Whether a batch has changed how the machine stands, or is its first one.

        By the kind of its failures one sees as well that it was paused or resumed, and by its strikes that
        another logic was put in force.
        """
        return (
            not before.counters.seen
            or self._failure != before._failure
            or self.strikes.quarantined != before.strikes.quarantined
        )

    def edited(self, state: bytes) -> Self:
        """The record with this state, a JSON object, in the place of its own."""
        return replace(self, state=state, gone=False)

    def deleted(self) -> Self:
        """What is left of the record of a machine that is deleted (rule 8)."""
        return type(self)(
            number=self.number,
            session=self.session,
            tag=self.tag,
            marks=self.marks,
            outgoing=tuple(each for each in self.outgoing if each.move is not None),
            moved=self.moved,
            taken=self.taken,
            gone=True,
            earlier=self.earlier,
            attempts=self.attempts,
        )

    def split(self, session: bytes, readings: list[Reading]) -> Split:
        """Divide a batch's readings of this machine into those already applied and those that are not."""
        own, taken, split = self.session == session, self.taken, Split(earlier=self._earlier(session))
        known: list[bytes] | None = None
        for reading in readings:
            if reading.place is not None:
                if reading.place <= taken:
                    split.applied.append(reading)
                elif reading.attempt < self._attempt(reading.place):
                    split.stale.append(reading)
                else:
                    split.fresh.append(reading)
                    taken = reading.place
            elif own and reading.tag <= self.tag:
                split.applied.append(reading)
            elif not reading.redelivered:
                split.fresh.append(reading)
            else:
                known = _each(split.earlier) if known is None else known
                mark = reading.mark
                if mark in known:
                    # They come back in order: what stands before this mark was not given back.
                    del known[: known.index(mark) + 1]
                    split.recognised.append(reading)
                else:
                    split.fresh.append(reading)
        if known is not None:
            split.earlier = b"".join(known)
        return split

    def _earlier(self, session: bytes) -> bytes:
        """The marks of the sessions before this one."""
        if self.session == session:
            return self.earlier
        # In the order of the queue: while the record's session knew of earlier ones, it has only recognised.
        return b"".join(marks for _, marks in self.marks) + self.earlier

    def _attempt(self, place: int) -> int:
        """In which attempt the reading with this place went to the overflow last."""
        return next((attempt for first, attempt in reversed(self.attempts) if first <= place), 0)

    def divide(self, fresh: list[Reading]) -> tuple[list[Reading], list[Reading]]:
        """Divide readings that are not applied into those to run now, in this order, and those to move."""
        back = [reading for reading in fresh if reading.place is not None]
        new = [reading for reading in fresh if reading.place is None]
        if self.moved > _last_place(back, self.taken) or any(reading.move for reading in new):
            return back, new
        return back + new, []

    def forget(self, settled: Settled) -> Self:
        """The record without the marks of readings that its session has settled: they cannot come back.

        If all are settled, what they publish is published too.
        """
        if settled.complete:
            # Without a reading from its own queue, the session has not published what goes to the overflow.
            left = (
                () if self.tag else tuple(each for each in self.outgoing if each.is_on_the_move(self.taken))
            )
            return replace(self, marks=(), outgoing=left)
        return replace(self, marks=tuple(pair for pair in self.marks if pair[0] > settled.delivery))

    def advance(
        self,
        session: bytes,
        settled: int,
        split: Split,
        run: list[Reading],
        move: list[Reading],
        outgoing: list[Outgoing],
        *,
        skipped: Sequence[Reading] = (),
        state: bytes,
        carry: bool,
        strikes: Strikes,
        counters: Counters,
    ) -> Self:
        """The record after `run` and `move` of the fresh readings of a split were run and moved.

        `settled` is the number of the delivery of `session` up to which no reading can come back. `carry`:
        what readings before them publish may not be published yet, and is kept as well. `skipped` are
        readings sent again that were applied before: they count as taken from the overflow, and for nothing
        else.
        """
        is_own = self.session == session
        tags = [
            reading.tag
            for reading in (*split.applied, *split.recognised, *split.fresh)
            if reading.place is None
        ]
        taken = _last_place((*run, *skipped), self.taken)
        # While readings are on their way to the overflow, those that come from it are run all the same. The
        # partition's own ones wait: what comes after one of this session proves that all are there.
        are_there = is_own and self.tag > 0 and bool(tags)
        moving = [] if are_there else [each for each in self.outgoing if each.is_on_the_move(taken)]
        attempts = _trimmed(self.attempts, taken)
        if moving and tags:
            attempts = _next_attempt(attempts, moving)
            moving = [_in_attempt(each, attempts) for each in moving]
        before = [*(each for each in self.outgoing if carry and each.move is None), *moving]
        marks = self.marks if is_own else ()
        if marks and marks[0][0] <= settled:
            marks = tuple(pair for pair in marks if pair[0] > settled)
        fresh = [reading for reading in (*run, *move) if reading.place is None]
        if new := split.recognised + fresh:
            marks = (*marks, (new[-1].delivery, b"".join([reading.mark for reading in new])))
        return replace(
            self,
            number=self.number + len(run),
            state=state,
            session=session,
            tag=max([self.tag if is_own else 0, *tags]),
            marks=marks,
            outgoing=(*before, *(_in_attempt(each, attempts) for each in outgoing)),
            strikes=strikes,
            moved=self.moved + len(move),
            taken=taken,
            counters=counters,
            # What was sent again, and is skipped, makes no new machine.
            gone=self.gone and not run and not move,
            earlier=b"" if fresh else split.earlier,
            attempts=attempts,
        )


def _trimmed(attempts: tuple[tuple[int, int], ...], taken: int) -> tuple[tuple[int, int], ...]:
    """Attempts without those of which all readings are taken."""
    while len(attempts) > 1 and attempts[1][0] <= taken + 1:
        attempts = attempts[1:]
    return attempts


def _next_attempt(
    attempts: tuple[tuple[int, int], ...], moving: Sequence[Outgoing]
) -> tuple[tuple[int, int], ...]:
    """The attempts with another one, for these readings and those after them."""
    first = min(each.move.place for each in moving if each.move is not None)
    last = attempts[-1][1] if attempts else 0
    return (*(pair for pair in attempts if pair[0] < first), (first, last + 1))


def _in_attempt(each: Outgoing, attempts: tuple[tuple[int, int], ...]) -> Outgoing:
    """The same, in the last attempt, if it goes to the overflow."""
    if each.move is None or not attempts:
        return each
    return replace(each, move=replace(each.move, attempt=attempts[-1][1]))


def _each(marks: bytes) -> list[bytes]:
    """Marks one by one."""
    return [marks[start : start + MARK_BYTES] for start in range(0, len(marks), MARK_BYTES)]


def _last_place(readings: Sequence[Reading], before: int) -> int:
    """The last place in the overflow that these readings come from; `before` where none does."""
    return max((reading.place for reading in readings if reading.place is not None), default=before)
