"""Dead letters: readings that failed, with their bytes untouched and the cause in the headers.

The names of the headers are the fields of `Cause`; what has no value is left out. `machine` names the
machine, and the message keeps the device's `content_type`. A dead letter's own `message_id` is
`<machine>/<number>`: one that is there twice after a crash can be told by it. What came with a routing key
that names no machine is `~stray/<random>`; no machine's id has a tilde.

RabbitMQ itself makes the dead letter of a reading that expired in a partition's queue (`pipeline.expiry`). It
has no headers of ours, and no number: its id is `<machine>/expired-<hash>`.
"""

import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, get_args

import pika
from msgspec import Struct
from msgspec.structs import asdict, replace

from pipeline import topology
from pipeline.expiry import NAME_PATTERN, Expiry, expiry_of, name_of
from pipeline.publisher import PERSISTENT, Message
from pipeline.reading import Reading
from pipeline.record import Cause, Outgoing
from pipeline.result import now
from pipeline.setup import Active
from sandbox.job import Failure, Outcome, OutcomeKind

#: What stands for the machine of readings whose routing key names none.
STRAY: Final = "~stray"

#: The kind of a reading that no worker has taken, because it expired before.
EXPIRED: Final = "expired"

#: The kinds of dead letters; `unknown` is what no worker of this version has written.
KINDS: Final = (*(kind for kind in get_args(OutcomeKind) if kind != "ok"), EXPIRED, "unknown")

#: The message id that a reading has which was sent again, before the name of its letter.
SENT_AGAIN: Final = "dead-letter/"

#: The name of a machine's letter, as a regular expression: its number, or a hash of a reading that expired.
LETTER_NAME_PATTERN: Final = f"[1-9][0-9]{{0,14}}|{NAME_PATTERN}"

_ID = re.compile(
    rf"(?P<machine>{topology.MACHINE_ID_PATTERN})/(?P<name>{LETTER_NAME_PATTERN})|{STRAY}/(?P<stray>[0-9a-f]{{32}})"
)

_CAUSE = re.compile("[0-9a-f]{16}")
#: What differs between two messages that say the same.
_NUMBER_IN_TEXT = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_SENT_AGAIN = re.compile(f"{SENT_AGAIN}({LETTER_NAME_PATTERN})")


class Letter(Struct, frozen=True):
    """A dead letter as it is kept, without the reading's bytes, of which there are `size`.

    `machine` is `STRAY` where `key`, the routing key, names none. `name` is the reading's number on its
    machine, or begins with `expired-` if it was never run, because it expired. `kind` is one of `KINDS`,
    `time` when it failed (RFC 3339, UTC); the rest is as in `Cause`.
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
        """What it is known by: `<machine>/<name>`."""
        return f"{self.machine}/{self.name}"

    @property
    def number(self) -> int | None:
        """The reading's number on its machine; None if it has no machine, or was never run."""
        return number_of(self.name) if self.machine != STRAY else None

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
    def sent_before(self) -> str | None:
        """The name of the letter that this reading was sent again from, None where it was not."""
        found = _SENT_AGAIN.fullmatch(self.message_id or "")
        return found[1] if found else None


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

    A message that has no id of ours becomes a stray, known by a hash of what it is, unless it is a reading
    that expired.
    """
    headers, key = properties.headers or {}, topology.text_of(key)
    if (expiry := expiry_of(key, headers)) is not None:
        return _expired(expiry, key, properties, body)
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


def _expired(expiry: Expiry, key: str, properties: pika.BasicProperties, body: bytes) -> Letter:
    name = name_of(expiry, properties, key, body)
    return Letter(
        machine=expiry.machine or STRAY,
        name=name if expiry.machine else name.removeprefix("expired-"),
        key=key,
        size=len(body),
        kind=EXPIRED,
        time=expiry.time or now(),
        message=expiry.message,
        message_id=topology.text_of(properties.message_id or "") or None,
        content_type=topology.text_of(properties.content_type or "") or None,
    )


def another(letter: Letter) -> Letter:
    """The letter of another reading that expired and equals this one: the same but for its name."""
    name = uuid.uuid4().hex
    return replace(letter, name=name if letter.machine == STRAY else f"expired-{name}")


def number_of(name: str) -> int | None:
    """The number that a letter's name is, None if it is the name of a reading that expired."""
    return int(name) if name.isdecimal() else None


def parse_id(letter_id: str) -> tuple[str, str] | None:
    """The machine and the name in the id of a letter, None where it cannot be one."""
    found = _ID.fullmatch(letter_id)
    if found is None:
        return None
    return (STRAY, found["stray"]) if found["stray"] else (found["machine"], found["name"])


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
