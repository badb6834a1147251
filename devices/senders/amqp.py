"""Readings over AMQP 0-9-1, persistent and with publisher confirms.

Every reading is published `mandatory`: otherwise RabbitMQ confirms a reading that no queue takes, and drops
it. If RabbitMQ refuses a reading (a queue is full) or returns it (no queue is bound), the sender postpones
the reading until all others are answered, and then sends it again in order.

Up to `window` readings are unconfirmed at a time. The broker confirms many of them at once, so the sender
never waits for each confirm.
"""

import time
import uuid
from functools import partial
from typing import Any, Final

import pika
import pika.exceptions
from pika.adapters.utils.connection_workflow import AMQPConnectionWorkflowFailed, AMQPConnectorPhaseErrorBase
from pika.channel import Channel
from pika.spec import Basic

from devices.errors import AddressError, ConnectionLost
from devices.senders.address import Address
from devices.senders.sender import ANSWER_SECONDS, CONNECT_SECONDS, RETRY_SECONDS, ThreadSender
from pipeline import clock, wire

#: Unconfirmed readings at a time. More were not faster, and a lost connection repeats up to this many.
_WINDOW: Final = 1000

#: Readings published before the sender handles the confirms received meanwhile.
_AT_ONCE: Final = 100

#: Seconds between two checks whether the broker still answers.
_CHECK_SECONDS: Final = 1.0

#: Seconds that the broker may take to close a connection.
_CLOSE_SECONDS: Final = 2.0

#: AMQP's delivery mode for messages that are written to disk.
_PERSISTENT: Final = 2

_PORTS: Final = {"amqp": 5672, "amqps": 5671}


class AmqpSender(ThreadSender):
    """Publishes to RabbitMQ. `url` is amqp://user:password@host:port/vhost, or several. See `ThreadSender`.

    Raises `AddressError`.
    """

    def __init__(self, url: str, window: int = _WINDOW, answer_seconds: float = ANSWER_SECONDS) -> None:
        addresses = Address.parse_all(url, _PORTS)
        super().__init__([str(address) for address, _ in addresses], window, answer_seconds)
        self._parameters = [_parameters(address, each) for address, each in addresses]
        self._connection: pika.SelectConnection | None = None
        self._channel: Channel | None = None
        self._tag = 0
        self._scheduled: pika.SelectConnection | None = None
        self._resuming = False
        self._blocked = False
        self._reason: BaseException | str | None = None
        # Distinguishes this run's message ids from those of all other runs.
        self._run_id = uuid.uuid4().hex

    def _wake(self) -> None:
        # One scheduled call is enough for all readings that are added before it runs.
        connection = self._connection
        if connection is not None and (self._scheduled is not connection or self._closing.is_set()):
            self._scheduled = connection
            connection.ioloop.add_callback_threadsafe(self._publish)

    def _serve(self) -> None:
        connection = pika.SelectConnection(
            self._parameters[self._place],
            on_open_callback=self._on_open,
            on_open_error_callback=self._on_end,
            on_close_callback=self._on_end,
        )
        self._resuming = self._blocked = False
        self._reason = None
        self._connection = connection
        try:
            connection.ioloop.start()
        finally:
            self._connection = self._channel = None
            connection.ioloop.close()
        if not self._closing.is_set():
            raise ConnectionLost(self._explain(self._reason))

    def _on_open(self, connection: Any) -> None:
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        channel.add_on_close_callback(self._on_channel_end)
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_confirm, callback=partial(self._on_ready, channel))

    def _on_ready(self, channel: Channel, _frame: object) -> None:
        self._tag = 0
        self._channel = channel
        self._connected()
        self._check_blocked()
        self._publish()

    def _on_channel_end(self, channel: Channel, reason: BaseException) -> None:
        if channel.connection.is_open:
            channel.connection.close(reply_text=str(reason)[:255])

    def _on_end(self, connection: Any, reason: BaseException | str) -> None:
        self._reason = self._reason or reason
        connection.ioloop.stop()

    def _on_blocked(self, _connection: object, method: Any) -> None:
        self.trouble = f"{self.address} accepts no readings at the moment: {method.method.reason}."
        self._blocked = True

    def _on_unblocked(self, _connection: object, _method: object) -> None:
        self.trouble = None
        self._blocked = False
        # The broker could not answer readings that it did not read until now.
        self._connected_at = time.monotonic()

    def _check_blocked(self) -> None:
        """Check every second whether the broker still answers."""
        connection = self._connection
        if connection is None or not connection.is_open:
            return
        silence = None if self._blocked else self._silence()
        if silence is None:
            connection.ioloop.call_later(_CHECK_SECONDS, self._check_blocked)
        else:
            self._reason = ConnectionLost(silence)
            self._close(connection)

    def _close(self, connection: pika.SelectConnection) -> None:
        """Close the connection, and stop after `_CLOSE_SECONDS` if the broker has not closed it by then."""
        connection.ioloop.call_later(_CLOSE_SECONDS, connection.ioloop.stop)
        connection.close()

    def _publish(self) -> None:
        """Publish readings from the outbox, but only so many at once that confirms do not pile up unread."""
        self._scheduled = None
        connection, channel = self._connection, self._channel
        if connection is None or channel is None or not channel.is_open:
            if connection is not None and self._closing.is_set():
                connection.ioloop.stop()
            return
        if self._closing.is_set():
            self._close(connection)
            return
        for _ in range(_AT_ONCE):
            parcel = self.outbox.take(self._tag + 1)
            if parcel is None:
                return
            self._tag += 1
            properties = pika.BasicProperties(
                content_type="application/json",
                delivery_mode=_PERSISTENT,
                message_id=f"{self._run_id}-{parcel.number}",
                headers={wire.SENT_AT_HEADER: clock.milliseconds_now()},
            )
            key = wire.data_key(parcel.machine)
            channel.basic_publish(wire.INGEST_EXCHANGE, key, parcel.body, properties, mandatory=True)
        self._wake()

    def _on_confirm(self, frame: Any) -> None:
        tag, multiple = frame.method.delivery_tag, frame.method.multiple
        if isinstance(frame.method, Basic.Nack):
            self.trouble = f"{self.address} refuses readings at the moment because a queue is full."
            self.outbox.postpone(tag, multiple=multiple)
        elif self.outbox.confirm(tag, multiple=multiple):
            self.trouble = None
        self._resume_later()

    def _on_return(self, _channel: object, _method: object, properties: Any, _body: bytes) -> None:
        """Postpone a reading that no queue took. The broker's later confirm finds it no longer in flight."""
        self.trouble = (
            f"No queue is bound for readings at {self.address}. Start the API or a worker; they declare the "
            "queues."
        )
        tag = self.outbox.tag_of(int(properties.message_id.rpartition("-")[2]))
        if tag is not None:
            self.outbox.postpone(tag)
        self._resume_later()

    def _resume_later(self) -> None:
        """Send the postponed readings again, once no reading is in flight that they could overtake."""
        if self.outbox.holds_back() and not self._resuming and self._connection is not None:
            self._resuming = True
            self._connection.ioloop.call_later(RETRY_SECONDS, self._resume)

    def _resume(self) -> None:
        self._resuming = False
        self.outbox.resume()
        self._publish()

    def _explain(self, reason: BaseException | str | None) -> str:
        """Return the reason as a message for the user of the command."""
        if isinstance(reason, ConnectionLost):
            return str(reason)
        cause: object = reason
        while (inner := _inner(cause)) is not None:
            cause = inner
        if isinstance(cause, pika.exceptions.ProbableAuthenticationError):
            return f"{self.address} rejected the user name or the password."
        if isinstance(cause, pika.exceptions.ProbableAccessDeniedError):
            return f"{self.address}: the virtual host does not exist, or the user may not use it."
        what = f"{self.address} is unreachable or closed the connection ({cause})."
        return f"{what} Check that RabbitMQ is running."


def _parameters(address: Address, url: str) -> pika.URLParameters:
    try:
        parameters = pika.URLParameters(url)
    except (ValueError, TypeError, SyntaxError, OSError) as e:  # pika's own, and those of `ssl_options`
        raise AddressError(f"{address} is not a valid AMQP address: {e}") from e
    parameters.connection_attempts = 1
    parameters.socket_timeout = parameters.stack_timeout = CONNECT_SECONDS
    return parameters


def _inner(error: object) -> BaseException | None:
    """Return the error inside one of pika's errors, which wrap the failures of its connection phases."""
    if isinstance(error, AMQPConnectorPhaseErrorBase):
        return error.exception
    if isinstance(error, AMQPConnectionWorkflowFailed):
        return error.exceptions[-1]
    if type(error) is pika.exceptions.AMQPConnectionError and error.args:
        return error.args[-1] if isinstance(error.args[-1], BaseException) else None
    return None
