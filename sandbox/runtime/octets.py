"""The type bytes: what makes bytes, their methods, and whole numbers of bytes.

Strategy. Bytes are limited as texts are, and pay the same way. There is no `bytearray` and no `memoryview`,
whose values can change or show the change of another.
"""

from typing import Any

from sandbox.runtime.encodings import decoded, encoded
from sandbox.runtime.meter import Meter
from sandbox.runtime.methods import Table
from sandbox.runtime.takes import Guards, Takes
from sandbox.runtime.text_methods import common_methods

_MISSING: Any = object()
#: Types that make bytes only of their own, with an encoding, or never.
_NOT_ITEMS = frozenset((float, str, type(None)))


class Octets:
    """Makes bytes of a logic, and pays for them."""

    def __init__(self, meter: Meter, takes: Takes) -> None:
        self._meter = meter
        self._takes = takes

    def make(self, source: Any = b"", /, encoding: Any = _MISSING, errors: Any = _MISSING) -> bytes:
        """Return the result of `bytes(...)`."""
        meter = self._meter
        meter.fuel -= 1
        if encoding is not _MISSING or errors is not _MISSING:
            if type(source) is not str:
                raise TypeError("encoding without a string argument")
            return encoded(
                meter,
                source,
                "utf-8" if encoding is _MISSING else encoding,
                "strict" if errors is _MISSING else errors,
            )
        if type(source) is int or type(source) is bool:
            meter.text_of(max(source, 0))
            return bytes(source)
        if type(source) is str:
            raise TypeError("string argument without an encoding")
        return self.of_items(source)

    def of_items(self, source: Any) -> bytes:
        """Return bytes of bytes or of whole numbers."""
        if type(source) is bytes:
            return source
        if type(source) in _NOT_ITEMS or callable(source):
            raise TypeError(f"cannot convert {type(source).__name__!r} object to bytes")
        return self._meter.text(bytes(iter(self._takes.take(source))))

    def methods(self) -> Table:
        """Return the methods of bytes."""
        meter = self._meter

        def decode(data: bytes, encoding: Any = "utf-8", errors: Any = "strict") -> str:
            return decoded(meter, data, encoding, errors)

        def to_hex(data: bytes, sep: Any = _MISSING, bytes_per_sep: Any = 1) -> str:
            meter.text_of(3 * len(data))
            return meter.text(data.hex() if sep is _MISSING else data.hex(sep, bytes_per_sep))

        return {**common_methods(bytes, meter, self._takes), "decode": decode, "hex": to_hex}

    def on_types(self) -> dict[str, Guards]:
        """Return the functions on the types bytes and int."""
        meter = self._meter

        def from_hex(text: Any, /) -> bytes:
            if type(text) is not str:
                raise TypeError(f"fromhex() takes a text, not {type(text).__name__}")
            meter.spend((len(text) >> 4) + 1)
            return meter.text(bytes.fromhex(text))

        def from_bytes(bytes: Any, byteorder: Any = "big", *, signed: Any = False) -> int:  # noqa: A002
            if type(bytes) is int or type(bytes) is bool:
                raise TypeError(f"cannot convert {type(bytes).__name__!r} object to bytes")
            data = self.of_items(bytes)
            if len(data) > meter.limits.int_bits:
                meter.exceed("int_bits")
            meter.spend(1 + (len(data) >> 4))
            return int(meter.whole(int.from_bytes(data, byteorder, signed=bool(signed))))

        return {"bytes": {"fromhex": from_hex}, "int": {"from_bytes": from_bytes}}

    def of_number(
        self, number: int, length: Any = 1, byteorder: Any = "big", *, signed: Any = False
    ) -> bytes:
        """Return the result of `number.to_bytes(...)`."""
        if type(length) is int:
            self._meter.text_of(max(length, 0))
        return self._meter.text(number.to_bytes(length, byteorder, signed=bool(signed)))
