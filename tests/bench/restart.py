"""From starting a worker to its first result, after the previous one has ended and while readings wait."""

import time
from collections.abc import Callable, Collection
from statistics import median

import pika
from msgspec import Struct
from pika.adapters.blocking_connection import BlockingChannel

from pipeline import wire
from tests.bench.figure import Figure, number
from tests.bench.fleet import installation, names, provision, settings_of
from tests.bench.load import SINK, depth, open_sink, publish, waiting
from tests.bench.progress import announce
from tests.bench.size import Size
from tests.bench.throughput import MACHINES, THREADS, plain_pika
from tests.support.installation import Command, Installation
from tests.support.waiting import wait_until


class Start(Struct, frozen=True):
    """Seconds from starting a process to its first result, and until each machine has one."""

    first: float
    all_machines: float


class Restart(Struct):
    """All starts."""

    after_stop: list[Start]
    after_kill: list[Start]
    plain_pika: list[Start]

    def figures(self) -> list[Figure]:
        plain = median(start.first for start in self.plain_pika)
        return [
            figure
            for how, starts in (("SIGTERM", self.after_stop), ("SIGKILL", self.after_kill))
            for figure in (
                Figure(
                    name=f"first result of a restarted worker, after {how}, the longest of {len(starts)}",
                    value=max(start.first for start in starts),
                    unit="s",
                    at_most=3,
                    against=f"a process of plain pika: {number(plain)} s, the median of as many",
                ),
                Figure(
                    name=f"until it serves all partitions, after {how}, the longest of {len(starts)}",
                    value=max(start.all_machines for start in starts),
                    unit="s",
                ),
            )
        ]


def measure(size: Size) -> Restart:
    """Restart a worker repeatedly, in turn after SIGTERM and after SIGKILL, and plain pika."""
    machine_ids = names(MACHINES)
    after_stop, after_kill, plain = list[Start](), list[Start](), list[Start]()
    with installation() as plant, pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        provision(plant, machine_ids)
        channel = connection.channel()
        for turn in range(size.restarts):
            announce(f"restarts, turn {turn + 1} of {size.restarts}")
            for starts, end in ((after_stop, Command.stop), (after_kill, Command.kill)):
                _backlog(channel, plant, machine_ids, size.readings)
                worker = plant.start_worker(1, THREADS)
                wait_until(lambda: depth(channel, SINK) > 0, timeout=60)
                end(worker)
                worker, start = _start(channel, plant, machine_ids, lambda: plant.start_worker(1, THREADS))
                starts.append(start)
                _empty(channel, plant, worker)
            _backlog(channel, plant, machine_ids, size.readings)
            process, start = _start(channel, plant, machine_ids, lambda: plain_pika(plant))
            plain.append(start)
            _empty(channel, plant, process)
    return Restart(after_stop, after_kill, plain)


def _backlog(channel: BlockingChannel, plant: Installation, machine_ids: list[str], readings: int) -> None:
    open_sink(channel)
    for partition in range(settings_of(plant).partitions):
        channel.queue_purge(wire.readings_queue(partition))
    publish(channel, [machine_ids[place % len(machine_ids)] for place in range(readings)])
    wait_until(lambda: waiting(channel, plant) == readings, timeout=60)


def _start(
    channel: BlockingChannel, plant: Installation, machine_ids: Collection[str], start: Callable[[], Command]
) -> tuple[Command, Start]:
    """Start a side, and wait for its results."""
    # Results of the previous process may still be in transit.
    _wait_for_quiet(channel)
    # Each machine must have a reading, whatever the previous process has processed.
    before = waiting(channel, plant)
    publish(channel, machine_ids)
    wait_until(lambda: waiting(channel, plant) == before + len(machine_ids))
    keys = {wire.result_key(machine_id) for machine_id in machine_ids}
    with plant.collect() as results:
        began = time.monotonic()
        process = start()
        wait_until(lambda: keys <= {key for key, _, _ in list(results.messages)}, timeout=60)
    first = dict[str, float]()
    for (key, _, _), arrived in zip(results.messages, results.arrivals, strict=True):
        first.setdefault(key, arrived - began)
    return process, Start(min(first.values()), max(first.values()))


def _wait_for_quiet(channel: BlockingChannel) -> None:
    before, now = -1, depth(channel, SINK)
    while before != now:
        time.sleep(0.3)
        before, now = now, depth(channel, SINK)


def _empty(channel: BlockingChannel, plant: Installation, process: Command) -> None:
    """Wait until the remaining readings are processed, and end the process."""
    wait_until(lambda: waiting(channel, plant) == 0, timeout=60)
    # Unacknowledged readings of the process would return to the queues.
    _wait_for_quiet(channel)
    process.stop()
