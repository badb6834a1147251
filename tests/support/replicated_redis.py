"""A primary Redis with two replicas, and three Sentinels that replace it, as local processes.

How a server is cut off, without root and without a proxy: replicas and Sentinels have users of their own.
While these are off on a server, it refuses replicas and Sentinels, as a firewall would, and still serves
clients.
"""

import os
import secrets
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final, Self

import redis

from pipeline.local import packages
from pipeline.local.errors import Unavailable
from pipeline.local.ports import free_port
from pipeline.local.redis import binary
from pipeline.local.server import PrivateServer
from tests.support.host import LOOPBACK, Host
from tests.support.waiting import wait_until

#: The name under which the Sentinels know the primary.
SERVICE: Final = "plant"

#: The users that are not clients.
_OTHERS: Final = ("replica", "sentinel")

#: The last lines of a Sentinel's file, for tests that must not take long.
_SENTINEL: Final = (
    f"sentinel down-after-milliseconds {SERVICE} 1000\nsentinel failover-timeout {SERVICE} 6000\n"
)


def ensure_installed() -> None:
    """Install Redis, if it is missing. Raises `Unavailable` if that fails."""
    try:
        binary()
    except Unavailable:
        packages.install(packages.REDIS)


def answers(client: "Callable[[], redis.Redis]") -> bool:
    """Return whether a server answers."""
    try:
        with client() as connection:
            return bool(connection.ping())
    except redis.RedisError:
        return False


class Server(PrivateServer):
    """One Redis: the first primary, or a replica of it. Its data survive `kill` and `stop`."""

    name = "Redis"

    def __init__(self, host: Host, password: str, primary: "Server | None", extra: str) -> None:
        super().__init__()
        ensure_installed()
        #: The program that the next start runs.
        self.binary = binary()
        self.host, self.port = host, free_port()
        self.url = f"redis://:{password}@{host.address}:{self.port}/0"
        (self.folder / "redis.conf").write_text(
            f"bind {host.address}\nport {self.port}\nrequirepass {password}\n"
            f"masteruser replica\nmasterauth {password}\n"
            + "".join(f"user {user} on >{password} ~* &* +@all\n" for user in _OTHERS)
            + f"dir {self.folder}\n"
            'appendonly yes\nappendfsync always\nsave ""\n'
            "repl-diskless-sync-delay 0\nrepl-ping-replica-period 1\nrepl-timeout 5\n"
            "min-replicas-max-lag 2\n"
            f"{extra}" + (f"replicaof {primary.host.address} {primary.port}\n" if primary else "")
        )

    def _command(self) -> list[str]:
        return self.host.command([self.binary, str(self.folder / "redis.conf")])

    def _ready(self) -> bool:
        return answers(self.client)

    @property
    def address(self) -> tuple[str, int]:
        """The IP address and the port."""
        return self.host.address, self.port

    def cut_off(self) -> None:
        """Refuse replicas and Sentinels. Clients notice nothing."""
        with self.client() as client:
            for user in _OTHERS:
                client.execute_command("ACL", "SETUSER", user, "off")
                client.execute_command("CLIENT", "KILL", "USER", user)

    def reunite(self) -> None:
        """Accept replicas and Sentinels again."""
        with self.client() as client:
            for user in _OTHERS:
                client.execute_command("ACL", "SETUSER", user, "on")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """SIGSTOP it while the block runs."""
        with self.client() as client:
            pid = int(client.info("server")["process_id"])
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def client(self) -> "redis.Redis":
        """Return a client of this server, whatever its role."""
        return redis.Redis.from_url(self.url, socket_timeout=5)


class Sentinel(PrivateServer):
    """One Sentinel."""

    name = "Sentinel"

    def __init__(
        self, host: Host, password: str, primary: Server, sentinel_password: str, extra: str
    ) -> None:
        super().__init__()
        self.host, self.port = host, free_port()
        self._url = f"redis://:{sentinel_password}@{host.address}:{self.port}"
        (self.folder / "sentinel.conf").write_text(
            f"bind {host.address}\nport {self.port}\ndir {self.folder}\n"
            f"requirepass {sentinel_password}\nsentinel sentinel-pass {sentinel_password}\n"
            f"sentinel monitor {SERVICE} {primary.host.address} {primary.port} 2\n"
            f"sentinel auth-user {SERVICE} sentinel\n"
            f"sentinel auth-pass {SERVICE} {password}\n"
            f"{extra}"
        )

    def _command(self) -> list[str]:
        return self.host.command([binary(), str(self.folder / "sentinel.conf"), "--sentinel"])

    def _ready(self) -> bool:
        return answers(self.client)

    def client(self) -> "redis.Redis":
        """Return a client of this Sentinel."""
        return redis.Redis.from_url(self._url, socket_timeout=2)


class ReplicatedRedis:
    """Three servers and three Sentinels. `url` is the address for `IOT_LOGIC_REDIS_URL`."""

    def __init__(
        self,
        extra: str = "",
        sentinel_extra: str = _SENTINEL,
        hosts: Sequence[Host] = [LOOPBACK] * 3,
        sentinel_hosts: Sequence[Host] = [LOOPBACK] * 3,
    ) -> None:
        """Configure everything. The extra lines come last, in the files of the servers and the Sentinels."""
        password, sentinel_password = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        first = Server(hosts[0], password, None, extra)
        self.servers = [first, *(Server(host, password, first, extra) for host in hosts[1:])]
        self.sentinels = [
            Sentinel(host, password, first, sentinel_password, sentinel_extra) for host in sentinel_hosts
        ]
        addresses = ",".join(f"{each.host.address}:{each.port}" for each in self.sentinels)
        self.url = (
            f"redis+sentinel://:{password}@{addresses}/{SERVICE}/0?sentinel_password={sentinel_password}"
        )
        self._stack = ExitStack()

    @property
    def primary(self) -> Server:
        """The server that is the primary now. Raises `LookupError` if none says that it is."""
        for server in self.servers:
            try:
                with server.client() as client:
                    if client.info("replication")["role"] == "master":
                        return server
            except redis.RedisError:
                continue
        raise LookupError("no server is the primary")

    def has_other_primary(self, than: Server) -> bool:
        """Return whether the Sentinels have agreed on another primary, which serves."""
        for sentinel in self.sentinels:
            try:
                with sentinel.client() as client:
                    address, port = client.sentinel_get_master_addr_by_name(SERVICE)
            except redis.RedisError:
                continue
            if (address.decode(), port) == than.address:
                return False
        return True

    def in_step(self) -> bool:
        """Return whether there is one primary, and both other servers are its replicas."""
        try:
            return self.replicating(2)
        except (LookupError, redis.RedisError):
            return False

    @property
    def replicas(self) -> list[Server]:
        """All servers but the primary."""
        primary = self.primary
        return [each for each in self.servers if each is not primary]

    def replicating(self, count: int) -> bool:
        """Return whether the primary has `count` replicas that are in step."""
        with self.primary.client() as client:
            return bool(client.wait(count, 1_000) >= count)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for server in (*self.servers, *self.sentinels):
                stack.enter_context(server)
            wait_until(lambda: self.replicating(2))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
