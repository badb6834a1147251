"""A machine's record: everything that must change together when a reading is processed, in one value.

Because it is one value, each reading changes the state exactly once, although the broker may deliver a
reading more than once. These rules keep the promise (`tests/model` explores them, `make chaos` tries them):

1.  *A record is written completely or not at all, and only over the record that was read* (compare-and-set on
    a random token, `pipeline.store.records`). It holds the state, the readings that led to it, and the
    messages that remain to be published.
2.  *A reading of the session that wrote the record is applied if its tag is not above the record's tag.*
    Delivery tags increase within a session, and a session applies the readings of the partition's own queue
    in order. This covers a write whose answer was lost, and a state that a user edited over the API in
    between.
3.  *Any other reading is applied if the broker marks it as redelivered and its mark is among the marks of
    earlier sessions.* The broker redelivers unacknowledged readings first, in order, and flagged as
    redelivered. A session that recognises a reading adds the reading's mark to its own marks. So it does not
    matter in how many batches the readings come back, or whether other readings of the machine, from the
    overflow, come before them.
4.  *Only the session that took the partition's fence last may write* (`pipeline.store.sessions`). A session
    takes the fence before it consumes, and Redis checks the fence in the same script that writes. So a worker
    that was paused, cut off or replaced can apply nothing, whatever readings it holds. No worker has to ask
    the broker: on a split cluster, the broker's answer would be wrong.
5.  *A mark is kept until a delivery proves that the broker cannot redeliver its reading.* A queue delivers at
    most `PREFETCH` readings that are not settled. So a session's delivery number n from the queue proves that
    all readings up to n - PREFETCH are settled. A sent acknowledgement proves nothing, and neither does an
    answer of the channel: the acknowledgement may still be on its way to the queue and be lost. If more is
    proven (`pipeline.worker.proof`), marks are forgotten sooner. Marks of earlier sessions are kept until the
    machine has a reading that is not among them: readings come back first and in order, so no reading of the
    earlier sessions can follow it.
6.  *A session ends when the broker takes readings back and redelivers them within the session*
    (`pipeline.worker.partition`). They would come under new tags, and rule 2 would take them for new
    readings. The next session recognises them by their marks.
7.  *A reading that is moved to the overflow is applied when it is moved*: its mark identifies it, and the
    message it has to publish is itself. In the overflow it has a place, which the record counts (`moved`).
    The overflow's readings are run in the order of their places, each once (`taken`). While the overflow
    holds any reading of a machine, the machine's new readings go there too. The record keeps moved readings
    until the session that published them knows that they are in the overflow. They arrive in the order of
    their places, in one attempt (`pipeline.broker.publisher`), or the attempt fails. If it fails, some may be
    in the overflow, with others missing between them. So a session that publishes them again gives the new
    attempt a higher number, and from its first place on, copies of older attempts do not count (`attempts`).
    Before that, a copy does not count if an earlier reading of its machine may be missing: if the record
    still keeps that one.
8.  *A deleted machine leaves behind the data that identifies its readings, and its numbers and places*, but
    nothing else. So a batch that was written before the deletion is not applied a second time. A batch that
    was slower runs on a new machine (compare-and-set). And no dead letter or place in the overflow is taken
    for one of the old machine. Readings on their way to the overflow stay, because they were not run yet.
9.  *All readings of a machine that can come back are in one partition, its home.* Rules 2, 3 and 5 rest on
    the order of one queue's deliveries. A reading that arrives from a source, or not from that source, is not
    run while a reading that was applied can come back from the home (`pipeline.worker.ways`). The partitions
    without a source are one home: the broker always chooses the same one for a machine.

The limits of the promise: rule 3 cannot distinguish two readings of one machine that have equal bytes, came
in the same millisecond and have the same `message_id` or none. Without the broker's time stamp
(`pipeline.broker.sent_at`), it cannot distinguish any two with equal bytes and the same `message_id` or none.
If a worker or RabbitMQ *crashes*, a reading that the worker held can then be taken for an equal one among the
last readings that the machine had sent before. If a device sends equal readings that must be counted exactly
even then, it must send a `message_id` of its own for each, or a timestamp or number.
"""

from collections.abc import Sequence
from math import inf
from typing import Annotated, Self

from msgspec import Meta, Struct
from msgspec.structs import replace

from pipeline.model.alarm import Alarm, Alarms
from pipeline.model.claim import Claim
from pipeline.model.counters import Counters
from pipeline.model.quarantine import Strikes
from pipeline.model.reading import MARK_BYTES, Reading
from pipeline.model.session import Settled
from sandbox.job import OutcomeKind


class Cause(Struct, frozen=True, array_like=True):
    """Why a reading became a dead letter, and its properties: the contents of the dead letter's headers."""

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
    topic: (
        Annotated[str, Meta(description="The MQTT topic of the reading, if it came by a source.")] | None
    ) = None
    received: (
        Annotated[
            str,
            Meta(
                description="When the system received the reading (RFC 3339, UTC).",
                extra_json_schema={"format": "date-time"},
            ),
        ]
        | None
    ) = None
    timer: Annotated[str, Meta(description="The name of the timer, if `on_timer` failed.")] | None = None


class Move(Struct, frozen=True, array_like=True):
    """A reading's place in the overflow, its properties, and the attempt that publishes it there.

    `key` is the routing key that it came with, if it is not the key of its machine.
    """

    place: int
    message_id: str | None = None
    content_type: str | None = None
    claim: Claim | None = None
    sent: int | None = None
    attempt: int = 0
    key: str | None = None


class Outgoing(Struct, frozen=True, array_like=True):
    """A message that a reading has to publish, byte for byte.

    It is a result, or a dead letter if it has a `cause`, or the reading itself if it has a `move`.
    """

    id: str
    body: bytes
    cause: Cause | None = None
    move: Move | None = None

    def is_on_the_move(self, taken: int, before: float = inf) -> bool:
        """Return whether this is a moved reading whose place is after `taken` and before `before`."""
        return self.move is not None and taken < self.move.place < before


class Split(Struct):
    """A batch's readings of one machine, divided by the record.

    `applied` readings are recognised by their tag or their place in the overflow, `recognised` readings by
    their mark. `fresh` readings are not applied. `stale` readings are copies in the overflow that do not
    count, because they are published there again. Neither do `early` copies, because an earlier reading of
    the machine may be missing there. `earlier` are the marks of earlier sessions whose readings have still
    not come back.
    """

    applied: list[Reading] = []
    recognised: list[Reading] = []
    fresh: list[Reading] = []
    stale: list[Reading] = []
    early: list[Reading] = []
    earlier: bytes = b""


class Record(Struct, frozen=True, array_like=True):
    """The record of a machine.

    `number` counts its readings and never decreases. `state` is a JSON object.

    `session`, `tag`, `marks` and `earlier` say which readings are applied. `marks` are pairs: the number of a
    delivery in that session, and the concatenated marks of the readings up to it. `earlier` are the marks of
    readings that earlier sessions applied and that have not come back yet.

    `outgoing` are the messages of the last applied readings. `strikes` are the strikes against the machine's
    logic. `moved` and `taken` count the readings that went into the overflow and those that came back.
    `attempts` are pairs: a place, and the number of the attempt that published the readings from that place
    on. `counters` are the counts for users. `gone` says that the machine is deleted. `keys` are the keys of
    the last readings, by which duplicates are recognised (`pipeline.model.duplicates`). `home` is the
    partition that the last readings came from; None if an older version wrote the record, and before the
    first reading (rule 9). `newest` is the newest time of a reading, in milliseconds since 1970, if the
    machine has a rule for late readings (`pipeline.model.late`), and `newest_field` the field with that time.
    `received` is when the last reading was received, likewise (`pipeline.model.received`). `timers` says when
    each timer is due, likewise, and `timer_runs` counts the timers that ran (`pipeline.model.timer`).
    Among them are the machine's schedules, and `schedules` identifies the list of these. `alarms` are the
    machine's alarms by name, and `alarm_changes` counts their changes (`pipeline.model.alarm`).
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
    keys: bytes = b""
    home: int | None = None
    newest: int | None = None
    newest_field: str | None = None
    received: int | None = None
    timers: dict[str, int] = {}
    timer_runs: int = 0
    schedules: bytes = b""
    alarms: dict[str, Alarm] = {}
    alarm_changes: int = 0

    @property
    def failed(self) -> bool:
        """Whether the machine's last reading became a dead letter, or its last timer since then."""
        return self._failure is not None

    @property
    def _failure(self) -> OutcomeKind | None:
        """Why the machine's last reading failed, or its last timer since then; None if it did not fail."""
        error = self.counters.last_error
        if error is None or error.number != self.number:
            return None
        return error.kind if error.timer_run in (None, self.timer_runs) else None

    def stands_differently(self, before: "Record") -> bool:
        """Return whether a batch may have changed the machine's condition, or is its first batch.

        The kind of its failures also shows that it was paused or resumed, and its strikes show that another
        logic was deployed.
        """
        return (
            not before.counters.seen
            or self._failure != before._failure
            or self.strikes.quarantined != before.strikes.quarantined
        )

    def edited(self, state: bytes) -> Self:
        """Return the record with this state, a JSON object, in place of its own."""
        return replace(self, state=state, gone=False)

    def deleted(self) -> Self:
        """Return the rest of the record that a deleted machine leaves behind (rule 8)."""
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
            home=self.home,
            received=self.received,
            timer_runs=self.timer_runs,
            alarm_changes=self.alarm_changes,
        )

    def alarmed(self, alarms: Alarms) -> Self:
        """Return the record with these alarms."""
        return replace(self, alarms=alarms.now, alarm_changes=alarms.number)

    def split(self, session: bytes, readings: list[Reading], *, moving: bool = False) -> Split:
        """Divide a batch's readings of this machine into those already applied and those that are not.

        `moving` says that readings which the session has moved are still on their way to the overflow.
        """
        own, taken, split = self.session == session, self.taken, Split(earlier=self._earlier(session))
        in_doubt = not self._have_arrived(session, moving=moving)
        known: list[bytes] | None = None
        for reading in readings:
            if reading.place is not None:
                if reading.place <= taken:
                    split.applied.append(reading)
                elif reading.attempt < self._attempt(reading.place):
                    split.stale.append(reading)
                elif in_doubt and any(each.is_on_the_move(taken, reading.place) for each in self.outgoing):
                    split.early.append(reading)
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
                    # They come back in order: readings before this mark were not redelivered.
                    del known[: known.index(mark) + 1]
                    split.recognised.append(reading)
                else:
                    split.fresh.append(reading)
        if known is not None:
            split.earlier = b"".join(known)
        return split

    def _earlier(self, session: bytes) -> bytes:
        """Return the marks of the sessions before this one."""
        if self.session == session:
            return self.earlier
        # In the queue's order: while the record's session knew earlier marks, it only recognised readings.
        return b"".join(marks for _, marks in self.marks) + self.earlier

    def _have_arrived(self, session: bytes, *, moving: bool) -> bool:
        """Return whether this session knows that the record's moved readings are in the overflow.

        It knows if it has published them itself: with a reading from the partition's own queue.
        """
        return self.session == session and self.tag > 0 and not moving

    def _attempt(self, place: int) -> int:
        """Return the last attempt that published the reading with this place to the overflow."""
        return next((attempt for first, attempt in reversed(self.attempts) if first <= place), 0)

    def run_or_move(self, fresh: list[Reading]) -> tuple[list[Reading], list[Reading]]:
        """Divide readings that are not applied into those to run now, in this order, and those to move."""
        back = [reading for reading in fresh if reading.place is not None]
        new = [reading for reading in fresh if reading.place is None]
        if self.moved > _last_place(back, self.taken) or any(reading.move for reading in new):
            return back, new
        return back + new, []

    def forget(self, settled: Settled) -> Self:
        """Return the record without the marks of readings that its session has settled.

        These readings cannot come back. If all readings are settled, their messages are published too.
        """
        if settled.complete:
            # Without a reading from its own queue, the session has not published the moved readings.
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
        duplicates: Sequence[Reading] = (),
        moving: bool = False,
        home: int | None = None,
        state: bytes,
        carry: bool,
        strikes: Strikes,
        counters: Counters,
        keys: bytes = b"",
        newest: int | None = None,
        newest_field: str | None = None,
        received: int | None = None,
        timers: dict[str, int] | None = None,
        number: int | None = None,
        timer_runs: int = 0,
    ) -> Self:
        """Return the record after `run` and `move`, the fresh readings of a split, were run and moved.

        `settled` is the number of the delivery of `session` up to which no reading can come back. `carry`
        says that messages of earlier readings may not be published yet and must be kept. `skipped` are
        readings that were sent again and were applied before: they count as taken from the overflow, and for
        nothing else. `duplicates` are marked and taken like the others, and not run. For `moving`, see
        `split`. `home` is the partition of the readings. `timers` are the machine's timers after `run`, and
        `timer_runs` counts those that ran. `number` is the number of the last reading: timers that are sent
        again are among `run`, and are no readings.
        """
        is_own = self.session == session
        tags = [
            reading.tag
            for reading in (*split.applied, *split.recognised, *split.fresh)
            if reading.place is None
        ]
        taken = _last_place((*run, *duplicates, *skipped), self.taken)
        # While readings are on their way to the overflow, readings from the overflow are still run.
        on_the_move = (
            []
            if self._have_arrived(session, moving=moving)
            else [each for each in self.outgoing if each.is_on_the_move(taken)]
        )
        attempts = _trimmed(self.attempts, taken)
        if on_the_move and tags:
            attempts = _next_attempt(attempts, on_the_move)
            on_the_move = [_in_attempt(each, attempts) for each in on_the_move]
        before = [*(each for each in self.outgoing if carry and each.move is None), *on_the_move]
        marks = self.marks if is_own else ()
        if marks and marks[0][0] <= settled:
            marks = tuple(pair for pair in marks if pair[0] > settled)
        fresh = [reading for reading in (*run, *move, *duplicates) if reading.place is None]
        if duplicates:
            fresh.sort(key=_tag_of)  # marks are in the queue's order
        if new := split.recognised + fresh:
            marks = (*marks, (new[-1].delivery, b"".join([reading.mark for reading in new])))
        return replace(
            self,
            number=self.number + len(run) if number is None else number,
            state=state,
            session=session,
            tag=max([self.tag if is_own else 0, *tags]),
            marks=marks,
            outgoing=(*before, *(_in_attempt(each, attempts) for each in outgoing)),
            strikes=strikes,
            moved=self.moved + len(move),
            taken=taken,
            counters=counters,
            # A skipped reading that was sent again does not create a new machine.
            gone=self.gone and not run and not move and not timer_runs,
            earlier=b"" if fresh else split.earlier,
            attempts=attempts,
            keys=keys,
            newest=newest,
            newest_field=newest_field,
            received=received,
            timers=self.timers if timers is None else timers,
            timer_runs=self.timer_runs + timer_runs,
            home=self.home if home is None else home,
        )


def _tag_of(reading: Reading) -> int:
    return reading.tag


def _trimmed(attempts: tuple[tuple[int, int], ...], taken: int) -> tuple[tuple[int, int], ...]:
    """Return the attempts without those whose readings are all taken."""
    while len(attempts) > 1 and attempts[1][0] <= taken + 1:
        attempts = attempts[1:]
    return attempts


def _next_attempt(
    attempts: tuple[tuple[int, int], ...], on_the_move: Sequence[Outgoing]
) -> tuple[tuple[int, int], ...]:
    """Return the attempts with another one, for these readings and those after them."""
    first = min(each.move.place for each in on_the_move if each.move is not None)
    last = attempts[-1][1] if attempts else 0
    return (*(pair for pair in attempts if pair[0] < first), (first, last + 1))


def _in_attempt(each: Outgoing, attempts: tuple[tuple[int, int], ...]) -> Outgoing:
    """Return the message; if it goes to the overflow, with the number of the last attempt."""
    if each.move is None or not attempts:
        return each
    return replace(each, move=replace(each.move, attempt=attempts[-1][1]))


def _each(marks: bytes) -> list[bytes]:
    """Split concatenated marks."""
    return [marks[start : start + MARK_BYTES] for start in range(0, len(marks), MARK_BYTES)]


def _last_place(readings: Sequence[Reading], before: int) -> int:
    """Return the last overflow place of these readings; `before` if none came from the overflow."""
    return max((reading.place for reading in readings if reading.place is not None), default=before)
