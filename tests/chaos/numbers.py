"""The numbers of all results, and how many of them two different results have."""

from threading import Event, Thread
from typing import Any, Self

import msgspec
import pika
from msgspec import Struct

from pipeline import wire


class _Data(Struct):
    n: int


class _Event(Struct):
    """The checked fields of a result."""

    id: str
    subject: str
    data: _Data


class Numbers:
    """Reads all results from now on. A result may arrive twice, but only with the same contents."""

    def __init__(self, amqp_url: str) -> None:
        self.used_twice = 0
        self._url = amqp_url
        self._seen = dict[tuple[str, str], int]()
        self._decode = msgspec.json.Decoder(_Event).decode
        self._bound, self._stop = Event(), Event()
        self._thread = Thread(target=self._run, name="numbers", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._bound.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with pika.BlockingConnection(pika.URLParameters(self._url)) as connection:
            channel = connection.channel()
            queue = channel.queue_declare("", exclusive=True).method.queue
            channel.queue_bind(queue, wire.RESULTS_EXCHANGE, "#")
            channel.basic_consume(queue, self._on_result, auto_ack=True)
            self._bound.set()
            while not self._stop.is_set():
                connection.process_data_events(time_limit=0.2)

    def _on_result(self, _channel: object, _method: object, _properties: Any, body: bytes) -> None:
        self.add(body)

    def add(self, body: bytes) -> str:
        """Check the number of one result. Return its machine."""
        event = self._decode(body)
        if self._seen.setdefault((event.subject, event.id), event.data.n) != event.data.n:
            self.used_twice += 1
        return event.subject
