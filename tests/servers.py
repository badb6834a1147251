"""A RabbitMQ and a Redis that one test has for itself, to kill and to start again."""

from dataclasses import dataclass

from pipeline.local.rabbitmq import PrivateRabbitmq
from pipeline.local.redis import PrivateRedis


@dataclass
class OwnServers:
    rabbitmq: PrivateRabbitmq
    redis: PrivateRedis
