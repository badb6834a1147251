"""Runs a logic without side effects: takes a reading and a state, and returns their outcome.

A trial writes nothing and publishes nothing. It runs in the same sandbox and under the same limits as on a
worker, one reading at a time, so that the state after each is visible. `iot-logic test` and the API share it.
A trial also stops a logic for which a machine would be put in quarantine.

A trial has its own time. It moves only with the times of the readings and when a caller lets time pass
(`pass_until`). It never goes back, as on a worker. Timers run exactly when they are due, and so do the
schedules in the settings. They begin at the start of the trial.
"""

from collections.abc import Iterator, Mapping
from time import perf_counter
from typing import Final, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pipeline.clock import milliseconds, rfc3339
from pipeline.model.machine_settings import NO_SETTINGS, MachineSettings, ReadingMeta, RunTimes, job_of
from pipeline.model.quarantine import Strikes
from pipeline.model.schedule import timers_of
from pipeline.model.timer import body_of
from pipeline.trials.written import shown_reading
from sandbox.job import REPEATING, Failure, Job, Logic, Outcome, Severity, TimerRun
from sandbox.parent.batch import EXACT_RUNS
from sandbox.parent.sandbox import Sandbox

#: When the readings of a trial are received if it does not say so: 2026-01-01, 00:00 UTC, so that examples
#: always have the same results. In milliseconds since 1970.
START: Final = 1_767_225_600_000

#: Maximum runs of a schedule before a reading. The earlier ones are omitted, so that a reading that was
#: received much later than the one before can still be tried.
SCHEDULE_RUNS: Final = 100

_NO_META: Final = ReadingMeta()


class TriedTimer(Struct, frozen=True, omit_defaults=True):
    """A timer that ran in a trial: its name, and when it was due (RFC 3339, UTC). It ran at that time.

    `schedule` says that it is a schedule and not a timer that the logic has set.
    """

    name: str
    due: str
    schedule: bool = False


class TriedAlarm(Struct, frozen=True):
    """An alarm that was raised in a trial. `details` is a JSON object."""

    severity: Severity
    message: str
    details: msgspec.Raw


class Tried(Struct, omit_defaults=True):
    """The outcome of a reading, or of a timer that ran, in a trial.

    `reading` is its text, or its bytes in hex if its format is not text. If it is no reading but a timer that
    ran, `timer` names it. `outcome` is ok, limit or error. `state` is the state after it. `fuel` is the fuel
    used, and `peaks` the peak values by limit. `seconds` is the time taken, including the transfer to the
    sandbox and back. `error` is null unless it failed. `timers` has the timers that it set, each with the
    time at which it is due (RFC 3339, UTC), and those that it cancelled, with null. `alarms` has likewise the
    alarms that it raised, and the active ones that it cleared.
    """

    reading: str
    outcome: Literal["ok", "limit", "error"]
    results: list[msgspec.Raw]
    state: msgspec.Raw
    fuel: int
    peaks: dict[str, int]
    seconds: float
    error: Failure | None = None
    timer: TriedTimer | None = None
    timers: dict[str, str | None] = {}
    alarms: dict[str, TriedAlarm | None] = {}

    @property
    def size(self) -> int:
        """Return the approximate bytes of its JSON."""
        alarms = sum(len(each.details) + len(each.message) for each in self.alarms.values() if each)
        results = sum(map(len, self.results))
        return len(self.reading) + len(self.state) + results + alarms + 100 * len(self.timers)


class Trial:
    """A logic, a state, a config and timers, for one reading after the other.

    `state` is the JSON object that the last reading left, and `timers` says when each timer is due that is
    set now, without schedules. `alarms` are the names of the active alarms; none is at first. `now` is the
    time of the trial. All times are in milliseconds since 1970. The readings are taken as `settings` say,
    which also have the schedules. `stopped` is the reason to stop: a machine would be in quarantine by now,
    or too many timers ran in one step.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        logic: Logic,
        state: bytes,
        config: bytes = b"{}",
        settings: MachineSettings = NO_SETTINGS,
        *,
        timers: Mapping[str, int] | None = None,
        start: int = START,
    ) -> None:
        self._sandbox = sandbox
        self._logic = logic
        self._config = config
        self._settings = settings
        self._strikes = Strikes(logic.digest)
        self._readings = 0
        self.state = state
        self.timers = dict(timers or {})
        self._repeats = timers_of(settings.scheduled).repeats
        firsts = {name: repeat.next(start) for name, repeat in self._repeats.items()}
        self._scheduled = {name: due for name, due in firsts.items() if due is not None}
        self.alarms = frozenset[str]()
        self.now = start
        self.stopped: str | None = None

    def step(self, reading: bytes, meta: ReadingMeta = _NO_META) -> Iterator[Tried]:
        """Run the timers that are due, then the logic on a reading with this meta.

        A reading without a time is received at the time of the trial, and one without a number is numbered.
        If the trial stops before, the reading is not run. Raises `SandboxUnavailable`.
        """
        received = self.now if meta.received is None else max(self.now, milliseconds(meta.received))
        self._omit_runs(received)
        yield from self.pass_until(received)
        if self.stopped is not None:
            return
        self._readings += 1
        meta = replace(meta, received=rfc3339(received / 1000), number=meta.number or self._readings)
        times = RunTimes([received], self.timers, exact=True)
        job = job_of(
            self._logic, self.state, [reading], self._config, self._settings, [meta], times, self.alarms
        )
        outcome, seconds = self._run(job)
        self._change(outcome)
        yield self._tried(outcome, seconds, shown_reading(reading, self._settings))

    def pass_until(self, until: int) -> Iterator[Tried]:
        """Let time pass, and run the timers and schedules that become due. Raises `SandboxUnavailable`.

        The time is passed when the iterator ends, unless the trial has stopped before.
        """
        runs = 0
        while self.stopped is None and (set_now := self.timers | self._scheduled):
            due, name = min((due, name) for name, due in set_now.items())
            if due > until:
                break
            if runs == EXACT_RUNS:
                self.stopped = (
                    f"Timers ran {EXACT_RUNS:,} times in one step, the maximum. A timer that always sets "
                    "the next one runs again and again, and so does a schedule; let less time pass."
                )
                return
            runs += 1
            yield self._run_timer(name, due)
        if self.stopped is None:
            self.now = max(self.now, until)

    def _omit_runs(self, until: int) -> None:
        """Omit the first runs of schedules that would run too often before a reading."""
        for name, due in self._scheduled.items():
            first = until + 1
            for _ in range(SCHEDULE_RUNS if due <= until else 0):
                if (earlier := self._repeats[name].last(due - 1, first - 1)) is None:
                    break
                first = earlier
            self._scheduled[name] = max(due, first) if first <= until else due

    def _run_timer(self, name: str, due: int) -> Tried:
        """Run one timer or schedule at the time at which it is due."""
        is_schedule = self._scheduled.pop(name, None) is not None
        if not is_schedule:
            del self.timers[name]
        elif (again := self._repeats[name].next(due)) is not None:
            self._scheduled[name] = again
        # Timers that are due in the same millisecond run one after the other, to see the state after each.
        others = {each: max(at, due + 1) for each, at in self.timers.items()}
        times = RunTimes(timers={name: due, **others}, until=due, exact=True)
        job = job_of(
            self._logic, self.state, [], self._config, self._settings, times=times, alarms=self.alarms
        )
        outcome, seconds = self._run(job)
        self._change(outcome)
        run = TimerRun(name.removeprefix(REPEATING), due, due)
        tried = self._tried(outcome, seconds, body_of(run).decode())
        tried.timer = TriedTimer(run.name, rfc3339(due / 1000), is_schedule)
        return tried

    def _run(self, job: Job) -> tuple[Outcome, float]:
        """Run a job with one outcome. Return the outcome and the seconds that it took."""
        began = perf_counter()
        [report] = self._sandbox.run([job])
        seconds = perf_counter() - began
        [outcome], self.state = report.outcomes, report.state
        return outcome, seconds

    def _change(self, outcome: Outcome) -> None:
        """Take what an outcome changes: the timers, the alarms, and the strikes against the logic."""
        for name, due in outcome.timers.items():
            if due is None:
                self.timers.pop(name, None)
            else:
                self.timers[name] = due
        cleared = {name for name, raised in outcome.alarms.items() if raised is None}
        self.alarms = (self.alarms | outcome.alarms.keys()) - cleared
        self._strikes = self._strikes.after(outcome)
        if self._strikes.quarantined:
            self.stopped = f"A machine with this logic would be in quarantine now: {self._strikes.reason}."

    def _tried(self, outcome: Outcome, seconds: float, reading: str) -> Tried:
        sizes = {"result_bytes": sum(map(len, outcome.results)), "state_bytes": len(self.state)}
        return Tried(
            reading=reading,
            outcome=outcome.kind if outcome.kind in ("ok", "limit") else "error",
            results=[msgspec.Raw(result) for result in outcome.results],
            state=msgspec.Raw(self.state),
            fuel=outcome.fuel,
            peaks=outcome.peaks | sizes,
            seconds=round(seconds, 6),
            error=outcome.failure,
            timers=shown_timers(outcome.timers),
            alarms={
                name: TriedAlarm(raised.severity, raised.message, msgspec.Raw(raised.details))
                if raised is not None
                else None
                for name, raised in outcome.alarms.items()
            },
        )


def shown_timers(timers: Mapping[str, int | None]) -> dict[str, str | None]:
    """Return timers with the times at which they are due as text."""
    return {name: None if due is None else rfc3339(due / 1000) for name, due in timers.items()}
