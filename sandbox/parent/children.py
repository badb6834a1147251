"""The children of a sandbox: the serving child, its successor during the start, and their replacement.

A lost child is replaced at once. A child that has served `batches_per_child` batches is replaced too, so that
nothing accumulates in it. In that case its successor starts while the child still serves, and takes over
between two batches when it is ready, so that no reading waits for it.
"""

import logging
import os
import time
import weakref
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from sandbox.errors import SandboxUnavailable
from sandbox.job import Logic
from sandbox.limits import Limits
from sandbox.parent.loss import LOSS_CAUSES, LossCause
from sandbox.parent.process import ChildProcess
from sandbox.protocol.frames import BEYOND_SOURCE, Load

_logger = logging.getLogger(__name__)

#: Seconds to wait before each further attempt to replace a lost child.
_TRY_AGAIN: Final = (0.1, 1.0)

#: The most bytes of a character in UTF-8.
_CHARACTER_BYTES: Final = 4


class Child:
    """A serving child, with the parent's record of it: the logics it holds, and the readings it was given.

    The logics have at most `programs_bytes`; the least recently used ones make room for a new one. So a
    request must not name more than that.
    """

    def __init__(self, process: ChildProcess, limits: Limits) -> None:
        self.process = process
        #: The number of readings in its answered requests, and the number of those requests.
        self.readings = 0
        self.requests = 0
        self._limits = limits
        self._loads = OrderedDict[str, _Held]()
        self._bytes = 0
        self._free = list[int]()

    @property
    def fresh(self) -> bool:
        """Whether the child has not answered a request yet."""
        return self.requests == 0

    @property
    def held(self) -> Collection[str]:
        """The digests of the logics that the child holds."""
        return self._loads.keys()

    def place(self, digest: str) -> int:
        """Return the child's place for a logic that it holds."""
        return self._loads[digest].place

    def hold(self, logics: Iterable[Logic]) -> tuple[list[int], list[Load]]:
        """Make the child hold these logics. Return the places to drop, and the logics to load."""
        missing = list[Logic]()
        for logic in logics:
            if logic.digest in self._loads:
                self._loads.move_to_end(logic.digest)
            else:
                missing.append(logic)
        drops, loads = list[int](), list[Load]()
        for logic in missing:
            size = load_bytes(logic, self._limits)
            while self._loads and self._bytes + size > self._limits.programs_bytes:
                _, dropped = self._loads.popitem(last=False)
                self._bytes -= dropped.size
                self._free.append(dropped.place)
                drops.append(dropped.place)
            place = self._free.pop() if self._free else len(self._loads)
            self._loads[logic.digest] = _Held(place, size)
            self._bytes += size
            source = sent_source(logic.source, self._limits)
            loads.append(Load(place, logic.digest, source, _sent_code(logic, self._limits)))
        return drops, loads


class _Held(NamedTuple):
    place: int
    size: int


def sent_source(source: str | bytes, limits: Limits) -> bytes:
    """Return the bytes of a source to send: all of it, or enough of it to be refused for its length."""
    longest = limits.source_bytes + BEYOND_SOURCE
    if isinstance(source, str):
        source = source[:longest].encode("utf-8", "surrogatepass")
    return source[:longest]


def _sent_code(logic: Logic, limits: Limits) -> bytes | None:
    """Return the code to send. If it is too large, the child refuses the source with a clear message."""
    return logic.code if logic.code is not None and len(logic.code) <= limits.code_bytes else None


def load_bytes(logic: Logic, limits: Limits) -> int:
    """Return how many bytes of a request the source and code of a logic take, at most."""
    source = len(logic.source) if logic.source.isascii() else _CHARACTER_BYTES * len(logic.source)
    return min(source, limits.source_bytes + BEYOND_SOURCE) + len(_sent_code(logic, limits) or b"")


class Children:
    """The children of a sandbox (see the head of this file). `lost` counts the lost children by cause."""

    def __init__(self, limits: Limits, boot: str, *, allow_unconfined: bool) -> None:
        self._limits = limits
        self._boot = boot
        self._allow_unconfined = allow_unconfined
        self._owner = os.getpid()
        self._alive = set[ChildProcess]()
        self._successor: ChildProcess | None = None
        self._retire_at = limits.batches_per_child
        self._batches = 0
        # All causes exist from the start, because another thread may read the counter at any time.
        self.lost = Counter[LossCause](dict.fromkeys(LOSS_CAUSES, 0))
        self.close = weakref.finalize(self, _end, self._alive)
        self.serving = self._ready(self._start())

    def replace(self, reason: str, cause: LossCause) -> None:
        """Replace the serving child, which is lost for this reason.

        Raises `SandboxUnavailable` if no child can be started after several attempts.
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
        """Replace the child if it is due and its successor is ready. Call this before each batch.

        After a fork the children belong to the other process, so this process starts its own.
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
        return Child(process, self._limits)

    def _end(self, process: ChildProcess) -> str:
        self._alive.discard(process)
        return process.end()


def _end(processes: Iterable[ChildProcess]) -> None:
    for process in processes:
        process.end()
