"""A machine that sends more than the workers can process does not delay the others of its partition."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pika
import pika.exceptions
import pytest

from pipeline import wire
from tests.support.installation import Installation
from tests.support.logics import CHECK_ORDER, slow
from tests.support.waiting import wait_until

#: The number of readings of the flooding machine.
FLOOD = 4_000

#: Takes one or two milliseconds per reading.
SLOW = slow(CHECK_ORDER, 10_000)
FAST = "def process(data, state): return {'n': data['n']}"


@pytest.fixture
def plant(installation: Installation, request: pytest.FixtureRequest) -> Installation:
    """An installation with one partition for all machines, a flooding machine and a quiet one."""
    installation.environ["IOT_LOGIC_PARTITIONS"] = "1"
    installation.environ |= getattr(request, "param", {})
    installation.start_api()
    installation.upload("loud", SLOW)
    installation.upload("quiet", FAST)
    return installation


def flood(plant: Installation) -> None:
    plant.send([("quiet", {"n": 0})])
    plant.send(("loud", {"n": n}) for n in range(FLOOD))


def test_other_machines_do_not_wait_until_a_flood_is_processed(plant: Installation) -> None:
    flood(plant)

    with plant.collect() as results:
        worker = plant.start_worker()
        wait_until(lambda: "floods" in worker.log, timeout=60)
        plant.send(("quiet", {"n": n}) for n in range(1, 11))
        wait_until(lambda: len(results.by_machine()["quiet"]) == 11, timeout=60)
        ahead = len(results.by_machine()["loud"])
        wait_until(lambda: len(results.by_machine()["loud"]) == FLOOD, timeout=120)

    assert ahead < FLOOD
    assert [event["data"]["n"] for event in results.by_machine()["loud"]] == list(range(FLOOD))
    assert plant.state("loud") == {"count": FLOOD, "last": FLOOD - 1}


def test_a_worker_killed_in_a_flood_loses_and_repeats_nothing_and_keeps_the_order(
    plant: Installation,
) -> None:
    flood(plant)

    with plant.collect() as results:
        worker = plant.start_worker()
        wait_until(lambda: "floods" in worker.log, timeout=60)
        seen = len(results.messages)
        wait_until(lambda: len(results.messages) > seen + 100, timeout=60)
        worker.kill()
        plant.start_worker()
        wait_until(lambda: plant.state("loud")["count"] == FLOOD, timeout=120)

    assert plant.state("loud") == {"count": FLOOD, "last": FLOOD - 1}


#: The size of the overflow in bytes, which is the smallest that can be set, and a reading that fills it soon.
ROOM = 1_000_000
PADDING = "x" * 4_000


def send_all(plant: Installation, machine_id: str, numbers: Iterable[int]) -> None:
    """Send these readings, one after the other. Send a reading again if a full queue refuses it."""
    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for n in numbers:
            body = json.dumps({"n": n, "padding": PADDING}).encode()
            while True:
                try:
                    channel.basic_publish(wire.INGEST_EXCHANGE, wire.data_key(machine_id), body)
                    break
                except pika.exceptions.NackError:
                    connection.sleep(0.05)


@pytest.mark.parametrize("plant", [{"IOT_LOGIC_PARTITION_MAX_BYTES": str(ROOM)}], indirect=True, ids=[""])
@pytest.mark.parametrize("killed", [False, True], ids=["alone", "with the worker killed"])
def test_a_full_overflow_delays_its_partition_and_loses_and_repeats_nothing(
    plant: Installation, killed: bool
) -> None:
    plant.upload("quiet", SLOW)
    worker = plant.start_worker()

    with ThreadPoolExecutor() as senders:
        senders.submit(send_all, plant, "quiet", [0]).result(timeout=60)
        sending = senders.submit(send_all, plant, "loud", range(1_500))
        wait_until(lambda: "because a queue is full" in worker.log, timeout=120)
        if killed:
            worker.kill()
            worker = plant.start_worker()
        send_all(plant, "quiet", [1])
        sending.result(timeout=240)
    wait_until(lambda: plant.state("loud")["count"] == 1_500, timeout=240)
    wait_until(lambda: plant.state("quiet")["count"] == 2, timeout=60)

    assert plant.state("loud") == {"count": 1_500, "last": 1_499}
    assert plant.state("quiet") == {"count": 2, "last": 1}
