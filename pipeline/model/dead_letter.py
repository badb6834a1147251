"""A dead letter as it is kept: its kind, its name, and the data of the failed reading."""

import re
import uuid
from hashlib import blake2b
from typing import Final, get_args

from msgspec import Struct
from msgspec.structs import replace

from pipeline import clock, wire
from pipeline.model.deployment import Active
from pipeline.model.machine_event import MachineEvent
from pipeline.model.reading import Reading
from pipeline.model.record import Cause
from pipeline.model.topic_source import topic_of
from pipeline.wire import LETTER_NAME_PATTERN
from sandbox.job import Failure, Outcome, OutcomeKind

#: Stands for the machine of readings whose routing key names no machine.
STRAY: Final = "~stray"

#: The kind of a reading that expired before a worker took it.
EXPIRED: Final = "expired"

#: The kind of a reading that came by another source than the machine's readings come by.
OTHER_SOURCE: Final[OutcomeKind] = "other-source"

#: The kind of a message below `machines/` whose topic is none of readings.
UNKNOWN_TOPIC: Final = "unknown-topic"

#: The kinds of dead letters. `unknown` is a kind that no worker of this version writes.
KINDS: Final = (*(kind for kind in get_args(OutcomeKind) if kind != "ok"), EXPIRED, UNKNOWN_TOPIC, "unknown")

#: The prefix of the message id of a reading that was sent again. The name of its letter follows.
SENT_AGAIN: Final = "dead-letter/"

_ID = re.compile(
    rf"(?P<machine>{wire.MACHINE_ID_PATTERN})/(?P<name>{LETTER_NAME_PATTERN})|{STRAY}/(?P<stray>[0-9a-f]{{32}})"
)

_CAUSE = re.compile("[0-9a-f]{16}")

#: Numbers in a message. Two messages that differ only in numbers have the same cause.
_NUMBER_IN_TEXT = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")

_SENT_AGAIN = re.compile(f"{SENT_AGAIN}({LETTER_NAME_PATTERN})")


class Letter(Struct, frozen=True):
    """A dead letter as it is kept, without the reading's bytes. `size` is the number of bytes.

    `machine` is `STRAY` if the routing key `key` names no machine. `name` is the reading's number on its
    machine, or begins with `expired-` or `other-source-` if the reading was never run, or with `timer-` if it
    is a timer that failed (`pipeline.model.timer`). `kind` is one of
    `KINDS`. `time` is when the reading failed (RFC 3339, UTC). The other fields are those of `Cause`.
    """

    machine: str
    name: str
    key: str
    size: int
    kind: str
    time: str
    message: str = ""
    logicversion: int | None = None
    line: int | None = None
    text: str = ""
    limit: str | None = None
    message_id: str | None = None
    content_type: str | None = None
    logicprofile: str | None = None
    topic: str | None = None
    received: str | None = None
    timer: str | None = None

    @property
    def id(self) -> str:
        """The letter's id: `<machine>/<name>`."""
        return f"{self.machine}/{self.name}"

    @property
    def number(self) -> int | None:
        """The reading's number on its machine; None if it has no machine, was never run, or is a timer."""
        return number_of(self.name) if self.machine != STRAY else None

    @property
    def milliseconds(self) -> int:
        """When the reading failed, in milliseconds since 1970."""
        return clock.milliseconds(self.time)

    @property
    def cause(self) -> str:
        """The id of the letter's cause, 16 hex digits. Letters that failed for the same reason share it.

        It is a hash of the kind, the limit, the text of the line, and the message without its numbers.
        """
        said = _NUMBER_IN_TEXT.sub("#", self.message)
        content = "\0".join((self.kind, self.limit or "", self.text, said))
        return blake2b(content.encode(), digest_size=8).hexdigest()

    @property
    def sent_before(self) -> str | None:
        """The name of the letter that this reading was sent again from; None if it was not sent again."""
        found = _SENT_AGAIN.fullmatch(self.message_id or "")
        return found[1] if found else None


def is_cause(text: str) -> bool:
    """Return whether the text has the form of a `Letter.cause`."""
    return _CAUSE.fullmatch(text) is not None


def cause_of(
    reading: Reading,
    outcome: Outcome,
    time: str,
    number: int | None = None,
    active: Active | None = None,
) -> Cause:
    """Return the cause of a failed reading, with the data needed to send the same reading again."""
    return replace(
        _cause(outcome, time, active, reading.received),
        number=number,
        message_id=reading.message_id,
        content_type=reading.content_type,
        topic=topic_of(reading.own_key) if reading.own_key is not None else None,
    )


def cause_of_event(event: MachineEvent, time: str, active: Active | None) -> Cause:
    """Return the cause of a reading or a timer that failed."""
    reading, run = event.reading, event.run
    if run is None:
        assert reading is not None
        return cause_of(reading, event.outcome, time, event.number, active)
    return replace(
        _cause(event.outcome, time, active, run.received),
        message_id=reading.message_id if reading is not None else None,
        timer=run.name,
    )


def _cause(outcome: Outcome, time: str, active: Active | None, received: int) -> Cause:
    """Return the part of a cause that readings and timers have in common."""
    failure = outcome.failure or Failure("")
    return Cause(
        kind=outcome.kind,
        message=failure.message,
        time=time,
        logicversion=active.version if active else None,
        logicprofile=active.profile if active else None,
        line=failure.line,
        text=failure.text,
        limit=failure.limit,
        received=clock.rfc3339(received / 1000),
    )


def parse_id(letter_id: str) -> tuple[str, str] | None:
    """Return the machine and the name in a letter's id; None if it is not a valid id."""
    found = _ID.fullmatch(letter_id)
    if found is None:
        return None
    return (STRAY, found["stray"]) if found["stray"] else (found["machine"], found["name"])


class RedriveDecision(Struct):
    """The decision about a machine's readings if some of them were sent again.

    `skipped` readings are already applied. `uses` are the letters that the other readings use up when they
    are `run`.
    """

    run: list[Reading] = []
    skipped: list[Reading] = []
    uses: list[str] = []


def another(letter: Letter) -> Letter:
    """Return the letter of an equal reading that was never run either. Only its name differs."""
    name = uuid.uuid4().hex
    return replace(letter, name=name if letter.machine == STRAY else f"expired-{name}")


def number_of(name: str) -> int | None:
    """Return the number in a letter's name; None if it is not the name of a reading that was run."""
    return int(name) if name.isdecimal() else None
