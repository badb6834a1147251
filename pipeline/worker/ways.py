"""Decides whether a reading may come in the way it came: each machine has one home at a time (rule 9).

A machine's readings come in by a source, or by the topic `machines/<id>/data`. Each way has a partition, with
a queue and sessions of its own. The record knows the readings of one session, and its marks are forgotten by
the order of the deliveries of one queue. So if two ways were mixed, a reading that comes back could be taken
for a new one. The record's `home` is the partition of its last reading. For a reading from another partition:

1.  *It is not run*, and becomes a dead letter of the kind `other-source`. The record is not touched. The
    letter can be sent again, to the machine's home then, and counts once (`pipeline.dead_letters.redrive`).
2.  *Unless the home can move*: its source is deleted, or all of these hold:

    - The session that wrote the record is proven to be settled past all readings in the record: after
      `Record.forget`, no marks are left. So no reading that was applied can come back to the old home's
      queue.
    - No reading of the machine is in the old home's overflow.
    - The machine's last reading was processed more than `QUIET_SECONDS` ago. This is not needed for safety.
      It stops a home from moving back and forth while a device sends both ways.

Why this is safe:

- *Two sessions that race.* Both write over the record that they read (rule 1). If the old home's session
  applies a reading first, the new one's write fails, and it decides again: the machine is not quiet. If the
  home moves first, the old session's write fails, and its readings become dead letters. In both cases each
  reading is applied or a letter, not both.
- *A write whose answer was lost.* The old home's session may try a batch again after its write. Then it has
  not acknowledged the batch, so it has not proven it to be settled, and the home has not moved.
- *The note may be old.* A session that still runs may prove more after its note was read. All that it proved
  before stays true, and the token protects the record against what it applies meanwhile.
- *A deleted source.* The number of its partition is retired after its queue is deleted, and the queue is
  deleted when it is empty and without consumers (`pipeline.plant.topic_sources`). So no reading can come back
  from it.
- *Copies from an old home's overflow* are applied already: the home moved when all were taken. Their places
  are not after `taken`, also later, because places are never used twice. They are acknowledged.
- *A reading that became a letter must not be run when it comes back.* It comes back to the next session of
  its partition, flagged as redelivered and before all new readings. So a batch with a redelivered reading
  never moves the home. And when a session moves the home, it adds the marks of the readings that it has made
  letters of, as far as they are not settled: so they are recognised like applied ones. Their letters are
  confirmed, because a partition has one batch in flight.
- *The letter of a redelivered reading has the same name again*: a hash of the reading. So it is kept once.

The limit: after a crash, the marks of the machine's last readings may stay unproven. Then the home stays
until the machine sends a reading in the old way, or the old source is deleted.
"""

import uuid
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import msgspec
from msgspec.structs import replace

from pipeline import wire
from pipeline.broker.dead_letter import dead_letter_message
from pipeline.broker.publisher import Message
from pipeline.clock import milliseconds_now, now
from pipeline.model.dead_letter import OTHER_SOURCE, cause_of
from pipeline.model.reading import Reading
from pipeline.model.record import Outgoing, Record
from pipeline.model.session import Settled
from pipeline.model.topic_source import is_source, same_way, topic_of
from pipeline.store.dead_letters import LetterStore
from pipeline.store.profiles import ProfileStore
from pipeline.store.sessions import Sessions
from pipeline.store.topic_sources import KeptSource, TopicSources
from pipeline.worker.transaction import Transaction
from sandbox.job import Failure, Outcome

#: Seconds without a reading after which a machine's home can move.
QUIET_SECONDS: Final = 60.0


class Ways:
    """Checks the ways of readings for one worker process. Its methods may raise `RedisError`."""

    def __init__(
        self,
        sessions: Sessions,
        sources: TopicSources,
        letters: LetterStore,
        profiles: ProfileStore,
        quiet_seconds: float = QUIET_SECONDS,
    ) -> None:
        self._sessions = sessions
        self._sources = sources
        self._letters = letters
        self._profiles = profiles
        self._quiet_seconds = quiet_seconds

    def check(self, transactions: Sequence[Transaction]) -> None:
        """Refuse the readings of machines whose home is elsewhere, or move the homes.

        Without a reading, timers run only at home (`pipeline.model.timer`), or if the home is retired.
        """
        for each in transactions:
            if each.group.until is not None and each.stored.record.home != each.partition:
                self._check_timers(each)
        strangers = [each for each in transactions if each.group.readings and not _comes_home(each)]
        if not strangers:
            return
        known, retired = self._sources.list().partitions, self._sources.retired()
        notes = self._sessions.proven({each.stored.record.session for each in strangers})
        secret, time = self._letters.secret(), now()
        for transaction in strangers:
            moved = self._moved(transaction, notes[transaction.stored.record.session], retired)
            if moved is None:
                transaction.refuse(_letters(transaction, secret, time, known))
            else:
                transaction.stored = replace(transaction.stored, record=moved)
                transaction.moves_home = True

    def adopt_profiles(self, transactions: Sequence[Transaction]) -> set[str]:
        """Let machines without logic and profile follow their source's profile. Return these machines."""
        return {
            each.machine
            for each in transactions
            if each.offered_profile is not None and self._profiles.adopt(each.machine, each.offered_profile)
        }

    def _check_timers(self, transaction: Transaction) -> None:
        record = transaction.stored.record
        if record.home is None and not record.schedules:
            return  # It was restored from a backup. Its schedules may be those of a source.
        if record.home in self._sources.retired():
            transaction.stored = replace(transaction.stored, record=replace(record, marks=(), earlier=b""))
            transaction.moves_home = True
        else:
            transaction.group.until = None

    def _moved(self, transaction: Transaction, note: Settled, retired: frozenset[int]) -> Record | None:
        """Return the record with which the machine may move its home here; None if it must not."""
        record, readings = transaction.stored.record, transaction.group.readings
        if any(reading.redelivered or reading.place is not None for reading in readings):
            return None
        if record.home in retired:
            return replace(record, marks=(), earlier=b"")
        left = record.forget(note)
        quiet = milliseconds_now() - record.counters.seen > 1000 * self._quiet_seconds
        is_settled = not left.marks and not left.earlier and left.moved == left.taken
        return left if quiet and is_settled else None


def _comes_home(transaction: Transaction) -> bool:
    record = transaction.stored.record
    # Without a session, no reading was ever applied.
    return not record.session or same_way(record.home or 0, transaction.partition)


def _letters(
    transaction: Transaction, secret: bytes, time: str, known: dict[int, KeptSource]
) -> list[tuple[Reading, Message]]:
    """Return the letters of the readings that are refused.

    Copies from an overflow are applied already. A reading that was sent again still has its letter, or it is
    used up.
    """
    machine = transaction.machine
    home = _name(transaction.stored.record.home or 0, known)
    here = _name(transaction.partition, known)
    letters = list[tuple[Reading, Message]]()
    for reading in transaction.group.readings:
        is_sent_again = reading.claim is not None and reading.claim.holds(secret, machine, reading.body)
        if reading.place is not None or is_sent_again:
            continue
        text = (
            f"this reading came by {here}, topic {topic_of(reading.key)}, but the readings of machine "
            f"{machine} come by {home}; let the device send in one way only, then send the reading again"
        )
        cause = cause_of(reading, Outcome(OTHER_SOURCE, failure=Failure(text)), time)
        outgoing = Outgoing(_name_of(reading), reading.body, cause)
        letters.append((reading, dead_letter_message(wire.dead_letter_key(machine), machine, outgoing)))
    return letters


def _name(partition: int, known: dict[int, KeptSource]) -> str:
    if not is_source(partition):
        return "machines/<id>/data"
    return f"the source {known[partition].name!r}" if partition in known else "a deleted source"


def _name_of(reading: Reading) -> str:
    """Return the name of a reading's letter: the same when it comes back, if anything identifies it."""
    if reading.message_id is None and reading.sent is None:
        return f"{OTHER_SOURCE}-{uuid.uuid4().hex}"
    identity = msgspec.msgpack.encode((reading.key, reading.message_id, reading.sent, reading.body))
    return f"{OTHER_SOURCE}-{blake2b(identity, digest_size=16).hexdigest()}"
