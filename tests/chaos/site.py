"""An installation whose readings are counted after each round: a fleet, the API, workers.

When a count is true: the fleet pauses, and sends one last reading of each machine. The partitions keep the
order of each machine, and RabbitMQ delivers returned readings first. So when the last reading of each machine
is counted and the queues are empty, no other reading can follow. A confirmed reading that is not counted by
then is lost; this does not depend on a timeout.
"""

import logging
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from pipeline.broker.connection import connect
from tests.chaos.census import LOGIC, Census, state_of, take
from tests.chaos.fleet import Fleet, Machine
from tests.chaos.scene import READINGS_QUEUES
from tests.chaos.timers import SECONDS
from tests.support.installation import Command, Installation
from tests.support.waiting import wait_until

#: Seconds after which a round with unprocessed readings counts as standing still.
PATIENCE: Final = 60.0

_ROOT: Final = Path(__file__).parents[2]


class Sender(Protocol):
    """What a count needs of a fleet, or of several."""

    @property
    def machines(self) -> Sequence[Machine]: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def send_last(self) -> dict[str, int]: ...


class Counted(ABC):
    """An installation whose readings can be counted. `queues` hold readings; `patience` is in seconds."""

    fleet: Sender

    def __init__(self, plant: Installation, fleet: Sender, queues: Sequence[str], patience: float) -> None:
        self.plant = plant
        self.fleet = fleet
        self._queues, self._patience = queues, patience

    def drain(self) -> None:
        """Pause the fleet, and wait until all readings are processed.

        Raises `AssertionError` if this takes longer than `patience`.
        """
        self.fleet.pause()
        last = self.fleet.send_last()
        left = list(self.fleet.machines)

        def counted() -> bool:
            left[:] = [machine for machine in left if not state_of(self.plant, machine).has(last[machine.id])]
            return not left

        try:
            wait_until(counted, timeout=self._patience)
            wait_until(lambda: not self._waiting(), timeout=self._patience)
        except AssertionError:
            names = ", ".join(machine.id for machine in left) or "the queues"
            raise AssertionError(f"not processed within {self._patience:.0f} s: {names}") from None
        # A timer that never runs is a breach in the census.
        with suppress(AssertionError):
            wait_until(lambda: not any(self._armed(machine) for machine in self.fleet.machines), SECONDS)

    def _armed(self, machine: Machine) -> bool:
        return bool(state_of(self.plant, machine).armed)

    def _waiting(self) -> int:
        with connect(self.plant.amqp_url) as connection:
            channel = connection.channel()
            return sum(
                channel.queue_declare(queue, passive=True).method.message_count for queue in self._queues
            )

    def census(self) -> Census:
        """Return the count of all readings now."""
        return take(self.plant, self.fleet.machines)

    @abstractmethod
    def replace_ended(self) -> list[str]:
        """Replace each worker that ended without being asked. Return the last output of each."""

    def count_lines(self, text: str) -> int:
        """Return how often the commands have logged a text."""
        return sum(command.log.count(text) for command in self.plant.commands)

    def keep_logs(self, folder: Path) -> None:
        """Write the output of the commands to files."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, command in enumerate(self.plant.commands):
            (folder / f"{number:03}-{command.name}-{command.process.pid}.log").write_text(command.log)


class Site(Counted):
    """Starts when it is created, and ends with `stack`.

    `workers` are the environments of the workers, one each; they run `module`. `rate` is the fleet's, in
    readings per second (None: as fast as confirmed), `flood` and `padding` as in `Fleet`. `environ` holds
    for the API too. `queues` are those that hold readings, and `patience` is in seconds.
    """

    fleet: Fleet

    def __init__(
        self,
        stack: ExitStack,
        amqp_url: str,
        redis_url: str,
        *,
        seed: int,
        machines: int = 16,
        rate: float | None = None,
        module: str = "pipeline.actors",
        workers: Sequence[Mapping[str, str]] = ({},),
        environ: Mapping[str, str] | None = None,
        logic: str = LOGIC,
        flood: float = 0.0,
        padding: int = 0,
        queues: Sequence[str] = READINGS_QUEUES,
        patience: float = PATIENCE,
    ) -> None:
        # Broken connections are expected, and each would log a line.
        logging.getLogger("pika").setLevel(logging.CRITICAL)
        logging.getLogger("pipeline.broker.publisher").setLevel(logging.CRITICAL)
        self._module, self._environs = module, workers
        plant = stack.enter_context(Installation(amqp_url, redis_url))
        plant.environ |= environ or {}
        fleet = Fleet(amqp_url, machines, seed, rate, flood=flood, padding=padding)
        super().__init__(plant, fleet, queues, patience)
        stack.callback(self.fleet.stop)
        for machine in self.fleet.machines:
            machine.at_times_bad = False
        self.plant.start_api()
        for machine in self.fleet.machines:
            self.plant.upload(machine.id, logic)
        self.workers = [self.start_worker(number) for number in range(len(workers))]
        self.fleet.pause_at_start()
        self.fleet.start()

    def start_worker(self, number: int) -> Command:
        """Start one worker, and return when it is ready."""
        environ = {"PYTHONPATH": str(_ROOT)} | dict(self._environs[number])
        worker = self.plant.start_worker(threads=2, module=self._module, environ=environ)

        def ready() -> bool:
            worker.check_running()
            return "ready for action" in worker.log

        wait_until(ready, timeout=60)
        return worker

    @contextmanager
    def workers_stopped(self, number: int | None = None) -> Iterator[None]:
        """SIGSTOP all workers, or one, while the block runs. Readings for them arrive meanwhile."""
        groups = [worker.process.pid for place, worker in enumerate(self.workers) if number in (None, place)]
        for group in groups:
            os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            for group in groups:
                os.killpg(group, signal.SIGCONT)

    def replace_ended(self) -> list[str]:
        """Replace each worker that ended without being asked. Return the last output of each."""
        said = list[str]()
        for number, worker in enumerate(self.workers):
            if worker.process.poll() is not None:
                said.append(f"a worker ended with status {worker.process.returncode}: {worker.log[-500:]}")
                self.workers[number] = self.start_worker(number)
        return said
