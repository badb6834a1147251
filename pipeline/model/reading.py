"""A reading as it came off its partition's queue, and the batch that a worker takes at once."""

from hashlib import blake2b
from typing import Final

from msgspec import Struct

from pipeline.model.claim import Claim

#: Bytes of a mark. Marks are compared only within one machine's last few hundred readings, where two
#: different ones meet by chance once in 10^13; a device that seeks a collision hurts only itself.
MARK_BYTES: Final = 8


class Reading(Struct):
    """One reading: its machine (None where the routing key names none), its bytes, and its delivery.

    `tag` is the delivery tag, counting from 1 in each session, and `delivery` counts likewise, but only the
    deliveries from the partition's own queue; it is 0 for a reading from the overflow. `redelivered` says
    that an earlier session was given this reading already and did not acknowledge it. `place` is its place in
    the overflow where it comes from there; `move`: it is to be moved there (`pipeline.worker.flood`), or was.
    `claim` is there where it says that it was a dead letter and is sent again. `sent` is when it was sent, in
    milliseconds since 1970, where it says so (`pipeline.broker.sent_at`), and `arrived` when it came here, in
    seconds of a clock that never goes back. `traceparent` may be the trace that it was sent in, where traces
    are on (`pipeline.telemetry.tracing`). `number` is its machine's running number, once it was run.
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
    attempt: int = 0
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
