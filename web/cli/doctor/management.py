"""Checks over RabbitMQ's management plugin, if there is one: alarms, nodes, and our bindings."""

import contextlib
import http.client
import re
import shlex
import socket
from base64 import b64encode
from collections.abc import Iterator
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import SplitResult, quote, unquote, urlsplit

import msgspec
import pika.exceptions
from msgspec import Meta, Struct

from pipeline import wire
from pipeline.broker import topology
from pipeline.errors import TopologyError
from pipeline.settings import Settings, addresses_of
from web.cli.doctor.finding import Finding
from web.cli.doctor.rabbitmq import outdated_queues, some

_AREA: Final = "RabbitMQ"
_PATIENCE: Final = 5
#: The plugin's ports, without and with TLS.
_PORTS: Final = {"amqp": ("http", 15672), "amqps": ("https", 15671)}

#: The nodes of the smallest cluster that survives the loss of one, and so the copies that a queue needs.
_CLUSTER: Final = 3

#: The names of all our queues.
_OUR_QUEUES: Final = "|".join(
    (
        topology.PARTITION_QUEUES_PATTERN,
        *(
            f"^{name}$"
            for name in (wire.DEAD_LETTERS_QUEUE, wire.UNKNOWN_TOPICS_QUEUE, wire.HEALTH_CHECK_QUEUE)
        ),
    )
)

T = TypeVar("T")


class Node(Struct):
    """The checked fields of a node of the broker's cluster."""

    name: str
    running: bool = True
    mem_alarm: bool = False
    disk_free_alarm: bool = False
    partitions: Annotated[list[str], Meta(description="Nodes that it cannot see.")] = []


class _Bound(Struct):
    source: str
    destination: str
    routing_key: str


class QueueInfo(Struct):
    """A queue, with its arguments and the definition of the policy that applies to it."""

    name: str
    arguments: dict[str, Any] = {}
    effective_policy_definition: dict[str, Any] | list[Any] | None = None
    leader: str | None = None
    members: Annotated[list[str], Meta(description="Nodes that have a copy of it.")] = []
    online: Annotated[list[str], Meta(description="Members whose copy is reachable.")] = []

    @property
    def keeps_expired(self) -> bool:
        """Return whether a reading that expires in it becomes a dead letter. Arguments override policies."""
        policy = self.effective_policy_definition
        policy = policy if isinstance(policy, dict) else {}
        return all(
            self.arguments.get(f"x-{name}", policy.get(name)) == value
            for name, value in topology.EXPIRY_POLICY.items()
        )


def check_management(settings: Settings, url: str | None) -> Iterator[Finding]:
    """Check the system over the management plugin at `url`; None: its default port on the broker's host."""
    amqp = [urlsplit(address) for address in addresses_of(settings.amqp_url)]
    urls = [_default_url(each) for each in amqp] if url is None else [url]
    vhost = unquote(amqp[0].path.removeprefix("/")) or "/"
    login = unquote(amqp[0].username or "guest"), unquote(amqp[0].password or "guest")
    url, api = _first_that_answers([(each, _Api(each, *login)) for each in urls])
    try:
        nodes = api.get("/api/nodes", list[Node])
        bound = api.get(f"/api/bindings/{quote(vhost, safe='')}", list[_Bound])
        queues = api.get(f"/api/queues/{quote(vhost, safe='')}", list[QueueInfo])
    except (OSError, http.client.HTTPException, ValueError) as e:
        yield Finding(
            _AREA,
            "note",
            f"Alarms and bindings were not checked, because the management plugin at {url} is unavailable: "
            f"{e}",
            "Run: rabbitmq-plugins enable rabbitmq_management. If it has another address, give --management "
            "URL. The user of IOT_LOGIC_AMQP_URL needs the tag monitoring.",
        )
        yield from _outdated(settings, vhost)
        return
    wrong = [*alarms(nodes), *_missing(settings, bound)]
    yield from wrong
    if not wrong:
        yield Finding(_AREA, "ok", "No alarm is raised, and the bindings are declared correctly.")
    yield from expiry(queues, vhost)
    yield from copies(queues, nodes)


def _default_url(amqp: SplitResult) -> str:
    """Return the usual address of the management plugin on a broker's host."""
    scheme, port = _PORTS.get(amqp.scheme, _PORTS["amqp"])
    return f"{scheme}://{amqp.hostname or '127.0.0.1'}:{port}"


def _first_that_answers(candidates: "list[tuple[str, _Api]]") -> "tuple[str, _Api]":
    """Return the first candidate that can be connected to, or else the last."""
    *others, last = candidates
    for url, api in others:
        with contextlib.suppress(OSError):
            parts = urlsplit(url)
            socket.create_connection((parts.hostname or "", parts.port or 0), _PATIENCE).close()
            return url, api
    return last


def alarms(nodes: list[Node]) -> Iterator[Finding]:
    """Check the nodes for alarms."""
    for node in nodes:
        if not node.running:
            yield Finding(_AREA, "wrong", f"The node {node.name} is not running.", "Start it.")
        if node.mem_alarm:
            yield Finding(
                _AREA,
                "wrong",
                f"The node {node.name} has a memory alarm, so RabbitMQ accepts no messages.",
                "Give the node more memory, or raise vm_memory_high_watermark.",
            )
        if node.disk_free_alarm:
            yield Finding(
                _AREA,
                "wrong",
                f"The node {node.name} has a disk alarm, so RabbitMQ accepts no messages.",
                "Free disk space on the node; see disk_free_limit.",
            )
        if node.partitions:
            yield Finding(
                _AREA,
                "wrong",
                f"The node {node.name} cannot reach {', '.join(node.partitions)} (network partition).",
                "Repair the network between them, then restart the nodes on the smaller side.",
            )


def copies(queues: list[QueueInfo], nodes: list[Node]) -> Iterator[Finding]:
    """Check whether the queues survive the loss of a node of a cluster, and whether their leaders are spread.

    A queue that was declared on one node keeps one member when other nodes join. A queue with three members
    survives the loss of one node, so more members are not required.
    """
    ours = [each for each in queues if re.match(_OUR_QUEUES, each.name) and each.members]
    if len(nodes) < _CLUSTER or not ours:
        return
    few = [each for each in ours if len(each.members) < _CLUSTER]
    for node in sorted({node.name for node in nodes} if few else ()):
        lacking = [each.name for each in few if node not in each.members]
        if lacking:
            yield Finding(
                _AREA,
                "wrong",
                f"{some(lacking)} has no copy on {node}, and fewer than {_CLUSTER} copies: the loss of one "
                "node can stop it.",
                f"Run: rabbitmq-queues grow {shlex.quote(node)} all",
            )
    offline = [each.name for each in ours if len(each.online) < len(each.members)]
    if offline:
        yield Finding(
            _AREA, "wrong", f"A copy of {some(offline)} is not reachable.", "Start the stopped node."
        )
    leaders = {each.leader for each in ours}
    if len(leaders) == 1 and len(ours) > 1:
        yield Finding(
            _AREA,
            "wrong",
            f"The leaders of all queues are on {leaders.pop()}, which does all the work.",
            "Run: rabbitmq-queues rebalance quorum",
        )
    if not few and not offline and len(leaders) > 1:
        yield Finding(_AREA, "ok", f"Each queue has copies on at least {_CLUSTER} nodes.")


def expiry(queues: list[QueueInfo], vhost: str) -> Iterator[Finding]:
    """Check whether a reading that expires in a partition's queue becomes a dead letter."""
    ours = [each for each in queues if re.match(topology.PARTITION_QUEUES_PATTERN, each.name)]
    without = [each.name for each in ours if not each.keeps_expired]
    if without:
        yield Finding(
            _AREA,
            "wrong",
            f"Readings that expire in {some(without)} are lost.",
            f"Run: {_set_policy(vhost)}",
        )
    elif ours:
        yield Finding(_AREA, "ok", "Readings that expire become dead letters.")


def _outdated(settings: Settings, vhost: str) -> Iterator[Finding]:
    """Check the same over AMQP, as far as possible: AMQP shows a queue's arguments but not its policy."""
    try:
        without = outdated_queues(settings)
    except (TopologyError, pika.exceptions.AMQPError, OSError, ValueError):
        return  # another finding reports that already
    if without:
        yield Finding(
            _AREA,
            "note",
            f"An older version declared {some(without)}. Readings that expire there are lost unless a policy "
            "adds dead-lettering.",
            f"If the policy is not set, run: {_set_policy(vhost)}",
        )


def _set_policy(vhost: str) -> str:
    """Return the command that sets the policy which turns expired readings into dead letters."""
    where = "" if vhost == "/" else f" -p {shlex.quote(vhost)}"
    definition = msgspec.json.encode(topology.EXPIRY_POLICY).decode()
    return (
        f"rabbitmqctl set_policy{where} --apply-to queues iot-logic-expired "
        f"'{topology.PARTITION_QUEUES_PATTERN}' '{definition}'"
    )


def _missing(settings: Settings, bound: list[_Bound]) -> Iterator[Finding]:
    there = {(each.source, each.destination, each.routing_key) for each in bound}
    ours = {each.destination for each in bound}
    for binding in topology.bindings(settings):
        # If the destination of a binding is missing, another finding reports that already.
        if binding.destination in ours and (binding.source, binding.destination, binding.key) not in there:
            yield Finding(
                _AREA,
                "wrong",
                f"{binding.destination!r} is not bound to {binding.source!r} with {binding.key!r}.",
                "Restart the API. It declares missing bindings.",
            )


class _Api:
    def __init__(self, url: str, user: str, password: str) -> None:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "127.0.0.1", parts.port, timeout=_PATIENCE)
        self._path = parts.path.rstrip("/")
        self._authorization = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"

    def get(self, path: str, shape: type[T]) -> T:
        """Return an answer. Raises `OSError`, `http.client.HTTPException`, or `ValueError` if it is bad."""
        try:
            self._connection.request("GET", self._path + path, headers={"Authorization": self._authorization})
            answer = self._connection.getresponse()
            body = answer.read()
        finally:
            self._connection.close()
        if answer.status != http.client.OK:
            raise ValueError(f"it answered {answer.status} {answer.reason}")
        return msgspec.json.decode(body, type=shape)
