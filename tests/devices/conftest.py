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


@pytest.fixture(scope="module")
def own_rabbitmq() -> Iterator[LocalRabbitmq]:
    """A RabbitMQ with the readings' queue, that tests may kill and start again."""
    server = local_rabbitmq()
    try:
        ReadingsQueue(server.amqp_url).declare()
        # RabbitMQ 3.10 writes down which quorum queues it has some time after it has declared them: one that
        # it is killed right after never takes anything again. An orderly end writes it down.
        server.stop()
        server.start()
        yield server
    finally:
        server.close()
