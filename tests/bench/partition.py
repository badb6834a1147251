"""The rate of a single partition.

Its batches run one after the other, so it limits the rate of all machines of the partition together, however
many workers there are.
"""

from statistics import median

from msgspec import Struct

from tests.bench.figure import Figure, rate
from tests.bench.fleet import in_partition, installation, names, provision, settings_of
from tests.bench.load import work_off
from tests.bench.progress import announce
from tests.bench.size import Size
from tests.bench.throughput import MACHINES, THREADS


class OnePartition(Struct):
    """Readings per second of one worker process, by the distribution of the readings.

    All are in one partition, all are of one machine, or they are spread over all partitions.
    """

    partition: float
    machine: float
    all_partitions: float
    partitions: int

    def figures(self) -> list[Figure]:
        against = f"as many machines dealt out over {self.partitions} partitions: {rate(self.all_partitions)}"
        return [
            Figure(name="one partition", value=self.partition, unit="readings/s", against=against),
            Figure(name="one machine", value=self.machine, unit="readings/s", against=against),
        ]


def measure(size: Size) -> OnePartition:
    """Measure all distributions in turn, with one worker process."""
    rates: dict[str, list[float]] = {"one partition": [], "one machine": [], "all partitions": []}
    with installation() as plant:
        near, spread = in_partition(plant, 0, MACHINES), names(MACHINES)
        provision(plant, near + spread)
        sides = dict(zip(rates, (near, near[:1], spread), strict=True))
        for turn in range(size.rounds):
            for name, machine_ids in sides.items():
                announce(f"{name}, turn {turn + 1} of {size.rounds}")
                run = work_off(plant, lambda: plant.start_worker(1, THREADS), machine_ids, size.readings)
                rates[name].append(run.rate)
        one, machine, dealt_out = (median(each) for each in rates.values())
        return OnePartition(one, machine, dealt_out, settings_of(plant).partitions)
