"""Time without service: the longest pause that a client notices, of results, confirms and answers."""

import time
from collections.abc import Callable, Iterable
from threading import Event, Lock, Thread
from typing import Any, Final

import pika
import pika.exceptions

from pipeline import wire
from pipeline.broker.connection import BlockingConnection, connect, parameters_of
from tests.chaos.numbers import Numbers

#: The queue of all results. It is a quorum queue, so that it survives the loss of a node.
_QUEUE: Final = "chaos.results"

#: Results on their way to one consumer. A consumer that is cut off holds back as many.
_PREFETCH: Final = 20

#: Seconds between two heartbeats of a consumer, as in our other connections.
_HEARTBEAT: Final = 3


class Pauses:
    """The pauses between signs of life of some clients, from `start` to `stop`. `note` is thread-safe."""

    def __init__(self, names: Iterable[str]) -> None:
        self._lock = Lock()
        self._last = dict.fromkeys(names, 0.0)
        self._longest = 0.0
        self._missing = set[str]()

    def start(self) -> None:
        """Measure from now on."""
        with self._lock:
            self._last = dict.fromkeys(self._last, time.monotonic())
            self._longest = 0.0
            self._missing = set(self._last)

    def await_all(self) -> None:
        """Forget who has given a sign of life until now, for `all_alive`."""
        with self._lock:
            self._missing = set(self._last)

    def note(self, name: str) -> None:
        """Note a sign of life of a client."""
        with self._lock:
            now = time.monotonic()
            self._longest = max(self._longest, now - self._last[name])
            self._last[name] = now
            self._missing.discard(name)

    @property
    def missing(self) -> list[str]:
        """The clients that have given no sign of life since `await_all`."""
        with self._lock:
            return sorted(self._missing)

    def stop(self) -> float:
        """Return the longest pause of any client until now, in seconds."""
        with self._lock:
            return max(self._longest, time.monotonic() - min(self._last.values()))


class Results:
    """Consumes all results over a connection to each node, and checks that no two have the same number.

    `note` is called with the machine of each result.
    """

    def __init__(self, amqp_url: str, note: Callable[[str], None]) -> None:
        self.numbers = Numbers(amqp_url)
        self._note = note
        self._lock, self._stop = Lock(), Event()
        with connect(amqp_url) as connection:
            channel = connection.channel()
            channel.queue_declare(_QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
            channel.queue_bind(_QUEUE, wire.RESULTS_EXCHANGE, "#")
        self._threads = [
            Thread(target=self._run, args=(each,), name="results", daemon=True)
            for each in parameters_of(amqp_url)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop consuming."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, node: pika.URLParameters) -> None:
        while not self._stop.is_set():
            try:
                self._consume(node)
            except (pika.exceptions.AMQPError, OSError):
                self._stop.wait(0.2)

    def _consume(self, node: pika.URLParameters) -> None:
        with BlockingConnection(node, heartbeat=_HEARTBEAT) as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=_PREFETCH)
            channel.basic_consume(_QUEUE, self._on_result)
            while not self._stop.is_set():
                connection.process_data_events(time_limit=0.2)

    def _on_result(self, channel: Any, method: Any, _properties: object, body: bytes) -> None:
        with self._lock:
            machine = self.numbers.add(body)
        self._note(machine)
        channel.basic_ack(method.delivery_tag)
