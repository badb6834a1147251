"""The connection to Redis, which keeps the records and the logic."""

import redis
from redis import RedisError as RedisError

from pipeline.settings import Settings

#: Seconds that an answer from Redis, or a connection to it, may take.
_TIMEOUT = 5


def connect(settings: Settings) -> "redis.Redis":
    """A client for this installation's Redis, safe to share between threads. It connects when it is used."""
    return redis.Redis.from_url(
        settings.redis_url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT, protocol=3
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
