"""A RabbitMQ and a Redis for a single test or module, which it can kill and start again."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from pipeline.local.servers import LocalRabbitmq, LocalRedis, local_rabbitmq, local_redis


@dataclass
class OwnServers:
    rabbitmq: LocalRabbitmq
    redis: LocalRedis


@contextmanager
def servers_of_its_own() -> Iterator[OwnServers]:
    """Both servers, while the block runs."""
    with ExitStack() as stack:
        redis_server = local_redis()
        stack.callback(redis_server.close)
        rabbitmq_server = local_rabbitmq()
        stack.callback(rabbitmq_server.close)
        yield OwnServers(rabbitmq_server, redis_server)
