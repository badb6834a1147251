"""A batch on its way through the sandbox: what has come out of it, and what is to be run next.

The readings of a batch have one order, job by job. The batch stands at the first of them that has no
outcome yet; it gives out the next few as tasks, and takes in their outcomes and states, some at a time. If
the rest of them is lost with a child, nothing is to be undone: the batch stands where it stood, with the
states of then, and gives the same readings out again.

A reading that a child was lost over is condemned: it gets an outcome when the batch comes to it, and is not
given out again. A logic that children were lost over `KILLS` times has all its readings condemned, so that
one bad logic holds a batch up for three deadlines and no longer.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from sandbox.job import KILLS, Failure, Job, Outcome, Report
from sandbox.limits import Limits
from sandbox.parent.answers import Untrue, believed, believed_state
from sandbox.protocol.frames import REQUEST_BYTES, Part

#: Bytes that a reading, or a task, takes in a request beside its own.
_OVERHEAD: Final = 16


class Span(NamedTuple):
    """Readings `start` to `stop` (exclusive) of the job in place `job`; at least one."""

    job: int
    start: int
    stop: int


class JobBatch:
    """Jobs, the outcomes so far, and the place up to which there are any."""

    def __init__(self, jobs: Sequence[Job], limits: Limits) -> None:
        self.jobs = jobs
        self.states = [job.state for job in jobs]
        self._limits = limits
        self._outcomes: list[list[Outcome]] = [[] for _ in jobs]
        self._job = 0
        self._condemned = dict[tuple[int, int], Outcome]()
        self._kills = Counter[str]()

    def reports(self) -> list[Report]:
        """What became of each job, once `next` has given nothing."""
        return [Report(state, outcomes) for state, outcomes in zip(self.states, self._outcomes, strict=True)]

    def next(self, readings: int) -> list[Span]:
        """What is to be run next: at most so many readings, and no more logics than a child holds.

        Condemned readings that the batch stands at get their outcome first. Empty at the end.
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
        """Take in the next outcomes and states; says how many. Raises `Untrue`, and then has taken none."""
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
        """A child was lost over the reading that is so many ahead of where the batch stands."""
        for place in range(self._job, len(self.jobs)):
            left = len(self.jobs[place].readings) - len(self._outcomes[place])
            if ahead < left:
                at = (place, len(self._outcomes[place]) + ahead)
                self._condemned[at] = Outcome("limit", failure=failure, killed=True)
                self._kills[self.jobs[place].logic.digest] += 1
                return
            ahead -= left

    def _settle(self) -> None:
        """Move on to the first reading that is to be run."""
        while self._job < len(self.jobs):
            outcomes = self._outcomes[self._job]
            if len(outcomes) == len(self.jobs[self._job].readings):
                self._job += 1
            elif sentence := self._sentence(self._job, len(outcomes)):
                outcomes.append(sentence)
            else:
                return

    def _sentence(self, place: int, index: int) -> Outcome | None:
        """The outcome of a reading that is not to be run."""
        if not self._kills:
            return None
        if found := self._condemned.get((place, index)):
            return found
        if self._kills[self.jobs[place].logic.digest] < KILLS:
            return None
        return Outcome("quarantined", failure=Failure(f"the logic was killed {KILLS} times in this batch"))
