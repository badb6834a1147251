"""Takes a batch from its readings to the broker's confirms. The order of the steps is the promise:

1. Read: read the records and the deployments of the batch's machines, in one round trip.
2. Split: set aside the readings that are not run. These are readings that are already applied
   (`pipeline.model.record` defines how they are recognised), readings that came in another way than their
   machine's readings (`pipeline.worker.ways`), readings that move to the overflow because their machine
   floods (`pipeline.worker.flood`), readings that were sent again from a dead letter that is used up, which
   are skipped (`pipeline.store.dead_letters`), duplicates that the machine has sent again
   (`pipeline.model.duplicates`), and late readings that must not be run (`pipeline.model.late`).
3. Run: run the other readings in the sandbox, each machine's readings in order.
4. Write: write the state, the marks, the last readings and the messages to publish, in one round trip, and
   use up the dead letters of readings that were sent again. A machine whose record or dead letters changed
   meanwhile goes through steps 1 to 4 again.
5. Publish: publish the results and dead letters, and separately the moved readings.
6. Acknowledge: when the broker has confirmed the messages, the consumer acknowledges the readings
   (`pipeline.worker.consumer`).

A crash before step 4 leaves nothing behind; a crash after it is repaired from the record. If Redis is
unavailable, the processor waits and retries: if it gave the batch back, the broker would only redeliver it
here.
"""

import logging
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Final, TypeVar

from pipeline.broker.dead_letter import stray_message
from pipeline.broker.publisher import Message, Publisher
from pipeline.clock import milliseconds_now, now
from pipeline.errors import SessionLost
from pipeline.model.dead_letter import OTHER_SOURCE
from pipeline.store.client import RedisError
from pipeline.store.records import Records
from pipeline.store.sessions import Sessions
from pipeline.store.sources import Sources
from pipeline.store.timers import Rest
from pipeline.telemetry import tracing
from pipeline.worker.announcer import Announcer
from pipeline.worker.batch import Batch, MachineReadings
from pipeline.worker.index_writer import IndexWriter
from pipeline.worker.metrics import WorkerMetrics
from pipeline.worker.transaction import Transaction
from pipeline.worker.ways import Ways
from sandbox.job import Report
from sandbox.parent.sandbox import Sandbox

_logger = logging.getLogger(__name__)

_T = TypeVar("_T")

#: Seconds to wait before a retry while Redis is unavailable: at first, and at most.
_FIRST_WAIT: Final = 0.05
_LONGEST_WAIT: Final = 2.0


class Processor:
    """Takes batches through the steps. Each worker thread has its own, because each has its own sandbox."""

    def __init__(
        self,
        records: Records,
        sessions: Sessions,
        sources: Sources,
        ways: Ways,
        publisher: Publisher,
        sandbox: Sandbox,
        stopping: Event,
        index_writer: IndexWriter,
        metrics: WorkerMetrics,
        announcer: Announcer | None = None,
    ) -> None:
        self._records = records
        self._sessions = sessions
        self._sources = sources
        self._ways = ways
        self._publisher = publisher
        self._sandbox = sandbox
        self._stopping = stopping
        self._index_writer = index_writer
        self._metrics = metrics
        self._announcer = announcer

    def process(self, batch: Batch) -> None:
        """Do steps 1 to 5. After that, `batch.published` says when the readings may be acknowledged.

        Raises `SessionLost` if another session has taken a partition of the batch, or if the worker must stop
        while Redis is unavailable. Nothing of the batch is lost then.
        """
        with self._metrics.batch(batch):
            messages = [
                stray_message(each, share.session.source.name if share.session.source else None)
                for share in batch.shares
                for each in share.readings
                if each.machine is None
            ]
            self._metrics.count_kind("machine-id", len(messages))
            groups = [group for share in batch.shares for group in share.groups()]
            transactions = list[Transaction]()
            while groups:
                done, groups = self._insist(batch, partial(self._apply, groups))
                transactions += done
            for transaction in transactions:
                messages += transaction.messages()
            self._note_rests(batch, transactions)
            self._move(batch, transactions)
            batch.published = self._publisher.publish(messages)

    def _note_rests(self, batch: Batch, transactions: list[Transaction]) -> None:
        """Note what the index of timers must say of the machines that it has named."""
        now = milliseconds_now()
        rests = dict[str, list[Rest]]()
        for transaction in transactions:
            if (rest := transaction.rest(now)) is not None:
                rests.setdefault(transaction.group.session.queue, []).append(rest)
        for share in batch.shares:
            share.rests = rests.get(share.session.queue, [])

    def _move(self, batch: Batch, transactions: list[Transaction]) -> None:
        """Publish the moved readings. A full overflow delays only its own partition."""
        moves = dict[str, list[Message]]()
        for transaction in transactions:
            if messages := transaction.moves():
                moves.setdefault(transaction.group.session.queue, []).extend(messages)
        for share in batch.shares:
            if share.session.queue in moves:
                share.moved = self._publisher.publish(moves[share.session.queue], in_line=True)

    def _apply(self, groups: list[MachineReadings]) -> tuple[list[Transaction], list[MachineReadings]]:
        """Do steps 1 to 4. Return the written transactions, and the readings to process again."""
        transactions, again = self._read(groups)
        self._ways.check(transactions)
        transactions = self._follow_profiles(transactions)
        accepted = [transaction for transaction in transactions if transaction.refused is None]
        self._split(accepted)
        self._run(accepted)
        changed = self._write(accepted)
        done = [transaction for transaction in transactions if transaction.machine not in changed]
        self._note(done)
        again += [transaction.group for transaction in transactions if transaction.machine in changed]
        return done, again

    def _read(self, groups: list[MachineReadings]) -> tuple[list[Transaction], list[MachineReadings]]:
        """Do step 1 for one group of readings of each machine. Return also the remaining groups.

        A machine has its readings in one partition. If its device sends in two ways, one group waits for the
        other.
        """
        first = dict[str, MachineReadings]()
        later = [group for group in groups if first.setdefault(group.machine, group) is not group]
        stored = self._records.read(list(first))
        return [
            Transaction(group, stored[machine_id], tried=group.tried) for machine_id, group in first.items()
        ], later

    def _follow_profiles(self, transactions: list[Transaction]) -> list[Transaction]:
        """Read machines again that now follow the profile of their source."""
        if not (machines := self._ways.adopt_profiles(transactions)):
            return transactions
        again, _ = self._read([each.group for each in transactions if each.machine in machines])
        self._ways.check(again)
        return [*(each for each in transactions if each.machine not in machines), *again]

    def _split(self, transactions: list[Transaction]) -> None:
        """Do step 2. First forget the marks of readings that an earlier session is known to have settled."""
        taken_over = [transaction for transaction in transactions if transaction.earlier_session]
        settled = self._sessions.settled(
            {(transaction.session, transaction.stored.record.session) for transaction in taken_over}
        )
        for transaction in taken_over:
            transaction.forget(settled[transaction.session, transaction.stored.record.session])
        for transaction in transactions:
            transaction.split()
        admissions = self._records.letters.admit(
            {transaction.machine: transaction.run for transaction in transactions}
        )
        now = milliseconds_now()
        for transaction in transactions:
            if admission := admissions.get(transaction.machine):
                transaction.admit(admission)
            # Only now: readings that a person has sent again are always run.
            transaction.recognise_duplicates()
            transaction.schedule(now)
            transaction.date()
            transaction.judge()

    def _run(self, transactions: list[Transaction]) -> None:
        """Do step 3 for the machines that have a logic to run, and build the records to write."""
        logics = self._sources.load(
            {transaction.digest for transaction in transactions if transaction.digest}
        )
        jobs = {
            transaction.machine: transaction.job(logic)
            for transaction in transactions
            if (logic := logics.get(transaction.digest or ""))
        }
        reports = dict[str, Report]()
        if jobs:
            with self._metrics.sandbox_seconds.time(), tracing.run(machines=len(jobs)):
                reports = dict(zip(jobs, self._sandbox.run(list(jobs.values())), strict=True))
        time = now()
        for transaction in transactions:
            transaction.advance(reports.get(transaction.machine), time, self._records.recent)

    def _write(self, transactions: list[Transaction]) -> set[str]:
        """Do step 4. Return the machines to process again. Raises `SessionLost`."""
        updates = {
            transaction.machine: update for transaction in transactions if (update := transaction.update)
        }
        for transaction in transactions:
            transaction.group.tried = True
        changed = self._records.write(updates)
        self._metrics.conflicts.inc(len(changed))
        return changed

    def _note(self, transactions: list[Transaction]) -> None:
        """Count the outcomes of these readings after they are written, and announce them to subscribers."""
        self._metrics.count_kind(
            OTHER_SOURCE, sum(len(each.refused) for each in transactions if each.refused is not None)
        )
        transactions = [transaction for transaction in transactions if transaction.refused is None]
        events = [event for transaction in transactions for event in transaction.events]
        self._metrics.count([event.outcome for event in events if event.run is None])
        self._metrics.count_timers([(event.outcome, event.late) for event in events if event.run is not None])
        self._metrics.count_set_aside("moved", sum(len(transaction.moved) for transaction in transactions))
        self._metrics.count_set_aside(
            "duplicate", sum(len(transaction.duplicates) for transaction in transactions)
        )
        self._metrics.count_set_aside("repeated", sum(transaction.repeated for transaction in transactions))
        self._metrics.count_set_aside(
            "skipped", sum(len(transaction.skipped) for transaction in transactions)
        )
        for transaction in transactions:
            for reading in transaction.moved:
                reading.move = True
        if _logger.isEnabledFor(logging.DEBUG):
            _log_dead_letters(transactions)
        if self._announcer is not None:
            self._announcer.offer(
                {
                    transaction.machine: (transaction.recents, len(transaction.events))
                    for transaction in transactions
                    if transaction.events
                }
            )
        self._index_writer.note(transactions)

    def _insist(self, batch: Batch, step: Callable[[], _T]) -> _T:
        """Do a step, and retry it while Redis is unavailable."""
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


def _log_dead_letters(transactions: list[Transaction]) -> None:
    for transaction in transactions:
        for each in transaction.after.outgoing if transaction.after else ():
            if each.cause is not None:
                _logger.debug(
                    "the reading failed (%s): %s",
                    each.cause.kind,
                    each.cause.message,
                    extra={"reading": f"{transaction.machine}/{each.id}", "machine": transaction.machine},
                )
