"""The consumer of one partition: batches out of the queue, one in flight, acknowledged whole.

How it keeps the order, and how the batch finds its size:

- The queue has a single active consumer, so of all the workers one is served at a time.
- A batch is the first delivery and all that have arrived behind it, up to a cap. Alone, a reading waits
  for nobody; under load the batch grows by itself while the one before it is worked on.
- The next batch is handed out only after the one before it was acknowledged (`multiple=True`). So no
  lock is needed, and a batch that fails is simply not acknowledged: the broker gives back its readings,
  in order and before all others, to the next session.

A *session* is the life of one channel. Its name and the delivery tags are written into the machines'
records (`pipeline.record`), which is how a reading that is delivered again is recognised.

Threads: `__next__` runs on Dramatiq's consumer thread, which alone touches the connection; `ack`, `nack`
and `assert_active` are called from worker threads and leave their work to it.
"""

import logging
import os
from threading import Event
from typing import TYPE_CHECKING, Any, Final

import pika
import pika.exceptions
from dramatiq import Message
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.errors import ConnectionClosed

from pipeline import topology
from pipeline.errors import SessionLost
from pipeline.reading import Batch, Reading

if TYPE_CHECKING:
    from pipeline.broker import ReadingsBroker

#: Readings in a batch at the most: half of what the broker hands out ahead, so that the next batch is
#: here when this one is done.
BATCH_READINGS: Final = topology.PREFETCH // 2
#: Bytes of readings in a batch at the most, to bound what one batch holds in memory, sandbox and Redis.
BATCH_BYTES: Final = 4 * 1024**2

#: What RabbitMQ 4.3 and later add to a message that was handed to a consumer before.
_ACQUIRED_COUNT: Final = "x-acquired-count"

#: What pika raises when the connection or the channel is gone.
_GONE = (AssertionError, pika.exceptions.AMQPConnectionError, pika.exceptions.AMQPChannelError)


_logger = logging.getLogger(__name__)


class BatchMessage(MessageProxy):
    """The message that carries a batch to the actor. It lives in this process only and is never encoded."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(
            Message(
                queue_name=batch.queue,
                actor_name="process_batch",
                args=(batch,),
                kwargs={},
                # Expected, so that Dramatiq notes it in one line and without a traceback.
                options={"throws": SessionLost},
            )
        )
        self.batch = batch


class BatchConsumer(Consumer):
    """Yields a `BatchMessage`, or None every `timeout` milliseconds so that its thread can look up."""

    def __init__(self, broker: "ReadingsBroker", queue_name: str, _prefetch: int, timeout: int) -> None:
        self.queue_name = queue_name
        self.session = os.urandom(8)
        self._timeout = timeout / 1000
        self._in_flight: Batch | None = None
        self._broken: str | None = None
        self._closed = Event()
        try:
            self.connection = pika.BlockingConnection(broker.parameters)
            self.channel = self.connection.channel()
            self.channel.basic_qos(prefetch_count=topology.PREFETCH)
            self._deliveries = self.channel.consume(queue_name, inactivity_timeout=self._timeout)
        except _GONE as e:
            raise ConnectionClosed(e) from None

    def __next__(self) -> BatchMessage | None:
        try:
            if self._broken is not None:
                raise ConnectionClosed(self._broken)
            if self._in_flight is not None:
                self.connection.process_data_events(time_limit=self._timeout)
                return None
            readings = self._take()
        except _GONE as e:
            self._closed.set()
            raise ConnectionClosed(e) from None
        except StopIteration:
            self._closed.set()
            raise ConnectionClosed(f"RabbitMQ cancelled the consumer of {self.queue_name}") from None
        if not readings:
            return None
        self._in_flight = Batch(
            queue=self.queue_name,
            session=self.session,
            readings=readings,
            assert_active=self.assert_active,
            lost=self._closed.is_set,
        )
        return BatchMessage(self._in_flight)

    def _take(self) -> list[Reading]:
        """The deliveries that have arrived, none where none comes within the timeout."""
        readings, size = list[Reading](), 0
        while True:
            method, properties, body = next(self._deliveries)
            if method is None or properties is None or body is None:
                return readings
            readings.append(
                Reading(
                    machine=topology.machine_of(method.routing_key),
                    key=method.routing_key,
                    body=body,
                    tag=method.delivery_tag,
                    redelivered=method.redelivered or _ACQUIRED_COUNT in (properties.headers or ()),
                    message_id=properties.message_id,
                    content_type=properties.content_type,
                )
            )
            size += len(body)
            full = len(readings) >= BATCH_READINGS or size >= BATCH_BYTES
            if full or not self.channel.get_waiting_message_count():
                return readings

    def ack(self, message: MessageProxy) -> None:
        """Acknowledge the batch if it is done; else give its readings back by ending this session.

        Dramatiq calls this after the actor has run, also when it has raised.
        """
        assert isinstance(message, BatchMessage)
        batch = message.batch
        if batch.session != self.session:
            return  # It came to a session that has ended since: the broker has its readings back.
        self._call(lambda: self._settle(batch))

    nack = ack

    def _settle(self, batch: Batch) -> None:
        if batch.done:
            self.channel.basic_ack(batch.last_tag, multiple=True)
            self._in_flight = None
        else:
            self._broken = f"a batch of {self.queue_name} failed; its readings are taken again"

    def assert_active(self) -> None:
        """Ask the broker whether this session still holds its partition. Raises `SessionLost` where not.

        Any request that is answered on the channel will do: the broker makes another consumer active
        only after this one's channel has ended.
        """
        answered = Event()

        def ask() -> None:
            self.channel.basic_qos(prefetch_count=topology.PREFETCH)
            answered.set()

        self._call(ask)
        while not answered.wait(timeout=0.05):
            if self._closed.is_set():
                raise SessionLost(f"the connection that held {self.queue_name} is gone")

    def requeue(self, messages: Any) -> None:
        """Nothing to do: the broker takes back what is not acknowledged when the channel closes."""

    def close(self) -> None:
        """End the session, after what was handed in by other threads is done."""
        self._closed.set()
        try:
            # pika breaks with other errors where a connection is used that was lost.
            if self.connection.is_open:
                self.connection.process_data_events(time_limit=0)
                self.connection.close()
        except _GONE as e:
            _logger.debug("The connection was closed already: %s", e)

    def _call(self, callback: Any) -> None:
        """Have the consumer's thread call `callback`; without effect where the connection is gone."""
        try:
            self.connection.add_callback_threadsafe(callback)
        except pika.exceptions.ConnectionWrongStateError:
            self._closed.set()
