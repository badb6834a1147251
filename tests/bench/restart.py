"""From starting a worker to its first result, where one has ended before it and readings wait."""

import time
from collections.abc import Callable
from statistics import median

import pika
from msgspec import Struct
from pika.adapters.blocking_connection import BlockingChannel

from pipeline import topology
from tests.bench.figure import Figure
from tests.bench.fleet import installation, names, provision, settings_of
from tests.bench.load import SINK, depth, open_sink, publish, waiting
from tests.bench.progress import announce
from tests.bench.size import Size
from tests.bench.throughput import MACHINES, THREADS, plain_pika
from tests.installation import Command, Installation
from tests.waiting import wait_until


class Restart(Struct):
    """Seconds of each start."""

    after_stop: list[float]
    after_kill: list[float]
    plain_pika: list[float]

    def figures(self) -> list[Figure]:
        against = f"a process of plain pika: {median(self.plain_pika):.2f} s, the median of as many"
        return [
            Figure(
                name=f"first result of a restarted worker, after {how}, the longest of {len(seconds)}",
                value=max(seconds),
                unit="s",
                at_most=3,
                against=against,
            )
            for how, seconds in (("SIGTERM", self.after_stop), ("SIGKILL", self.after_kill))
        ]


def measure(size: Size) -> Restart:
    """Restart a worker again and again, in turn after SIGTERM and after SIGKILL, and plain pika."""
    machine_ids = names(MACHINES)
    after_stop, after_kill, plain = list[float](), list[float](), list[float]()
    with installation() as plant, pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        provision(plant, machine_ids)
        channel = connection.channel()
        for turn in range(size.restarts):
            announce(f"restarts, turn {turn + 1} of {size.restarts}")
            for seconds, end in ((after_stop, Command.stop), (after_kill, Command.kill)):
                _backlog(channel, plant, machine_ids, size.readings)
                worker, _ = _first_result(channel, lambda: plant.start_worker(1, THREADS))
                end(worker)
                assert waiting(channel, plant), "there is nothing left to be restarted for"
                worker, taken = _first_result(channel, lambda: plant.start_worker(1, THREADS))
                seconds.append(taken)
                _empty(channel, plant, worker)
            _backlog(channel, plant, machine_ids, size.readings)
            process, taken = _first_result(channel, lambda: plain_pika(plant))
            plain.append(taken)
            _empty(channel, plant, process)
    return Restart(after_stop, after_kill, plain)


def _backlog(channel: BlockingChannel, plant: Installation, machine_ids: list[str], readings: int) -> None:
    open_sink(channel)
    for partition in range(settings_of(plant).partitions):
        channel.queue_purge(topology.readings_queue(partition))
    publish(channel, [machine_ids[place % len(machine_ids)] for place in range(readings)])
    wait_until(lambda: waiting(channel, plant) == readings, timeout=60)


def _first_result(channel: BlockingChannel, start: Callable[[], Command]) -> tuple[Command, float]:
    """Start a side. Seconds until a result lies in the sink, which is emptied before."""
    # What its predecessor has sent may still be on its way.
    _wait_for_quiet(channel)
    channel.queue_purge(SINK)
    began = time.monotonic()
    process = start()
    wait_until(lambda: depth(channel, SINK) > 0, timeout=60)
    return process, time.monotonic() - began


def _wait_for_quiet(channel: BlockingChannel) -> None:
    before, now = -1, depth(channel, SINK)
    while before != now:
        time.sleep(0.3)
        before, now = now, depth(channel, SINK)


def _empty(channel: BlockingChannel, plant: Installation, process: Command) -> None:
    """Have the rest worked off, and end the process."""
    wait_until(lambda: waiting(channel, plant) == 0, timeout=60)
    # What the process was given ahead would go back to the queues.
    _wait_for_quiet(channel)
    process.stop()
