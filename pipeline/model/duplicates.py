"""Recognises duplicates: readings that a device or gateway sends again because it got no confirm.

The broker cannot recognise them, and redelivery by the broker is another matter (`pipeline.model.record`). A
machine's record keeps the keys of its last readings, each with the time when it was run: 12 bytes for each. A
reading whose key is among them is a duplicate. It is counted and not run, and leads to no result.

A dead letter that a person sends again is never a duplicate. Neither is a reading without a key: one without
a `message_id`, or without the field, or one that is not plain JSON if the key is a field.
"""

import struct
from collections.abc import Sequence
from hashlib import blake2b
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta, Struct

from pipeline.model.field_path import field_of
from pipeline.model.reading import Reading

#: Bytes of a key. Two different readings of a machine have the same one by chance once in 10^16.
_KEY_BYTES: Final = 8

#: A key, and the second in which its reading was run, since 1970.
_ENTRY: Final = struct.Struct(f">{_KEY_BYTES}sI")


class DuplicateRule(Struct, frozen=True, omit_defaults=True):
    """How the duplicates of a machine are recognised: by the `message_id` of AMQP, or by a field.

    A duplicate has the same value as one of the last `readings`, in the last `minutes` if that is set.
    """

    field: Annotated[
        Annotated[str, Meta(min_length=1, max_length=200)] | None,
        Meta(
            description="The field whose value is new in each reading, such as seq; a dot leads into an "
            "object: header.seq. Without it, the message_id of AMQP is compared."
        ),
    ] = None
    readings: Annotated[int, Meta(ge=1, le=1000, description="How many of the last readings to compare.")] = (
        100
    )
    minutes: Annotated[
        Annotated[int, Meta(ge=1, le=10_080)] | None,
        Meta(description="How old a reading may be to be compared. Without it, any age."),
    ] = None


class Divided(NamedTuple):
    """Readings, divided into those to run and the duplicates, and the keys to keep."""

    run: list[Reading]
    duplicates: list[Reading]
    keys: bytes


def divide(
    rule: DuplicateRule, keys: bytes, readings: Sequence[Reading], seconds: int, *, plain_json: bool
) -> Divided:
    """Divide the readings of a batch. `keys` are those of the record, and `seconds` is now since 1970."""
    known = list(_ENTRY.iter_unpack(keys))
    run, duplicates = list[Reading](), list[Reading]()
    for reading in readings:
        key = None if reading.claim is not None else _key_of(rule, reading, plain_json=plain_json)
        if key is None:
            run.append(reading)
        elif any(each == key and _is_recent(rule, at, seconds) for each, at in known):
            duplicates.append(reading)
        else:
            run.append(reading)
            known.append((key, seconds))
            del known[: -rule.readings]
    return Divided(run, duplicates, b"".join(_ENTRY.pack(*entry) for entry in known))


def _is_recent(rule: DuplicateRule, at: int, seconds: int) -> bool:
    # A time in the future is of a clock that was wrong. Such a reading is not recent for longer than others.
    return rule.minutes is None or abs(seconds - at) <= 60 * rule.minutes


def _key_of(rule: DuplicateRule, reading: Reading, *, plain_json: bool) -> bytes | None:
    """Return the key of a reading; None if it has none."""
    if rule.field is None:
        identity = reading.message_id.encode(errors="surrogatepass") if reading.message_id else None
    else:
        identity = _field_of(rule.field, reading.body) if plain_json else None
    if identity is None:
        return None
    # With another field, or with message ids, the same value is another key: the rule may change while keys
    # are kept.
    named = msgspec.msgpack.encode((rule.field, identity))
    return blake2b(named, digest_size=_KEY_BYTES).digest()


def _field_of(path: str, body: bytes) -> bytes | None:
    """Return the value of a field as JSON; None if there is none, or the reading is not JSON."""
    value = field_of(path, body)
    if value is None or isinstance(value, dict | list):
        return None
    # Two numbers with many digits can be the same float, and are two readings.
    return _as_sent(path.split("."), body) if isinstance(value, float) else msgspec.json.encode(value)


def _as_sent(names: Sequence[str], body: bytes) -> bytes:
    """Return the text of an existing field's value, as the device sent it."""
    for name in names:
        body = bytes(_parts(body)[name])
    return body


_parts = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
