"""What happens to a batch, from its readings to the broker's confirms. The order of the steps is the promise:

1. read     the records and the setup of the batch's machines, in one round trip
2. split    off what is applied already (`pipeline.model.record` says how it is known), what is to be moved to
   the
            overflow because its machine floods (`pipeline.worker.flood`), and what was sent again from a dead
            letter that is used up, which is skipped (`pipeline.store.dead_letters`)
3. run      the rest in the sandbox, each machine's readings in order
4. write    state, marks, the last readings and what is still to publish, in one round trip, and use up the
            dead letters of what was sent again; a machine whose record or letters changed meanwhile goes
            through 1 to 4 again
5. publish  results and dead letters, and by itself, what is moved
6. when the broker has confirmed them, the consumer acknowledges the readings (`pipeline.worker.consumer`)

A crash before 4 leaves nothing behind; one after it is repaired from the record. A fault of Redis is waited
out in place: handing the batch back would only bring it here again.
"""

import logging
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Final, TypeVar

from pipeline.broker.dead_letter import stray_message
from pipeline.broker.publisher import Message, Publisher
from pipeline.clock import now
from pipeline.errors import SessionLost
from pipeline.store.client import RedisError
from pipeline.store.records import Records
from pipeline.store.sessions import Sessions
from pipeline.store.sources import Sources
from pipeline.telemetry import tracing
from pipeline.worker.announcer import Announcer
from pipeline.worker.batch import Batch, MachineReadings
from pipeline.worker.index_writer import IndexWriter
from pipeline.worker.metrics import WorkerMetrics
from pipeline.worker.transaction import Transaction
from sandbox.job import Report
from sandbox.parent.sandbox import Sandbox

_logger = logging.getLogger(__name__)

_T = TypeVar("_T")

#: Seconds to wait before trying again while Redis cannot be used: at first, and at the most.
_FIRST_WAIT: Final = 0.05
_LONGEST_WAIT: Final = 2.0


class Processor:
    """Takes batches through the steps. One for each worker thread, because its sandbox is."""

    def __init__(
        self,
        records: Records,
        sessions: Sessions,
        sources: Sources,
        publisher: Publisher,
        sandbox: Sandbox,
        stopping: Event,
        attendance: IndexWriter,
        metrics: WorkerMetrics,
        announcer: Announcer | None = None,
    ) -> None:
        self._records = records
        self._sessions = sessions
        self._sources = sources
        self._publisher = publisher
        self._sandbox = sandbox
        self._stopping = stopping
        self._attendance = attendance
        self._metrics = metrics
        self._announcer = announcer

    def process(self, batch: Batch) -> None:
        """Do steps 1 to 5, after which `batch.published` tells when the readings may be acknowledged.

        Raises `SessionLost` if another session has taken a partition of the batch, or the worker must stop
        while Redis cannot be used; nothing of the batch is lost then.
        """
        with self._metrics.batch(batch):
            strays = [each for share in batch.shares for each in share.readings if each.machine is None]
            messages = [stray_message(reading) for reading in strays]
            self._metrics.count_kind("machine-id", len(strays))
            lines = [line for share in batch.shares for line in share.lines()]
            turns = list[Transaction]()
            while lines:
                done, lines = self._insist(batch, partial(self._apply, lines))
                turns += done
            for turn in turns:
                messages += turn.messages()
            self._move(batch, turns)
            batch.published = self._publisher.publish(messages)

    def _move(self, batch: Batch, turns: list[Transaction]) -> None:
        """Publish what goes to the overflows: one that is full holds up its own partition alone."""
        moves = dict[str, list[Message]]()
        for turn in turns:
            if messages := turn.moves():
                moves.setdefault(turn.line.session.queue, []).extend(messages)
        for share in batch.shares:
            if share.session.queue in moves:
                share.moved = self._publisher.publish(moves[share.session.queue], in_line=True)

    def _apply(self, lines: list[MachineReadings]) -> tuple[list[Transaction], list[MachineReadings]]:
        """Steps 1 to 4 for these lines: the turns that are written, and which lines are to be done again."""
        turns, again = self._read(lines)
        self._split(turns)
        self._run(turns)
        changed = self._write(turns)
        done = [turn for turn in turns if turn.machine not in changed]
        self._note(done)
        again += [turn.line for turn in turns if turn.machine in changed]
        return done, again

    def _read(self, lines: list[MachineReadings]) -> tuple[list[Transaction], list[MachineReadings]]:
        """Step 1, for one line of each machine. Returns the other lines as well.

        A machine has its readings in one partition. If somebody bound it to two, one waits for the other.
        """
        first = dict[str, MachineReadings]()
        later = [line for line in lines if first.setdefault(line.machine, line) is not line]
        stored = self._records.read(list(first))
        return [Transaction(line, stored[machine_id]) for machine_id, line in first.items()], later

    def _split(self, turns: list[Transaction]) -> None:
        """Step 2. The marks of what an earlier session is known to have settled are forgotten first."""
        taken_over = [turn for turn in turns if turn.earlier_session]
        settled = self._sessions.settled({turn.stored.record.session for turn in taken_over})
        for turn in taken_over:
            turn.forget(settled[turn.stored.record.session])
        for turn in turns:
            turn.split()
        admissions = self._records.letters.admit({turn.machine: turn.run for turn in turns})
        for turn in turns:
            if admission := admissions.get(turn.machine):
                turn.admit(admission)

    def _run(self, turns: list[Transaction]) -> None:
        """Step 3, for the machines that have a logic to run; and with it, the records to be written."""
        logics = self._sources.load({turn.digest for turn in turns if turn.digest})
        jobs = {turn.machine: turn.job(logic) for turn in turns if (logic := logics.get(turn.digest or ""))}
        reports = dict[str, Report]()
        if jobs:
            with self._metrics.sandbox_seconds.time(), tracing.run(machines=len(jobs)):
                reports = dict(zip(jobs, self._sandbox.run(list(jobs.values())), strict=True))
        time = now()
        for turn in turns:
            turn.advance(reports.get(turn.machine), time, self._records.recent)

    def _write(self, turns: list[Transaction]) -> set[str]:
        """Step 4. Returns the machines that must be done again. Raises `SessionLost`."""
        updates = {turn.machine: update for turn in turns if (update := turn.update)}
        changed = self._records.write(updates)
        self._metrics.conflicts.inc(len(changed))
        return changed

    def _note(self, turns: list[Transaction]) -> None:
        """Count what became of these readings, now that it is written, and tell those who follow it."""
        self._metrics.count([outcome for turn in turns for outcome in turn.outcomes])
        self._metrics.count_set_aside("moved", sum(len(turn.moved) for turn in turns))
        self._metrics.count_set_aside("repeated", sum(turn.repeated for turn in turns))
        self._metrics.count_set_aside("skipped", sum(len(turn.skipped) for turn in turns))
        for turn in turns:
            for reading in turn.moved:
                reading.move = True
        if _logger.isEnabledFor(logging.DEBUG):
            _log_dead_letters(turns)
        if self._announcer is not None:
            self._announcer.offer({turn.machine: (turn.recents, len(turn.run)) for turn in turns if turn.run})
        self._attendance.note(turns)

    def _insist(self, batch: Batch, step: Callable[[], _T]) -> _T:
        """Do a step, again and again while Redis cannot be used."""
        wait = _FIRST_WAIT
        while True:
            try:
                return step()
            except RedisError as e:
                _logger.warning("%r waits for Redis: %s", batch, e)
                self._metrics.redis_faults.inc()
            if batch.lost():
                raise SessionLost(f"{batch!r} went back to RabbitMQ while it waited")
            if self._stopping.wait(wait):
                raise SessionLost(f"{batch!r} goes back to RabbitMQ: the worker stops")
            wait = min(2 * wait, _LONGEST_WAIT)


def _log_dead_letters(turns: list[Transaction]) -> None:
    for turn in turns:
        for each in turn.after.outgoing if turn.after else ():
            if each.cause is not None:
                _logger.debug(
                    "the reading failed (%s): %s",
                    each.cause.kind,
                    each.cause.message,
                    extra={"reading": f"{turn.machine}/{each.id}", "machine": turn.machine},
                )
