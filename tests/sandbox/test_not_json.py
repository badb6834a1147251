"""The reasons for which the bytes of a reading are not JSON."""

import time

import pytest

from sandbox.errors import NotJson
from sandbox.limits import Limits
from sandbox.runtime.not_json import reason
from sandbox.runtime.values import decode_reading


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "it is empty"),
        (b" \r\n", "it has only blanks"),
        (b"\x1f\x8b\x08\x00\x00", "it is compressed with gzip"),
        (b"x\x9c\xabVJ", "it is compressed with zlib"),
        (
            b'\xef\xbb\xbf{"a": 1}',
            "it begins with a byte order mark (BOM, the bytes EF BB BF); send it without",
        ),
        ('{"a": 1}'.encode("utf-16"), "it is UTF-16; JSON is UTF-8"),
        (
            b'{"place": "s\xe4ge", "n": 1}',
            'byte 12 (0xE4) is not UTF-8; in Latin-1 this is {"place": "säge", "n": 1}',
        ),
        (b"\x01\x67\x03\x99\x00", "byte 3 (0x99) is not UTF-8; this looks like binary data"),
        (
            b'{"t": "\xc3\xa4", "n": "\xff"}',
            'byte 18 (0xFF) is not UTF-8; in Latin-1 this is {"t": "Ã¤", "n": "ÿ"}',
        ),
        (b'{"t": 1, "n": NaN}', 'JSON has no NaN; send null (byte 14): {"t": 1, "n": NaN}'),
        (b'{"t": "NaN", "n": NaN}', 'JSON has no NaN; send null (byte 18): {"t": "NaN", "n": NaN}'),
        (b'{"n": nan}', 'JSON has no NaN; send null (byte 6): {"n": nan}'),
        (b"[1, -Infinity]", "JSON has no infinite numbers; send null (byte 4): [1, -Infinity]"),
        (b'{"on": True}', 'JSON writes true (byte 7): {"on": True}'),
        (b"{'n': None}", "JSON has double quotes (byte 1): {'n': None}"),
        ("{“n”: 1}".encode(), "these are curly quotes; JSON has straight ones (byte 1): {“n”: 1}"),
        (b'{"n":\xc2\xa01}', 'this is a no-break space; JSON has plain ones (byte 5): {"n":\xa01}'),
        (b'{"n": 1}\x00', "it ends with a NUL byte (byte 8), as a text does in C; send it without"),
        (b'{"n": 1}\r\n\x00\x00', "it ends with a NUL byte (byte 10), as a text does in C; send it without"),
        (b'{"n": \x001}', 'this is a NUL byte (byte 6): {"n": \x001}'),
        (b'{"n": 1,}', 'a comma is too much, or a value is missing (byte 8): {"n": 1,}'),
        (b'{"n": 21,5}', 'a name in double quotes is missing (byte 9): {"n": 21,5}'),
        (b'{"t": "ab', 'a text begins and does not end (byte 6): {"t": "ab'),
        (b'{"t": 1', 'it ends before the JSON value does, at byte 7: {"t": 1'),
        (b'{"a": 1}\n{"a": 2}', 'the JSON value has ended, and more follows (byte 9): {"a": 1}\n{"a": 2}'),
        (b"temperature=21.5", "no JSON value begins here (byte 0): temperature=21.5"),
        (b'{"n": .5}', 'JSON writes 0 before the decimal point (byte 6): {"n": .5}'),
        (b'{"a": "\\ud83d"}', 'half of a surrogate pair, which is no character (byte 7): {"a": "\\ud83d"}'),
        (
            b'["\\ud83d\\ude00", "\\\\ude00", "\\ude00"]',
            r'half of a surrogate pair, which is no character (byte 29): …ude00", "\\ude00", "\ude00"]',
        ),
        (b'{"n": 1e999}', 'a number that is too large (byte 6): {"n": 1e999}'),
        (b'{"n": "1e999", "m": 1e999}', 'a number that is too large (byte 20): {"n": "1e999", "m": 1e999}'),
        (b"9" * 5_000, "it has a number that is too long"),
        (b"[" * 200_000, "it is nested too deeply"),
        (b'{"n": 1, }', 'a comma is too much, or a value is missing (byte 9): {"n": 1, }'),
    ],
)
def test_the_reason_names_what_is_wrong_and_where(body: bytes, said: str) -> None:
    with pytest.raises(NotJson) as raised:
        decode_reading(body, Limits())

    assert str(raised.value) == f"the reading is not JSON: {said}"


@pytest.mark.parametrize(
    "body",
    [
        b'"' + b"\\" * 262_000,
        b'"\\u' * 60_000,
        b"[" + b'"",' * 80_000,
        b"[" + b"1e55," * 43_000 + b"1e999]",
        b"[" + b"9" * 200_000 + b"e9]",
        b'["' + b"\\\\ud800" * 30_000 + b'\\ud800"]',
        b"[NaN" + b'"' * 260_000,
        b"[" + b'"a",' * 60_000 + b"NaN]",
        b'{"a":' * 40_000,
        b"-" * 260_000,
        b"\0" * 260_000,
        b"\xe4" * 260_000,
        "ä".encode() * 130_000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_the_reason_is_found_in_time_for_the_longest_reading(body: bytes) -> None:
    before = time.process_time()
    said = reason(body, ValueError())

    # Some hundred times as long as it takes. A search that backtracks would take minutes.
    assert time.process_time() - before < 10
    assert len(said) < 500
