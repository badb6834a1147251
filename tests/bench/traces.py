"""The cost of traces for a worker: its CPU per reading with them, compared with none, in turn.

Measured once under load, with large batches, and once at a low rate, at which each reading is a batch with
its spans. The collector runs in this process, and is not included.
"""

from collections.abc import Callable
from statistics import median

import psutil
from msgspec import Struct

from tests.bench.figure import Figure, number
from tests.bench.fleet import installation, names, provision
from tests.bench.latency import LOGIC, at_rate
from tests.bench.load import work_off
from tests.bench.progress import announce
from tests.bench.size import Size
from tests.bench.throughput import MACHINES, THREADS
from tests.support.installation import Command
from tests.support.otlp import OtlpCollector

#: The low rate, in readings per second.
RATE = 100


class Traces(Struct):
    """Medians over all rounds, in microseconds of CPU per reading."""

    load_off: float
    load_on: float
    slow_off: float
    slow_on: float

    def figures(self) -> list[Figure]:
        return [
            Figure(
                name="CPU of a worker with traces to without, under load",
                value=self.load_on / self.load_off,
                against=f"{number(self.load_on)} µs a reading, without {number(self.load_off)} µs",
            ),
            Figure(
                name=f"CPU of a worker with traces to without, at {RATE}/s",
                value=self.slow_on / self.slow_off,
                against=f"{number(self.slow_on)} µs a reading, without {number(self.slow_off)} µs",
            ),
        ]


def measure(size: Size) -> Traces:
    """Measure a worker process with traces and one without in turn."""
    load_ids, slow_ids = names(MACHINES), names(MACHINES, "slow")
    with installation() as plant, OtlpCollector() as collector:
        provision(plant, load_ids)
        provision(plant, slow_ids, LOGIC)
        sides: dict[str, Callable[[], Command]] = {
            "off": lambda: plant.start_worker(1, THREADS),
            "on": lambda: plant.start_worker(
                1, THREADS, environ={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
            ),
        }
        load: dict[str, list[float]] = {name: [] for name in sides}
        slow: dict[str, list[float]] = {name: [] for name in sides}
        for turn in range(size.rounds):
            for name, start in sides.items():
                announce(f"traces, turn {turn + 1} of {size.rounds}: {name}")
                load[name].append(work_off(plant, start, load_ids, size.readings).cpu_us)
                worker = start()
                at_rate(plant, slow_ids, RATE, seconds=2)  # to warm everything up
                before = _cpu(worker)
                at_rate(plant, slow_ids, RATE, size.seconds)
                slow[name].append((_cpu(worker) - before) * 1e6 / (RATE * size.seconds))
                worker.stop()
    return Traces(*(median(side) for part in (load, slow) for side in part.values()))


def _cpu(command: Command) -> float:
    """Return the seconds of CPU that a command and its children have used."""
    process = psutil.Process(command.process.pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)
