"""The modules for bytes: struct, base64, binascii and zlib, as far as a logic may use them.

Strategy. As in `facades`. A format of struct is read here before Python reads it, because a short one can ask
for any number of values or bytes. Without a byte order, Python takes the sizes and gaps of the host. Such a
format is refused unless all its values are single bytes, so that every host gives the same.
"""

import base64
import binascii
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from sandbox.runtime.meter import TEXTS, Meter
from sandbox.runtime.takes import Guards

#: The most characters of a format of struct, and the most formats that are kept.
LONGEST_FORMAT: Final = 200
_MOST_FORMATS: Final = 100
_ORDERS: Final = "<>=!"
_CODES: Final = "xcbB?hHiIlLqQefdsp"
#: Codes of single bytes, which have no order.
_BYTES: Final = frozenset("xcbB?sp")
_PART: Final = re.compile(rf"\s*([0-9]*)([{_CODES}])")


class Layout(NamedTuple):
    """A format of struct: how Python reads it, its size in bytes, and the number of its values."""

    struct: struct.Struct
    size: int
    values: int


class Layouts:
    """Reads formats of struct, and pays for them."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._kept: dict[str, Layout] = {}

    def of(self, format: Any) -> Layout:  # noqa: A002 - the name of Python
        """Return the layout of a format; each call pays the same, whether it is kept or not."""
        if type(format) is not str:
            raise TypeError(f"a format of struct must be a text, not {type(format).__name__}")
        if len(format) > LONGEST_FORMAT:
            raise struct.error(f"a format has at most {LONGEST_FORMAT} characters, not {len(format)}")
        self._meter.spend(2 + (len(format) >> 1))
        layout = self._kept.get(format)
        if layout is None:
            layout = self._read(format)
            if len(self._kept) >= _MOST_FORMATS:
                self._kept.clear()
            self._kept[format] = layout
        return layout

    def _read(self, format: str) -> Layout:  # noqa: A002
        size = values = at = 0
        order = format[:1] if format[:1] in _ORDERS else ""
        codes = format.removeprefix(order).rstrip()
        while at < len(codes):
            part = _PART.match(codes, at)
            if part is None:
                raise struct.error(_refusal(codes[at:].lstrip("0123456789 ")[:1]))
            at = part.end()
            digits, code = part.groups()
            if len(digits) > 9:
                raise struct.error("a count in the format is too large")
            count = int(digits or 1)
            if not count and code == "p":
                raise struct.error("'0p' is not available: bytes of 'p' begin with one for their length")
            size += count * (struct.calcsize(f"<{code}"))
            values += 0 if code == "x" else 1 if code in "sp" else count
            if not order and code not in _BYTES:
                raise struct.error(
                    f"write the byte order first, such as '<{format[:20].lstrip('@')}' or "
                    f"'>{format[:20].lstrip('@')}'; without it, the host would decide"
                )
        self._bounded(size, values)
        return Layout(struct.Struct(f"{order or '='}{codes}"), size, values)

    def _bounded(self, size: int, values: int) -> None:
        limits = self._meter.limits
        if size > limits.str_chars:
            self._meter.exceed("str_chars")
        if values > limits.list_items:
            self._meter.exceed("list_items")


def _refusal(code: str) -> str:
    if code and code in "nNP":
        return f"'{code}' is not available in a format of struct: its size depends on the host"
    if code == "@":
        return "'@' is not available in a format of struct: write '<' or '>', because the host would decide"
    return "bad char in struct format" if code else "repeat count given without format specifier"


def struct_facade(meter: Meter) -> Guards:
    """Return the facade of struct."""
    layouts = Layouts(meter)

    def calcsize(format: Any, /) -> int:  # noqa: A002
        return layouts.of(format).size

    def pack(format: Any, /, *values: Any) -> bytes:  # noqa: A002
        layout = layouts.of(format)
        meter.spend(layout.values >> 3)
        meter.text_of(layout.size)
        return layout.struct.pack(*values)

    def unpack(format: Any, buffer: Any, /) -> tuple[Any, ...]:  # noqa: A002
        layout = _paid(format, buffer)
        if len(buffer) != layout.size:
            raise struct.error(f"unpack requires a buffer of {layout.size} bytes, not of {len(buffer)}")
        return layout.struct.unpack(buffer)

    def unpack_from(format: Any, /, buffer: Any, offset: Any = 0) -> tuple[Any, ...]:  # noqa: A002
        layout = _paid(format, buffer)
        return layout.struct.unpack_from(buffer, offset)

    def iter_unpack(format: Any, buffer: Any, /) -> Iterator[tuple[Any, ...]]:  # noqa: A002
        layout = _paid(format, buffer)
        rows = len(buffer) // max(layout.size, 1)
        meter.spend(rows * (1 + (layout.values >> 3)))
        return layout.struct.iter_unpack(buffer)

    def _paid(format: Any, buffer: Any) -> Layout:  # noqa: A002
        layout = layouts.of(format)
        only_bytes(buffer)
        meter.spend((layout.values >> 2) + (layout.size >> 5))
        return layout

    return {
        "calcsize": calcsize,
        "error": struct.error,
        "iter_unpack": iter_unpack,
        "pack": pack,
        "unpack": unpack,
        "unpack_from": unpack_from,
    }


def base64_facade(meter: Meter) -> Guards:
    """Return the facade of base64."""

    def paid(data: Any, altchars: Any = None) -> None:
        for value in (data,) if altchars is None else (data, altchars):
            if type(value) not in TEXTS:
                raise TypeError(f"base64 takes bytes or a text, not {type(value).__name__}")
        if altchars is not None and len(altchars) != 2:
            raise ValueError("altchars must be two characters")
        meter.spend(4 + (len(data) >> 4))

    def encoding(data: Any, altchars: Any = None) -> None:
        paid(data, altchars)
        meter.text_of(2 * len(data))

    def b64encode(s: Any, altchars: Any = None) -> bytes:
        encoding(s, altchars)
        return meter.text(base64.b64encode(s, altchars))

    def b64decode(s: Any, altchars: Any = None, validate: Any = False) -> bytes:
        paid(s, altchars)
        return meter.text(base64.b64decode(s, altchars, bool(validate)))

    def writing(function: Callable[[Any], bytes]) -> Any:
        def run(s: Any) -> bytes:
            encoding(s)
            return meter.text(function(s))

        return run

    def reading(function: Callable[[Any], bytes]) -> Any:
        def run(s: Any) -> bytes:
            paid(s)
            return meter.text(function(s))

        return run

    def b16decode(s: Any, casefold: Any = False) -> bytes:
        paid(s)
        return meter.text(base64.b16decode(s, bool(casefold)))

    return {
        "b16decode": b16decode,
        "b16encode": writing(base64.b16encode),
        "b64decode": b64decode,
        "b64encode": b64encode,
        "standard_b64decode": reading(base64.standard_b64decode),
        "standard_b64encode": writing(base64.standard_b64encode),
        "urlsafe_b64decode": reading(base64.urlsafe_b64decode),
        "urlsafe_b64encode": writing(base64.urlsafe_b64encode),
    }


def binascii_facade(meter: Meter) -> Guards:
    """Return the facade of binascii."""

    def hexlify(data: Any, sep: Any = None, bytes_per_sep: Any = 1) -> bytes:
        meter.text_of(3 * len(only_bytes(data)))
        return meter.text(
            binascii.hexlify(data) if sep is None else binascii.hexlify(data, sep, bytes_per_sep)
        )

    def unhexlify(hexstr: Any, /) -> bytes:
        if type(hexstr) not in TEXTS:
            raise TypeError(f"unhexlify() takes bytes or a text, not {type(hexstr).__name__}")
        meter.spend((len(hexstr) >> 4) + 1)
        return meter.text(binascii.unhexlify(hexstr))

    def crc_hqx(data: Any, crc: Any, /) -> int:
        meter.spend((len(only_bytes(data)) >> 5) + 1)
        return binascii.crc_hqx(data, crc)

    return {
        "Error": binascii.Error,
        "crc32": checksum(binascii.crc32, meter, 0),
        "crc_hqx": crc_hqx,
        "hexlify": hexlify,
        "unhexlify": unhexlify,
    }


def zlib_facade(meter: Meter) -> Guards:
    """Return the facade of zlib: its checksums."""
    return {"adler32": checksum(zlib.adler32, meter, 1), "crc32": checksum(zlib.crc32, meter, 0)}


def only_bytes(data: Any) -> bytes:
    """Return bytes, and raise an error for any other value."""
    if type(data) is not bytes:
        instead = "; write text.encode() or bytes.fromhex(text)" if type(data) is str else ""
        raise TypeError(f"bytes are required, not {type(data).__name__!r}{instead}")
    return data


def checksum(function: Any, meter: Meter, start: int) -> Any:
    """Return a checksum of bytes that pays for them."""

    def run(data: Any, value: Any = start, /) -> int:
        meter.spend((len(only_bytes(data)) >> 6) + 1)
        return function(data, value)  # type: ignore[no-any-return]

    return run
