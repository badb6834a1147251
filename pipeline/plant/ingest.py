"""Accepts readings over REST, and publishes each as a device would."""

import uuid
from concurrent.futures import Future
from threading import Lock
from typing import Final

import pika

from pipeline import clock, wire
from pipeline.broker.publisher import PERSISTENT, Message, Publisher
from pipeline.errors import Busy
from pipeline.telemetry import tracing
from sandbox.limits import Limits
from sandbox.runtime.values import decode_reading

#: Maximum bytes of readings that wait for RabbitMQ's confirm.
UNCONFIRMED: Final = 64 * 1024**2

#: Seconds after which a client should retry if more than that waits.
_AGAIN_SECONDS: Final = 5


class Ingest:
    """Publishes readings. Safe to share between threads."""

    def __init__(self, publisher: Publisher, limits: Limits) -> None:
        self._publisher = publisher
        self._limits = limits
        self._sending = Lock()
        self._unconfirmed = 0

    def send(self, machine_id: str, body: bytes) -> "tuple[str, Future[None]]":
        """Publish a reading as a device would. Return its message id and a future for the broker's confirm.

        Raises `NotJson` if a worker would refuse the reading, and `Busy` if too many readings wait to be
        confirmed: a broker that is short of memory or disk accepts nothing, and sends no answer. Also if the
        broker has said so.
        """
        decode_reading(body, self._limits)
        if (blocked := self._publisher.blocked) is not None:
            raise Busy(blocked.removesuffix("."), _AGAIN_SECONDS)
        with self._sending:
            if self._unconfirmed + len(body) > UNCONFIRMED:
                raise Busy("Too many readings wait for RabbitMQ's confirmation", _AGAIN_SECONDS)
            self._unconfirmed += len(body)
        message_id = str(uuid.uuid4())
        properties = pika.BasicProperties(
            content_type="application/json",
            delivery_mode=PERSISTENT,
            message_id=message_id,
            headers={wire.SENT_AT_HEADER: clock.milliseconds_now(), **tracing.headers()},
        )
        message = Message(wire.INGEST_EXCHANGE, wire.data_key(machine_id), body, properties, mandatory=True)
        confirmed = self._publisher.publish([message])
        confirmed.add_done_callback(lambda _: self._settle(len(body)))
        return message_id, confirmed

    def _settle(self, count: int) -> None:
        with self._sending:
            self._unconfirmed -= count
