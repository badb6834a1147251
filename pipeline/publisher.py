"""Publishing with confirms, many messages at a time.

pika's blocking connection waits for the broker after each message. This one hands a whole batch to a
connection on a thread of its own and waits once, until the broker has confirmed them all. Whoever
publishes gets a future; it fails, and nothing is known about any message of the batch, when the broker
refuses or returns one or the connection is lost. Publishing again is the caller's to decide: it knows
whether repeats do harm.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import takewhile
from threading import Event, Thread
from typing import Any, Final

import pika
import pika.exceptions
from msgspec import Struct
from pika.channel import Channel
from pika.spec import Basic

from pipeline.errors import PublishError, TopologyError

#: AMQP's delivery mode of a message that is written to disk.
PERSISTENT: Final = 2

#: Seconds between two attempts to connect.
_RECONNECT_SECONDS: Final = 0.5


_logger = logging.getLogger(__name__)


class Message(Struct, frozen=True):
    """What is published. `mandatory`: it counts as published only if a queue takes it."""

    exchange: str
    key: str
    body: bytes
    properties: pika.BasicProperties
    mandatory: bool = False


class _Submission:
    """Messages that were handed in together, and how many of them the broker has not confirmed yet."""

    __slots__ = ("future", "messages", "waiting")

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages
        self.waiting = len(messages)
        self.future: Future[None] = Future()
        # Whoever waits may give up waiting, but not take back what is on its way.
        self.future.set_running_or_notify_cancel()

    def fail(self, reason: str) -> None:
        if not self.future.done():
            self.future.set_exception(PublishError(reason))


class Publisher:
    """Publishes from any thread over one connection, which it keeps up.

    `prepare` is called before each connecting: it makes sure that the exchanges are there.
    """

    def __init__(self, amqp_url: str, prepare: Callable[[], None]) -> None:
        self._parameters = pika.URLParameters(amqp_url)
        self._prepare = prepare
        self._connection: pika.SelectConnection | None = None
        self._channel: Channel | None = None
        self._handed_in: deque[_Submission] = deque()
        self._unconfirmed: dict[int, _Submission] = {}
        self._published = 0
        self.lost_because = "it is being connected"
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="publisher", daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether the broker can be published to at this moment."""
        return self._channel is not None

    def publish(self, messages: Sequence[Message]) -> "Future[None]":
        """Publish `messages` in order. The future is done when the broker has confirmed all of them.

        It fails with `PublishError` where one is refused, or returned because no queue takes it, and
        where the connection is lost or cannot be had.
        """
        submission = _Submission(messages)
        if not messages:
            submission.future.set_result(None)
            return submission.future
        self._handed_in.append(submission)
        self._wake()
        return submission.future

    def close(self) -> None:
        """End the connection. What is not confirmed yet fails."""
        self._stopping.set()
        self._wake()
        self._thread.join()

    def _wake(self) -> None:
        """Have the publisher's thread look at what was handed in."""
        connection = self._connection
        if connection is not None:
            connection.ioloop.add_callback_threadsafe(self._work)

    # All below runs on the publisher's thread.

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._prepare()
                self._serve()
                reason = f"the connection to RabbitMQ was lost: {self.lost_because}"
            except (pika.exceptions.AMQPError, OSError) as e:
                reason = f"RabbitMQ cannot be reached: {e!r}"
            except TopologyError as e:
                reason = str(e)
            self._fail_all(reason)
            if not self._stopping.is_set():
                _logger.warning("%s; trying again in %s s", reason, _RECONNECT_SECONDS)
                self._stopping.wait(_RECONNECT_SECONDS)
        self._fail_all("the publisher was closed")

    def _serve(self) -> None:
        """Connect, and publish until the connection ends."""
        connection = pika.SelectConnection(
            self._parameters,
            on_open_callback=self._on_open,
            on_open_error_callback=self._on_end,
            on_close_callback=self._on_end,
        )
        self._connection = connection
        try:
            connection.ioloop.start()
        finally:
            self._connection = self._channel = None
            connection.ioloop.close()

    def _on_open(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        channel.add_on_close_callback(self._on_channel_end)
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_confirm, callback=partial(self._on_ready, channel))

    def _on_ready(self, channel: Channel, _frame: object) -> None:
        self._published = 0
        self._channel = channel
        self._work()

    def _on_channel_end(self, channel: Channel, reason: BaseException) -> None:
        if channel.connection.is_open:
            channel.connection.close(reply_text=str(reason)[:255])

    def _on_end(self, connection: Any, reason: BaseException | str) -> None:
        self.lost_because = str(reason)
        connection.ioloop.stop()

    def _work(self) -> None:
        """Publish what was handed in."""
        channel = self._channel
        if self._stopping.is_set() and self._connection is not None and self._connection.is_open:
            self._connection.close()
        elif channel is not None and channel.is_open:
            while self._handed_in:
                submission = self._handed_in.popleft()
                for message in submission.messages:
                    channel.basic_publish(
                        message.exchange, message.key, message.body, message.properties, message.mandatory
                    )
                    self._published += 1
                    self._unconfirmed[self._published] = submission

    def _on_confirm(self, frame: Any) -> None:
        """Count what the broker confirms; with `multiple` that is all up to the tag."""
        tag, refused = frame.method.delivery_tag, isinstance(frame.method, Basic.Nack)
        tags = [tag]
        if frame.method.multiple:
            tags = list(takewhile(lambda unconfirmed: unconfirmed <= tag, self._unconfirmed))
        for confirmed in tags:
            submission = self._unconfirmed.pop(confirmed)
            submission.waiting -= 1
            if refused:
                submission.fail("RabbitMQ refused the message: a queue that it goes to is full")
            elif submission.waiting == 0 and not submission.future.done():
                submission.future.set_result(None)

    def _on_return(self, _channel: object, method: Any, _properties: object, _body: bytes) -> None:
        """No queue took a mandatory message. Which one is not said, but the reason holds for all of them."""
        for submission in set(self._unconfirmed.values()):
            if any(message.mandatory for message in submission.messages):
                submission.fail(f"no queue takes what is published to {method.exchange!r}")

    def _fail_all(self, reason: str) -> None:
        submissions = {id(each): each for each in (*self._unconfirmed.values(), *self._handed_in)}
        self._unconfirmed.clear()
        self._handed_in.clear()
        for submission in submissions.values():
            submission.fail(reason)
