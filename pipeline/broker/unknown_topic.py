"""A message below `machines/` whose topic is none of readings, which would be lost without a trace.

RabbitMQ confirms such a message to the device. So it becomes a dead letter without a machine, and its message
says which topic the device probably meant. RabbitMQ turns the slashes of an MQTT topic into dots, so a dot in
a machine's id has the effect of a slash.
"""

from hashlib import blake2b

import msgspec
import pika

from pipeline import wire
from pipeline.broker.sent_at import sent_at_of
from pipeline.clock import now
from pipeline.model.dead_letter import STRAY, UNKNOWN_TOPIC, Letter


def unknown_topic_letter(key: str | bytes, properties: pika.BasicProperties, body: bytes) -> Letter:
    """Return the letter of a message with an unknown topic. Any message is accepted."""
    key = wire.text_of(key)
    message_id = wire.text_of(properties.message_id or "") or None
    identity = msgspec.msgpack.encode((key, message_id, sent_at_of(properties.headers), body))
    return Letter(
        machine=STRAY,
        name=blake2b(identity, digest_size=16).hexdigest(),
        key=key,
        size=len(body),
        kind=UNKNOWN_TOPIC,
        time=now(),
        message=advice(key),
        message_id=message_id,
        content_type=wire.text_of(properties.content_type or "") or None,
    )


def advice(key: str) -> str:
    """Say what is wrong with a topic, and which one was probably meant."""
    levels = key.split(".")
    named = [level for level in levels if level]
    said = f"No machine reads the topic {'/'.join(levels)}."
    rest = named[1:]
    if not rest:
        return f"{said} Readings go to machines/<id>/data."
    is_data = rest[-1].lower() == "data"
    ids = rest[:-1] if is_data else rest[:1]
    machine_id = "-".join(ids)
    meant = wire.data_topic(machine_id if wire.is_machine_id(machine_id) else "<id>")
    reasons = list[str]()
    if not levels[0]:
        reasons.append("it begins with a slash")
    if not levels[-1]:
        reasons.append("it ends with a slash")
    if any(not level for level in levels[1:-1]):
        reasons.append("it has an empty level")
    if is_data and rest[-1] != "data":
        reasons.append(f"it ends with {rest[-1]}, not data")
    if not ids:
        reasons.append("it names no machine")
    elif len(ids) > 1:
        reasons.append("a machine's id has no dots or slashes")
    elif not wire.is_machine_id(ids[0]):
        reasons.append("a machine's id has 1 to 128 letters, digits, underscores or hyphens")
    if not is_data:
        reasons.append("the last level must be data")
    advised = f"{said} Send readings to {meant}: {', and '.join(reasons)}."
    if is_data:
        return advised
    return f"{advised} If it needs topics of its own, let them begin with another level, and create a source."
