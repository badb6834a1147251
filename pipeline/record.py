"""A machine's record: all that must change together when a reading is processed, in one value.

That one value is how each reading changes the state exactly once, although the broker may deliver it
more often. The rules that keep the promise:

1.  *A record is written whole or not at all, and only over the record that was read* (compare-and-set on
    a random token, `pipeline.records`). It holds the state, which readings made it, and what they have
    still to publish.
2.  *A reading of the session that wrote the record is applied if its tag is not above the record's.*
    Delivery tags count up within a session, and a session applies its batches one after the other. This
    settles a write whose answer was lost, and a state that was edited over the API in between.
3.  *A reading of another session is applied if the broker says that it was delivered before and its mark
    is in the record.* The broker gives back what was not acknowledged, flagged, in order, first.
4.  *A record of another session is used only after the broker has said that this session holds the
    partition, asked after reading it.* A worker that was paused, or whose connection was cut while it
    worked, would otherwise take its successor's record and apply its readings a second time. What the
    successor writes after the question makes the compare-and-set fail.
5.  *A mark is kept until the broker cannot give its reading back any more.* The broker hands out at most
    `PREFETCH` readings that are not acknowledged. So a delivery with tag t proves that every reading up
    to t - PREFETCH is settled. What a session is given back arrives among its first PREFETCH deliveries:
    marks of earlier sessions count as if they had come last among those.

What would break it: two readings of one machine with equal bytes and no `message_id` cannot be told
apart by rule 3. In the moment of a crash the second can be taken for the first. Devices that send equal
readings and must be counted exactly send a `message_id`, or a timestamp or number in the body.
"""

from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from pipeline.quarantine import Strikes
from pipeline.reading import MARK_BYTES, Reading
from pipeline.topology import PREFETCH
from sandbox.job import OutcomeKind


class Cause(Struct, frozen=True, array_like=True):
    """Why a reading became a dead letter, and what it was: all that the dead letter's headers say.

    `number` is the reading's running number on its machine, `time` when it failed (RFC 3339, UTC).
    """

    kind: OutcomeKind
    message: str
    time: str
    number: int | None = None
    logicversion: int | None = None
    line: int | None = None
    text: str = ""
    limit: str | None = None
    message_id: str | None = None
    content_type: str | None = None


class Outgoing(Struct, frozen=True, array_like=True):
    """What a reading has to publish, byte for byte: a result, or with a `cause` a dead letter."""

    id: str
    body: bytes
    cause: Cause | None = None


class Record(Struct, frozen=True, array_like=True):
    """What is kept of a machine.

    `number` counts its readings and never goes back; `state` is a JSON object. `session`, `tag` and
    `marks` say which readings are applied: `marks` are pairs of a tag and the marks, one after the other,
    of the readings up to it. `outgoing` is what the last applied readings publish. `strikes` is
    what stands against its logic.
    """

    number: int = 0
    state: bytes = b"{}"
    session: bytes = b""
    tag: int = 0
    marks: tuple[tuple[int, bytes], ...] = ()
    outgoing: tuple[Outgoing, ...] = ()
    strikes: Strikes = Strikes()

    def split(self, session: bytes, readings: list[Reading]) -> tuple[list[Reading], list[Reading]]:
        """Divide a batch's readings of this machine into those already applied and those to run."""
        if self.session == session:
            return (
                [reading for reading in readings if reading.tag <= self.tag],
                [reading for reading in readings if reading.tag > self.tag],
            )
        if not any(reading.redelivered for reading in readings):
            return [], readings
        known = [
            marks[start : start + MARK_BYTES]
            for _, marks in self.marks
            for start in range(0, len(marks), MARK_BYTES)
        ]
        applied, fresh = list[Reading](), list[Reading]()
        for reading in readings:
            mark = reading.mark
            if reading.redelivered and mark in known:
                # They come back in order: what stands before this mark was not given back.
                del known[: known.index(mark) + 1]
                applied.append(reading)
            else:
                fresh.append(reading)
        return applied, fresh

    def advance(
        self,
        session: bytes,
        last_tag: int,
        fresh: list[Reading],
        outgoing: list[Outgoing],
        *,
        state: bytes,
        carry: bool,
        strikes: Strikes,
    ) -> Self:
        """The record after the readings `fresh` of a batch whose last delivery is `last_tag`.

        `carry`: readings before them were found applied already, so that what those had to publish may
        not be out yet and is kept as well.
        """
        marks = self.marks
        if self.session != session and marks:
            marks = ((PREFETCH, b"".join(part for _, part in marks)),)
        settled = last_tag - PREFETCH
        if marks and marks[0][0] <= settled:
            marks = tuple(pair for pair in marks if pair[0] > settled)
        added = (fresh[-1].tag, b"".join([reading.mark for reading in fresh]))
        return replace(
            self,
            number=self.number + len(fresh),
            state=state,
            session=session,
            tag=fresh[-1].tag,
            marks=(*marks, added),
            outgoing=(*self.outgoing, *outgoing) if carry else tuple(outgoing),
            strikes=strikes,
        )
