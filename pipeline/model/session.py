"""What identifies a session of a partition, and what is proven of it."""

from typing import Final

from msgspec import Struct

#: Bytes of a session's name. It is random.
NAME_BYTES: Final = 8


class Fence(Struct, frozen=True):
    """What a session must hold to write: its partition's number, and its own name."""

    partition: int
    session: bytes


class Settled(Struct, frozen=True):
    """What is proven of a session: all up to this delivery is settled.

    `complete`: all that it acknowledged is settled, and all that it wrote is published. Then nothing can come
    back but readings that it did not begin with.
    """

    delivery: int = 0
    complete: bool = False

    @classmethod
    def parse(cls, note: bytes | None) -> "Settled":
        """What a note says; of no note, that nothing is proven."""
        number, _, word = (note or b"0").partition(b" ")
        return cls(int(number), word == b"complete")

    def __str__(self) -> str:
        """What is noted."""
        return f"{self.delivery} complete" if self.complete else str(self.delivery)
