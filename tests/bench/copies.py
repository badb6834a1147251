"""The cost of waiting for the replicas of Redis, for a worker: beside a Redis without any.

All sides use the same RabbitMQ and take turns. The replicas run on the same cores, so their own work counts
too. WAITAOF is measured only with a Redis that has it (7.2 and newer).
"""

from collections.abc import Callable
from statistics import median

from msgspec import Struct

from pipeline.store.client import connect
from tests.bench.figure import Figure, number, rate
from tests.bench.fleet import installation, names, provision, settings_of
from tests.bench.latency import LOGIC, RATES, Quantiles, at_rate
from tests.bench.load import work_off
from tests.bench.progress import announce
from tests.bench.size import Size
from tests.bench.throughput import MACHINES, THREADS
from tests.support.installation import Command, Installation
from tests.support.replicated_redis import ReplicatedRedis


class Side(Struct):
    """Medians over all rounds: readings per second, and the latency at each of the rates of `latency`."""

    name: str
    rate: float
    trips: dict[int, Quantiles]


class Copies(Struct):
    """The sides: without replicas first."""

    sides: list[Side]

    def figures(self) -> list[Figure]:
        without, *others = self.sides
        return [
            figure
            for side in others
            for figure in (
                Figure(
                    name=f"one worker process that waits by {side.name}, to one without replicas",
                    value=side.rate / without.rate,
                    against=f"{rate(side.rate)}, without replicas {rate(without.rate)}",
                ),
                *(
                    Figure(
                        name=f"from publish to result at {each:,}/s by {side.name}, p99",
                        value=trips.p99_ms,
                        unit="ms",
                        against=f"without replicas {number(without.trips[each].p99_ms)} ms",
                    )
                    for each, trips in side.trips.items()
                ),
            )
        ]


def measure(size: Size) -> Copies:
    """Measure a worker with a plain Redis, and with replicas and each way to wait, in turn."""
    load_ids, slow_ids = names(MACHINES), names(MACHINES, "slow")
    with (
        installation() as alone,
        ReplicatedRedis() as copies,
        Installation(alone.amqp_url, copies.url) as replicated,
    ):
        for plant in (alone, replicated):
            provision(plant, load_ids)
            provision(plant, slow_ids, LOGIC)
        starts: dict[str, Callable[[], Command]] = {
            "none": lambda: alone.start_worker(1, THREADS),
            "WAIT": lambda: replicated.start_worker(1, THREADS),
        }
        if _has_waitaof(replicated):
            starts["WAITAOF"] = lambda: replicated.start_worker(
                1, THREADS, environ={"IOT_LOGIC_REDIS_REPLICAS_SYNC": "true"}
            )
        loads: dict[str, list[float]] = {name: [] for name in starts}
        trips: dict[str, dict[int, list[Quantiles]]] = {name: {each: [] for each in RATES} for name in starts}
        for turn in range(size.rounds):
            for name, start in starts.items():
                announce(f"copies, turn {turn + 1} of {size.rounds}: {name}")
                loads[name].append(work_off(alone, start, load_ids, size.readings).rate)
                process = start()
                at_rate(alone, slow_ids, 50, seconds=2)  # to warm everything up
                for each in RATES:
                    trips[name][each].append(Quantiles.of(at_rate(alone, slow_ids, each, size.seconds)))
                process.stop()
    return Copies(
        [
            Side(
                name,
                median(loads[name]),
                {each: Quantiles.median(rounds) for each, rounds in trips[name].items()},
            )
            for name in starts
        ]
    )


def _has_waitaof(plant: Installation) -> bool:
    with connect(settings_of(plant)) as client:
        major, minor, *_ = str(client.info("server")["redis_version"]).split(".")
    return (int(major), int(minor)) >= (7, 2)
