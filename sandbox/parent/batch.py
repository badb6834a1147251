"""The progress of a batch through the sandbox: the outcomes so far, and the readings to run next.

The readings of a batch have one order, job by job. The position of the batch is its first reading without an
outcome. The batch gives out the next few readings, and accepts their outcomes and states, some at a time. If
a child is lost and with it the rest of the answers, nothing must be undone: the batch keeps its position and
the states at that position, and gives out the same readings again.

If a child is lost over a reading, the reading is condemned: it gets an outcome when the batch reaches it, and
is not given out again. If children are lost over a logic `KILLS` times, all its readings are condemned, so
one bad logic delays a batch by at most three deadlines.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from sandbox.job import KILLS, Failure, Job, Outcome, Report
from sandbox.limits import Limits
from sandbox.parent.answers import Untrue, believed, believed_state
from sandbox.protocol.frames import REQUEST_BYTES, Part

#: Bytes that a reading or a task takes in a request, in addition to its own.
_OVERHEAD: Final = 16


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
        self._kills = Counter[str]()

    def reports(self) -> list[Report]:
        """Return a report for each job. Call it when `next` has returned nothing."""
        return [Report(state, outcomes) for state, outcomes in zip(self.states, self._outcomes, strict=True)]

    def next(self, readings: int) -> list[Span]:
        """Return the spans to run next: at most `readings` readings, and no more logics than a child holds.

        Condemned readings at the position of the batch get their outcome first. The result is empty at the
        end.
        """
        self._settle()
        spans = list[Span]()
        digests = set[str]()
        room = REQUEST_BYTES
        for place in range(self._job, len(self.jobs)):
            job = self.jobs[place]
            start = stop = len(self._outcomes[place])
            end = min(len(job.readings), start + readings)
            while stop < end and room > 0 and not (self._kills and self._sentence(place, stop)):
                room -= len(job.readings[stop]) + _OVERHEAD
                stop += 1
            if stop > start:
                digests.add(job.logic.digest)
                if len(digests) > self._limits.programs_per_child:
                    break
                spans.append(Span(place, start, stop))
                readings -= stop - start
                room -= len(job.state) + len(job.config)
            if stop < len(job.readings) or readings == 0:
                break
        return spans

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
        if len(part.states) != len(taken):
            raise Untrue("the number of states differs from the number of machines")
        for (place, _), state in zip(taken, part.states, strict=True):
            if not believed_state(state, self.states[place], self._limits):
                raise Untrue("a state that is not a JSON object within the limits")
        index = 0
        for (place, count), state in zip(taken, part.states, strict=True):
            self._outcomes[place] += outcomes[index : index + count]
            self.states[place] = state
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
                self._kills[self.jobs[place].logic.digest] += 1
                return
            ahead -= left

    def _settle(self) -> None:
        """Move the position to the first reading that must run."""
        while self._job < len(self.jobs):
            outcomes = self._outcomes[self._job]
            if len(outcomes) == len(self.jobs[self._job].readings):
                self._job += 1
            elif sentence := self._sentence(self._job, len(outcomes)):
                outcomes.append(sentence)
            else:
                return

    def _sentence(self, place: int, index: int) -> Outcome | None:
        """Return the outcome of a condemned reading, or None if the reading may run."""
        if not self._kills:
            return None
        if found := self._condemned.get((place, index)):
            return found
        if self._kills[self.jobs[place].logic.digest] < KILLS:
            return None
        return Outcome("quarantined", failure=Failure(f"the logic was killed {KILLS} times in this batch"))
