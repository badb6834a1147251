"""From the response to an upload to the first result of the new version, while readings arrive."""

import json
import time

from msgspec import Struct

from tests.bench.figure import Figure
from tests.bench.fleet import installation
from tests.bench.latency import Quantiles, Sending, Trip
from tests.bench.progress import announce
from tests.bench.size import Size
from tests.bench.throughput import THREADS
from tests.support.waiting import wait_until

#: Readings per second meanwhile, all of the machine whose logic is replaced.
RATE = 500

MACHINE = "uploads"


class Uploads(Struct):
    """The times of uploads.

    From the response to an upload to the first result of its version, and from publishing to the result for
    the readings in the same time.
    """

    delay: Quantiles
    readings: Quantiles

    def figures(self) -> list[Figure]:
        return [
            Figure(
                name="from the answer to an upload to the first result of its version, p99",
                value=self.delay.p99_ms,
                unit="ms",
                at_most=50,
                against=f"from publish to result meanwhile, at {RATE}/s: {self.readings}",
            )
        ]


def measure(size: Size) -> Uploads:
    """Upload version after version to one machine, with one worker process."""
    announce("from upload to first result")
    answered = dict[int, float]()
    with installation() as plant:
        plant.start_api()
        plant.upload(MACHINE, _logic(0))
        worker = plant.start_worker(1, THREADS)
        with plant.collect() as results:
            with Sending(plant, [MACHINE], RATE):
                wait_until(lambda: bool(results.messages))
                for place in range(1, size.uploads + 1):
                    version = plant.upload(MACHINE, _logic(place))
                    answered[version] = time.monotonic()
                    wait_until(lambda version=version: _version(results.messages[-1][2]) >= version)  # type: ignore[misc]
            worker.stop()
        first, trips = dict[int, float](), list[Trip]()
        began = min(answered.values())
        for event, arrived in zip(results.events, results.arrivals, strict=True):
            first.setdefault(event["logicversion"], arrived)
            # Readings that waited while the worker started are not part of the measurement.
            if event["data"]["sent"] >= began:
                trips.append((event["data"]["sent"], arrived))
    delays = [(when, max(when, first[version])) for version, when in answered.items()]
    return Uploads(Quantiles.of(delays), Quantiles.of(trips))


def _logic(place: int) -> str:
    return f'def process(data, state): return {{"place": {place}, "sent": data["sent"]}}'


def _version(body: bytes) -> int:
    version: int = json.loads(body)["logicversion"]
    return version
