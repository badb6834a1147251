"""What happens to a batch, from its readings to the broker's confirms. The order of the steps is the promise:

1. read     the records and the setup of the batch's machines, in one round trip
2. split    off what is applied already (`pipeline.record` says how it is known), what is to be moved to the
            overflow because its machine floods (`pipeline.flood`), and what was sent again from a dead
            letter that is used up, which is skipped (`pipeline.dead_letters`)
3. run      the rest in the sandbox, each machine's readings in order
4. write    state, marks, the last readings and what is still to publish, in one round trip, and use up the
            dead letters of what was sent again; a machine whose record or letters changed meanwhile goes
            through 1 to 4 again
5. publish  results and dead letters
6. when the broker has confirmed them, the consumer acknowledges the readings (`pipeline.consumer`)

A crash before 4 leaves nothing behind; one after it is repaired from the record. A fault of Redis is waited
out in place: handing the batch back would only bring it here again.
"""

import logging
from collections.abc import Callable
from functools import partial
from itertools import chain
from threading import Event
from typing import Final, TypeVar

import redis
from msgspec.structs import replace

from pipeline import topology
from pipeline.announcer import Announcer
from pipeline.attendance import Attendance
from pipeline.dead_letter import cause_of, dead_letter_message
from pipeline.errors import SessionLost
from pipeline.logics import Logics
from pipeline.metrics import WorkerMetrics
from pipeline.overflow import move_message
from pipeline.publisher import Message, Publisher
from pipeline.reading import Batch, Line, Reading, Session
from pipeline.recents import encode_recent
from pipeline.record import Move, Outgoing, Record
from pipeline.records import Records, Stored
from pipeline.result import encode_result, event_ids, now, result_message
from pipeline.sessions import Sessions
from sandbox.job import Failure, Job, Outcome, Report
from sandbox.sandbox import Sandbox

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
        logics: Logics,
        publisher: Publisher,
        sandbox: Sandbox,
        stopping: Event,
        attendance: Attendance,
        metrics: WorkerMetrics,
        announcer: Announcer | None = None,
    ) -> None:
        self._records = records
        self._sessions = sessions
        self._logics = logics
        self._publisher = publisher
        self._sandbox = sandbox
        self._stopping = stopping
        self._attendance = attendance
        self._metrics = metrics
        self._announcer = announcer

    def process(self, batch: Batch) -> None:
        """Do steps 1 to 5, after which `batch.published` tells when the readings may be acknowledged.

        Raises `SessionLost` where the batch is another consumer's by now, or the worker is to stop while
        Redis cannot be used; nothing of the batch is lost then.
        """
        with self._metrics.batch(batch):
            strays = [
                reading for share in batch.shares for reading in share.readings if reading.machine is None
            ]
            messages = [_strayed(reading) for reading in strays]
            self._metrics.count_kind("machine-id", len(strays))
            lines = [line for share in batch.shares for line in share.lines()]
            while lines:
                written, lines = self._insist(batch, partial(self._apply, lines))
                messages += written
            batch.published = self._publisher.publish(messages)

    def _apply(self, lines: list[Line]) -> tuple[list[Message], list[Line]]:
        """Steps 1 to 4 for these lines: what is to be published, and which lines are to be done again."""
        # A machine has its readings in one partition. If somebody bound it to two, one waits for the other.
        first = dict[str, Line]()
        again = [line for line in lines if first.setdefault(line.machine, line) is not line]
        stored = self._records.read(list(first))
        answers = self._ask_active(first, stored)
        self._forget_settled(first, stored)
        fresh = dict[str, list[Reading]]()
        messages, repeated = dict[str, list[Message]](), dict[str, int]()
        for machine_id, each in stored.items():
            line = first[machine_id]
            applied, fresh[machine_id] = each.record.split(line.session.name, line.readings)
            repeated[machine_id] = len(applied)
            messages[machine_id] = _messages(line, each.record.outgoing) if applied else []
        moved = dict[str, list[Reading]]()
        for machine_id, readings in fresh.items():
            fresh[machine_id], moved[machine_id] = stored[machine_id].record.divide(readings)
        uses, skipped = self._records.letters.admit(fresh)
        reports = self._run(stored, fresh)
        updates, recents = dict[str, Record](), dict[str, list[bytes]]()
        for machine_id, readings in fresh.items():
            if readings or moved[machine_id] or machine_id in skipped:
                after, recents[machine_id] = _advance(
                    first[machine_id],
                    stored[machine_id],
                    readings,
                    reports.get(machine_id),
                    moved[machine_id],
                    skipped.get(machine_id, []),
                    resent=len(uses.get(machine_id, ())),
                    carry=bool(messages[machine_id]),
                    recent=self._records.recent,
                )
                updates[machine_id] = after
                messages[machine_id] = _messages(first[machine_id], after.outgoing)
        for wait_for_answer in answers:
            wait_for_answer()
        changed = self._records.write(stored, updates, uses, recents)
        done = [machine_id for machine_id in first if machine_id not in changed]
        self._count(done, stored, fresh, reports)
        self._count_set_aside(done, repeated, moved, skipped)
        if _logger.isEnabledFor(logging.DEBUG):
            _log_dead_letters({each: updates[each] for each in done if each in updates})
        self._metrics.conflicts.inc(len(changed))
        if self._announcer is not None:
            self._announcer.offer(recents, fresh, changed)
        again += [first[machine_id] for machine_id in changed]
        written = {each: record for each, record in updates.items() if each not in changed}
        self._attendance.note(stored, written, [each for each, count in repeated.items() if count])
        return [each for machine_id in done for each in messages[machine_id]], again

    def _count(
        self,
        done: list[str],
        stored: dict[str, Stored],
        fresh: dict[str, list[Reading]],
        reports: dict[str, Report],
    ) -> None:
        """Count what became of the readings of these machines, now that it is written."""
        outcomes = list[Outcome]()
        for machine_id in done:
            if report := reports.get(machine_id):
                outcomes += report.outcomes
            elif fresh[machine_id]:
                outcomes += [_not_run(stored[machine_id])] * len(fresh[machine_id])
        self._metrics.count(outcomes)

    def _count_set_aside(
        self,
        done: list[str],
        repeated: dict[str, int],
        moved: dict[str, list[Reading]],
        skipped: dict[str, list[Reading]],
    ) -> None:
        """Count the readings of these machines that were not run, and note which were moved."""
        for reading in chain.from_iterable(moved[machine_id] for machine_id in done):
            reading.move = True
        for cause, count in (
            ("moved", sum(len(moved[machine_id]) for machine_id in done)),
            ("repeated", sum(repeated[machine_id] for machine_id in done)),
            ("skipped", sum(len(skipped.get(machine_id, ())) for machine_id in done)),
        ):
            self._metrics.count_set_aside(cause, count)

    def _ask_active(self, lines: dict[str, Line], stored: dict[str, Stored]) -> list[Callable[[], None]]:
        """Ask the broker, where a record is another session's, whether ours still holds the partition.

        Asked after reading it and answered before writing over it; the logic runs in between.
        """
        sessions = dict[bytes, Session]()
        for machine_id, each in stored.items():
            session = lines[machine_id].session
            if each.token and each.record.session != session.name:
                sessions[session.name] = session
        return [session.ask_active() for session in sessions.values()]

    def _forget_settled(self, lines: dict[str, Line], stored: dict[str, Stored]) -> None:
        """Forget the marks of what an earlier session, which has ended, is known to have settled."""
        earlier = {
            machine_id: each.record.session
            for machine_id, each in stored.items()
            if each.record.marks and each.record.session != lines[machine_id].session.name
        }
        settled = self._sessions.settled(set(earlier.values())) if earlier else {}
        for machine_id, session in earlier.items():
            each = stored[machine_id]
            stored[machine_id] = replace(each, record=each.record.forget(settled[session]))

    def _run(self, stored: dict[str, Stored], fresh: dict[str, list[Reading]]) -> dict[str, Report]:
        """Step 3: run the readings of all machines that have a logic to run."""
        running = {
            machine_id: each.active.digest
            for machine_id, each in stored.items()
            if fresh[machine_id] and each.active and not each.setup.paused and not each.quarantined
        }
        logics = self._logics.load(set(running.values()))
        running = {machine_id: digest for machine_id, digest in running.items() if digest in logics}
        jobs = [
            Job(
                logics[digest],
                stored[machine_id].record.state,
                [reading.body for reading in fresh[machine_id]],
                stored[machine_id].setup.config,
            )
            for machine_id, digest in running.items()
        ]
        if not jobs:
            return {}
        with self._metrics.sandbox_seconds.time():
            return dict(zip(running, self._sandbox.run(jobs), strict=True))

    def _insist(self, batch: Batch, step: Callable[[], _T]) -> _T:
        """Do a step, again and again while Redis cannot be used."""
        wait = _FIRST_WAIT
        while True:
            try:
                return step()
            except redis.RedisError as e:
                _logger.warning("%r waits: %s", batch, e)
                self._metrics.redis_faults.inc()
            if batch.lost():
                raise SessionLost(f"{batch!r} went back to RabbitMQ while it waited")
            if self._stopping.wait(wait):
                raise SessionLost(f"{batch!r} goes back to RabbitMQ: the worker stops")
            wait = min(2 * wait, _LONGEST_WAIT)


def _advance(
    line: Line,
    before: Stored,
    readings: list[Reading],
    report: Report | None,
    moved: list[Reading],
    skipped: list[Reading],
    *,
    resent: int,
    carry: bool,
    recent: int,
) -> tuple[Record, list[bytes]]:
    """The record of a machine after `readings` were run, others moved and others skipped, with what they have
    to publish; and the last `recent` of those that were run, as they are kept. `resent` of those that were
    run were dead letters."""
    record, active, time = before.record, before.active, now()
    digest = active.digest if active else ""
    strikes = record.strikes.against(digest)
    outgoing, recents = list[Outgoing](), list[bytes]()
    outcomes = report.outcomes if report else [_not_run(before)] * len(readings)
    first = record.number + 1
    first_recent = first + len(readings) - recent
    for number, (reading, outcome) in enumerate(zip(readings, outcomes, strict=True), start=first):
        strikes = strikes.after(outcome)
        if number >= first_recent:
            recents.append(encode_recent(reading, outcome, number, time, active))
        if outcome.kind == "ok":
            assert active is not None
            for event_id, data in zip(event_ids(number, outcome.results), outcome.results, strict=True):
                event = encode_result(line.machine, event_id, time, active, data)
                outgoing.append(Outgoing(event_id, event))
        else:
            outgoing.append(
                Outgoing(str(number), reading.body, cause_of(reading, outcome, time, number, active))
            )
    for place, reading in enumerate(moved, start=record.moved + 1):
        move = Move(place, reading.message_id, reading.content_type, reading.claim, reading.sent)
        outgoing.append(Outgoing("", reading.body, move=move))
    tally = record.tally.after(
        first,
        outcomes,
        came=len(readings) > resent or any(reading.claim is None for reading in moved),
        resent=resent,
        active=active,
    )
    after = record.advance(
        line.session.name,
        max(line.last_tag - topology.WINDOW, line.session.settled_tag),
        readings,
        moved,
        outgoing,
        skipped=skipped,
        state=report.state if report else record.state,
        carry=carry,
        strikes=strikes,
        tally=tally,
    )
    return after, recents


def _log_dead_letters(written: dict[str, Record]) -> None:
    for machine_id, record in written.items():
        for each in record.outgoing:
            if each.cause is not None:
                _logger.debug(
                    "the reading has failed (%s): %s",
                    each.cause.kind,
                    each.cause.message,
                    extra={"reading": f"{machine_id}/{each.id}", "machine": machine_id},
                )


def _not_run(stored: Stored) -> Outcome:
    """The outcome of readings that are given to no logic."""
    if stored.setup.paused:
        return Outcome("paused", failure=Failure("this machine is paused; resume it, and send them again"))
    if stored.active is None:
        what = f"profile {stored.setup.profile!r}" if stored.setup.profile else "machine"
        return Outcome("no-logic", failure=Failure(f"this {what} has no logic yet"))
    logic = stored.active.words
    if stored.quarantined:
        message = f"{logic} is not run any more: {stored.record.strikes.reason}"
        return Outcome("quarantined", failure=Failure(message))
    message = f"the source of {logic} is missing from Redis; upload it again"
    return Outcome("no-logic", failure=Failure(message))


def _messages(line: Line, outgoing: tuple[Outgoing, ...]) -> list[Message]:
    result_key, dead_letter_key = topology.result_key(line.machine), topology.dead_letter_key(line.machine)
    messages = list[Message]()
    for each in outgoing:
        if each.cause is not None:
            messages.append(dead_letter_message(dead_letter_key, line.machine, each))
        elif each.move is not None:
            messages.append(move_message(line.session.overflow, line.machine, each))
        else:
            messages.append(result_message(result_key, line.machine, each))
    return messages


def _strayed(reading: Reading) -> Message:
    """The dead letter of a reading whose routing key names no machine. There is no record to keep it in."""
    failure = Failure(
        f"{reading.key!r} names no machine: an id has 1 to 128 letters, digits, underscores or hyphens"
    )
    cause = cause_of(reading, Outcome("machine-id", failure=failure), now())
    return dead_letter_message(reading.key, "", Outgoing("", reading.body, cause))
