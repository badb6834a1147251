"""Values that leave a logic are unambiguous JSON within the limits; values that enter are JSON too."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import LimitExceeded, LogicError, NotJson
from sandbox.limits import Limits
from sandbox.runtime.values import decode_reading, encode, encode_results, encode_state

LIMITS = Limits()
SMALL = Limits(state_bytes=256, result_bytes=256)

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10),
    lambda inner: (
        st.lists(inner, max_size=12) | st.dictionaries(st.text("abä", max_size=4), inner, max_size=10)
    ),
    max_leaves=30,
)


@given(st.dictionaries(st.text("abc", max_size=3), VALUES, max_size=10))
def test_a_json_value_leaves_unchanged(value: dict[str, Any]) -> None:
    try:
        encoded = encode_state(value, LIMITS)
    except LimitExceeded:
        return  # too deep: another test checks that
    assert json.loads(encoded) == value


@given(st.recursive(VALUES | st.just({1}) | st.just(float("nan")), lambda v: st.lists(v, max_size=10)))
def test_every_value_that_leaves_reads_back_equal_with_equal_types(value: Any) -> None:
    try:
        [encoded] = encode_results({"value": value}, LIMITS)
    except LogicError:
        return
    back = json.loads(encoded)["value"]
    assert back == value
    assert str(back) == str(value)


class Numbers(dict[str, int]):
    pass


class Whole(int):
    pass


@pytest.mark.parametrize(
    "bad",
    [
        *(
            {1, 2},
            b"x",
            1j,
            range(3),
            {}.keys(),
            len,
            ValueError("x"),
            object(),
            Numbers(),
            Whole(3),
            ...,
        ),
        *(
            float("nan"),
            float("inf"),
            -float("inf"),
            2**64,
            -(2**63) - 1,
            {1: 2},
            {None: 1},
            {(1,): 1},
            {1.5: 1},
        ),
        *("\ud800", {"\udfff": 1}, "a\0b", {"a\0": 1}, bytearray(b"x"), memoryview(b"x"), msgspec.UNSET),
    ],
    ids=lambda bad: repr(bad).partition(" at 0x")[0],  # the same names in every run
)
@pytest.mark.parametrize("depth", ["first", "in a dict", "in a list", "among many", "among floats"])
def test_a_value_that_is_not_json_does_not_leave(bad: Any, depth: str) -> None:
    holder = {
        "first": {"a": bad},
        "in a dict": {"a": {"b": bad}},
        "in a list": {"a": [bad]},
        "among many": {str(n): n for n in range(20)} | {"a": bad},
        "among floats": {"a": [1.5] * 20 + [bad]},
    }[depth]

    with pytest.raises(LogicError):
        encode_state(holder, LIMITS)
    with pytest.raises(LogicError):
        encode_results([holder], LIMITS)


@pytest.mark.parametrize(
    ("value", "back"),
    [
        ((1, 2.5, "x", None, True), [1, 2.5, "x", None, True]),
        ((), []),
        ([(1, (2, [(3,)]))], [[1, [2, [[3]]]]]),
        ({"in": (1, {"a": ()})}, {"in": [1, {"a": []}]}),
        ((1.5,) * 20, [1.5] * 20),
        ([(1, 2)] * 20, [[1, 2]] * 20),
    ],
)
def test_a_tuple_leaves_as_a_list(value: Any, back: Any) -> None:
    assert json.loads(encode_state({"v": value}, LIMITS)) == {"v": back}
    assert json.loads(encode_results({"v": value}, LIMITS)[0]) == {"v": back}


def test_a_tuple_of_dicts_is_several_results() -> None:
    assert encode_results(({"a": 1}, {"b": (2,)}), LIMITS) == [b'{"a":1}', b'{"b":[2]}']
    with pytest.raises(LogicError, match="a tuple that contains a whole number"):
        encode_results((1, 2), LIMITS)


@pytest.mark.parametrize("bad", [float("nan"), {1}, 2**64, "a\0b", "\ud800", {1: 2}, len])
def test_a_value_in_a_tuple_must_be_json_too(bad: Any) -> None:
    for holder in ((bad,), (1.5,) * 20 + (bad,), [[(bad,)]], {"a": (bad,)}):
        with pytest.raises(LogicError):
            encode_state({"v": holder}, LIMITS)


def test_tuples_count_for_the_limits() -> None:
    deep: Any = ()
    for _ in range(LIMITS.value_depth):
        deep = (deep,)
    for value, limit in (
        (deep, "value_depth"),
        (("x" * 200, "x" * 200), "state_bytes"),
        (((1,) * 20,) * 20, "state_bytes"),
    ):
        with pytest.raises(LimitExceeded) as raised:
            encode_state({"v": value}, LIMITS if limit == "value_depth" else SMALL)
        assert raised.value.limit == limit


def test_an_int_too_large_for_a_float_sum_among_many_is_found() -> None:
    with pytest.raises(LogicError):
        encode_state({"a": [1] * 50 + [2**64]}, LIMITS)
    assert encode_state({"a": [1e308] * 50}, LIMITS)  # their sum is infinite, but they are not


def test_a_shared_structure_is_stopped_before_it_is_written() -> None:
    value: Any = ["lol"]
    for _ in range(12):
        value = [value] * 10

    with pytest.raises(LimitExceeded) as raised:
        encode_state({"a": value}, LIMITS)
    assert raised.value.limit == "state_bytes"


def test_a_value_that_contains_itself_is_stopped() -> None:
    value: dict[str, Any] = {}
    value["me"] = value

    with pytest.raises(LimitExceeded) as raised:
        encode_results(value, LIMITS)
    assert raised.value.limit == "value_depth"


@pytest.mark.parametrize(
    "value", [{"a": "x" * 300}, {"x" * 300: 1}, {"a": [1.25] * 90}, {"a": "\x01" * 60}, {"a": "€" * 90}]
)
def test_the_size_is_limited_in_bytes(value: dict[str, Any]) -> None:
    with pytest.raises(LimitExceeded) as raised:
        encode_state(value, SMALL)
    assert (raised.value.limit, raised.value.allowed) == ("state_bytes", 256)
    with pytest.raises(LimitExceeded) as raised:
        encode_results(value, SMALL)
    assert raised.value.limit == "result_bytes"


def test_the_number_and_the_total_size_of_results_are_limited() -> None:
    assert encode_results([{"a": 1}] * 100, LIMITS) == [b'{"a":1}'] * 100
    with pytest.raises(LimitExceeded) as raised:
        encode_results([{"a": 1}] * 101, LIMITS)
    assert raised.value.limit == "results"
    with pytest.raises(LimitExceeded) as raised:
        encode_results([{"a": "x" * 50}] * 6, SMALL)
    assert raised.value.limit == "result_bytes"


def test_a_state_that_is_returned_is_encoded_once() -> None:
    state = {"a": 1}
    results, encoded = encode(state, state, LIMITS)

    assert results == [encoded]
    assert results[0] is encoded


def test_a_state_that_is_returned_must_respect_the_limit_of_results() -> None:
    state = {"a": "x" * 300}

    with pytest.raises(LimitExceeded) as raised:
        encode(state, state, Limits(result_bytes=256))
    assert raised.value.limit == "result_bytes"


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"x",
            b"{",
            b"NaN",
            b"Infinity",
            b'{"a": nan}',
            b"\xff",
            b'"\xed\xa0\x80"',
            b'"\\ud800"',
            b"1" * 400,
        ),
        *(
            b"1e400",
            b"[" * 100_000,
            b"[" * 100_000 + b"]" * 100_000,
            b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
            b"[1,]",
        ),
        *(b"\xef\xbb\xbf1", b"'a'", b"1 2", b" ", b'"' + b"x" * 300_000 + b'"'),
    ],
    ids=lambda body: repr(body[:12]),
)
def test_bytes_that_are_not_json_are_refused(body: bytes) -> None:
    with pytest.raises(NotJson):
        decode_reading(body, LIMITS)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":[', b"]}")])
def test_a_reading_is_accepted_up_to_the_maximum_depth(opening: bytes, closing: bytes) -> None:
    levels = 64 // len(closing)

    assert decode_reading(opening * levels + closing * levels, LIMITS)
    with pytest.raises(NotJson, match="reading_depth"):
        decode_reading(opening * (levels + 1) + b"1" + closing * (levels + 1), LIMITS)
    with pytest.raises(NotJson, match="reading_depth"):
        decode_reading(b"[" * 65 + b"]" * 65, LIMITS)
    assert decode_reading(b"[" + b"[]," * 1_000 + b"[]]", LIMITS)


@pytest.mark.parametrize("value", [1, 1.5, "text", None, True, [], {}, [1, {"a": [None]}], 2**64, -(2**80)])
def test_every_json_value_is_a_reading(value: Any) -> None:
    assert decode_reading(json.dumps(value).encode(), LIMITS) == value


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"a": [0, 1, 2, len]}, 'state["a"][3] is a function'),
        ({"a": [0, 1, 2, float("nan")]}, 'state["a"][3] is NaN, which is not JSON'),
        ({"ok": 1.5, "far": float("inf")}, 'state["far"] is an infinite number, which is not JSON'),
        ({"a": {"b": [1.0] * 20 + [float("nan")]}}, 'state["a"]["b"][20] is NaN'),
        ({"a": {"b": {3: 1}}}, 'state["a"]["b"] has a whole number as a key'),
        ({3: 1}, "state has a whole number as a key"),
        ({"a": [(1, 2), (1, b"x")]}, 'state["a"][1][1] is bytes'),
        ({"n": [{"big": 2**70}]}, 'state["n"][0]["big"] is a whole number of 71 bits'),
        ({"t": ["a", "b\0"]}, 'state["t"][1] has the character U+0000'),
        ({"t": {"k\0": 1}}, 'state["t"]["k\\u0000"] has the character U+0000'),
        ({"t": ["\ud83d"]}, 'state["t"][0] has an incomplete character'),
        ({"säge": [None, 1j]}, 'state["säge"][1] is a complex number'),
        ({'say "hi"': 1j}, 'state["say \\"hi\\""] is a complex number'),
        ({"x" * 1_000: 1j}, f'state["{"x" * 40}"] is a complex number'),
        ({"k" * 39: {"k" * 39: {"k" * 39: {"k" * 39: 1j}}}}, 'kkk"] is a complex number'),
    ],
)
def test_the_message_names_the_place_of_the_value(state: dict[Any, Any], said: str) -> None:
    with pytest.raises(LogicError) as raised:
        encode_state(state, LIMITS)

    assert said in raised.value.message
    assert len(raised.value.message) < 400
