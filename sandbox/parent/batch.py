"""The progress of a batch through the sandbox: the outcomes so far, and the readings to run next.

The readings of a batch have one order, job by job. The position of the batch is its first reading without an
outcome. The batch gives out the next few readings, and accepts their outcomes and states, some at a time. If
a child is lost and with it the rest of the answers, nothing must be undone: the batch keeps its position and
the states at that position, and gives out the same readings again.

Timers run between readings. The batch puts the run of a timer before the first reading at whose time it is
due, as soon as it knows of both: when a job begins, and after each outcome that sets a timer. A child that
comes to such a reading leaves it and the rest of its job out, and does the other jobs. So a request may end
with several jobs unfinished. A run has an outcome as a reading has. A timer is set no more when its run is
put in, so each runs once; one that repeats is set to its next time then.

If a child is lost over a reading, the reading is condemned: it gets an outcome when the batch reaches it, and
is not given out again. A logic is stopped, and all its other readings are condemned, if children are lost
over it `KILLS` times, or if it has used up its processor time for this batch (`batch_seconds`). The children
report that time; a reading that costs a child counts the whole hard deadline. So one bad logic delays a batch
by at most its budget and one reading more.
"""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from math import isfinite
from typing import Final, NamedTuple

from sandbox.job import KILLS, REPEATING, Failure, Job, Outcome, Report, TimerRun
from sandbox.limits import Limits
from sandbox.parent.answers import Untrue, believe_alarms, believe_timers, believed, believed_state
from sandbox.parent.children import load_bytes
from sandbox.protocol.frames import BEYOND_READING, REQUEST_BYTES, Part
from sandbox.runtime.meter import breach_of

#: The most bytes that a reading, and a task with its logic, take in a request in addition to their own.
_READING_OVERHEAD: Final = 16
_TASK_OVERHEAD: Final = 256


#: The most runs of timers in a job with exact times, in which a timer can set the next one again and again.
#: Otherwise a job has at most one run of each timer before each reading.
EXACT_RUNS: Final = 1_000


class Span(NamedTuple):
    """Readings `start` to `stop` (exclusive) of the job at index `job`; at least one."""

    job: int
    start: int
    stop: int


class JobProgress:
    """One job on its way: its readings and the runs of its timers, with their outcomes so far."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.state = job.state
        self.readings = [*job.readings]
        self.metas = [*job.metas]
        self.times = [*job.times]
        self.timers = job.timers
        self.alarms = job.alarms
        self.outcomes: list[Outcome] = []
        self.ran: dict[int, TimerRun] = {}
        #: The outcomes of readings over which a child was lost, by their place.
        self.condemned: dict[int, Outcome] = {}
        self._put_in_timer()

    @property
    def is_done(self) -> bool:
        """Whether all its readings have an outcome, and no timer is due."""
        return len(self.outcomes) == len(self.readings)

    def add(
        self, outcomes: Sequence[Outcome], timers: dict[str, int], alarms: frozenset[str] | None = None
    ) -> None:
        """Add the outcomes of the next readings. `timers` and `alarms` are those after them."""
        self.outcomes += outcomes
        self.timers = timers
        self.alarms = self.alarms if alarms is None else alarms
        self._put_in_timer()

    def timers_after(self, outcomes: Sequence[Outcome], limits: Limits) -> dict[str, int]:
        """Return the timers after these outcomes of the next readings. Raises `Untrue`."""
        timers, first = self.timers, len(self.outcomes)
        changed = False
        for place, outcome in enumerate(outcomes, start=first):
            if timers and place > first and self.has_timer_before(place, timers):
                raise Untrue("a reading that was run before a timer")
            if outcome.timers:
                if not changed:
                    timers, changed = dict(timers), True
                believe_timers(timers, outcome.timers, self._time(place), limits)
        return timers

    def alarms_after(self, outcomes: Sequence[Outcome], limits: Limits) -> frozenset[str]:
        """Return the active alarms after these outcomes of the next readings. Raises `Untrue`."""
        if not any(outcome.alarms for outcome in outcomes):
            return self.alarms
        active = set(self.alarms)
        for outcome in outcomes:
            believe_alarms(active, outcome.alarms, limits)
        return frozenset(active)

    def has_timer_before(self, place: int, timers: Mapping[str, int]) -> bool:
        """Return whether one of these timers is due before the reading at this place."""
        return bool(timers) and place < len(self.readings) and min(timers.values()) <= self._time(place)

    def _time(self, place: int) -> int:
        """Return when a reading was received or a timer runs. Raises `Untrue` if it has no time."""
        reading = self.readings[place]
        if isinstance(reading, TimerRun):
            return reading.received
        if not self.times:
            raise Untrue("a timer without a time")
        return self.times[place]

    def _last_due(self, name: str, due: int, limit: int) -> int:
        """Return when a timer was due: one that repeats, and was due several times, at the last of them."""
        repeat = None if self.job.exact else self.job.repeats.get(name)
        return due if repeat is None else repeat.last(due - 1, limit) or due

    def _put_in_timer(self) -> None:
        """Put in the run of the first timer that is due before the next reading, if there is one."""
        if not self.timers:
            return
        place = len(self.outcomes)
        if place == len(self.readings):
            limit = self.job.until
        elif place in self.ran or not self.times:
            return
        else:
            limit = self.times[place]
        if limit is None or (self.job.exact and len(self.ran) == EXACT_RUNS):
            return
        due = [(self._last_due(name, at, limit), name) for name, at in self.timers.items() if at <= limit]
        if not due:
            return
        at, name = min(due)
        run = TimerRun(name.removeprefix(REPEATING), at, at if self.job.exact else limit)
        self.timers = {each: at for each, at in self.timers.items() if each != name}
        if (repeat := self.job.repeats.get(name)) and (again := repeat.next(run.received)) is not None:
            self.timers[name] = again
        self.readings.insert(place, run)
        if self.metas or self.job.metas:
            self.metas.insert(place, b"")
        self.times.insert(place, run.received)
        self.ran = {each if each < place else each + 1: run for each, run in self.ran.items()} | {place: run}
        self.condemned = {each if each < place else each + 1: sad for each, sad in self.condemned.items()}


class JobBatch:
    """Jobs, their outcomes so far, and the position of the first reading without an outcome."""

    def __init__(self, jobs: Sequence[Job], limits: Limits) -> None:
        self.jobs = [JobProgress(job) for job in jobs]
        self._limits = limits
        self._job = 0
        #: The spans that were given out last, and the first reading in them without an answer: the number of
        #: its span, and how many readings of this span have one.
        self._given: Sequence[Span] = ()
        self._answered = (0, 0)
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
        return [Report(each.state, each.outcomes, each.ran, each.timers) for each in self.jobs]

    def next(self, readings: int, held: Container[str]) -> list[Span]:
        """Return the spans to run next: at most `readings` readings, and no more than a request can carry.

        `held` has the digests of the logics that the child holds; a request must carry the others. Condemned
        readings at the position of the batch get their outcome first. The result is empty at the end.
        """
        self._settle()
        spans = list[Span]()
        digests = set[str]()
        room, programs = REQUEST_BYTES, self._limits.programs_bytes
        for place in range(self._job, len(self.jobs)):
            progress = self.jobs[place]
            job = progress.job
            start = stop = len(progress.outcomes)
            if start == len(progress.readings):
                continue
            if job.logic.digest not in digests:
                digests.add(job.logic.digest)
                size = load_bytes(job.logic, self._limits)
                programs -= size
                room -= 0 if job.logic.digest in held else size
            room -= len(progress.state) + len(job.config) + _TASK_OVERHEAD
            if spans and (room <= 0 or programs < 0):
                break
            end = min(len(progress.readings), start + readings)
            while stop < end and not (self._sentenced and self._sentence(place, stop)):
                if room <= 0 and (spans or stop > start):
                    break
                room -= size_of(progress.readings[stop]) + _READING_OVERHEAD
                if progress.metas:
                    room -= len(progress.metas[stop])
                stop += 1
            if stop > start:
                spans.append(Span(place, start, stop))
                readings -= stop - start
            if stop < len(progress.readings) or readings == 0:
                break
        self._given, self._answered = spans, (0, 0)
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
        """Accept the next outcomes and states. Return how many readings they are, with those left out.

        On `Untrue`, none is accepted.
        """
        outcomes = believed(part.outcomes, self._limits)
        taken = list[tuple[JobProgress, list[Outcome], dict[str, int], frozenset[str]]]()
        (number, answered), index = self._answered, 0
        while index < len(outcomes):
            if number == len(self._given):
                raise Untrue("more outcomes than readings")
            span = self._given[number]
            if self._has_new_timer(span, answered):
                raise Untrue("a reading that was run before a timer")
            count = min(span.stop - span.start - answered, len(outcomes) - index)
            progress, some = self.jobs[span.job], outcomes[index : index + count]
            timers = progress.timers_after(some, self._limits)
            taken.append((progress, some, timers, progress.alarms_after(some, self._limits)))
            index += count
            answered += count
            if span.start + answered == span.stop and index < len(outcomes):
                number, answered = number + 1, 0
        if not len(part.states) == len(part.seconds) == len(taken):
            raise Untrue("the number of states differs from the number of machines")
        if not isfinite(sum(part.seconds)) or min(part.seconds, default=0) < 0:
            raise Untrue("a time that is not possible")
        for (progress, _, _, _), state in zip(taken, part.states, strict=True):
            if not believed_state(state, progress.state, self._limits):
                raise Untrue("a state that is not a JSON object within the limits")
        if number < len(self._given) and self._given[number].start + answered == self._given[number].stop:
            number, answered = number + 1, 0
        if part.waiting:
            self._look_at_waiting(
                part.waiting, number, answered, taken[-1][2] if answered and taken else None
            )
            number, answered = number + 1, 0
        self._answered = number, answered
        for (progress, some, timers, alarms), state, seconds in zip(
            taken, part.states, part.seconds, strict=True
        ):
            progress.state = state
            progress.add(some, timers, alarms)
            if seconds:
                self._spend(progress.job.logic.digest, seconds)
        return len(outcomes) + part.waiting

    def _look_at_waiting(
        self, waiting: int, number: int, answered: int, timers: Mapping[str, int] | None
    ) -> None:
        """Raise `Untrue` unless a timer comes before these readings, the rest of a span."""
        if number == len(self._given):
            raise Untrue("readings are left out that were not given")
        span = self._given[number]
        place = span.start + answered
        is_due = self._has_new_timer(span, answered) or (
            timers is not None and self.jobs[span.job].has_timer_before(place, timers)
        )
        if place + waiting != span.stop or not is_due:
            raise Untrue("readings are left out before which no timer is due")

    def _has_new_timer(self, span: Span, answered: int) -> bool:
        """Return whether the run of a timer was put in after the answers so far, when the span was given."""
        return answered > 0 and span.start + answered in self.jobs[span.job].ran

    def condemn(self, ahead: int, failure: Failure) -> None:
        """Condemn the reading `ahead` readings after the last answer, because a child was lost over it."""
        number, answered = self._answered
        for span in self._given[number:]:
            left = span.stop - span.start - answered
            if ahead < left:
                progress = self.jobs[span.job]
                place = span.start + answered + ahead
                progress.condemned[place] = Outcome("limit", failure=failure, killed=True)
                digest = progress.job.logic.digest
                self._kills[digest] += 1
                if self._kills[digest] == KILLS:
                    reason = Failure(f"the logic was killed {KILLS} times in this batch")
                    self._stopped[digest] = Outcome("quarantined", failure=reason)
                self._spend(digest, self._limits.hard_seconds)
                return
            ahead -= left
            answered = 0

    def _settle(self) -> None:
        """Move the position to the first reading that must run."""
        while self._job < len(self.jobs):
            progress = self.jobs[self._job]
            if progress.is_done:
                self._job += 1
            elif self._sentenced and (sentence := self._sentence(self._job, len(progress.outcomes))):
                progress.add([sentence], progress.timers)
            else:
                return

    @property
    def _sentenced(self) -> bool:
        """Whether any reading is condemned."""
        return bool(self._kills or self._stopped or self._unfit)

    def _sentence(self, place: int, index: int) -> Outcome | None:
        """Return the outcome of a condemned reading, or None if the reading may run."""
        progress = self.jobs[place]
        return (
            progress.condemned.get(index)
            or self._stopped.get(progress.job.logic.digest)
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


def size_of(reading: bytes | TimerRun) -> int:
    """Return the bytes of a reading in a request, or about those of a run."""
    return _READING_OVERHEAD * 4 if isinstance(reading, TimerRun) else len(reading)


def _unfit(size: int, limits: Limits) -> Outcome:
    """Return the outcome of all readings of a job whose state and config are too large for a request."""
    message = f"the machine's state and config have {size:,} bytes, too many to run a logic; reset the state"
    return Outcome("limit", failure=Failure(message, limit="state_bytes", allowed=limits.state_bytes))
