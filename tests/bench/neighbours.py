"""What a logic that does not end costs the ninety-nine machines beside it."""

from threading import Event, Thread, Timer

import pika
from msgspec import Struct

from pipeline import topology
from pipeline.settings import Settings
from tests.bench import latency, throughput
from tests.bench.progress import announce
from tests.installation import Installation
from tests.waiting import wait_until

#: Readings a second, and for how many seconds, while the endless logic comes.
RATE, SECONDS = 500, 8

ENDLESS = "def process(data, state):\n    while True:\n        pass\n"


class Neighbours(Struct):
    """The others' rate (readings a second) beside one machine in quarantine, that rate as a share of the one
    without, and the longest that any of their results took while it was on its way there."""

    rate: float
    share: float
    longest_wait_ms: float


def measure(plant: Installation, without: float) -> Neighbours:
    """Measure with one worker process; `without` is the rate when all machines are well."""
    announce("beside a logic that does not end")
    settings = Settings(amqp_url=plant.amqp_url)
    plant.upload("bench_0", ENDLESS)
    worker = plant.start_worker(1, 8)
    plant.send([("bench_0", {})] * 20)
    wait_until(lambda: plant.client.get("/machines/bench_0").json()["quarantined"])
    longest = _longest_wait(plant)
    worker.stop()
    others = throughput.READINGS * (throughput.MACHINES - 1) // throughput.MACHINES
    rate, _ = throughput.run(plant, settings, lambda: plant.start_worker(1, 8), others)
    return Neighbours(rate, rate / without, longest)


def _longest_wait(plant: Installation) -> float:
    """Others send at a steady rate while one machine that sends too gets an endless logic. Milliseconds."""
    plant.upload("latency_bad", "def process(data, state): return None")
    latency.at_rate(plant, 50, seconds=2)  # until everything is warm
    stopping = Event()
    sender = Thread(target=_send, args=(plant, stopping))
    sender.start()
    bad = Timer(SECONDS / 4, plant.upload, ("latency_bad", ENDLESS))
    bad.start()
    seconds = latency.at_rate(plant, RATE, SECONDS)
    bad.join()
    stopping.set()
    sender.join()
    assert plant.client.get("/machines/latency_bad").json()["quarantined"]
    return max(seconds) * 1e3


def _send(plant: Installation, stopping: Event) -> None:
    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        channel = connection.channel()
        while not stopping.wait(1 / 25):
            channel.basic_publish(topology.INGEST_EXCHANGE, topology.data_key("latency_bad"), b"{}")
