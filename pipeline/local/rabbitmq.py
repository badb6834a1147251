"""A private RabbitMQ, next to any other that already runs on this machine.

Everything that could connect the node to another one is private: ports, node name, port mapper (epmd), Erlang
cookie, data, and configuration, even if Debian or the environment would add to it. The node listens on
127.0.0.1 only. The user has a random password.
"""

import logging
import os
import re
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pika
import pika.exceptions

from pipeline.broker import sent_at
from pipeline.broker.connection import BlockingConnection
from pipeline.local.errors import Unavailable
from pipeline.local.ports import answers, free_port
from pipeline.local.server import MORE_PATHS, PrivateServer

#: The folders in which packages put the script that runs as any user. Debian and Fedora have another script
#: on the PATH, which becomes the user rabbitmq and listens on the addresses of the system's server.
_SCRIPTS: Final = ("/usr/lib/rabbitmq/bin", "/usr/lib64/rabbitmq/bin")

#: The folder of a server, whose name contains the version.
_VERSION: Final = re.compile(r"/rabbitmq_server-([0-9]{1,9})\.([0-9]{1,9})[^/]*/")

RABBITMQ_USER: Final = "iot-logic"

#: Erlang schedulers (threads that run its code). More than four do not help the demo and the tests.
_MOST_SCHEDULERS: Final = 4

#: Bytes of the quorum queues' write-ahead log, which RabbitMQ also keeps in memory; its default is 512 MB.
_WAL_BYTES: Final = 64_000_000

PLUGINS: Final[tuple[str, ...]] = ("rabbitmq_sharding", "rabbitmq_mqtt")


class PrivateRabbitmq(PrivateServer):
    """RabbitMQ with the modulus-hash exchange, MQTT and, if `management`, the management plugin's HTTP API.

    `amqp_url` is amqp://user:password@127.0.0.1:port/%2F, `mqtt_url` mqtt://user:password@127.0.0.1:port,
    `management_url` http://user:password@127.0.0.1:port or None. Raises `Unavailable` if no binary is found.
    """

    name = "RabbitMQ"

    def __init__(self, *, management: bool = False) -> None:
        self._script = script()
        super().__init__()
        self._password = secrets.token_urlsafe(16)
        self.amqp_port, self.mqtt_port, self._epmd_port, self._node_port = (free_port() for _ in range(4))
        #: Ports that only the node itself uses: of its port mapper, and for other nodes.
        self.internal_ports = (self._epmd_port, self._node_port)
        self.management_port = free_port() if management else None
        login = f"{RABBITMQ_USER}:{self._password}@127.0.0.1"
        self.amqp_url = f"amqp://{login}:{self.amqp_port}/%2F"
        self.mqtt_url = f"mqtt://{login}:{self.mqtt_port}"
        self.management_url = f"http://{login}:{self.management_port}" if management else None
        self._configure()

    def _configure(self) -> None:
        plugins = PLUGINS
        lines = [
            f"listeners.tcp.1 = 127.0.0.1:{self.amqp_port}",
            f"mqtt.listeners.tcp.1 = 127.0.0.1:{self.mqtt_port}",
            "mqtt.allow_anonymous = false",
            f"default_user = {RABBITMQ_USER}",
            f"default_pass = {self._password}",
            f"raft.wal_max_size_bytes = {_WAL_BYTES}",
            # Error messages show the warnings; a private server needs no other log.
            "log.console.level = warning",
        ]
        if version_of(self._script) >= sent_at.RABBITMQ_KNOWS:
            lines.append(sent_at.RABBITMQ_LINE)
        if self.management_port is not None:
            plugins = (*plugins, "rabbitmq_management")
            lines += [
                "management.tcp.ip = 127.0.0.1",
                f"management.tcp.port = {self.management_port}",
            ]
        self._file("rabbitmq.conf").write_text("".join(f"{line}\n" for line in lines))
        self._file("enabled_plugins").write_text(f"[{','.join(plugins)}].\n")
        # A machine may have no line for localhost in /etc/hosts.
        self._file("inetrc").write_text('{host,{127,0,0,1},["localhost"]}.\n{lookup,[file,native]}.\n')

    def _file(self, name: str) -> Path:
        return self.folder / name

    def _command(self) -> list[str]:
        return [self._script]

    def _environ(self) -> dict[str, str]:
        schedulers = min(_MOST_SCHEDULERS, len(os.sched_getaffinity(0)))
        return super()._environ() | {
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_INETRC": str(self._file("inetrc")),
            "RABBITMQ_NODENAME": f"iot-logic-{self.amqp_port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._node_port),
            "RABBITMQ_CONFIG_FILE": str(self._file("rabbitmq.conf")),
            # These three files do not exist, so that RabbitMQ does not read the system's files.
            "RABBITMQ_CONFIG_FILES": str(self._file("conf.d")),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self._file("advanced.config")),
            "RABBITMQ_CONF_ENV_FILE": str(self._file("rabbitmq-env.conf")),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._file("enabled_plugins")),
            "RABBITMQ_MNESIA_BASE": str(self._file("data")),
            "RABBITMQ_LOG_BASE": str(self._file("log")),
            "RABBITMQ_SCHEMA_DIR": str(self._file("schema")),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                # No busy waiting: clients share the cores with the server.
                f"+S {schedulers}:{schedulers} +sbwt none +sbwtdcpu none +sbwtdio none "
                "-kernel inet_dist_use_interface {127,0,0,1}"
            ),
        }

    def _ready(self) -> bool:
        ports = [self.amqp_port, self.mqtt_port]
        if self.management_port is not None:
            ports.append(self.management_port)
        return serves_amqp(self.amqp_url, ports)


def serves_amqp(amqp_url: str, ports: Iterable[int]) -> bool:
    """Return whether the server listens on all `ports` and accepts the login of a client.

    The listeners are open before users and virtual hosts are ready.
    """
    if not all(answers(port) for port in ports):
        return False
    # Failures are expected here, and pika would log each of them as an error.
    logger = logging.getLogger("pika")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        BlockingConnection(pika.URLParameters(f"{amqp_url}?socket_timeout=5")).close()
    except pika.exceptions.AMQPError:
        return False
    finally:
        logger.setLevel(level)
    return True


def version_of(path: str) -> tuple[int, int]:
    """Return the version of the server that a script belongs to, or (0, 0) if its path does not contain it.

    Packages put the script into a folder with the server's version, and link to it.
    """
    found = _VERSION.search(os.path.realpath(path))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def script() -> str:
    """Return the path of the script rabbitmq-server that runs as any user. Raises `Unavailable`."""
    path = ":".join((*_SCRIPTS, os.environ.get("PATH", ""), MORE_PATHS))
    found = shutil.which("rabbitmq-server", path=path)
    if found is None:
        raise Unavailable("rabbitmq-server is not on the PATH")
    return found
