"""The cost of a flooding machine for the other machines of its partition.

They send at a steady rate. In the same partition one machine sends far more than the worker can process, and
its logic is slow. Their latency, and the number of their results that arrive while they send, are measured
with the flood and without.
"""

import time
from collections.abc import Sequence
from statistics import median
from typing import Final

from msgspec import Struct

from tests.bench.figure import Figure
from tests.bench.fleet import in_partition, installation, provision
from tests.bench.latency import LOGIC, MACHINES, Quantiles, Sending, Trip, at_rate
from tests.bench.progress import announce
from tests.bench.size import Size
from tests.bench.throughput import THREADS
from tests.support.installation import Installation
from tests.support.waiting import wait_until

#: Readings per second of all other machines together, and of the flooding machine.
RATE: Final = 200
FLOOD_RATE: Final = 1_000

#: A few milliseconds of work, well within the limits, without results.
SLOW = """
def process(data, state):
    total = 0
    for place in range(10_000):
        total += place
    state["total"], state["last"] = total, data.get("last", False)
"""

#: Seconds to wait for the last results, and for the end of the flood.
_PATIENCE = 300


class Others(Struct, frozen=True):
    """The latency of the other machines, and their results per second while they send."""

    latency: Quantiles
    rate: float


class Flood(Struct):
    """The other machines of the partition, with the flood and without; medians over all rounds."""

    beside: Others
    without: Others

    def figures(self) -> list[Figure]:
        return [
            Figure(
                name="beside a machine that floods, the others' p99 from publish to result",
                value=self.beside.latency.p99_ms,
                unit="ms",
                against=f"without it: {self.without.latency}; with it: {self.beside.latency}",
            ),
            Figure(
                name="beside a machine that floods, the others' rate to without it",
                value=self.beside.rate / self.without.rate,
                against=f"they send {RATE}/s, it sends {FLOOD_RATE}/s with a logic of milliseconds",
            ),
        ]


def measure(size: Size) -> Flood:
    """Measure with one worker process."""
    beside, without = list[Others](), list[Others]()
    with installation() as plant:
        flooder, *others = in_partition(plant, 0, MACHINES + 1)
        plant.start_api()
        provision(plant, others, LOGIC)
        provision(plant, [flooder], SLOW)
        worker = plant.start_worker(1, THREADS)
        at_rate(plant, others, 50, seconds=2)  # to warm everything up
        for turn in range(size.rounds):
            announce(f"beside a machine that floods, turn {turn + 1} of {size.rounds}")
            without.append(_others(plant, others, size.seconds))
            with Sending(plant, [flooder], FLOOD_RATE):
                time.sleep(1)  # until the flood has arrived
                beside.append(_others(plant, others, size.seconds))
            # Its readings are processed in order, so when this one is done, the whole flood is.
            plant.send([(flooder, {"last": True})])
            wait_until(lambda: plant.state(flooder).get("last"), timeout=_PATIENCE)
        worker.stop()
    return Flood(_median(beside), _median(without))


def _others(plant: Installation, machine_ids: Sequence[str], seconds: int) -> Others:
    trips = at_rate(plant, machine_ids, RATE, seconds, _PATIENCE)
    return Others(Quantiles.of(trips), _in_time(trips, seconds))


def _in_time(trips: Sequence[Trip], seconds: int) -> float:
    """Return the results per second that arrived while readings were sent."""
    end = min(sent for sent, _ in trips) + seconds
    return sum(arrived <= end for _, arrived in trips) / seconds


def _median(rounds: Sequence[Others]) -> Others:
    return Others(Quantiles.median([each.latency for each in rounds]), median(each.rate for each in rounds))
