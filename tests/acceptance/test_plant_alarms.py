"""The plant's own alarms while RabbitMQ and Redis are away."""

from collections.abc import Iterator

import pytest

from pipeline.local.redis import PrivateRedis
from tests.acceptance.test_alarms import states
from tests.acceptance.test_readiness import _ALARM, _NO_ALARM
from tests.chaos.broker import Broker
from tests.support.installation import Installation
from tests.support.waiting import wait_until


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
        plant.start_worker()
        yield plant


def test_while_rabbitmq_accepts_nothing_the_plant_has_an_alarm(plant: Installation, broker: Broker) -> None:
    wait_until(lambda: plant.client.get("/health/ready").status_code == 200, 60)
    broker.order(_ALARM)
    try:
        wait_until(lambda: (None, "rabbitmq", "unacknowledged") in states(plant), 90)
        [alarm] = plant.client.get("/alarms", params={"name": "rabbitmq"}).json()["alarms"]
        assert alarm["severity"] == "critical"
        assert "memory" in alarm["message"]
    finally:
        broker.order(_NO_ALARM)
    wait_until(lambda: (None, "rabbitmq", "returned") in states(plant), 90)
