"""The numeric fields of a reading, within bounds whatever it contains."""

import msgspec
import pytest

from pipeline.model.numbers import numbers_of


def test_the_fields_are_named_by_their_paths() -> None:
    reading = {"motor": {"rpm": 1500, "on": True, "name": "m"}, "axes": [0.5, {"x": -1}], "none": None}

    assert numbers_of(msgspec.json.encode(reading)) == {"motor.rpm": 1500, "axes.0": 0.5, "axes.1.x": -1}


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b"{", b"text", b"[" * 100_000, b'"\xff"', b'{"n": 1}' + b" " * 1024**2],
)
def test_other_readings_have_none(body: bytes) -> None:
    assert numbers_of(body) is None


@pytest.mark.parametrize(
    ("reading", "fields"),
    [
        ({f"f{each}": each for each in range(10_000)}, 60),
        (list(range(10_000)), 8),
        ({"x" * 113: 1, "y": 2}, 1),
        ({f"{each:03}" + "x" * 100: each for each in range(60)}, 19),
        ({"a": {"b": {"c": {"d": {"e": 1, "f": {"g": 2}}}}}}, 1),
        (7, 0),
    ],
)
def test_fields_names_lists_and_depth_are_limited(reading: object, fields: int) -> None:
    assert len(numbers_of(msgspec.json.encode(reading)) or {}) == fields


def test_a_number_that_no_float_has_is_left_out() -> None:
    assert numbers_of(b'{"large": 1%s, "n": 2}' % (b"0" * 400)) in ({"n": 2}, None)
