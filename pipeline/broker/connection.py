"""Connections to RabbitMQ. The one for readings and results takes three short cuts through pika, for what
happens with every message:

- *What is written in one turn of the loop is sent as one piece.* pika hands each frame to the kernel by
  itself, three for every message that is published. Put together they cost one system call for a whole
  batch, and the broker wakes up less.
- *Frames that come with every message go straight to where they belong.* pika first asks for each whether
  somebody has registered for it, which takes longer than all else that is done with a confirm.
- *Where a message goes is encoded once*, for it is the same for all results of a machine, and each message
  is encoded as one piece.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import pika
import pika.exceptions
from pika.adapters.select_connection import IOLoop
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.channel import Channel
from pika.frame import Body, Header, Method
from pika.spec import Basic

from pipeline.broker import headers

headers.install()

#: Seconds between two heartbeats of AMQP. The broker gives a partition away when a worker, paused or cut
#: off, has been silent for two of them.
HEARTBEAT_SECONDS: Final = 5

#: Places that messages go to, machines mostly, whose frames are remembered: some hundred bytes each.
_PLACES: Final = 4096


def parameters_of(amqp_url: str) -> pika.URLParameters:
    """How to connect: as the URL says, and with our heartbeat where it says nothing of one."""
    parameters = pika.URLParameters(amqp_url)
    if parameters.heartbeat is None:
        parameters.heartbeat = HEARTBEAT_SECONDS
    return parameters


class BlockingConnection(pika.BlockingConnection):
    """pika's connection for the calling thread, which fails in one way: raises `AMQPConnectionError`.

    Of itself pika raises, where the broker takes a connection and then says nothing, an error that is no
    `AMQPError`, and where there is no such host an `OSError`.
    """

    def __init__(self, parameters: pika.connection.Parameters) -> None:
        try:
            super().__init__(parameters)
        except (AMQPConnectorException, OSError) as e:
            raise pika.exceptions.AMQPConnectionError(e) from e


class Connection(pika.SelectConnection):
    """For the thread that runs `loop`. Calls `on_open`, and `on_end` with the reason, each at most once."""

    def __init__(
        self,
        parameters: pika.connection.Parameters,
        loop: IOLoop,
        on_open: Callable[[Any], None],
        on_end: Callable[[Any, BaseException], None],
    ) -> None:
        #: Is given the frames by which the broker confirms or refuses what was published.
        self.on_confirm: Callable[[Any], None] | None = None
        self._unsent: list[bytes] = []
        super().__init__(parameters, on_open, on_end, on_end, custom_ioloop=loop)

    def _process_frame(self, frame_value: Any) -> None:
        """Pika's step for every frame that has come."""
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
        """Pika's step for every message that is published."""
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
        """Pika's hook for adapters: every frame goes through here on its way to the socket."""
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
    """The first frame of a message: where it goes."""
    return Method(channel_number, Basic.Publish(0, exchange, key, mandatory)).marshal()


def close_at_once(channel: Channel) -> None:
    """Close a channel without cancelling its consumers first, as pika would by itself.

    Cancelling has a queue with a single active consumer turn to the next one while this one still has
    readings that are not acknowledged: those would be given back behind later ones. When a channel ends,
    the broker takes back what is not acknowledged before it turns to anybody.
    """
    if channel.is_open:
        channel._cancelled.update(channel.consumer_tags)  # What pika takes for cancelled, it lets be.
        channel.close()
