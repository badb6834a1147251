"""Decodes the headers of messages from any publisher, so that no header ends a connection.

pika decodes the headers of a message when it arrives, and raises an error if Python cannot represent a value:
a time after the year 9999 (a device that writes milliseconds while AMQP counts seconds sends one), or
thousands of nested tables. The error would end the connection, the broker would redeliver the message, and so
on. Here, an invalid time is None, and a table that cannot be decoded is empty.
"""

import struct
from typing import Any, Final

import pika.data
import pika.exceptions

_TIMESTAMP: Final = b"T"

_decode_table, _decode_value = pika.data.decode_table, pika.data.decode_value


def install() -> None:
    """Make pika decode headers this way."""
    pika.data.decode_table, pika.data.decode_value = _table, _value


def _table(encoded: bytes, offset: int) -> tuple[dict[Any, Any], int]:
    try:
        return _decode_table(encoded, offset)
    except (ValueError, ArithmeticError, RecursionError, pika.exceptions.InvalidFieldTypeException):
        (size,) = struct.unpack_from(">I", encoded, offset)
        return {}, offset + 4 + size


def _value(encoded: bytes, offset: int) -> tuple[Any, int]:
    try:
        return _decode_value(encoded, offset)
    except (ValueError, OverflowError, OSError):
        if encoded[offset : offset + 1] != _TIMESTAMP:
            raise
        return None, offset + 9
