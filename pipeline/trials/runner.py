"""The API's own sandbox for trials, and the queue before it.

Only trials wait for trials: the workers have their own sandboxes, and uploads are checked in another one. And
no trial waits long for others. At most `PLACES` trials are accepted at once; the next caller is told to
retry. The accepted trials take turns: each runs for `SLICE` seconds, or for one reading if that takes longer,
then the next. So a small trial finishes while a large one continues. `SECONDS` and `BYTES` limit the cost of
a trial. The check of its source is a separate turn with its own limit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from threading import Semaphore
from time import perf_counter
from typing import Final, NamedTuple, TypeVar

from msgspec.structs import replace

from pipeline.errors import Busy
from pipeline.settings import Settings
from pipeline.trials.trial import Trial, Tried
from sandbox.job import Checked, Logic, Problem
from sandbox.parent.sandbox import Sandbox

#: Maximum readings of a trial.
READINGS: Final = 1_000
#: Maximum seconds that a trial runs, without its waiting.
SECONDS: Final = 5
#: Maximum bytes of readings, results and states in the answer of a trial.
BYTES: Final = 4 << 20

#: Maximum trials and checks at once, including the running one. Each occupies a thread of the API meanwhile.
PLACES: Final = 8
#: Seconds of a turn.
SLICE: Final = 0.05
#: Seconds after which a client should retry if all places are taken.
AGAIN: Final = 5

_Done = TypeVar("_Done")


class Case(NamedTuple):
    """The input of a trial: readings (each a JSON value), a state, and a config (JSON objects)."""

    state: bytes
    readings: Sequence[bytes]
    config: bytes = b"{}"


class TrialResult(NamedTuple):
    """The result of a trial: why the logic may not run at all, or the outcome of each reading of each case.

    `stopped` says why some readings were not run. `notes` say what else the author should know.
    """

    problems: tuple[Problem, ...]
    tried: list[list[Tried]]
    stopped: str | None
    notes: tuple[Problem, ...] = ()


class Trials:
    """Runs trials; see the head of this file. Safe to share between threads.

    Every method except `close` may raise `Busy` and `SandboxUnavailable`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._places = Semaphore(PLACES)
        # One thread, which works in order: so each trial waits for one turn of every other trial.
        self._thread = ThreadPoolExecutor(1, "trials")

    def close(self) -> None:
        """End the sandbox child."""
        self._thread.shutdown(cancel_futures=True)
        if "_sandbox" in vars(self):
            self._sandbox.close()

    @property
    def losses(self) -> Mapping[str, int]:
        """Return how many sandbox children were lost, by cause."""
        return self._sandbox.losses if "_sandbox" in vars(self) else {}

    def check(self, source: str) -> Checked:
        """Return the verdict on a source."""
        with self._slot():
            return self._on_thread(lambda: self._sandbox.check(source))

    def run(self, source: str, cases: Sequence[Case]) -> TrialResult:
        """Check a logic, and run it on each of these cases separately."""
        with self._slot():
            checked = self._on_thread(lambda: self._sandbox.check(source))
            if checked.code is None:
                return TrialResult(checked.problems, [], "The logic was refused.", checked.notes)
            run = Run(self._sandbox, replace(Logic.of(source), code=checked.code), cases)
            while self._on_thread(run.go_on):
                pass
            return TrialResult((), run.tried, run.stopped, checked.notes)

    @cached_property
    def _sandbox(self) -> Sandbox:
        """Return the sandbox. The first trial starts it, on the thread that uses it."""
        return Sandbox(self._settings.limits, allow_unconfined=self._settings.allow_unconfined_sandbox)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Busy(f"{PLACES} trials are already running, the maximum", AGAIN)
        try:
            yield
        finally:
            self._places.release()

    def _on_thread(self, step: Callable[[], _Done]) -> _Done:
        return self._thread.submit(step).result()


class Run:
    """A logic on its way through cases: the outcomes so far, and why it must not continue."""

    def __init__(self, sandbox: Sandbox, logic: Logic, cases: Sequence[Case]) -> None:
        self._steps = self._through(sandbox, logic, cases)
        self._seconds = 0.0
        self._bytes = 0
        self.tried: list[list[Tried]] = []
        self.stopped: str | None = None

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

    def _through(self, sandbox: Sandbox, logic: Logic, cases: Sequence[Case]) -> Iterator[Tried]:
        for case in cases:
            trial = Trial(sandbox, logic, case.state, case.config)
            tried = list[Tried]()
            self.tried.append(tried)
            for reading in case.readings:
                self.stopped = self._exceeded() or trial.stopped
                if self.stopped is not None:
                    return
                tried.append(trial.step(reading))
                yield tried[-1]

    def _exceeded(self) -> str | None:
        if self._seconds > SECONDS:
            return f"The trial took longer than {SECONDS} seconds."
        if self._bytes > BYTES:
            return f"The readings, results and states of the trial exceed {BYTES:,} bytes."
        return None
