"""Readings a second over the whole road, beside plain pika that consumes and publishes the same messages.

Both take the same readings, waiting in the partitions' quorum queues, and both are done when as many
messages lie in the same durable queue behind the `results` exchange. Plain pika does nothing else: no
logic, no state, no confirms, each message acknowledged by itself, as its tutorials show it. The two take
turns, so that a noisy machine is noisy for both.
"""

import json
import time
from collections.abc import Callable
from statistics import median

import pika
import psutil
from msgspec import Struct
from pika.adapters.blocking_connection import BlockingChannel

from pipeline import topology
from pipeline.settings import Settings
from tests.bench.progress import announce
from tests.installation import Command, Installation
from tests.waiting import wait_until

#: Readings in one measurement, from how many machines, and how often each side is measured.
READINGS, MACHINES, ROUNDS = 30_000, 100, 3

#: The queue that the results of both sides end in.
SINK = "bench.results"

LOGIC = """
def process(data, state):
    state["count"] = state.get("count", 0) + 1
    state["mean"] = state.get("mean", 0.0) * 0.9 + data["temperature"] * 0.1
    return {"count": state["count"], "mean": state["mean"]}
"""


class Throughput(Struct):
    """Medians over all rounds. Rates are readings a second; CPU is microseconds of user and system time a
    reading, of the worker process and its sandbox children together."""

    worker: float
    plain_pika: float
    ratio: float
    worker_cpu_us: float
    plain_pika_cpu_us: float


def measure(plant: Installation) -> Throughput:
    """Measure both sides in turn."""
    settings = Settings(amqp_url=plant.amqp_url)
    topology.ensure(settings)
    for place in range(MACHINES):
        plant.upload(f"bench_{place}", LOGIC)
    worker_runs, plain_runs = list[tuple[float, float]](), list[tuple[float, float]]()
    for turn in range(ROUNDS):
        announce(f"throughput, turn {turn + 1} of {ROUNDS}: plain pika")
        plain_runs.append(run(plant, settings, lambda: _start_plain_pika(plant)))
        announce(f"throughput, turn {turn + 1} of {ROUNDS}: the worker")
        worker_runs.append(run(plant, settings, lambda: plant.start_worker(1, 8)))
    worker, plain = (median(rate for rate, _ in runs) for runs in (worker_runs, plain_runs))
    return Throughput(
        worker=worker,
        plain_pika=plain,
        ratio=worker / plain,
        worker_cpu_us=median(cpu for _, cpu in worker_runs),
        plain_pika_cpu_us=median(cpu for _, cpu in plain_runs),
    )


def run(
    plant: Installation, settings: Settings, start: Callable[[], Command], results: int = READINGS
) -> tuple[float, float]:
    """Fill the queues, start one side, and time it from its first result to its last: rate and CPU."""
    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        channel = connection.channel()
        _fill(channel, settings)
        process = start()
        wait_until(lambda: _depth(channel) > 0, timeout=30)
        first, began, busy = _depth(channel), time.perf_counter(), _cpu_seconds(process)
        wait_until(lambda: _depth(channel) >= results, timeout=300)
        seconds, busy = time.perf_counter() - began, _cpu_seconds(process) - busy
        process.stop()
    return (results - first) / seconds, busy / (results - first) * 1e6


def _fill(channel: BlockingChannel, settings: Settings) -> None:
    channel.queue_declare(SINK, durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(SINK, topology.RESULTS_EXCHANGE, "#")
    channel.queue_purge(SINK)
    for number in range(READINGS):
        body = {"number": number, "temperature": 20 + number % 50 * 0.7, "signal": 1, "unit": "celsius"}
        channel.basic_publish(
            topology.INGEST_EXCHANGE,
            topology.data_key(f"bench_{number % MACHINES}"),
            json.dumps(body).encode(),
            pika.BasicProperties(delivery_mode=2),
        )
    queues = [topology.readings_queue(partition) for partition in range(settings.partitions)]
    wait_until(
        lambda: (
            sum(channel.queue_declare(queue, passive=True).method.message_count for queue in queues)
            == READINGS
        ),
        timeout=60,
    )


def _depth(channel: BlockingChannel) -> int:
    depth: int = channel.queue_declare(SINK, passive=True).method.message_count
    return depth


def _cpu_seconds(command: Command) -> float:
    process = psutil.Process(command.process.pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def _start_plain_pika(plant: Installation) -> Command:
    return plant.start("python", "-m", "tests.bench.plain_pika")
