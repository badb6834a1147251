"""Readiness tells the truth: servers that answer, but keep nothing, are not ready, and the cause is named."""

import time
from collections.abc import Iterator

import pytest
import redis

from pipeline.local.redis import PrivateRedis
from tests.acceptance.test_alarms import states
from tests.chaos.broker import Broker
from tests.support.installation import Installation
from tests.support.waiting import wait_until

#: Below what the node uses already: the alarm comes at its next check, within a second.
_ALARM = (
    "vm_memory_monitor:set_check_interval(200), "
    "vm_memory_monitor:set_vm_memory_high_watermark({absolute, 1000000})."
)
_NO_ALARM = "vm_memory_monitor:set_vm_memory_high_watermark(0.6)."
_DISK_ALARM = "rabbit_disk_monitor:set_disk_free_limit({absolute, 1000000000000000})."
_NO_DISK_ALARM = "rabbit_disk_monitor:set_disk_free_limit({absolute, 1000000})."


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with Broker() as server:
        yield server


@pytest.fixture(scope="module")
def redis_server() -> Iterator[PrivateRedis]:
    with PrivateRedis() as server:
        yield server


@pytest.fixture
def plant(broker: Broker, redis_server: PrivateRedis) -> Iterator[Installation]:
    with Installation(broker.amqp_url, redis_server.url) as plant:
        plant.start_api()
        yield plant


def causes(plant: Installation) -> dict[str, str]:
    answer = plant.client.get("/health/ready")
    if answer.status_code == 200:
        return {}
    assert answer.status_code == 503
    return {each["service"]: each["message"] for each in answer.json()["errors"]}


@pytest.mark.parametrize(
    ("alarm", "end", "word"),
    [(_ALARM, _NO_ALARM, "memory"), (_DISK_ALARM, _NO_DISK_ALARM, "disk")],
    ids=["memory", "disk"],
)
def test_an_alarm_of_rabbitmq_is_not_ready_and_answers_readings_at_once(
    plant: Installation, broker: Broker, alarm: str, end: str, word: str
) -> None:
    assert plant.client.post("/machines/m/data", json={"n": 1}).status_code == 202
    broker.order(alarm)
    try:
        wait_until(lambda: "alarm" in causes(plant).get("rabbitmq", ""), timeout=30)
        assert word in causes(plant)["rabbitmq"]
        began = time.monotonic()
        answer = plant.client.post("/machines/m/data", json={"n": 2})
        seconds = time.monotonic() - began
    finally:
        broker.order(end)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert word in answer.json()["detail"]
    assert seconds < 5  # promised in docs/promises.md
    wait_until(lambda: causes(plant) == {}, timeout=30)
    assert plant.client.post("/machines/m/data", json={"n": 3}).status_code == 202


@pytest.mark.parametrize(
    ("commands", "end", "cause"),
    [
        (["CONFIG SET maxmemory 1mb"], ["CONFIG SET maxmemory 0"], "its memory is full"),
        (["REPLICAOF 127.0.0.1 1"], ["REPLICAOF NO ONE"], "read-only replica"),
        (
            ["CONFIG SET min-replicas-to-write 1"],
            ["CONFIG SET min-replicas-to-write 0"],
            "too few replicas",
        ),
    ],
    ids=["full", "replica", "too few replicas"],
)
def test_a_redis_that_refuses_writes_is_not_ready(
    plant: Installation, redis_server: PrivateRedis, commands: list[str], end: list[str], cause: str
) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        client.config_set("maxmemory-policy", "noeviction")
        for command in commands:
            client.execute_command(*command.split())
        try:
            wait_until(lambda: cause in causes(plant).get("redis", ""), timeout=30)
        finally:
            for command in end:
                client.execute_command(*command.split())
    wait_until(lambda: causes(plant) == {}, timeout=30)


def test_the_command_status_names_the_cause(plant: Installation, redis_server: PrivateRedis) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
        try:
            wait_until(lambda: causes(plant) != {}, timeout=30)
            # Workers report through Redis, so nobody knows of one now.
            wait_until(lambda: plant.client.get("/workers").json()["workers"] == [], timeout=60)
            status = plant.start("iot-logic", "status")
            assert status.process.wait(60) == 1
        finally:
            client.execute_command("REPLICAOF", "NO", "ONE")
    assert "read-only replica" in status.log
    assert "no worker" not in status.log
    assert "vanished" not in status.log
    assert "IOT_LOGIC_REDIS_URL" in status.log


def test_while_rabbitmq_accepts_nothing_the_plant_has_an_alarm(plant: Installation, broker: Broker) -> None:
    wait_until(lambda: causes(plant) == {}, timeout=30)
    broker.order(_ALARM)
    try:
        wait_until(lambda: (None, "rabbitmq", "unacknowledged") in states(plant), 90)
        [alarm] = plant.client.get("/alarms", params={"name": "rabbitmq"}).json()["alarms"]
        assert alarm["severity"] == "critical"
        assert "memory" in alarm["message"]
    finally:
        broker.order(_NO_ALARM)
    wait_until(lambda: (None, "rabbitmq", "returned") in states(plant), 90)
