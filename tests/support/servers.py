"""A RabbitMQ and a Redis for a single test, which it can kill and start again."""

from dataclasses import dataclass

from pipeline.local.servers import LocalRabbitmq, LocalRedis


@dataclass
class OwnServers:
    rabbitmq: LocalRabbitmq
    redis: LocalRedis
