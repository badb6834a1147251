"""The cost of an endless logic for the ninety-nine other machines."""

from collections.abc import Sequence
from statistics import median
from threading import Timer

from msgspec import Struct

from tests.bench import latency
from tests.bench.figure import Figure, rate
from tests.bench.fleet import installation, names, provision
from tests.bench.load import work_off
from tests.bench.progress import announce
from tests.bench.size import Size
from tests.bench.throughput import MACHINES, THREADS
from tests.support.installation import Installation
from tests.support.waiting import wait_until

#: Readings per second while the endless logic is deployed.
RATE = 500

ENDLESS = "def process(data, state):\n    while True:\n        pass\n"


class Neighbours(Struct):
    """The other machines next to one with an endless logic.

    Their rate (readings per second) with that machine in quarantine and without it, and the longest time of
    any of their results until its logic was in quarantine (milliseconds).
    """

    beside: float
    without: float
    longest_wait_ms: float
    usual_wait_ms: float

    def figures(self) -> list[Figure]:
        return [
            Figure(
                name="99 machines beside one in quarantine, to without it",
                value=self.beside / self.without,
                against=f"without it: {rate(self.without)}",
            ),
            Figure(
                name="their longest wait until it was there",
                value=self.longest_wait_ms,
                unit="ms",
                against=f"without it: {self.usual_wait_ms:.0f} ms",
            ),
        ]


def measure(size: Size) -> Neighbours:
    """Measure with one worker process."""
    bad, *others = names(MACHINES)
    senders = names(latency.MACHINES, "latency")
    with installation() as plant:
        plant.start_api()
        provision(plant, others)
        provision(plant, senders, latency.LOGIC)
        announce("beside a logic that does not end")
        longest, usual = _waits(plant, senders, max(size.seconds, 6))
        _quarantine(plant, bad)
        beside, without = list[float](), list[float]()
        for _ in range(size.rounds):
            for rates, machine_ids in ((without, others), (beside, [bad, *others])):
                run = work_off(
                    plant,
                    lambda: plant.start_worker(1, THREADS),
                    machine_ids,
                    size.readings,
                    silent=frozenset([bad]),
                )
                rates.append(run.rate)
    return Neighbours(median(beside), median(without), longest, usual)


def _quarantine(plant: Installation, machine_id: str) -> None:
    plant.upload(machine_id, ENDLESS)
    worker = plant.start_worker(1, THREADS)
    plant.send([(machine_id, {})] * 20)
    _wait_for_quarantine(plant, machine_id)
    worker.stop()


def _waits(plant: Installation, senders: Sequence[str], seconds: int) -> tuple[float, float]:
    """Return the longest latency of the others with and without a machine that gets an endless logic.

    The others send at a steady rate. The latency is in milliseconds.
    """
    worker = plant.start_worker(1, THREADS)
    plant.upload("latency_bad", "def process(data, state): return None")
    latency.at_rate(plant, senders, 50, seconds=2)  # to warm everything up
    usual = latency.at_rate(plant, senders, RATE, seconds)
    with latency.Sending(plant, ["latency_bad"], 25):
        turning_bad = Timer(seconds / 4, plant.upload, ("latency_bad", ENDLESS))
        turning_bad.start()
        trips = latency.at_rate(plant, senders, RATE, seconds)
        turning_bad.join()
        _wait_for_quarantine(plant, "latency_bad")
    worker.stop()
    return latency.Quantiles.of(trips).max_ms, latency.Quantiles.of(usual).max_ms


def _wait_for_quarantine(plant: Installation, machine_id: str) -> None:
    wait_until(lambda: plant.client.get(f"/machines/{machine_id}").json()["quarantined"])
