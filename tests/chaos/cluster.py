"""A RabbitMQ cluster of three nodes on loopback, whose links can be cut.

How a link is cut, without root and without a proxy: nodes talk to each other only if they have the same
Erlang cookie. Both ends of the link are ordered (`tests.chaos.broker`) to take another cookie for each other,
and to end the connection. All attempts to connect again are refused, as by a firewall, until both take the
cookie of the cluster again. Clients keep their connections to either side, and workers theirs to Redis.
"""

import os
import secrets
import signal
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from pipeline.local.ports import answers, free_port
from pipeline.local.process import GuardedProcess
from pipeline.local.rabbitmq import RABBITMQ_USER
from tests.chaos.broker import Broker
from tests.support.waiting import wait_until

#: Seconds of silence after which a node is down for the others, give or take a quarter.
TICK_SECONDS: Final = 5

#: Seconds that a node may take until it is one of the cluster again.
_REUNION_SECONDS: Final = 90

_COOKIE: Final = "CHAOS"

_NODES: Final = ("a", "b", "c")

_MOVE_LEADERS: Final = """
Move = fun(Queue) ->
    {{Name, Node}} = Leader = amqqueue:get_pid(Queue),
    Node =:= {node} orelse ra:transfer_leadership(Leader, {{Name, {node}}})
end,
[Move(Queue) || Queue <- rabbit_amqqueue:list(), amqqueue:get_type(Queue) =:= rabbit_quorum_queue].
"""

#: How many queues have all three members up, with their leader here, out of all.
_LEADERS: Final = """
Queues = [Queue || Queue <- rabbit_amqqueue:list(), amqqueue:get_type(Queue) =:= rabbit_quorum_queue],
Here = [Queue || Queue <- Queues, element(2, amqqueue:get_pid(Queue)) =:= node()],
length(Queues) - length(Here).
"""


#: How many nodes RabbitMQ runs on, as far as this one knows, and those that it is partitioned from. A node
#: that `pause_minority` has stopped does not know.
_SEEN: Final = """
try {length(rabbit_nodes:all_running()), rabbit_node_monitor:partitions()} catch _:_ -> paused end.
"""

_PARTITIONS: Final = "try rabbit_node_monitor:partitions() catch _:_ -> paused end."


class Node(Broker):
    """One node, `name`@localhost."""

    start_seconds = 240

    def __init__(self, name: str, cluster: "Cluster") -> None:
        self.node, self._cluster = f"{name}@localhost", cluster
        super().__init__()
        cookie = self._file(".erlang.cookie")
        cookie.write_text(_COOKIE)
        cookie.chmod(0o400)

    def _configure(self) -> None:
        self._password, self._epmd_port = self._cluster.password, self._cluster.epmd_port
        self.amqp_url = self._cluster.url(self.amqp_port)
        super()._configure()

    def _configure_with(self, lines: list[str]) -> None:
        members = [
            f"cluster_formation.classic_config.nodes.{number} = {name}@localhost"
            for number, name in enumerate(_NODES, start=1)
        ]
        super()._configure_with(
            [
                *lines,
                "cluster_formation.peer_discovery_backend = classic_config",
                *members,
                f"cluster_partition_handling = {self._cluster.handling}",
            ]
        )

    def _environ(self) -> dict[str, str]:
        environ = super()._environ() | {"RABBITMQ_NODENAME": self.node}
        environ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] += f" -kernel net_ticktime {TICK_SECONDS}"
        return environ

    def freeze(self) -> None:
        """SIGSTOP the node: it is silent, but its connections stay."""
        self._frozen = int(self.order("os:getpid().").strip('"'))
        os.kill(self._frozen, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run again."""
        os.kill(self._frozen, signal.SIGCONT)

    def take_cookie(self, cookie: str, others: Iterable["Node"], *, disconnect: bool) -> None:
        """Use a cookie for these nodes, and end the connections to them if wanted."""
        names = ",".join(f"'{other.node}'" for other in others)
        then = "erlang:disconnect_node(Other)" if disconnect else "ok"
        self.order(f"[begin erlang:set_cookie(Other, '{cookie}'), {then} end || Other <- [{names}]].")

    def sees_all(self) -> bool:
        """Whether RabbitMQ runs on all nodes, and none is partitioned from it."""
        return self.order(_SEEN) == f"{{{len(_NODES)},[]}}"


class Cluster:
    """Nodes a, b and c, started, until `stack` ends. `handling` is `cluster_partition_handling`."""

    def __init__(self, stack: ExitStack, handling: str) -> None:
        self.handling = handling
        self.password = secrets.token_urlsafe(16)
        self.epmd_port = free_port()
        self._start_epmd(stack)
        self.nodes = {name: Node(name, self) for name in _NODES}
        for node in self.nodes.values():
            stack.callback(node.close)
        self.a, self.b, self.c = self.nodes.values()
        # The first one founds the cluster.
        self.a.start()
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda node: node.start(), [self.b, self.c]))
        self._wait_whole(_REUNION_SECONDS)

    def _start_epmd(self, stack: ExitStack) -> None:
        """Start a port mapper that outlives each node."""
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="iot-logic-epmd-")))
        environ = {"PATH": os.environ["PATH"]}
        command = ["epmd", "-port", str(self.epmd_port), "-address", "127.0.0.1"]
        epmd = GuardedProcess(command, environ, folder, folder / "output.log")
        stack.callback(epmd.kill)
        wait_until(lambda: answers(self.epmd_port))

    def url(self, port: int) -> str:
        """The AMQP URL of a port."""
        return f"amqp://{RABBITMQ_USER}:{self.password}@127.0.0.1:{port}/%2F"

    def cut(self, one: Node, *others: Node) -> None:
        """Cut the links between one node and others, both ways."""
        # Another one on each side: two ends with the same wrong cookie would connect.
        one.take_cookie("NEAR", others, disconnect=True)
        for other in others:
            other.take_cookie("FAR", [one], disconnect=True)

    def heal(self, one: Node, *others: Node) -> None:
        """Let these nodes connect again. Raises `AssertionError` if the links were not cut until now."""
        connected = one.order("nodes().")
        assert not any(other.node in connected for other in others), f"{one.node} sees {connected}"
        one.take_cookie(_COOKIE, others, disconnect=False)
        for other in others:
            other.take_cookie(_COOKIE, [one], disconnect=False)

    def mend(self, patience: float) -> None:
        """Make it whole, as an operator would: wait, restart the nodes that node a lost, restart all nodes.

        `patience` is for the first wait. Raises `AssertionError` if nothing helps.
        """
        losers = [self.b, self.c] if self._parted(self.a, self.c) else [self.b]
        for nodes in (losers, list(self.nodes.values())):
            try:
                self._wait_whole(patience)
            except AssertionError:
                self._restart(nodes)
                patience = _REUNION_SECONDS
        self._wait_whole(patience)

    def _parted(self, one: Node, other: Node) -> bool:
        return other.node in one.order(_PARTITIONS) or one.node in other.order(_PARTITIONS)

    def _restart(self, nodes: list[Node]) -> None:
        for node in nodes:
            node.kill()
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda node: node.start(), nodes))

    def _wait_whole(self, seconds: float) -> None:
        wait_until(lambda: all(node.sees_all() for node in self.nodes.values()), timeout=seconds)

    def lead_from_a(self) -> None:
        """Move the leaders of all quorum queues to node a."""

        def moved() -> bool:
            self.a.order(_MOVE_LEADERS.format(node=f"'{self.a.node}'"))
            return self.a.order(_LEADERS) == "0"

        wait_until(moved, timeout=_REUNION_SECONDS)
