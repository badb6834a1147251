"""From publishing a reading to its result, at a steady rate, seen from one process with one clock."""

import json
import time
from threading import Event, Thread
from typing import Any

import pika
from msgspec import Struct

from pipeline import topology
from tests.bench.progress import announce
from tests.installation import Installation
from tests.waiting import wait_until

#: How many machines send, and for how many seconds each rate is kept up.
MACHINES, SECONDS = 20, 10

LOGIC = 'def process(data, state): state["n"] = state.get("n", 0) + 1; return {"sent": data["sent"]}'


class Latency(Struct):
    """Milliseconds from publish to result, over all readings at this rate (readings a second)."""

    rate: int
    p50_ms: float
    p99_ms: float
    max_ms: float


class _Listener(Thread):
    """Takes the results as they come and notes how long each was on its way."""

    def __init__(self, amqp_url: str) -> None:
        super().__init__(daemon=True)
        self.seconds: list[float] = []
        self.stopping, self.ready = Event(), Event()
        self._url = amqp_url

    def run(self) -> None:
        with pika.BlockingConnection(pika.URLParameters(self._url)) as connection:
            channel = connection.channel()
            queue = channel.queue_declare("", exclusive=True).method.queue
            channel.queue_bind(queue, topology.RESULTS_EXCHANGE, "#")
            channel.basic_consume(queue, self._on_result, auto_ack=True)
            self.ready.set()
            while not self.stopping.is_set():
                connection.process_data_events(time_limit=0.1)

    def _on_result(self, _channel: object, _method: object, _properties: object, body: bytes) -> None:
        event: dict[str, Any] = json.loads(body)
        self.seconds.append(time.monotonic() - event["data"]["sent"])


def measure(plant: Installation, rates: list[int]) -> list[Latency]:
    """Measure at each rate, with one worker process."""
    for place in range(MACHINES):
        plant.upload(f"latency_{place}", LOGIC)
    worker = plant.start_worker(processes=1, threads=8)
    at_rate(plant, 50, seconds=2)  # until everything is warm
    measured = []
    for rate in rates:
        announce(f"latency at {rate} readings/s")
        seconds = sorted(at_rate(plant, rate, SECONDS))
        measured.append(
            Latency(rate, _percentile(seconds, 50) * 1e3, _percentile(seconds, 99) * 1e3, seconds[-1] * 1e3)
        )
    worker.stop()
    return measured


def at_rate(plant: Installation, rate: int, seconds: int) -> list[float]:
    """Send at this rate; for each result, how many seconds after its reading it came."""
    listener = _Listener(plant.amqp_url)
    listener.start()
    listener.ready.wait()
    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        channel = connection.channel()
        start = time.monotonic()
        for number in range(rate * seconds):
            due = start + number / rate
            while (ahead := due - time.monotonic()) > 0:
                time.sleep(ahead)
            channel.basic_publish(
                topology.INGEST_EXCHANGE,
                topology.data_key(f"latency_{number % MACHINES}"),
                json.dumps({"sent": time.monotonic()}).encode(),
                pika.BasicProperties(delivery_mode=2),
            )
    wait_until(lambda: len(listener.seconds) >= rate * seconds, timeout=60)
    listener.stopping.set()
    listener.join()
    return listener.seconds


def _percentile(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
