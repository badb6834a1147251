"""The implementation of each kind of fault. Every random choice comes from the fault's own seed."""

import os
import signal
import time
from collections.abc import Callable
from random import Random

from tests.chaos.crew import MOST, Worker
from tests.chaos.plan import Kind
from tests.chaos.proxy import Proxy
from tests.chaos.scene import Scene
from tests.chaos.trap import Trap
from tests.support.waiting import wait_until

#: The number of machines that one fault uploads to or edits.
_MACHINES = 8

#: Seconds of a stall: from unnoticeable to longer than every timeout of the pipeline.
_STALLS = (0.5, 8.0)


def _chosen(scene: Scene, random: Random) -> Worker:
    scene.crew.fill()
    return random.choice(scene.crew.workers)


def _kill_worker(scene: Scene, random: Random) -> None:
    scene.crew.kill(_chosen(scene, random))
    scene.crew.fill()


def _kill_sandbox(scene: Scene, random: Random) -> None:
    children = _chosen(scene, random).sandboxes
    if children:
        try:
            os.kill(random.choice(children), signal.SIGKILL)
        except ProcessLookupError:
            scene.note("  the child had ended by itself")


def _pause_worker(scene: Scene, random: Random) -> None:
    worker = _chosen(scene, random)
    for other in scene.crew.workers:
        if other is not worker:
            other.wait_ready()
    worker.pause()
    try:
        scene.stopwatch.wait()
    finally:
        worker.resume()


def _trapped_alone(scene: Scene, trap: Trap) -> Worker:
    """Let a worker with a trap run, and no other."""
    others = list(scene.crew.workers)
    trapped = scene.crew.join(trap)
    trapped.wait_ready()
    for other in others:
        scene.crew.kill(other)
    return trapped


def _die(scene: Scene, trap: Trap) -> None:
    trapped = _trapped_alone(scene, trap)
    wait_until(lambda: trapped.ended, timeout=60)
    scene.stopwatch.start()
    scene.crew.workers.remove(trapped)
    trapped.close_proxies()
    scene.crew.fill()


def _die_on_taking(scene: Scene, _random: Random) -> None:
    _die(scene, Trap.DIE_ON_TAKING)


def _die_after_write(scene: Scene, _random: Random) -> None:
    _die(scene, Trap.DIE_AFTER_WRITE)


def _wake_before_write(scene: Scene, _random: Random) -> None:
    trapped = _trapped_alone(scene, Trap.STOP_BEFORE_WRITE)
    wait_until(lambda: trapped.stopped, timeout=60)
    scene.stopwatch.start()
    try:
        scene.crew.fill()
        scene.stopwatch.wait()
    finally:
        trapped.resume()


def _restart_redis(scene: Scene, random: Random) -> None:
    assert scene.servers is not None
    scene.servers.redis.kill()
    time.sleep(random.uniform(0, 1))
    scene.servers.redis.start()


def _restart_rabbitmq(scene: Scene, random: Random) -> None:
    assert scene.servers is not None
    scene.servers.rabbitmq.kill()
    time.sleep(random.uniform(0, 1))
    scene.servers.rabbitmq.start()


def _proxies(worker: Worker, random: Random) -> list[Proxy]:
    return random.choice([[worker.rabbitmq], [worker.redis], [worker.rabbitmq, worker.redis]])


def _cut(scene: Scene, random: Random) -> None:
    worker = _chosen(scene, random)
    for proxy in _proxies(worker, random):
        proxy.cut()


def _stall(scene: Scene, random: Random) -> None:
    worker = _chosen(scene, random)
    for proxy in _proxies(worker, random):
        proxy.stall(random.uniform(*_STALLS))


def _replace_logic(scene: Scene, random: Random) -> None:
    for machine in random.sample(scene.fleet.machines, _MACHINES):
        scene.upload(machine.id)


def _edit_state(scene: Scene, random: Random) -> None:
    for machine in random.sample(scene.fleet.machines, _MACHINES):
        scene.edit(machine.id)


def _join(scene: Scene, random: Random) -> None:
    if len(scene.crew.workers) >= MOST:
        scene.crew.leave(random.choice(scene.crew.workers))
        scene.stopwatch.start()
    scene.crew.join()


def _leave(scene: Scene, random: Random) -> None:
    scene.crew.leave(_chosen(scene, random))


#: Each takes the scene and a random generator. Raises `AssertionError` if something stands still.
FAULTS: dict[Kind, Callable[[Scene, Random], None]] = {
    Kind.KILL_WORKER: _kill_worker,
    Kind.KILL_SANDBOX: _kill_sandbox,
    Kind.PAUSE_WORKER: _pause_worker,
    Kind.DIE_ON_TAKING: _die_on_taking,
    Kind.DIE_AFTER_WRITE: _die_after_write,
    Kind.WAKE_BEFORE_WRITE: _wake_before_write,
    Kind.RESTART_REDIS: _restart_redis,
    Kind.RESTART_RABBITMQ: _restart_rabbitmq,
    Kind.CUT: _cut,
    Kind.STALL: _stall,
    Kind.REPLACE_LOGIC: _replace_logic,
    Kind.EDIT_STATE: _edit_state,
    Kind.JOIN: _join,
    Kind.LEAVE: _leave,
}
