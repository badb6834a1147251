"""Text to bytes and back, with the encodings that devices use; all others would be read from files.

Strategy. Python's own errors of encodings hold the whole text or bytes. Those here hold only the message.
"""

from typing import Any, Final

from sandbox.runtime.meter import Meter

#: The encodings, by the names that people give them, in lower case and without `-`, `_` and blanks.
_ENCODINGS: Final = {
    "ascii": "ascii",
    "usascii": "ascii",
    "utf8": "utf-8",
    "u8": "utf-8",
    "latin1": "latin-1",
    "l1": "latin-1",
    "iso88591": "latin-1",
}
_ERRORS: Final = frozenset(("strict", "replace", "ignore"))
#: The most characters of the name of an encoding.
_LONGEST: Final = 30


class UnicodeDecodeError(ValueError):  # noqa: A001 - a logic knows it by the name that Python has
    """Bytes are no text of an encoding."""


class UnicodeEncodeError(ValueError):  # noqa: A001
    """A text has characters that an encoding does not have."""


for _error in (UnicodeDecodeError, UnicodeEncodeError):
    _error.__module__ = "builtins"


def encoded(meter: Meter, text: str, encoding: Any, errors: Any) -> bytes:
    """Return the bytes of a text."""
    codec = _codec(encoding, errors)
    meter.spend((len(text) >> 5) + 1)
    try:
        return meter.text(text.encode(codec, errors))
    except UnicodeError as error:
        meter.spend(8)
        raise UnicodeEncodeError(str(error)) from None


def decoded(meter: Meter, data: bytes, encoding: Any, errors: Any) -> str:
    """Return the text of bytes."""
    codec = _codec(encoding, errors)
    meter.spend((len(data) >> 5) + 1)
    if errors != "strict":
        meter.spend(len(data) >> 4)
    try:
        return meter.text(data.decode(codec, errors))
    except UnicodeError as error:
        meter.spend(8)
        raise UnicodeDecodeError(str(error)) from None


def _codec(encoding: Any, errors: Any) -> str:
    for what, name in (("encoding", encoding), ("errors", errors)):
        if type(name) is not str:
            raise TypeError(f"{what} must be a text, not {type(name).__name__}")
        if len(name) > _LONGEST:
            raise ValueError(f"a text of {len(name)} characters is too long for {what}")
    if errors not in _ERRORS:
        raise ValueError(f"errors can be 'strict', 'replace' or 'ignore', not {errors!r}")
    codec = _ENCODINGS.get(encoding.lower().replace("-", "").replace("_", "").replace(" ", ""))
    if codec is None:
        raise ValueError(f"the encoding {encoding!r} is not available; utf-8, ascii and latin-1 are")
    return codec


# This fills Python's caches once: the confined child cannot read the codecs later.
for _name in ("utf-8", "ascii", "latin-1"):
    "".encode(_name)
    b"".decode(_name)
