"""Leaves a node of RabbitMQ that is cut off from the other nodes.

Such a node has no majority for any of our queues: it confirms nothing and delivers nothing. It still answers
heartbeats, so the connection to it stays. RabbitMQ up to 4.2 stops such a node itself, with
`cluster_partition_handling = pause_minority`; RabbitMQ 4.3 does not, and ignores this setting.

So a second connection to the same node asks a quorum queue for a message every second. The queue is empty,
but its nodes must agree on this answer. If the answer is missing for some seconds, the watched connection is
ended, and its owner connects to another node. If all other nodes have failed lately, the connection stays:
then this queue or the whole cluster has no majority, and another node is no better.

A request for a message, and not a published message: while RabbitMQ has an alarm, it reads nothing more from
a connection that publishes. A second connection, because RabbitMQ ends one on which such a request fails, and
it also fails for a moment when the queue's leader is lost.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from pika.adapters.select_connection import IOLoop
from pika.channel import Channel
from pika.spec import Basic

from pipeline import wire
from pipeline.broker.connection import Connection, has_other_node
from pipeline.settings import addresses_of

#: Seconds between an answer and the next request, and between two attempts to connect.
_AGAIN_SECONDS: Final = 1.0

#: Seconds between two checks for an answer, and the checks without one after which a node is left. Checks are
#: counted, not seconds: if this process was paused, the answer may have arrived and not be read yet.
_CHECK_SECONDS: Final = 0.5
_CHECKS: Final = 8


def watch(amqp_url: str, connection: Connection, loop: IOLoop) -> "ClusterWatch | None":
    """Watch the node of an open connection. Return None if the setting `amqp_url` has no other node."""
    return ClusterWatch(amqp_url, connection, loop) if len(addresses_of(amqp_url)) > 1 else None


class ClusterWatch:
    """Watches a node on the loop of the connection to it, until `close` or `abort`."""

    def __init__(self, amqp_url: str, watched: Connection, loop: IOLoop) -> None:
        self._amqp_url = amqp_url
        self._watched = watched
        self._loop = loop
        self._connection: Connection | None = None
        self._asked = False
        self._unanswered = 0
        self._stopped = False
        self._then: Callable[[], None] | None = None
        self._connect()
        self._check()

    def close(self, then: Callable[[], None]) -> None:
        """Stop watching, close the second connection, and call `then`."""
        self._stopped = True
        if self._connection is not None and self._connection.is_open:
            self._then = then
            self._connection.close()
        else:
            then()

    def abort(self) -> None:
        """Stop watching, and end the second connection at once."""
        self._stopped = True
        if self._connection is not None:
            self._connection.abort("its node is not watched any more")

    def _connect(self) -> None:
        if not self._stopped:
            self._connection = Connection(self._watched.params, self._loop, self._on_open, self._on_end)

    def _on_open(self, connection: Any) -> None:
        if self._stopped:
            connection.abort("its node is not watched any more")
        else:
            connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        channel.add_callback(partial(self._on_answer, channel), [Basic.GetEmpty], one_shot=False)
        self._ask(channel)

    def _ask(self, channel: Channel) -> None:
        if channel.is_open and not self._stopped:
            self._asked = True
            channel.basic_get(wire.HEALTH_CHECK_QUEUE, partial(self._on_answer, channel), auto_ack=True)

    def _on_answer(self, channel: Channel, *_answer: object) -> None:
        self._asked, self._unanswered = False, 0
        self._loop.call_later(_AGAIN_SECONDS, partial(self._ask, channel))

    def _on_end(self, _connection: object, _reason: object) -> None:
        self._connection = None
        if self._then is not None:
            self._then()
        elif not self._stopped:
            self._loop.call_later(_AGAIN_SECONDS, self._connect)

    def _check(self) -> None:
        if self._stopped:
            return
        self._unanswered += self._asked
        if self._unanswered > _CHECKS and has_other_node(self._amqp_url, self._watched.params):
            self.abort()
            self._watched.abort("the node is cut off from the other nodes of its cluster")
        else:
            self._loop.call_later(_CHECK_SECONDS, self._check)
