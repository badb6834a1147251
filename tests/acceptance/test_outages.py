"""`GET /outages`: what is down and since when, also while Redis and RabbitMQ are away."""

from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.clock import milliseconds
from pipeline.store.tokens import Tokens
from tests.acceptance.test_alarms import states
from tests.support.installation import Installation
from tests.support.servers import OwnServers, servers_of_its_own
from tests.support.tokens import own_tokens
from tests.support.waiting import wait_until
from web.access.roles import Role


@pytest.fixture(scope="module")
def servers() -> Iterator[OwnServers]:
    with servers_of_its_own() as servers:
        yield servers


@pytest.fixture(scope="module")
def plant(servers: OwnServers) -> Iterator[Installation]:
    with Installation(servers.rabbitmq.amqp_url, servers.redis.url) as plant:
        plant.start_api()
        yield plant


@pytest.fixture
def tokens(plant: Installation) -> Iterator[Tokens]:
    with own_tokens(plant.redis_url) as tokens:
        yield tokens


def outages(plant: Installation) -> dict[str, dict[str, Any]]:
    answer = plant.client.get("/outages")
    assert answer.status_code == 200, answer.text
    return {each["part"]: each for each in answer.json()["outages"]}


def test_a_plant_without_a_worker_says_since_when_also_after_a_restart_of_the_api(
    plant: Installation,
) -> None:
    wait_until(lambda: list(outages(plant)) == ["workers"], timeout=60)
    answer = plant.client.get("/outages").json()
    assert "readings wait" in answer["outages"][0]["message"]
    assert answer["outages"][0]["since"] < answer["checked"] <= answer["time"]
    # The alarm has the time for an API that starts now.
    wait_until(lambda: (None, "no-worker", "unacknowledged") in states(plant), timeout=60)
    [alarm] = plant.client.get("/alarms", params={"name": "no-worker"}).json()["alarms"]
    plant.commands[-1].stop()
    plant.start_api()
    wait_until(lambda: "workers" in outages(plant), timeout=60)
    assert outages(plant)["workers"]["since"] == alarm["raised"]


def test_with_a_worker_nothing_is_down(plant: Installation) -> None:
    worker = plant.start_worker()
    wait_until(lambda: outages(plant) == {}, timeout=60)
    worker.stop()
    wait_until(lambda: "workers" in outages(plant), timeout=60)
    # This API has seen it at work, so it does not take the time from the alarm, which may not be cleared yet.
    [alarm] = plant.client.get("/alarms", params={"name": "no-worker"}).json()["alarms"]
    assert milliseconds(outages(plant)["workers"]["since"]) > milliseconds(alarm["raised"])


def test_a_server_that_is_away_is_named_and_nothing_that_only_follows_from_it(
    plant: Installation, servers: OwnServers
) -> None:
    worker = plant.start_worker()
    wait_until(lambda: outages(plant) == {}, timeout=60)
    servers.rabbitmq.kill()
    try:
        wait_until(lambda: list(outages(plant)) == ["rabbitmq"], timeout=60)
        worker.stop()
        wait_until(lambda: list(outages(plant)) == ["rabbitmq", "workers"], timeout=60)
        began = outages(plant)["rabbitmq"]["since"]
        servers.redis.kill()
        wait_until(lambda: list(outages(plant)) == ["redis", "rabbitmq"], timeout=60)
        assert outages(plant)["rabbitmq"]["since"] == began
    finally:
        servers.redis.start()
        servers.rabbitmq.start()
    wait_until(lambda: list(outages(plant)) == ["workers"], timeout=60)


def test_without_redis_the_answer_needs_no_token_and_nothing_else_is_answered(
    plant: Installation, servers: OwnServers, tokens: Tokens
) -> None:
    viewer = {"Authorization": f"Bearer {tokens.create('watcher', Role.VIEWER)}"}
    assert plant.client.get("/outages").status_code == 401
    assert plant.client.get("/outages", headers=viewer).status_code == 200
    servers.redis.kill()
    try:
        wait_until(lambda: plant.client.get("/outages").status_code == 200, timeout=60)
        wait_until(lambda: "redis" in outages(plant), timeout=60)
        assert plant.client.get("/outages", headers=viewer).status_code == 200
        assert plant.client.get("/links").status_code == 503
    finally:
        servers.redis.start()
    wait_until(lambda: plant.client.get("/outages").status_code == 401, timeout=60)
