"""The progress of a child: a page of memory that it writes and its parent reads, so reporting costs nothing.

The page holds two integers: how many readings the child has finished since it started, and whether it is
working on the next one. The child can write to the page at any time, so the parent treats it as a claim. The
parent compares the claim with the readings that it gave to the child, so the claim can only name a reading of
the same request.

The page is sealed so that nobody can shorten it, which would end the parent with a bus error.
"""

import fcntl
import mmap
import os
import struct
from typing import Final, NamedTuple

#: The number of mapped bytes: one page, the least that the kernel maps.
_SIZE: Final = mmap.PAGESIZE

_WORDS: Final = struct.Struct("=QQ")


class ReportedProgress(NamedTuple):
    """The contents of the page: readings finished since the child started, and whether it runs the next."""

    done: int
    working: bool


class ProgressReader:
    """The parent's side. The child inherits `descriptor`, which is open until `release`."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("progress", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.descriptor, _SIZE)
        fcntl.fcntl(
            self.descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        )
        self._page = mmap.mmap(self.descriptor, _SIZE, prot=mmap.PROT_READ)

    def claim(self) -> ReportedProgress:
        """Return the present contents of the page."""
        done, working = _WORDS.unpack_from(self._page)
        return ReportedProgress(done, working != 0)

    def release(self) -> None:
        """Close the descriptor. Call this when the child has inherited it."""
        os.close(self.descriptor)

    def close(self) -> None:
        """Unmap the page."""
        self._page.close()


class ProgressWriter:
    """The child's side. Callers write `words[DONE]` and `words[WORKING]` directly: it is the hot path."""

    DONE: Final = 0
    WORKING: Final = 1

    def __init__(self, descriptor: int) -> None:
        self.words = memoryview(mmap.mmap(descriptor, _SIZE)).cast("Q")
        os.close(descriptor)
