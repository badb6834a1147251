"""The progress of a batch through the sandbox: the outcomes so far, and the readings to run next.

The readings of a batch have one order, job by job. The position of the batch is its first reading without an
outcome. The batch gives out the next few readings, and accepts their outcomes and states, some at a time. If
a child is lost and with it the rest of the answers, nothing must be undone: the batch keeps its position and
the states at that position, and gives out the same readings again.

If a child is lost over a reading, the reading is condemned: it gets an outcome when the batch reaches it, and
is not given out again. A logic is stopped, and all its other readings are condemned, if children are lost
over it `KILLS` times, or if it has used up its processor time for this batch (`batch_seconds`). The children
report that time; a reading that costs a child counts the whole hard deadline. So one bad logic delays a batch
by at most its budget and one reading more.
"""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Sequence
from math import isfinite
from typing import Final, NamedTuple

from sandbox.job import KILLS, Failure, Job, Outcome, Report
from sandbox.limits import Limits
from sandbox.parent.answers import Untrue, believed, believed_state
from sandbox.parent.children import load_bytes
from sandbox.protocol.frames import BEYOND_READING, REQUEST_BYTES, Part
from sandbox.runtime.meter import breach_of

#: The most bytes that a reading, and a task with its logic, take in a request in addition to their own.
_READING_OVERHEAD: Final = 16
_TASK_OVERHEAD: Final = 256


class Span(NamedTuple):
    """Readings `start` to `stop` (exclusive) of the job at index `job`; at least one."""

    job: int
    start: int
    stop: int


class JobBatch:
    """Jobs, their outcomes so far, and the position of the first reading without an outcome."""

    def __init__(self, jobs: Sequence[Job], limits: Limits) -> None:
        self.jobs = jobs
        self.states = [job.state for job in jobs]
        self._limits = limits
        self._outcomes: list[list[Outcome]] = [[] for _ in jobs]
        self._job = 0
        self._condemned = dict[tuple[int, int], Outcome]()
        self._stopped = dict[str, Outcome]()
        most = limits.state_bytes + limits.config_bytes + BEYOND_READING
        self._unfit = {
            place: _unfit(size, limits)
            for place, job in enumerate(jobs)
            if (size := len(job.state) + len(job.config)) > most
        }
        self._kills = Counter[str]()
        self._spent = defaultdict[str, float](float)

    def reports(self) -> list[Report]:
        """Return a report for each job. Call it when `next` has returned nothing."""
        return [Report(state, outcomes) for state, outcomes in zip(self.states, self._outcomes, strict=True)]

    def next(self, readings: int, held: Container[str]) -> list[Span]:
        """Return the spans to run next: at most `readings` readings, and no more than a request can carry.

        `held` has the digests of the logics that the child holds; a request must carry the others. Condemned
        readings at the position of the batch get their outcome first. The result is empty at the end.
        """
        self._settle()
        spans = list[Span]()
        digests = set[str]()
        room, programs = REQUEST_BYTES, self._limits.programs_bytes
        sentenced = self._sentenced
        for place in range(self._job, len(self.jobs)):
            job = self.jobs[place]
            start = stop = len(self._outcomes[place])
            if start == len(job.readings):
                continue
            if job.logic.digest not in digests:
                digests.add(job.logic.digest)
                size = load_bytes(job.logic, self._limits)
                programs -= size
                room -= 0 if job.logic.digest in held else size
            room -= len(self.states[place]) + len(job.config) + _TASK_OVERHEAD
            if spans and (room <= 0 or programs < 0):
                break
            end = min(len(job.readings), start + readings)
            while stop < end and not (sentenced and self._sentence(place, stop)):
                if room <= 0 and (spans or stop > start):
                    break
                room -= len(job.readings[stop]) + _READING_OVERHEAD
                if job.metas:
                    room -= len(job.metas[stop])
                stop += 1
            if stop > start:
                spans.append(Span(place, start, stop))
                readings -= stop - start
            if stop < len(job.readings) or readings == 0:
                break
        return spans

    def seconds(self, digests: Iterable[str], readings: int) -> float:
        """Return the processor time that a child may take for so many readings of these logics.

        Each logic has the rest of its budget, and may exceed it by one reading; but no reading has more than
        the hard deadline. The child has as much again for everything else.
        """
        hard = self._limits.hard_seconds
        budgets = sum(self.left(digest) + hard for digest in digests)
        return min(budgets, hard * readings) + hard

    def accept(self, part: Part) -> int:
        """Accept the next outcomes and states, and return how many. On `Untrue`, none is accepted."""
        outcomes = believed(part.outcomes, self._limits)
        taken, place, index = list[tuple[int, int]](), self._job, 0
        while index < len(outcomes):
            if place == len(self.jobs):
                raise Untrue("more outcomes than readings")
            count = min(len(self.jobs[place].readings) - len(self._outcomes[place]), len(outcomes) - index)
            if count:
                taken.append((place, count))
                index += count
            place += 1
        if not len(part.states) == len(part.seconds) == len(taken):
            raise Untrue("the number of states differs from the number of machines")
        if not isfinite(sum(part.seconds)) or min(part.seconds, default=0) < 0:
            raise Untrue("a time that is not possible")
        for (place, _), state in zip(taken, part.states, strict=True):
            if not believed_state(state, self.states[place], self._limits):
                raise Untrue("a state that is not a JSON object within the limits")
        index = 0
        for (place, count), state, seconds in zip(taken, part.states, part.seconds, strict=True):
            self._outcomes[place] += outcomes[index : index + count]
            self.states[place] = state
            if seconds:
                self._spend(self.jobs[place].logic.digest, seconds)
            self._job = place
            index += count
        return len(outcomes)

    def condemn(self, ahead: int, failure: Failure) -> None:
        """Condemn the reading `ahead` readings after the position, because a child was lost over it."""
        for place in range(self._job, len(self.jobs)):
            left = len(self.jobs[place].readings) - len(self._outcomes[place])
            if ahead < left:
                at = (place, len(self._outcomes[place]) + ahead)
                self._condemned[at] = Outcome("limit", failure=failure, killed=True)
                digest = self.jobs[place].logic.digest
                self._kills[digest] += 1
                if self._kills[digest] == KILLS:
                    reason = Failure(f"the logic was killed {KILLS} times in this batch")
                    self._stopped[digest] = Outcome("quarantined", failure=reason)
                self._spend(digest, self._limits.hard_seconds)
                return
            ahead -= left

    def _settle(self) -> None:
        """Move the position to the first reading that must run."""
        while self._job < len(self.jobs):
            outcomes = self._outcomes[self._job]
            if len(outcomes) == len(self.jobs[self._job].readings):
                self._job += 1
            elif self._sentenced and (sentence := self._sentence(self._job, len(outcomes))):
                outcomes.append(sentence)
            else:
                return

    @property
    def _sentenced(self) -> bool:
        """Whether any reading is condemned."""
        return bool(self._condemned or self._stopped or self._unfit)

    def _sentence(self, place: int, index: int) -> Outcome | None:
        """Return the outcome of a condemned reading, or None if the reading may run."""
        return (
            self._condemned.get((place, index))
            or self._stopped.get(self.jobs[place].logic.digest)
            or self._unfit.get(place)
        )

    def left(self, digest: str) -> float:
        """Return the seconds of processor time that a logic has left for this batch."""
        return self._limits.batch_seconds - self._spent[digest]

    def _spend(self, digest: str, seconds: float) -> None:
        """Count processor time of a logic, and stop the logic if it has none left."""
        self._spent[digest] += seconds
        if self.left(digest) <= 0:
            failure = breach_of(self._limits, "batch_seconds").failure
            self._stopped.setdefault(digest, Outcome("limit", failure=failure))


def _unfit(size: int, limits: Limits) -> Outcome:
    """Return the outcome of all readings of a job whose state and config are too large for a request."""
    message = f"the machine's state and config have {size:,} bytes, too many to run a logic; reset the state"
    return Outcome("limit", failure=Failure(message, limit="state_bytes", allowed=limits.state_bytes))
