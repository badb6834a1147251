"""A reading as it came off its partition's queue, and the batch that a worker takes at once."""

from concurrent.futures import Future
from hashlib import blake2b
from typing import Any, Final, Protocol

from msgspec import Struct

from pipeline import logs
from pipeline.claim import Claim
from pipeline.sessions import Fence, Settled

#: Bytes of a mark. Marks are compared only within one machine's last few hundred readings, where two
#: different ones meet by chance once in 10^13; a device that seeks a collision hurts only itself.
MARK_BYTES: Final = 8


class Reading(Struct):
    """One reading: its machine (None where the routing key names none), its bytes, and its delivery.

    `tag` is the delivery tag, counting from 1 in each session, and `delivery` counts likewise, but only the
    deliveries from the partition's own queue; it is 0 for a reading from the overflow. `redelivered` says
    that an earlier session was given this reading already and did not acknowledge it. `place` is its place in
    the overflow where it comes from there; `move`: it is to be moved there (`pipeline.flood`), or was.
    `claim` is there where it says that it was a dead letter and is sent again. `sent` is when it was sent, in
    milliseconds since 1970, where it says so (`pipeline.moment`), and `arrived` when it came here, in seconds
    of a clock that never goes back. `traceparent` may be the trace that it was sent in, where traces are on
    (`pipeline.traces`). `number` is its machine's running number, once it was run.
    """

    machine: str | None
    key: str
    body: bytes
    tag: int
    redelivered: bool
    message_id: str | None
    content_type: str | None
    delivery: int = 0
    place: int | None = None
    move: bool = False
    claim: Claim | None = None
    sent: int | None = None
    arrived: float = 0.0
    traceparent: str | None = None
    number: int | None = None

    @property
    def is_back(self) -> bool:
        """Whether it came from the overflow."""
        return self.delivery == 0

    @property
    def id(self) -> str:
        """What the log knows it by: `<machine>/<number>` once it has a number. Before that it is the
        device's `message_id`, else its delivery tag, that stands behind the machine, and says which it is."""
        if self.number is not None:
            return f"{self.machine}/{self.number}"
        if self.message_id is not None:
            return f"{self.machine}/message_id:{self.message_id}"
        return f"{self.machine}/tag:{self.tag}"

    @property
    def mark(self) -> bytes:
        """What it is known by when it is delivered again: all that stays the same then.

        These are the device's `message_id`, the time that the broker stamped it with, and the body.
        """
        message_id = self.message_id or ""
        # With the length, no body can pose as another one with a `message_id`.
        mark = blake2b(f"{self.sent} {len(message_id)} {message_id}".encode(), digest_size=MARK_BYTES)
        mark.update(self.body)
        return mark.digest()


class Session(Protocol):
    """The life of one channel, on which the broker hands out the readings of one partition.

    Its name and the delivery tags are written into the machines' records (`pipeline.record`), which is how
    a reading that is delivered again is recognised. It may write them while it holds `fence`.
    """

    queue: str
    overflow: str
    fence: Fence

    @property
    def settled(self) -> Settled:
        """What the broker has proven to be settled."""

    def lost(self) -> bool:
        """Whether it is known not to hold it any more."""

    def settle(self) -> None:
        """Acknowledge what was handed out last, but for what waits for moved readings. For the consumer's
        thread."""

    def settle_moved(self) -> None:
        """Acknowledge what has waited for moved readings. For the consumer's thread."""

    def end(self) -> None:
        """Give the partition up, and with it what is not acknowledged. For the consumer's thread."""


class Line(Struct):
    """The readings of one machine in a batch, in the order they arrived."""

    machine: str
    readings: list[Reading]
    session: Session


class Share(Struct):
    """What one partition has in a batch: its readings, at least one, in the order they arrived.

    `moved` is there if some of them go to the overflow: it is done when all of those are there.
    """

    session: Session
    readings: list[Reading]
    moved: "Future[None] | None" = None

    def lines(self) -> list[Line]:
        """The readings by machine, without those that name none."""
        machines = dict[str, list[Reading]]()
        for reading in self.readings:
            if reading.machine is not None:
                machines.setdefault(reading.machine, []).append(reading)
        return [Line(machine, readings, self.session) for machine, readings in machines.items()]


class Batch(Struct):
    """What is processed at once: readings of one or more partitions, each to be acknowledged as a whole.

    `published` is there once all is written: it is done when the broker has confirmed the results and dead
    letters of the readings, and then they may be acknowledged. Those of a share with moved readings wait for
    these too, but for the ones that came from the overflow.
    """

    shares: list[Share]
    published: "Future[None] | None" = None

    def lost(self) -> bool:
        """Whether the broker has given readings of it to somebody else."""
        return any(share.session.lost() for share in self.shares)

    def about(self, *, listed: int) -> dict[str, Any]:
        """What a line of the log says of it."""
        return logs.many([reading.id for share in self.shares for reading in share.readings], listed)

    def __repr__(self) -> str:
        count = sum(len(share.readings) for share in self.shares)
        return f"<batch of {count} from {', '.join(share.session.queue for share in self.shares)}>"
