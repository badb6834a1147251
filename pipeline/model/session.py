"""The identity of a partition's session, and the proof of how far it is settled."""

from typing import Final

from msgspec import Struct

#: Bytes of a session's name, which is random.
NAME_BYTES: Final = 8


class Fence(Struct, frozen=True):
    """What a session must hold to write: the number of its partition and its own name."""

    partition: int
    session: bytes


class Settled(Struct, frozen=True):
    """How far a session is proven to be settled: all readings up to this delivery are.

    `complete` says that all readings that the session acknowledged are settled, and all messages that it
    wrote are published. Then only readings that it did not start can come back.
    """

    delivery: int = 0
    complete: bool = False

    @classmethod
    def parse(cls, note: bytes | None) -> "Settled":
        """Parse a note. Without a note, nothing is proven."""
        number, _, word = (note or b"0").partition(b" ")
        return cls(int(number), word == b"complete")

    def __str__(self) -> str:
        """Return the note."""
        return f"{self.delivery} complete" if self.complete else str(self.delivery)
