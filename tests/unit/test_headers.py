"""Headers that Python cannot represent do not break a connection."""

import struct
from typing import Any

import pika
import pytest
from pika.compat import long

import pipeline.broker.connection

assert pipeline.broker.connection, "it lets pika decode headers this way"


def decoded(table: bytes) -> dict[str, Any]:
    """Return how pika decodes a message with these headers, followed by an `expiration`."""
    properties = pika.BasicProperties(expiration="1000")
    flags = struct.pack(">H", properties.FLAG_HEADERS | properties.FLAG_EXPIRATION)
    properties.decode(flags + struct.pack(">I", len(table)) + table + b"\x041000")
    assert properties.expiration == "1000", "the properties behind the headers are decoded"
    return dict(properties.headers or {})


def nested(levels: int) -> bytes:
    value = b"V"
    for _ in range(levels):
        value = b"A" + struct.pack(">I", len(value)) + value
    return b"\x01n" + value


SEVEN = b"\x01sl" + struct.pack(">q", 7)


@pytest.mark.parametrize("seconds", [1_764_000_000_000, 2**63, 2**64 - 1])
def test_a_time_after_the_year_9999_is_ignored(seconds: int) -> None:
    time = b"\x01tT" + struct.pack(">Q", seconds)

    assert decoded(time + SEVEN) == {"t": None, "s": long(7)}


@pytest.mark.parametrize("table", [nested(20_000) + SEVEN, b"\x01?\xff" + SEVEN])
def test_headers_that_cannot_be_decoded_are_left_out(table: bytes) -> None:
    assert decoded(table) == {}
