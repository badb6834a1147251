"""The counts of a machine. They are part of its record and change in the same write, so they are as exact.

A reading is counted once, when it is run. A reading that goes through the overflow is counted when it is run,
not when it is moved. A dead letter that is sent again is a new reading with its own number. So it is counted
again in `readings`, and also in `resent`: `readings` minus `resent` is the number of readings that the
machine has sent.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

from msgspec import Struct

from pipeline.clock import milliseconds_now
from pipeline.model.deployment import Active
from sandbox.job import Failure, Outcome, OutcomeKind


class Happened(NamedTuple):
    """A reading, or the run of a timer if it has a `timer_run`, the number of the run; and its outcome.

    `number` is the number of the reading, or of the last one before the timer.
    """

    number: int
    timer_run: int | None
    outcome: Outcome


class LastError(Struct, frozen=True, array_like=True):
    """Why a reading failed.

    `number` is the running number of the reading, and `time` is when it was processed (milliseconds since
    1970). `message`, `line`, `text` and `limit` are those of `Failure`. `logicversion` is the version of the
    logic (None if there was none), and `logicprofile` its profile (None if the version is the machine's own).
    If a timer failed, `timer_run` is the number of its run, and `number` that of the reading before it.
    """

    number: int
    kind: OutcomeKind
    time: int
    message: str
    line: int | None = None
    text: str = ""
    limit: str | None = None
    logicversion: int | None = None
    logicprofile: str | None = None
    timer_run: int | None = None


class Counters(Struct, frozen=True, array_like=True):
    """The counts of one machine since its first reading.

    `readings` counts the readings from the machine and the `resent` ones. Each has led to any number of
    `results`, or to one dead letter. `limits` counts the dead letters of kind `limit` by the exceeded limit.
    `seen` is when a worker last processed a reading from the machine (milliseconds since 1970; 0 before the
    first). `duplicates` counts the readings that were recognised as sent again by the machine, and not run.
    `late` counts the readings that were late by the machine's settings, whether they were run or not.
    `timers` counts the timers that ran. Their results and dead letters count as those of readings.
    """

    readings: int = 0
    resent: int = 0
    results: int = 0
    dead_letters: dict[str, int] = {}
    limits: dict[str, int] = {}
    seen: int = 0
    last_error: LastError | None = None
    duplicates: int = 0
    late: int = 0
    timers: int = 0

    def after(
        self,
        happened: Sequence[Happened],
        *,
        from_machine: bool,
        resent: int = 0,
        duplicates: int = 0,
        late: int = 0,
        active: Active | None = None,
    ) -> Self:
        """Return the counts after these readings and runs of timers.

        `from_machine` says whether any reading that was run or moved came from the machine itself. `resent`
        is the number of readings that were dead letters, `duplicates` that of readings not run, and
        `late` that of late ones.
        """
        now = milliseconds_now()
        results, dead_letters, limits = self.results, self.dead_letters, self.limits
        last_error = self.last_error
        timers = 0
        for number, timer_run, outcome in happened:
            timers += timer_run is not None
            if outcome.kind == "ok":
                results += len(outcome.results)
                continue
            failure = outcome.failure or Failure("")
            dead_letters = _one_more(dead_letters, outcome.kind)
            if failure.limit is not None:
                limits = _one_more(limits, failure.limit)
            last_error = LastError(
                number,
                outcome.kind,
                now,
                failure.message,
                failure.line,
                failure.text,
                failure.limit,
                active.version if active else None,
                active.profile if active else None,
                timer_run,
            )
        return type(self)(
            self.readings + len(happened) - timers,
            self.resent + resent,
            results,
            dead_letters,
            limits,
            now if from_machine else self.seen,
            last_error,
            self.duplicates + duplicates,
            self.late + late,
            self.timers + timers,
        )


def _one_more(counts: dict[str, int], name: str) -> dict[str, int]:
    return {**counts, name: counts.get(name, 0) + 1}
