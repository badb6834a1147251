"""RabbitMQ and Redis in containers, if a Docker engine on this machine answers.

They have the same methods as the private processes. A container keeps its data while its server is stopped or
killed; `close` removes both. If SIGKILL ends a process, nothing removes its containers at once: the next
process that creates a container removes them.
"""

import io
import os
import secrets
import socket
import tarfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Final

import docker
import docker.errors
import requests
from docker.constants import MINIMUM_DOCKER_API_VERSION
from docker.transport import UnixHTTPAdapter

from pipeline.broker.sent_at import RABBITMQ_LINE
from pipeline.local.errors import ServerFailed, Unavailable
from pipeline.local.ports import free_port
from pipeline.local.rabbitmq import PLUGINS, RABBITMQ_USER, serves_amqp
from pipeline.local.redis import serves_redis

RABBITMQ_IMAGE: Final = "rabbitmq:4-management"
REDIS_IMAGE: Final = "redis:8"

#: The label that names the process a container belongs to, as "pid-start": see `_owner`.
_OWNER_LABEL: Final = "iot-logic-processor.owner"

#: Seconds that one request to the engine may take. The download of an image takes more than one request.
_REQUEST_SECONDS: Final = 60
_START_SECONDS: Final = 120
_STOP_SECONDS: Final = 30
_INTERVAL: Final = 0.1

_TAIL_LINES: Final = 20


class ContainerServer(ABC):
    """A server in a container, with ports of 127.0.0.1. Raises `Unavailable` if Docker cannot provide it."""

    #: The server's name in messages.
    name: str

    def __init__(
        self, image: str, ports: Mapping[int, int], files: Mapping[str, str], command: list[str]
    ) -> None:
        """Create the container. `ports` maps its ports to this machine's; `files` are copied into it."""
        with ExitStack() as failed:
            self._client = _engine()
            failed.callback(self._client.close)
            try:
                _remove_orphans(self._client)
                _ensure_image(self._client, image)
                self._container = self._client.containers.create(
                    image,
                    command,
                    detach=True,
                    labels={_OWNER_LABEL: str(_owner(os.getpid()))},
                    ports={f"{inside}/tcp": ("127.0.0.1", outside) for inside, outside in ports.items()},
                )
                failed.callback(self._container.remove, force=True, v=True)
                self._container.put_archive("/", _archive(files))
            except (docker.errors.DockerException, requests.RequestException) as e:
                raise Unavailable(f"Docker could not create a container from {image}: {e}") from e
            failed.pop_all()

    @abstractmethod
    def _ready(self) -> bool:
        """Return whether the server serves clients."""

    def start(self) -> None:
        """Start the server on its data, and return when it serves clients. Raises `ServerFailed`."""
        try:
            self._container.start()
        except docker.errors.APIError as e:
            raise ServerFailed(f"Docker could not start {self.name}: {e}") from e
        deadline = time.monotonic() + _START_SECONDS
        while not self._ready():
            self._container.reload()
            if self._container.status != "running":
                raise ServerFailed(
                    f"{self.name} stopped while it was starting. Its last output:\n{self._tail()}"
                )
            if time.monotonic() > deadline:
                raise ServerFailed(
                    f"{self.name} in a container was not ready within {_START_SECONDS} seconds. "
                    f"Its last output:\n{self._tail()}"
                )
            time.sleep(_INTERVAL)

    def _tail(self) -> str:
        return self._container.logs(tail=_TAIL_LINES).decode(errors="replace").strip()

    def stop(self) -> None:
        """Shut the server down cleanly; it keeps its data."""
        self._container.stop(timeout=_STOP_SECONDS)

    def kill(self) -> None:
        """Kill the server's processes with SIGKILL, as in a crash; its data stay unchanged."""
        self._container.reload()
        if self._container.status == "running":
            self._container.kill()
            self._container.wait(timeout=_REQUEST_SECONDS)

    def close(self) -> None:
        """End the server for good and remove its data."""
        with closing(self._client), suppress(docker.errors.NotFound):
            self._container.remove(force=True, v=True)


class ContainerRabbitmq(ContainerServer):
    """RabbitMQ in a container, with the same URLs as `PrivateRabbitmq`."""

    name = "RabbitMQ"

    def __init__(self, *, management: bool = False) -> None:
        password = secrets.token_urlsafe(16)
        amqp_port, mqtt_port, management_port = (free_port() for _ in range(3))
        login = f"{RABBITMQ_USER}:{password}@127.0.0.1"
        self.amqp_url = f"amqp://{login}:{amqp_port}/%2F"
        self.mqtt_url = f"mqtt://{login}:{mqtt_port}"
        self.management_url = f"http://{login}:{management_port}" if management else None
        ports, plugins = {5672: amqp_port, 1883: mqtt_port}, PLUGINS
        if management:
            ports[15672] = management_port
            plugins = (*plugins, "rabbitmq_management")
        self._ports = tuple(ports.values())
        files = {
            "etc/rabbitmq/enabled_plugins": f"[{','.join(plugins)}].\n",
            "etc/rabbitmq/conf.d/90-iot-logic.conf": (
                f"default_user = {RABBITMQ_USER}\ndefault_pass = {password}\nmqtt.allow_anonymous = false\n"
                f"{RABBITMQ_LINE}\n"
            ),
        }
        super().__init__(RABBITMQ_IMAGE, ports, files, ["rabbitmq-server"])

    def _ready(self) -> bool:
        return serves_amqp(self.amqp_url, self._ports)


class ContainerRedis(ContainerServer):
    """Redis in a container, with the same URL as `PrivateRedis`."""

    name = "Redis"

    def __init__(self) -> None:
        password = secrets.token_urlsafe(16)
        port = free_port()
        self.url = f"redis://:{password}@127.0.0.1:{port}/0"
        self._port = port
        path = "usr/local/etc/iot-logic-redis.conf"
        config = f'requirepass {password}\ndir /data\nappendonly yes\nappendfsync always\nsave ""\n'
        super().__init__(REDIS_IMAGE, {6379: port}, {path: config}, ["redis-server", f"/{path}"])

    def _ready(self) -> bool:
        return serves_redis(self.url, self._port)


def _engine() -> docker.DockerClient:
    # A client with a fixed version opens no connection yet.
    with closing(docker.from_env(version=MINIMUM_DOCKER_API_VERSION)) as client:
        adapter = client.api.get_adapter(client.api.base_url)
        # A remote engine binds ports to its own 127.0.0.1, not to ours.
        if not isinstance(adapter, UnixHTTPAdapter):
            raise Unavailable("the Docker engine of DOCKER_HOST is on another machine")
    try:
        # The SDK does not close its own socket if no engine answers.
        with socket.socket(socket.AF_UNIX) as answers:
            answers.settimeout(_REQUEST_SECONDS)
            answers.connect(adapter.socket_path)
        return docker.from_env(timeout=_REQUEST_SECONDS)
    except (docker.errors.DockerException, requests.RequestException, OSError) as e:
        raise Unavailable("no Docker engine answers") from e


def _ensure_image(client: docker.DockerClient, image: str) -> None:
    try:
        client.images.get(image)
    except docker.errors.ImageNotFound:
        print(f"Downloading the image {image} with Docker.", flush=True)
        try:
            client.images.pull(image)
        except docker.errors.APIError as e:
            raise Unavailable(f"Docker cannot get the image {image}: {e.explanation or e}") from e


def _archive(files: Mapping[str, str]) -> bytes:
    """Return a tar of text files that the servers' own users in the container can read."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text.encode()), 0o644
            tar.addfile(member, io.BytesIO(text.encode()))
    return archive.getvalue()


def _owner(pid: int) -> str | None:
    """Return the id and the start time of a process, because ids are reused; None if it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except FileNotFoundError:
        return None
    # proc(5): the start time is field 22; the fields after the name, which is in parentheses, start at 3.
    return f"{pid}-{stat.rpartition(')')[2].split()[19]}"


def _remove_orphans(client: docker.DockerClient) -> None:
    """Remove the containers whose process has ended."""
    for container in client.containers.list(all=True, filters={"label": _OWNER_LABEL}):
        owner = container.labels[_OWNER_LABEL]
        if _owner(int(owner.partition("-")[0])) != owner:
            container.remove(force=True, v=True)
