"""The common part of all senders.

A `ThreadSender` is one connection on a thread of its own, with an outbox. It connects, sends the readings in
the outbox, and handles the answers. When the connection ends, it connects again and sends the unconfirmed
readings again (see `devices.outbox` for the possible repeats). It goes on until it is closed. Its user
decides how long an outage may last, with the help of `stalled`.
"""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from threading import Event, Thread
from typing import Final, Protocol

from devices.errors import ConnectionLost, Unreachable
from devices.outbox import Counts, Outbox

#: Seconds between two attempts to connect, and before postponed readings are sent again.
RETRY_SECONDS: Final = 0.5

#: Seconds that connecting may take.
CONNECT_SECONDS: Final = 10.0

#: Seconds without an answer to the readings in flight after which the sender connects again. The connection
#: may have ended silently (a cable, a frozen host), which heartbeats notice only after minutes. A busy broker
#: answers much sooner, and users wait longer than this.
ANSWER_SECONDS: Final = 10.0

_logger = logging.getLogger(__name__)


class Sender(Protocol):
    """Sends readings. Call the methods from one thread at a time; `counts` is for any thread."""

    @property
    def address(self) -> str:
        """The address that it sends to, without the password."""

    @property
    def counts(self) -> Counts:
        """The counts so far."""

    @property
    def unsettled(self) -> int:
        """The number of readings that are neither confirmed nor refused yet."""

    @property
    def stalled(self) -> float:
        """Seconds without an answer although readings wait for one; 0 if no reading waits."""

    @property
    def trouble(self) -> str | None:
        """The last failure, as a sentence, if no success has followed it."""

    def open(self) -> None:
        """Connect. Raises `Unreachable` if the first attempt fails; later ones are repeated."""

    def send(self, machine: str, body: bytes, timeout: float | None = None) -> bool:
        """Add a reading. Return False, and do not add it, if there is no room for `timeout` seconds."""

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all readings are confirmed or refused. Return False after `timeout` seconds."""

    def close(self) -> None:
        """End the connection now. Unconfirmed readings stay unconfirmed."""


class ThreadSender(ABC):
    """A `Sender` with one connection, an outbox and a thread.

    It connects to one of `addresses`, in their order, and to the next one if the connection fails.
    """

    def __init__(self, addresses: Sequence[str], window: int, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._addresses = addresses
        #: The index of the address to connect to, and the number of failed attempts.
        self._place = self._failures = 0
        self._answer_seconds = answer_seconds
        self._connected_at = 0.0
        self.outbox = Outbox(window)
        self.trouble: str | None = None
        self._closing = Event()
        self._tried = Event()
        self._thread = Thread(target=self._run, name=f"sender to {self.address}", daemon=True)

    @property
    def address(self) -> str:
        """The address that the sender is connected to, or tries to connect to."""
        return self._addresses[self._place]

    @property
    def counts(self) -> Counts:
        """The counts so far."""
        return self.outbox.counts

    @property
    def unsettled(self) -> int:
        """The number of readings that are neither confirmed nor refused yet."""
        return self.outbox.unsettled

    @property
    def stalled(self) -> float:
        """Seconds without an answer although readings wait for one; 0 if no reading waits."""
        return self.outbox.stalled

    def open(self) -> None:
        """Start the thread and wait until it has connected, or has tried all addresses once.

        Raises `Unreachable` if it has not connected. The message says what to do.
        """
        self._thread.start()
        self._tried.wait()
        if self.trouble is not None:
            trouble = self.trouble
            self.close()
            raise Unreachable(trouble)

    def send(self, machine: str, body: bytes, timeout: float | None = None) -> bool:
        """Add a reading. Return False, and do not add it, if there is no room for `timeout` seconds."""
        taken = self.outbox.put(machine, body, timeout)
        if taken:
            self._wake()
        return taken

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all readings are confirmed or refused. Return False after `timeout` seconds."""
        return self.outbox.wait_empty(timeout)

    def close(self) -> None:
        """End the connection now. Unconfirmed readings stay unconfirmed."""
        self._closing.set()
        self._wake()
        self._thread.join()

    @abstractmethod
    def _serve(self) -> None:
        """Connect, call `_connected`, and send until closed. Raises `ConnectionLost` with the reason."""

    @abstractmethod
    def _wake(self) -> None:
        """Make the thread check the outbox and `_closing`. Called from any thread, at any time."""

    # All methods below run on the line's own thread.

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._serve_once()
                if not self._tried.is_set() and self._failures >= len(self._addresses):
                    return
                if self.trouble is not None and self._failures % len(self._addresses) == 0:
                    self._closing.wait(RETRY_SECONDS)
        finally:
            if not self._tried.is_set() and self.trouble is None:
                self.trouble = f"{self.address} is unreachable."
            self._tried.set()

    def _serve_once(self) -> None:
        try:
            self._serve()
        except ConnectionLost as e:
            if str(e) != self.trouble and self._tried.is_set():
                _logger.warning("%s Reconnecting; unconfirmed readings will be sent again.", e)
            self.trouble = str(e)
            self._failures += 1
            self._place = (self._place + 1) % len(self._addresses)
        self.outbox.resume()

    def _connected(self) -> None:
        if self.trouble is not None:
            _logger.warning("Reconnected to %s.", self.address)
        self.trouble = None
        self._connected_at = time.monotonic()
        self._tried.set()

    def _silence(self) -> str | None:
        """Return a message if the other side has stopped answering, or None."""
        waited = min(self.outbox.stalled, time.monotonic() - self._connected_at)
        if self.outbox.in_flight and waited > self._answer_seconds:
            return f"{self.address} has confirmed nothing for {self._answer_seconds:g} s."
        return None
