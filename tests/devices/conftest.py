from collections.abc import Iterator

import pytest

from pipeline.local.servers import LocalRabbitmq, local_rabbitmq
from tests.devices.readings_queue import ReadingsQueue


@pytest.fixture
def readings_queue(broker_url: str) -> ReadingsQueue:
    """A queue on the test's own virtual host that gets every reading."""
    queue = ReadingsQueue(broker_url)
    queue.declare()
    return queue


@pytest.fixture
def own_rabbitmq() -> Iterator[LocalRabbitmq]:
    """A RabbitMQ that the test may kill and start again."""
    server = local_rabbitmq()
    yield server
    server.close()
