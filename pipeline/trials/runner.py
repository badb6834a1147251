"""Runs a logic on cases, in the API's own sandbox for trials.

Only trials wait for trials: the workers have their own sandboxes, and uploads are checked in another one. And
no trial waits long for others, because they use it in turn (`pipeline.trials.shared_sandbox`): each runs for
`SLICE` seconds, or for one reading if that takes longer, then the next. So a small trial finishes while a
large one continues. `SECONDS` and `BYTES` limit the cost of a trial. The check of its source is a separate
step with its own limit. The API limits the number of trials at a time (`web.access.admission`).
"""

from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Final, NamedTuple

from msgspec.structs import replace

from pipeline.clock import rfc3339
from pipeline.model.machine_settings import NO_SETTINGS, MachineSettings, ReadingMeta
from pipeline.trials.shared_sandbox import SharedSandbox
from pipeline.trials.trial import Trial, Tried
from sandbox.job import Checked, Logic, Problem
from sandbox.parent.sandbox import Sandbox

#: Maximum readings of a trial.
READINGS: Final = 1_000
#: Maximum seconds that a trial runs, without its waiting.
SECONDS: Final = 5
#: Maximum bytes of readings, results and states in the answer of a trial.
BYTES: Final = 4 << 20

#: When the readings of a trial are received if it does not say so: 2026-01-01, 00:00 UTC, so that examples
#: always have the same results. In milliseconds since 1970.
START: Final = 1_767_225_600_000

#: Seconds of a turn.
SLICE: Final = 0.05


class Case(NamedTuple):
    """The input of a trial: readings as a device sends them, a state, and a config (JSON objects).

    `metas` has the meta of each reading, or is empty. A reading without a number gets its place as number.
    Without a time, it was received at `start`, in milliseconds since 1970.
    """

    state: bytes
    readings: Sequence[bytes]
    config: bytes = b"{}"
    settings: MachineSettings = NO_SETTINGS
    metas: Sequence[ReadingMeta] = ()
    start: int = START

    def meta(self, place: int) -> ReadingMeta:
        """Return the meta of the reading at this place."""
        meta = self.metas[place] if self.metas else ReadingMeta()
        return replace(
            meta, received=meta.received or rfc3339(self.start / 1000), number=meta.number or place + 1
        )


class TrialResult(NamedTuple):
    """The result of a trial: why the logic may not run at all, or the outcome of each reading of each case.

    `stopped` says why some readings were not run. `notes` are for the author.
    """

    problems: tuple[Problem, ...]
    tried: list[list[Tried]]
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
        self._tried: list[list[Tried]] = []
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
        return TrialResult(self._checked.problems, self._tried, self._stopped, self._checked.notes)

    def _through(self, sandbox: Sandbox, logic: Logic, cases: Sequence[Case]) -> Iterator[Tried]:
        if not self._checked.accepted:
            self._stopped = "The logic was refused."
            return
        for case in cases:
            trial = Trial(sandbox, logic, case.state, case.config, case.settings)
            tried = list[Tried]()
            self._tried.append(tried)
            for place, reading in enumerate(case.readings):
                self._stopped = self._exceeded() or trial.stopped
                if self._stopped is not None:
                    return
                tried.append(trial.step(reading, case.meta(place)))
                yield tried[-1]

    def _exceeded(self) -> str | None:
        if self._seconds > SECONDS:
            return f"The trial took longer than {SECONDS} seconds."
        if self._bytes > BYTES:
            return f"The readings, results and states of the trial exceed {BYTES:,} bytes."
        return None
