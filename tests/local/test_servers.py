"""Our own servers: private, durable, ready when they say so, and removed without a trace."""

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pika
import pytest
import redis

from pipeline.broker.sent_at import RABBITMQ_KNOWS, RABBITMQ_LINE
from pipeline.local import packages, servers
from pipeline.local.errors import NoServers, ServerFailed, Unavailable
from pipeline.local.rabbitmq import PrivateRabbitmq, version_of
from pipeline.local.redis import PrivateRedis
from tests.local.processes import processes_with
from tests.support.waiting import wait_until


def test_rabbitmq_keeps_confirmed_messages_after_a_crash_and_a_restart() -> None:
    with PrivateRabbitmq() as server:
        with pika.BlockingConnection(pika.URLParameters(server.amqp_url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
            for number in range(100):
                channel.basic_publish(
                    "", "kept", str(number).encode(), pika.BasicProperties(delivery_mode=2), mandatory=True
                )
        wait_until(lambda: on_disk(server, b"kept"))

        server.kill()
        server.start()
        server.stop()
        server.start()

        with pika.BlockingConnection(pika.URLParameters(server.amqp_url)) as connection:
            channel = connection.channel()
            bodies = [channel.basic_get("kept", auto_ack=True)[2] for _ in range(100)]
        assert bodies == [str(number).encode() for number in range(100)]


@pytest.mark.parametrize(
    ("folder", "version"),
    [
        ("lib/rabbitmq_server-3.10.8/sbin", (3, 10)),
        ("lib/rabbitmq_server-3.12.0/sbin", (3, 12)),
        ("lib/rabbitmq_server-4.3.0-rc.1/sbin", (4, 3)),
        ("opt/rabbitmq/sbin", (0, 0)),
    ],
)
def test_rabbitmq_adds_the_time_of_arrival_if_its_version_supports_it(
    folder: str, version: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, link = tmp_path / folder / "rabbitmq-server", tmp_path / "rabbitmq-server"
    path.parent.mkdir(parents=True)
    path.touch()
    link.symlink_to(path)
    monkeypatch.setattr("pipeline.local.rabbitmq.script", lambda: str(link))

    server = PrivateRabbitmq()

    lines = (server.folder / "rabbitmq.conf").read_text().splitlines()
    server.close()
    assert version_of(str(link)) == version
    assert (RABBITMQ_LINE in lines) == (version >= RABBITMQ_KNOWS)


def on_disk(server: PrivateRabbitmq, queue: bytes) -> bool:
    """Return whether RabbitMQ has written this quorum queue to its disk.

    RabbitMQ before 4.0 does so only half a second after a queue was declared. If it crashes before, it loses
    the queue permanently (rabbitmq/ra, pull request 443).
    """
    return any(queue in path.read_bytes() for path in server.folder.glob("data/*/quorum/*/names.dets"))


def test_rabbitmq_listens_on_loopback_only_and_leaves_nothing_behind() -> None:
    with PrivateRabbitmq() as server:
        folder = str(server.folder)
        assert processes_with(folder)
        listening = addresses_listened_on()
        assert f"127.0.0.1:{server.amqp_port}" in listening
        ports = [server.amqp_port, server.mqtt_port, *server.internal_ports]
        for address in listening:
            host, _, port = address.rpartition(":")
            if int(port) in ports:
                assert host in {"127.0.0.1", "::1"}

    assert processes_with(folder) == []
    assert [port for port in ports if f"127.0.0.1:{port}" in addresses_listened_on()] == []
    assert not Path(folder).exists()


def addresses_listened_on() -> set[str]:
    """Yield all TCP addresses with a listening socket, as host:port."""
    found = set()
    for path, family in (("/proc/net/tcp", socket.AF_INET), ("/proc/net/tcp6", socket.AF_INET6)):
        if not Path(path).exists():
            continue
        for line in Path(path).read_text().splitlines()[1:]:
            local, _, state = line.split()[1:4]
            host, port = local.split(":")
            # Each group of four bytes is in the machine's own byte order (proc(5)): little-endian here.
            packed = b"".join(bytes.fromhex(host[at : at + 8])[::-1] for at in range(0, len(host), 8))
            if state == "0A":
                found.add(f"{socket.inet_ntop(family, packed)}:{int(port, 16)}")
    return found


def test_two_of_each_run_side_by_side() -> None:
    with PrivateRedis() as first, PrivateRedis() as second:
        with redis.Redis.from_url(first.url) as client:
            client.set("key", "value")
        with redis.Redis.from_url(second.url) as client:
            assert client.get("key") is None


def test_redis_keeps_every_confirmed_write_after_a_crash() -> None:
    with PrivateRedis() as server, redis.Redis.from_url(server.url) as client:
        for number in range(100):
            client.set("key", number)
            if number % 50 == 49:
                server.kill()
                server.start()
                assert client.get("key") == str(number).encode()
        config = client.config_get("append*")
        assert (config["appendonly"], config["appendfsync"]) == ("yes", "always")


def test_a_client_without_the_password_is_refused() -> None:
    with PrivateRedis() as server:
        with redis.Redis(port=server.port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        # The folder contains the password.
        assert stat.S_IMODE(os.stat(server.folder).st_mode) == 0o700
        assert not [
            line for line in processes_with(str(server.folder)) if server.url.split("@")[0][9:] in line
        ]


def test_the_error_of_a_server_that_does_not_start_contains_its_output() -> None:
    server = PrivateRedis()
    try:
        (server.folder / "redis.conf").write_text("no-such-setting yes\n")

        with pytest.raises(ServerFailed, match="no-such-setting"):
            server.start()
    finally:
        server.close()


def test_starting_twice_is_refused() -> None:
    with PrivateRedis() as server, pytest.raises(ServerFailed, match="Stop it first"):
        server.start()


def test_a_server_from_the_environment_comes_first_and_is_not_stopped() -> None:
    with PrivateRedis() as theirs:
        environ = {"IOT_LOGIC_AMQP_URL": "amqp://elsewhere/", "IOT_LOGIC_REDIS_URL": theirs.url}

        with servers.servers(environ) as found:
            assert found == servers.Servers("amqp://elsewhere/", None, theirs.url)

        with redis.Redis.from_url(theirs.url) as client:
            assert client.ping()


class Named:
    """A server that may be available from one of the sources."""

    def __init__(self, source: str) -> None:
        self.url = source
        self.amqp_url = self.mqtt_url = source
        self.management_url: str | None = None

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def close(self) -> None: ...


def unavailable(reason: str) -> Callable[[], Named]:
    def fail() -> Named:
        raise Unavailable(reason)

    return fail


def test_each_source_is_asked_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = list[packages.Package]()
    here = False

    def private() -> Named:
        if not here:
            raise Unavailable("not installed")
        return Named("this machine")

    def install(package: packages.Package) -> None:
        nonlocal here
        installed.append(package)
        here = True

    monkeypatch.setattr(servers, "PrivateRedis", private)
    monkeypatch.setattr(servers, "ContainerRedis", lambda: Named("Docker"))
    monkeypatch.setattr(packages, "install", install)
    assert servers.local_redis().url == "Docker"

    monkeypatch.setattr(servers, "ContainerRedis", unavailable("no engine"))
    assert servers.local_redis().url == "this machine"
    assert installed == [packages.REDIS]

    monkeypatch.setattr(servers, "ContainerRedis", lambda: Named("Docker"))
    assert servers.local_redis().url == "this machine"


def test_without_any_source_the_error_names_all_with_their_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(package: packages.Package) -> None:
        raise Unavailable(f"{package.apt} needs root")

    monkeypatch.setattr(servers, "PrivateRedis", unavailable("not installed"))
    monkeypatch.setattr(servers, "ContainerRedis", unavailable("no engine"))
    monkeypatch.setattr(packages, "install", refuse)

    with pytest.raises(NoServers) as refused:
        servers.local_redis()

    assert str(refused.value) == (
        "No Redis is available.\n"
        "  this machine: not installed.\n"
        "  Docker: no engine.\n"
        "  package manager: redis-server needs root.\n"
        "Install it with apt-get install redis-server (Debian, Ubuntu), dnf install redis (Fedora), "
        "apk add redis (Alpine) or brew install redis (Homebrew), "
        "or set IOT_LOGIC_REDIS_URL to a running one."
    )
