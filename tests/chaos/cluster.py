"""A RabbitMQ cluster of three nodes on loopback, whose links can be cut.

How a link is cut, without root and without a proxy: nodes talk to each other only if they have the same
Erlang cookie. Both ends of the link are ordered (`tests.chaos.broker`) to use another cookie for each other,
and to close the connection. All attempts to reconnect are refused, as by a firewall, until both use the
cookie of the cluster again. Clients keep their connections to either side, and workers theirs to Redis.
"""

import os
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from pipeline.local.ports import answers, free_port
from pipeline.local.process import GuardedProcess
from pipeline.local.rabbitmq import RABBITMQ_USER, script
from tests.chaos.broker import Broker
from tests.support.waiting import wait_until

#: Seconds of silence after which the other nodes consider a node down, plus or minus a quarter.
TICK_SECONDS: Final = 5

#: The maximum number of seconds until a node is part of the cluster again.
_REUNION_SECONDS: Final = 90

#: The maximum number of seconds of a command.
_COMMAND_SECONDS: Final = 180

_COOKIE: Final = "CHAOS"

_NODES: Final = ("a", "b", "c")

_MOVE_LEADERS: Final = """
Move = fun(Queue) ->
    {{Name, Node}} = Leader = amqqueue:get_pid(Queue),
    Node =:= {node} orelse ra:transfer_leadership(Leader, {{Name, {node}}})
end,
[Move(Queue) || Queue <- rabbit_amqqueue:list(), amqqueue:get_type(Queue) =:= rabbit_quorum_queue].
"""

#: The number of queues with all three members up and their leader here, and the number of all queues.
_LEADERS: Final = """
Queues = [Queue || Queue <- rabbit_amqqueue:list(), amqqueue:get_type(Queue) =:= rabbit_quorum_queue],
Here = [Queue || Queue <- Queues, element(2, amqqueue:get_pid(Queue)) =:= node()],
length(Queues) - length(Here).
"""


#: The number of nodes on which RabbitMQ runs, as far as this one knows, and the nodes that it is partitioned
#: from. A node that `pause_minority` has stopped does not know.
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
        """SIGSTOP the node: it is silent, but its connections stay open."""
        self._frozen = int(self.order("os:getpid().").strip('"'))
        os.kill(self._frozen, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the node run again."""
        os.kill(self._frozen, signal.SIGCONT)

    def take_cookie(self, cookie: str, others: Iterable["Node"], *, disconnect: bool) -> None:
        """Use a cookie for these nodes, and close the connections to them if `disconnect` is set."""
        names = ",".join(f"'{other.node}'" for other in others)
        then = "erlang:disconnect_node(Other)" if disconnect else "ok"
        self.order(f"[begin erlang:set_cookie(Other, '{cookie}'), {then} end || Other <- [{names}]].")

    def run(self, command: str) -> str:
        """Run one of RabbitMQ's commands on this node, as an operator would. Return its output."""
        name, *arguments = command.split()
        environ = self._environ()
        del environ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"], environ["RABBITMQ_DIST_PORT"]
        ran = subprocess.run(
            [Path(script()).with_name(name), *arguments],
            env=environ,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
        )
        assert ran.returncode == 0, f"{command}: {ran.stdout}{ran.stderr}"
        return ran.stdout

    def sees_all(self) -> bool:
        """Return whether RabbitMQ runs on all nodes, and none is partitioned from this one."""
        return self.order(_SEEN) == f"{{{len(_NODES)},[]}}"


class Cluster:
    """Nodes a, b and c, running until `stack` ends. `handling` is `cluster_partition_handling`.

    If `alone` is set, only node a runs until `join`.
    """

    def __init__(self, stack: ExitStack, handling: str, *, alone: bool = False) -> None:
        self.handling = handling
        self.password = secrets.token_urlsafe(16)
        self.epmd_port = free_port()
        self._start_epmd(stack)
        self.nodes = {name: Node(name, self) for name in _NODES}
        for node in self.nodes.values():
            stack.callback(node.close)
        self.a, self.b, self.c = self.nodes.values()
        # The first node creates the cluster.
        self.a.start()
        if not alone:
            self.join()

    def join(self) -> None:
        """Start the other nodes, which join the first one."""
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
        """Return the AMQP URL of a port."""
        return f"amqp://{RABBITMQ_USER}:{self.password}@127.0.0.1:{port}/%2F"

    def cut(self, one: Node, *others: Node) -> None:
        """Cut the links between one node and others, in both directions."""
        # A different cookie on each side: two ends with the same wrong cookie would connect.
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
        """Make the cluster whole, as an operator would: wait, restart the nodes that a lost, restart all.

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
