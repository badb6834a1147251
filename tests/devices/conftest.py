from collections.abc import Iterator

import pytest

from pipeline.local.servers import LocalRabbitmq, local_rabbitmq
from tests.devices.readings_queue import ReadingsQueue


@pytest.fixture
def readings_queue(broker_url: str) -> ReadingsQueue:
    """A queue on the test's own virtual host that receives every reading."""
    queue = ReadingsQueue(broker_url)
    queue.declare()
    return queue


@pytest.fixture(scope="module")
def own_rabbitmq() -> Iterator[LocalRabbitmq]:
    """A RabbitMQ with the readings' queue, which tests may kill and start again."""
    server = local_rabbitmq()
    try:
        ReadingsQueue(server.amqp_url).declare()
        # RabbitMQ 3.10 writes the list of its quorum queues to disk some time after it has declared them. If
        # it is killed before, the queue never accepts messages again. An orderly stop writes the list.
        server.stop()
        server.start()
        yield server
    finally:
        server.close()
