"""A connection of the API that waits for its client only so long. uvicorn's own waits for ever.

Whoever opens connections and sends or reads slowly, or nothing, holds memory and file descriptors at no cost
of his own. So a client has a number of seconds (the setting `api_patience`) for each of these:

- to begin a request, on a new connection and after each answer: uvicorn's keep-alive, here from the start;
- to send a request to its last byte, from its first: else it is answered with 408. The deadline is one for
  all of it. One for each byte or line would let a client trickle;
- to take in what was sent to it, or a good part of that: else it is cut off.

And there are only so many connections (`api_connections`): one more is answered with 503.

An answer itself may take as long as it likes, and a stream of events is one that never ends: while a handler
works or has nothing to say, nothing is waited for from the client.
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

#: Of a socket that is closed: drop what was not sent, and tell the other side so.
_AT_ONCE: Final = struct.pack("ii", 1, 0)

#: Bytes that a client takes in at the least, in its number of seconds.
_LEAST: Final = 64 * 1024

#: States of a connection in which a response can be begun.
_SILENT: Final = (h11.IDLE, h11.SEND_RESPONSE)


class _Deadline:
    """Does something after some seconds, unless it is dropped before. Setting it again changes nothing."""

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
    """One connection. The class that `bounded` makes is what uvicorn gets."""

    patience: float
    most: int

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.timeout_keep_alive = self.patience  # type: ignore[assignment]  # it is only added to a time
        self._request = _Deadline(self.loop, self.patience, self._on_request_deadline)
        self._reading_on = _Deadline(self.loop, self.patience, self._on_reading_deadline)
        self._unwritten = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Wait for a request, unless there are enough connections."""
        super().connection_made(transport)
        # Whatever the client has not taken in is noticed then (`pause_writing`), be it the end of an answer.
        transport.set_write_buffer_limits(high=0)
        if len(self.connections) > self.most:
            self._refuse(
                503, f"The API process already has {self.most} connections, the maximum. Try again later."
            )
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._request.drop()
        self._reading_on.drop()
        super().connection_lost(exc)
        # uvicorn leaves this one where the connection was cut.
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        """Take what the client sends, and wait for the rest of the request."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request, which may be here already, or for the rest of one answered early."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """The client has not taken in all that was sent: see how much it does."""
        super().pause_writing()
        self._unwritten = self.transport.get_write_buffer_size()
        self._reading_on.set()

    def resume_writing(self) -> None:
        """It has taken it in."""
        super().resume_writing()
        self._reading_on.drop()

    def _watch(self) -> None:
        """See what the client has to do now, and wait for that alone.

        The deadline of a request is set when its first byte has come, and stays until its last has.
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
            # Without this the kernel would keep what it has, and go on offering it.
            self.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, _AT_ONCE)
            self.transport.abort()
        else:
            self._reading_on.set()

    def _refuse(self, status: int, detail: str) -> None:
        """Answer instead of the application, where it has not begun to, and close the connection."""
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
    """The class of connections that wait `patience` seconds for their clients, and of which `most` may be."""
    return type("BoundedConnection", (HttpConnection,), {"patience": patience, "most": most})
