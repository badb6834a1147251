"""The parent's handle on one child process: it sends requests, receives replies in time, and ends it.

No behaviour of a child can make this wait indefinitely: the socket does not block, every wait has a timeout,
and the deadline of the request (`deadline.py`) is checked also while bytes are sent and arrive. Every failure
of a child raises `ChildLost`. After that, only `end` may be called.
"""

import contextlib
import logging
import os
import select
import signal
import socket
import subprocess
import time
from typing import Final

from sandbox.errors import SandboxUnavailable
from sandbox.limits import Limits
from sandbox.parent.deadline import Deadline
from sandbox.parent.loss import ChildLost, LethalLimit
from sandbox.parent.spawn import spawn
from sandbox.protocol.frames import (
    OUT_OF_MEMORY,
    ChildSetup,
    FrameError,
    Inbox,
    Ready,
    Reply,
    Request,
    Unready,
    frame_of,
    longest_reply,
)
from sandbox.protocol.progress import ProgressReader
from sandbox.protocol.seccomp import filter_program
from sandbox.words import cleaned

_logger = logging.getLogger(__name__)

#: Seconds that a child may take to start; on an idle machine it takes 0.1.
START_SECONDS: Final = 60.0

#: The most bytes to receive from the socket at once.
_CHUNK: Final = 64 << 10

#: The most bytes to keep of a child's last words (its standard error).
_LAST_WORDS: Final = 2_000

#: Seconds that a process may take to end after it has closed its socket.
_CLOSING: Final = 0.5

#: Seconds that a killed process may take to end.
_BURIAL: Final = 10.0

#: The message for an administrator if confinement is not possible.
_UNCONFINED: Final = (
    "the sandbox's child process cannot be confined: {reason}. Use a host that can confine it. The setting "
    "allow_unconfined_sandbox runs logic without confinement; never use it in production"
)


class ChildProcess:
    """One child, from its start to its end. Not thread-safe."""

    def __init__(self, limits: Limits, boot: str, *, allow_unconfined: bool) -> None:
        """Start a child, without waiting for it. Raises `SandboxUnavailable`."""
        try:
            rules = filter_program()
        except SandboxUnavailable as e:
            if not allow_unconfined:
                raise SandboxUnavailable(_UNCONFINED.format(reason=e)) from e
            rules = b""
        self._limits = limits
        self._inbox = Inbox(longest_reply(limits))
        self._owner = os.getpid()
        self._released = False
        self._started = time.monotonic()
        self.confinement = frozenset[str]()
        self.progress = ProgressReader()
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        self._last_words, their_last_words = os.pipe()
        os.set_blocking(their_last_words, False)  # for the child too: it must not wait if it writes too much
        os.set_blocking(self._last_words, False)
        try:
            self._process = spawn(boot, theirs, self.progress.descriptor, their_last_words)
        except SandboxUnavailable:
            self._release()
            raise
        finally:
            theirs.close()
            os.close(their_last_words)
            self.progress.release()
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        try:
            self._socket.sendall(frame_of(ChildSetup(limits, rules, allow_unconfined, self._owner)))
        except OSError:
            return  # the child has ended already; `ready` will report it

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def ready(self, *, wait: bool) -> bool:
        """Return whether the child serves. Raises `SandboxUnavailable` if it never will."""
        try:
            reply = self._first_reply(wait=wait)
        except ChildLost as e:
            said = self.end()
            reason = f"{e}; its last output: {said}" if said else str(e)
            raise SandboxUnavailable(f"the sandbox's child process does not start: {reason}") from e
        match reply:
            case None:
                return False
            case Ready():
                self.confinement = frozenset(reply.confinement)
                return True
            case Unready():
                self.end()
                raise SandboxUnavailable(_UNCONFINED.format(reason=cleaned(reply.reason, 200)))
            case _:
                self.end()
                raise SandboxUnavailable(
                    "the sandbox's child process sent an unexpected message at its start"
                )

    def _first_reply(self, *, wait: bool) -> Reply | None:
        while True:
            if self._poll.poll(1_000 if wait else 0):
                self._fill()
            reply = self._next()
            if reply is not None:
                return reply
            if time.monotonic() - self._started > START_SECONDS:
                raise ChildLost(f"it did not answer within {START_SECONDS:g} s")
            if not wait:
                return None

    def deadline(
        self, limit: LethalLimit, seconds: float, total: float, *, done: int = 0, given: int = 0
    ) -> Deadline:
        """Begin the time of a request; see `Deadline`."""
        return Deadline(self.pid, self.progress, limit, seconds, total, done=done, given=given)

    def send(self, request: Request, deadline: Deadline) -> None:
        """Send a request. Raises `ChildLost` if the child does not accept all of it in time."""
        frame = memoryview(frame_of(request))
        room = select.poll()
        room.register(self._socket, select.POLLOUT)
        sent = 0
        while sent < len(frame):
            try:
                sent += self._socket.send(frame[sent:])
            except BlockingIOError:
                room.poll(int(deadline.step * 1_000))
            except OSError as e:
                raise self._ended_by_itself() from e
            deadline.check()

    def receive(self, deadline: Deadline) -> Reply:
        """Return the next reply. Raises `ChildLost` if it does not arrive in time."""
        step = max(1, int(deadline.step * 1_000))
        while (reply := self._next()) is None:
            if self._poll.poll(step):
                self._fill()
            deadline.check()
        return reply

    def _next(self) -> Reply | None:
        try:
            return self._inbox.next()
        except FrameError as e:
            raise ChildLost(f"it sent an invalid message: {cleaned(str(e), 200)}", lied=True) from e

    def _fill(self) -> None:
        """Receive the available bytes. Raises `ChildLost` if the child has ended."""
        try:
            data = self._socket.recv(_CHUNK)
        except OSError:  # the child ended without reading all that we sent
            data = b""
        if not data:
            raise self._ended_by_itself()
        self._inbox.add(data)

    def _ended_by_itself(self) -> ChildLost:
        """Return the error for a child that closed its end of the socket."""
        try:
            status = self._process.wait(_CLOSING)
        except subprocess.TimeoutExpired:
            return ChildLost("it closed its connection")
        if status == OUT_OF_MEMORY:
            return ChildLost("it ran out of memory", limit="memory_bytes")
        if status == -signal.SIGKILL:
            return ChildLost("it was killed by another process", from_outside=True)
        if status < 0:
            return ChildLost(f"it died of signal {-status}")
        return ChildLost(f"it ended with status {status}")

    def end(self) -> str:
        """End the child if it still runs, and return its last words (cleaned; empty if there are none)."""
        if os.getpid() != self._owner:  # after a fork: the child belongs to the other process
            self._release()
        if self._released:
            return ""
        self._process.kill()
        try:
            self._process.wait(_BURIAL)
        except subprocess.TimeoutExpired:
            _logger.error("the sandbox's child process %d could not be killed", self.pid)
        said = b""
        with contextlib.suppress(BlockingIOError):
            said = os.read(self._last_words, _LAST_WORDS)
        self._release()
        return cleaned(said.decode("utf-8", "replace"), _LAST_WORDS)

    def _release(self) -> None:
        if self._released:
            return
        self._released = True
        self._socket.close()
        os.close(self._last_words)
        self.progress.close()
