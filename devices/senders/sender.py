"""What all senders have in common.

A `Line` is one connection on a thread of its own, with an outbox. It connects, sends what is in the outbox,
settles what the other side answers, and when the connection ends it connects again and sends again what
was not confirmed (see `devices.outbox` for what that can repeat). It goes on until it is closed: how long
an outage may last is for its user to say, who sees it in `stalled`.
"""

import logging
import time
from abc import ABC, abstractmethod
from threading import Event, Thread
from typing import Final, Protocol

from devices.errors import ConnectionLost, Unreachable
from devices.outbox import Counts, Outbox

#: Seconds between two attempts to connect, and before what was refused for now is sent again.
RETRY_SECONDS: Final = 0.5

#: Seconds that a connection may take to be made.
CONNECT_SECONDS: Final = 10.0

#: Seconds without any answer to what is in flight after which a connection is given up and made anew. It may
#: have ended without a word (a cable, a frozen host), which heartbeats notice only after minutes. Well above
#: what a busy broker takes, well below anybody's patience.
ANSWER_SECONDS: Final = 10.0

_logger = logging.getLogger(__name__)


class Sender(Protocol):
    """Sends readings. All methods may be called from one thread at a time, `counts` from any."""

    #: Where it sends, without the password.
    address: str

    @property
    def counts(self) -> Counts:
        """The counts so far."""

    @property
    def unsettled(self) -> int:
        """Readings handed in and neither confirmed nor refused."""

    @property
    def stalled(self) -> float:
        """Seconds for which nothing was confirmed although something waits for it."""

    @property
    def trouble(self) -> str | None:
        """The last thing that went wrong and has not been followed by a success, as a sentence."""

    def open(self) -> None:
        """Connect. Raises `Unreachable` where the first attempt fails; later ones are repeated."""

    def send(self, machine: str, body: bytes, timeout: float | None = None) -> bool:
        """Hand in a reading. False, and not handed in, where there was no room for `timeout` seconds."""

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all readings are settled. False where that takes longer than `timeout` seconds."""

    def close(self) -> None:
        """End the connection, now; what is not confirmed yet stays unconfirmed."""


class Line(ABC):
    """One connection with its outbox and thread; a `Sender`."""

    def __init__(self, address: str, window: int, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.address = address
        self._answer_seconds = answer_seconds
        self._connected_at = 0.0
        self.outbox = Outbox(window)
        self.trouble: str | None = None
        self._closing = Event()
        self._tried = Event()
        self._thread = Thread(target=self._run, name=f"sender to {address}", daemon=True)

    @property
    def counts(self) -> Counts:
        """The counts so far."""
        return self.outbox.counts

    @property
    def unsettled(self) -> int:
        """Readings handed in and neither confirmed nor refused."""
        return self.outbox.unsettled

    @property
    def stalled(self) -> float:
        """Seconds for which nothing was confirmed although something waits for it."""
        return self.outbox.stalled

    def open(self) -> None:
        """Start the thread and wait for its first attempt to connect.

        Raises `Unreachable`, with what to do, where that fails.
        """
        self._thread.start()
        self._tried.wait()
        if self.trouble is not None:
            trouble = self.trouble
            self.close()
            raise Unreachable(trouble)

    def send(self, machine: str, body: bytes, timeout: float | None = None) -> bool:
        """Hand in a reading. False, and not handed in, where there was no room for `timeout` seconds."""
        taken = self.outbox.put(machine, body, timeout)
        if taken:
            self._wake()
        return taken

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all readings are settled. False where that takes longer than `timeout` seconds."""
        return self.outbox.wait_empty(timeout)

    def close(self) -> None:
        """End the connection, now; what is not confirmed yet stays unconfirmed."""
        self._closing.set()
        self._wake()
        self._thread.join()

    @abstractmethod
    def _serve(self) -> None:
        """Connect, call `_connected`, and send until closed. Raises `ConnectionLost`, saying why."""

    @abstractmethod
    def _wake(self) -> None:
        """Have the thread look at the outbox, or at `_closing`. Called from any thread, at any time."""

    # All below runs on the line's own thread.

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._serve_once()
                if not self._tried.is_set():
                    return
                if self.trouble is not None:
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
        self.outbox.resume()

    def _connected(self) -> None:
        if self.trouble is not None:
            _logger.warning("Reconnected to %s.", self.address)
        self.trouble = None
        self._connected_at = time.monotonic()
        self._tried.set()

    def _silence(self) -> str | None:
        """What to say of a connection on which nothing is answered any more; None while that is not so."""
        waited = min(self.outbox.stalled, time.monotonic() - self._connected_at)
        if self.outbox.in_flight and waited > self._answer_seconds:
            return f"{self.address} has confirmed nothing for {self._answer_seconds:g} s."
        return None
