"""Tests for `pipeline.model.late`."""

import json
from typing import Any

import pytest

from pipeline.model.claim import Claim
from pipeline.model.late import LateRule, judge, time_of
from pipeline.model.reading import Reading

DAY = 24 * 3600 * 1000
NOW = 1_790_000_000_000
RULE = LateRule(field="time", seconds=60)


def reading(time: Any, *, claim: Claim | None = None) -> Reading:
    body = json.dumps({"time": time}).encode()
    return Reading("m1", "machines.m1.data", body, 1, False, None, None, 1, claim=claim)


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        ("2026-11-30T06:00:00Z", 1_796_018_400_000),
        ("2026-11-30T07:00:00.250+01:00", 1_796_018_400_250),
        ("2026-11-30T06:00:00", 1_796_018_400_000),
        ("2026-11-30t06:00:00z", 1_796_018_400_000),
        (1_796_018_400, 1_796_018_400_000),
        (1_796_018_400.25, 1_796_018_400_250),
        (1_796_018_400_250, 1_796_018_400_250),
        (1_796_018_400_250_000, 1_796_018_400_250),
        (1_796_018_400_250_000_000, 1_796_018_400_250),
        (0, 0),
    ],
)
def test_a_time_is_a_text_or_a_number_in_any_unit(value: Any, milliseconds: int) -> None:
    assert time_of(value) == milliseconds


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, [], {}),
        *("", "soon", "25:00", "1969-12-31T23:59:59Z", "9999-12-31T00:00:00"),
        *(-1, 1e300, 10**400, 10**20, float("nan"), float("inf")),
    ],
)
def test_other_values_are_no_times(value: Any) -> None:
    assert time_of(value) is None


def test_a_reading_is_late_beyond_the_bound_and_not_at_it() -> None:
    seconds = [1000, 940, 939, 1100, 1040, 1039]

    judged = judge(RULE, None, [reading(each) for each in seconds], NOW)

    assert sorted(judged.late) == [2, 5]
    assert judged.newest == 1_100_000
    assert judged.late[2] == (
        "the reading is late: its time is 1970-01-01T00:15:39.000Z, and the newest reading is of "
        "1970-01-01T00:16:40.000Z, 61 seconds later; the rule allows 60"
    )


def test_parts_of_a_second_are_named() -> None:
    judged = judge(LateRule(field="time", seconds=0.25), 1_000_400, [reading(1000)], NOW)
    assert judged.late[0].endswith("16:40.400Z, 0.4 seconds later; the rule allows 0.25")
    judged = judge(LateRule(field="time", seconds=3600), 1_000_000_000, [reading(1000)], NOW)
    assert judged.late[0].endswith(", 999,000 seconds later; the rule allows 3,600")


def test_the_newest_time_of_earlier_batches_counts() -> None:
    assert judge(RULE, 1_000_000, [reading(900)], NOW).late.keys() == {0}
    assert judge(RULE, 1_000_000, [reading(900)], NOW).newest == 1_000_000


def test_a_clock_that_is_far_ahead_makes_no_other_reading_late() -> None:
    ahead, now = (NOW + DAY + 1) / 1000, NOW / 1000

    judged = judge(RULE, None, [reading(now), reading(ahead), reading(now), reading(now + 3600)], NOW)

    assert judged == ({}, NOW + 3_600_000)


def test_a_reading_without_a_time_is_never_late() -> None:
    broken = Reading("m1", "machines.m1.data", b"{", 1, False, None, None, 1)

    assert judge(RULE, NOW, [reading("no time"), broken], NOW) == ({}, NOW)


def test_a_reading_that_is_sent_again_is_marked_and_never_set_aside() -> None:
    again = reading(1, claim=Claim("7", "0" * 64))
    sets_aside = LateRule(field="time", seconds=60, action="dead-letter")

    assert judge(RULE, NOW, [again], NOW).late.keys() == {0}
    assert judge(sets_aside, NOW, [again], NOW) == ({}, NOW)


def test_a_field_can_be_in_an_object() -> None:
    body = b'{"header": {"time": 1}}'
    nested = Reading("m1", "machines.m1.data", body, 1, False, None, None, 1)
    assert judge(LateRule(field="header.time"), 5_000, [nested], NOW).late.keys() == {0}
