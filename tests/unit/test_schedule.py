"""Tests for `pipeline.model.schedule`."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ScheduleRefused
from pipeline.model.schedule import SCHEDULES, Schedule, check, last_due, next_due, rescheduled, timers_of


def at(text: str) -> int:
    """Return a time of 30 November 2026 in milliseconds."""
    return round(datetime.fromisoformat(f"2026-11-30T{text}Z").timestamp() * 1000)


def test_an_interval_counts_from_1970() -> None:
    quarter = Schedule("quarter", every_seconds=900)
    assert next_due(quarter, at("10:07:00")) == at("10:15:00")
    assert next_due(quarter, at("10:14:59.999")) == at("10:15:00")
    assert next_due(quarter, at("10:15:00")) == at("10:30:00")
    assert next_due(Schedule("week", every_seconds=604_800), at("10:00:00")) == at("10:00:00") + 223_200_000


def test_a_cron_expression_without_a_time_zone_is_in_utc() -> None:
    assert next_due(Schedule("a", "0 11 * * *"), at("10:00:00")) == at("11:00:00")
    assert next_due(Schedule("a", "0 11 * * *", timezone="Europe/Berlin"), at("09:00:00")) == at("10:00:00")


def test_a_schedule_that_was_missed_has_a_last_time() -> None:
    minutes, since, until = Schedule("m", "* * * * *"), at("00:00:00"), at("10:07:30.500")
    assert last_due(minutes, since, until) == at("10:07:00")
    assert last_due(minutes, at("10:07:00"), until) is None
    assert last_due(Schedule("s", every_seconds=1), since, until) == at("10:07:30")
    assert last_due(Schedule("h", "30 * * * *"), since, until) == at("09:30:00")


def test_a_list_of_schedules_replaces_the_timers_of_the_last_one_and_no_others() -> None:
    first = timers_of((Schedule("a", every_seconds=900), Schedule("b", "0 11 * * *")))
    timers = rescheduled({"own": 5}, first, at("10:00:00"))
    assert timers == {"own": 5, "schedule:a": at("10:15:00"), "schedule:b": at("11:00:00")}

    second = timers_of((Schedule("b", "0 12 * * *"),))
    assert rescheduled(timers, second, at("10:00:00")) == {"own": 5, "schedule:b": at("12:00:00")}
    assert rescheduled(timers, timers_of(()), at("10:00:00")) == {"own": 5}
    assert len({first.identity, second.identity, timers_of(()).identity, b""}) == 3


def test_a_schedule_that_is_due_stays_due_when_another_one_is_added() -> None:
    shift = Schedule("shift", "0 10 * * *")
    timers = rescheduled({}, timers_of((shift,)), at("09:00:00"))
    both = timers_of((shift, Schedule("b", every_seconds=900)))

    found = rescheduled(timers, both, at("10:00:00.200"))
    assert found == {"schedule:shift": at("10:00:00"), "schedule:b": at("10:15:00")}
    # Another time under the same name is another schedule.
    other = timers_of((Schedule("shift", "0 11 * * *"),))
    assert rescheduled(timers, other, at("10:00:00.200")) == {"schedule:shift": at("11:00:00")}


EXPRESSIONS = ("* * * * *", "*/7 * * * *", "0 6,14,22 * * *", "30 2 29 2 *", "15 3 * * MON", "* 5 1 * *")


@given(
    st.sampled_from([Schedule("s", text, timezone="Europe/Berlin") for text in EXPRESSIONS]),
    st.integers(at("00:00:00"), at("00:00:00") + 10**11),
    st.integers(0, 10**8),
)
def test_the_last_time_is_the_same_as_by_asking_for_each(schedule: Schedule, after: int, span: int) -> None:
    last, each = None, next_due(schedule, after)
    while each is not None and each <= after + span:
        last, each = each, next_due(schedule, each)
    assert last_due(schedule, after, after + span) == last


def test_a_schedule_in_a_zone_that_is_gone_is_never_due() -> None:
    gone = Schedule("a", "0 11 * * *", timezone="Europe/Atlantis")
    assert next_due(gone, at("10:00:00")) is None
    for each in (gone, Schedule("n"), Schedule("z", every_seconds=0)):
        assert last_due(each, 0, at("10:00:00")) is None
    assert rescheduled({}, timers_of((gone,)), at("10:00:00")) == {}


def test_valid_schedules_are_accepted() -> None:
    check([])
    check([Schedule(f"s{n}", "0 6 * * *", timezone="Europe/Berlin") for n in range(SCHEDULES)])
    check(
        [Schedule("a", every_seconds=1), Schedule("A", every_seconds=604_800), Schedule("_-9", "* * * * *")]
    )


@pytest.mark.parametrize(
    ("schedules", "reason"),
    [
        ([Schedule("a", "61 * * * *")], "The schedule 'a' is invalid. '61 * * * *': minutes are 0 to 59"),
        ([Schedule("a", "0 0 30 2 *")], "The schedule 'a' is invalid. '0 0 30 2 *' never comes"),
        ([Schedule("a", "0 6 * * *", timezone="Europe/Berln")], "Did you mean 'Europe/Berlin'?"),
        ([Schedule("a", "0 6 * * *", timezone="")], "There is no time zone ''."),
        ([Schedule("a")], "has either cron or every_seconds, and this one has none of them."),
        ([Schedule("a", "0 6 * * *", every_seconds=5)], "and this one has both."),
        ([Schedule("a", every_seconds=5, timezone="UTC")], "An interval has no time zone."),
        ([Schedule("a", every_seconds=0)], "every_seconds is 1 to 604,800 (a week), and not 0."),
        ([Schedule("a", every_seconds=-(10**18))], "every_seconds is 1 to 604,800"),
        ([Schedule("a", every_seconds=604_801)], "For longer, use cron."),
        ([Schedule("", every_seconds=5)], "'' is not a valid name of a schedule. Use 1 to 64 letters"),
        ([Schedule("a b", every_seconds=5)], "'a b' is not a valid name"),
        ([Schedule("a\n", every_seconds=5)], "is not a valid name"),
        ([Schedule("é", every_seconds=5)], "is not a valid name"),
        ([Schedule("a" * 65, every_seconds=5)], "is not a valid name"),
        ([Schedule("a", every_seconds=5)] * 2, "Two schedules have the name 'a'. Give each its own."),
        (
            [Schedule(f"s{n}", every_seconds=5) for n in range(17)],
            "There are 17 schedules. At most 16 are possible.",
        ),
    ],
)
def test_an_invalid_schedule_is_refused_with_the_reason(schedules: list[Schedule], reason: str) -> None:
    with pytest.raises(ScheduleRefused) as refused:
        check(schedules)
    assert reason in str(refused.value)
