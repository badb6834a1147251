"""From publishing a reading to its result, at a steady rate, seen from one process with one clock."""

import json
import time

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
    count = rate * seconds
    with plant.collect() as results:
        with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
            channel = connection.channel()
            start = time.monotonic()
            for number in range(count):
                due = start + number / rate
                while (ahead := due - time.monotonic()) > 0:
                    time.sleep(ahead)
                channel.basic_publish(
                    topology.INGEST_EXCHANGE,
                    topology.data_key(f"latency_{number % MACHINES}"),
                    json.dumps({"sent": time.monotonic()}).encode(),
                    pika.BasicProperties(delivery_mode=2),
                )
        wait_until(lambda: len(results.messages) >= count, timeout=60)
    return [
        arrived - event["data"]["sent"]
        for event, arrived in zip(results.events, results.arrivals, strict=True)
    ]


def _percentile(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
