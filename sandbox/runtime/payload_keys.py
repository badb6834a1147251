"""Finds a list or map that is a key, in CBOR or MessagePack, before the bytes are decoded.

A decoder makes a tuple of such a key and puts it into a dict. All tuples of -1 and -2 have the same hash, so
a dict with thousands of them takes seconds, and the reading would stop the child. A logic cannot get such a
key anyway. Of all other keys, only few have equal hashes.

Only a large map is a danger. So a small reading, or one without the head of a large map, is not searched. The
search reads the bytes from the left, as the decoders do. It ends at a fault, which the decoder finds too.
"""

from collections.abc import Callable, Iterator
from math import inf
from typing import Final

#: A reading of at most this many bytes has too few keys to matter.
_SMALL: Final = 8_192

#: The first byte of a map with more than 23 entries in CBOR, or 15 in MessagePack.
_LARGE_IN_CBOR: Final = b"\xb8\xb9\xba\xbb\xbf"
_LARGE_IN_MSGPACK: Final = b"\xde\xdf"

#: CBOR: how many bytes a number has after the first byte, by the lower five bits of that byte.
_CBOR_NUMBERS: Final = {24: 1, 25: 2, 26: 4, 27: 8}
_INDEFINITE: Final = 31

#: MessagePack, by the first byte: how many bytes give the length, and how many follow besides that length.
_MSGPACK_SIZED: Final = {
    head: (size, more)
    for size, more, heads in (
        (1, 0, b"\xc4\xd9"),
        (2, 0, b"\xc5\xda"),
        (4, 0, b"\xc6\xdb"),
        (1, 1, b"\xc7"),
        (2, 1, b"\xc8"),
        (4, 1, b"\xc9"),
    )
    for head in heads
}
#: ... how many bytes follow, for numbers and extensions of a fixed size.
_MSGPACK_FIXED: Final = {
    head: size
    for size, heads in (
        (1, b"\xcc\xd0"),
        (2, b"\xcd\xd1\xd4"),
        (3, b"\xd5"),
        (4, b"\xca\xce\xd2"),
        (5, b"\xd6"),
        (8, b"\xcb\xcf\xd3"),
        (9, b"\xd7"),
        (17, b"\xd8"),
    )
    for head in heads
}
#: ... how many bytes give the number of parts, and how many values each part has.
_MSGPACK_PARTS: Final = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}


#: Where a value begins, how many values it has in it, and whether it is a map: None if it is no list or map,
#: and `_END` at the end of a list or map whose values are not counted.
_Token = tuple[int, float | None, bool]
_END: Final = -1


def part_as_key(body: bytes, *, is_cbor: bool) -> int | None:
    """Return the place of a list or map that is a key; None if there is none that matters."""
    heads, tokens = (_LARGE_IN_CBOR, _cbor) if is_cbor else (_LARGE_IN_MSGPACK, _msgpack)
    if len(body) <= _SMALL or not any(head in body for head in heads):
        return None
    return _found(tokens, body)


def _found(tokens: Callable[[bytes], Iterator[_Token]], body: bytes) -> int | None:
    # The innermost list or map: how many values are missing, and whether the next one is a key.
    missing: float = 1
    is_map = is_key = False
    outer = list[tuple[float, bool, bool]]()
    for place, values, opens_map in tokens(body):
        if values is not None and values != _END:
            if is_key:
                return place
            if values:
                outer.append((missing, is_map, is_key))
                missing, is_map, is_key = values, opens_map, opens_map
                continue
        elif values is not None:
            if not outer or missing != inf:
                return None
            missing, is_map, is_key = outer.pop()
        # A value is complete, and perhaps the lists and maps that it is the last value of.
        missing -= 1
        is_key = is_map and not is_key
        while not missing:
            if not outer:
                return None
            missing, is_map, is_key = outer.pop()
            missing -= 1
            is_key = is_map and not is_key
    return None


def _cbor(body: bytes) -> Iterator[_Token]:
    at, end = 0, len(body)
    while at < end:
        place, kind, low = at, body[at] >> 5, body[at] & 31
        at += 1
        number: float = low
        if low in _CBOR_NUMBERS:
            number = int.from_bytes(body[at : at + _CBOR_NUMBERS[low]], "big")
            at += _CBOR_NUMBERS[low]
        elif low == _INDEFINITE:
            number = inf
        if kind in (4, 5):
            yield place, number * (kind - 3), kind == 5
        elif kind in (2, 3):
            if number == inf:
                at = _after_chunks(body, at)
            else:
                at += int(number)
            yield place, None, False
        elif kind == 7 and number == inf:
            yield place, _END, False
        elif kind != 6:  # a tag is before its value
            yield place, None, False


def _after_chunks(body: bytes, at: int) -> int:
    """Return the place after the chunks of a text or bytes."""
    while at < len(body) and body[at] != 0xFF:
        low = body[at] & 31
        at += 1
        if low in _CBOR_NUMBERS:
            at += _CBOR_NUMBERS[low] + int.from_bytes(body[at : at + _CBOR_NUMBERS[low]], "big")
        else:
            at += low
    return at + 1


def _msgpack(body: bytes) -> Iterator[_Token]:
    at, end = 0, len(body)
    while at < end:
        place, head = at, body[at]
        at += 1
        if 0x80 <= head <= 0x9F:
            is_map = head < 0x90
            yield place, (head & 0x0F) * (2 if is_map else 1), is_map
        elif head in _MSGPACK_PARTS:
            size, each = _MSGPACK_PARTS[head]
            yield place, each * int.from_bytes(body[at : at + size], "big"), each == 2
            at += size
        else:
            if 0xA0 <= head <= 0xBF:
                at += head & 0x1F
            elif head in _MSGPACK_SIZED:
                size, more = _MSGPACK_SIZED[head]
                at += size + more + int.from_bytes(body[at : at + size], "big")
            yield place, None, False
            at += _MSGPACK_FIXED.get(head, 0)
