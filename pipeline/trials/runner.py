"""Runs a logic on cases, in the API's own sandbox for trials.

Only trials wait for trials: the workers have their own sandboxes, and uploads are checked in another one. And
no trial waits long for others, because they use it in turn (`pipeline.trials.shared_sandbox`): each runs for
`SLICE` seconds, or for one reading or timer if that takes longer, then the next. So a small trial finishes
while a large one continues. `SECONDS` and `BYTES` limit the cost of a trial. The check of its source is a
separate step with its own limit. The API limits the number of trials at a time (`web.access.admission`).
"""

from collections.abc import Iterator, Mapping, Sequence
from time import perf_counter
from typing import Final, NamedTuple

from msgspec.structs import replace

from pipeline.model.machine_settings import NO_SETTINGS, MachineSettings, ReadingMeta
from pipeline.trials.shared_sandbox import SharedSandbox
from pipeline.trials.trial import START, Trial, Tried
from sandbox.job import Checked, Logic, Problem
from sandbox.parent.sandbox import Sandbox

#: Maximum readings of a trial.
READINGS: Final = 1_000
#: Maximum seconds that a trial runs, without its waiting.
SECONDS: Final = 5
#: Maximum bytes of readings, results and states in the answer of a trial.
BYTES: Final = 4 << 20

#: Seconds of a turn.
SLICE: Final = 0.05


class Wait(NamedTuple):
    """A step in which time passes, in milliseconds, and timers that become due run."""

    milliseconds: int


class Case(NamedTuple):
    """The input of a trial: its steps, a state, and a config (JSON objects).

    A step is a reading as a device sends it, or a wait. `metas` has the meta of each reading, or is empty. A
    reading without a number gets its place among the readings as number. `start` is the time of the trial
    before the first step, and `timers` says when each timer is due that is set then, in milliseconds since
    1970. Readings without a time are received at the time of the trial.
    """

    state: bytes
    steps: Sequence[bytes | Wait]
    config: bytes = b"{}"
    settings: MachineSettings = NO_SETTINGS
    metas: Sequence[ReadingMeta] = ()
    start: int = START
    timers: Mapping[str, int] = {}


class CaseResult:
    """What a trial has run of a case.

    `steps` has the outcomes of each step that has begun: a reading's own outcome is the last one of its step,
    after those of the timers that ran before it. `done` is the number of steps that were run to the end.
    `timers` are the timers that are set after them.
    """

    def __init__(self, timers: Mapping[str, int]) -> None:
        self.steps: list[list[Tried]] = []
        self.done = 0
        self.timers = timers

    @property
    def tried(self) -> list[Tried]:
        """All outcomes, in order."""
        return [tried for step in self.steps for tried in step]


class TrialResult(NamedTuple):
    """The result of a trial: why the logic may not run at all, or what it has run of each case.

    A case that was not begun has no result. `stopped` says why some steps were not run. `notes` are for the
    author.
    """

    problems: tuple[Problem, ...]
    cases: list[CaseResult]
    stopped: str | None
    notes: tuple[Problem, ...] = ()


class Trials:
    """Runs trials; see the head of this file. Every method may raise `SandboxUnavailable`."""

    def __init__(self, shared: SharedSandbox) -> None:
        self.shared = shared

    async def check(self, source: str) -> Checked:
        """Return the verdict on a source."""
        return await self.shared.use(lambda sandbox: sandbox.check(source))

    async def run(self, source: str, cases: Sequence[Case]) -> TrialResult:
        """Check a logic, and run it on each of these cases separately."""
        return await self.run_checked(source, await self.check(source), cases)

    async def run_checked(self, source: str, checked: Checked, cases: Sequence[Case]) -> TrialResult:
        """Run a logic that was checked on each of these cases separately."""
        run = Run(self.shared.sandbox, source, checked, cases)
        while await self.shared.use(lambda _: run.go_on()):
            pass
        return run.result


def run_alone(sandbox: Sandbox, source: str, cases: Sequence[Case]) -> TrialResult:
    """Check a logic, and run it on each of these cases separately, in a sandbox of the caller."""
    run = Run(sandbox, source, sandbox.check(source), cases)
    while run.go_on():
        pass
    return run.result


class Run:
    """A checked logic on its way through cases: the outcomes so far, and why it must not continue."""

    def __init__(self, sandbox: Sandbox, source: str, checked: Checked, cases: Sequence[Case]) -> None:
        self._checked = checked
        self._steps = self._through(sandbox, replace(Logic.of(source), code=checked.code), cases)
        self._seconds = 0.0
        self._bytes = 0
        self._results: list[CaseResult] = []
        self._stopped: str | None = None

    def go_on(self) -> bool:
        """Run for a turn. Return False if there is no more to run. Raises `SandboxUnavailable`."""
        began = perf_counter()
        for tried in self._steps:
            self._bytes += tried.size
            spent = perf_counter() - began
            if spent > SLICE:
                self._seconds += spent
                return True
        return False

    @property
    def result(self) -> TrialResult:
        """The outcomes so far."""
        return TrialResult(self._checked.problems, self._results, self._stopped, self._checked.notes)

    def _through(self, sandbox: Sandbox, logic: Logic, cases: Sequence[Case]) -> Iterator[Tried]:
        if not self._checked.accepted:
            self._stopped = "The logic was refused."
            return
        for case in cases:
            trial = Trial(
                sandbox, logic, case.state, case.config, case.settings, timers=case.timers, start=case.start
            )
            result = CaseResult(trial.timers)
            self._results.append(result)
            metas = iter(case.metas)
            for step in case.steps:
                self._stopped = self._exceeded() or trial.stopped
                if self._stopped is not None:
                    return
                outcomes = list[Tried]()
                result.steps.append(outcomes)
                if isinstance(step, Wait):
                    ahead = trial.pass_until(trial.now + step.milliseconds)
                else:
                    ahead = trial.step(step, next(metas, ReadingMeta()))
                for tried in ahead:
                    outcomes.append(tried)
                    yield tried
                    if tried.timer is not None and (exceeded := self._exceeded()) is not None:
                        self._stopped = exceeded
                        return
                if trial.stopped is not None and (not outcomes or outcomes[-1].timer is not None):
                    self._stopped = trial.stopped
                    return
                result.done += 1

    def _exceeded(self) -> str | None:
        if self._seconds > SECONDS:
            return f"The trial took longer than {SECONDS} seconds."
        if self._bytes > BYTES:
            return f"The readings, results and states of the trial exceed {BYTES:,} bytes."
        return None
