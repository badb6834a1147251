"""The connection to Redis. What others need of the library `redis` has its name here."""

import redis
import redis.asyncio
from redis import RedisError as RedisError
from redis import ResponseError as ResponseError
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.client import Pipeline as Pipeline

from pipeline.settings import Settings

#: A connection to Redis, safe to share between threads.
Client = redis.Redis

#: Seconds that an answer from Redis, or a connection to it, may take.
_TIMEOUT = 5


def connect(settings: Settings) -> "redis.Redis":
    """A client for this installation's Redis, safe to share between threads. It connects when it is used."""
    return redis.Redis.from_url(
        settings.redis_url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT, protocol=3
    )


def connect_async(url: str, timeout: float) -> "redis.asyncio.Redis":
    """A client for asyncio that raises at once where the connection is cut.

    `timeout` is in seconds: connecting takes no longer.
    """
    return redis.asyncio.Redis.from_url(
        url,
        protocol=3,
        socket_connect_timeout=timeout,
        health_check_interval=10,
        retry=Retry(NoBackoff(), 0),
    )


def missing_durability(client: "redis.Redis") -> str | None:
    """What this Redis would lose in a crash, as a sentence, or None where it keeps all it has confirmed.

    None also where it does not let us see its configuration, as hosted ones do. Raises
    `redis.ConnectionError`.
    """
    try:
        config = client.config_get("appendonly", "appendfsync")
    except redis.ResponseError:
        return None
    if config.get("appendonly") != "yes":
        return "Redis keeps nothing on disk (appendonly no): a restart of it loses states and logic."
    if config.get("appendfsync") != "always":
        return (
            "Redis writes to disk once a second (appendfsync everysec): a crash of its machine loses the "
            "states of the last second. Set appendfsync always."
        )
    return None
