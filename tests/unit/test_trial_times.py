"""The time of a trial: when timers run in it, and how durations and times are written."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from pipeline.errors import ReadingUnfit
from pipeline.model.machine_settings import MachineSettings, ReadingMeta
from pipeline.model.schedule import Schedule
from pipeline.trials import trial as trials
from pipeline.trials.times import duration, recorded_time, time_of
from pipeline.trials.trial import SCHEDULE_RUNS, START, Trial, Tried
from sandbox.job import Logic
from sandbox.parent.sandbox import Sandbox

#: Sets and cancels what each reading says, and the next timer if a timer's name begins with "again".
LOGIC = """
def process(data, state):
    for name, seconds in data.get("set", {}).items():
        set_timer(name, seconds=seconds)
    for name in data.get("cancel", []):
        cancel_timer(name)
    if data.get("fail"):
        raise ValueError("as told")
    return {"received": meta["received"], "number": meta["number"]}

def on_timer(timer, state):
    state["ran"] = [*state.get("ran", []), timer["name"]]
    if timer["name"].startswith("again"):
        set_timer(timer["name"], seconds=1)
    if timer["name"] == "bad":
        raise ValueError("a bad timer")
    return {"due": timer["due"], "received": timer["received"], "late": timer["late"]}
"""
ENDLESS = """
def process(data, state):
    pass

def on_timer(timer, state):
    while True:
        pass
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def begin(sandbox: Sandbox, logic: str = LOGIC, **options: Any) -> Trial:
    return Trial(sandbox, Logic.of(logic), b"{}", **options)


def send(trial: Trial, received: str | None = None, **reading: Any) -> list[Tried]:
    return [*trial.step(msgspec.json.encode(reading), ReadingMeta(received=received))]


def names(tried: list[Tried]) -> list[str | None]:
    """Return the names of the timers that ran; None for a reading."""
    return [each.timer.name if each.timer else None for each in tried]


def test_timers_that_are_due_run_before_a_reading_exactly_when_they_are_due(sandbox: Sandbox) -> None:
    trial = begin(sandbox)

    [first] = send(trial, "2026-03-29T08:00:00Z", set={"b": 60, "a": 60, "later": 600})
    a, b, second = send(trial, "2026-03-29T08:05:00Z")

    due = "2026-03-29T08:01:00.000Z"
    assert first.timers == {"a": due, "b": due, "later": "2026-03-29T08:10:00.000Z"}
    assert names([a, b, second]) == ["a", "b", None]
    for each in (a, b):
        assert each.timer is not None
        assert each.timer.due == due
        assert msgspec.json.decode(each.results[0]) == {"due": due, "received": due, "late": 0}
    # The state is shown after each, also of two timers that are due at the same time.
    assert [msgspec.json.decode(each.state) for each in (a, b)] == [{"ran": ["a"]}, {"ran": ["a", "b"]}]
    assert msgspec.json.decode(a.reading) == {"timer": "a", "due": due}
    assert [*trial.timers] == ["later"]


def test_time_passes_and_never_goes_back(sandbox: Sandbox) -> None:
    trial = begin(sandbox)

    send(trial, set={"silence": 60})
    assert names([*trial.pass_until(START + 59_999)]) == []
    assert names([*trial.pass_until(START + 60_000)]) == ["silence"]
    [back] = send(trial, "2025-01-01T00:00:00Z")

    expected = {"received": "2026-01-01T00:01:00.000Z", "number": 2}
    assert msgspec.json.decode(back.results[0]) == expected


def test_a_timer_that_is_cancelled_or_set_by_a_reading_that_fails_does_not_run(sandbox: Sandbox) -> None:
    trial = begin(sandbox, timers={"kept": START + 1000, "gone": START + 1000})

    [cancelled] = send(trial, cancel=["gone", "unknown"])
    [failed] = send(trial, cancel=["kept"], set={"more": 1}, fail=True)

    assert cancelled.timers == {"gone": None}
    assert (failed.outcome, failed.timers) == ("error", {})
    assert names([*trial.pass_until(START + 10_000)]) == ["kept"]
    assert trial.timers == {}


def scheduled(sandbox: Sandbox, *schedules: Schedule, **options: Any) -> Trial:
    return begin(sandbox, settings=MachineSettings(schedules=schedules), **options)


def dues(tried: list[Tried]) -> list[str]:
    """Return when the timers and schedules that ran were due: the hour, the minute and the second."""
    return [each.timer.due[11:19] for each in tried if each.timer]


def test_schedules_run_between_readings_and_while_time_passes(sandbox: Sandbox) -> None:
    quarter, night = Schedule("quarter", every_seconds=900), Schedule("at", "10 0 * * *", timezone="UTC")
    trial = scheduled(sandbox, quarter, night)

    assert names(send(trial, "2026-01-01T00:15:00Z")) == ["at", "quarter", None]
    [first, second] = trial.pass_until(START + 45 * 60_000)

    assert dues([first, second]) == ["00:30:00", "00:45:00"]
    assert first.timer is not None
    assert (first.timer.name, first.timer.schedule) == ("quarter", True)
    due = "2026-01-01T00:30:00.000Z"
    assert msgspec.json.decode(first.results[0]) == {"due": due, "received": due, "late": 0}
    assert msgspec.json.decode(first.reading) == {"timer": "quarter", "due": due}
    assert trial.timers == {}


def test_a_timer_and_a_schedule_with_the_same_name_do_not_disturb_each_other(sandbox: Sandbox) -> None:
    trial = scheduled(sandbox, Schedule("tick", every_seconds=60))

    send(trial, set={"tick": 60})
    both = [*trial.pass_until(START + 120_000)]
    send(trial, cancel=["tick"])

    assert [each.timer and each.timer.schedule for each in both] == [True, False, True]
    assert dues([*trial.pass_until(START + 180_000)]) == ["00:03:00"]


def test_before_a_reading_only_the_last_runs_of_a_schedule_are_tried(sandbox: Sandbox) -> None:
    trial = scheduled(sandbox, Schedule("minute", "* * * * *"), Schedule("second", every_seconds=1))

    tried = send(trial, "2026-01-01T05:00:00Z")

    by_name = {
        name: dues([each for each in tried if each.timer and each.timer.name == name])
        for name in names(tried)
    }
    assert {name: len(found) for name, found in by_name.items() if name} == {
        "minute": SCHEDULE_RUNS,
        "second": SCHEDULE_RUNS,
    }
    assert (by_name["minute"][0], by_name["minute"][-1]) == ("03:21:00", "05:00:00")
    assert (by_name["second"][0], by_name["second"][-1]) == ("04:58:21", "05:00:00")
    assert dues(send(trial, "2026-01-01T05:00:03Z")) == ["05:00:01", "05:00:02", "05:00:03"]


def test_a_schedule_that_runs_too_often_while_time_passes_stops_the_trial(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "EXACT_RUNS", 5)
    trial = scheduled(sandbox, Schedule("second", every_seconds=1))

    assert len([*trial.pass_until(START + 6_000)]) == 5
    assert trial.stopped is not None
    assert "so does a schedule" in trial.stopped


def test_a_timer_that_fails_is_shown_and_is_not_set_any_more(sandbox: Sandbox) -> None:
    trial = begin(sandbox)

    send(trial, set={"bad": 1})
    [bad] = trial.pass_until(START + 1000)

    assert bad.outcome == "error"
    assert bad.error is not None
    assert (bad.error.message, bad.error.line) == ("ValueError: a bad timer", 16)
    assert msgspec.json.decode(bad.state) == {}
    assert trial.timers == {}


def test_a_step_runs_at_most_a_thousand_timers(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "EXACT_RUNS", 20)
    trial = begin(sandbox)

    send(trial, set={"again": 1})
    ran = send(trial, "2026-01-01T01:00:00Z")

    assert names(ran) == ["again"] * 20
    assert trial.stopped is not None
    assert "Timers ran 20 times in one step" in trial.stopped
    assert send(trial) == []


def test_a_logic_whose_timer_does_not_end_is_stopped_as_in_quarantine(sandbox: Sandbox) -> None:
    trial = begin(sandbox, ENDLESS, timers={f"t{n}": START + 1000 * n for n in range(16)})

    ran = [*trial.pass_until(START + 60_000)]

    assert {each.outcome for each in ran} == {"limit"}
    assert len(ran) == 10
    assert trial.stopped is not None
    assert "quarantine" in trial.stopped


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5 min", 300),
        ("45 s", 45),
        ("2 h", 7200),
        ("1 day", 86_400),
        ("3 days", 3 * 86_400),
        ("0.5 s", 0.5),
        ("1.5 hours", 5400),
        ("90min", 5400),
        ("1 minute", 60),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert duration(text) == 1000 * seconds


@pytest.mark.parametrize("text", ["", "5", "min", "5 m", "-5 min", "5 min 3 s", "PT5M", "1e3 s", "5 weeks"])
def test_another_text_is_not_a_duration(text: str) -> None:
    with pytest.raises(ValueError, match="write a number and s, min, h or days, such as '45 min'"):
        duration(text)


@pytest.mark.parametrize("text", ["0 s", "367 days", "999999999 h"])
def test_a_duration_is_neither_empty_nor_too_long(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration between 1 ms and 366 days"):
        duration(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-01T00:00:00Z", START),
        ("2026-01-01T01:00:00+01:00", START),
        (" 2026-01-01 00:00:00 ", START),
        (START, START),
        (START / 1000 + 0.25, START + 250),
    ],
)
def test_the_time_of_a_recorded_reading_is_a_text_or_a_number(value: Any, expected: int) -> None:
    assert recorded_time(msgspec.json.encode({"at": value}), "at") == expected


@pytest.mark.parametrize("value", ["yesterday", True, None, [1], -1, 1e300, "9999-12-31T23:59:59-23:00"])
def test_another_value_is_not_the_time_of_a_recorded_reading(value: Any) -> None:
    with pytest.raises(ReadingUnfit, match=r"'at' is .*, which is not a time"):
        recorded_time(msgspec.json.encode({"at": value}), "at")


@pytest.mark.parametrize("line", [b"7", b"not JSON", b"{}", b'"at"', b"\xff", b"[" * 100_000])
def test_a_recorded_reading_without_a_time_is_refused(line: bytes) -> None:
    with pytest.raises(ReadingUnfit, match="there is no 'at'"):
        recorded_time(line, "at")


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-01-01", "2026-01-01T00:00:00", "3000-01-01T00:00:00Z"]
)
def test_a_time_needs_a_time_zone_and_a_possible_year(text: str) -> None:
    with pytest.raises(ReadingUnfit, match=r"meta\.received is .*, which is not a time"):
        time_of(text, "meta.received")
