"""Readings over HTTP: `POST /machines/<id>/data` on the API, whose 202 says that the broker has it.

A request waits for its answer, so that a machine's readings cannot overtake each other. To be faster than
that, there are several lanes with a connection each, and each machine keeps to one of them.

What a lost answer means is unknown, so the reading is sent again and may arrive twice. An answer of 4xx
would be the same the next time: the reading counts as refused, and the next one is sent. All other
answers are tried again, also that the token is not enough (401, 403): that is not the reading's fault.
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
from devices.senders.sender import CONNECT_SECONDS, Line

#: Connections at a time.
_LANES: Final = 8

#: Readings that may wait in each lane: enough that it never waits for whoever hands in.
_WINDOW: Final = 64

#: Seconds that an answer may take. The API itself gives up on the broker earlier and says so.
_ANSWER_SECONDS: Final = 15.0

#: Seconds after which an idle connection is not used again: servers close them (uvicorn after 5 s), and a
#: request that meets the closing would have to be sent a second time.
_IDLE_SECONDS: Final = 2.0

#: Statuses below 500 that another attempt can change: the token, request timeout, too many requests.
_PASSING: Final = frozenset({401, 403, 408, 429})

_PORTS: Final = {"http": 80, "https": 443}

_logger = logging.getLogger(__name__)


class _Lane(Line):
    """One connection, one request at a time."""

    def __init__(self, api: Address, token: str) -> None:
        super().__init__(str(api), _WINDOW)
        self._api = api
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._tag = 0
        self._complaints = set[str]()

    def _wake(self) -> None:
        if self._closing.is_set():
            # Whoever waits for something to send looks at `_closing` afterwards.
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
        """Send the next reading and settle it by its answer."""
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
            # The API answers, but only a reading that it takes shows that all is well again.
            if self.trouble is not None:
                self._connected()
        elif 400 <= answer.status < 500 and answer.status not in _PASSING:
            self._complain(f"{self.address} refused a reading: {_detail(answer, body)}")
            self.outbox.refuse(self._tag)
        else:
            raise ConnectionLost(f"{self.address} accepts no readings at the moment: {_detail(answer, body)}")

    def _complain(self, complaint: str) -> None:
        # Once each: a file of a million bad lines has one thing to say.
        if complaint not in self._complaints:
            self._complaints.add(complaint)
            _logger.warning("%s", complaint)


def _detail(answer: http.client.HTTPResponse, body: bytes) -> str:
    """The status, and the detail of the RFC 9457 problem where the answer is one."""
    try:
        return f"{answer.status} {msgspec.json.decode(body, type=_Problem).detail}"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"{answer.status} {answer.reason}."


class _Problem(msgspec.Struct):
    detail: str


class HttpSender:
    """Posts to the API; `url` as http://host:port, `token` empty where none is needed.

    A `Sender`. Raises `AddressError`, also where the token is none; it is in no message.
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
        """Readings handed in and neither confirmed nor refused."""
        return sum(lane.unsettled for lane in self._lanes)

    @property
    def stalled(self) -> float:
        """Seconds for which a lane had nothing confirmed although something waits for it."""
        return max(lane.stalled for lane in self._lanes)

    @property
    def trouble(self) -> str | None:
        """The last thing that went wrong and has not been followed by a success, as a sentence."""
        return next((lane.trouble for lane in self._lanes if lane.trouble is not None), None)

    def open(self) -> None:
        """Connect. Raises `Unreachable` where the first lane cannot."""
        for lane in self._lanes:
            try:
                lane.open()
            except Unreachable:
                self.close()
                raise
            self._opened.append(lane)

    def send(self, machine: str, body: bytes, timeout: float | None = None) -> bool:
        """Hand in a reading. False, and not handed in, where its lane had no room for `timeout` seconds."""
        return self._lanes[zlib.crc32(machine.encode()) % len(self._lanes)].send(machine, body, timeout)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all readings are settled. False where that takes longer than `timeout` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        return all(
            lane.flush(None if end is None else max(0.0, end - time.monotonic())) for lane in self._lanes
        )

    def close(self) -> None:
        """End the connections, after the requests that are under way."""
        while self._opened:
            self._opened.pop().close()
