"""How far a child is: a page of memory that it writes and its parent reads, so that telling costs nothing.

Two whole numbers: how many readings the child is done with since it started, and whether it is at work on
the next one. The page is the child's to write at any time, so its parent takes it for a claim: it is
compared with what the child was given, and all it can do is name a reading of the same request.

The page is sealed against being made shorter, which would end the parent with a bus error.
"""

import fcntl
import mmap
import os
import struct
from typing import Final, NamedTuple

#: Bytes mapped. One page; the kernel gives no less.
_SIZE: Final = mmap.PAGESIZE

_WORDS: Final = struct.Struct("=QQ")


class ReportedProgress(NamedTuple):
    """What the page says: readings done since the start of the child, and whether it is at the next."""

    done: int
    working: bool


class ProgressReader:
    """The parent's side. `descriptor` is for the child to inherit, until `release`."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("progress", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.descriptor, _SIZE)
        fcntl.fcntl(
            self.descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        )
        self._page = mmap.mmap(self.descriptor, _SIZE, prot=mmap.PROT_READ)

    def claim(self) -> ReportedProgress:
        """What the page says now."""
        done, working = _WORDS.unpack_from(self._page)
        return ReportedProgress(done, working != 0)

    def release(self) -> None:
        """Close the descriptor, once the child has it."""
        os.close(self.descriptor)

    def close(self) -> None:
        """Let go of the page."""
        self._page.close()


class ProgressWriter:
    """The child's side. `words[DONE]` and `words[WORKING]` are written to directly: it is the hot path."""

    DONE: Final = 0
    WORKING: Final = 1

    def __init__(self, descriptor: int) -> None:
        self.words = memoryview(mmap.mmap(descriptor, _SIZE)).cast("Q")
        os.close(descriptor)
