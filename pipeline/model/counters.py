"""What is counted of a machine. It lies in its record and changes in the same write, so it is as exact.

A reading is counted when it is run, once: also one that went through the overflow, which is not counted when
it is moved. A dead letter that is sent again comes as a reading anew, with a number of its own. So it is
counted once more, and in `resent` besides: without those, `readings` is what the machine has sent.
"""

import time
from collections.abc import Sequence
from typing import Self

from msgspec import Struct

from pipeline.model.deployment import Active
from sandbox.job import Failure, Outcome, OutcomeKind


class LastError(Struct, frozen=True, array_like=True):
    """Why a reading failed: its running number, when it was processed (milliseconds since 1970), and as in
    `Failure` what was wrong on which line of which version (None without a logic) of which profile (None: of
    the machine's own)."""

    number: int
    kind: OutcomeKind
    time: int
    message: str
    line: int | None = None
    text: str = ""
    limit: str | None = None
    logicversion: int | None = None
    logicprofile: str | None = None


class Counters(Struct, frozen=True, array_like=True):
    """The counts of one machine since its first reading.

    `readings` is `resent` and those that came from the machine; each has led to any number of `results`, or
    to one dead letter. `limits` counts those of kind `limit` by the limit that was exceeded. `seen` is when
    a reading from the machine was last taken up (milliseconds since 1970; 0 before the first).
    """

    readings: int = 0
    resent: int = 0
    results: int = 0
    dead_letters: dict[str, int] = {}
    limits: dict[str, int] = {}
    seen: int = 0
    last_error: LastError | None = None

    def after(
        self,
        first: int,
        outcomes: Sequence[Outcome],
        *,
        came: bool,
        resent: int = 0,
        active: Active | None = None,
    ) -> Self:
        """The tally after these outcomes of readings, which have the numbers from `first` on.

        `came`: some of them, or of those that were moved, came from the machine; `resent` of them were dead
        letters.
        """
        now = time.time_ns() // 1_000_000
        results, dead_letters, limits = self.results, self.dead_letters, self.limits
        last_error = self.last_error
        for number, outcome in enumerate(outcomes, start=first):
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
            )
        return type(self)(
            self.readings + len(outcomes),
            self.resent + resent,
            results,
            dead_letters,
            limits,
            now if came else self.seen,
            last_error,
        )


def _one_more(counts: dict[str, int], name: str) -> dict[str, int]:
    return {**counts, name: counts.get(name, 0) + 1}
