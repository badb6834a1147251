"""Publishes with confirms, many messages at a time.

pika's blocking connection waits for the broker after each message. This publisher hands a whole batch to a
connection on its own thread. The caller gets a future that is done when the broker has confirmed all
messages.

If the broker refuses or returns a message, or the connection is lost, there are two modes:

- Workers insist: their messages must be published, and repeats do no harm. From the first unconfirmed message
  on, all are published again, in order, until they are confirmed.
- The API does not insist: its caller waits, and is told that the reading may be lost. The future fails.

Messages in line to one queue arrive there in order, or the future fails. A full quorum queue refuses messages
until it is down to 80 % of its maximum (`rabbit_fifo:evaluate_limit`). A queue may also refuse a channel's
first message if it has no leader at that moment (`rabbit_fifo_client:enqueue`). So the first message is
published alone, at first and after each refusal. When it is confirmed, the others follow, a few at once. If
the queue refuses some of those and then accepts others, because a fifth of it was consumed in that moment,
the order is broken, and the broker's answers show it. If the connection is lost before these answers, the
future fails as well, because the order may be broken.
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

from pipeline import wire
from pipeline.broker.cluster_watch import ClusterWatch, watch
from pipeline.broker.connection import Connection, reason_of
from pipeline.errors import PublishError, TopologyError
from pipeline.telemetry import logs, tracing

#: AMQP's delivery mode for messages that are written to disk.
PERSISTENT: Final = 2

#: Seconds between two attempts to connect, and to publish refused messages.
_AGAIN_SECONDS: Final = 0.5

#: Seconds after a lost connection in which a refused message lets the publisher connect again (`_leave`).
_SETTLING_SECONDS: Final = 20.0

#: Bytes of messages in line that are published at once: much less than a fifth of any queue's maximum.
_AT_ONCE_BYTES: Final = 64 * 1024

#: Seconds between two warnings that the broker does not confirm.
_PATIENCE_SECONDS: Final = 10


_logger = logging.getLogger(__name__)


class Message(Struct, frozen=True):
    """A message to publish. If `mandatory`, it counts as published only if a queue accepts it."""

    exchange: str
    key: str
    body: bytes
    properties: pika.BasicProperties
    mandatory: bool = False


class _Submission:
    """Messages that were submitted together. They are published at once, or in line with the first one alone.

    Of the messages published last, `waiting` are not answered yet. `trouble` is the broker's objection to any
    of them.
    """

    __slots__ = (
        "_alone",
        "_confirmed",
        "_first_tag",
        "_last",
        "_last_confirmed",
        "_refused",
        "future",
        "in_line",
        "messages",
        "since",
        "trouble",
        "waiting",
    )

    def __init__(self, messages: Sequence[Message], *, in_line: bool) -> None:
        self.messages = messages
        self.in_line = in_line
        self.future: Future[None] = Future()
        # The caller may stop waiting, but cannot cancel messages on their way.
        self.future.set_running_or_notify_cancel()
        self.since = monotonic()
        #: How many messages are confirmed, counted from the first.
        self._confirmed = 0
        self.begin()

    def begin(self) -> None:
        """Forget the answers to the messages published last."""
        self._alone = self.in_line
        self._refused: int | None = None
        self._last_confirmed = 0
        self.trouble = ""

    def publish(self, first_tag: int) -> Sequence[Message]:
        """Return the messages to publish now, the first of which gets this tag."""
        self._first_tag, start = first_tag, self._confirmed
        messages = self._at_once(start) if self.in_line else self.messages[start:]
        self._last, self.waiting = messages, len(messages)
        return messages

    def _at_once(self, start: int) -> Sequence[Message]:
        """Return the messages in line that are published together, from this one on."""
        size, stop = 0, start
        while stop < len(self.messages) and size < (1 if self._alone else _AT_ONCE_BYTES):
            size += max(1, len(self.messages[stop].body))
            stop += 1
        return self.messages[start:stop]

    def answer(self, tag: int, *, refused: bool) -> None:
        """Note that the broker confirms or refuses the message with this tag."""
        self.waiting -= 1
        if refused:
            self._note(tag, "RabbitMQ refused the message because a queue is full")
        else:
            self._last_confirmed = max(self._last_confirmed, tag)

    def bring_back(self, exchange: str) -> None:
        """Note that the broker returns a message. It does not say which one."""
        self._note(self._first_tag, f"no queue is bound to receive messages published to {exchange!r}")

    def _note(self, tag: int, trouble: str) -> None:
        self.trouble = trouble
        self._refused = tag if self._refused is None else min(self._refused, tag)

    def conclude(self) -> bool:
        """Note that the broker has answered all messages published last. Return whether all are confirmed."""
        if self._refused is None:
            self._confirmed += len(self._last)
            self._alone = False
        else:
            self._confirmed += self._refused - self._first_tag
        return self._confirmed == len(self.messages)

    @property
    def is_out_of_order(self) -> bool:
        """Return whether a message in line is in the queue while an earlier one is missing."""
        return self.in_line and self._refused is not None and self._last_confirmed > self._refused

    def about(self, *, listed: int) -> dict[str, Any]:
        """Return the submission's fields for a line of the log: the ids of its readings."""
        return logs.many([message.properties.message_id or "" for message in self.messages], listed)

    def fail(self, reason: str) -> None:
        """Let the future fail, because the messages will not be published."""
        if not self.future.done():
            self.future.set_exception(PublishError(reason))


class Publisher:
    """Publishes from any thread over one connection, and reconnects if it is lost.

    `prepare` is called before each attempt to connect. It ensures that the exchanges exist, and returns the
    parameters of the node to connect to. For `insist`, see the head of this file. If `amqp_url` has several
    nodes, the publisher leaves one that is cut off from the others.
    """

    def __init__(
        self,
        prepare: Callable[[], pika.connection.Parameters],
        *,
        insist: bool = False,
        amqp_url: str = "",
    ) -> None:
        self._prepare = prepare
        self._insist = insist
        self._amqp_url = amqp_url
        self._loop = IOLoop()
        self._connection: Connection | None = None
        self._watch: ClusterWatch | None = None
        self._channel: Channel | None = None
        self._handed_in: deque[_Submission] = deque()
        self._unconfirmed: dict[int, _Submission] = {}
        self._published = 0
        self._lost_at = float("-inf")
        self._leaving = False
        self.lost_because = "still connecting"
        self._blocked: str | None = None
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="publisher", daemon=True)
        self._thread.start()

    @property
    def blocked(self) -> str | None:
        """Why the broker accepts no messages at the moment, as a sentence; None if it does.

        The broker tells a connection about an alarm when the connection publishes.
        """
        return self._blocked

    def probe(self) -> "Future[None]":
        """Publish a message to the queue for this. The future is done when a majority of its nodes has it."""
        return self.publish([Message("", wire.HEALTH_CHECK_QUEUE, b"", pika.BasicProperties())])

    @property
    def connected(self) -> bool:
        """Whether the publisher is connected to the broker."""
        return self._channel is not None

    def publish(self, messages: Sequence[Message], *, in_line: bool = False) -> "Future[None]":
        """Publish `messages` in order. The future is done when the broker has confirmed all of them.

        With `in_line`, they all go to one queue and must arrive there in this order; otherwise, or if the
        connection is lost meanwhile, the future fails.

        The future fails with `PublishError` if the publisher is closed before. Unless the publisher insists,
        it also fails if a message is refused, or returned because no queue accepts it, or the connection is
        lost or cannot be made.
        """
        submission = _Submission(messages, in_line=in_line)
        if not messages:
            submission.future.set_result(None)
            return submission.future
        if tracing.on():
            # A queue is published to by its name, which is then the key.
            destinations = [message.exchange or message.key for message in messages]
            tracing.publishing(destinations, submission.future)
        self._handed_in.append(submission)
        self._loop.add_callback_threadsafe(self._work)
        return submission.future

    def close(self) -> None:
        """Close the connection. The futures of unconfirmed messages fail."""
        self._stopping.set()
        self._loop.add_callback_threadsafe(self._work)
        self._thread.join()

    # Everything below runs on the publisher's thread.

    def _run(self) -> None:
        self._loop.call_later(_PATIENCE_SECONDS, self._warn_of_delay)
        while not self._stopping.is_set():
            try:
                self._serve(self._prepare())
                if not self._leaving:
                    self._lost_at = monotonic()
                reason = f"the connection to RabbitMQ was lost: {self.lost_because}"
            except (pika.exceptions.AMQPError, OSError) as e:
                self.lost_because = reason_of(e)
                reason = f"RabbitMQ cannot be reached: {self.lost_because}"
            except TopologyError as e:
                self.lost_because = reason = str(e).removesuffix(".")
            if not self._stopping.is_set():
                self._take_back(reason)
                _logger.warning("%s; retrying in %s s", reason, _AGAIN_SECONDS)
                self._stopping.wait(_AGAIN_SECONDS)
        self._fail_all("the publisher was closed")
        self._loop.close()

    def _serve(self, parameters: pika.connection.Parameters) -> None:
        """Connect, and publish until the connection ends."""
        self._leaving = False
        self._connection = Connection(parameters, self._loop, self._on_open, self._on_end)
        try:
            self._loop.start()
        finally:
            if self._watch is not None:
                self._watch.abort()
            self._connection = self._channel = self._watch = None

    def _on_open(self, connection: Any) -> None:
        self._blocked = None
        self._watch = watch(self._amqp_url, connection, self._loop)
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)
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

    def _on_blocked(self, _connection: object, frame: Any) -> None:
        because = wire.text_of(frame.method.reason)
        self._blocked = (
            f"RabbitMQ has an alarm ({because}) and accepts no messages. Free memory or disk space."
        )
        _logger.warning(self._blocked)

    def _on_unblocked(self, _connection: object, _frame: object) -> None:
        self._blocked = None
        _logger.warning("RabbitMQ accepts messages again")

    def _on_channel_end(self, channel: Channel, reason: BaseException) -> None:
        if channel.connection.is_open:
            channel.connection.close(reply_text=str(reason)[:255])

    def _on_end(self, _connection: object, reason: BaseException | str) -> None:
        self.lost_because = reason_of(reason) if isinstance(reason, BaseException) else reason
        self._blocked = None  # RabbitMQ tells the next connection again
        self._loop.stop()

    def _close(self, connection: Connection) -> None:
        if self._watch is None:
            connection.close()
        else:
            self._watch.close()

    def _work(self) -> None:
        """Publish the submitted messages."""
        channel = self._channel
        if self._stopping.is_set() and self._connection is not None and self._connection.is_open:
            self._close(self._connection)
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
        """Count the confirmed messages; with `multiple`, all up to the tag."""
        tag, refused = frame.method.delivery_tag, isinstance(frame.method, Basic.Nack)
        tags = [tag]
        if frame.method.multiple:
            tags = list(takewhile(lambda unconfirmed: unconfirmed <= tag, self._unconfirmed))
        for answered in tags:
            submission = self._unconfirmed.pop(answered)
            submission.answer(answered, refused=refused)
            if submission.waiting == 0:
                self._on_answered(submission)
        if refused and monotonic() - self._lost_at < _SETTLING_SECONDS:
            self._leave()

    def _leave(self) -> None:
        """End the connection, to publish over another one.

        RabbitMQ up to 3.12 looks up a queue's leader when a channel first publishes to it. If a node has just
        been lost, this may be the old leader. Then the channel asks it before each message, waits, and
        refuses the message, as if the queue was full, until that node is back (`rabbit_fifo_client:enqueue`).
        A new channel finds the new leader.
        """
        if self._connection is not None and not self._leaving:
            self._leaving = True
            self._connection.abort("a message was refused soon after a lost connection")

    def _on_answered(self, submission: _Submission) -> None:
        """Handle that the broker has answered all messages of a submission that were published last."""
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
        """Note that no queue accepts a mandatory message.

        The broker does not say which one, but the reason applies to all with the same destination.
        """
        destination = method.exchange, wire.text_of(method.routing_key)
        for submission in set(self._unconfirmed.values()):
            if any(
                each.mandatory and (each.exchange, each.key) == destination for each in submission.messages
            ):
                submission.bring_back(method.exchange)

    def _warn_of_delay(self) -> None:
        """Warn of messages that the broker does not confirm: it may be short of memory or disk."""
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
        """Handle a lost connection: the fate of its unconfirmed messages is unknown."""
        if not self._insist:
            self._fail_all(reason)
            return
        unknown = list(dict.fromkeys(self._unconfirmed.values()))
        self._unconfirmed.clear()
        for submission in reversed(unknown):
            if submission.in_line:
                submission.fail(reason)
            else:
                submission.begin()
                self._handed_in.appendleft(submission)

    def _fail_all(self, reason: str) -> None:
        submissions = dict.fromkeys((*self._unconfirmed.values(), *self._handed_in))
        self._unconfirmed.clear()
        self._handed_in.clear()
        for submission in submissions:
            submission.fail(reason)
