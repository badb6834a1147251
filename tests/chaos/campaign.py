"""A campaign from its first reading to its verdict, on its own servers."""

import logging
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

import msgspec
from msgspec import Struct, field
from rich.progress import Progress

from pipeline import wire
from pipeline.broker import topology
from pipeline.local.servers import local_rabbitmq, local_redis
from pipeline.settings import Settings
from tests.chaos.alarms import journal_of
from tests.chaos.crew import Crew
from tests.chaos.faults import FAULTS
from tests.chaos.fleet import Fleet, Machine
from tests.chaos.plan import Fault, Kind
from tests.chaos.proxy import Network
from tests.chaos.scene import Scene
from tests.chaos.stopwatch import PATIENCE, Stopwatch
from tests.chaos.tap import LETTERS_QUEUE, RESULTS_QUEUE, Tap, declare
from tests.chaos.timers import SECONDS
from tests.chaos.verdict import State, Verdict
from tests.support.installation import Installation
from tests.support.servers import OwnServers
from tests.support.waiting import wait_until

#: Seconds until RabbitMQ 3.10 keeps a new quorum queue after a SIGKILL.
_QUEUES_KEPT_SECONDS = 1.0

#: If nothing changes for this many seconds, nothing more will arrive by itself.
_QUIET_SECONDS = 3.0

#: The number of times that the workers may end while readings are still in the queues because they were
#: returned.
_DRAINS = 5


class Report(Struct):
    """The report of a campaign.

    `flowed` are the longest waits of each machine, by kind of fault, for faults that were alone. `journal`
    lists the events with their times.
    """

    seed: int
    verdict: Verdict = field(default_factory=Verdict)
    faults: dict[Kind, int] = field(default_factory=lambda: defaultdict(int))
    flowed: dict[Kind, list[float]] = field(default_factory=lambda: defaultdict(list))
    sent: int = 0
    confirmed: int = 0
    counted: int = 0
    results: int = 0
    timers: int = 0
    alarms: int = 0
    dead_letters: int = 0
    edits: int = 0
    seconds: float = 0.0
    journal: list[str] = field(default_factory=list)


class Campaign:
    """Runs `faults` while `machines` machines send `rate` readings per second, up to `readings` in total.

    The campaign continues until `readings` are confirmed. The workers run `module`. If no fault affects the
    servers, `urls` (of RabbitMQ and Redis) may name shared ones. If there are breaches, the workers' logs are
    written to `folder`.
    """

    def __init__(
        self,
        faults: list[Fault],
        *,
        readings: int,
        seed: int,
        machines: int = 40,
        rate: float = 500,
        module: str = "pipeline.actors",
        urls: tuple[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._faults, self._readings, self._machines, self._rate = faults, readings, machines, rate
        self._module, self._urls, self._folder = module, urls, folder
        self._report = Report(seed)
        self._began = time.monotonic()
        # Broken connections are expected in a campaign.
        logging.getLogger("pika").setLevel(logging.CRITICAL)
        logging.getLogger("pipeline.broker.publisher").setLevel(logging.CRITICAL)

    def run(self, progress: Progress) -> Report:
        """Run the campaign. The verdict contains the breaches. Raises the errors of the campaign itself."""
        with ExitStack() as stack:
            progress.console.print("Starting RabbitMQ, Redis, the API and workers ...")
            scene, tap = self._scene(stack)
            scene.fleet.start()
            self._afflict(scene, progress)
            self._fill_up(scene, progress)
            progress.console.print("Waiting until all is worked off ...")
            self._drain(scene, tap)
            self._judge(scene, tap)
            if self._report.verdict.breaches and self._folder:
                self._keep_logs(scene, tap, self._folder)
        return self._report

    def _scene(self, stack: ExitStack) -> tuple[Scene, Tap]:
        servers = None if self._urls else _own_servers(stack)
        if servers is not None:
            self._urls = (servers.rabbitmq.amqp_url, servers.redis.url)
        assert self._urls is not None
        amqp_url, redis_url = self._urls
        topology.ensure(Settings(amqp_url=amqp_url))
        declare(amqp_url)
        declared = time.monotonic()
        network = Network()
        stack.callback(network.close)
        plant = stack.enter_context(Installation(amqp_url, redis_url))
        crew = Crew(plant, network, self._module)
        fleet = Fleet(amqp_url, self._machines, self._report.seed, self._rate)
        stack.callback(fleet.stop)
        stopwatch = Stopwatch(fleet)
        tap = Tap(amqp_url, stopwatch.on_result)
        stack.callback(tap.close)
        scene = Scene(servers, plant, crew, fleet, stopwatch, self._note)
        plant.start_api()
        for machine in fleet.machines:
            scene.upload(machine.id)
        crew.fill()
        for worker in crew.workers:
            worker.wait_ready()
        wait_until(lambda: time.monotonic() - declared > _QUEUES_KEPT_SECONDS)
        return scene, tap

    def _note(self, line: str) -> None:
        self._report.journal.append(f"{time.monotonic() - self._began:7.1f} s  {line}")

    def _afflict(self, scene: Scene, progress: Progress) -> None:
        """Run the faults, one after the other."""
        task = progress.add_task("faults", total=len(self._faults))
        scene.stopwatch.start()
        with self._noticing_standstill(scene, "the start"):
            scene.stopwatch.wait()
        for number, fault in enumerate(self._faults, start=1):
            progress.update(task, description=f"{fault.kind}")
            self._note(f"fault {number}: {fault.kind}{', alone' if fault.alone else ''}")
            self._report.faults[fault.kind] += 1
            with self._noticing_standstill(scene, f"fault {number} ({fault.kind})"):
                if fault.alone:
                    scene.stopwatch.start()
                    scene.stopwatch.wait()  # until the effects of earlier faults are over
                scene.stopwatch.start()
                FAULTS[fault.kind](scene, Random(fault.seed))
                if fault.alone:
                    wait_until(scene.settled, timeout=PATIENCE)
                    scene.stopwatch.over()
                    flowed = scene.stopwatch.wait()
                    self._note(f"  over; the longest wait was {max(flowed):.1f} s")
                    self._report.flowed[fault.kind] += flowed
                else:
                    time.sleep(fault.pause)
            self._look_after(scene)
            progress.advance(task)

    @contextmanager
    def _noticing_standstill(self, scene: Scene, what: str) -> Iterator[None]:
        try:
            yield
        except AssertionError as e:
            self._note(f"  stands still: {e}")
            standing = ", ".join(scene.stopwatch.standing)
            self._report.verdict.stood_still.append(f"after {what}: {str(e)[:300]}; no result of {standing}")

    def _look_after(self, scene: Scene) -> None:
        """Detect workers that ended without being asked, and replace missing workers."""
        for said in scene.crew.bury():
            self._note(f"  a worker has ended unasked: {said}")
            self._report.verdict.ended_unasked.append(said)
        scene.crew.fill()
        scene.plant.commands[0].check_running()

    def _fill_up(self, scene: Scene, progress: Progress) -> None:
        """Send the remaining readings, as fast as they are accepted."""
        task = progress.add_task("readings confirmed", total=self._readings)
        scene.fleet.rate = None
        with self._noticing_standstill(scene, "the faults"):
            while (before := scene.fleet.confirmed) < self._readings:
                progress.update(task, completed=before)
                wait_until(lambda seen=before: scene.fleet.confirmed > seen, timeout=PATIENCE)  # type: ignore[misc]
        scene.fleet.stop()
        progress.update(task, completed=scene.fleet.confirmed)
        self._note(f"{scene.fleet.sent} readings sent, {scene.fleet.confirmed} confirmed")

    def _drain(self, scene: Scene, tap: Tap) -> None:
        """Wait until the queues are empty, even after no worker holds unacknowledged readings any more."""
        for _ in range(_DRAINS):
            self._look_after(scene)
            scene.wait_quiet(_QUIET_SECONDS, timeout=120 + self._readings / 500)
            self._wait_for_timers(scene)
            for worker in list(scene.crew.workers):
                try:
                    scene.crew.leave(worker)
                except AssertionError as e:
                    self._report.verdict.stood_still.append(f"at the end: {str(e)[-500:]}")
            if not scene.waiting():
                break
            self._note("readings were given back when the workers left")
        left = {queue: count for queue, count in scene.waiting().items() if count}
        self._report.verdict.left_in_queues += [f"{queue}: {count}" for queue, count in left.items()]
        outlets = [RESULTS_QUEUE, LETTERS_QUEUE, wire.DEAD_LETTERS_QUEUE]
        wait_until(
            lambda: not scene.waiting(outlets) and time.monotonic() - tap.last_at > _QUIET_SECONDS,
            timeout=300,
        )

    def _wait_for_timers(self, scene: Scene) -> None:
        """Wait until no timer is set, while there are workers. One that never runs is a breach at the end."""
        left = list(scene.fleet.machines)
        deadline = time.monotonic() + SECONDS
        while left and scene.crew.workers and time.monotonic() < deadline:
            left = [machine for machine in left if self._state(scene, machine).armed]
            time.sleep(0.2)

    def _state(self, scene: Scene, machine: Machine) -> State:
        response = scene.plant.client.get(f"/machines/{machine.id}/state")
        return msgspec.json.decode(response.content, type=State)

    def _judge(self, scene: Scene, tap: Tap) -> None:
        report, outcomes = self._report, tap.outcomes
        numbers = scene.numbers()
        report.verdict.results_different += outcomes.different
        report.verdict.out_of_order += outcomes.late
        for machine in scene.fleet.machines:
            state = self._state(scene, machine)
            edits = scene.edits[machine.id]
            report.verdict.judge(machine, state, numbers.get(machine.id, 0), outcomes, edits)
            journal = journal_of(scene.plant, machine.id)
            report.verdict.judge_alarms(machine, state, journal)
            report.alarms += len(journal)
            report.counted += state.count
            report.edits += edits.done
            report.results += len(outcomes.results[machine.id])
            report.timers += state.runs
            report.dead_letters += len(outcomes.letters[machine.id])
        strangers = {*outcomes.results, *outcomes.letters} - set(scene.fleet.by_id)
        report.verdict.results_different += [f"there is no machine {stranger!r}" for stranger in strangers]
        report.sent, report.confirmed = scene.fleet.sent, scene.fleet.confirmed
        report.seconds = time.monotonic() - self._began

    def _keep_logs(self, scene: Scene, tap: Tap, folder: Path) -> None:
        """Write everything to files that may help to find the cause of the breaches."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "breaches.txt").write_text("\n".join(self._report.verdict.breaches))
        (folder / "journal.txt").write_text("\n".join(self._report.journal))
        for number, command in enumerate(scene.plant.commands):
            (folder / f"{number:03}-{command.name}-{command.process.pid}.log").write_text(command.log)
        with (folder / "readings.csv").open("w") as file:
            file.write("machine,n,sort,confirmed,sent at,results\n")
            for machine in scene.fleet.machines:
                numbers = defaultdict[int, list[int]](list)
                for number, result in tap.outcomes.results[machine.id].items():
                    numbers[result.n].append(number)
                for n, sort in enumerate(machine.sorts):
                    at, found = machine.sent_at[n] - self._began, " ".join(map(str, numbers[n]))
                    file.write(f"{machine.id},{n},{sort},{machine.confirmed[n]},{at:.3f},{found}\n")


def _own_servers(stack: ExitStack) -> OwnServers:
    redis = local_redis()
    stack.callback(redis.close)
    rabbitmq = local_rabbitmq()
    stack.callback(rabbitmq.close)
    return OwnServers(rabbitmq, redis)
