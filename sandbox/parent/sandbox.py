"""The handle on one warm child: it checks sources, and runs batches of readings even if the child is lost.

`run` gives every reading an outcome. If a child is lost, is killed or gives a false answer, `run` promises:

- The reading that the child was working on (the child reports it, see `progress.py`) gets an outcome of kind
  "limit", with `killed`. Another child runs every other reading, from the same state as without the loss.
- No reading is blamed yet if the child names none, lied, was killed from outside, or ran out of memory that
  earlier readings may have used: the same readings go to a fresh child. If that child is lost too, the
  readings go in halves, and so on, until a single reading costs a fresh child. (Children may be killed from
  outside by chance, even several times, so a few such losses do not count.)
- So each loss ends with an outcome, or with fewer readings in the next request: the batch always ends.

If an exception interrupts a run (for example from a signal handler), a reply may remain in the socket. That
child is not used again, because another machine could get the results.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import ClassVar, Final, Self

from sandbox.job import Checked, Failure, Job, Problem, Report, TimerRun
from sandbox.limits import Limits
from sandbox.parent.answers import Untrue, believed_verdict
from sandbox.parent.batch import JobBatch, Span
from sandbox.parent.children import Children, sent_source
from sandbox.parent.loss import ChildLost
from sandbox.parent.spawn import BOOT
from sandbox.protocol.frames import (
    BEYOND_READING,
    REQUEST_READINGS,
    Check,
    CheckAnswer,
    Part,
    Task,
    Work,
)

#: After how many children in a row that are killed from outside their readings are suspected as the cause.
_FROM_OUTSIDE: Final = 3

#: How many children may try to check one source.
_CHECKERS: Final = 2


class Sandbox:
    """One warm, confined child process, which is replaced if necessary. For one thread at a time.

    `allow_unconfined` allows a child without confinement if the system cannot provide it: then a logic that
    gets past the interpreter's guards has all the rights of the child's user. Raises `SandboxUnavailable` if
    no child can be started and confined as requested.
    """

    #: The code that the child's interpreter runs.
    _boot: ClassVar[str] = BOOT

    def __init__(self, limits: Limits | None = None, *, allow_unconfined: bool = False) -> None:
        self.limits = limits or Limits()
        self._turn = threading.Lock()
        self._in_step = True
        self._children = Children(self.limits, self._boot, allow_unconfined=allow_unconfined)

    @property
    def restarts(self) -> int:
        """The number of children that were lost or killed so far."""
        return self._children.lost.total()

    @property
    def losses(self) -> Mapping[str, int]:
        """The number of lost children by cause (`process.LOSS_CAUSES`)."""
        return {cause: count for cause, count in self._children.lost.items()}  # noqa: C416

    @property
    def pid(self) -> int:
        """The process id of the serving child."""
        return self._children.serving.process.pid

    @property
    def confinement(self) -> frozenset[str]:
        """The confinement steps that took effect in the child; see `confinement.confine`."""
        return self._children.serving.process.confinement

    def close(self) -> None:
        """End the child. Call no other method afterwards; closing again does nothing."""
        self._children.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def check(self, source: str | bytes) -> Checked:
        """Return the verdict on a source. Raises `SandboxUnavailable`; a source can cause no other error."""
        request = Check(sent_source(source, self.limits))
        with self._exchange():
            self._children.begin_batch()
            lost: ChildLost | None = None
            for _ in range(_CHECKERS):
                child, seconds = self._children.serving, self.limits.check_seconds
                try:
                    deadline = child.process.deadline("check_seconds", seconds, seconds, done=child.readings)
                    child.process.send(request, deadline)
                    reply = child.process.receive(deadline)
                    if not isinstance(reply, CheckAnswer):
                        raise ChildLost("its answer does not match the request", lied=True)
                except ChildLost as e:
                    self._children.replace(str(e), e.cause)
                    lost = e
                else:
                    child.requests += 1
                    return believed_verdict(reply.checked)
            return Checked((_unchecked(lost),))

    def run(self, jobs: Sequence[Job]) -> list[Report]:
        """Run all readings of each job in order, and return a report for each job.

        A report has an outcome for each reading. The jobs are independent of one another: two jobs for the
        same machine would both start from the state in their own `Job`. Raises `SandboxUnavailable` if no
        child can be started any more; then the batch has had no effect.
        """
        batch = JobBatch(jobs, self.limits)
        readings, outside = REQUEST_READINGS, 0
        with self._exchange():
            self._children.begin_batch()
            while spans := batch.next(readings, self._children.serving.held):
                fresh = self._children.serving.fresh
                try:
                    self._work(batch, spans)
                except _Lost as lost:
                    self._children.replace(lost.reason, lost.cause)
                    if lost.at is not None and (fresh or lost.limit != "memory_bytes"):
                        batch.condemn(lost.at, lost.failure(self.limits))
                        continue
                    outside += lost.from_outside
                    if not fresh or (lost.from_outside and outside < _FROM_OUTSIDE):
                        continue
                    if lost.readings > 1:
                        readings = lost.readings // 2
                    else:
                        batch.condemn(0, lost.failure(self.limits))
                else:
                    readings, outside = min(2 * readings, REQUEST_READINGS), 0
        return batch.reports()

    @contextmanager
    def _exchange(self) -> Iterator[None]:
        if not self._turn.acquire(blocking=False):
            raise RuntimeError("a sandbox is for one thread at a time")
        try:
            if self._children.closed:
                raise RuntimeError("the sandbox is closed")
            if not self._in_step:
                self._children.replace("its last exchange was not finished", "interrupted")
            self._in_step = False
            yield
            self._in_step = True
        finally:
            self._turn.release()

    def _work(self, batch: JobBatch, spans: Sequence[Span]) -> None:
        """Send one request and receive its replies. Raises `_Lost`; outcomes accepted before that remain."""
        child, limits, tasks = self._children.serving, self.limits, list[Task]()
        longest, expected, done = limits.reading_bytes + BEYOND_READING, 0, 0
        logics = {(logic := batch.jobs[span.job].job.logic).digest: logic for span in spans}
        drops, loads = child.hold(logics.values())
        given = {digest: (child.place(digest), batch.left(digest)) for digest in logics}
        for job_place, start, stop in spans:
            progress = batch.jobs[job_place]
            job = progress.job
            # Of a reading over the limit, send just enough for it to be refused for its length.
            readings = [
                each if isinstance(each, TimerRun) or len(each) <= longest else each[:longest]
                for each in progress.readings[start:stop]
            ]
            place, left = given[job.logic.digest]
            tasks.append(
                Task(
                    place,
                    progress.state,
                    readings,
                    left,
                    job.config,
                    job.format,
                    job.compression,
                    job.fuel,
                    progress.metas[start:stop],
                    progress.times[start:stop],
                    progress.timers,
                    list(progress.alarms),
                )
            )
            expected += stop - start
        total = batch.seconds(logics, expected)
        deadline = child.process.deadline(
            "hard_seconds", limits.hard_seconds, total, done=child.readings, given=expected
        )
        try:
            child.process.send(Work(drops, loads, tasks), deadline)
            while done < expected:
                reply = child.process.receive(deadline)
                if not isinstance(reply, Part) or not 1 <= _answers(reply) <= expected - done:
                    raise Untrue("its answer does not match the request")
                done += batch.accept(reply)
        except Untrue as e:
            raise _Lost(ChildLost(f"its answer is invalid: {e}", lied=True), None, expected - done) from e
        except ChildLost as e:
            claim = child.process.progress.claim()
            at = claim.done - child.readings - done
            named = claim.working and 0 <= at < expected - done and not (e.lied or e.from_outside)
            raise _Lost(e, at if named else None, expected - done) from e
        child.readings += expected
        child.requests += 1


def _answers(part: Part) -> int:
    """Return the number of readings that a part answers, with those that it leaves out."""
    return len(part.outcomes) + part.waiting


class _Lost(Exception):
    """A child was lost with `readings` unanswered. `at` is the index of its current one, if known."""

    def __init__(self, child: ChildLost, at: int | None, readings: int) -> None:
        self.reason = str(child)
        self.cause = child.cause
        self.limit = child.limit
        self.from_outside = child.from_outside
        self.at = at
        self.readings = readings
        super().__init__(self.reason)

    def failure(self, limits: Limits) -> Failure:
        """Return the failure of the blamed reading."""
        match self.limit:
            case "hard_seconds":
                message = f"the logic did not end within {limits.hard_seconds:g} seconds and was killed"
            case "memory_bytes":
                message = f"the logic used all memory of its process ({limits.memory_bytes:,} bytes)"
            case _:
                message = f"the process that ran the logic was lost: {self.reason}"
        return Failure(message, limit=self.limit, allowed=getattr(limits, self.limit) if self.limit else None)


def _unchecked(lost: ChildLost | None) -> Problem:
    """Return the problem of a source over which children were lost."""
    if lost and lost.limit:
        return Problem(
            1,
            1,
            "",
            "checking the logic takes too much time or memory",
            "Make the logic smaller and simpler.",
        )
    return Problem(1, 1, "", "the logic cannot be checked: the process that checked it crashed")
