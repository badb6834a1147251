"""The system page's data: workers, queues and metrics, of a real API and real worker processes."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import pika
import psutil
import pytest
from prometheus_client.metrics_core import Metric

from pipeline import wire
from pipeline.clock import milliseconds_now
from pipeline.wire import SENT_AT_HEADER
from tests.support.installation import Command, Installation
from tests.support.metrics import Series, faults, parse, scrape, series, value
from tests.support.waiting import wait_until

#: Each test has its own machines.
_numbers = count(1)

#: Fails or not, as the reading says.
LOGIC = """
def process(data, state):
    if data.get("forever"):
        while True:
            pass
    if data.get("fail"):
        raise ValueError("as it was told")
    return [{"n": data["n"]}] * data.get("results", 1)
"""


@pytest.fixture(scope="module")
def plant(module_installation: Installation) -> Installation:
    """An installation with its API and two worker processes, which share the partitions."""
    module_installation.start_api()
    module_installation.start_worker(processes=2, threads=2, environ={"IOT_LOGIC_LOG_LEVEL": "debug"})
    wait_until(lambda: settled(module_installation, 2))
    return module_installation


def machines(plant: Installation, number: int) -> list[str]:
    """Return machines that no other test uses, with the logic."""
    ids = [f"works-{next(_numbers)}" for _ in range(number)]
    for machine_id in ids:
        plant.upload(machine_id, LOGIC)
    return ids


def get(plant: Installation, path: str, **parameters: Any) -> Any:
    response = plant.client.get(path, params=parameters)
    assert response.status_code == 200, response.text
    return response.json()


def workers(plant: Installation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get(plant, "/workers")["workers"]
    return found


def settled(plant: Installation, number: int) -> bool:
    """Return whether there are this many workers, and they hold all partitions."""
    holding = [each["partition"] for worker in workers(plant) for each in worker["holding"]]
    return len(workers(plant)) == number and sorted(holding) == list(range(8))


def metrics(plant: Installation) -> list[Metric]:
    """Return the metrics of all workers together."""
    return [metric for worker in workers(plant) for metric in scrape(worker["metrics"])]


class Growth:
    """The growth of the workers' counters since it was created."""

    def __init__(self, plant: Installation) -> None:
        self._plant, self._before = plant, metrics(plant)

    def of(self, name: str, **labels: str) -> float:
        return value(metrics(self._plant), name, **labels) - value(self._before, name, **labels)


def test_two_worker_processes_count_the_readings_by_outcome(plant: Installation) -> None:
    fine, bad, endless = machines(plant, 3)
    growth = Growth(plant)

    plant.send((fine, {"n": n, "results": n % 3}) for n in range(30))
    plant.send((bad, {"n": n, "fail": n < 5}) for n in range(7))
    plant.send(
        [(bad, b"no JSON"), (endless, {"forever": True, "n": 0}), (endless, {"forever": True, "n": 1})]
    )
    plant.send((f"works-without-logic-{n}", {"n": n}) for n in range(6))
    wait_until(lambda: growth.of("iot_logic_delivery_to_confirm_seconds_count") >= 46)

    outcomes = {
        kind: growth.of("iot_logic_readings_total", outcome=kind)
        for kind in ("ok", "error", "not-json", "limit", "no-logic", "quarantined")
    }
    assert outcomes == {"ok": 32, "error": 5, "not-json": 1, "limit": 2, "no-logic": 6, "quarantined": 0}
    assert growth.of("iot_logic_readings_total") == 46
    assert growth.of("iot_logic_limits_exceeded_total", limit="fuel") == 2
    assert growth.of("iot_logic_results_total") == 32
    assert growth.of("iot_logic_batch_readings_sum") == 46
    assert growth.of("iot_logic_batch_readings_count") == growth.of("iot_logic_batch_seconds_count")
    assert growth.of("iot_logic_delivery_to_confirm_seconds_count") == 46


def test_names_and_help_texts_follow_the_conventions_of_prometheus(plant: Installation) -> None:
    assert faults(metrics(plant)) == []
    assert faults(parse(plant.client.get("/metrics").text)) == []


def test_the_number_of_time_series_does_not_grow_with_the_machines(plant: Installation) -> None:
    def kept() -> set[Series]:
        return series([*metrics(plant), *parse(plant.client.get("/metrics").text)])

    def use(number: int) -> None:
        ids = machines(plant, number)
        growth = Growth(plant)
        plant.send((machine_id, {"n": 1}) for machine_id in ids)
        for machine_id in ids:
            wait_until(lambda machine_id=machine_id: get(plant, f"/machines/{machine_id}")["readings"] == 1)  # type: ignore[misc]
            get(plant, f"/machines/{machine_id}/state")
        wait_until(lambda: growth.of("iot_logic_delivery_to_confirm_seconds_count") == number)

    use(1)
    kept()  # which is itself a request that is counted
    before = kept()
    use(12)

    assert kept() == before


def test_a_sandbox_child_that_is_killed_is_counted_as_a_restart_with_its_cause(plant: Installation) -> None:
    [machine_id] = machines(plant, 1)
    growth = Growth(plant)

    for worker in workers(plant):
        for child in psutil.Process(worker["pid"]).children():
            child.kill()
    plant.send([(machine_id, {"n": 1})])

    wait_until(lambda: growth.of("iot_logic_readings_total", outcome="ok") == 1)
    assert growth.of("iot_logic_sandbox_restarts_total", cause="killed-from-outside") >= 1
    assert growth.of("iot_logic_sandbox_restarts_total") == growth.of(
        "iot_logic_sandbox_restarts_total", cause="killed-from-outside"
    )
    wait_until(lambda: any(worker["sandbox_restarts"] for worker in workers(plant)))
    [*_, restarted] = [worker for worker in workers(plant) if worker["sandbox_restarts"]]
    assert restarted["sandbox_restart_causes"]["killed-from-outside"] >= 1


def test_the_whole_latency_of_a_reading_with_a_time_of_sending_is_measured(plant: Installation) -> None:
    [machine_id] = machines(plant, 1)
    growth = Growth(plant)
    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        connection.channel().basic_publish(
            wire.INGEST_EXCHANGE,
            wire.data_key(machine_id),
            b'{"n": 1}',
            pika.BasicProperties(headers={SENT_AT_HEADER: milliseconds_now() - 40_000}),
        )

    wait_until(lambda: growth.of("iot_logic_sent_to_confirm_seconds_count") == 1)
    assert growth.of("iot_logic_sent_to_confirm_seconds_bucket", le="30.0") == 0
    assert 40 <= growth.of("iot_logic_sent_to_confirm_seconds_sum") < 60
    wait_until(lambda: any((queue["waited"] or 0) >= 40 for queue in get(plant, "/queues")["queues"]))
    [queue] = [queue for queue in get(plant, "/queues")["queues"] if (queue["waited"] or 0) >= 40]
    assert queue["kind"] == "readings"
    assert queue["taken"].endswith("Z")

    assert plant.client.post(f"/machines/{machine_id}/data", json={"n": 2}).status_code == 202
    wait_until(lambda: growth.of("iot_logic_sent_to_confirm_seconds_count") == 2)
    assert growth.of("iot_logic_sent_to_confirm_seconds_bucket", le="30.0") == 1


def test_the_list_of_queues_has_pages(plant: Installation) -> None:
    names = list[str]()
    after: str | None = ""
    while after is not None:
        page = get(plant, "/queues", after=after, limit=6)
        names += [queue["name"] for queue in page["queues"]]
        assert all(
            queue["oldest_seconds"] == 0
            for queue in page["queues"]
            if queue["kind"] in ("readings", "overflow")
        )
        after = page["next"]

    assert names == [
        "dead-letters",
        "unknown-topics",
        *(f"readings.{n}" for n in range(8)),
        *(f"overflow.{n}" for n in range(8)),
    ]
    assert plant.client.get("/queues", params={"after": "none"}).status_code == 400
    first = get(plant, "/partitions", limit=5)
    rest = get(plant, "/partitions", after=first["next"], limit=5)
    assert [each["partition"] for each in first["partitions"] + rest["partitions"]] == list(range(8))
    assert rest["next"] is None


@pytest.fixture
def guests(plant: Installation) -> Iterator[list[Command]]:
    """Start two more worker processes, in addition to the two."""
    commands = [plant.start_worker(processes=1, threads=1) for _ in range(2)]
    yield commands
    for command in commands:
        command.stop()
    wait_until(lambda: settled(plant, 2))


def test_a_worker_is_shown_while_it_runs_and_for_a_while_after_it_vanishes(
    plant: Installation, guests: list[Command]
) -> None:
    wait_until(lambda: settled(plant, 4))
    there = workers(plant)
    addresses = {worker["metrics"] for worker in there}
    targets = get(plant, "/metrics/targets")
    joined = {worker["id"]: worker for worker in there if worker["threads"] == 1}

    assert all(worker["version"] and worker["since"].endswith("Z") for worker in joined.values())
    assert all(worker["heard"] < 5 for worker in there)
    assert len(addresses) == 4
    assert sorted(target for each in targets for target in each["targets"]) == sorted(
        urlsplit(address).netloc for address in addresses
    )
    assert [each["labels"]["__meta_iot_logic_worker"] for each in targets] == [each["id"] for each in there]
    first = get(plant, "/workers", limit=3)
    rest = get(plant, "/workers", after=first["next"])
    assert [each["id"] for each in first["workers"] + rest["workers"]] == [each["id"] for each in there]

    guests[0].stop()
    wait_until(lambda: settled(plant, 3))
    assert get(plant, "/workers")["vanished"] == []

    [killed] = joined.keys() & {worker["id"] for worker in workers(plant)}
    guests[1].kill()
    wait_until(lambda: settled(plant, 2))
    assert [worker["id"] for worker in get(plant, "/workers")["vanished"]] == [killed]
    api = parse(plant.client.get("/metrics").text)
    assert value(api, "iot_logic_workers") == 2
    assert value(api, "iot_logic_workers_vanished") == 1
    # The partitions may still be assigned again to the two workers.
    wait_until(lambda: value(parse(plant.client.get("/metrics").text), "iot_logic_partitions_unserved") == 0)


def test_a_worker_reports_the_size_of_its_batches(plant: Installation) -> None:
    [machine_id] = machines(plant, 1)
    before = {worker["id"]: worker["batches"]["count"] for worker in workers(plant)}

    plant.send([(machine_id, {"n": 1})])

    def grown() -> list[dict[str, Any]]:
        return [worker for worker in workers(plant) if worker["batches"]["count"] > before[worker["id"]]]

    wait_until(grown)
    [worker] = grown()
    assert worker["batches"]["last"] == 1
    assert worker["batches"]["mean"] >= 1


def test_requests_are_counted_by_route_and_status(plant: Installation) -> None:
    before = parse(plant.client.get("/metrics").text)
    plant.client.get("/machines/nobody-1")
    plant.client.get("/machines/nobody-2")
    after = parse(plant.client.get("/metrics").text)

    labels = {"method": "GET", "route": "/machines/{machine_id}", "status": "404"}
    name = "iot_logic_http_requests_total"
    assert value(after, name, **labels) == value(before, name, **labels) + 2


def test_a_failed_reading_has_a_line_in_the_log_that_names_it(plant: Installation) -> None:
    machine_id = f"logged-{next(_numbers)}"
    plant.upload(machine_id, LOGIC)

    plant.send([(machine_id, {"fail": 1})])

    worker = next(each for each in plant.commands if each.name == "dramatiq")
    # Lines about its batch name it too, as the first and the last reading.
    named = f'"reading": "{machine_id}/1"'
    wait_until(lambda: named in worker.log)
    [line] = [json.loads(each) for each in worker.log.splitlines() if named in each]
    assert (line["level"], line["logger"], line["machine"]) == (
        "debug",
        "pipeline.worker.processor",
        machine_id,
    )
    assert (line["reading"], "as it was told" in line["message"]) == (f"{machine_id}/1", True)


def test_pages_on_other_hosts_are_linked_if_the_settings_name_them(plant: Installation) -> None:
    assert get(plant, "/links") == {"rabbitmq": None, "docs": None}
