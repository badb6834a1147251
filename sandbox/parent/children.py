"""The children of a sandbox: the one that serves, its successor while that starts, and their replacement.

A child is replaced when it is lost, at once; and when it has served `batches_per_child` batches, so that
nothing piles up in it. In that case its successor is started beside it and takes over between two batches
once it is ready, so that no reading waits for it.
"""

import logging
import os
import time
import weakref
from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Final

from sandbox.errors import SandboxUnavailable
from sandbox.job import Logic
from sandbox.limits import Limits
from sandbox.parent.process import LOSS_CAUSES, ChildProcess, LossCause
from sandbox.protocol.frames import Load

_logger = logging.getLogger(__name__)

#: Seconds to wait before each further try to start a child in place of one that was lost.
_TRY_AGAIN: Final = (0.1, 1.0)

#: Bytes of a source over its limit that are sent on.
_BEYOND: Final = 1 << 20


class Child:
    """A child that serves, and what the parent knows of it: which logics it holds, what it has been given."""

    def __init__(self, process: ChildProcess, places: int) -> None:
        self.process = process
        #: Readings given to it in requests that it has answered, and how many requests those were.
        self.readings = 0
        self.requests = 0
        self._free = places
        self._places = OrderedDict[str, int]()

    @property
    def fresh(self) -> bool:
        """Whether it has yet to answer its first request."""
        return self.requests == 0

    def place(self, logic: Logic, loads: list[Load], limits: Limits) -> int:
        """Where the child holds this logic; a `Load` is added where it does not yet.

        It makes room by dropping the logic that has not been used for longest: so a request must not name
        more logics than there are places.
        """
        place = self._places.get(logic.digest)
        if place is not None:
            self._places.move_to_end(logic.digest)
            return place
        if self._free:
            self._free -= 1
            place = self._free
        else:
            _, place = self._places.popitem(last=False)
        self._places[logic.digest] = place
        loads.append(Load(place, logic.digest, sent_source(logic.source, limits), logic.code))
        return place


def sent_source(source: str | bytes, limits: Limits) -> bytes:
    """A source as it is sent: whole, or what is by far enough of it to be refused for its length."""
    if isinstance(source, str):
        source = source[: limits.source_bytes + _BEYOND].encode("utf-8", "surrogatepass")
    return source[: limits.source_bytes + _BEYOND]


class Children:
    """See the head of this file. `lost` counts the children that were replaced because they were lost, by
    cause."""

    def __init__(self, limits: Limits, boot: str, *, allow_unconfined: bool) -> None:
        self._limits = limits
        self._boot = boot
        self._allow_unconfined = allow_unconfined
        self._owner = os.getpid()
        self._alive = set[ChildProcess]()
        self._successor: ChildProcess | None = None
        self._retire_at = limits.batches_per_child
        self._batches = 0
        # All causes from the start: another thread may read it meanwhile.
        self.lost = Counter[LossCause](dict.fromkeys(LOSS_CAUSES, 0))
        self.close = weakref.finalize(self, _end, self._alive)
        self.serving = self._ready(self._start())

    def replace(self, reason: str, cause: LossCause) -> None:
        """Put another child in the place of the one that serves, which is lost for this reason.

        Raises `SandboxUnavailable` where none can be started, after some tries.
        """
        lost = self.serving.process
        said = self._end(lost)
        _logger.warning(
            "replacing sandbox child %d: %s%s", lost.pid, reason, said and f"; its output: {said}"
        )
        self.lost[cause] += 1
        for wait in (*_TRY_AGAIN, None):
            process, self._successor = self._successor, None
            try:
                self.serving = self._ready(process or self._start())
            except SandboxUnavailable:
                if wait is None:
                    raise
                time.sleep(wait)
            else:
                return

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return not self.close.alive

    def begin_batch(self) -> None:
        """Before each batch: replace the child where its time has come and its successor is ready.

        After a fork the children are the other process's, and this one gets its own.
        """
        if os.getpid() != self._owner:
            self._owner = os.getpid()
            for process in list(self._alive):
                self._end(process)
            self._successor = None
            self.serving = self._ready(self._start())
        self._batches += 1
        if self._batches > self._retire_at:
            try:
                self._retire()
            except SandboxUnavailable as e:
                _logger.warning(
                    "could not start a successor for sandbox child %d: %s", self.serving.process.pid, e
                )
                self._successor = None
                self._retire_at = self._batches + self._limits.batches_per_child

    def _retire(self) -> None:
        if self._successor is None:
            self._successor = self._start()
        elif self._successor.ready(wait=False):
            self._end(self.serving.process)
            self.serving, self._successor = self._warm(self._successor), None

    def _start(self) -> ChildProcess:
        process = ChildProcess(self._limits, self._boot, allow_unconfined=self._allow_unconfined)
        self._alive.add(process)
        return process

    def _ready(self, process: ChildProcess) -> Child:
        try:
            process.ready(wait=True)
        except BaseException:
            self._end(process)
            raise
        return self._warm(process)

    def _warm(self, process: ChildProcess) -> Child:
        self._batches = 0
        self._retire_at = self._limits.batches_per_child
        return Child(process, self._limits.programs_per_child)

    def _end(self, process: ChildProcess) -> str:
        self._alive.discard(process)
        return process.end()


def _end(processes: Iterable[ChildProcess]) -> None:
    for process in processes:
        process.end()
