"""Alarms in the sandbox: what a logic raises and clears, and what no logic and no child can do with them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.job import Job, Logic, Outcome, Raised, Report
from sandbox.limits import Limits
from sandbox.parent.sandbox import Sandbox

#: Does what each reading says.
SCRIPT = """
def process(data, state):
    for step in data:
        if step[0] == "raise":
            raise_alarm(step[1], **step[2])
        elif step[0] == "clear":
            clear_alarm(step[1])
        else:
            raise ValueError("as told")
    return {}
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def run(sandbox: Sandbox, source: str, *readings: Any, active: frozenset[str] = frozenset()) -> Report:
    bodies = [json.dumps(each).encode() for each in readings]
    [report] = sandbox.run([Job(Logic.of(source), b"{}", bodies, alarms=active)])
    return report


def outcome_of(sandbox: Sandbox, line: str, active: frozenset[str] = frozenset()) -> Outcome:
    [outcome] = run(sandbox, f"def process(data, state):\n    {line}\n", 1, active=active).outcomes
    return outcome


def test_a_reading_has_the_alarms_that_it_raised_and_cleared(sandbox: Sandbox) -> None:
    hot = ["raise", "hot", {"severity": "critical", "message": "95 °C", "t": 95, "at": ["a", {"b": None}]}]
    report = run(sandbox, SCRIPT, [hot, ["raise", "door", {}]], [["clear", "hot"], ["clear", "unknown"]], [])
    first, second, third = [outcome.alarms for outcome in report.outcomes]
    assert first == {
        "hot": Raised("critical", "95 °C", b'{"t":95,"at":["a",{"b":null}]}'),
        "door": Raised("warning", "", b"{}"),
    }
    assert (second, third) == ({"hot": None}, {})


def test_of_several_calls_in_one_reading_the_last_one_counts(sandbox: Sandbox) -> None:
    again, gone = {"severity": "minor"}, {"severity": "major"}
    report = run(
        sandbox,
        SCRIPT,
        [["raise", "a", {}], ["raise", "a", again], ["raise", "b", gone], ["clear", "b"]],
        [["clear", "a"], ["raise", "a", gone]],
        [["raise", "a", {}], ["clear", "a"]],
    )
    assert [outcome.alarms for outcome in report.outcomes] == [
        {"a": Raised("minor", "", b"{}")},
        {"a": Raised("major", "", b"{}")},
        {"a": None},
    ]


def test_a_reading_that_fails_raises_and_clears_nothing(sandbox: Sandbox) -> None:
    report = run(
        sandbox,
        SCRIPT,
        [["clear", "a"], ["raise", "b", {}], ["fail"]],
        [["clear", "b"]],
        active=frozenset("a"),
    )
    assert [(outcome.kind, outcome.alarms) for outcome in report.outcomes] == [("error", {}), ("ok", {})]


def test_a_timer_raises_alarms(sandbox: Sandbox) -> None:
    source = (
        "def process(data, state):\n    clear_alarm('silent')\n    set_timer('silence', seconds=5)\n"
        "def on_timer(timer, state):\n    raise_alarm('silent', since=timer['due'])\n"
    )
    job = Job(Logic.of(source), b"{}", [b"1", b"2"], times=[1_000, 9_000], until=20_000)
    [report] = sandbox.run([job])
    assert [list(outcome.alarms.items()) for outcome in report.outcomes] == [
        [],
        [("silent", Raised("warning", "", b'{"since":"1970-01-01T00:00:06.000Z"}'))],
        [("silent", None)],
        [("silent", Raised("warning", "", b'{"since":"1970-01-01T00:00:14.000Z"}'))],
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("raise_alarm()", "TypeError: raise_alarm() missing 1 required positional argument: 'name'"),
        ("raise_alarm(5)", "TypeError: the name of an alarm must be a text"),
        ("raise_alarm('')", "ValueError: the name of an alarm has 1 to 64"),
        ("raise_alarm('a b')", "ValueError: the name of an alarm has 1 to 64"),
        ("raise_alarm('ä')", "ValueError: the name of an alarm has 1 to 64"),
        ("raise_alarm('a' * 65)", "ValueError: the name of an alarm has 1 to 64"),
        ("raise_alarm('a\\n')", "ValueError: the name of an alarm has 1 to 64"),
        ("clear_alarm(None)", "TypeError: the name of an alarm must be a text"),
        ("clear_alarm('a b')", "ValueError: the name of an alarm has 1 to 64"),
        ("raise_alarm('a', 'high')", "ValueError: the severity of an alarm is one of warning, minor"),
        ("raise_alarm('a', 5)", "ValueError: the severity of an alarm is one of warning, minor"),
        ("raise_alarm('a', message=5)", "TypeError: the message of an alarm must be a text"),
        ("raise_alarm('a', message='x' * 501)", "ValueError: the message of an alarm has at most 500"),
        ("raise_alarm('a', message='\\ud800')", 'ValueError: alarm["message"] has an incomplete character'),
        ("raise_alarm('a', message='\\0')", 'ValueError: alarm["message"] has the character U+0000'),
        ("raise_alarm('a', when=process)", 'ValueError: alarm["when"] is a function, which is not JSON'),
        ("raise_alarm('a', when={1, 2})", 'ValueError: alarm["when"] is a set, which is not JSON'),
        ("raise_alarm('a', t=float('nan'))", 'ValueError: alarm["t"] is NaN, which is not JSON'),
    ],
)
def test_a_wrong_alarm_is_an_error_with_its_line(sandbox: Sandbox, line: str, message: str) -> None:
    outcome = outcome_of(sandbox, line)
    assert outcome.failure is not None
    assert (outcome.kind, outcome.failure.line, outcome.alarms) == ("error", 2, {})
    assert outcome.failure.message.startswith(message), outcome.failure.message


@pytest.mark.parametrize(
    ("line", "limit"),
    [
        ("raise_alarm('a', text='x' * 5_000)", "alarm_bytes"),
        ("raise_alarm('a', message='\\x01' * 500, text='x' * 1_500)", "alarm_bytes"),
        ("x = []; [x := [x] for n in range(99)]; raise_alarm('a', deep=x)", "value_depth"),
        ("[raise_alarm(str(n)) for n in range(17)]", "alarms"),
        ("[raise_alarm('a', n=n) for m in range(900) for n in range(900)]", "fuel"),
        ("[raise_alarm(str(n)) or clear_alarm(str(n)) for m in range(900) for n in range(900)]", "fuel"),
    ],
)
def test_an_alarm_beyond_a_limit_is_refused_with_its_line(sandbox: Sandbox, line: str, limit: str) -> None:
    source = f"def process(data, state):\n    try:\n        {line}\n    except Exception:\n        pass\n"
    [outcome] = run(sandbox, source, 1).outcomes
    assert outcome.failure is not None
    assert (outcome.kind, outcome.failure.limit, outcome.failure.line) == ("limit", limit, 3)
    assert outcome.alarms == {}


def test_active_alarms_count_over_readings_and_those_that_are_cleared_do_not(sandbox: Sandbox) -> None:
    fill = [["raise", str(n), {}] for n in range(15)]
    swap = [["clear", "3"], ["clear", "before"], ["raise", "new", {}], ["raise", "newer", {}]]
    report = run(sandbox, SCRIPT, fill, fill, swap, [["raise", "more", {}]], active=frozenset({"before"}))
    assert [outcome.kind for outcome in report.outcomes] == ["ok", "ok", "ok", "limit"]


def test_all_alarms_of_a_reading_may_be_as_large_as_the_limits_allow() -> None:
    limits = Limits(alarms=64, alarm_bytes=65_536, fuel=10_000_000)
    source = (
        "def process(data, state):\n    for n in range(64):\n        raise_alarm(str(n), text='x' * 65_000)\n"
    )
    with Sandbox(limits) as sandbox:
        report = run(sandbox, source, 1, 2)
    assert [(outcome.kind, len(outcome.alarms)) for outcome in report.outcomes] == [("ok", 64)] * 2


def test_the_top_level_of_a_logic_raises_no_alarm(sandbox: Sandbox) -> None:
    run(sandbox, SCRIPT, [["raise", "a", {}]])  # whose alarms must not stay
    source = (
        "def f():\n    raise_alarm('a')\n    return 1\nTABLE = f()\ndef process(data, state):\n    pass\n"
    )
    checked = sandbox.check(source)
    assert not checked.accepted
    assert "alarms can be raised only while process or on_timer runs" in checked.problems[0].message


def test_a_logic_that_has_functions_of_these_names_keeps_them(sandbox: Sandbox) -> None:
    source = (
        "def raise_alarm(text):\n    return {'alarm': text}\n"
        "def process(data, state):\n    return raise_alarm('own')\n"
    )
    [outcome] = run(sandbox, source, 1).outcomes
    assert (outcome.results, outcome.alarms) == ([b'{"alarm":"own"}'], {})
