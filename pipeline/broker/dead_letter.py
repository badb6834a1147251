"""Dead letters: failed readings with unchanged bytes and the cause in the headers.

The names of the headers are the fields of `Cause`; fields without a value are left out. The header `machine`
names the machine, and the message keeps the device's `content_type`. A dead letter's own `message_id` is
`<machine>/<number>`: it identifies a dead letter that exists twice after a crash. If the routing key names no
machine, the id is `~stray/<random>`; no machine's id contains a tilde.

RabbitMQ itself makes the dead letter of a reading that expired in a partition's queue
(`pipeline.broker.expiry`). It has none of our headers and no number: its id is `<machine>/expired-<hash>`.
"""

import uuid
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import pika
from msgspec.structs import asdict

from pipeline import wire
from pipeline.broker.expiry import NO_SOURCES, Expiry, expiry_of, name_of
from pipeline.broker.publisher import PERSISTENT, Message
from pipeline.clock import now, utc
from pipeline.model.dead_letter import EXPIRED, KINDS, STRAY, Letter, cause_of, parse_id
from pipeline.model.reading import Reading
from pipeline.model.record import Outgoing
from pipeline.model.topic_source import IdRules, topic_of
from sandbox.job import Failure, Outcome


def dead_letter_message(key: str, machine_id: str, outgoing: Outgoing) -> Message:
    """Return the message of a dead letter, for the exchange `dead-letters`."""
    assert outgoing.cause is not None
    headers = {name: value for name, value in asdict(outgoing.cause).items() if value not in (None, "")}
    content_type = headers.pop("content_type", None)
    headers["machine"] = machine_id
    return Message(
        wire.DEAD_LETTERS_EXCHANGE,
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


def stray_message(reading: Reading, source: str | None = None) -> Message:
    """Return the dead letter of a reading that names no machine, by its key or by a source's rules."""
    what = f"the routing key {reading.key!r} names no machine"
    if source is not None:
        what = f"the topic {topic_of(reading.key)!r} names no machine by the rules of the source {source!r}"
    failure = Failure(f"{what}; a machine id has 1 to 128 letters, digits, underscores or hyphens")
    cause = cause_of(reading, Outcome("machine-id", failure=failure), now())
    return dead_letter_message(reading.key, "", Outgoing("", reading.body, cause))


def letter_of(
    key: str | bytes,
    properties: pika.BasicProperties,
    body: bytes,
    sources: Mapping[int, IdRules] = NO_SOURCES,
) -> Letter:
    """Return the letter of a message from the exchange `dead-letters`. Any message is accepted.

    A message without one of our ids becomes a stray, identified by a hash of its contents, unless it is a
    reading that expired.
    """
    headers, key = properties.headers or {}, wire.text_of(key)
    if (expiry := expiry_of(key, headers, sources)) is not None:
        return _expired(expiry, key, properties, body)
    machine, name = parse_id(wire.text_of(properties.message_id or "")) or (STRAY, "")
    time = _text(headers, "time")
    if not name or (machine != STRAY and key != wire.dead_letter_key(machine)):
        content = b"\0".join((key.encode(), time.encode(), body))
        machine, name = STRAY, blake2b(content, digest_size=16).hexdigest()
    kind = _text(headers, "kind")
    return Letter(
        machine=machine,
        name=name,
        key=key,
        size=len(body),
        kind=kind if kind in KINDS else "unknown",
        time=_utc(time) or now(),
        message=_text(headers, "message"),
        logicversion=_number(headers, "logicversion"),
        line=_number(headers, "line"),
        text=_text(headers, "text"),
        limit=_text(headers, "limit") or None,
        message_id=_text(headers, "message_id") or None,
        content_type=wire.text_of(properties.content_type or "") or None,
        logicprofile=_text(headers, "logicprofile") or None,
        topic=_text(headers, "topic") or None,
        received=_utc(_text(headers, "received")),
        timer=_text(headers, "timer") or None,
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
        message_id=wire.text_of(properties.message_id or "") or None,
        content_type=wire.text_of(properties.content_type or "") or None,
    )


def _utc(time: str) -> str | None:
    """Convert a time to UTC; None if it is not a valid time."""
    try:
        return utc(time)
    except (ValueError, OverflowError):
        return None


def _text(headers: Mapping[str, Any], name: str) -> str:
    value = headers.get(name)
    return value if isinstance(value, str) else ""


def _number(headers: Mapping[str, Any], name: str) -> int | None:
    value = headers.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**63:
        return None
    return int(value)  # pika has its own class for integers of eight bytes
