"""Leaves a node of RabbitMQ that is cut off from the other nodes.

Such a node has no majority for any of our queues: it confirms nothing and delivers nothing. It still answers
heartbeats, so the connection to it stays. RabbitMQ up to 4.2 stops such a node itself, with
`cluster_partition_handling = pause_minority`; RabbitMQ 4.3 does not, and ignores this setting.

So a second connection to the same node asks a quorum queue for a message every second. The queue is nearly
always empty, but a majority of its nodes must agree on the answer. If the answer is missing for some seconds,
another node is asked the same. If that one answers, the watched connection is ended, and its owner connects
to another node. If no node answers, the queue has no leader at the moment, as after any loss of a node: then
another node is no better, and the connection stays.

A request for a message, and not a published message: while RabbitMQ has an alarm, it reads nothing more from
a connection that publishes. Connections of its own, because RabbitMQ ends one on which such a request fails,
and it also fails for a moment when the queue's leader is lost.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pika
from pika.adapters.select_connection import IOLoop
from pika.channel import Channel
from pika.spec import Basic

from pipeline import wire
from pipeline.broker.connection import Connection, parameters_of
from pipeline.settings import addresses_of

#: Seconds between an answer and the next request, and between two attempts to connect.
_AGAIN_SECONDS: Final = 1.0

#: Seconds between two checks for an answer, and the checks without one after which another node is asked.
#: Checks are counted, not seconds: if this process was paused, the answer may have arrived and not be read.
_CHECK_SECONDS: Final = 0.5
_CHECKS: Final = 8

#: The checks after which yet another node is asked.
_OTHER_CHECKS: Final = 4


def watch(amqp_url: str, connection: Connection, loop: IOLoop) -> "ClusterWatch | None":
    """Watch the node of an open connection. Return None if the setting `amqp_url` has no other node."""
    return ClusterWatch(amqp_url, connection, loop) if len(addresses_of(amqp_url)) > 1 else None


class ClusterWatch:
    """Watches a node on the loop of the connection to it, until `close` or `abort`."""

    def __init__(self, amqp_url: str, watched: Connection, loop: IOLoop) -> None:
        self._amqp_url = amqp_url
        self._watched = watched
        self._loop = loop
        self._here = _Asking(watched.params, loop)
        self._other: _Asking | None = None
        #: The checks for which the other node may still be silent.
        self._patience = 0
        self._stopped = False
        self._check()

    def close(self) -> None:
        """Stop watching, and close the connections, the watched one last."""
        self._stop()
        self._here.close(self._close_watched)

    def _close_watched(self) -> None:
        if self._watched.is_open:  # it may have been lost meanwhile
            self._watched.close()

    def abort(self) -> None:
        """Stop watching, and end the connections at once."""
        self._stop()
        self._here.abort()

    def _stop(self) -> None:
        self._stopped = True
        self._leave_other()

    def _leave_other(self) -> None:
        self._patience = 0
        if self._other is not None:
            self._other.abort()
            self._other = None

    def _check(self) -> None:
        if self._stopped:
            return
        if self._here.unanswered() <= _CHECKS:
            self._leave_other()
        elif self._other is not None and self._other.has_answered:
            self.abort()
            self._watched.abort("the node is cut off from the other nodes of its cluster")
            return
        elif self._patience == 0:
            self._leave_other()
            self._other = _Asking(self._next_node(), self._loop)
            self._patience = _OTHER_CHECKS
        else:
            self._patience -= 1
        self._loop.call_later(_CHECK_SECONDS, self._check)

    def _next_node(self) -> pika.connection.Parameters:
        """Return the parameters of another node, one that has not failed lately if there is one."""
        here = self._watched.params
        others = [each for each in parameters_of(self._amqp_url) if _place(each) != _place(here)]
        return others[0] if others else here


def _place(parameters: pika.connection.Parameters) -> tuple[str, int]:
    return parameters.host, parameters.port


class _Asking:
    """Asks a node for a message of the queue again and again, over a connection of its own."""

    def __init__(self, parameters: pika.connection.Parameters, loop: IOLoop) -> None:
        self.has_answered = False
        self._parameters = parameters
        self._loop = loop
        self._connection: Connection | None = None
        self._then: Callable[[], None] | None = None
        self._stopped = False
        self._asked = False
        self._unanswered = 0
        self._connect()

    def unanswered(self) -> int:
        """Return how often this was called since the last answer, or the first request after it."""
        self._unanswered += self._asked
        return self._unanswered

    def close(self, then: Callable[[], None]) -> None:
        """Close the connection, and call `then`."""
        self._stopped = True
        if self._connection is not None and self._connection.is_open:
            self._then = then
            self._connection.close()
        else:
            then()

    def abort(self) -> None:
        """End the connection at once."""
        self._stopped = True
        if self._connection is not None:
            self._connection.abort("its node is not watched any more")

    def _connect(self) -> None:
        if not self._stopped:
            self._connection = Connection(self._parameters, self._loop, self._on_open, self._on_end)

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
        self.has_answered = True
        self._asked, self._unanswered = False, 0
        self._loop.call_later(_AGAIN_SECONDS, partial(self._ask, channel))

    def _on_end(self, _connection: object, _reason: object) -> None:
        self._connection = None
        if self._then is not None:
            self._then()
        elif not self._stopped:
            self._loop.call_later(_AGAIN_SECONDS, self._connect)
