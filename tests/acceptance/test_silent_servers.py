"""A Redis or a RabbitMQ that accepts connections and says nothing holds up only what needs it."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.installation import Installation
from tests.support.waiting import wait_until

#: More requests than the API has threads.
MANY = 40


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def start_api(plant: Installation) -> None:
    """Start the API, which is not ready without its servers."""

    def alive() -> bool:
        try:
            return plant.client.get("/health/live").status_code == 200
        except httpx.TransportError:
            return False

    plant.start("iot-api")
    wait_until(alive)


def test_without_an_answer_of_redis_every_request_is_refused_in_time(
    installation: Installation, silent: str
) -> None:
    installation.environ["IOT_LOGIC_REDIS_URL"] = f"redis://{silent}/0"
    start_api(installation)
    with ThreadPoolExecutor(MANY) as pool:
        answers = list(pool.map(lambda _: installation.client.get("/machines"), range(MANY)))

    assert {answer.status_code for answer in answers} == {503}
    assert all("Redis is unavailable" in answer.json()["detail"] for answer in answers)


@pytest.mark.parametrize("path", ["/queues", "/metrics"])
def test_without_an_answer_of_rabbitmq_only_its_counts_wait(
    installation: Installation, silent: str, path: str
) -> None:
    installation.environ["IOT_LOGIC_AMQP_URL"] = f"amqp://{silent}/"
    start_api(installation)
    with ThreadPoolExecutor(MANY) as pool:
        counts = [pool.submit(installation.client.get, path) for _ in range(MANY)]
        wait_until(lambda: all(each.running() for each in counts))
        machines = installation.client.get("/machines")
        answered = sum(each.done() for each in counts)
        statuses = {each.result().status_code for each in counts}

    assert machines.status_code == 200
    assert answered == 0
    assert statuses <= {200, 503}
