"""The cost of many machines and many logics: the rate with them, compared with 100 machines and one logic."""

import random
from statistics import median
from typing import Final

from msgspec import Struct

from pipeline.store.client import connect
from tests.bench.figure import Figure, rate
from tests.bench.fleet import installation, names, provision, provision_each, settings_of
from tests.bench.load import work_off
from tests.bench.logic import LOGIC
from tests.bench.progress import announce
from tests.bench.size import Size
from tests.bench.throughput import MACHINES, THREADS
from tests.support.installation import Installation

#: Fixed, so that each run has the same order of machines.
_SEED: Final = 20_261_125


class Scale(Struct):
    """Readings per second of one worker process. A machine's size in Redis is bytes of Redis's memory."""

    machines: int
    logics: int
    few: float
    many_machines: float
    many_logics: float
    machine_bytes: float

    def figures(self) -> list[Figure]:
        against = f"{MACHINES} machines, one logic: {rate(self.few)}"
        return [
            Figure(
                name=f"{self.machines:,} machines to {MACHINES}",
                value=self.many_machines / self.few,
                at_least=0.8,
                against=against,
            ),
            Figure(
                name=f"{self.logics:,} logics on as many machines to one on {MACHINES}",
                value=self.many_logics / self.few,
                at_least=0.8,
                against=against,
            ),
            Figure(name="memory of a machine in Redis", value=self.machine_bytes, unit="bytes"),
        ]


def measure(size: Size) -> Scale:
    """Measure all cases in turn, with one worker process, after each machine has sent a reading."""
    many = names(size.machines, "many")
    random.Random(_SEED).shuffle(many)
    few, different = names(MACHINES), names(size.logics, "different")
    rates: dict[str, list[float]] = {"few machines": [], "many machines": [], "many logics": []}
    with installation() as plant:
        announce(f"{size.machines:,} machines get their logic and their first reading")
        empty = _redis_bytes(plant)
        provision(plant, many)
        work_off(plant, lambda: plant.start_worker(1, THREADS), many, len(many))
        machine_bytes = (_redis_bytes(plant) - empty) / len(many)
        provision(plant, few)
        provision_each(plant, {each: f"{LOGIC}\n\nPLACE = '{each}'\n" for each in different})
        for turn in range(size.rounds):
            # As far as possible, each round reads and writes the records of other machines.
            start = turn * size.readings % len(many)
            sides = {
                "few machines": few,
                "many machines": many[start:] + many[:start],
                "many logics": different,
            }
            for name, machine_ids in sides.items():
                announce(f"{name}, turn {turn + 1} of {size.rounds}")
                run = work_off(plant, lambda: plant.start_worker(1, THREADS), machine_ids, size.readings)
                rates[name].append(run.rate)
    few_rate, many_rate, logics_rate = (median(each) for each in rates.values())
    return Scale(size.machines, size.logics, few_rate, many_rate, logics_rate, machine_bytes)


def _redis_bytes(plant: Installation) -> int:
    with connect(settings_of(plant)) as client:
        used: int = client.info("memory")["used_memory"]
    return used
