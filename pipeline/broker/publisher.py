"""Publishing with confirms, many messages at a time.

pika's blocking connection waits for the broker after each message. This one hands a whole batch to a
connection on a thread of its own, and whoever publishes gets a future that is done when the broker has
confirmed them all.

What happens when the broker refuses a message, returns it, or the connection is lost, is one of two things:

- Workers insist: they publish what must be published, and repeats do no harm. From the first one on that is
  not confirmed, all is published again, in its order, until it is.
- The API does not: its caller waits, and is told that the reading may be lost. The future fails.

What is published in line to one queue gets there in its order, or the future fails. A full quorum queue
refuses until it is down to 80 % of what it may hold (`rabbit_fifo:evaluate_limit`), and a channel that has
not published to it before may be refused because the queue has no leader at this moment
(`rabbit_fifo_client:enqueue`). So the first message is published alone, at first and after each refusal;
when it is confirmed, the others follow, a few at once. If the queue refuses some of those and then takes
others, because a fifth of it was worked off in that moment, the order is broken, and the answers show it.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import takewhile
from threading import Event, Thread
from time import monotonic
from typing import Any, Final

import pika
import pika.exceptions
from msgspec import Struct
from pika.adapters.select_connection import IOLoop
from pika.channel import Channel
from pika.spec import Basic

from pipeline.broker.connection import Connection, parameters_of
from pipeline.errors import PublishError, TopologyError
from pipeline.telemetry import logs, tracing

#: AMQP's delivery mode of a message that is written to disk.
PERSISTENT: Final = 2

#: Seconds between two attempts to connect, and to publish what was refused.
_AGAIN_SECONDS: Final = 0.5

#: Bytes of messages in line that are published at once: much less than a fifth of what any queue may hold.
_AT_ONCE_BYTES: Final = 64 * 1024

#: Seconds between two warnings that the broker does not confirm.
_PATIENCE_SECONDS: Final = 10


_logger = logging.getLogger(__name__)


class Message(Struct, frozen=True):
    """What is published. `mandatory`: it counts as published only if a queue takes it."""

    exchange: str
    key: str
    body: bytes
    properties: pika.BasicProperties
    mandatory: bool = False


class _Submission:
    """Messages that were handed in together, and are published at once, or in line the first one alone.

    Of those published last, `waiting` are not answered yet, and `trouble` is what the broker had against any
    of them.
    """

    __slots__ = (
        "_alone",
        "_confirmed",
        "_first_tag",
        "_in_line",
        "_last",
        "_last_confirmed",
        "_refused",
        "future",
        "messages",
        "since",
        "trouble",
        "waiting",
    )

    def __init__(self, messages: Sequence[Message], *, in_line: bool) -> None:
        self.messages = messages
        self._in_line = in_line
        self.future: Future[None] = Future()
        # Whoever waits may give up waiting, but not take back what is on its way.
        self.future.set_running_or_notify_cancel()
        self.since = monotonic()
        #: How many, from the first one on, are confirmed.
        self._confirmed = 0
        self.begin()

    def begin(self) -> None:
        """Nothing is known of what was published last."""
        self._alone = self._in_line
        self._refused: int | None = None
        self._last_confirmed = 0
        self.trouble = ""

    def publish(self, first_tag: int) -> Sequence[Message]:
        """What is to be published now, of which the first one gets this tag."""
        self._first_tag, start = first_tag, self._confirmed
        messages = self._at_once(start) if self._in_line else self.messages[start:]
        self._last, self.waiting = messages, len(messages)
        return messages

    def _at_once(self, start: int) -> Sequence[Message]:
        """Those of a line, from this one on, that are published together."""
        size, stop = 0, start
        while stop < len(self.messages) and size < (1 if self._alone else _AT_ONCE_BYTES):
            size += max(1, len(self.messages[stop].body))
            stop += 1
        return self.messages[start:stop]

    def answer(self, tag: int, *, refused: bool) -> None:
        """The broker confirms or refuses the message with this tag."""
        self.waiting -= 1
        if refused:
            self._note(tag, "RabbitMQ refused the message because a queue is full")
        else:
            self._last_confirmed = max(self._last_confirmed, tag)

    def bring_back(self, exchange: str) -> None:
        """The broker returns a message, and does not say which one."""
        self._note(self._first_tag, f"no queue is bound to receive messages published to {exchange!r}")

    def _note(self, tag: int, trouble: str) -> None:
        self.trouble = trouble
        self._refused = tag if self._refused is None else min(self._refused, tag)

    def conclude(self) -> bool:
        """The broker has answered all that was published last. Returns whether all is confirmed."""
        if self._refused is None:
            self._confirmed += len(self._last)
            self._alone = False
        else:
            self._confirmed += self._refused - self._first_tag
        return self._confirmed == len(self.messages)

    @property
    def is_out_of_order(self) -> bool:
        """Whether messages of a line are in the queue, and one that belongs before them is not."""
        return self._in_line and self._refused is not None and self._last_confirmed > self._refused

    def about(self, *, listed: int) -> dict[str, Any]:
        """What a line of the log says of it. Results and dead letters have the ids of their readings."""
        return logs.many([message.properties.message_id or "" for message in self.messages], listed)

    def fail(self, reason: str) -> None:
        """Nobody will publish it any more."""
        if not self.future.done():
            self.future.set_exception(PublishError(reason))


class Publisher:
    """Publishes from any thread over one connection, which it keeps up.

    `prepare` is called before each connecting: it makes sure that the exchanges are there. `insist`: see the
    head of this file.
    """

    def __init__(self, amqp_url: str, prepare: Callable[[], None], *, insist: bool = False) -> None:
        self._parameters = parameters_of(amqp_url)
        self._prepare = prepare
        self._insist = insist
        self._loop = IOLoop()
        self._connection: Connection | None = None
        self._channel: Channel | None = None
        self._handed_in: deque[_Submission] = deque()
        self._unconfirmed: dict[int, _Submission] = {}
        self._published = 0
        self.lost_because = "still connecting"
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="publisher", daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether the broker can be published to at this moment."""
        return self._channel is not None

    def publish(self, messages: Sequence[Message], *, in_line: bool = False) -> "Future[None]":
        """Publish `messages` in order. The future is done when the broker has confirmed all of them.

        `in_line`: they all go to one queue, and must get there in this order. It fails where they do not.


        It fails with `PublishError` when the publisher is closed before; and, unless it insists, where one is
        refused, or returned because no queue takes it, or the connection is lost or cannot be had.
        """
        submission = _Submission(messages, in_line=in_line)
        if not messages:
            submission.future.set_result(None)
            return submission.future
        if tracing.on():
            # A queue is published to by its name, which is the key then.
            destinations = [message.exchange or message.key for message in messages]
            tracing.publishing(destinations, submission.future)
        self._handed_in.append(submission)
        self._loop.add_callback_threadsafe(self._work)
        return submission.future

    def close(self) -> None:
        """End the connection. What is not confirmed yet fails."""
        self._stopping.set()
        self._loop.add_callback_threadsafe(self._work)
        self._thread.join()

    # All below runs on the publisher's thread.

    def _run(self) -> None:
        self._loop.call_later(_PATIENCE_SECONDS, self._warn_of_delay)
        while not self._stopping.is_set():
            try:
                self._prepare()
                self._serve()
                reason = f"the connection to RabbitMQ was lost: {self.lost_because}"
            except (pika.exceptions.AMQPError, OSError) as e:
                reason = f"RabbitMQ cannot be reached: {e!r}"
            except TopologyError as e:
                reason = str(e)
            if not self._stopping.is_set():
                self._take_back(reason)
                _logger.warning("%s; retrying in %s s", reason, _AGAIN_SECONDS)
                self._stopping.wait(_AGAIN_SECONDS)
        self._fail_all("the publisher was closed")
        self._loop.close()

    def _serve(self) -> None:
        """Connect, and publish until the connection ends."""
        self._connection = Connection(self._parameters, self._loop, self._on_open, self._on_end)
        try:
            self._loop.start()
        finally:
            self._connection = self._channel = None

    def _on_open(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        channel.add_on_close_callback(self._on_channel_end)
        channel.add_on_return_callback(self._on_return)
        channel.connection.on_confirm = self._on_confirm
        channel.confirm_delivery(self._on_confirm, callback=partial(self._on_ready, channel))

    def _on_ready(self, channel: Channel, _frame: object) -> None:
        self._published = 0
        self._channel = channel
        self._work()

    def _on_channel_end(self, channel: Channel, reason: BaseException) -> None:
        if channel.connection.is_open:
            channel.connection.close(reply_text=str(reason)[:255])

    def _on_end(self, _connection: object, reason: BaseException | str) -> None:
        self.lost_because = str(reason)
        self._loop.stop()

    def _work(self) -> None:
        """Publish what was handed in."""
        channel = self._channel
        if self._stopping.is_set() and self._connection is not None and self._connection.is_open:
            self._connection.close()
        elif channel is not None and channel.is_open:
            while self._handed_in:
                submission = self._handed_in.popleft()
                for message in submission.publish(self._published + 1):
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
        for answered in tags:
            submission = self._unconfirmed.pop(answered)
            submission.answer(answered, refused=refused)
            if submission.waiting == 0:
                self._on_answered(submission)

    def _on_answered(self, submission: _Submission) -> None:
        """The broker has answered all that was published last of a submission."""
        if submission.conclude():
            submission.future.set_result(None)
        elif submission.is_out_of_order:
            submission.fail("the queue refused messages and took others that belong behind them")
        elif not submission.trouble:
            self._handed_in.appendleft(submission)
            self._work()
        elif self._insist:
            with logs.about(submission.about):
                _logger.warning("%s; publishing again in %s s", submission.trouble, _AGAIN_SECONDS)
            self._loop.call_later(_AGAIN_SECONDS, partial(self._again, submission))
        else:
            submission.fail(submission.trouble)

    def _again(self, submission: _Submission) -> None:
        submission.begin()
        self._handed_in.append(submission)
        self._work()

    def _on_return(self, _channel: object, method: Any, _properties: object, _body: bytes) -> None:
        """No queue took a mandatory message. Which one is not said, but the reason holds for all of them."""
        for submission in set(self._unconfirmed.values()):
            if any(message.mandatory for message in submission.messages):
                submission.bring_back(method.exchange)

    def _warn_of_delay(self) -> None:
        """Warn of what the broker does not confirm: it may be short of memory or disk."""
        self._loop.call_later(_PATIENCE_SECONDS, self._warn_of_delay)
        if self._unconfirmed:
            seconds = monotonic() - min(submission.since for submission in self._unconfirmed.values())
            if seconds > _PATIENCE_SECONDS:
                _logger.warning(
                    "RabbitMQ has not confirmed messages published %.0f s ago; check its memory and disk "
                    "alarms",
                    seconds,
                )

    def _take_back(self, reason: str) -> None:
        """The connection is lost: nothing is known of what was published on it and not confirmed."""
        if not self._insist:
            self._fail_all(reason)
            return
        unknown = list(dict.fromkeys(self._unconfirmed.values()))
        self._unconfirmed.clear()
        for submission in unknown:
            submission.begin()
        self._handed_in.extendleft(reversed(unknown))

    def _fail_all(self, reason: str) -> None:
        submissions = dict.fromkeys((*self._unconfirmed.values(), *self._handed_in))
        self._unconfirmed.clear()
        self._handed_in.clear()
        for submission in submissions:
            submission.fail(reason)
