"""Readings per second through the whole system, compared with plain pika for the same messages.

All sides process the same readings, which wait in the partitions' quorum queues. They are done when all
results are in the same durable queue behind the `results` exchange. Plain pika only consumes and publishes:
it has no logic, no state and no confirms, and acknowledges each message separately, as its tutorials do. The
sides take turns, so that a noisy machine affects all of them.
"""

from statistics import median

from msgspec import Struct

from tests.bench.figure import Figure, rate
from tests.bench.fleet import installation, names, provision
from tests.bench.load import Run, work_off
from tests.bench.progress import announce
from tests.bench.server_cost import Spent
from tests.bench.size import Size
from tests.support.installation import Command, Installation

#: The number of machines that send, and the threads of each worker process.
MACHINES, THREADS = 100, 2


class Throughput(Struct):
    """Medians over all rounds. Rates are readings per second, CPU is microseconds per reading.

    The servers' costs are for one worker process. RabbitMQ's are separate for accepting a reading, and for
    delivering it and accepting its result.
    """

    worker: float
    two_workers: float
    plain_pika: float
    ratio: float
    two_to_one: float
    worker_cpu_us: float
    plain_pika_cpu_us: float
    rabbitmq_in: Spent
    rabbitmq_out: Spent
    redis: Spent

    def figures(self) -> list[Figure]:
        plain = f"plain pika, one process: {rate(self.plain_pika)}"
        return [
            Figure(name="one worker process", value=self.worker, unit="readings/s", against=plain),
            Figure(name="one worker process to plain pika", value=self.ratio, at_least=1.0, against=plain),
            Figure(
                name="CPU of a worker with its sandboxes",
                value=self.worker_cpu_us,
                unit="µs a reading",
                at_most=60,
                against=f"plain pika: {self.plain_pika_cpu_us:.0f} µs",
            ),
            Figure(
                name="two worker processes to one",
                value=self.two_to_one,
                at_least=1.0,
                against=f"one: {rate(self.worker)}, two: {rate(self.two_workers)}, on the same cores",
            ),
            Figure(
                name="CPU of RabbitMQ",
                value=self.rabbitmq_in.cpu_us + self.rabbitmq_out.cpu_us,
                unit="µs a reading",
                against=f"{self.rabbitmq_in.cpu_us:.0f} µs until it lies in its queue, "
                f"{self.rabbitmq_out.cpu_us:.0f} µs from there until its result lies in a queue",
            ),
            Figure(name="CPU of Redis", value=self.redis.cpu_us, unit="µs a reading"),
            Figure(
                name="written to disk by RabbitMQ",
                value=self.rabbitmq_in.written + self.rabbitmq_out.written,
                unit="bytes a reading",
                against=f"{self.rabbitmq_in.written:,.0f} bytes for the reading, "
                f"{self.rabbitmq_out.written:,.0f} bytes for its result",
            ),
            Figure(name="written to disk by Redis", value=self.redis.written, unit="bytes a reading"),
        ]


def measure(size: Size) -> Throughput:
    """Measure all sides in turn."""
    machine_ids = names(MACHINES)
    with installation() as plant:
        provision(plant, machine_ids)
        sides = {
            "plain pika": lambda: plain_pika(plant),
            "one worker process": lambda: plant.start_worker(1, THREADS),
            "two worker processes": lambda: plant.start_worker(2, THREADS),
        }
        runs: dict[str, list[Run]] = {name: [] for name in sides}
        for turn in range(size.rounds):
            for name, start in sides.items():
                announce(f"throughput, turn {turn + 1} of {size.rounds}: {name}")
                runs[name].append(work_off(plant, start, machine_ids, size.readings))
    plain, one, two = runs.values()
    return Throughput(
        worker=_rate(one),
        two_workers=_rate(two),
        plain_pika=_rate(plain),
        ratio=_rate(one) / _rate(plain),
        two_to_one=_rate(two) / _rate(one),
        worker_cpu_us=median(run.cpu_us for run in one),
        plain_pika_cpu_us=median(run.cpu_us for run in plain),
        rabbitmq_in=_median([run.arriving for run in one]),
        rabbitmq_out=_median([run.rabbitmq for run in one]),
        redis=_median([run.redis for run in one]),
    )


def plain_pika(plant: Installation, *arguments: str) -> Command:
    """Start the first baseline."""
    return plant.start("python", "-m", "tests.bench.plain_pika", *arguments)


def _rate(runs: list[Run]) -> float:
    return median(run.rate for run in runs)


def _median(spent: list[Spent]) -> Spent:
    return Spent(median(each.cpu_us for each in spent), median(each.written for each in spent))
