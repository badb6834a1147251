"""From the answer to an upload to the first result of the new version, while readings flow."""

import json
import time
from threading import Event, Thread

import pika
from msgspec import Struct

from pipeline import topology
from tests.bench.progress import announce
from tests.installation import Installation
from tests.waiting import wait_until

#: Uploads that are measured, and readings a second that flow meanwhile.
UPLOADS, RATE = 100, 500


class UploadDelay(Struct):
    """Milliseconds from the answer to an upload to the first result of its version."""

    p50_ms: float
    p99_ms: float


def measure(plant: Installation) -> UploadDelay:
    """Upload version after version to one machine, with one worker process."""
    announce("from upload to first result")
    plant.upload("uploads", _logic(0))
    worker = plant.start_worker(processes=1, threads=8)
    answered = dict[int, float]()
    with plant.collect() as results:
        stopping = Event()
        sender = Thread(target=_send, args=(plant.amqp_url, stopping))
        sender.start()
        wait_until(lambda: bool(results.messages))
        for place in range(1, UPLOADS + 1):
            version = plant.upload("uploads", _logic(place))
            answered[version] = time.monotonic()
            wait_until(lambda version=version: _version(results.messages[-1][2]) >= version)  # type: ignore[misc]
        stopping.set()
        sender.join()
    worker.stop()
    first = dict[int, float]()
    for (_, _, body), arrived in zip(results.messages, results.arrivals, strict=True):
        first.setdefault(_version(body), arrived)
    delays = sorted(max(0.0, first[version] - when) for version, when in answered.items())
    return UploadDelay(delays[len(delays) // 2] * 1e3, delays[len(delays) * 99 // 100] * 1e3)


def _logic(place: int) -> str:
    return f'def process(data, state): return {{"place": {place}}}'


def _version(body: bytes) -> int:
    version: int = json.loads(body)["logicversion"]
    return version


def _send(amqp_url: str, stopping: Event) -> None:
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        key = topology.data_key("uploads")
        while not stopping.wait(1 / RATE):
            channel.basic_publish(topology.INGEST_EXCHANGE, key, b"{}", pika.BasicProperties(delivery_mode=2))
