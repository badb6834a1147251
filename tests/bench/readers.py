"""Readings per second while 500 clients read live events, 50 of which are stuck, compared with no readers.

The sides take turns, each with its own API and worker process. All processes, including the clients, share
the machine's cores, so the ratio includes every cost of a reader.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import psutil
from msgspec import Struct

from tests.bench.figure import Figure, rate
from tests.bench.fleet import installation, names, provision
from tests.bench.load import work_off
from tests.bench.progress import announce
from tests.bench.size import Size
from tests.bench.throughput import MACHINES, THREADS
from tests.support.installation import Command, Installation
from tests.support.waiting import wait_until

#: The number of clients, and the number of those that never read their stream.
READERS, STUCK = 500, 50


class Readers(Struct):
    """Medians over all rounds.

    Readings per second with readers and without; the API's memory (MiB) with them, at most, and before they
    came; and the events per second that each reader received.
    """

    with_readers: float
    without: float
    memory_mib: float
    memory_before_mib: float
    events: float

    def figures(self) -> list[Figure]:
        return [
            Figure(
                name=f"beside {READERS} readers of events, {STUCK} of them stuck, to without them",
                value=self.with_readers / self.without,
                at_least=0.9,
                against=f"without: {rate(self.without)}; each reader was given {rate(self.events)} events",
            ),
            Figure(
                name="memory of the API with them",
                value=self.memory_mib,
                unit="MiB",
                at_most=256,
                against=f"before they came: {self.memory_before_mib:.0f} MiB",
            ),
        ]


def measure(size: Size) -> Readers:
    """Measure both sides in turn."""
    machine_ids = names(MACHINES)
    rates: dict[bool, list[float]] = {False: [], True: []}
    memory, before, events = list[float](), list[float](), list[float]()
    with installation() as plant:
        provision(plant, machine_ids)
        for turn in range(size.rounds):
            for read in (False, True):
                announce(
                    f"readers of events, turn {turn + 1} of {size.rounds}: {'with' if read else 'without'}"
                )
                api = plant.start_api()
                before.append(_resident(api))
                with _reading(plant, events) if read else _nobody():
                    run = work_off(plant, lambda: plant.start_worker(1, THREADS), machine_ids, size.readings)
                    if read:
                        memory.append(_resident(api))
                rates[read].append(run.rate)
                api.stop()
    return Readers(median(rates[True]), median(rates[False]), max(memory), median(before), median(events))


@contextmanager
def _reading(plant: Installation, events: list[float]) -> Iterator[None]:
    clients = plant.start(
        "python",
        "-m",
        "tests.bench.event_readers",
        plant.environ["IOT_LOGIC_API_URL"],
        str(READERS),
        str(STUCK),
    )
    wait_until(lambda: "connected" in clients.log, timeout=60)
    yield
    clients.stop()
    events.append(float(clients.log.split()[-1]))


@contextmanager
def _nobody() -> Iterator[None]:
    yield


def _resident(command: Command) -> float:
    """Return the memory of the command's own process, in MiB."""
    return psutil.Process(command.process.pid).memory_info().rss / 1024**2
