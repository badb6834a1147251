"""Reads one field of a reading in JSON, for the rules of a machine's settings."""

from typing import Any

import msgspec


def field_of(path: str, body: bytes) -> Any:
    """Return the value of a field; None if there is none, or if the reading is not JSON.

    A dot in `path` leads into an object.
    """
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value
