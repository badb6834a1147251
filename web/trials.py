"""The API's own sandbox for trials, and the line before it.

Nobody but trials waits for a trial: the workers have their sandboxes, uploads are checked in another. And no
trial waits long for others. `PLACES` are taken at the most, the next is told to come again. Those that have
one take turns: each runs for `SLICE` seconds, or for one reading where that takes longer, then the next; so a
small trial is done while a large one goes on. What a trial may cost is bounded by `SECONDS` and `BYTES`,
beside the check of its source, which is a turn of its own with a limit of its own.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from threading import Semaphore
from time import perf_counter
from typing import Final, NamedTuple, TypeVar

from msgspec.structs import replace

from pipeline.settings import Settings
from sandbox.job import Checked, Logic, Problem
from sandbox.sandbox import Sandbox
from web.errors import Busy
from web.trial import Trial, Tried

#: Readings that a trial may have.
READINGS: Final = 1_000
#: Seconds that a trial may run, without its waiting.
SECONDS: Final = 5
#: Bytes of readings, results and states that a trial may answer with.
BYTES: Final = 4 << 20

#: Trials and checks that are there at once, with the one that runs. Each has a thread of the API's meanwhile.
PLACES: Final = 8
#: Seconds of a turn.
SLICE: Final = 0.05
#: After how many seconds to come again where all places are taken.
AGAIN: Final = 5

_Done = TypeVar("_Done")


class Ran(NamedTuple):
    """How a trial went: why the logic may not run at all, or each reading that was run; `stopped` says why
    some were not."""

    problems: tuple[Problem, ...]
    tried: list[Tried]
    stopped: str | None


class Trials:
    """See the head of this file. Safe to share between threads.

    Every method but `close` may raise `Busy` and `SandboxUnavailable`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._places = Semaphore(PLACES)
        # One thread, which does what it is given in order: so each waits for one turn of each other one.
        self._turns = ThreadPoolExecutor(1, "trials")

    def close(self) -> None:
        """End the child."""
        self._turns.shutdown(cancel_futures=True)
        if "_sandbox" in vars(self):
            self._sandbox.close()

    def check(self, source: str) -> Checked:
        """The verdict on a source."""
        with self._place():
            return self._turn(lambda: self._sandbox.check(source))

    def run(self, source: str, state: bytes, readings: Sequence[bytes]) -> Ran:
        """Check a logic, and try it on readings (each a JSON value) from this state (a JSON object)."""
        with self._place():
            checked = self._turn(lambda: self._sandbox.check(source))
            if checked.code is None:
                return Ran(checked.problems, [], "The logic is refused.")
            run = _Run(Trial(self._sandbox, replace(Logic.of(source), code=checked.code), state), readings)
            while run.goes_on:
                self._turn(run.go_on)
            return Ran((), run.tried, run.stopped)

    @cached_property
    def _sandbox(self) -> Sandbox:
        """Started by the first trial, on the thread that uses it."""
        return Sandbox(self._settings.limits, allow_unconfined=self._settings.allow_unconfined_sandbox)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Busy(f"{PLACES} logics are tried at once already", AGAIN)
        try:
            yield
        finally:
            self._places.release()

    def _turn(self, step: Callable[[], _Done]) -> _Done:
        return self._turns.submit(step).result()


class _Run:
    """A trial on its way: what it has cost, and where it is."""

    def __init__(self, trial: Trial, readings: Sequence[bytes]) -> None:
        self._trial = trial
        self._readings = readings
        self._bytes = 0
        self._seconds = 0.0
        self.tried: list[Tried] = []

    @property
    def goes_on(self) -> bool:
        """Whether there is more to run."""
        return len(self.tried) < len(self._readings) and self.stopped is None

    @property
    def stopped(self) -> str | None:
        """Why it must not go on."""
        if len(self.tried) == len(self._readings):
            return None
        if self._seconds > SECONDS:
            return f"It took longer than {SECONDS} seconds."
        if self._bytes > BYTES:
            return f"Readings, results and states are longer than {BYTES:,} bytes."
        return self._trial.stopped

    def go_on(self) -> None:
        """Run for a turn."""
        began = perf_counter()
        spent = 0.0
        while self.goes_on and spent < SLICE:
            tried = self._trial.step(self._readings[len(self.tried)])
            self.tried.append(tried)
            self._bytes += tried.size
            spent = perf_counter() - began
        self._seconds += spent
