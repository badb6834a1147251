"""A reading as it came off its partition's queue, and the batch that a worker takes at once."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Final

from msgspec import Struct, field

#: Bytes of a mark. Marks are compared only within one machine's last few hundred readings, where two
#: different ones meet by chance once in 10^13; a device that seeks a collision hurts only itself.
MARK_BYTES: Final = 8


class Reading(Struct):
    """One reading: its machine (None where the routing key names none), its bytes, and its delivery.

    `tag` is the delivery tag, counting from 1 in each consumer's session; `redelivered` says that an
    earlier session was given this reading already and did not acknowledge it.
    """

    machine: str | None
    key: str
    body: bytes
    tag: int
    redelivered: bool
    message_id: str | None
    content_type: str | None

    @property
    def mark(self) -> bytes:
        """What it is known by when it is delivered again: the device's `message_id`, else its body."""
        identity = self.body if self.message_id is None else b"id:" + self.message_id.encode()
        return blake2b(identity, digest_size=MARK_BYTES).digest()


class Batch(Struct):
    """Readings of one partition, in the order they arrived, that are processed and acknowledged at once.

    `session` names the consumer that they came to; `assert_active` asks the broker whether it still holds
    the partition and raises `SessionLost` where not; `lost` says that it is known not to.
    """

    queue: str
    session: bytes
    readings: list[Reading]
    assert_active: Callable[[], None]
    lost: Callable[[], bool]
    done: bool = False
    machines: dict[str, list[Reading]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for reading in self.readings:
            if reading.machine is not None:
                self.machines.setdefault(reading.machine, []).append(reading)

    @property
    def last_tag(self) -> int:
        """The delivery tag of the last reading: acknowledging it acknowledges all."""
        return self.readings[-1].tag

    def __repr__(self) -> str:
        return f"<batch of {len(self.readings)} from {self.queue}>"
