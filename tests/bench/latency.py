"""The time from publishing a reading to its result, at a steady rate, measured in one process with one clock.

It is compared with the same path through plain pika, which only publishes each reading again: the share of
the broker and of this measuring process. Another comparison is plain pika that waits for the confirm of each
message before it acknowledges the reading, which is necessary to lose nothing.
"""

import json
import time
from collections.abc import Callable, Sequence
from statistics import median
from threading import Event, Thread
from typing import Any

import pika
from msgspec import Struct

from pipeline import wire
from pipeline.store.client import connect
from pipeline.store.records import Records
from tests.bench.figure import Figure, number
from tests.bench.fleet import installation, names, provision, settings_of
from tests.bench.load import depth, waiting
from tests.bench.progress import announce
from tests.bench.size import Size
from tests.bench.throughput import THREADS, plain_pika
from tests.support.installation import Collector, Command, Installation
from tests.support.waiting import wait_until

#: The number of machines that send.
MACHINES = 20

#: Readings per second, with the aim for the p99 in milliseconds.
RATES = {100: 10.0, 1_000: 25.0}

LOGIC = 'def process(data, state): state["n"] = state.get("n", 0) + 1; return {"sent": data["sent"]}'

#: One result: the times when its reading was sent and when it arrived, in seconds of the monotonic clock.
Trip = tuple[float, float]


class Quantiles(Struct, frozen=True):
    """Milliseconds from publish to result."""

    p50_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, trips: Sequence[Trip]) -> "Quantiles":
        ordered = sorted(arrived - sent for sent, arrived in trips)
        return cls(percentile(ordered, 50) * 1e3, percentile(ordered, 99) * 1e3, ordered[-1] * 1e3)

    @classmethod
    def median(cls, rounds: Sequence["Quantiles"]) -> "Quantiles":
        """Return the medians over some rounds."""
        return cls(
            median(each.p50_ms for each in rounds),
            median(each.p99_ms for each in rounds),
            median(each.max_ms for each in rounds),
        )

    def __str__(self) -> str:
        return f"p50 {number(self.p50_ms)} ms, p99 {number(self.p99_ms)} ms"


class AtRate(Struct):
    """Medians over all rounds at this rate (readings per second)."""

    rate: int
    worker: Quantiles
    plain_pika: Quantiles
    confirming: Quantiles

    def against(self, name: str) -> str:
        """Return the other sides' figure with this name."""
        plain, confirming = (number(getattr(side, name)) for side in (self.plain_pika, self.confirming))
        return f"plain pika: {plain} ms; waiting for each confirm: {confirming} ms"


class Latency(Struct):
    """The time from publishing to the result, at each rate."""

    rates: list[AtRate]

    def figures(self) -> list[Figure]:
        return [
            figure
            for each in self.rates
            for figure in (
                Figure(
                    name=f"from publish to result at {each.rate:,}/s, p50",
                    value=each.worker.p50_ms,
                    unit="ms",
                    against=each.against("p50_ms"),
                ),
                Figure(
                    name=f"from publish to result at {each.rate:,}/s, p99",
                    value=each.worker.p99_ms,
                    unit="ms",
                    at_most=RATES[each.rate],
                    against=each.against("p99_ms"),
                ),
            )
        ]


def measure(size: Size) -> Latency:
    """Measure one worker process and plain pika in turn, at each rate."""
    machine_ids = names(MACHINES, "latency")
    measured = list[AtRate]()
    with installation() as plant:
        provision(plant, machine_ids, LOGIC)
        sides: dict[str, Callable[[], Command]] = {
            "one worker process": lambda: plant.start_worker(1, THREADS),
            "plain pika": lambda: plain_pika(plant),
            "plain pika, confirming": lambda: plain_pika(plant, "--confirm"),
        }
        for rate in RATES:
            rounds: dict[str, list[Quantiles]] = {name: [] for name in sides}
            for turn in range(size.rounds):
                for name, start in sides.items():
                    announce(f"latency at {rate}/s, turn {turn + 1} of {size.rounds}: {name}")
                    process = start()
                    at_rate(plant, machine_ids, 50, seconds=2)  # to warm everything up
                    rounds[name].append(Quantiles.of(at_rate(plant, machine_ids, rate, size.seconds)))
                    process.stop()
            measured.append(AtRate(rate, *(Quantiles.median(each) for each in rounds.values())))
    return Latency(measured)


def at_rate(
    plant: Installation, machine_ids: Sequence[str], rate: int, seconds: int, patience: float = 60
) -> list[Trip]:
    """Send readings of these machines in turn, at this total rate per second. Return all trips.

    Their logic must return the same as `LOGIC`, and no other machine's logic may return results.
    """
    count = rate * seconds
    with (
        plant.collect() as results,
        pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection,
    ):
        send_at_rate(connection, machine_ids, rate, count)

        def all_there() -> bool:
            # These readings are not confirmed: those in transit may be lost if the connection closes now.
            connection.process_data_events()
            return len(results.messages) >= count

        try:
            wait_until(all_there, timeout=patience)
        except AssertionError as e:
            raise AssertionError(_missing(plant, machine_ids, count, results)) from e
    return [
        # Our results contain it in `data`; plain pika returns the reading itself.
        (event.get("data", event)["sent"], arrived)
        for event, arrived in zip(results.events, results.arrivals, strict=True)
    ]


def send_at_rate(
    connection: pika.BlockingConnection,
    machine_ids: Sequence[str],
    rate: int,
    count: int,
    until: Callable[[], bool] = lambda: False,
) -> None:
    """Send `count` readings with their time of sending, at a steady rate per second, or stop earlier."""
    channel = connection.channel()
    start = time.monotonic()
    for place in range(count):
        due = start + place / rate
        while (ahead := due - time.monotonic()) > 0:
            time.sleep(ahead)
        if until():
            return
        body: dict[str, Any] = {"sent": time.monotonic()}
        channel.basic_publish(
            wire.INGEST_EXCHANGE,
            wire.data_key(machine_ids[place % len(machine_ids)]),
            json.dumps(body).encode(),
            pika.BasicProperties(delivery_mode=2),
        )


class Sending:
    """Sends readings at a steady rate on its own thread while the block runs."""

    def __init__(self, plant: Installation, machine_ids: Sequence[str], rate: int) -> None:
        self._url, self._machine_ids, self._rate = plant.amqp_url, machine_ids, rate
        self._stopping = Event()
        self._thread = Thread(target=self._run)

    def _run(self) -> None:
        with pika.BlockingConnection(pika.URLParameters(self._url)) as connection:
            send_at_rate(connection, self._machine_ids, self._rate, 2**31, self._stopping.is_set)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()


def _missing(plant: Installation, machine_ids: Sequence[str], count: int, results: Collector) -> str:
    """Return where the readings without results may be."""
    with (
        pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection,
        connect(settings_of(plant)) as client,
    ):
        channel = connection.channel()
        records = Records(client).read(machine_ids)
        return (
            f"{len(results.messages)} results of {count} readings; {waiting(channel, plant)} wait, "
            f"{depth(channel, wire.DEAD_LETTERS_QUEUE)} dead letters, "
            f"{sum(each.record.number for each in records.values())} ever applied.\n"
            + "\n".join(command.log[-2000:] for command in plant.commands if command.process.poll() is None)
        )


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the value that `percent` percent of a sorted list do not exceed."""
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
