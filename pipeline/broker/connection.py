"""Connections to RabbitMQ. The one for readings and results has three optimisations of pika's message path:

- *All data written in one turn of the loop is sent together.* pika passes each frame to the kernel
  separately, and each published message has three frames. Sent together, they cost one system call for a
  whole batch, and the broker wakes up less often.
- *Frames of messages go directly to their handlers.* For each frame, pika first asks whether a callback is
  registered. This takes longer than all other work for a confirm.
- *The destination of a message is encoded once*, because it is the same for all results of a machine. Each
  message is encoded in one piece.

It also notices a silent broker sooner than pika, as `_Heartbeats` says.
"""

import contextlib
import random
import re
import time
from collections.abc import Callable
from copy import copy
from functools import lru_cache
from typing import Any, Final

import pika
import pika.exceptions
from pika.adapters.select_connection import IOLoop
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.channel import Channel
from pika.frame import Body, Header, Method
from pika.heartbeat import HeartbeatChecker
from pika.spec import Basic

from pipeline.broker import headers
from pipeline.errors import SettingsError
from pipeline.settings import addresses_of

headers.install()

#: The AMQP heartbeat in seconds. The broker gives a partition to another worker if it hears nothing from a
#: paused or disconnected worker for two heartbeats, which takes three at most. It sends us something twice in
#: a heartbeat.
HEARTBEAT_SECONDS: Final = 2

#: The checks for a silent broker in a heartbeat, and the checks without a byte that end the connection. Three
#: of the broker's frames are then missing.
_CHECKS: Final = 4
_SILENT_CHECKS: Final = 6

#: Seconds to connect to one node of several, for the TCP connection and for the login each.
_CONNECT_SECONDS: Final = 2

#: Seconds for which a node that did not answer, or whose connection was lost, is tried after the others.
_AVOID_SECONDS: Final = 30.0

#: The same for a connection that only the calling thread serves, which may be busy for longer.
_WAITING_HEARTBEAT: Final = 20

#: The reply of a broker that closes a connection, in the text of pika's errors: a code, and the reason.
_REPLY: Final = re.compile(r"\([0-9]+\) '(.+)'")

#: Maximum destinations, mostly machines, whose frames are cached: some hundred bytes each.
_PLACES: Final = 4096

#: When a connection of this process to each node last failed, or was lost.
_failed_at: dict[tuple[str, int], float] = {}


def parameters_of(amqp_url: str) -> list[pika.URLParameters]:
    """Return the connection parameters of each address in the setting, in random order.

    Nodes that failed in the last seconds come last. They have our heartbeat if the URL has none. If there are
    several, a node that does not answer must not hold up the connection to the next one.

    Raises `SettingsError` for an invalid scheme or parameter.
    """
    try:
        found = [pika.URLParameters(address) for address in addresses_of(amqp_url)]
    except (ValueError, TypeError, SyntaxError, OSError) as e:  # pika's own, and those of `ssl_options`
        raise SettingsError(
            f"IOT_LOGIC_AMQP_URL has an address with an invalid scheme or parameter: {e}."
        ) from e
    for parameters in found:
        if parameters.heartbeat is None:
            parameters.heartbeat = HEARTBEAT_SECONDS
        if len(found) > 1:
            parameters.socket_timeout = parameters.stack_timeout = _CONNECT_SECONDS
    random.shuffle(found)
    found.sort(key=_last_failure)
    return found


def _last_failure(parameters: pika.connection.Parameters) -> float:
    """Return when this node failed; 0 if it has not lately."""
    failed_at = _failed_at.get((parameters.host, parameters.port), 0.0)
    return failed_at if time.monotonic() - failed_at < _AVOID_SECONDS else 0.0


def _note_failure(parameters: pika.connection.Parameters) -> None:
    _failed_at[parameters.host, parameters.port] = time.monotonic()


class _Heartbeats(HeartbeatChecker):
    """Ends a connection on which nothing has arrived for one and a half heartbeats.

    pika itself ends it after up to twice the heartbeat and 10 seconds. It counts checks and not seconds: if
    this process was busy or paused, the broker's frames may have arrived and not be read yet.
    """

    def _start_check_timer(self) -> None:
        self._check_interval = self._timeout / _CHECKS
        super()._start_check_timer()  # type: ignore[no-untyped-call]

    @property
    def connection_is_idle(self) -> bool:
        """Whether nothing has arrived between many checks."""
        return bool(self._idle_byte_intervals >= _SILENT_CHECKS)


class _WatchedConnection(pika.SelectConnection):
    """pika's connection, with our check for a silent broker."""

    def _create_heartbeat_checker(self) -> HeartbeatChecker | None:
        """Return what ends the connection if the broker is silent. pika calls this after the login."""
        seconds = self.params.heartbeat
        return _Heartbeats(self, seconds) if seconds else None  # type: ignore[no-untyped-call]


class BlockingConnection(pika.BlockingConnection):
    """pika's connection for the calling thread. It has one kind of error: `AMQPConnectionError`.

    pika itself raises an error that is not an `AMQPError` if the broker accepts a connection and then sends
    nothing, and an `OSError` if the host does not exist.

    The broker ends the connection if the thread does not serve it for two times `heartbeat` seconds.
    `patience` is the maximum number of seconds to connect. `parameters` are those of the node, as given.
    """

    def __init__(
        self,
        parameters: pika.connection.Parameters,
        *,
        heartbeat: int = _WAITING_HEARTBEAT,
        patience: float | None = None,
    ) -> None:
        self.parameters: pika.connection.Parameters = parameters
        adapted = copy(parameters)
        adapted.heartbeat = heartbeat
        if patience is not None:
            adapted.socket_timeout = adapted.stack_timeout = patience
        try:
            super().__init__(adapted, _impl_class=_WatchedConnection)  # type: ignore[arg-type]
        except pika.exceptions.AMQPConnectionError:
            _note_failure(parameters)
            raise
        except (AMQPConnectorException, OSError) as e:
            _note_failure(parameters)
            raise pika.exceptions.AMQPConnectionError(e) from e


def connect(
    amqp_url: str, *, heartbeat: int = _WAITING_HEARTBEAT, patience: float | None = None
) -> BlockingConnection:
    """Return a connection to one of the addresses in the setting. They are tried in random order.

    Raises pika's `AMQPConnectionError` of the last address if none accepts it.
    """
    *others, last = parameters_of(amqp_url)
    for parameters in others:
        with contextlib.suppress(pika.exceptions.AMQPConnectionError):
            return BlockingConnection(parameters, heartbeat=heartbeat, patience=patience)
    return BlockingConnection(last, heartbeat=heartbeat, patience=patience)


def reason_of(error: BaseException) -> str:
    """Return why a connection to the broker failed or ended, without pika's names of errors around it."""
    while (inner := _inner(error)) is not None:
        error = inner
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    reply = _REPLY.search(str(error))
    return reply[1] if reply else str(error) or type(error).__name__


def _inner(error: BaseException) -> BaseException | None:
    """Return the error that pika has wrapped in this one; None if there is none."""
    wrapped = (*error.args, getattr(error, "exception", None), *getattr(error, "exceptions", ())[-1:])
    return next((each for each in wrapped if isinstance(each, BaseException)), None)


class Connection(_WatchedConnection):
    """A connection for the thread that runs `loop`.

    It calls `on_open`, and `on_end` with the reason, each at most once.
    """

    def __init__(
        self,
        parameters: pika.connection.Parameters,
        loop: IOLoop,
        on_open: Callable[[Any], None],
        on_end: Callable[[Any, BaseException], None],
    ) -> None:
        #: Called with the frames by which the broker confirms or refuses published messages.
        self.on_confirm: Callable[[Any], None] | None = None
        self._unsent: list[bytes] = []

        def ended(connection: Any, reason: BaseException) -> None:
            if not isinstance(reason, pika.exceptions.ConnectionClosedByClient):
                _note_failure(parameters)
            on_end(connection, reason)

        super().__init__(parameters, on_open, ended, ended, custom_ioloop=loop)

    def abort(self, reason: str) -> None:
        """End the connection at once. An orderly close waits for the broker, behind messages on their way."""
        if not self.is_closed:
            self._terminate_stream(pika.exceptions.StreamLostError(reason))

    def _process_frame(self, frame_value: Any) -> None:
        """Handle an arrived frame. pika calls this for every frame."""
        method = getattr(frame_value, "method", None)
        if type(method) is Basic.Deliver or (method is None and frame_value.channel_number):
            self.frames_received += 1
            self._deliver_frame_to_channel(frame_value)
        elif self.on_confirm is not None and type(method) in (Basic.Ack, Basic.Nack):
            self.frames_received += 1
            self.on_confirm(frame_value)
        else:
            super()._process_frame(frame_value)

    def _send_message(self, channel_number: int, method_frame: Any, content: Any) -> None:
        """Send a published message. pika calls this for every message."""
        properties, body = content
        if not 0 < len(body) <= self._body_max_length:
            super()._send_message(channel_number, method_frame, content)
            return
        frames = (
            _publish_frame(
                channel_number, method_frame.exchange, method_frame.routing_key, method_frame.mandatory
            ),
            Header(channel_number, len(body), properties).marshal(),
            Body(channel_number, body).marshal(),
        )
        self._output_marshaled_frames([b"".join(frames)])

    def _adapter_emit_data(self, data: bytes) -> None:
        """Send data. pika's hook for adapters: every frame passes through here on its way to the socket."""
        if not self._unsent:
            self.ioloop.call_later(0, self._send)
        self._unsent.append(data)

    def _send(self) -> None:
        data = b"".join(self._unsent)
        self._unsent.clear()
        if self._transport is not None:  # else the connection was lost in the same turn
            super()._adapter_emit_data(data)


@lru_cache(_PLACES)
def _publish_frame(channel_number: int, exchange: str, key: str, mandatory: bool) -> bytes:
    """Return the first frame of a message: its destination."""
    return Method(channel_number, Basic.Publish(0, exchange, key, mandatory)).marshal()


def close_at_once(channel: Channel) -> None:
    """Close a channel without cancelling its consumers first. pika itself would cancel them.

    If the consumer of a queue with a single active consumer is cancelled, the queue activates the next
    consumer while this one still has unacknowledged readings: they would then be returned behind later ones.
    When a channel closes, the broker takes back unacknowledged messages before it activates another consumer.
    """
    if channel.is_open:
        channel._cancelled.update(channel.consumer_tags)  # pika skips consumers marked as cancelled
        channel.close()
