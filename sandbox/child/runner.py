"""Handles requests in the child: loads programs, runs them on each reading, and sends the outcomes.

Strategy. The machine's state is decoded from JSON before each reading and encoded to JSON after it, so no
object survives from one reading to the next. The new state replaces the old one only if the whole reading
succeeded.

The runner sends outcomes when there are enough of them, or when the watch has ticked, so that little work is
repeated after a kill. A logic is loaded at its first reading, so that the parent can blame a reading for a
logic that does not load in time, as for a logic that does not end. Its tables are computed then, with the
soft deadline of a reading: if they take too long, this reading fails, and the next one tries again.

At the end of a reading, only its time decides: if the soft deadline has passed, the outcome is `limit`, also
if the logic returned a result or raised an error. The time of each task also counts against the budget of its
logic for the batch (`batch_seconds`), which the parent sends along; the readings beyond it are not run.

An unforeseen error (one that `Program` should have turned into one of ours) ends the child, and the parent
blames the reading.
"""

from collections.abc import Callable, Mapping, Set
from typing import Any, Final, Protocol

import msgspec

from sandbox.child.program import examine, failure_of, less_recursion
from sandbox.child.storing import storing_line
from sandbox.child.watch import Watch
from sandbox.errors import Breach, InvalidPayload, LimitExceeded, LogicError, LogicRefused, NotJson
from sandbox.job import EXHAUSTIONS, PROBLEMS, Checked, Failure, Logic, Outcome, OutcomeKind, Raised, TimerRun
from sandbox.limits import Limits
from sandbox.protocol.frames import PART_BYTES, Check, CheckAnswer, Load, Part, Reply, Task, Work
from sandbox.protocol.progress import ProgressWriter
from sandbox.runtime.meter import breach_of
from sandbox.runtime.payload import decode_payload
from sandbox.runtime.runtime import Runtime
from sandbox.runtime.timers import Clock, values_of
from sandbox.runtime.values import (
    NO_CONFIG,
    NO_META,
    Config,
    ReadingMeta,
    decode_config,
    decode_meta,
    decode_reading,
    encode,
)

#: The most bytes that an outcome takes in a frame, without its results and the texts of its failure.
_OUTCOME_BYTES: Final = 200

#: The most bytes of a character in a frame.
_CHARACTER_BYTES: Final = 4

#: The outcome of the readings that follow `EXHAUSTIONS` readings on which the logic did not end.
_NOT_RUN: Final = Outcome(
    "quarantined", failure=Failure(f"its logic did not end on {EXHAUSTIONS} readings in a row before it")
)

#: More frames than `work` has in addition to those of `check` when it computes the tables of a logic. So a
#: recursion that an upload accepts is never too deep for a reading.
_MORE_FRAMES: Final = 16

_decode_state = msgspec.json.Decoder(dict[str, object]).decode


class Runnable(Protocol):
    """A loaded logic; see `Program`. `held_bytes` is the size of its compiled code and its tables."""

    logic: Logic
    held_bytes: int

    @property
    def peaks(self) -> dict[str, int]:
        """The largest values of the last call, by name of the limit; `fuel` has the ticks that it used."""

    def prepare(self) -> None:
        """Compute the tables. Raises `LogicRefused`, MemoryError, or `LimitExceeded` if it takes too long."""

    @property
    def timer_changes(self) -> dict[str, int | None]:
        """The timers that the last call has set, and those that it has cancelled (None)."""

    @property
    def alarm_changes(self) -> dict[str, Raised | None]:
        """The alarms that the last call has raised, and the active ones that it has cleared (None)."""

    def process(
        self,
        data: object,
        state: dict[str, object],
        config: Config,
        *,
        meta: ReadingMeta,
        fuel: int | None,
        clock: Clock | None,
        alarms: Set[str],
    ) -> object:
        """Run the logic on one reading. Raises `LogicError`, `LimitExceeded` or MemoryError."""

    def on_timer(
        self,
        timer: Mapping[str, object],
        state: dict[str, object],
        config: Config,
        *,
        meta: ReadingMeta,
        fuel: int | None,
        clock: Clock | None,
        alarms: Set[str],
    ) -> object:
        """Run the logic for a timer. Raises the same errors."""


Loader = Callable[[Logic, Limits], Runnable]


class Runner:
    """Answers requests. `send` sends a reply; `load` makes a `Runnable` of a logic."""

    def __init__(
        self, limits: Limits, progress: ProgressWriter, send: Callable[[Reply], None], load: Loader
    ) -> None:
        self._limits = limits
        self._words = progress.words
        self._watch = Watch(limits, Runtime.of(limits).meter)
        self._send = send
        self._load = load
        self._loads = dict[int, Load]()
        self._programs = dict[int, Runnable | LogicRefused]()
        self._programs_bytes = 0
        self._outcomes = list[Outcome]()
        self._states = list[bytes]()
        self._seconds = list[float]()
        self._spent = dict[int, float]()
        self._pending = 0
        self._too_slow = breach_of(limits, "soft_seconds").failure
        self._over_budget = Outcome("limit", failure=breach_of(limits, "batch_seconds").failure)

    def start(self) -> None:
        """Start the watch: the last step that needs a system call that the filter forbids."""
        self._watch.start()

    def check(self, request: Check) -> None:
        """Answer a `Check` request."""
        with less_recursion(_MORE_FRAMES):
            checked = examine(request.source, self._limits)
        problems, notes = checked.problems[:PROBLEMS], checked.notes[:PROBLEMS]
        self._send(CheckAnswer(Checked(problems, checked.code, notes)))

    def work(self, request: Work) -> None:
        """Answer a `Work` request with one or more `Part` replies."""
        for place in request.drops:
            self._drop(place)
        for load in request.loads:
            self._loads[load.place] = load
        self._spent.clear()
        self._watch.due = False
        self._words[ProgressWriter.WORKING] = 1
        for task in request.tasks:
            self._task(task)
        self._words[ProgressWriter.WORKING] = 0
        if self._outcomes:
            self._flush()

    def _task(self, task: Task) -> None:
        words, watch, outcomes = self._words, self._watch, self._outcomes
        state, last = task.state, len(task.readings) - 1
        config = NO_CONFIG if task.config == b"{}" else _config(task.config)
        spent, since = self._spent.get(task.place, 0.0), watch.now
        exhaustions = 0  # in a row
        timers, alarms, unsent = dict(task.timers), set(task.alarms), 0
        for number in range(len(task.readings)):
            if timers and _timer_comes_first(task, number, timers):
                self._stop(task, number, state, watch.now - since if unsent else None)
                return
            if spent + watch.now - since >= task.seconds:
                outcome = self._over_budget
            elif exhaustions < EXHAUSTIONS:
                outcome, state = self._timed(task, number, state, config, timers, alarms)
            else:
                outcome = _NOT_RUN
            outcomes.append(outcome)
            unsent += 1
            for name, due in outcome.timers.items():
                if due is None:
                    del timers[name]
                else:
                    timers[name] = due
            for name, raised in outcome.alarms.items():
                if raised is None:
                    alarms.remove(name)
                else:
                    alarms.add(name)
                    self._pending += _CHARACTER_BYTES * len(raised.message) + len(raised.details)
            exhaustions = exhaustions + 1 if outcome.exhausted or outcome is _NOT_RUN else 0
            words[0] += 1
            self._pending += _OUTCOME_BYTES + sum(map(len, outcome.results))
            if failure := outcome.failure:
                self._pending += _CHARACTER_BYTES * (len(failure.message) + len(failure.text))
            if number == last or self._pending > PART_BYTES or watch.due:
                self._states.append(state)
                self._pending += len(state)
                used, since = watch.now - since, watch.now
                self._seconds.append(used)
                self._spent[task.place] = spent = spent + used
                unsent = 0
                if self._pending > PART_BYTES or watch.due:
                    self._flush()

    def _stop(self, task: Task, number: int, state: bytes, seconds: float | None) -> None:
        """Leave out the readings from `number` on. `seconds` are those of outcomes that are not sent yet."""
        if seconds is not None:
            self._states.append(state)
            self._seconds.append(seconds)
            self._spent[task.place] = self._spent.get(task.place, 0.0) + seconds
        left = len(task.readings) - number
        self._words[0] += left
        self._flush(left)

    def _flush(self, waiting: int = 0) -> None:
        self._send(Part(self._outcomes, self._states, self._seconds, waiting))
        self._outcomes.clear()
        self._states.clear()
        self._seconds.clear()
        self._pending = 0
        self._watch.due = False

    def _timed(
        self,
        task: Task,
        number: int,
        state: bytes,
        config: Config | Outcome,
        timers: dict[str, int],
        alarms: Set[str],
    ) -> tuple[Outcome, bytes]:
        """Return the outcome of a reading, which is `limit` past the deadline, and the state after it."""
        watch = self._watch
        try:
            watch.busy = True
            outcome, after = self._reading(task, number, state, config, timers, alarms)
            watch.busy = False
        except Breach as breach:
            watch.busy = False
            outcome, after = Outcome("limit", failure=breach.failure), state
        if watch.passed() and not outcome.exhausted:
            return Outcome("limit", failure=self._too_slow, fuel=outcome.fuel, peaks=outcome.peaks), state
        return outcome, after

    def _reading(
        self,
        task: Task,
        number: int,
        state: bytes,
        config: Config | Outcome,
        timers: dict[str, int],
        alarms: Set[str],
    ) -> tuple[Outcome, bytes]:
        """Return the outcome of one reading of the task, and the state after it."""
        try:
            program = self._programs.get(task.place) or self._loaded(task.place)
        except LimitExceeded as e:
            return Outcome("limit", failure=failure_of(e, "")), state
        if isinstance(program, LogicRefused):
            return Outcome("refused", failure=_refusal(program)), state
        if isinstance(config, Outcome):
            return config, state
        reading = task.readings[number]
        run = reading if isinstance(reading, TimerRun) else None
        try:
            data = None if isinstance(reading, TimerRun) else self._decoded(task, reading)
        except NotJson as e:
            return Outcome("not-json", failure=Failure(str(e))), state
        except InvalidPayload as e:
            return Outcome("invalid-payload", failure=Failure(str(e))), state
        try:
            live = _decode_state(state)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
            return Outcome("error", failure=Failure(f"the machine's state is not a JSON object: {e}")), state
        try:
            if run is not None:
                timer, meta = values_of(run)
                clock = Clock(run.received, timers)
                returned = program.on_timer(
                    timer, live, config, meta=meta, fuel=task.fuel, clock=clock, alarms=alarms
                )
            else:
                meta = decode_meta(task.metas[number]) if task.metas else NO_META
                time = Clock(task.times[number], timers) if task.times else None
                returned = program.process(
                    data, live, config, meta=meta, fuel=task.fuel, clock=time, alarms=alarms
                )
            results, after = self._encoded(returned, live, program)
        except LimitExceeded as e:
            return self._failed("limit", e, program), state
        except LogicError as e:
            return self._failed("error", e, program), state
        peaks = program.peaks
        timer_changes, alarm_changes = program.timer_changes, program.alarm_changes
        outcome = Outcome(
            "ok", results, fuel=peaks["fuel"], peaks=peaks, timers=timer_changes, alarms=alarm_changes
        )
        return outcome, after

    def _encoded(
        self, returned: object, state: dict[str, object], program: Runnable
    ) -> tuple[list[bytes], bytes]:
        """Return the results and the state as JSON. Raises `LogicError`, if possible with the line."""
        try:
            return encode(returned, state, self._limits)
        except LimitExceeded:
            raise
        except LogicError as e:
            e.line = storing_line(program.logic.source, e.message)
            raise

    def _decoded(self, task: Task, body: bytes) -> Any:
        """Return the value of a reading. Raises `NotJson` or `InvalidPayload`."""
        if task.format == "json" and task.compression == "none":
            return decode_reading(body, self._limits)
        return decode_payload(body, task.format, task.compression, self._limits)

    def _loaded(self, place: int) -> Runnable | LogicRefused:
        load, watch = self._loads[place], self._watch
        program: Runnable | LogicRefused
        watch.busy = False  # only the parent may interrupt loading
        try:
            logic = Logic(load.digest, load.source.decode("utf-8", "surrogatepass"), load.code)
            program = self._load(logic, self._limits)
            watch.begin()
            watch.busy = True
            program.prepare()
        except LogicRefused as e:
            program = e
        self._keep(place, program)
        watch.begin()
        watch.busy = True
        return program

    def _keep(self, place: int, program: Runnable | LogicRefused) -> None:
        """Keep a program, and drop all others if they become too large; they are loaded again when needed.

        The parent bounds the programs of the child, but does not know the size of code that the child
        compiles.
        """
        size = self._size(place, program)
        if self._programs_bytes + size > self._limits.programs_bytes:
            self._programs.clear()
            self._programs_bytes = 0
        self._programs[place] = program
        self._programs_bytes += size

    def _drop(self, place: int) -> None:
        if program := self._programs.pop(place, None):
            self._programs_bytes -= self._size(place, program)
        del self._loads[place]

    def _size(self, place: int, program: Runnable | LogicRefused) -> int:
        held = 0 if isinstance(program, LogicRefused) else program.held_bytes
        return len(self._loads[place].source) + held

    def _failed(self, kind: OutcomeKind, error: LogicError, program: Runnable) -> Outcome:
        failure = failure_of(error, program.logic.source)
        peaks = program.peaks
        return Outcome(kind, failure=failure, fuel=peaks["fuel"], peaks=peaks)


def _timer_comes_first(task: Task, number: int, timers: dict[str, int]) -> bool:
    """Return whether a timer is due before this reading. The parent has given out those before a timer."""
    reading = task.readings[number]
    if isinstance(reading, TimerRun) and not reading.again:
        return False
    return bool(task.times) and min(timers.values()) <= task.times[number]


def _config(config: bytes) -> Config | Outcome:
    """Return the logic's `config`, or the outcome of all its readings if the config is not valid."""
    try:
        return decode_config(config)
    except LogicError as e:
        return Outcome("error", failure=Failure(e.message))


def _refusal(refused: LogicRefused) -> Failure:
    first = refused.problems[0]
    return Failure(f"the logic is refused: {first.message}", first.line, first.text)
