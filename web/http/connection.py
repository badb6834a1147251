"""An HTTP connection that limits how long it waits for its client. uvicorn's own waits indefinitely.

A client that opens connections and sends or reads slowly, or not at all, occupies memory and file descriptors
at no cost to itself. So a client has a number of seconds (the setting `api_patience`) for each of these:

- to begin a request, on a new connection and after each response: uvicorn's keep-alive, which here also
  applies to a new connection;
- to send a request from its first byte to its last; otherwise the answer is 408. One deadline applies to the
  whole request. With a deadline for each byte or line, a client could trickle its request;
- to read the data sent to it, or a good part of it; otherwise the connection is aborted.

The number of connections is limited too (`api_connections`); one more is answered with 503.

A response itself may take any time, and a stream of events never ends: while a handler works or has nothing
to send, there is no deadline for the client.
"""

import struct
from asyncio import AbstractEventLoop, TimerHandle, Transport
from collections.abc import Callable
from socket import SO_LINGER, SOL_SOCKET
from typing import Any, Final

import h11
import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol

from web.http.problems import MEDIA_TYPE, problem

#: A socket option: on closing, drop unsent data and reset the connection.
_AT_ONCE: Final = struct.pack("ii", 1, 0)

#: The minimum number of bytes that a client must read within `api_patience` seconds.
_LEAST: Final = 64 * 1024

#: The maximum number of bytes that are received at once.
_RECEIVED_AT_ONCE: Final = 32 * 1024

#: States of a connection in which a response can begin.
_SILENT: Final = (h11.IDLE, h11.SEND_RESPONSE)


class _Deadline:
    """Runs an action after some seconds, unless it is dropped before. Setting it again changes nothing."""

    def __init__(self, loop: AbstractEventLoop, seconds: float, action: Callable[[], None]) -> None:
        self._loop, self._seconds, self._action = loop, seconds, action
        self._timer: TimerHandle | None = None

    def set(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._on_time)

    def drop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_time(self) -> None:
        self._timer = None
        self._action()


class HttpConnection(H11Protocol):
    """One connection. uvicorn uses the class that `bounded` returns."""

    patience: float
    most: int

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.timeout_keep_alive = self.patience  # type: ignore[assignment]  # it is only added to a time
        self._request = _Deadline(self.loop, self.patience, self._on_request_deadline)
        self._reading_on = _Deadline(self.loop, self.patience, self._on_reading_deadline)
        self._unwritten = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Wait for a request, unless there are too many connections."""
        super().connection_made(transport)
        # With this limit, `pause_writing` is called for any unread data, even the end of a response.
        transport.set_write_buffer_limits(high=0)
        # asyncio's own 256 KiB would take much memory on each connection that sends a large body.
        transport.max_size = _RECEIVED_AT_ONCE  # type: ignore[attr-defined]  # of the transports of sockets
        if len(self.connections) > self.most:
            self._refuse(
                503, f"The API process already has {self.most} connections, the maximum. Try again later."
            )
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel all deadlines."""
        self._request.drop()
        self._reading_on.drop()
        super().connection_lost(exc)
        # uvicorn does not cancel this timer if the connection is cut.
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        """Pass on the client's data, and wait for the rest of the request."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of a request that was answered early.

        The next request may have arrived already.
        """
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """Start the deadline for reading, because the client has not read all data."""
        super().pause_writing()
        self._unwritten = self.transport.get_write_buffer_size()
        self._reading_on.set()

    def resume_writing(self) -> None:
        """Cancel the deadline for reading, because the client has read the data."""
        super().resume_writing()
        self._reading_on.drop()

    def _watch(self) -> None:
        """Set the deadline for the client's next action, and only that one.

        The deadline of a request is set when its first byte arrives, and stays until its last byte.
        """
        theirs = self.conn.their_state
        begun = theirs is h11.SEND_BODY or (theirs is h11.IDLE and self.conn.trailing_data[0] != b"")
        if self.transport.is_closing() or not begun:
            self._request.drop()
        else:
            self._request.set()
        idle = theirs is h11.IDLE and self.conn.our_state is h11.IDLE and not begun
        if idle and self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.patience, self.timeout_keep_alive_handler
            )

    def _on_request_deadline(self) -> None:
        self._refuse(408, f"The request was not complete after {self.patience:g} seconds. Send it again.")

    def _on_reading_deadline(self) -> None:
        before, self._unwritten = self._unwritten, self.transport.get_write_buffer_size()
        if before - self._unwritten < _LEAST:
            # Otherwise the kernel would keep the unread data and continue to send it.
            self.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, _AT_ONCE)
            self.transport.abort()
        else:
            self._reading_on.set()

    def _refuse(self, status: int, detail: str) -> None:
        """Answer in place of the application, unless its response has begun, and close the connection."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in _SILENT:
            body = msgspec.json.encode(problem(status, detail))
            headers = [
                (b"content-type", MEDIA_TYPE.encode()),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ]
            for event in (
                h11.Response(status_code=status, headers=headers),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def bounded(patience: float, most: int) -> type[HttpConnection]:
    """Return the class of connections that wait `patience` seconds for clients; at most `most` are open."""
    return type("BoundedConnection", (HttpConnection,), {"patience": patience, "most": most})
