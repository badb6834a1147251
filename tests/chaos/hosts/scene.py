"""The scene: three RabbitMQ nodes, Redis and Sentinels, three workers and two APIs, each on its own host.

RabbitMQ, Redis and the Sentinels are configured as docs/growing.md says.
"""

import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

import httpx

from pipeline.local.rabbitmq import RABBITMQ_USER, serves_amqp
from pipeline.model.role import Role
from pipeline.store.tokens import Tokens
from tests.chaos.broker import Broker
from tests.chaos.census import LOGIC, Census, take
from tests.chaos.fleet import Fleet, Machine
from tests.chaos.hosts.changes import Client
from tests.chaos.hosts.network import OUTSIDE, Network
from tests.chaos.hosts.service import Pauses, Results
from tests.chaos.scene import READINGS_QUEUES
from tests.chaos.site import Counted
from tests.support.haproxy import haproxy
from tests.support.host import Host
from tests.support.installation import Command, Installation
from tests.support.replicated_redis import SERVICE, ReplicatedRedis, Server
from tests.support.waiting import wait_until

#: The lines of docs/growing.md.
_RABBITMQ: Final = (
    "cluster_partition_handling = pause_minority",
    "queue_leader_locator = balanced",
    "net_ticktime = 4",
)
_RABBITMQ_ADVANCED: Final = "[{kernel, [{net_setuptime, 1}]}].\n"
_REDIS: Final = (
    "min-replicas-to-write 1\nmin-replicas-max-lag 10\nrepl-timeout 60\nrepl-ping-replica-period 10\n"
)
_SENTINEL: Final = (
    f"sentinel down-after-milliseconds {SERVICE} 3000\nsentinel failover-timeout {SERVICE} 60000\n"
)

#: The machines and the readings per second of each of the three fleets. Each fleet is one publisher.
_MACHINES: Final = 6
_RATE: Final = 60

#: The number of clients that make changes.
_CLIENTS: Final = 2

#: Seconds within which everything must be in step after a fault, and a round be processed.
_RECOVERY: Final = 150.0
_PATIENCE: Final = 150.0

#: Seconds that RabbitMQ may take to heal a partition by itself, before its nodes are restarted by hand.
_HEALS: Final = 45.0

_EPMD_PORT: Final = 4369
_AMQP_PORT: Final = 5672
_API_PORT: Final = 8001

_ROOT: Final = Path(__file__).parents[3]

#: The number of running nodes that this one knows, and those that it is partitioned from.
_SEEN: Final = (
    "try {length(rabbit_nodes:all_running()), rabbit_node_monitor:partitions()} catch _:_ -> paused end."
)


class Part(StrEnum):
    """The kinds of nodes."""

    BROKER = "broker"
    REDIS = "Redis"
    SENTINEL = "Sentinel"
    WORKER = "worker"
    API = "API"


#: The name of the hosts of each part, and how many there are.
_HOSTS: Final = {
    Part.BROKER: ("b", 3),
    Part.REDIS: ("r", 3),
    Part.SENTINEL: ("s", 3),
    Part.WORKER: ("w", 3),
    Part.API: ("a", 2),
}


class Process(Protocol):
    """What a fault can do to a node's process. `start` returns when it serves."""

    def start(self) -> None: ...
    def stop(self) -> object: ...
    def kill(self) -> None: ...


@dataclass(frozen=True)
class Node:
    """One node. Nodes with the same `number`, from 0, stand for one machine."""

    part: Part
    number: int
    host: Host
    process: Process


class _Broker(Broker):
    """One RabbitMQ node of the cluster, rabbit@b1."""

    start_seconds = 240

    def __init__(self, host: Host, hosts: Sequence[Host], password: str) -> None:
        self.host, self._hosts, self._shared = host, hosts, password
        super().__init__()
        cookie = self._file(".erlang.cookie")
        cookie.write_text(password.replace("-", "x"))
        cookie.chmod(0o400)

    def _configure(self) -> None:
        self._password, self._epmd_port, self.amqp_port = self._shared, _EPMD_PORT, _AMQP_PORT
        self.amqp_url = f"amqp://{RABBITMQ_USER}:{self._password}@{self.host.address}:{_AMQP_PORT}/%2F"
        super()._configure()
        names = "".join(
            f'{{host,{{{each.address.replace(".", ",")}}},["{each.namespace}"]}}.\n' for each in self._hosts
        )
        self._file("advanced.config").write_text(_RABBITMQ_ADVANCED)
        self._file("inetrc").write_text(f"{names}{{lookup,[file,native]}}.\n")

    def _configure_with(self, lines: list[str]) -> None:
        nodes = [
            f"cluster_formation.classic_config.nodes.{number} = rabbit@{each.namespace}"
            for number, each in enumerate(self._hosts, 1)
        ]
        super()._configure_with(
            [
                *(line.replace("127.0.0.1", self.host.address) for line in lines),
                "cluster_formation.peer_discovery_backend = classic_config",
                *nodes,
                *_RABBITMQ,
            ]
        )

    def _environ(self) -> dict[str, str]:
        environ = super()._environ()
        address = self.host.address.replace(".", ",")
        arguments = environ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"].replace("127,0,0,1", address)
        return environ | {
            "ERL_EPMD_ADDRESS": self.host.address,
            "RABBITMQ_NODENAME": f"rabbit@{self.host.namespace}",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": arguments,
        }

    def _command(self) -> list[str]:
        return self.host.command(super()._command())

    def _ready(self) -> bool:
        return serves_amqp(self.amqp_url, [])

    def sees_all(self) -> bool:
        """Return whether all nodes run, and none is partitioned from this one."""
        try:
            return self.order(_SEEN) == f"{{{len(self._hosts)},[]}}"
        except AssertionError:
            return False


class _Program:
    """One of our commands on a host."""

    def __init__(
        self,
        plant: Installation,
        host: Host,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        ready: Callable[[Command], bool],
    ) -> None:
        self._plant, self.host, self._arguments = plant, host, arguments
        self._environ, self._ready = dict(environ), ready

    def start(self) -> None:
        """Start it, and return when it is ready."""
        self.command = self._plant.start(*self._arguments, environ=self._environ, host=self.host)

        def ready() -> bool:
            self.command.check_running()
            return self._ready(self.command)

        wait_until(ready, timeout=90)

    def stop(self) -> None:
        """Ask it to end, and wait for it."""
        self.command.stop()

    def kill(self) -> None:
        """SIGKILL it."""
        self.command.kill()


class Fleets:
    """Several fleets as one, each with its own publisher."""

    def __init__(self, fleets: Sequence[Fleet]) -> None:
        self._fleets = fleets

    @property
    def machines(self) -> list[Machine]:
        """The machines of all fleets."""
        return [machine for fleet in self._fleets for machine in fleet.machines]

    def pause(self) -> None:
        """Pause all fleets, as `Fleet.pause`."""
        for fleet in self._fleets:
            fleet.pause()

    def resume(self) -> None:
        """Continue sending."""
        for fleet in self._fleets:
            fleet.resume()

    def send_last(self) -> dict[str, int]:
        """Send one more reading of each machine, as `Fleet.send_last`."""
        last = dict[str, int]()
        for fleet in self._fleets:
            last |= fleet.send_last()
        return last


class Scene(Counted):
    """Starts when it is created, and ends with `stack`.

    The workers run `module`. `environ` is for APIs and workers. `newer_redis` is the program to upgrade to.
    """

    def __init__(
        self, stack: ExitStack, *, seed: int, module: str, environ: Mapping[str, str], newer_redis: str
    ) -> None:
        self.newer_redis = newer_redis
        # Broken connections are expected, and each would log a line.
        for name in ("pika", "pipeline.broker.publisher"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self.network = Network()
        hosts = {
            part: [self.network.host(f"{name}{number}", group, number) for number in range(1, count + 1)]
            for group, (part, (name, count)) in enumerate(_HOSTS.items(), 1)
        }
        self.brokers = self._start_brokers(stack, hosts[Part.BROKER])
        self.redis = stack.enter_context(
            ReplicatedRedis(_REDIS, _SENTINEL, hosts[Part.REDIS], hosts[Part.SENTINEL])
        )
        amqp_url = ",".join(each.amqp_url for each in self.brokers)
        plant = stack.enter_context(Installation(amqp_url, self.redis.url))
        plant.environ |= {
            "IOT_LOGIC_API_RATE": "100000",
            "IOT_LOGIC_API_BURST": "100000",
            "PYTHONPATH": str(_ROOT),
        }
        plant.environ |= environ
        self.programs = {
            Part.API: [_api(plant, host) for host in hosts[Part.API]],
            Part.WORKER: [_worker(plant, host, module) for host in hosts[Part.WORKER]],
        }
        self.results = Pauses(f"m{place}" for place in range(3 * _MACHINES))
        self.confirms = Pauses(f"publisher {number}" for number in range(3))
        self.answers = Pauses(f"c{number}" for number in range(_CLIENTS))
        fleets = [self._fleet(stack, amqp_url, number, seed) for number in range(3)]
        super().__init__(plant, Fleets(fleets), READINGS_QUEUES, _PATIENCE)
        self._start_apis(stack)
        for machine in self.fleet.machines:
            wait_until(lambda machine=machine: self._deployed(machine))  # type: ignore[misc]
        self.taken = Results(amqp_url, self.results.note)
        stack.callback(self.taken.close)
        with ThreadPoolExecutor() as threads:
            list(threads.map(_Program.start, self.programs[Part.WORKER]))
        processes: dict[Part, Sequence[Process]] = {
            Part.BROKER: self.brokers,
            Part.REDIS: self.redis.servers,
            Part.SENTINEL: self.redis.sentinels,
            **self.programs,
        }
        self.nodes = [
            Node(part, number, host, process)
            for part, each in processes.items()
            for number, (host, process) in enumerate(zip(hosts[part], each, strict=True))
        ]
        #: How often RabbitMQ had to be restarted by hand.
        self.restarts = 0
        for fleet in fleets:
            fleet.start()

    def _start_brokers(self, stack: ExitStack, hosts: Sequence[Host]) -> list[_Broker]:
        password = secrets.token_urlsafe(16)
        brokers = [_Broker(host, hosts, password) for host in hosts]
        for broker in brokers:
            stack.callback(broker.close)
        # The first node creates the cluster.
        brokers[0].start()
        with ThreadPoolExecutor() as threads:
            list(threads.map(_Broker.start, brokers[1:]))
        wait_until(lambda: all(broker.sees_all() for broker in brokers), timeout=_RECOVERY)
        return brokers

    def _start_apis(self, stack: ExitStack) -> None:
        """Start the APIs behind HAProxy, with a token, and create their clients."""
        with self.redis.primary.client() as redis:
            bearer = f"Bearer {Tokens(redis).create('campaign', Role.ADMIN)}"
        addresses = [f"{program.host.address}:{_API_PORT}" for program in self.programs[Part.API]]
        self._apis = [f"http://{address}/health/ready" for address in addresses]
        for program in self.programs[Part.API]:
            program.start()
        wait_until(self._apis_ready, timeout=_RECOVERY)
        url = stack.enter_context(haproxy(*addresses))
        headers = {"Authorization": bearer}
        self.plant.client = stack.enter_context(httpx.Client(base_url=url, headers=headers, timeout=30))
        self.clients = [Client(f"c{number}", url, bearer, self.answers.note) for number in range(_CLIENTS)]
        for client in self.clients:
            stack.callback(client.close)

    def _fleet(self, stack: ExitStack, amqp_url: str, number: int, seed: int) -> Fleet:
        fleet = Fleet(
            amqp_url,
            _MACHINES,
            seed + number,
            _RATE,
            first=number * _MACHINES,
            on_confirm=lambda: self.confirms.note(f"publisher {number}"),
        )
        stack.callback(fleet.stop)
        for machine in fleet.machines:
            machine.at_times_bad = False
        fleet.pause_at_start()
        return fleet

    def _deployed(self, machine: Machine) -> bool:
        answer = self.plant.client.post(f"/machines/{machine.id}/logic", json={"logic": LOGIC})
        return answer.status_code == 201

    def census(self) -> Census:
        """Return the count of all readings now. A thawed broker may receive readings in doubt late."""
        return take(self.plant, self.fleet.machines, doubt_may_be_late=True)

    def of(self, *parts: Part) -> list[Node]:
        """Return the nodes of some parts."""
        return [node for node in self.nodes if node.part in parts]

    def at(self, number: int) -> list[Node]:
        """Return the nodes that stand for one machine."""
        return [node for node in self.nodes if node.number == number]

    def node_of(self, server: Server) -> Node:
        """Return the node of a Redis."""
        [node] = [node for node in self.of(Part.REDIS) if node.process is server]
        return node

    def recover(self) -> None:
        """Wait until all servers are in step, as an operator would: restart RabbitMQ if it does not heal.

        Raises `AssertionError` if this takes too long.
        """
        for program in (each for programs in self.programs.values() for each in programs):
            program.command.check_running()
        try:
            wait_until(self._whole, timeout=_HEALS)
        except AssertionError:
            self._restart_brokers()
            wait_until(self._whole, timeout=_RECOVERY)
        wait_until(self.redis.in_step, timeout=_RECOVERY)
        wait_until(self._apis_ready, timeout=_RECOVERY)

    def in_step(self) -> bool:
        """Return whether all servers are in step, and both APIs are ready."""
        return self._whole() and self.redis.in_step() and self._apis_ready()

    def _whole(self) -> bool:
        return all(broker.sees_all() for broker in self.brokers)

    def _restart_brokers(self) -> None:
        self.restarts += 1
        for broker in self.brokers:
            if not broker.sees_all():
                broker.kill()
                broker.start()

    def _apis_ready(self) -> bool:
        try:
            return all(httpx.get(url, timeout=5).status_code == 200 for url in self._apis)
        except httpx.TransportError:
            return False

    def wait_flowing(self) -> None:
        """Wait until each machine, publisher and client is served again. Raises `AssertionError`."""
        everyone = (self.results, self.confirms, self.answers)
        for each in everyone:
            each.await_all()
        deadline = time.monotonic() + _RECOVERY
        while missing := [name for each in everyone for name in each.missing]:
            assert time.monotonic() < deadline, f"not served for {_RECOVERY:.0f} s: {', '.join(missing)}"
            time.sleep(0.05)

    def replace_ended(self) -> list[str]:
        """Replace each worker and API that ended without being asked. Return the last output of each."""
        said = list[str]()
        for program in (each for programs in self.programs.values() for each in programs):
            process = program.command.process
            if process.poll() is not None:
                said.append(
                    f"{program.host.namespace} ended ({process.returncode}): {program.command.log[-500:]}"
                )
                program.start()
        return said


def _api(plant: Installation, host: Host) -> _Program:
    environ = {
        "IOT_LOGIC_API_HOST": host.address,
        "IOT_LOGIC_API_PORT": str(_API_PORT),
        "IOT_LOGIC_API_PROXIES": OUTSIDE.address,
    }

    def lives(_command: Command) -> bool:
        try:
            return httpx.get(f"http://{host.address}:{_API_PORT}/health/live", timeout=5).is_success
        except httpx.TransportError:
            return False

    return _Program(plant, host, ("iot-api",), environ, lives)


def _worker(plant: Installation, host: Host, module: str) -> _Program:
    arguments = ("dramatiq", module, "-p", "1", "-t", "2")
    return _Program(plant, host, arguments, {}, lambda command: "ready for action" in command.log)
