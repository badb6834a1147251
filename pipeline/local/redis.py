"""A private Redis, which keeps every write it has confirmed."""

import os
import secrets
import shutil

import redis

from pipeline.local.errors import Unavailable
from pipeline.local.ports import answers, free_port
from pipeline.local.server import MORE_PATHS, PrivateServer


class PrivateRedis(PrivateServer):
    """A Redis whose `url` is redis://:password@127.0.0.1:port/0. Raises `Unavailable` without a binary."""

    name = "Redis"

    def __init__(self) -> None:
        self._binary = binary()
        super().__init__()
        self.port = free_port()
        password = secrets.token_urlsafe(16)
        self.url = f"redis://:{password}@127.0.0.1:{self.port}/0"
        # A file, because every user of the machine can read a command line.
        (self.folder / "redis.conf").write_text(
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {password}\n"
            f"dir {self.folder}\n"
            'appendonly yes\nappendfsync always\nsave ""\n'
            "daemonize no\n"
        )

    def _command(self) -> list[str]:
        return [self._binary, str(self.folder / "redis.conf")]

    def _ready(self) -> bool:
        return serves_redis(self.url, self.port)


def serves_redis(url: str, port: int) -> bool:
    """Return whether Redis serves clients on `port`."""
    if not answers(port):
        return False
    with redis.Redis.from_url(url, socket_timeout=1) as client:
        try:
            client.ping()
        except redis.RedisError:
            # Usually BusyLoadingError: Redis is still loading its data.
            return False
    return True


def binary() -> str:
    """Return the path of redis-server, or of valkey-server, which some distributions have instead.

    Raises `Unavailable`.
    """
    path = f"{os.environ.get('PATH', '')}:{MORE_PATHS}"
    found = shutil.which("redis-server", path=path) or shutil.which("valkey-server", path=path)
    if found is None:
        raise Unavailable("redis-server is not on the PATH")
    return found
