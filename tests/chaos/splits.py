"""Splits and failures of a cluster of three RabbitMQ nodes: does every reading still count exactly once?

::

    fleet, API, worker 2 ──▶ a (all leaders), else c
    worker 1 ──────────────▶ b, else c, else a

A split separates worker 1 from the leaders of its partitions, while it still reaches node b and Redis. The
leaders return its readings to the queues, and may deliver them to worker 2. Worker 1 does not notice and
continues, and node b accepts its acknowledgements. After the split the readings may be delivered to worker 1
again, on the same channel. The more readings worker 1 holds at the split, the more can go wrong. So it is
stopped for a moment before, while its readings arrive.

With `cluster_partition_handling = ignore` the nodes do not heal by themselves: node b is restarted after each
split, as an operator would do. With `pause_minority` RabbitMQ stops on the isolated node. It does not stop a
node that was only silent for some seconds: that one is restarted too.
"""

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Final

from pipeline.broker import topology
from pipeline.local.servers import local_redis
from pipeline.settings import Settings
from pipeline.worker.membership import BEAT_SECONDS
from tests.chaos.cluster import TICK_SECONDS, Cluster, Node
from tests.chaos.overlap import FILE, MODULE
from tests.chaos.proxy import Network, Proxy
from tests.chaos.rounds import Findings, Round, plan, run
from tests.chaos.site import PATIENCE, Site
from tests.support.waiting import wait_until


class Kind(StrEnum):
    """The event that happens to the cluster."""

    CUT_OFF = "b cut off"
    LINK_CUT = "link a-b cut"
    FROZEN = "b frozen"
    KILLED = "a killed"
    OVERLAP = "b cut off, all consume"


#: How RabbitMQ itself handles a split.
HANDLINGS: Final = ("ignore", "pause_minority")

#: Readings per second: fewer than three nodes, two workers and the other processes can handle on two cores.
_RATE: Final = 500

#: The number of readings that must be confirmed in a round before anything happens, and the seconds from then
#: on.
_FLOW: Final = 500
_RUN_UP: Final = (0.2, 1.0)

#: Seconds of a cut; of a freeze, longer than the others take to notice it; and until a killed node starts
#: again.
_CUT: Final = (3.0, 5.0)
_FROZEN: Final = (1.3 * TICK_SECONDS, 1.6 * TICK_SECONDS)
_DOWN: Final = (0.0, 2.0)

_REPORTED_SECONDS: Final = BEAT_SECONDS + 0.2

#: Seconds in which a cluster heals by itself, if it does.
_HEALS_SECONDS: Final = 10

#: Seconds before a cut in which both workers consume all partitions: longer than a session waits for a fence.
_OVERLAP: Final = 8.0

#: Seconds for which worker 1 is stopped before a cut, and from the cut until node b is restarted.
_BACKLOG: Final = (0.2, 0.8)
_HEALED: Final = (0.5, 2.0)


def splits(
    rounds: int,
    seed: int,
    say: Callable[[str], None],
    *,
    handling: str = "ignore",
    kinds: tuple[Kind, ...] = tuple(Kind),
    module: str = "pipeline.actors",
    logs: Path | None = None,
) -> Findings:
    """Run this many rounds, drawn from `seed`. The workers run `module`.

    If there are breaches, the output of the commands is written to `logs`.
    """
    findings = Findings(seed)
    with ExitStack() as stack:
        redis = local_redis()
        stack.callback(redis.close)
        cluster = Cluster(stack, handling)
        network = Network()
        stack.callback(network.close)
        at_a = network.proxy(cluster.a.amqp_port, cluster.c.amqp_port)
        at_b = network.proxy(cluster.b.amqp_port, cluster.c.amqp_port, cluster.a.amqp_port)
        url = cluster.url(at_a.port)
        topology.ensure(Settings(amqp_url=url))
        overlap = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "overlap"
        environ = {FILE: str(overlap), MODULE: module}
        workers = (environ | {"IOT_LOGIC_AMQP_URL": cluster.url(at_b.port)}, environ)
        site = Site(
            stack, url, redis.url, seed=seed, rate=_RATE, module="tests.chaos.overlap", workers=workers
        )
        happen = _Splitting(site, cluster, at_b, overlap).happen
        run(site, plan(kinds, seed, rounds), happen, findings, say)
        if findings.broken and logs:
            site.keep_logs(logs)
    return findings


class _Splitting:
    """Makes the event of a round happen to a cluster while `site` works."""

    def __init__(self, site: Site, cluster: Cluster, at_b: Proxy, overlap: Path) -> None:
        self._site, self._cluster, self._at_b, self._overlap = site, cluster, at_b, overlap

    def happen(self, each: Round) -> None:
        """Run one round, which starts and ends with a whole cluster."""
        random, cluster = Random(each.seed), self._cluster
        cluster.lead_from_a()
        self._move_worker_1()
        begun = self._site.fleet.confirmed
        wait_until(lambda: self._site.fleet.confirmed > begun + _FLOW, timeout=PATIENCE)
        time.sleep(random.uniform(*_RUN_UP))
        match each.kind:
            case Kind.CUT_OFF:
                self._cut(random, cluster.a, cluster.c)
            case Kind.OVERLAP:
                self._overlap.touch()
                try:
                    time.sleep(_OVERLAP)
                    self._cut(random, cluster.a, cluster.c)
                finally:
                    self._overlap.unlink()
            case Kind.LINK_CUT:
                self._cut(random, cluster.a)
            case Kind.FROZEN:
                cluster.b.freeze()
                time.sleep(random.uniform(*_FROZEN))
                cluster.b.thaw()
            case Kind.KILLED:
                cluster.a.kill()
                time.sleep(random.uniform(*_DOWN))
                cluster.a.start()
        if each.kind == Kind.KILLED:
            cluster.mend(_HEALS_SECONDS)
        elif cluster.handling == "ignore":
            time.sleep(random.uniform(*_HEALED))
            cluster.mend(0)
        else:
            cluster.mend(_HEALS_SECONDS)

    def _move_worker_1(self) -> None:
        """Make worker 1 connect to node b, and wait until it has its partitions there."""
        self._at_b.cut()
        # Its last report is up to one beat old, and may be from the previous connection.
        time.sleep(_REPORTED_SECONDS)
        wait_until(self._at_b_again, timeout=PATIENCE)
        wait_until(lambda: self._held_by(1), timeout=PATIENCE)

    def _at_b_again(self) -> bool:
        # One channel for each of its partitions, and one to publish.
        channels = int(self._cluster.b.order("length(rabbit_channel:list_local())."))
        return channels > Settings().partitions // 2

    def _held_by(self, workers: int) -> bool:
        """Return whether this many workers consume each partition, including its assigned worker."""
        response = self._site.plant.client.get("/partitions")
        if response.status_code != 200:
            return False
        return all(
            len(each["held_by"]) == workers and each["assigned_to"] in each["held_by"]
            for each in response.json()["partitions"]
        )

    def _cut(self, random: Random, *others: Node) -> None:
        """Cut the links between b and others for some seconds, while worker 1 holds readings."""
        with self._site.workers_stopped(0):
            time.sleep(random.uniform(*_BACKLOG))
            self._cluster.cut(self._cluster.b, *others)
        time.sleep(random.uniform(*_CUT))
        self._cluster.heal(self._cluster.b, *others)
