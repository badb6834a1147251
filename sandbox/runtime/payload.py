"""The formats of readings: from the bytes that a device sent to the value that a logic gets as `data`.

To add a format, write a function here that decodes it, add it to `_DECODERS`, and its name to `Format` in
`sandbox.job`. Such a function runs in the confined child. It gets hostile bytes, at most `reading_bytes` of
them, and must take little more time and memory than their number allows. It raises `InvalidPayload` with the
place of the fault, or returns plain values: None, bool, int, float, str, bytes, datetime, and lists and dicts
of these.

A compressed reading is decompressed first, up to `reading_bytes`.
"""

import io
import zlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Final, NoReturn

import cbor2
import msgspec

from sandbox.errors import InvalidPayload
from sandbox.job import Compression, Format
from sandbox.limits import Limits
from sandbox.runtime.payload_keys import part_as_key
from sandbox.runtime.values import decode_reading

#: The bytes to show before and after the place of a fault.
_EXCERPT: Final = 8

#: The argument `wbits` of zlib for each compression.
_WINDOWS: Final = {"gzip": 31, "zlib": 15}

_SCALARS: Final = frozenset((type(None), bool, int, float, str, bytes, datetime))
_KEYS: Final = frozenset((str, int, bytes))
_BAD_KEY: Final = "a key is neither a text nor a whole number nor bytes"

#: The tags of CBOR that cbor2 would decode and a logic cannot use: they make values of other types, parts
#: that are shared, or whole numbers of any length, which can be keys that take long to find. Times (0 and 1)
#: remain.
#: https://www.iana.org/assignments/cbor-tags
_REFUSED_TAGS: Final = (
    *(2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799),
)
#: What says that the rest is CBOR.
_SELF_DESCRIBED: Final = b"\xd9\xd9\xf7"

#: What msgspec says, and what we say.
_MSGPACK_WHY: Final = {"Input data was truncated": "it ends too early"}

_decode_msgpack: Final = msgspec.msgpack.Decoder(
    ext_hook=lambda code, _data: _refuse(f"it has the extension type {code}, which is not supported")
).decode


def decode_payload(body: bytes, payload: Format, compression: Compression, limits: Limits) -> Any:
    """Return the value of a reading.

    Raises `NotJson` if it should be JSON and is not, or `InvalidPayload` for any other format.
    """
    if len(body) > limits.reading_bytes and (payload, compression) != ("json", "none"):
        raise InvalidPayload(
            f"the reading has {len(body):,} bytes; the limit reading_bytes is {limits.reading_bytes:,}"
        )
    if compression != "none":
        body = _decompressed(body, compression, limits)
    return _DECODERS[payload](body, limits)


def _decompressed(body: bytes, compression: Compression, limits: Limits) -> bytes:
    stream = zlib.decompressobj(_WINDOWS[compression])
    try:
        content = stream.decompress(body, limits.reading_bytes + 1)
    except zlib.error as e:
        why = str(e).rpartition(": ")[2]
        raise InvalidPayload(f"the reading is not {compression}: {why}; it begins {_hex(body, 0)}") from e
    if len(content) > limits.reading_bytes:
        raise InvalidPayload(
            f"the reading has more than {limits.reading_bytes:,} bytes when it is decompressed; that is the "
            "limit reading_bytes"
        )
    if not stream.eof:
        raise InvalidPayload(f"the reading is not complete: its {compression} data ends at byte {len(body)}")
    if stream.unused_data:
        at = len(body) - len(stream.unused_data)
        raise InvalidPayload(f"the {compression} data of the reading ends before byte {at}: {_hex(body, at)}")
    return content


def _text(body: bytes, _limits: Limits) -> str:
    try:
        return body.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as e:
        at = len(body) - len(e.object) + e.start
        raise InvalidPayload(f"the reading is not UTF-8 at byte {at}: {_hex(body, at)}") from e


def _binary(body: bytes, _limits: Limits) -> bytes:
    return body


def _msgpack(body: bytes, limits: Limits) -> Any:
    try:
        _refuse_part_as_key(body, is_cbor=False)
        return _plain(_decode_msgpack(body), limits)
    except RecursionError as e:
        raise _invalid("MessagePack", _too_deep(limits)) from e
    except UnicodeDecodeError as e:
        raise _invalid("MessagePack", f"a text in it is not UTF-8: {_hex(e.object, e.start)}") from e
    except (msgspec.DecodeError, _Refused) as e:
        why = str(e).removeprefix("MessagePack data is malformed: ")
        raise _invalid("MessagePack", _MSGPACK_WHY.get(why, why)) from e


def _cbor(body: bytes, limits: Limits) -> Any:
    try:
        _refuse_part_as_key(body, is_cbor=True)
        return _plain(_whole_cbor(body, limits), limits)
    except _Refused as e:
        raise _invalid("CBOR", str(e)) from e
    except (cbor2.CBORDecodeError, ValueError, OverflowError, RecursionError) as e:
        cause: BaseException = e
        while cause.__cause__ is not None:
            cause = cause.__cause__
        why = "it ends too early" if isinstance(e, cbor2.CBORDecodeEOF) else str(cause)
        at = _fault_in_cbor(body, limits)
        raise _invalid("CBOR", f"{why}, before byte {at}: {_hex(body, at)}") from e


def _whole_cbor(body: bytes, limits: Limits) -> Any:
    """Return the value that takes all bytes."""
    stream = io.BytesIO(body)
    value = _cbor_decoder(stream, limits).decode()
    at = stream.tell()
    if at != len(body):
        _refuse(f"more bytes follow the value, from byte {at}: {_hex(body, at)}")
    return value


def _fault_in_cbor(body: bytes, limits: Limits) -> int:
    """Return how many bytes the decoder reads until it finds the fault."""
    stream = io.BytesIO(body)
    with suppress(cbor2.CBORDecodeError, ValueError, OverflowError, RecursionError):
        _cbor_decoder(stream, limits, read_size=1).decode()
    return stream.tell()


def _cbor_decoder(stream: io.BytesIO, limits: Limits, read_size: int = 4096) -> cbor2.CBORDecoder:
    if stream.getvalue().startswith(_SELF_DESCRIBED):
        stream.seek(len(_SELF_DESCRIBED))
    return cbor2.CBORDecoder(
        stream,
        tag_hook=lambda tag, _: _refuse_tag(tag.tag),
        semantic_decoders=_SEMANTICS,
        read_size=read_size,
        max_depth=limits.reading_depth + 1,
    )


class _Refused(ValueError):
    """A value that the format allows, and a logic cannot get."""


def _refuse(why: str) -> NoReturn:
    raise _Refused(why)


def _refuse_tag(tag: int, *_: object) -> NoReturn:
    _refuse(f"it has the tag {tag}, which is not supported")


_SEMANTICS: Final = {tag: partial(_refuse_tag, tag) for tag in _REFUSED_TAGS}


def _refuse_part_as_key(body: bytes, *, is_cbor: bool) -> None:
    if (at := part_as_key(body, is_cbor=is_cbor)) is not None:
        _refuse(f"{_BAD_KEY}, at byte {at}: {_hex(body, at)}")


def _plain(value: Any, limits: Limits) -> Any:
    """Return a decoded value that has only plain values in it, in place. Raises `_Refused`."""
    top = [value]
    level: list[Any] = [top]
    for _ in range(limits.reading_depth + 1):
        below, is_deeper = list[Any](), False
        for part in level:
            if type(part) is dict:
                if not _KEYS.issuperset(map(type, part)):
                    _refuse(_BAD_KEY)
                items = list(part.items())
            else:
                items = list(enumerate(part))
            for key, item in items:
                kind = type(item)
                if kind is list or kind is dict:
                    is_deeper = True
                    if item:
                        below.append(item)
                elif item is cbor2.undefined:
                    part[key] = None
                elif kind not in _SCALARS:
                    _refuse("it has a simple value that is not supported")
                elif kind is int and item.bit_length() > limits.int_bits:
                    _refuse(f"a whole number exceeds the limit int_bits ({limits.int_bits:,} bits)")
        if not is_deeper:
            return top[0]
        level = below
    _refuse(_too_deep(limits))


def _too_deep(limits: Limits) -> str:
    return f"it is nested too deeply; the limit reading_depth is {limits.reading_depth} levels"


def _invalid(name: str, why: str) -> InvalidPayload:
    return InvalidPayload(f"the reading is not valid {name}: {why}")


def _hex(body: bytes, at: int) -> str:
    """Return the bytes around a place in hex; the place is in brackets."""
    start = max(0, at - _EXCERPT)
    before, here, after = body[start:at], body[at : at + 1], body[at + 1 : at + 1 + _EXCERPT]
    parts = [before.hex(" "), f"[{here.hex()}]" if here else "[end]", after.hex(" ")]
    return ("… " if start else "") + " ".join(part for part in parts if part)


_DECODERS: Final[dict[Format, Callable[[bytes, Limits], Any]]] = {
    "json": decode_reading,
    "text": _text,
    "binary": _binary,
    "cbor": _cbor,
    "msgpack": _msgpack,
}
