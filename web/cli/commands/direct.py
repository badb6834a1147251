"""The connection to Redis of the commands that do not use the API."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pipeline.errors import SettingsError
from pipeline.settings import Settings
from pipeline.store.client import Client, RedisError, connect

#: The author of these commands' changes in the audit trail. No token can have this name.
AUTHOR: Final = "(iot-logic)"


@contextmanager
def connected(settings: Settings) -> Iterator[Client]:
    """Yield a client, and close it after the block. Raises `SettingsError` if Redis is unavailable."""
    client = connect(settings)
    try:
        yield client
    except RedisError as e:
        raise SettingsError(f"Redis is unavailable: {e}. Check IOT_LOGIC_REDIS_URL.") from e
    finally:
        client.close()
