"""Whether a worker's memory stays constant over a million readings.

It measures the resident memory of the process and its children.
"""

from itertools import cycle, islice
from statistics import linear_regression, median

import pika
import psutil
from msgspec import Struct

from pipeline import wire
from pipeline.store.client import connect
from pipeline.store.records import Records
from tests.bench.figure import Figure, number
from tests.bench.fleet import installation, names, provision, settings_of
from tests.bench.load import SINK, publish
from tests.bench.progress import announce
from tests.bench.size import Size
from tests.bench.throughput import MACHINES, THREADS
from tests.support.installation import Command
from tests.support.waiting import wait_until

#: Results that are kept; nothing reads them.
_KEPT = 10_000


class Memory(Struct):
    """Pairs of applied readings and resident bytes, in the order of measurement."""

    samples: list[tuple[int, int]]

    def quarter(self, place: int) -> float:
        """Return the median of the resident bytes in a quarter of the samples, counted from 1."""
        length = len(self.samples) / 4
        return median(size for _, size in self.samples[round((place - 1) * length) : round(place * length)])

    @property
    def slope(self) -> float:
        """Return the growth in bytes per reading over the last three quarters, by least squares."""
        rest = self.samples[len(self.samples) // 4 :]
        return linear_regression([count for count, _ in rest], [size for _, size in rest]).slope

    def figures(self) -> list[Figure]:
        second, last = self.quarter(2), self.quarter(4)
        total = self.samples[-1][0]
        return [
            Figure(
                name=f"worker's memory over {total:,} readings, last quarter to second",
                value=last / second,
                at_most=1.02,
                against=f"second quarter: {number(second / 1024**2)} MiB; "
                f"slope {number(self.slope * 1e6 / 1024**2)} MiB a million readings",
            ),
        ]


def measure(size: Size) -> Memory:
    """Watch one worker process while readings are sent in steps, so that few wait at any time."""
    machine_ids, samples = names(MACHINES), list[tuple[int, int]]()
    with installation() as plant, connect(settings_of(plant)) as client:
        provision(plant, machine_ids)
        records = Records(client)
        worker = plant.start_worker(1, THREADS)

        def applied() -> int:
            return sum(each.record.number for each in records.read(machine_ids).values())

        with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
            channel = connection.channel()
            channel.queue_declare(SINK, durable=True, arguments={"x-max-length": _KEPT})
            channel.queue_bind(SINK, wire.RESULTS_EXCHANGE, "#")
            machines = cycle(machine_ids)
            for sent in range(size.memory_step, size.memory_readings + 1, size.memory_step):
                if sent * 10 % size.memory_readings == 0:
                    announce(f"memory, {sent:,} of {size.memory_readings:,} readings")
                publish(channel, islice(machines, size.memory_step))
                # The previous step is done; this one is being processed while the next one is sent.
                done_before = sent - size.memory_step
                wait_until(lambda least=done_before: applied() >= least, timeout=120)  # type: ignore[misc]
                samples.append((applied(), _resident(worker)))
            wait_until(lambda: applied() == size.memory_readings, timeout=120)
            samples.append((size.memory_readings, _resident(worker)))
        worker.stop()
    return Memory(samples)


def _resident(command: Command) -> int:
    process = psutil.Process(command.process.pid)
    return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))
