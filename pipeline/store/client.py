"""The connection to Redis. It names everything that other modules need from the library `redis`."""

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

#: Maximum seconds to connect to Redis and to wait for an answer.
_TIMEOUT = 5


def connect(settings: Settings) -> Client:
    """Return a client for this installation's Redis, safe to share between threads.

    It connects on first use.
    """
    return redis.Redis.from_url(
        settings.redis_url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT, protocol=3
    )


def connect_async(url: str, timeout: float) -> redis.asyncio.Redis:
    """Return a client for asyncio that raises an error immediately if the connection is cut.

    `timeout` is the maximum number of seconds to connect.
    """
    return redis.asyncio.Redis.from_url(
        url,
        protocol=3,
        socket_connect_timeout=timeout,
        health_check_interval=10,
        retry=Retry(NoBackoff(), 0),
    )


def missing_durability(client: Client) -> str | None:
    """Return a sentence that says what this Redis would lose in a crash; None if it loses nothing confirmed.

    Also None if this Redis does not allow clients to read its configuration, as with hosted services. Raises
    `RedisError`.
    """
    try:
        config = client.config_get("appendonly", "appendfsync")
    except ResponseError:
        return None
    if config.get("appendonly") != "yes":
        return "Redis keeps nothing on disk (appendonly no): a restart of it loses states and logic."
    if config.get("appendfsync") != "always":
        return (
            "Redis writes to disk once a second (appendfsync everysec): a crash of its machine loses the "
            "states of the last second. Set appendfsync always."
        )
    return None
