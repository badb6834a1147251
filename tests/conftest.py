"""A real RabbitMQ and a real Redis for every test that needs them, and only our own settings.

The servers are private to the tests. If a server is not available, the tests that need it fail; none is
skipped.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from urllib.parse import quote, urlsplit, urlunsplit

import httpx
import hypothesis
import pytest
import redis

from pipeline.local.servers import LocalRabbitmq, LocalRedis, local_rabbitmq, local_redis
from pipeline.settings import PREFIX
from tests.support.installation import Installation
from tests.support.servers import OwnServers, servers_of_its_own

# Before any test module is imported, because some of them read the settings at import.
for _name in [name for name in os.environ if name.startswith(PREFIX)]:
    del os.environ[_name]

# A shell that starts the tests in the background makes them ignore Ctrl-C, and their child processes too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Machines are shared and slow at times, so the duration of an example says nothing.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a module whose tests would share one Redis with another installation that still runs."""
    wanted: dict[str, set[str]] = {}
    for item in items:
        if isinstance(item, pytest.Function):
            wanted.setdefault(item.nodeid.split("::")[0], set()).update(item.fixturenames)
    mixed = [name for name, names in wanted.items() if {"module_installation", "redis_url"} <= names]
    if mixed:
        what = "have tests that use module_installation and tests that empty the Redis"
        raise pytest.UsageError(f"{', '.join(mixed)} {what}. Make two modules of them.")


#: Each test's virtual host has its own name.
_numbers = count(1)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[LocalRabbitmq]:
    """The RabbitMQ that tests share. Each uses its own virtual host, and does not stop the server."""
    with ExitStack() as stack:
        server = local_rabbitmq(management=True)
        stack.callback(server.close)
        yield server


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[LocalRedis]:
    """The Redis that tests share, one after the other."""
    with ExitStack() as stack:
        server = local_redis()
        stack.callback(server.close)
        yield server


@pytest.fixture
def vhost(rabbitmq: LocalRabbitmq) -> Iterator[str]:
    """The name of a virtual host that only this test uses."""
    with own_vhost(rabbitmq) as name:
        yield name


@contextmanager
def own_vhost(rabbitmq: LocalRabbitmq) -> Iterator[str]:
    """A virtual host that exists while the block runs. Yields its name."""
    assert rabbitmq.management_url
    user = urlsplit(rabbitmq.amqp_url).username
    name = f"test-{next(_numbers)}"
    with httpx.Client(base_url=rabbitmq.management_url, timeout=30) as management:
        management.put(f"/api/vhosts/{name}").raise_for_status()
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        management.put(f"/api/permissions/{name}/{user}", json=everything).raise_for_status()
        yield name
        management.delete(f"/api/vhosts/{name}").raise_for_status()


@pytest.fixture
def broker_url(rabbitmq: LocalRabbitmq, vhost: str) -> str:
    """The URL of the test's own virtual host, over AMQP."""
    return amqp_url_of(rabbitmq, vhost)


@pytest.fixture
def mqtt_url(rabbitmq: LocalRabbitmq, vhost: str) -> str:
    """The URL of the test's own virtual host, over MQTT."""
    return mqtt_url_of(rabbitmq, vhost)


def amqp_url_of(rabbitmq: LocalRabbitmq, vhost: str) -> str:
    """Return the URL of a virtual host over AMQP."""
    return urlunsplit(urlsplit(rabbitmq.amqp_url)._replace(path=f"/{vhost}"))


def mqtt_url_of(rabbitmq: LocalRabbitmq, vhost: str) -> str:
    """Return the URL of a virtual host over MQTT."""
    url = urlsplit(rabbitmq.mqtt_url)
    # MQTT has no virtual hosts; RabbitMQ reads one from the user's name, before a colon.
    user = quote(f"{vhost}:{url.username}", safe="")
    return urlunsplit(url._replace(netloc=f"{user}:{url.password}@{url.hostname}:{url.port}"))


@pytest.fixture
def redis_url(shared_redis: LocalRedis) -> str:
    """The URL of an empty Redis."""
    return emptied(shared_redis)


def emptied(server: LocalRedis) -> str:
    """Empty a Redis, and return its URL."""
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
    return server.url


@pytest.fixture
def installation(broker_url: str, redis_url: str, mqtt_url: str) -> Iterator[Installation]:
    """Our commands on this test's own virtual host and an empty Redis; all are ended after the test."""
    with Installation(broker_url, redis_url, mqtt_url) as plant:
        yield plant


@pytest.fixture(scope="module")
def module_installation(rabbitmq: LocalRabbitmq, shared_redis: LocalRedis) -> Iterator[Installation]:
    """The same for all tests of a module, each of which uses its own machines.

    Do not combine it with `redis_url` or `installation`, which empty the Redis.
    """
    with own_vhost(rabbitmq) as vhost:
        urls = amqp_url_of(rabbitmq, vhost), emptied(shared_redis), mqtt_url_of(rabbitmq, vhost)
        with Installation(*urls) as plant:
            yield plant


@pytest.fixture
def own_servers() -> Iterator[OwnServers]:
    """A RabbitMQ and a Redis that the test may kill and start again."""
    with servers_of_its_own() as servers:
        yield servers
