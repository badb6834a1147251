"""The output of an installation: every result and every dead letter, stored by id, with repeats compared."""

import json
import time
from collections import defaultdict
from collections.abc import Callable
from hashlib import blake2b
from threading import Event, Thread
from typing import Any, Final

import pika
import pika.exceptions
from msgspec import Struct

from pipeline import wire

#: The queues that receive the results and copies of the dead letters. They are quorum queues, so that they
#: survive a SIGKILL of RabbitMQ.
RESULTS_QUEUE: Final = "chaos.results"
LETTERS_QUEUE: Final = "chaos.dead-letters"

_PREFETCH: Final = 1_000


class Result(Struct, frozen=True):
    """A result: the reading it belongs to, and a digest of its bytes."""

    n: int
    digest: bytes


class Letter(Struct, frozen=True):
    """A dead letter: its reading's bytes, the kind of failure, and a digest of all its content."""

    body: bytes
    kind: str
    digest: bytes


class Outcomes:
    """The results and dead letters of each machine's readings, by running number.

    `different` lists the ids that came with different bytes; `late` lists those that first came after a
    higher one.
    """

    def __init__(self) -> None:
        self.results = defaultdict[str, dict[int, Result]](dict)
        self.letters = defaultdict[str, dict[int, Letter]](dict)
        #: The results of timers: by the number of the run, a digest.
        self.timers = defaultdict[str, dict[int, bytes]](dict)
        self.different = list[str]()
        self.late = list[str]()
        self._highest = defaultdict[str, int](int)

    def add_result(self, message_id: str, body: bytes) -> tuple[str, int]:
        """Note a result. Return its machine and the number that the machine gave the reading."""
        event = json.loads(body)
        machine_id, number = event["subject"], int(event["id"])
        result = Result(event["data"]["n"], _digest(message_id, body))
        known = self.results[machine_id].setdefault(number, result)
        if known != result:
            self.different.append(f"{message_id}: two results")
        elif known is result:
            if number < self._highest[machine_id]:
                self.late.append(f"{message_id}: its first result came after that of a later reading")
            self._highest[machine_id] = max(number, self._highest[machine_id])
        return machine_id, result.n

    def add_timer(self, message_id: str, body: bytes) -> None:
        """Note the result of a timer."""
        event = json.loads(body)
        digest = _digest(message_id, body)
        runs = self.timers[event["subject"]]
        if runs.setdefault(event["data"]["run"], digest) != digest:
            self.different.append(f"{message_id}: two results")

    def add_letter(self, message_id: str, headers: dict[str, Any], body: bytes) -> None:
        """Note a dead letter."""
        machine_id, _, number = message_id.rpartition("/")
        # RabbitMQ adds its own header to redelivered messages.
        ours = sorted((name, value) for name, value in headers.items() if not name.startswith("x-"))
        letter = Letter(body, headers["kind"], _digest(message_id, body, repr(ours)))
        if self.letters[machine_id].setdefault(int(number), letter) != letter:
            self.different.append(f"{message_id}: two dead letters")


def _digest(*parts: str | bytes) -> bytes:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\0")
    return digest.digest()


def declare(amqp_url: str) -> None:
    """Declare the queues, before the first result."""
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        for queue, exchange in (
            (RESULTS_QUEUE, wire.RESULTS_EXCHANGE),
            (LETTERS_QUEUE, wire.DEAD_LETTERS_EXCHANGE),
        ):
            channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
            channel.queue_bind(queue, exchange, "#")


class Tap:
    """Consumes both queues into `outcomes`, and survives restarts of the broker.

    A message is acknowledged after it was noted, so it may be noted twice. `on_result` is called with the
    machine and the number of each result.
    """

    def __init__(self, amqp_url: str, on_result: Callable[[str, int], None]) -> None:
        self.outcomes = Outcomes()
        self.last_at = time.monotonic()
        self._url, self._on_result = amqp_url, on_result
        self._tag = 0
        self._stop = Event()
        self._thread = Thread(target=self._run, name="tap", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop consuming."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._consume()
            except (pika.exceptions.AMQPError, OSError):
                self._stop.wait(0.1)

    def _consume(self) -> None:
        with pika.BlockingConnection(pika.URLParameters(self._url)) as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=_PREFETCH)
            channel.basic_consume(RESULTS_QUEUE, self._take_result)
            channel.basic_consume(LETTERS_QUEUE, self._take_letter)
            acknowledged = self._tag = 0
            while not self._stop.is_set():
                connection.process_data_events(time_limit=0.05)
                if self._tag > acknowledged:
                    acknowledged = self._tag
                    channel.basic_ack(acknowledged, multiple=True)

    def _take_result(self, _channel: object, method: Any, properties: Any, body: bytes) -> None:
        if "/timer-" in properties.message_id:
            self.outcomes.add_timer(properties.message_id, body)
        else:
            self._on_result(*self.outcomes.add_result(properties.message_id, body))
        self._tag, self.last_at = method.delivery_tag, time.monotonic()

    def _take_letter(self, _channel: object, method: Any, properties: Any, body: bytes) -> None:
        self.outcomes.add_letter(properties.message_id, properties.headers, body)
        self._tag, self.last_at = method.delivery_tag, time.monotonic()
