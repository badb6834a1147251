"""A RabbitMQ and a Redis that one test has for itself, to kill and to start again."""

from dataclasses import dataclass

from pipeline.local.servers import LocalRabbitmq, LocalRedis


@dataclass
class OwnServers:
    rabbitmq: LocalRabbitmq
    redis: LocalRedis
