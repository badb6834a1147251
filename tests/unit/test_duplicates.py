"""Tests for `pipeline.model.duplicates`."""

import json
from typing import Any

import pytest

from pipeline.model.claim import Claim
from pipeline.model.duplicates import DuplicateRule, divide
from pipeline.model.reading import Reading

BY_FIELD = DuplicateRule(field="seq", readings=3)


def reading(body: Any, message_id: str | None = None, *, claim: Claim | None = None) -> Reading:
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reading("m1", "machines.m1.data", encoded, 1, False, message_id, None, 1, claim=claim)


def run(rule: DuplicateRule, *readings: Reading, keys: bytes = b"", at: int = 0) -> tuple[list[Any], bytes]:
    """Return the bodies that are run, and the keys."""
    divided = divide(rule, keys, readings, at, plain_json=True)
    assert len(divided.run) + len(divided.duplicates) == len(readings)
    return [each.body for each in divided.run], divided.keys


def test_a_message_id_is_new_or_a_duplicate_in_the_same_batch_and_in_later_ones() -> None:
    rule = DuplicateRule()
    first, keys = run(rule, reading(1, "a"), reading(2, "b"), reading(3, "a"))
    second, _ = run(rule, reading(4, "b"), reading(5, "c"), keys=keys)

    assert (first, second) == ([b"1", b"2"], [b"5"])


def test_only_the_last_readings_are_compared() -> None:
    kept, keys = run(BY_FIELD, *(reading({"seq": number}) for number in range(4)))
    assert len(kept) == 4
    assert len(keys) == 3 * 12

    again, _ = run(BY_FIELD, reading({"seq": 0}), reading({"seq": 3}), keys=keys)
    assert again == [b'{"seq": 0}']


def test_a_reading_that_is_too_old_is_not_compared() -> None:
    rule = DuplicateRule(minutes=2)
    _, keys = run(rule, reading(1, "a"), at=1_000)

    assert run(rule, reading(2, "a"), keys=keys, at=1_120)[0] == []
    assert run(rule, reading(2, "a"), keys=keys, at=1_121)[0] == [b"2"]


def test_after_a_wrong_clock_is_set_back_its_readings_are_not_compared_for_longer() -> None:
    rule = DuplicateRule(minutes=2)
    _, keys = run(rule, reading(1, "a"), at=1_121)

    assert run(rule, reading(2, "a"), keys=keys, at=1_001)[0] == []
    assert run(rule, reading(2, "a"), keys=keys, at=1_000)[0] == [b"2"]


@pytest.mark.parametrize(
    "body",
    [{}, [], 7, "seq", {"seq": None}, {"seq": [1]}, {"seq": {"n": 1}}, b"{", b"\xff", b"[" * 100_000, b""],
)
def test_a_reading_without_a_key_is_run_each_time(body: Any) -> None:
    kept, keys = run(BY_FIELD, reading(body), reading(body))

    assert len(kept) == 2
    assert keys == b""
    assert len(run(DuplicateRule(), reading(1), reading(1), reading(1, ""), reading(1, ""))[0]) == 4


def test_values_of_a_field_differ_by_type_and_a_dot_leads_into_an_object() -> None:
    values = [1, "1", True, 1.5, "true"]
    assert len(run(DuplicateRule(field="seq"), *(reading({"seq": value}) for value in values))[0]) == 5
    nested = DuplicateRule(field="header.seq")
    assert len(run(nested, reading({"header": {"seq": 1}}), reading({"header": {"seq": 1}, "n": 2}))[0]) == 1


def test_numbers_that_are_the_same_float_are_different_values() -> None:
    bodies = [b'{"at": 1764460318.12345678 }', b'{"at": 1764460318.12345679}', b'{"at":1764460318.12345678}']
    values = [json.loads(body)["at"] for body in bodies]
    assert values[0] == values[1]

    assert run(DuplicateRule(field="at"), *map(reading, bodies))[0] == bodies[:2]
    nested = [b'{"": {"at": %s}}' % number for number in (b"1.0", b"1.00", b"1e0", b"1.0")]
    assert run(DuplicateRule(field=".at"), *map(reading, nested))[0] == nested[:3]


def test_after_the_rule_changes_the_same_value_is_another_key() -> None:
    _, keys = run(DuplicateRule(), reading({"seq": 1, "n": 2}, "1"), reading({"seq": 2, "n": 3}, "2"))
    changed, keys = run(DuplicateRule(field="seq"), reading({"seq": 1, "n": 4}), keys=keys)
    again, _ = run(DuplicateRule(field="n"), reading({"seq": 3, "n": 1}), keys=keys)

    assert (len(changed), len(again)) == (1, 1)


def test_a_dead_letter_that_a_person_sends_again_is_never_a_duplicate() -> None:
    _, keys = run(DuplicateRule(), reading(1, "a"))
    again = reading(1, "a", claim=Claim("1", "signature"))

    assert run(DuplicateRule(), again, keys=keys) == ([b"1"], keys)
