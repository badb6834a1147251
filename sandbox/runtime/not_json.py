"""Says why the bytes of a reading are not JSON: names the fault and the byte, with an excerpt.

The fast decoder says only that something is wrong. So a reading that it refuses is read again by Python's own
decoder, which knows the place. It is a little more tolerant, so the faults that only the fast one refuses are
looked for afterwards. All of it takes time in proportion to the length of the reading.
"""

import json
import re
from itertools import islice
from math import isinf
from typing import Final, NoReturn

#: The first bytes of compressed data and of other encodings, and the reason to give for them.
_BEGINNINGS: Final = {
    b"\x1f\x8b": "it is compressed with gzip",
    b"\x78\x01": "it is compressed with zlib",
    b"\x78\x9c": "it is compressed with zlib",
    b"\x78\xda": "it is compressed with zlib",
    b"\xef\xbb\xbf": "it begins with a byte order mark (BOM, the bytes EF BB BF); send it without",
    b"\xff\xfe": "it is UTF-16; JSON is UTF-8",
    b"\xfe\xff": "it is UTF-16; JSON is UTF-8",
}

#: Common mistakes, and the hint for each.
_INSTEAD: Final = {
    "NaN": "JSON has no NaN; send null",
    "nan": "JSON has no NaN; send null",
    "Infinity": "JSON has no infinite numbers; send null",
    "-Infinity": "JSON has no infinite numbers; send null",
    "inf": "JSON has no infinite numbers; send null",
    "-inf": "JSON has no infinite numbers; send null",
    "True": "JSON writes true",
    "False": "JSON writes false",
    "None": "JSON writes null",
    "undefined": "JSON writes null",
    "'": "JSON has double quotes",
    "“": "these are curly quotes; JSON has straight ones",
    "”": "these are curly quotes; JSON has straight ones",
    "\xa0": "this is a no-break space; JSON has plain ones",
    "\0": "this is a NUL byte",
    "}": "a comma is too much, or a value is missing",
    "]": "a comma is too much, or a value is missing",
    "+": "JSON writes a number without +",
    ".": "JSON writes 0 before the decimal point",
    "/": "JSON has no comments",
    "#": "JSON has no comments",
}
_LONGEST: Final = max(map(len, _INSTEAD))

#: The messages of Python's decoder, in our words.
_SAID: Final = {
    "Expecting property name enclosed in double quotes": "a name in double quotes is missing",
    "Expecting value": "no JSON value begins here",
    "Expecting ',' delimiter": "a comma is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Extra data": "the JSON value has ended, and more follows",
    "Unterminated string starting at": "a text begins and does not end",
    "Invalid control character at": "a text contains a control character",
}

#: Characters of the excerpt before and after the place.
_AROUND: Final = 20

_CONSTANT: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(NaN|-?Infinity)')
#: Numbers that may be too large for a float, and how many of them are tried.
_LARGE: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(-?[0-9.]+[eE]\+?[0-9]{2,}|-?[0-9]{300,})')
_TRIED: Final = 1_000
_SURROGATE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


class _Constant(Exception):
    """The text has NaN or an infinite number, which Python's decoder accepts."""


def reason(body: bytes, error: Exception) -> str:
    """Return why these bytes, which the fast decoder has refused with `error`, are not JSON.

    The place is the number of the byte, counted from 0.
    """
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if not body.strip():
        return "it has only blanks" if body else "it is empty"
    for beginning, why in _BEGINNINGS.items():
        if body.startswith(beginning):
            return why
    try:
        text = body.decode()
    except UnicodeDecodeError as found:
        return _not_utf8(body, found.start)
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as found:
        return _misread(text, _start(text, found), _SAID.get(found.msg, found.msg))
    except _Constant:
        return _misread(text, _first(_CONSTANT, text), "")
    except RecursionError:
        return "it is nested too deeply"
    except ValueError:  # Python converts no integer of thousands of digits
        return "it has a number that is too long"
    if (at := _first(_SURROGATE, text)) > 0:  # behind the backslash
        return f"half of a surrogate pair, which is no character {_place(text, at - 1)}"
    for match in islice((match for match in _LARGE.finditer(text) if match[1]), _TRIED):
        if isinf(float(match[1])):
            return f"a number that is too large {_place(text, match.start())}"
    return "a number is too large"


def _start(text: str, error: json.JSONDecodeError) -> int:
    """Return where the error is. Since Python 3.13, a comma that is too much is an error of its own."""
    at = error.pos
    if error.msg.startswith("Illegal trailing comma"):
        at += 1
        while text[at : at + 1].isspace():
            at += 1
    return at


def _refuse_constant(_name: str) -> NoReturn:
    raise _Constant


def _first(pattern: re.Pattern[str], text: str) -> int:
    """Return where the first group of the pattern is found first; -1 if nowhere."""
    return next((match.start(1) for match in pattern.finditer(text) if match[1]), -1)


def _not_utf8(body: bytes, at: int) -> str:
    around = body[max(0, at - _AROUND) : at + _AROUND]
    if all(byte >= 0x20 or byte in b"\t\r\n" for byte in around):
        meant = f"; in Latin-1 this is {around.decode('latin-1')}"
    else:
        meant = "; this looks like binary data"
    return f"byte {at} (0x{body[at]:02X}) is not UTF-8{meant}"


def _misread(text: str, at: int, said: str) -> str:
    if at >= len(text):
        return f"it ends before the JSON value does, at byte {len(text.encode())}: {text[-_AROUND:]}"
    found = text[at : at + _LONGEST]
    if found.strip("\0") == "" and text[at:].strip("\0\r\n ") == "":
        return f"it ends with a NUL byte (byte {_byte(text, at)}), as a text does in C; send it without"
    hint = next((hint for wrong, hint in _INSTEAD.items() if found.startswith(wrong)), "")
    return f"{hint or said} {_place(text, at)}"


def _place(text: str, at: int) -> str:
    before = "…" if at > _AROUND else ""
    after = "…" if at + _AROUND < len(text) else ""
    return f"(byte {_byte(text, at)}): {before}{text[max(0, at - _AROUND) : at + _AROUND]}{after}"


def _byte(text: str, at: int) -> int:
    return len(text[:at].encode())
