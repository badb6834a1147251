"""One machine's transaction in a batch: the processing of its readings, from read to write.

If the record has changed meanwhile, nothing is written, and the readings get another transaction. The
processor fills a transaction in step by step (`pipeline.worker.processor`) and undoes no step:

1. `stored` is the machine as it was read.
2. `found`, `run`, `moved`, `skipped` and `duplicates` divide the readings: each reading is in one of them.
3. `events` has each reading in `run` and each timer that ran, in order, with the outcome.
4. `after` is the record to write, with the messages to publish.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from pipeline import wire
from pipeline.broker.dead_letter import dead_letter_message
from pipeline.broker.overflow import move_message
from pipeline.broker.publisher import Message
from pipeline.broker.result import encode_result, event_ids, result_message
from pipeline.clock import milliseconds_now, rfc3339
from pipeline.errors import SessionLost
from pipeline.model.alarm import Alarms
from pipeline.model.counters import Happened
from pipeline.model.dead_letter import RedriveDecision, cause_of_event
from pipeline.model.duplicates import divide
from pipeline.model.late import LateAction, judge, late_outcome
from pipeline.model.machine import Stored
from pipeline.model.machine_event import MachineEvent
from pipeline.model.machine_settings import (
    NO_TIMES,
    MachineSettings,
    ReadingMeta,
    RunTimes,
    job_of,
    reads_meta,
)
from pipeline.model.reading import Reading
from pipeline.model.received import put_in_order
from pipeline.model.recent import encode_kept
from pipeline.model.record import Move, Outgoing, Record, Split
from pipeline.model.schedule import Repeated, rescheduled, timers_of
from pipeline.model.session import Settled
from pipeline.model.timer import is_timer, may_set_timers, next_due, run_again
from pipeline.model.topic_source import topic_of
from pipeline.store.records import Due, Update
from pipeline.store.timers import Rest
from pipeline.worker.batch import MachineReadings
from sandbox.job import Failure, Job, Logic, Outcome, Report

#: Milliseconds after which a timer that is due and cannot run is tried again.
WAIT_MILLISECONDS: Final = 15_000


def meta_of(reading: Reading, number: int, *, late: bool) -> ReadingMeta:
    """Return what a logic reads as `meta` with a reading, which gets this running number."""
    return ReadingMeta(
        topic_of(reading.key), late, rfc3339(reading.received / 1000), number, reading.message_id
    )


class Transaction(Struct):
    """The transaction of `group`'s machine.

    `moving` says that readings which the session has moved are still on their way to the overflow. `settled`
    says how far the session that wrote the previous record is settled. `found` says which readings an earlier
    batch has applied. `moved` readings go to the overflow. `skipped` readings were sent again from a dead
    letter that is used up. `duplicates` are recognised by `keys`, those of the last readings. `late` has the
    places in `run` of late readings, each with the reason, and `newest` the newest time of a reading, in
    `newest_field`. `received` is when the last reading was received. `uses` are the dead letters that the
    readings in `run` use up. `tried` says that the group was tried before. `first_due` is when the first
    timer was due before the schedules changed, if `is_rescheduled`. `recents` are the last readings in `run`,
    encoded to be kept. `after` is None if there is nothing to write.

    `alarms` has what has happened to the machine's alarms.

    `moves_home` says that the machine's home moves to the partition of the readings. `refused` are the dead
    letters of the readings if the machine's home stays elsewhere; then nothing else happens to them
    (`pipeline.worker.ways`).
    """

    group: MachineReadings
    stored: Stored
    moving: bool = False
    settled: Settled = Settled()
    found: Split = field(default_factory=Split)
    run: list[Reading] = []
    moved: list[Reading] = []
    skipped: list[Reading] = []
    duplicates: list[Reading] = []
    keys: bytes = b""
    late: dict[int, str] = {}
    late_action: LateAction = "accept"
    newest: int | None = None
    newest_field: str | None = None
    received: int | None = None
    uses: list[str] = []
    events: list[MachineEvent] = []
    tried: bool = False
    first_due: int | None = None
    is_rescheduled: bool = False
    recents: list[bytes] = []
    alarms: Alarms | None = None
    after: Record | None = None
    moves_home: bool = False
    refused: list[Message] | None = None

    @property
    def machine(self) -> str:
        """The machine's id."""
        return self.group.machine

    @property
    def settings(self) -> MachineSettings:
        """The settings of the machine; what it and its profile do not set is as its source sets it."""
        source = self.group.session.source
        return self.stored.settings.over(source.settings) if source else self.stored.settings

    @property
    def session(self) -> bytes:
        """The name of the session that has the readings."""
        return self.group.session.fence.session

    @property
    def partition(self) -> int:
        """The number of the partition that the readings came from."""
        return self.group.session.fence.partition

    @property
    def offered_profile(self) -> str | None:
        """The profile that the machine should follow, because it has no logic and no profile."""
        source, deployment = self.group.session.source, self.stored.deployment
        is_known = deployment.version or deployment.profile
        if source is None or self.refused is not None or is_known or not self.group.readings:
            return None
        return source.profile

    def refuse(self, letters: list[tuple[Reading, Message]]) -> None:
        """Make dead letters of the readings, and remember them until they are settled."""
        session = self.group.session
        self.refused = [message for _, message in letters]
        for delivery in [each for each in session.refused if each <= session.settled.delivery]:
            del session.refused[delivery]
        for reading, _ in letters:
            session.refused[reading.delivery] = (self.machine, reading.mark)

    def _refused_before(self) -> tuple[tuple[int, bytes], ...]:
        """Return the marks of the machine's readings that the session refused and that may come back."""
        session, own = self.group.session, {reading.delivery for reading in self.group.readings}
        return tuple(
            (delivery, mark)
            for delivery, (machine, mark) in sorted(session.refused.items())
            if machine == self.machine and delivery not in own and delivery > session.settled.delivery
        )

    @property
    def earlier_session(self) -> bytes | None:
        """The session of this home that wrote the record, if it is another one; None otherwise."""
        session = self.stored.record.session
        if self.moves_home or self.refused is not None:
            return None
        return session if self.stored.token and session != self.session else None

    def forget(self, settled: Settled) -> None:
        """Forget the marks of readings that the earlier session is known to have settled."""
        self.settled = settled
        self.stored = replace(self.stored, record=self.stored.record.forget(settled))

    def split(self) -> None:
        """Divide the readings into those already applied, those to run and those to move.

        Raises `SessionLost` if some of the readings that the session is moving are missing in the overflow.
        The next session moves them again.
        """
        self.moving = self.group.session.moving
        self.found = self.stored.record.split(self.session, self.group.readings, moving=self.moving)
        if self.found.early and self.moving:
            raise SessionLost(
                f"readings of machine {self.machine} came back from {self.group.session.overflow} without "
                "earlier ones"
            )
        self.run, self.moved = self.stored.record.run_or_move(self.found.fresh)

    @property
    def repeated(self) -> int:
        """The number of readings that an earlier batch has applied."""
        return len(self.found.applied) + len(self.found.recognised)

    def admit(self, decision: RedriveDecision) -> None:
        """Skip readings that were sent again and were applied before."""
        self.run, self.skipped, self.uses = decision.run, decision.skipped, decision.uses

    def recognise_duplicates(self) -> None:
        """Set aside the duplicates among the readings to run."""
        settings = self.settings
        if (rule := settings.duplicate_rule) is not None:
            self.run, self.duplicates, self.keys = divide(
                rule,
                self.stored.record.keys,
                self.run,
                milliseconds_now() // 1000,
                plain_json=settings.is_plain_json,
            )

    def schedule(self, now: int) -> None:
        """Set the timers of the machine's schedules, if these have changed.

        Only at home: elsewhere, the settings of another source would apply, and nothing of the record may be
        written. A machine that does not exist gets schedules with its first reading.
        """
        record = self.stored.record
        is_home = self.moves_home or record.home == self.partition
        if not self.run and not (is_home and self.stored.recorded):
            return
        of = timers_of(self.settings.scheduled)
        if of.identity != record.schedules:
            self.first_due = next_due(record.timers)
            timers = rescheduled(record.timers, of, now)
            self.stored = replace(self.stored, record=replace(record, timers=timers, schedules=of.identity))
            self.is_rescheduled = True

    def date(self) -> None:
        """Ensure that no reading to run was received before the one before it."""
        self.received = put_in_order(self.run, self.stored.record.received, milliseconds_now())

    def judge(self) -> None:
        """Note which of the readings to run are late. Without a rule, the newest time is forgotten.

        It is also forgotten if the rule has another field now, which may have quite different times.
        """
        if (rule := self.settings.late_rule) is not None:
            record = self.stored.record
            newest = record.newest if record.newest_field == rule.field else None
            self.late, self.newest = judge(rule, newest, self.run, milliseconds_now())
            self.newest_field, self.late_action = rule.field, rule.action

    @property
    def _left_out(self) -> dict[int, str]:
        """The late readings that are not run."""
        return self.late if self.late_action == "dead-letter" else {}

    @property
    def _until(self) -> int | None:
        """Until when timers may run without a reading.

        They must not while readings of the machine are in the overflow or go there.
        """
        record = self.stored.record
        taken = max([record.taken, *(reading.place for reading in self.run if reading.place is not None)])
        in_overflow = self.moved or self.moving or record.moved > taken
        return None if in_overflow else self.group.until

    @property
    def _repeats(self) -> Mapping[str, Repeated]:
        return timers_of(self.settings.scheduled).repeats if self.stored.record.schedules else {}

    @property
    def _is_timer_due(self) -> bool:
        due, until = next_due(self.stored.record.timers), self._until
        return due is not None and until is not None and due <= until

    @property
    def digest(self) -> str | None:
        """The digest of the logic to run; None if there is nothing to run or no logic to run it."""
        active, deployment = self.stored.active, self.stored.deployment
        if (
            (len(self._left_out) == len(self.run) and not self._is_timer_due)
            or active is None
            or deployment.paused
            or self.stored.quarantined
        ):
            return None
        return active.digest

    def job(self, logic: Logic) -> Job:
        """Return the job for the sandbox."""
        record, left_out = self.stored.record, self._left_out
        marked = self.late if self.late_action == "mark" else {}
        given = [(place, reading) for place, reading in enumerate(self.run) if place not in left_out]
        again = [run_again(reading) for _, reading in given]
        metas = list[ReadingMeta]()
        if reads_meta(logic.source):
            numbers = self._numbers()
            metas = [meta_of(reading, numbers[place], late=place in marked) for place, reading in given]
        times = NO_TIMES
        if record.timers or any(again) or may_set_timers(logic.source):
            times = RunTimes(
                [reading.received for _, reading in given], record.timers, self._until, repeats=self._repeats
            )
        return job_of(
            logic,
            record.state,
            [run or reading.body for run, (_, reading) in zip(again, given, strict=True)],
            self.stored.config,
            self.settings,
            metas,
            times,
            frozenset(name for name, alarm in record.alarms.items() if alarm.active),
        )

    def _numbers(self) -> list[int]:
        """Return the number of each reading to run; for a timer sent again, that of the reading before."""
        numbers, number = list[int](), self.stored.record.number
        for reading in self.run:
            number += not is_timer(reading.claim)
            numbers.append(number)
        return numbers

    def advance(self, report: Report | None, time: str, recent: int) -> None:
        """Build the new record from the sandbox's report. Without a report, the readings were not run.

        `time` is now (RFC 3339, UTC). The last `recent` readings are kept.
        """
        record, active = self.stored.record, self.stored.active
        if not (
            self.run
            or self.moved
            or self.skipped
            or self.duplicates
            or self.found.recognised
            or (report is not None and report.ran)
            or self.is_rescheduled
        ):
            return
        self.events = self._events(report)
        self.recents = [encode_kept(event, time, active) for event in self.events[-recent:]] if recent else []
        strikes = record.strikes.against(active.digest if active else "")
        for event in self.events:
            strikes = strikes.after(event.outcome)
        sent = len(self.run) + len(self.duplicates) > len(self.uses)
        from_machine = sent or any(reading.claim is None for reading in self.moved)
        runs = sum(event.timer_run is not None for event in self.events)
        self.after = record.advance(
            self.session,
            self.group.session.settled.delivery,
            self.found,
            self.run,
            self.moved,
            [*self._published(time), *self._on_the_move()],
            skipped=self.skipped,
            duplicates=self.duplicates,
            moving=self.moving,
            home=self.partition,
            state=report.state if report else record.state,
            # An earlier session may have ended after it wrote and before it published.
            carry=self.repeated > 0
            or self.moves_home
            or self.earlier_session is not None
            or self._may_have_run,
            strikes=strikes,
            counters=record.counters.after(
                [Happened(event.number, event.timer_run, event.outcome) for event in self.events],
                from_machine=from_machine,
                resent=sum(not is_timer(reading.claim) for reading in self.run if reading.claim is not None),
                duplicates=len(self.duplicates),
                late=len(self.late),
                active=active,
            ),
            keys=self.keys,
            newest=self.newest,
            newest_field=self.newest_field,
            received=max(self.received or 0, *(event.received for event in self.events))
            if self.events
            else self.received,
            timers=report.timers if report and (report.timers or record.timers) else None,
            timer_runs=runs,
            number=self.events[-1].number if self.events else record.number,
        )
        self.alarms = self._alarms()
        if self.alarms is not None:
            self.after = self.after.alarmed(self.alarms)
        if self.moves_home:
            self.after = replace(self.after, marks=(*self._refused_before(), *self.after.marks))

    def _events(self, report: Report | None) -> list[MachineEvent]:
        """Return what has happened, in order: the readings to run and the runs of timers, with outcomes."""
        record, events = self.stored.record, list[MachineEvent]()
        number, runs, left_out = record.number, record.timer_runs, self._left_out
        answers = iter(enumerate(report.outcomes)) if report else iter(())
        ran = report.ran if report else {}

        def timers() -> Iterator[Outcome]:
            """Note the runs of timers up to the next reading, and yield its outcome."""
            nonlocal runs
            for place, outcome in answers:
                if (run := ran.get(place)) is None:
                    yield outcome
                    return
                runs += 1
                events.append(MachineEvent(number, number + runs, outcome, run=run, timer_run=runs))

        for place, reading in enumerate(self.run):
            if place in left_out:
                outcome = late_outcome(left_out[place])
            else:
                outcome = next(timers(), None) or self._not_run()
            if run := run_again(reading):
                runs += 1
                events.append(MachineEvent(number, number + runs, outcome, reading, run, runs))
            else:
                number += 1
                events.append(MachineEvent(number, number + runs, outcome, reading))
            reading.number = number
        next(timers(), None)
        return events

    def _alarms(self) -> Alarms | None:
        """Return what the readings and timers have done to the alarms; None if nothing."""
        if not any(event.outcome.alarms for event in self.events):
            return None
        record = self.stored.record
        alarms = Alarms(record.alarms, record.alarm_changes)
        for event in self.events:
            alarms.apply(event.outcome.alarms, event.received, event.name, self.stored.active)
        return alarms

    def _not_run(self) -> Outcome:
        """Return the outcome of readings that no logic runs."""
        deployment, active = self.stored.deployment, self.stored.active
        if deployment.paused:
            message = "the machine is paused; resume it, then send the reading again"
            return Outcome("paused", failure=Failure(message))
        if active is None:
            who = f"profile {deployment.profile!r}" if deployment.profile else "machine"
            return Outcome("no-logic", failure=Failure(f"this {who} has no logic yet"))
        if self.stored.quarantined:
            reason = self.stored.record.strikes.reason
            return Outcome("quarantined", failure=Failure(f"{active.words} is in quarantine: {reason}"))
        why = "is missing from Redis or does not match its digest; upload it again"
        message = f"the source of {active.words} {why}"
        return Outcome("no-logic", failure=Failure(message))

    def _published(self, time: str) -> list[Outgoing]:
        """Return the results and dead letters of what was run."""
        active, outgoing = self.stored.active, list[Outgoing]()
        for event in self.events:
            outcome = event.outcome
            if outcome.kind == "ok":
                assert active is not None
                ids = event_ids(event.name, outcome.results)
                for event_id, data in zip(ids, outcome.results, strict=True):
                    result = encode_result(self.machine, event_id, time, active, data)
                    outgoing.append(Outgoing(event_id, result))
            else:
                outgoing.append(Outgoing(event.name, event.body, cause_of_event(event, time, active)))
        return outgoing

    def _on_the_move(self) -> list[Outgoing]:
        """Return the readings that go to the overflow."""
        return [
            Outgoing(
                "",
                reading.body,
                move=Move(
                    place,
                    reading.message_id,
                    reading.content_type,
                    reading.claim,
                    reading.sent,
                    key=reading.own_key,
                ),
            )
            for place, reading in enumerate(self.moved, start=self.stored.record.moved + 1)
        ]

    @property
    def update(self) -> Update | None:
        """The update to write; None if all readings are stale.

        If an earlier batch applied all readings, its record is written again. The earlier write may be one
        whose outcome is unknown: then it may be on the primary alone, or read from a primary that has been
        replaced. Only a write over the record that was read proves that it is kept. The same holds if an
        earlier batch ran the timers.
        """
        if self.after is None and not self.repeated and not self._ran_before:
            return None
        return Update(
            self.stored,
            self._written,
            self.uses,
            self.recents,
            self.group.session.fence,
            self._due,
            self.alarms,
        )

    @property
    def _ran_before(self) -> bool:
        """Whether the index named the machine, and an earlier batch has run its timers (rule 4 of timers).

        That is a batch of an earlier session, or this batch, if the answer to its write was lost.
        """
        return (
            self._may_have_run
            and self.after is None
            and not self._is_timer_due
            and any(each.move is None for each in self.stored.record.outgoing)
        )

    @property
    def _may_have_run(self) -> bool:
        """Whether messages of timers that ran before may not be published yet."""
        return self.group.until is not None and (self.tried or self.earlier_session is not None)

    @property
    def _due(self) -> Due | None:
        """What the index of timers must say after the write; None if it need not change.

        What it says of a machine that it named stays until the messages are confirmed (`rest`). But the
        session may have read it before an earlier batch changed it. So it must name the machine when its next
        timer is due, or before.
        """
        record, after = self.stored.record, self._written
        due = next_due(after.timers)
        before = self.first_due if self.is_rescheduled else next_due(record.timers)
        is_same = due == before and (due is None or record.home == after.home)
        if is_same or (self.group.until is not None and due is None):
            return None
        return Due(self.partition, due, at_latest=self.group.until is not None)

    def rest(self, now: int) -> Rest | None:
        """Return what the index must say of the machine when the messages are confirmed, if it has named it.

        Timers that are due and cannot run now are tried again some seconds later: no logic may run, or
        readings of the machine are in the overflow.
        """
        if self.group.named is None:
            return None
        record = self.stored.record if self.refused is not None else self._written
        due, home = next_due(record.timers), self.partition if self.moves_home else record.home
        is_here = home is None or home == self.partition
        # If it was woken, its timers may wait for a probe first.
        is_woken = self.group.named < 0
        until = now - WAIT_MILLISECONDS if self.group.until is None else self.group.until
        cannot = due is not None and due <= until
        if cannot and is_here and not is_woken:
            due = now + WAIT_MILLISECONDS
        return Rest(self.machine, self.group.named, due, self.partition if home is None else home)

    @property
    def _written(self) -> Record:
        return self.after or self.stored.record

    def messages(self) -> list[Message]:
        """Return the results and dead letters to publish after the record that contains them is written."""
        result_key = wire.result_key(self.machine)
        dead_letter_key = wire.dead_letter_key(self.machine)
        messages = list[Message]()
        if self.refused is not None:
            return self.refused
        if self.after is None and not self.repeated and not self._ran_before:
            return messages  # no reading counts
        for each in self._written.outgoing:
            if each.cause is not None:
                messages.append(dead_letter_message(dead_letter_key, self.machine, each))
            elif each.move is None:
                messages.append(result_message(result_key, self.machine, each))
        return messages

    def moves(self) -> list[Message]:
        """Return the readings to publish to the overflow after the record that contains them is written.

        The list is empty if all readings of the group came from the overflow: the batch before may still have
        its moved readings on their way.
        """
        record, queue = self._written, self.group.session.overflow
        if self.refused is not None or all(reading.place is not None for reading in self.group.readings):
            return []
        return [
            move_message(queue, self.machine, each)
            for each in record.outgoing
            if each.is_on_the_move(record.taken)
        ]
