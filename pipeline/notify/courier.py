"""Starts a process for each delivery, and stops it if it takes too long (`pipeline.notify.deliver`)."""

import json
import logging
import os
import signal
import subprocess
import sys
from contextlib import suppress
from threading import BoundedSemaphore, Lock
from typing import Any, Final

import msgspec
from msgspec import Struct

from pipeline.errors import Busy
from sandbox.words import cleaned

#: Seconds that a delivery may take from the start of its process to its end.
SECONDS: Final = 20.0

#: Deliveries at a time for users who wait for the result.
_ASKED: Final = 4

#: Bytes of a result that are read, and characters of its texts that are kept.
_RESULT_BYTES: Final = 65_536
_TEXT: Final = 600

#: The only variables of the environment that a delivery gets.
_VARIABLES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "LANG", "LC_ALL", "TZ")

_logger = logging.getLogger(__name__)


class DeliveryResult(Struct, frozen=True):
    """The result of an attempt.

    `answer` is what the target said. `error` is why it failed, and `final` whether it is of no use to try
    again. `again` is the number of seconds after which the target wants another attempt.
    """

    ok: bool
    answer: str = ""
    error: str = ""
    final: bool = False
    again: int | None = None


class Courier:
    """Makes deliveries. Safe to share between threads; each call blocks until its delivery has ended."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._lock = Lock()
        self._asked = BoundedSemaphore(_ASKED)
        self._running = set[subprocess.Popen[bytes]]()
        self._is_closed = False

    def deliver(self, job: dict[str, Any]) -> DeliveryResult:
        """Make a delivery, and return its result. The process is killed if it takes too long."""
        # Files in memory, and not pipes: nobody waits for the other side to read or write.
        with (
            os.fdopen(os.memfd_create("job"), "w+b") as given,
            os.fdopen(os.memfd_create("result"), "rb") as said,
        ):
            given.write(json.dumps({**job, "seconds": self._seconds}).encode())
            given.seek(0)
            process = self._start(given.fileno(), said.fileno())
            if process is None:
                return DeliveryResult(False, error="the API process stops")
            try:
                status = process.wait(self._seconds)
            except subprocess.TimeoutExpired:
                return DeliveryResult(
                    False, error=f"it did not end within {self._seconds:g} s and was stopped"
                )
            finally:
                _kill(process)
                with self._lock:
                    self._running.discard(process)
            said.seek(0)
            return _result(said.read(_RESULT_BYTES), status)

    def ask(self, job: dict[str, Any]) -> DeliveryResult:
        """Make a delivery for a user who waits for its result. Raises `Busy` if too many wait."""
        if not self._asked.acquire(blocking=False):
            raise Busy(f"{_ASKED} routes are being tried or checked already", int(self._seconds))
        try:
            return self.deliver(job)
        finally:
            self._asked.release()

    def close(self) -> None:
        """Stop all deliveries that run. Another process makes them again."""
        with self._lock:
            self._is_closed = True
            for each in self._running:
                _kill(each)

    @property
    def is_closed(self) -> bool:
        """Whether deliveries were stopped."""
        return self._is_closed

    def _start(self, given: int, said: int) -> subprocess.Popen[bytes] | None:
        environ = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
        if "SSL_CERT_FILE" in environ:
            environ["REQUESTS_CA_BUNDLE"] = environ["SSL_CERT_FILE"]  # the name in Apprise's HTTP client
        with self._lock:
            if self._is_closed:
                return None
            process = subprocess.Popen(
                [sys.executable, "-I", "-B", "-m", "pipeline.notify.deliver"],
                env=environ,
                cwd="/",
                stdin=given,
                stdout=said,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self._running.add(process)
            return process


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it has started."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _result(said: bytes, status: int) -> DeliveryResult:
    try:
        found = msgspec.json.decode(said, type=DeliveryResult)
    except msgspec.MsgspecError:
        _logger.warning("a delivery ended with the status %d and without a result", status)
        return DeliveryResult(False, error=f"its process ended with the status {status} and without a result")
    return msgspec.structs.replace(
        found, answer=cleaned(found.answer, _TEXT), error=cleaned(found.error, _TEXT)
    )
