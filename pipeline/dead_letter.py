"""Dead letters: readings that failed, with their bytes untouched and the cause in the headers.

The names of the headers are the fields of `Cause`; what has no value is left out. `machine` names the
machine, and the message keeps the device's `content_type`. A dead letter's own `message_id` is
`<machine>/<number>`: one that is there twice after a crash can be told by it. What came with a routing key
that names no machine is `~stray/<random>`; no machine's id has a tilde.
"""

import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, get_args

import pika
from msgspec import Struct
from msgspec.structs import asdict

from pipeline import topology
from pipeline.publisher import PERSISTENT, Message
from pipeline.reading import Reading
from pipeline.record import Cause, Outgoing
from pipeline.result import now
from pipeline.setup import Active
from sandbox.job import Failure, Outcome, OutcomeKind

#: What stands for the machine of readings whose routing key names none.
STRAY: Final = "~stray"

#: The kinds of dead letters; `unknown` is what no worker of this version has written.
KINDS: Final = (*(kind for kind in get_args(OutcomeKind) if kind != "ok"), "unknown")

#: The message id that a reading has which was sent again, before the number of its letter.
SENT_AGAIN: Final = "dead-letter/"

_ID = re.compile(rf"({topology.MACHINE_ID_PATTERN})/([1-9][0-9]{{0,14}})|{STRAY}/([0-9a-f]{{32}})")

_CAUSE = re.compile("[0-9a-f]{16}")
#: What differs between two messages that say the same.
_NUMBER_IN_TEXT = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_SENT_AGAIN = re.compile(rf"{SENT_AGAIN}([1-9][0-9]{{0,14}})")


class Letter(Struct, frozen=True):
    """A dead letter as it is kept, without the reading's bytes, of which there are `size`.

    `machine` is `STRAY` where `key`, the routing key, names none. `name` is the reading's number on its
    machine. `kind` is one of `KINDS`, `time` when it failed (RFC 3339, UTC); the rest is as in `Cause`.
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

    @property
    def id(self) -> str:
        """What it is known by: `<machine>/<number>`."""
        return f"{self.machine}/{self.name}"

    @property
    def milliseconds(self) -> int:
        """When it failed, in milliseconds since 1970."""
        return milliseconds(self.time)

    @property
    def cause(self) -> str:
        """What it has in common with all that failed for the same: 16 hex digits.

        They are a hash of the kind, the limit, the text of the line, and of the message without its numbers.
        """
        said = _NUMBER_IN_TEXT.sub("#", self.message)
        content = "\0".join((self.kind, self.limit or "", self.text, said))
        return blake2b(content.encode(), digest_size=8).hexdigest()

    @property
    def sent_before(self) -> int | None:
        """The number of the letter that this reading was sent again from, None where it was not."""
        found = _SENT_AGAIN.fullmatch(self.message_id or "")
        return int(found[1]) if found else None


def is_cause(text: str) -> bool:
    """Whether it can be what letters have in common, as `Letter.cause` has it."""
    return _CAUSE.fullmatch(text) is not None


def cause_of(
    reading: Reading,
    outcome: Outcome,
    time: str,
    number: int | None = None,
    active: Active | None = None,
) -> Cause:
    """The cause of a failed reading, with what is needed to send the reading again as it was."""
    failure = outcome.failure or Failure("")
    return Cause(
        kind=outcome.kind,
        message=failure.message,
        time=time,
        number=number,
        logicversion=active.version if active else None,
        logicprofile=active.profile if active else None,
        line=failure.line,
        text=failure.text,
        limit=failure.limit,
        message_id=reading.message_id,
        content_type=reading.content_type,
    )


def dead_letter_message(key: str, machine_id: str, outgoing: Outgoing) -> Message:
    """The message of a dead letter, for the exchange `dead-letters`."""
    assert outgoing.cause is not None
    headers = {name: value for name, value in asdict(outgoing.cause).items() if value not in (None, "")}
    content_type = headers.pop("content_type", None)
    headers["machine"] = machine_id
    return Message(
        topology.DEAD_LETTERS_EXCHANGE,
        key,
        outgoing.body,
        pika.BasicProperties(
            content_type=content_type,
            message_id=f"{machine_id}/{outgoing.id}" if outgoing.id else f"{STRAY}/{uuid.uuid4().hex}",
            delivery_mode=PERSISTENT,
            headers=headers,
        ),
        mandatory=True,
    )


def stray_message(reading: Reading) -> Message:
    """The dead letter of a reading whose routing key names no machine."""
    failure = Failure(
        f"{reading.key!r} names no machine: an id has 1 to 128 letters, digits, underscores or hyphens"
    )
    cause = cause_of(reading, Outcome("machine-id", failure=failure), now())
    return dead_letter_message(reading.key, "", Outgoing("", reading.body, cause))


def letter_of(key: str | bytes, properties: pika.BasicProperties, body: bytes) -> Letter:
    """The letter of a message from the exchange `dead-letters`. It takes any, whoever wrote it.

    A message that has no id of ours becomes a stray, known by a hash of what it is.
    """
    headers, key = properties.headers or {}, topology.text_of(key)
    machine, name = parse_id(topology.text_of(properties.message_id or "")) or (STRAY, "")
    time = _text(headers, "time")
    if not name or (machine != STRAY and key != topology.dead_letter_key(machine)):
        content = b"\0".join((key.encode(), time.encode(), body))
        machine, name = STRAY, blake2b(content, digest_size=16).hexdigest()
    kind = _text(headers, "kind")
    return Letter(
        machine=machine,
        name=name,
        key=key,
        size=len(body),
        kind=kind if kind in KINDS else "unknown",
        time=time if _is_time(time) else now(),
        message=_text(headers, "message"),
        logicversion=_number(headers, "logicversion"),
        line=_number(headers, "line"),
        text=_text(headers, "text"),
        limit=_text(headers, "limit") or None,
        message_id=_text(headers, "message_id") or None,
        content_type=topology.text_of(properties.content_type or "") or None,
        logicprofile=_text(headers, "logicprofile") or None,
    )


def parse_id(letter_id: str) -> tuple[str, str] | None:
    """The machine and the name in the id of a letter, None where it cannot be one."""
    found = _ID.fullmatch(letter_id)
    if found is None:
        return None
    return (STRAY, found[3]) if found[3] else (found[1], found[2])


def milliseconds(time: str) -> int:
    """A time in RFC 3339 as milliseconds since 1970. Raises `ValueError`."""
    moment = datetime.fromisoformat(time)
    if moment.tzinfo is None:
        raise ValueError(f"{time!r} names no time zone")
    return round(moment.timestamp() * 1000)


def _is_time(text: str) -> bool:
    try:
        milliseconds(text)
    except (ValueError, OverflowError):
        return False
    return True


def _text(headers: Mapping[str, Any], name: str) -> str:
    value = headers.get(name)
    return value if isinstance(value, str) else ""


def _number(headers: Mapping[str, Any], name: str) -> int | None:
    value = headers.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**63:
        return None
    return int(value)  # pika has a class of its own for what needs eight bytes
