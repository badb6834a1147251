"""The values of configs: a machine's over its profile's, and the ones that a change of a config changes."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

#: The most values that are listed, and the most characters of a name or a value.
_VALUES: Final = 20
_CHARACTERS: Final = 100


def merged(profile: bytes, own: bytes) -> bytes:
    """Return the config that a machine's logic reads: its profile's, and over it the machine's own, by key.

    Only the keys of the whole config are merged: a dict or list of the machine replaces the profile's.
    """
    if profile == b"{}":
        return own
    if own == b"{}":
        return profile
    return msgspec.json.encode(_decode(profile) | _decode(own))


def keys_of(config: bytes) -> list[str]:
    """Return the keys of a config, in order."""
    return list(_decode(config))


def changed_values(before: bytes, after: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values that differ between two configs (JSON objects), before and after the change.

    A name is the path of a value: `limits.high`. Lists and long texts are cut to a short text. If more values
    differ than are listed, the last entry of both is "…": the number of the others.
    """
    sides = [dict(_values(msgspec.json.decode(each))) for each in (before, after)]
    # `1` and `1.0` differ, as do `1` and `true`.
    one, other = ({name: msgspec.json.encode(value) for name, value in side.items()} for side in sides)
    names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
    shown = [{_cut(name): _short(side[name]) for name in names[:_VALUES] if name in side} for side in sides]
    if (more := len(names) - _VALUES) > 0:
        for side in shown:
            side["…"] = more
    return shown[0], shown[1]


def _values(config: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value with its path. A dict with values is not a value itself."""
    for name, value in config.items():
        if isinstance(value, dict) and value:
            yield from _values(value, f"{path}{name}.")
        else:
            yield path + name, value


def _short(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return _cut(value if isinstance(value, str) else msgspec.json.encode(value).decode())


_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def _cut(text: str) -> str:
    return text if len(text) <= _CHARACTERS else f"{text[: _CHARACTERS - 1]}…"
