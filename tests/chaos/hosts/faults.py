"""The faults: each kind of node is killed, frozen, cut off or restarted, alone or with its machine."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from random import Random
from typing import Final

from tests.chaos.hosts.network import OUTSIDE, freeze, thaw
from tests.chaos.hosts.scene import Node, Part, Scene
from tests.support.host import Host
from tests.support.waiting import wait_until

#: Seconds for which nodes are down, frozen or cut off: longer than anything needs to notice it.
_SECONDS: Final = (12.0, 18.0)

#: Seconds within which a part that restarts must be whole again, before its next node is stopped.
_ROLLING: Final = 120.0


class Target(StrEnum):
    """What fails."""

    BROKER = "broker"
    PRIMARY = "Redis primary"
    REPLICA = "Redis replica"
    SENTINEL = "Sentinel"
    WORKER = "worker"
    API = "API"
    MACHINE = "machine of the Redis primary"


_DATABASE: Final = (Part.REDIS, Part.SENTINEL)
_SERVERS: Final = (Part.BROKER, *_DATABASE)
_CLIENTS: Final = (Part.WORKER, Part.API)

#: The sides that each target is cut off from: their name, the parts, and whether the outside belongs to it.
_FOR_SERVERS: Final = {
    "the others": (_SERVERS, False),
    "clients": (_CLIENTS, True),
    "both": (tuple(Part), True),
}
_SIDES: Final[dict[Target, dict[str, tuple[tuple[Part, ...], bool]]]] = {
    Target.BROKER: _FOR_SERVERS,
    Target.PRIMARY: _FOR_SERVERS,
    Target.REPLICA: _FOR_SERVERS,
    Target.SENTINEL: _FOR_SERVERS,
    Target.WORKER: {
        "RabbitMQ": ((Part.BROKER,), False),
        "Redis": (_DATABASE, False),
        "both": (tuple(Part), False),
    },
    Target.API: {
        "the servers": (_SERVERS, False),
        "clients": ((), True),
        "both": (tuple(Part), True),
    },
    Target.MACHINE: {"all": (tuple(Part), True)},
}

Fault = Callable[[Scene, Random], None]


def _pick(scene: Scene, target: Target, random: Random) -> list[Node]:
    """Return the nodes that fail together."""
    primary = scene.node_of(scene.redis.primary)
    match target:
        case Target.PRIMARY:
            return [primary]
        case Target.REPLICA:
            return [random.choice([node for node in scene.of(Part.REDIS) if node != primary])]
        case Target.MACHINE:
            return scene.at(primary.number)
        case _:
            return [random.choice(scene.of(Part(target)))]


def _hosts(nodes: Sequence[Node]) -> list[Host]:
    return [node.host for node in nodes]


def _nothing(_scene: Scene, random: Random) -> None:
    time.sleep(random.uniform(*_SECONDS))


def _killed(target: Target) -> Fault:
    def happen(scene: Scene, random: Random) -> None:
        nodes = _pick(scene, target, random)
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda node: node.process.kill(), nodes))
            time.sleep(random.uniform(*_SECONDS))
            list(threads.map(lambda node: node.process.start(), nodes))

    return happen


def _frozen(target: Target) -> Fault:
    def happen(scene: Scene, random: Random) -> None:
        hosts = _hosts(_pick(scene, target, random))
        freeze(hosts)
        try:
            time.sleep(random.uniform(*_SECONDS))
        finally:
            thaw(hosts)

    return happen


def _cut(target: Target, parts: tuple[Part, ...], *, outside: bool) -> Fault:
    def happen(scene: Scene, random: Random) -> None:
        nodes = _pick(scene, target, random)
        _separate(
            scene, random, nodes, [node for node in scene.of(*parts) if node not in nodes], outside=outside
        )

    return happen


def _primary_with_worker(scene: Scene, random: Random) -> None:
    """Cut the primary and a worker off from the rest of Redis. The worker still has RabbitMQ."""
    nodes = [scene.node_of(scene.redis.primary), random.choice(scene.of(Part.WORKER))]
    rest = [node for node in scene.of(Part.REDIS, Part.SENTINEL, *_CLIENTS) if node not in nodes]
    _separate(scene, random, nodes, rest, outside=False)


def _separate(
    scene: Scene, random: Random, nodes: Sequence[Node], rest: Sequence[Node], *, outside: bool
) -> None:
    scene.network.cut(_hosts(nodes), _hosts(rest) + [OUTSIDE] * outside)
    try:
        time.sleep(random.uniform(*_SECONDS))
    finally:
        scene.network.heal()


def _restarted(part: Part) -> Fault:
    def happen(scene: Scene, _random: Random) -> None:
        for node in scene.of(part):
            node.process.stop()
            node.process.start()
            wait_until(scene.in_step, timeout=_ROLLING)

    return happen


def _upgraded(scene: Scene, _random: Random) -> None:
    """Restart the replicas with the newer program, then the primary: it reads what an older one writes."""
    for server in (*scene.redis.replicas, scene.redis.primary):
        server.stop()
        server.binary = scene.newer_redis
        server.start()
        wait_until(scene.in_step, timeout=_ROLLING)


#: The fault that needs a second version of Redis. It must be the last one, because there is no way back.
UPGRADE: Final = "each Redis upgraded in turn"

#: All faults by name. "nothing" shows what the measurement itself contains.
FAULTS: Final[dict[str, Fault]] = {
    "nothing": _nothing,
    **{f"{target} killed": _killed(target) for target in Target},
    **{f"{target} frozen": _frozen(target) for target in Target},
    **{
        f"{target} cut off from {side}": _cut(target, parts, outside=outside)
        for target, sides in _SIDES.items()
        for side, (parts, outside) in sides.items()
    },
    "Redis primary cut off with a worker": _primary_with_worker,
    **{f"each {part} restarted in turn": _restarted(part) for part in Part},
    UPGRADE: _upgraded,
}

#: The faults that a round may have at any time.
KINDS: Final = tuple(kind for kind in FAULTS if kind != UPGRADE)
