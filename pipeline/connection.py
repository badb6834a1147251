"""A connection to RabbitMQ that sends what is written in one turn of its loop as one piece.

pika hands each frame to the kernel by itself, three for every message that is published. Put together they
cost one system call for a whole batch, a third of the time of publishing, and the broker wakes up less.
"""

from collections.abc import Callable
from typing import Any, Final

import pika
from pika.adapters.select_connection import IOLoop
from pika.channel import Channel

#: Seconds between two heartbeats of AMQP. The broker gives a partition away when a worker, paused or cut
#: off, has been silent for two of them.
HEARTBEAT_SECONDS: Final = 5


def parameters_of(amqp_url: str) -> pika.URLParameters:
    """How to connect: as the URL says, and with our heartbeat where it says nothing of one."""
    parameters = pika.URLParameters(amqp_url)
    if parameters.heartbeat is None:
        parameters.heartbeat = HEARTBEAT_SECONDS
    return parameters


class Connection(pika.SelectConnection):
    """For the thread that runs `loop`. Calls `on_open`, and `on_end` with the reason, each at most once."""

    def __init__(
        self,
        parameters: pika.connection.Parameters,
        loop: IOLoop,
        on_open: Callable[[Any], None],
        on_end: Callable[[Any, BaseException], None],
    ) -> None:
        self._unsent: list[bytes] = []
        super().__init__(parameters, on_open, on_end, on_end, custom_ioloop=loop)

    def _adapter_emit_data(self, data: bytes) -> None:
        """Pika's hook for adapters: every frame goes through here on its way to the socket."""
        if not self._unsent:
            self.ioloop.call_later(0, self._send)
        self._unsent.append(data)

    def _send(self) -> None:
        data = b"".join(self._unsent)
        self._unsent.clear()
        if self._transport is not None:  # else the connection was lost in the same turn
            super()._adapter_emit_data(data)


def close_at_once(channel: Channel) -> None:
    """Close a channel without cancelling its consumers first, as pika would by itself.

    Cancelling has a queue with a single active consumer turn to the next one while this one still has
    readings that are not acknowledged: those would be given back behind later ones. When a channel ends,
    the broker takes back what is not acknowledged before it turns to anybody.
    """
    if channel.is_open:
        channel._cancelled.update(channel.consumer_tags)  # What pika takes for cancelled, it lets be.
        channel.close()
