"""Readings over HTTP: `POST /machines/<id>/data` on the API. Status 202 says that the broker has the reading.

Each request waits for its answer, so that a machine's readings cannot overtake each other. To be faster, the
sender has several lanes with one connection each, and each machine always uses the same lane.

If an answer is lost, nobody knows whether the reading arrived, so the sender sends it again, and it may
arrive twice. An answer of 4xx would be the same the next time: the reading counts as refused, and the sender
goes on with the next one. After all other answers the sender tries again, and also if the token is not
sufficient (401, 403), which is not the reading's fault, or after 408 and 429.
"""

import http.client
import logging
import time
import zlib
from typing import Final

import msgspec

from devices.errors import AddressError, ConnectionLost, Unreachable
from devices.outbox import Counts
from devices.senders.address import Address
from devices.senders.sender import CONNECT_SECONDS, ThreadSender

#: Connections at a time.
_LANES: Final = 8

#: Readings that may wait in each lane: enough that a lane never waits for its caller.
_WINDOW: Final = 64

#: Seconds that an answer may take. The API itself gives up on the broker earlier and reports that.
_ANSWER_SECONDS: Final = 15.0

#: Seconds after which an idle connection is not used again. Servers close idle connections (uvicorn after 5
#: s), and a request on a closing connection would have to be sent again.
_IDLE_SECONDS: Final = 2.0

#: Statuses below 500 that another attempt can change: the token, request timeout, too many requests.
_PASSING: Final = frozenset({401, 403, 408, 429})

_PORTS: Final = {"http": 80, "https": 443}

_logger = logging.getLogger(__name__)


class _Lane(ThreadSender):
    """A `ThreadSender` with one connection that sends one request at a time."""

    def __init__(self, api: Address, token: str) -> None:
        super().__init__([str(api)], _WINDOW)
        self._api = api
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._tag = 0
        self._complaints = set[str]()

    def _wake(self) -> None:
        if self._closing.is_set():
            # The thread that waits for a reading checks `_closing` afterwards.
            self.outbox.interrupt()

    def _serve(self) -> None:
        kind = http.client.HTTPSConnection if self._api.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._api.host, self._api.port, timeout=CONNECT_SECONDS)
        try:
            connection.connect()
            connection.sock.settimeout(_ANSWER_SECONDS)
            if not self._tried.is_set():
                self._connected()
            used = time.monotonic()
            while not self._closing.is_set():
                self.outbox.wait_waiting()
                if time.monotonic() - used > _IDLE_SECONDS:
                    return
                self._post(connection)
                used = time.monotonic()
        except (OSError, http.client.HTTPException) as e:
            raise ConnectionLost(
                f"{self.address} is unreachable or closed the connection ({e}). Check that the API is "
                "running."
            ) from e
        finally:
            connection.close()

    def _post(self, connection: http.client.HTTPConnection) -> None:
        """Send the next reading, and confirm or refuse it by its answer. Raises `ConnectionLost`."""
        self._tag += 1
        parcel = self.outbox.take(self._tag)
        if parcel is None:
            return
        path = f"{self._api.path}/machines/{parcel.machine}/data"
        connection.request("POST", path, parcel.body, self._headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == http.HTTPStatus.ACCEPTED:
            self.outbox.confirm(self._tag)
            # Any answer shows that the API runs, but only an accepted reading shows that it works again.
            if self.trouble is not None:
                self._connected()
        elif 400 <= answer.status < 500 and answer.status not in _PASSING:
            self._complain(f"{self.address} refused a reading: {_detail(answer, body)}")
            self.outbox.refuse(self._tag)
        else:
            raise ConnectionLost(f"{self.address} accepts no readings at the moment: {_detail(answer, body)}")

    def _complain(self, complaint: str) -> None:
        # Log each complaint once: a file with a million bad lines causes only one.
        if complaint not in self._complaints:
            self._complaints.add(complaint)
            _logger.warning("%s", complaint)


def _detail(answer: http.client.HTTPResponse, body: bytes) -> str:
    """Return the status, and the detail of the RFC 9457 problem if the answer is one."""
    try:
        return f"{answer.status} {msgspec.json.decode(body, type=_Problem).detail}"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"{answer.status} {answer.reason}."


class _Problem(msgspec.Struct):
    detail: str


class HttpSender:
    """A `Sender` that posts to the API. `url` is http://host:port; `token` is empty if none is needed.

    Raises `AddressError`, also if the token is malformed. No message contains the token.
    """

    def __init__(self, url: str, token: str = "", lanes: int = _LANES) -> None:
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise AddressError(
                "IOT_LOGIC_API_TOKEN is malformed. It must be the single word that `iot-logic token create` "
                "printed."
            )
        api = Address.parse(url, _PORTS)
        self.address = str(api)
        self._lanes = [_Lane(api, token) for _ in range(lanes)]
        self._opened: list[_Lane] = []

    @property
    def counts(self) -> Counts:
        """The counts so far."""
        return sum((lane.counts for lane in self._lanes), Counts())

    @property
    def unsettled(self) -> int:
        """The number of readings that are neither confirmed nor refused yet."""
        return sum(lane.unsettled for lane in self._lanes)

    @property
    def stalled(self) -> float:
        """Seconds for which a lane had no answer although readings wait for one; the longest of all lanes."""
        return max(lane.stalled for lane in self._lanes)

    @property
    def trouble(self) -> str | None:
        """The last failure, as a sentence, if no success has followed it."""
        return next((lane.trouble for lane in self._lanes if lane.trouble is not None), None)

    def open(self) -> None:
        """Connect. Raises `Unreachable` if a lane cannot connect."""
        for lane in self._lanes:
            try:
                lane.open()
            except Unreachable:
                self.close()
                raise
            self._opened.append(lane)

    def send(self, machine: str, body: bytes, timeout: float | None = None) -> bool:
        """Add a reading. Return False, and do not add it, if its lane has no room for `timeout` seconds."""
        return self._lanes[zlib.crc32(machine.encode()) % len(self._lanes)].send(machine, body, timeout)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all readings are confirmed or refused. Return False after `timeout` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        return all(
            lane.flush(None if end is None else max(0.0, end - time.monotonic())) for lane in self._lanes
        )

    def close(self) -> None:
        """End the connections, after the requests in progress."""
        while self._opened:
            self._opened.pop().close()
