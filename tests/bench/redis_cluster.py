"""The cost of a batch on a Redis Cluster of three primaries, beside one Redis.

On one Redis, a batch is one `MGET` and one script over all its records. On a cluster, all keys of a command
must be in one slot, and each machine has its own: so it is a `GET` and a script for each machine, sent
together to each node. The script is a compare-and-set of a record as in `pipeline.store.records`, but without
the check of the partition's fence, which a cluster could not make in the same command. So the cluster is
measured at its best.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Final, cast

import redis
from msgspec import Struct
from redis.cluster import ClusterNode, RedisCluster

from pipeline.local.ports import free_port
from pipeline.local.redis import PrivateRedis, binary, serves_redis
from pipeline.local.server import PrivateServer
from tests.bench.figure import Figure, number
from tests.bench.progress import announce
from tests.bench.size import Size
from tests.support.waiting import wait_until

#: Machines in a batch.
BATCHES: Final = (16, 256)

#: Bytes of a record.
_BYTES: Final = 300

_NODES: Final = 3
_SLOTS: Final = 16_384

_WRITE: Final = """
local changed = {}
for key = 1, #KEYS do
    if redis.call('GETRANGE', KEYS[key], 0, 7) == ARGV[2 * key - 1] then
        redis.call('SET', KEYS[key], ARGV[2 * key])
    else
        changed[#changed + 1] = key
    end
end
return changed
"""


class Batch(Struct):
    """Medians over all batches of this many machines: milliseconds of time, and of CPU in the client."""

    machines: int
    one_ms: float
    one_cpu_ms: float
    cluster_ms: float
    cluster_cpu_ms: float


class Cluster(Struct):
    """The batches of each size."""

    batches: list[Batch]

    def figures(self) -> list[Figure]:
        return [
            figure
            for each in self.batches
            for figure in (
                Figure(
                    name=f"reading and writing {each.machines} records on a Redis Cluster, to one Redis",
                    value=each.cluster_ms / each.one_ms,
                    against=f"{number(each.cluster_ms)} ms, one Redis {number(each.one_ms)} ms",
                ),
                Figure(
                    name=f"CPU of a client for {each.machines} records on a Redis Cluster, to one Redis",
                    value=each.cluster_cpu_ms / each.one_cpu_ms,
                    against=f"{number(each.cluster_cpu_ms)} ms, one Redis {number(each.one_cpu_ms)} ms",
                ),
            )
        ]


class _Node(PrivateServer):
    """A node of a cluster, whose second port the others use."""

    name = "Redis"

    def __init__(self, password: str) -> None:
        super().__init__()
        self.port, self.bus = free_port(), free_port()
        self.url = f"redis://:{password}@127.0.0.1:{self.port}/0"
        (self.folder / "redis.conf").write_text(
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {password}\ndir {self.folder}\n"
            'appendonly yes\nappendfsync always\nsave ""\n'
            f"cluster-enabled yes\ncluster-port {self.bus}\ncluster-node-timeout 15000\n"
        )

    def _command(self) -> list[str]:
        return [binary(), str(self.folder / "redis.conf")]

    def _ready(self) -> bool:
        return serves_redis(self.url, self.port)


@contextmanager
def _cluster() -> Iterator[RedisCluster]:
    """Start three primaries that share all slots. Yield a client of them."""
    password = secrets.token_urlsafe(16)
    with ExitStack() as stack:
        nodes = [stack.enter_context(_Node(password)) for _ in range(_NODES)]
        clients = [stack.enter_context(redis.Redis.from_url(node.url)) for node in nodes]
        for place, (node, client) in enumerate(zip(nodes, clients, strict=True)):
            first, end = place * _SLOTS // _NODES, (place + 1) * _SLOTS // _NODES
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
            if place:
                clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus)
        wait_until(lambda: all(_knows_all(client) for client in clients), timeout=60)
        start = [ClusterNode("127.0.0.1", nodes[0].port)]  # type: ignore[no-untyped-call]
        yield stack.enter_context(RedisCluster(startup_nodes=start, password=password))


def _knows_all(client: "redis.Redis") -> bool:
    said = client.execute_command("CLUSTER", "INFO")  # type: ignore[no-untyped-call]
    return b"cluster_state:ok" in said and f"cluster_known_nodes:{_NODES}".encode() in said


def measure(size: Size) -> Cluster:
    """Measure batches on both in turn."""
    with (
        PrivateRedis() as alone,
        redis.Redis.from_url(alone.url) as one,
        _cluster() as cluster,
    ):
        return Cluster([_compared(one, cluster, machines, size) for machines in BATCHES])


def _compared(one: "redis.Redis", cluster: RedisCluster, machines: int, size: Size) -> Batch:
    announce(f"the Redis Cluster, batches of {machines} machines")
    keys = [f"machine:{{m{place}}}:record" for place in range(machines)]
    script = one.register_script(_WRITE)

    def on_one() -> None:
        read = cast("list[bytes | None]", one.mget(keys))
        script(keys=keys, args=[part for each in read for part in _change(each)])

    def on_cluster() -> None:
        with cluster.pipeline() as pipeline:  # type: ignore[no-untyped-call]
            for key in keys:
                pipeline.get(key)
            read = pipeline.execute()
        with cluster.pipeline() as pipeline:  # type: ignore[no-untyped-call]
            for key, each in zip(keys, read, strict=True):
                pipeline.execute_command("EVAL", _WRITE, 1, key, *_change(each))
            pipeline.execute()

    sides: dict[Callable[[], None], list[tuple[float, float]]] = {on_one: [], on_cluster: []}
    for _ in range(20 * size.rounds):
        for run, spent in sides.items():
            began, cpu = time.perf_counter(), time.process_time()
            run()
            spent.append((time.perf_counter() - began, time.process_time() - cpu))
    figures = [median(each) * 1e3 for spent in sides.values() for each in zip(*spent, strict=True)]
    return Batch(machines, *figures)


def _change(read: bytes | None) -> tuple[bytes, bytes]:
    """Return the token of a record as read, and its next value."""
    return (read or b"")[:8], os.urandom(_BYTES)
