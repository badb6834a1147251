"""The handle on one warm child: checks sources, and runs batches of readings whatever becomes of the child.

`run` answers every reading. What it promises when a child is lost, killed or disbelieved:

- The reading that the child was at (it says so itself, see `progress.py`) gets an outcome of kind "limit",
  `killed`; every other reading is run, by another child, from the state it would have had.
- Where the child names none, lied, was killed from outside, or ran out of memory with what it had kept
  from before, nobody is blamed yet: the same readings go to a fresh child. If that is lost too (to be killed
  from outside may happen by chance, and more than once), they go in halves, and so on, until a single
  reading is seen to take a fresh child with it.
- Each loss so ends with an outcome or with fewer readings in the next request: it comes to an end.

A run that is left by an exception (from a signal handler, say) may leave a reply behind in the socket. That
child is not used again, lest another machine get the results.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import ClassVar, Final, Self

from sandbox.job import Checked, Failure, Job, Problem, Report
from sandbox.limits import Limits
from sandbox.parent.answers import Untrue, believed_verdict
from sandbox.parent.batch import JobBatch, Span
from sandbox.parent.children import Children, sent_source
from sandbox.parent.process import ChildLost
from sandbox.parent.spawn import BOOT
from sandbox.protocol.frames import Check, CheckAnswer, Load, Part, Task, Work

#: The most readings in one request.
_READINGS: Final = 10_000

#: Bytes of a reading over its limit that are sent on.
_BEYOND: Final = 4 << 20

#: How many children in a row may be killed from outside until what they worked on is held to be the cause.
_FROM_OUTSIDE: Final = 3

#: How many children a source is given to.
_CHECKERS: Final = 2


class Sandbox:
    """One warm, confined child process, replaced where need be. For one thread at a time.

    `allow_unconfined` gives up the confinement where the system cannot provide it: then a logic that gets
    past the interpreter's guards can do whatever the child's user can. Raises `SandboxUnavailable` where no
    child can be started and confined as asked.
    """

    #: What the child's interpreter runs.
    _boot: ClassVar[str] = BOOT

    def __init__(self, limits: Limits | None = None, *, allow_unconfined: bool = False) -> None:
        self.limits = limits or Limits()
        self._turn = threading.Lock()
        self._in_step = True
        self._children = Children(self.limits, self._boot, allow_unconfined=allow_unconfined)

    @property
    def restarts(self) -> int:
        """How many children were lost or killed so far."""
        return self._children.lost.total()

    @property
    def losses(self) -> Mapping[str, int]:
        """The same by cause (`process.LOSS_CAUSES`)."""
        return {cause: count for cause, count in self._children.lost.items()}  # noqa: C416

    @property
    def pid(self) -> int:
        """The process id of the child that serves."""
        return self._children.serving.process.pid

    @property
    def confinement(self) -> frozenset[str]:
        """What the child is confined by; see `confinement.confine`."""
        return self._children.serving.process.confinement

    def close(self) -> None:
        """End the child. Nothing else may be called after; closing again does nothing."""
        self._children.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def check(self, source: str | bytes) -> Checked:
        """The verdict on a source. Raises `SandboxUnavailable`, never anything else for whatever source."""
        request = Check(sent_source(source, self.limits))
        with self._exchange():
            self._children.begin_batch()
            lost: ChildLost | None = None
            for _ in range(_CHECKERS):
                child = self._children.serving
                try:
                    child.process.send(request)
                    reply = child.process.receive(self.limits.check_seconds, "check_seconds")
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
        """Run all readings of each job in order; a report for each job, with an outcome for each reading.

        The jobs are independent of one another: two of them for the same machine would both start from the
        state they were given. Raises `SandboxUnavailable` where children cannot be started any more; then
        nothing of this batch has happened.
        """
        batch = JobBatch(jobs, self.limits)
        readings, outside = _READINGS, 0
        with self._exchange():
            self._children.begin_batch()
            while spans := batch.next(readings):
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
                    readings, outside = min(2 * readings, _READINGS), 0
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
        """One request and its replies. Raises `_Lost`; what was accepted until then stays so."""
        child, loads, tasks = self._children.serving, list[Load](), list[Task]()
        limits, longest, expected, done = self.limits, self.limits.reading_bytes + _BEYOND, 0, 0
        for job_place, start, stop in spans:
            job = batch.jobs[job_place]
            # Of what is over the limit, enough is sent for it to be refused for its length.
            bodies = [body if len(body) <= longest else body[:longest] for body in job.readings[start:stop]]
            place = child.place(job.logic, loads, limits)
            tasks.append(Task(place, batch.states[job_place], bodies, job.config))
            expected += stop - start
        try:
            child.process.send(Work(loads, tasks))
            while done < expected:
                reply = child.process.receive(limits.hard_seconds, "hard_seconds")
                if not isinstance(reply, Part) or not 1 <= len(reply.outcomes) <= expected - done:
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


class _Lost(Exception):
    """A child was lost with `readings` unanswered; `at` says which of them it was at, if that is known."""

    def __init__(self, child: ChildLost, at: int | None, readings: int) -> None:
        self.reason = str(child)
        self.cause = child.cause
        self.limit = child.limit
        self.from_outside = child.from_outside
        self.at = at
        self.readings = readings
        super().__init__(self.reason)

    def failure(self, limits: Limits) -> Failure:
        """Why the reading that is blamed failed."""
        match self.limit:
            case "hard_seconds":
                message = f"the logic did not end within {limits.hard_seconds:g} seconds and was killed"
            case "memory_bytes":
                message = f"the logic used all memory of its process ({limits.memory_bytes:,} bytes)"
            case _:
                message = f"the process that ran the logic was lost: {self.reason}"
        return Failure(message, limit=self.limit, allowed=getattr(limits, self.limit) if self.limit else None)


def _unchecked(lost: ChildLost | None) -> Problem:
    """What is said of a source that took children with it."""
    if lost and lost.limit:
        return Problem(
            1,
            1,
            "",
            "checking the logic takes too much time or memory",
            "Make the logic smaller and simpler.",
        )
    return Problem(1, 1, "", "the logic cannot be checked: the process that checked it crashed")
