"""The workers of a campaign: the real command, each worker behind its own proxies."""

import os
import signal
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil

from tests.chaos.proxy import Network, Proxy
from tests.chaos.trap import VARIABLE, Trap
from tests.support.installation import Installation
from tests.support.waiting import wait_until

#: The AMQP heartbeat in seconds: the broker drops a worker that is silent for about twice as long.
HEARTBEAT = 2

#: The number of workers if nothing is wrong, and the maximum.
USUAL, MOST = 2, 3

_ROOT = Path(__file__).parents[2]


class Worker:
    """One worker, and its proxies to RabbitMQ and Redis."""

    def __init__(self, plant: Installation, network: Network, module: str, trap: Trap | None) -> None:
        self.rabbitmq, amqp_url = _behind_proxy(network, plant.amqp_url)
        self.redis, redis_url = _behind_proxy(network, plant.redis_url)
        environ = {
            "IOT_LOGIC_AMQP_URL": f"{amqp_url}?heartbeat={HEARTBEAT}",
            "IOT_LOGIC_REDIS_URL": redis_url,
            "PYTHONPATH": str(_ROOT),
        }
        if trap is not None:
            environ[VARIABLE] = trap
        self.command = plant.start_worker(module=module, environ=environ)

    @property
    def ended(self) -> bool:
        """Return whether its process has ended."""
        return self.command.process.poll() is not None

    @property
    def stopped(self) -> bool:
        """Return whether one of its processes is stopped by SIGSTOP."""
        try:
            family = [*self._process.children(recursive=True), self._process]
            return any(process.status() == psutil.STATUS_STOPPED for process in family)
        except psutil.NoSuchProcess:
            return False

    @property
    def sandboxes(self) -> list[int]:
        """The process ids of its sandbox children."""
        found = list[int]()
        try:
            for child in self._process.children(recursive=True):
                if any("sandbox.child.child" in argument for argument in child.cmdline()):
                    found.append(child.pid)
        except psutil.NoSuchProcess:
            pass  # the process has just ended
        return found

    @property
    def _process(self) -> psutil.Process:
        return psutil.Process(self.command.process.pid)

    def wait_ready(self) -> None:
        """Wait until it is ready to take readings."""

        def ready() -> bool:
            self.command.check_running()
            return "ready for action" in self.command.log

        wait_until(ready, timeout=60)

    def pause(self) -> None:
        """SIGSTOP its whole process group. Its sandboxes have their own sessions and only wait."""
        os.killpg(self.command.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT its whole process group."""
        os.killpg(self.command.process.pid, signal.SIGCONT)

    def close_proxies(self) -> None:
        """Close the proxies, which nothing uses any more."""
        self.rabbitmq.close()
        self.redis.close()


class Crew:
    """The running workers. Dramatiq runs `module`."""

    def __init__(self, plant: Installation, network: Network, module: str) -> None:
        self.workers = list[Worker]()
        self._plant, self._network, self._module = plant, network, module

    def join(self, trap: Trap | None = None) -> Worker:
        """Start a worker. For a trap it runs a module that sets the trap before it runs `pipeline.actors`."""
        module = self._module
        if trap is not None and module == "pipeline.actors":
            module = "tests.chaos.sabotage.nothing"
        worker = Worker(self._plant, self._network, module, trap)
        self.workers.append(worker)
        return worker

    def leave(self, worker: Worker) -> None:
        """Ask a worker to end, and wait for it. Raises `AssertionError` if it does not end."""
        self.workers.remove(worker)
        worker.command.stop()
        worker.close_proxies()

    def kill(self, worker: Worker) -> None:
        """SIGKILL a worker's whole process group."""
        self.workers.remove(worker)
        worker.command.kill()
        worker.close_proxies()

    def fill(self) -> None:
        """Start the missing workers, as a supervisor would."""
        while len(self.workers) < USUAL:
            self.join()

    def bury(self) -> list[str]:
        """Remove the workers that ended without being asked. Return the last output of each."""
        said = list[str]()
        for worker in [worker for worker in self.workers if worker.ended]:
            self.workers.remove(worker)
            worker.close_proxies()
            said.append(f"status {worker.command.process.returncode}: {worker.command.log[-500:]}")
        return said


def _behind_proxy(network: Network, url: str) -> tuple[Proxy, str]:
    """Return a proxy to the server of this URL, and the URL that goes through it."""
    parts = urlsplit(url)
    assert parts.port is not None
    proxy = network.proxy(parts.port)
    netloc = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}"
    return proxy, urlunsplit(parts._replace(netloc=netloc))
