"""Readings per second, compared with the usual way to build this: a Celery task per reading (`celery_tasks`).

Both sides use the same broker, Redis, logic and number of worker processes. In addition, Celery's prefork
pool has a process that hands out tasks, and our worker has its sandboxes. Enqueuing the tasks is not
measured.
"""

from collections import defaultdict
from functools import partial
from statistics import median

import pika
from msgspec import Struct

from tests.bench.figure import Figure, rate
from tests.bench.fleet import installation, names, provision
from tests.bench.load import Run, depth, open_sink, time_from_first_to_last, work_off
from tests.bench.progress import announce
from tests.bench.size import Size
from tests.bench.throughput import MACHINES, THREADS
from tests.support.installation import Installation
from tests.support.waiting import wait_until

#: The queue from which Celery consumes tasks.
TASKS = "celery"


class Celery(Struct):
    """Medians over all rounds: readings per second, and CPU in microseconds per reading with one process."""

    worker: float
    two_workers: float
    celery: float
    celery_two: float
    worker_cpu_us: float
    celery_cpu_us: float

    def figures(self) -> list[Figure]:
        return [
            Figure(
                name="one worker process to a Celery task per reading, one process",
                value=self.worker / self.celery,
                against=f"Celery: {rate(self.celery)}, {self.celery_cpu_us:,.0f} µs of CPU a reading",
            ),
            Figure(
                name="two worker processes to a Celery task per reading, two processes",
                value=self.two_workers / self.celery_two,
                against=f"Celery: {rate(self.celery_two)}",
            ),
        ]


def measure(size: Size) -> Celery:
    """Measure all sides in turn."""
    machine_ids = names(MACHINES)
    runs = defaultdict[str, list[Run]](list)
    with installation() as plant:
        provision(plant, machine_ids)
        for turn in range(size.rounds):
            for processes in (1, 2):
                announce(f"Celery, turn {turn + 1} of {size.rounds}: {processes} process(es) of a worker")
                worker = partial(plant.start_worker, processes, THREADS)
                runs[f"worker {processes}"].append(work_off(plant, worker, machine_ids, size.readings))
                announce(f"Celery, turn {turn + 1} of {size.rounds}: {processes} process(es) of Celery")
                runs[f"celery {processes}"].append(_celery(plant, processes, size.celery_readings))
    rates = {name: median(run.rate for run in each) for name, each in runs.items()}
    return Celery(
        worker=rates["worker 1"],
        two_workers=rates["worker 2"],
        celery=rates["celery 1"],
        celery_two=rates["celery 2"],
        worker_cpu_us=median(run.cpu_us for run in runs["worker 1"]),
        celery_cpu_us=median(run.cpu_us for run in runs["celery 1"]),
    )


def _celery(plant: Installation, processes: int, readings: int) -> Run:
    """Enqueue tasks, start Celery, and measure it."""
    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        channel = connection.channel()
        open_sink(channel)
        producer = plant.start("python", "-m", "tests.bench.celery_producer", str(readings), str(MACHINES))
        wait_until(lambda: producer.process.poll() is not None, timeout=300)
        assert producer.process.returncode == 0, producer.log
        wait_until(lambda: depth(channel, TASKS) == readings)
        return time_from_first_to_last(
            channel,
            lambda: plant.start(
                "celery",
                "-A",
                "tests.bench.celery_tasks",
                "worker",
                "--pool",
                "prefork",
                "--concurrency",
                str(processes),
                "--loglevel",
                "warning",
            ),
            readings,
        )
