"""The sources of RabbitMQ and Redis.

Each of the two servers comes from the first of these sources that can provide it:

1. the environment: `IOT_LOGIC_AMQP_URL` (and `IOT_LOGIC_MQTT_URL`), `IOT_LOGIC_REDIS_URL`, used unchanged;
2. a binary on this machine, started as a private process;
3. a container, if a Docker engine answers;
4. the system's package manager, if we may install packages, and then as in 2.

A source that cannot provide the server says why. If no source can, `NoServers` says what was tried, and what
to install.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from pipeline.local import packages
from pipeline.local.containers import ContainerRabbitmq, ContainerRedis
from pipeline.local.errors import NoServers, Unavailable
from pipeline.local.packages import Package
from pipeline.local.rabbitmq import PrivateRabbitmq
from pipeline.local.redis import PrivateRedis

AMQP_VARIABLE: Final = "IOT_LOGIC_AMQP_URL"
MQTT_VARIABLE: Final = "IOT_LOGIC_MQTT_URL"
REDIS_VARIABLE: Final = "IOT_LOGIC_REDIS_URL"


class LocalServer(Protocol):
    """The methods of all local servers, from any source."""

    def start(self) -> None:
        """Start the server on its data, and return when it serves clients. Raises `ServerFailed`."""

    def stop(self) -> None:
        """Shut the server down cleanly; it keeps its data."""

    def kill(self) -> None:
        """Kill the server's processes with SIGKILL, as in a crash; its data stay unchanged."""

    def close(self) -> None:
        """End the server for good and remove its data."""


class LocalRabbitmq(LocalServer, Protocol):
    """A local RabbitMQ with the plugins that the system needs."""

    amqp_url: str
    mqtt_url: str
    management_url: str | None


class LocalRedis(LocalServer, Protocol):
    """A local Redis that appends every write to its file."""

    url: str


_Server = TypeVar("_Server", bound=LocalServer)


@dataclass(frozen=True)
class Servers:
    """The servers' addresses. `mqtt_url` is None if only the AMQP address of a user's RabbitMQ is known."""

    amqp_url: str
    mqtt_url: str | None
    redis_url: str


def local_rabbitmq(*, management: bool = False) -> LocalRabbitmq:
    """Return a local RabbitMQ, started. Raises `NoServers` or `ServerFailed`."""

    def private() -> LocalRabbitmq:
        return PrivateRabbitmq(management=management)

    def container() -> LocalRabbitmq:
        return ContainerRabbitmq(management=management)

    return _started(_obtain("RabbitMQ", AMQP_VARIABLE, packages.RABBITMQ, private, container))


def local_redis() -> LocalRedis:
    """Return a local Redis, started. Raises `NoServers` or `ServerFailed`."""

    def private() -> LocalRedis:
        return PrivateRedis()

    def container() -> LocalRedis:
        return ContainerRedis()

    return _started(_obtain("Redis", REDIS_VARIABLE, packages.REDIS, private, container))


def _obtain(
    name: str,
    variable: str,
    package: Package,
    private: Callable[[], _Server],
    container: Callable[[], _Server],
) -> _Server:
    """Return the server from the first source that can provide it. Raises `NoServers`."""

    def installed() -> _Server:
        packages.install(package)
        return private()

    reasons = []
    for source, get in {
        "this machine": private,
        "Docker": container,
        "package manager": installed,
    }.items():
        try:
            return get()
        except Unavailable as e:
            reasons.append(f"  {source}: {e}.\n")
    raise NoServers(
        f"No {name} is available.\n{''.join(reasons)}Install it with {package.advice()}, "
        f"or set {variable} to a running one."
    )


def _started(server: _Server) -> _Server:
    try:
        server.start()
    except BaseException:
        server.close()
        raise
    return server


@contextmanager
def servers(environ: Mapping[str, str] = os.environ) -> Iterator[Servers]:
    """Yield the servers that `environ` names, and local ones for the rest; close the local ones at the end.

    Raises `NoServers` or `ServerFailed`.
    """
    with ExitStack() as stack:
        redis_url = environ.get(REDIS_VARIABLE)
        if redis_url is None:
            redis = local_redis()
            stack.callback(redis.close)
            redis_url = redis.url
        amqp_url, mqtt_url = environ.get(AMQP_VARIABLE), environ.get(MQTT_VARIABLE)
        if amqp_url is None:
            rabbitmq = local_rabbitmq()
            stack.callback(rabbitmq.close)
            amqp_url, mqtt_url = rabbitmq.amqp_url, rabbitmq.mqtt_url
        yield Servers(amqp_url, mqtt_url, redis_url)


@contextmanager
def private_servers() -> Iterator[Servers]:
    """Yield local servers, independent of the environment, and close them at the end."""
    with servers({}) as ours:
        yield ours
