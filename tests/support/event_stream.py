"""A reader of server-sent events, as an external program would write one, based only on the standard."""

import json
import re
from http.client import HTTPConnection, HTTPException
from socket import SHUT_RDWR
from threading import Thread
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from tests.support.waiting import wait_until

#: The only line ends (WHATWG HTML, section 9.2.5).
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Event(NamedTuple):
    """One event: its type, its decoded data, and the last id so far."""

    type: str
    data: Any
    id: str


class EventStream:
    """Reads a stream from its first byte until `close`, on its own thread."""

    def __init__(self, base_url: str, path: str, last_event_id: str | None = None, **headers: str) -> None:
        self.events: list[Event] = []
        self.comments = 0
        self.ended = False
        self._id = ""
        url = urlsplit(base_url)
        assert url.hostname
        self._connection = HTTPConnection(url.hostname, url.port, timeout=60)
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        self._connection.request("GET", path, headers=headers)
        self._socket = self._connection.sock
        self._response = self._connection.getresponse()
        self.status = self._response.status
        self.headers = self._response.headers
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        text = b""
        while data := self._read():
            *blocks, text = (text + data).split(b"\n\n")
            for block in blocks:
                self._take(block)
        self.ended = True

    def _read(self) -> bytes:
        try:
            return self._response.read1(65536)
        except (OSError, HTTPException):
            return b""

    def _take(self, block: bytes) -> None:
        fields = dict[bytes, list[bytes]]()
        for line in _LINE_END.split(block):
            name, _, value = line.partition(b":")
            fields.setdefault(name, []).append(value.removeprefix(b" "))
        self.comments += b"" in fields
        self._id = fields.get(b"id", [self._id.encode()])[-1].decode()
        if b"data" in fields:
            [event] = fields[b"event"]
            self.events.append(Event(event.decode(), json.loads(b"\n".join(fields[b"data"])), self._id))

    def wait_for(self, count: int) -> list[Event]:
        """Return all events so far, once there are `count`."""
        wait_until(lambda: len(self.events) >= count)
        return list(self.events)

    def close(self) -> None:
        """Cut the connection, as a vanishing client would."""
        self._socket.shutdown(SHUT_RDWR)
        self._thread.join(10)
        self._response.close()
        self._connection.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
