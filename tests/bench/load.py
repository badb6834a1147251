"""Measures a rate: readings wait in the partitions' queues, and are processed until all have results.

The results are in a queue. The clock runs from the first results to the last, so that the start of a side is
not included.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import count, cycle, islice

import pika
import psutil
from msgspec import Struct
from msgspec.structs import replace
from pika.adapters.blocking_connection import BlockingChannel

from pipeline import wire
from tests.bench.fleet import settings_of
from tests.bench.logic import reading
from tests.bench.server_cost import Spent, spent
from tests.support.installation import Command, Installation
from tests.support.waiting import wait_until

#: The queue that receives the results of all sides.
SINK = "bench.results"

#: All readings of a run are different: a worker could mistake equal ones for redeliveries.
_numbers = count()

#: The timeout of one measurement in seconds.
_PATIENCE = 900


class Run(Struct, frozen=True):
    """The result of one measurement.

    `rate` is readings per second. `cpu_us` is user and system time in microseconds per reading, of the
    process and all its children. `rabbitmq` and `redis` are the servers' costs per reading, `arriving` is
    RabbitMQ's cost before, until the reading was in its queue.
    """

    rate: float
    cpu_us: float
    rabbitmq: Spent
    redis: Spent
    arriving: Spent = Spent(0, 0)


def work_off(
    plant: Installation,
    start: Callable[[], Command],
    machine_ids: Sequence[str],
    readings: int,
    silent: frozenset[str] = frozenset(),
) -> Run:
    """Send readings of the machines in turn, start one side, and measure it.

    The `silent` machines have no results.
    """
    sent = list(islice(cycle(machine_ids), readings))
    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        channel = connection.channel()
        open_sink(channel)
        before = spent("beam.smp")
        publish(channel, sent)
        wait_until(lambda: waiting(channel, plant) == readings, timeout=_PATIENCE)
        arriving = Spent.a_reading(before, spent("beam.smp"), readings)
        run = time_from_first_to_last(channel, start, sum(machine_id not in silent for machine_id in sent))
        return replace(run, arriving=arriving)


def time_from_first_to_last(channel: BlockingChannel, start: Callable[[], Command], results: int) -> Run:
    """Start one side, whose readings wait already, and measure it until there are this many results."""
    process = start()
    wait_until(lambda: depth(channel, SINK) > 0, timeout=60)
    first, began, before = depth(channel, SINK), time.perf_counter(), _spent(process)
    wait_until(lambda: depth(channel, SINK) >= results, timeout=_PATIENCE)
    seconds, after = time.perf_counter() - began, _spent(process)
    process.stop()
    cpu, rabbitmq, redis = (
        Spent.a_reading(*pair, results - first) for pair in zip(before, after, strict=True)
    )
    return Run((results - first) / seconds, cpu.cpu_us, rabbitmq, redis)


def open_sink(channel: BlockingChannel) -> None:
    """Declare the queue for the results, and empty it."""
    channel.queue_declare(SINK, durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(SINK, wire.RESULTS_EXCHANGE, "#")
    channel.queue_purge(SINK)
    wait_until(lambda: depth(channel, SINK) == 0)


def publish(channel: BlockingChannel, machine_ids: Iterable[str]) -> None:
    """Send a reading of each machine in turn, as fast as possible."""
    for machine_id, number in zip(machine_ids, _numbers, strict=False):
        channel.basic_publish(
            wire.INGEST_EXCHANGE,
            wire.data_key(machine_id),
            json.dumps(reading(number)).encode(),
            pika.BasicProperties(delivery_mode=2),
        )


def depth(channel: BlockingChannel, queue: str) -> int:
    """Return the number of ready messages in a queue."""
    count: int = channel.queue_declare(queue, passive=True).method.message_count
    return count


def waiting(channel: BlockingChannel, plant: Installation) -> int:
    """Return the number of ready readings in all partitions."""
    partitions = settings_of(plant).partitions
    return sum(depth(channel, wire.readings_queue(partition)) for partition in range(partitions))


def _spent(command: Command) -> tuple[Spent, Spent, Spent]:
    """Return the costs of the command with its children, of RabbitMQ, and of Redis so far."""
    process = psutil.Process(command.process.pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    own = Spent(sum(each.user + each.system for each in times) * 1e6, 0)
    return own, spent("beam.smp"), spent("redis-server")
