"""A reading as a worker receives it from its partition's queue."""

from hashlib import blake2b
from typing import Final

from msgspec import Struct

from pipeline import wire
from pipeline.model.claim import Claim

#: Bytes of a mark. Marks are compared only within one machine's last few hundred readings. There, two
#: different readings have the same mark by chance once in 10^13. A device that provokes a collision harms
#: only itself.
MARK_BYTES: Final = 8


class Reading(Struct):
    """One reading: its machine (None if the routing key names none), its bytes, and its delivery.

    `tag` is the delivery tag, counted from 1 in each session. `delivery` is counted likewise, but only
    deliveries from the partition's own queue; it is 0 for a reading from the overflow. `redelivered` says
    that an earlier session received this reading and did not acknowledge it.

    `place` is the reading's place in the overflow if it comes from there. `move` says that it goes there: its
    machine floods (`pipeline.worker.flood`), or earlier readings of the machine are there. `claim` is set if
    the reading was a dead letter and is sent again.

    `sent` is when it was sent, in milliseconds since 1970, if the reading says so
    (`pipeline.broker.sent_at`). `received` is when the system received it, likewise
    (`pipeline.model.received`). `arrived` is when it arrived in this process, in seconds of a monotonic
    clock. `traceparent` is the trace in which it was sent, if it has one and tracing is on
    (`pipeline.telemetry.tracing`). `number` is its machine's running number after it was run.
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
    received: int = 0

    @property
    def own_key(self) -> str | None:
        """The routing key that it came with, if it is not the key of its machine; it came by a source."""
        return None if self.machine is None or self.key == wire.data_key(self.machine) else self.key

    @property
    def from_overflow(self) -> bool:
        """Whether the reading came from the overflow."""
        return self.delivery == 0

    @property
    def id(self) -> str:
        """The reading's id in the log: `<machine>/<number>` if it has a number.

        Otherwise the device's `message_id` or else the delivery tag replaces the number, with a word that
        names it.
        """
        if self.number is not None:
            return f"{self.machine}/{self.number}"
        if self.message_id is not None:
            return f"{self.machine}/message_id:{self.message_id}"
        return f"{self.machine}/tag:{self.tag}"

    @property
    def mark(self) -> bytes:
        """Identifies the reading when it is redelivered: a hash of everything that stays the same.

        This is the device's `message_id`, the time with which the broker stamped it, and the body.
        """
        message_id = self.message_id or ""
        # The length ensures that no body can imitate another body with a `message_id`.
        identity = f"{self.sent} {len(message_id)} {message_id}".encode() + self.body
        return blake2b(identity, digest_size=MARK_BYTES).digest()
