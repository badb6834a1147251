"""Lists and maps that are keys, in CBOR and MessagePack: they are found before the bytes are decoded."""

import struct
from typing import Any

import cbor2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import InvalidPayload
from sandbox.job import Format
from sandbox.limits import Limits
from sandbox.runtime.payload import decode_payload
from sandbox.runtime.payload_keys import part_as_key

#: The head of a large map, which takes part in no value of the tests: it makes the reading worth a search.
LARGE = b"\xb9\xde" * 4_100

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(max_size=30)
    | st.binary(max_size=30)
)
keys = st.text(max_size=20) | st.integers(-(2**63), 2**63 - 1) | st.tuples(st.integers(-2, 1))
values = st.recursive(
    scalars,
    lambda each: st.lists(each, max_size=20) | st.dictionaries(keys, each, max_size=20),
    max_leaves=12,
)


def has_part_as_key(value: Any) -> bool:
    if isinstance(value, dict):
        return any(isinstance(key, tuple) for key in value) or any(map(has_part_as_key, value.values()))
    return isinstance(value, list | tuple) and any(map(has_part_as_key, value))


@given(values)
def test_a_list_that_is_a_key_is_found_exactly_if_there_is_one(value: Any) -> None:
    sent = [LARGE, value]

    for is_cbor, encode in ((True, cbor2.dumps), (False, msgspec.msgpack.encode)):
        assert (part_as_key(encode(sent), is_cbor=is_cbor) is not None) == has_part_as_key(value)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_searched(body: bytes, is_cbor: bool) -> None:
    part_as_key(body + LARGE, is_cbor=is_cbor)
    part_as_key(b"\xbf" + body + LARGE, is_cbor=is_cbor)
    part_as_key(b"\xde\x00\x08" + body + LARGE, is_cbor=is_cbor)


def test_a_value_without_a_length_and_a_tag_are_read_to_their_ends() -> None:
    # {_ (_ h'01', h'02'): [_ 0, {_ }], 1(0): {[1]: 2}}
    body = bytes.fromhex("bf 5f 41 01 41 02 ff 9f 00 bf ff ff c1 00 a1 81 01 02 ff")

    assert part_as_key(body + LARGE, is_cbor=True) == 15


@pytest.mark.parametrize(
    ("payload", "head", "part", "minus_one"), [("cbor", 0xB9, 0x8E, 0x20), ("msgpack", 0xDE, 0x9E, 0xFF)]
)
def test_thousands_of_keys_with_the_same_hash_are_refused_before_they_are_decoded(
    payload: Format, head: int, part: int, minus_one: int
) -> None:
    # Decoding them takes more than ten seconds.
    step = 1 if payload == "cbor" else -1
    keys = (bytes(minus_one + step * (number >> bit & 1) for bit in range(14)) for number in range(16_000))
    body = bytes([head]) + struct.pack(">H", 16_000) + b"".join(bytes([part]) + key + b"\0" for key in keys)

    with pytest.raises(InvalidPayload, match=r"a key is neither .* nor bytes, at byte 3: .*\["):
        decode_payload(body, payload, "none", Limits())
