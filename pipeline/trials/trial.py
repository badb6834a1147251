"""Runs a logic without side effects: takes a reading and a state, and returns their outcome.

A trial writes nothing and publishes nothing. It runs in the same sandbox and under the same limits as on a
worker, one reading at a time, so that the state after each is visible. `iot-logic test` and the API share it.
A trial also stops a logic for which a machine would be put in quarantine.
"""

from time import perf_counter
from typing import Literal

import msgspec
from msgspec import Struct

from pipeline.model.machine_settings import NO_SETTINGS, MachineSettings, ReadingMeta, job_of
from pipeline.model.quarantine import Strikes
from pipeline.trials.written import shown_reading
from sandbox.job import Failure, Logic
from sandbox.parent.sandbox import Sandbox


class Tried(Struct, omit_defaults=True):
    """The outcome of a reading in a trial.

    `reading` is its text, or its bytes in hex if its format is not text. `outcome` is ok, limit or error.
    `state` is the state after the reading. `fuel` is the fuel used, and `peaks` the peak values by limit.
    `seconds` is the time taken, including the transfer to the sandbox and back. `error` is null unless the
    reading failed.
    """

    reading: str
    outcome: Literal["ok", "limit", "error"]
    results: list[msgspec.Raw]
    state: msgspec.Raw
    fuel: int
    peaks: dict[str, int]
    seconds: float
    error: Failure | None = None

    @property
    def size(self) -> int:
        """Return the approximate bytes of its JSON."""
        return len(self.reading) + len(self.state) + sum(map(len, self.results))


class Trial:
    """A logic, a state and a config, for one reading after the other.

    `state` is the JSON object that the last reading left. The readings are taken as `settings` say. `stopped`
    is the reason to stop if a machine would be in quarantine by now.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        logic: Logic,
        state: bytes,
        config: bytes = b"{}",
        settings: MachineSettings = NO_SETTINGS,
    ) -> None:
        self._sandbox = sandbox
        self._logic = logic
        self._config = config
        self._settings = settings
        self._strikes = Strikes(logic.digest)
        self.state = state
        self.stopped: str | None = None

    def step(self, reading: bytes, meta: ReadingMeta = ReadingMeta()) -> Tried:  # noqa: B008 - frozen
        """Run the logic on a reading with this meta. Raises `SandboxUnavailable`."""
        began = perf_counter()
        job = job_of(self._logic, self.state, [reading], self._config, self._settings, [meta])
        [report] = self._sandbox.run([job])
        seconds = perf_counter() - began
        [outcome], self.state = report.outcomes, report.state
        self._strikes = self._strikes.after(outcome)
        if self._strikes.quarantined:
            self.stopped = f"A machine with this logic would be in quarantine now: {self._strikes.reason}."
        sizes = {"result_bytes": sum(map(len, outcome.results)), "state_bytes": len(self.state)}
        return Tried(
            reading=shown_reading(reading, self._settings),
            outcome=outcome.kind if outcome.kind in ("ok", "limit") else "error",
            results=[msgspec.Raw(result) for result in outcome.results],
            state=msgspec.Raw(self.state),
            fuel=outcome.fuel,
            peaks=outcome.peaks | sizes,
            seconds=round(seconds, 6),
            error=outcome.failure,
        )
