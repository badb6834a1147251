"""Timers in the sandbox: what a logic sets, when it runs, and what no logic and no child can do with it."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.job import Job, Logic, Report, TimerRun
from sandbox.limits import Limits
from sandbox.parent.sandbox import Sandbox
from tests.sandbox.test_misbehaviour import stub
from tests.sandbox.unguarded import Unguarded

#: When the first reading of a test is received: 2026-03-29T00:00:00Z, in milliseconds since 1970.
START = 1_774_742_400_000

#: Does what each reading says, and in a timer what the reading said that a timer of this name does.
SCRIPT = """
def do(state, steps):
    for step in steps:
        if step[0] == "set":
            set_timer(step[1], seconds=step[2])
        elif step[0] == "cancel":
            cancel_timer(step[1])
        else:
            raise ValueError("as told")

def process(data, state):
    state["on"] = data.get("on", state.get("on", {}))
    state["seen"] = [*state.get("seen", []), data["n"]][-50:]
    do(state, data["do"])
    return {"n": data["n"]}

def on_timer(timer, state):
    state["seen"] = [*state.get("seen", []), timer["name"]][-50:]
    do(state, state.get("on", {}).get(timer["name"], []))
    return {"timer": timer["name"], "due": timer["due"], "received": timer["received"], "late": timer["late"]}
"""


SILENT = "def process(data, state):\n    pass\n"
NO_TIMER = "def on_timer(timer, state):\n    pass\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def run(sandbox: Sandbox, source: str, readings: list[Any], times: list[int], **job: Any) -> Report:
    bodies = [each if isinstance(each, TimerRun) else json.dumps(each).encode() for each in readings]
    state = job.pop("state", b"{}")
    [report] = sandbox.run([Job(Logic.of(source), state, bodies, times=times, **job)])
    return report


def said(report: Report) -> list[Any]:
    """Return the results of each outcome, or the error."""
    return [
        outcome.failure.message
        if outcome.failure
        else [msgspec.json.decode(each) for each in outcome.results]
        for outcome in report.outcomes
    ]


# The order.

NAMES = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), NAMES, st.integers(1, 6)),
        st.tuples(st.just("cancel"), NAMES),
        st.tuples(st.just("fail")),
    ),
    max_size=3,
)
READINGS = st.lists(
    st.tuples(st.integers(0, 4), STEPS, st.dictionaries(NAMES, STEPS, max_size=3)), min_size=1, max_size=12
)


def expected(
    readings: list[tuple[int, Any, Any]], until: int | None, *, exact: bool
) -> tuple[list[Any], dict[str, int]]:
    """Return what should happen, second by second, by the rules of the docs: the slow and simple way."""
    happened, timers, on, now = list[Any](), dict[str, int](), dict[str, Any](), 0

    def do(steps: list[Any], at: int) -> bool:
        changed = dict(timers)
        for step in steps:
            if step[0] == "set":
                changed[step[1]] = at + step[2]
            elif step[0] == "cancel":
                changed.pop(step[1], None)
            else:
                return False
        timers.clear()
        timers.update(changed)
        return True

    def run_due(limit: int) -> None:
        while due := sorted((due, name) for name, due in timers.items() if due <= limit):
            at, name = due[0]
            del timers[name]
            received = at if exact else limit
            ok = do(on.get(name, []), received)
            happened.append((name, at, received) if ok else "failed")

    for number, (wait, steps, then) in enumerate(readings):
        now += wait
        run_due(now)
        if do(steps, now):
            on = then
            happened.append(number)
        else:
            happened.append("failed")
    if until is not None:
        run_due(now + until)
    return happened, timers


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(READINGS, st.none() | st.integers(0, 20), st.booleans(), st.integers(0, 12))
def test_timers_run_in_order_with_the_readings_whatever_the_batches(
    sandbox: Sandbox, readings: list[tuple[int, Any, Any]], until: int | None, exact: bool, cut: int
) -> None:
    bodies: list[Any] = [{"n": n, "do": do, "on": on} for n, (_, do, on) in enumerate(readings)]
    times, now = list[int](), START
    for wait, _, _ in readings:
        now += 1000 * wait
        times.append(now)
    end = None if until is None else now + 1000 * until

    whole = run(sandbox, SCRIPT, bodies, times, until=end, exact=exact)
    first = run(sandbox, SCRIPT, bodies[:cut], times[:cut], exact=exact)
    second = run(
        sandbox,
        SCRIPT,
        bodies[cut:],
        times[cut:],
        state=first.state,
        timers=first.timers,
        until=end,
        exact=exact,
    )

    happened, timers = expected(readings, until, exact=exact)
    assert [_told(each) for each in said(whole)] == happened
    assert whole.timers == {name: START + 1000 * due for name, due in timers.items()}
    assert [_told(each) for each in (*said(first), *said(second))] == happened
    assert (second.state, second.timers) == (whole.state, whole.timers)


def _told(each: Any) -> Any:
    if isinstance(each, str):
        assert each == "ValueError: as told"
        return "failed"
    [result] = each
    if "n" in result:
        return result["n"]
    due, received = (_seconds(result[field]) for field in ("due", "received"))
    assert result["late"] == received - due
    return result["timer"], due, received


def _seconds(text: str) -> int:
    from datetime import datetime

    return round(datetime.fromisoformat(text).timestamp() - START / 1000)


def test_a_timer_between_thousands_of_readings_of_many_machines(sandbox: Sandbox) -> None:
    """More than a request carries, and each timer is due before the next reading."""
    count = 3_000
    readings = [json.dumps({"n": n, "do": [["set", "t", 1]]}).encode() for n in range(count)]
    times = [START + 2_000 * n for n in range(count)]
    logic = Logic.of(SCRIPT)
    silent = [json.dumps({"n": n, "do": []}).encode() for n in range(count)]

    reports = sandbox.run(
        [
            Job(logic, b"{}", readings, times=times),
            Job(logic, b"{}", silent),
            Job(logic, b"{}", readings, times=times),
        ]
    )

    assert [len(report.outcomes) for report in reports] == [2 * count - 1, count, 2 * count - 1]
    for report in (reports[0], reports[2]):
        assert sorted(report.ran) == list(range(1, 2 * count - 1, 2))
        assert {outcome.kind for outcome in report.outcomes} == {"ok"}
        assert report.timers == {"t": times[-1] + 1_000}


def test_a_timer_that_sets_itself_runs_at_most_once_before_a_reading(sandbox: Sandbox) -> None:
    body = {"n": 0, "do": [["set", "t", 1]], "on": {"t": [["set", "t", 1]]}}
    day = START + 24 * 3_600_000

    late = run(sandbox, SCRIPT, [body], [START], until=day)
    assert len(late.ran) == 1
    assert late.timers == {"t": day + 1_000}

    exact = run(sandbox, SCRIPT, [body], [START], until=day, exact=True)
    assert len(exact.ran) == 1_000
    assert exact.timers == {"t": START + 1_001_000}


# What goes wrong.


def test_a_reading_that_fails_sets_and_cancels_nothing(sandbox: Sandbox) -> None:
    readings = [
        {"n": 0, "do": [["set", "a", 5]]},
        {"n": 1, "do": [["set", "b", 5], ["cancel", "a"], ["fail"]]},
    ]
    report = run(sandbox, SCRIPT, readings, [START, START])
    assert [outcome.kind for outcome in report.outcomes] == ["ok", "error"]
    assert report.timers == {"a": START + 5_000}


def test_a_timer_that_fails_is_gone_and_leaves_the_state_as_it_was(sandbox: Sandbox) -> None:
    readings = [{"n": 0, "do": [["set", "a", 1]], "on": {"a": [["fail"]]}}, {"n": 1, "do": []}]
    report = run(sandbox, SCRIPT, readings, [START, START + 5_000])
    assert [outcome.kind for outcome in report.outcomes] == ["ok", "error", "ok"]
    assert report.outcomes[1].failure is not None
    assert report.outcomes[1].failure.line is not None
    assert json.loads(report.state)["seen"] == [0, 1]
    assert report.timers == {}

    # It is run again like a reading.
    again = TimerRun("a", START + 1_000, START + 9_000, again=True)
    mended = SCRIPT.replace('raise ValueError("as told")', "pass")
    report = run(sandbox, mended, [again], [START + 9_000], state=report.state)
    [[result]] = said(report)
    assert (result["due"], result["late"]) == ("2026-03-29T00:00:01.000Z", 8.0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("set_timer('a')", "TypeError: set_timer needs a time: seconds, minutes or hours, or else at"),
        ("set_timer('a', seconds=1, at=NOON)", "TypeError: set_timer needs a time"),
        ("set_timer('a', minutes='5')", "TypeError: minutes must be a number"),
        ("set_timer('a', seconds=True)", "TypeError: seconds must be a number"),
        ("set_timer('a', hours=10**40)", "TypeError: hours must be a number"),
        ("set_timer('a', hours=float('nan'))", "TypeError: hours must be a number"),
        ("set_timer('a', hours=float('inf'))", "TypeError: hours must be a number"),
        ("set_timer('a', days=1)", "TypeError: set_timer() got an unexpected keyword argument 'days'"),
        ("set_timer(5, seconds=1)", "TypeError: the name of a timer must be a text"),
        ("set_timer('', seconds=1)", "ValueError: the name of a timer has 1 to 64"),
        ("set_timer('a b', seconds=1)", "ValueError: the name of a timer has 1 to 64"),
        ("set_timer('ä', seconds=1)", "ValueError: the name of a timer has 1 to 64"),
        ("set_timer('a' * 65, seconds=1)", "ValueError: the name of a timer has 1 to 64"),
        ("set_timer('a\\n', seconds=1)", "ValueError: the name of a timer has 1 to 64"),
        ("cancel_timer('a b')", "ValueError: the name of a timer has 1 to 64"),
        ("set_timer('a', at=datetime(2026, 3, 30))", "TypeError: at must be a datetime with a time zone"),
        ("set_timer('a', at='2026-03-30T00:00:00Z')", "TypeError: at must be a datetime with a time zone"),
        ("set_timer('a', at=datetime(2026, 3, 28, tzinfo=timezone.utc))", "ValueError: at is in the past"),
        ("set_timer('a', at=datetime(1, 1, 1, tzinfo=timezone.utc))", "ValueError: at is in the past"),
    ],
)
def test_a_wrong_timer_is_an_error_with_its_line(sandbox: Sandbox, line: str, message: str) -> None:
    source = (
        "from datetime import datetime, timezone\n"
        "NOON = datetime(2026, 3, 29, 12, tzinfo=timezone.utc)\n"
        f"def process(data, state):\n    set_timer('kept', seconds=5)\n    {line}\n"
        "def on_timer(timer, state):\n    pass\n"
    )
    report = run(sandbox, source, [1], [START])
    [outcome] = report.outcomes
    assert outcome.failure is not None
    assert (outcome.kind, outcome.failure.line, report.timers) == ("error", 5, {})
    assert outcome.failure.message.startswith(message), outcome.failure.message


@pytest.mark.parametrize(
    ("line", "limit"),
    [
        ("set_timer('a', seconds=0)", "timer_shortest_seconds"),
        ("set_timer('a', seconds=-1)", "timer_shortest_seconds"),
        ("set_timer('a', seconds=0.999)", "timer_shortest_seconds"),
        ("set_timer('a', minutes=1, seconds=-59.5)", "timer_shortest_seconds"),
        ("set_timer('a', hours=366 * 24 + 1)", "timer_longest_seconds"),
        ("set_timer('a', hours=1e14)", "timer_longest_seconds"),
        ("set_timer('a', at=datetime(9999, 12, 31, tzinfo=timezone.utc))", "timer_longest_seconds"),
        ("[set_timer(str(n), seconds=1) for n in range(17)]", "timers"),
        ("[set_timer(str(n), seconds=1) for n in range(10_000)]", "timers"),
    ],
)
def test_a_timer_beyond_a_limit_is_refused_with_its_line(sandbox: Sandbox, line: str, limit: str) -> None:
    source = (
        "from datetime import datetime, timezone\n"
        f"def process(data, state):\n    try:\n        {line}\n    except Exception:\n        pass\n"
        "def on_timer(timer, state):\n    pass\n"
    )
    report = run(sandbox, source, [1], [START])
    [outcome] = report.outcomes
    assert outcome.failure is not None
    assert (outcome.kind, outcome.failure.limit, outcome.failure.line) == ("limit", limit, 4)
    assert report.timers == {}


def test_timers_count_over_readings_and_those_that_are_replaced_or_cancelled_do_not(sandbox: Sandbox) -> None:
    fill = {"n": 0, "do": [["set", str(n), 60] for n in range(16)]}
    again = {"n": 1, "do": [["set", str(n), 90] for n in range(16)]}
    swap = {"n": 2, "do": [["cancel", "3"], ["set", "new", 60], ["cancel", "unknown"]]}
    more = {"n": 3, "do": [["set", "more", 60]]}
    report = run(sandbox, SCRIPT, [fill, again, swap, more], [START] * 4)
    assert [outcome.kind for outcome in report.outcomes] == ["ok", "ok", "ok", "limit"]
    assert set(report.timers) == {*map(str, range(16)), "new"} - {"3"}


def test_a_time_that_is_nearly_now_is_the_shortest_time_away(sandbox: Sandbox) -> None:
    source = (
        "from datetime import datetime\n"
        "def process(data, state):\n    set_timer('a', at=datetime.fromisoformat(data))\n"
        "def on_timer(timer, state):\n    pass\n"
    )
    for at in ("2026-03-29T00:00:00Z", "2026-03-29T02:00:00.999+02:00", "2026-03-29T00:00:01Z"):
        assert run(sandbox, source, [at], [START]).timers == {"a": START + 1_000}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def process(data, state):\n    set_timer('a', seconds=1)", "set_timer needs a function on_timer"),
        ("def process(data, state):\n    s = set_timer\n    s('a', seconds=1)", "set_timer needs a function"),
        (
            "def process(data, state):\n    pass\ndef on_timer(timer):\n    pass",
            "on_timer must take exactly two",
        ),
        (
            "def process(data, state):\n    pass\ndef on_timer(timer, state):\n    yield 1",
            "`yield`",
        ),
        (
            "TABLE = [n for n in range(9)]\nset_timer('a', seconds=1)\ndef process(data, state):\n    pass\n"
            + NO_TIMER,
            None,
        ),
        (
            "def f():\n    set_timer('a', seconds=1)\n    return 1\nTABLE = f()\n" + SILENT + NO_TIMER,
            "timers can be set only while process or on_timer runs",
        ),
    ],
)
def test_what_a_check_says_of_timers(sandbox: Sandbox, source: str, message: str | None) -> None:
    run(sandbox, SCRIPT, [{"n": 0, "do": [["set", "a", 5]]}], [START])  # a clock that must not stay
    checked = sandbox.check(source)
    assert checked.accepted == (message is None), checked.problems
    if message is not None:
        assert message in checked.problems[0].message


def test_without_a_clock_no_timer_is_set(sandbox: Sandbox) -> None:
    [message] = said(run(sandbox, SCRIPT, [{"n": 0, "do": [["set", "a", 5]]}], []))
    assert message == "RuntimeError: timers can be set only while process or on_timer runs"


def test_a_timer_of_a_logic_that_has_no_on_timer_any_more_fails(sandbox: Sandbox) -> None:
    source = "def process(data, state):\n    return {}"
    report = run(sandbox, source, [1], [START + 9_000], timers={"a": START}, until=START + 10_000)
    assert said(report) == ["the logic has no function on_timer(timer, state), but a timer is set", [{}]]
    assert report.outcomes[0].kind == "error"


@pytest.mark.parametrize("line", ["timer['name'] = 'b'", "del timer['due']", "timer.clear()"])
def test_the_timer_cannot_be_changed(sandbox: Sandbox, line: str) -> None:
    source = f"def process(data, state):\n    pass\ndef on_timer(timer, state):\n    {line}"
    report = run(sandbox, source, [], [], timers={"a": START}, until=START)
    assert [outcome.kind for outcome in report.outcomes] == ["error"]


def test_a_timer_reads_its_time_as_meta(sandbox: Sandbox) -> None:
    source = "def process(data, state):\n    pass\ndef on_timer(timer, state):\n    return {**meta, **config}"
    report = run(
        sandbox, source, [], [], timers={"a": START}, until=START + 1, metas=[], config=b'{"limit": 5}'
    )
    assert said(report) == [
        [
            {
                "topic": None,
                "late": False,
                "received": "2026-03-29T00:00:00.001Z",
                "number": None,
                "message_id": None,
                "limit": 5,
            }
        ]
    ]


def test_a_timer_that_never_ends_costs_only_itself(sandbox: Sandbox) -> None:
    source = (
        "def process(data, state):\n    state['n'] = state.get('n', 0) + 1\n    set_timer('t', seconds=1)\n"
        "def on_timer(timer, state):\n    while True:\n        pass"
    )
    report = run(sandbox, source, [1, 2, 3], [START, START + 5_000, START + 10_000])
    assert [outcome.kind for outcome in report.outcomes] == ["ok", "limit", "ok", "limit", "ok"]
    assert json.loads(report.state) == {"n": 3}


def test_a_child_that_dies_over_a_timer_condemns_the_timer_and_not_the_readings() -> None:
    source = (
        "def process(data, state):\n"
        "    if isinstance(data, int):\n        state['n'] = state.get('n', 0) + data\n"
        "    else:\n        import os; os._exit(3)\n"
    )
    with Unguarded(Limits(), allow_unconfined=True) as sandbox:
        report = run(
            sandbox, source, [1, 2], [START, START + 5_000], timers={"t": START + 1_000}, until=START + 9_000
        )
    assert [outcome.kind for outcome in report.outcomes] == ["ok", "limit", "ok"]
    assert report.outcomes[1].killed
    assert json.loads(report.state) == {"n": 3}
    assert list(report.ran) == [1]


# What no child can do.


@pytest.mark.parametrize(
    "name",
    [
        "a timer in the past",
        "a timer of the next century",
        "a timer with a bad name",
        "more timers than allowed",
        "a cancelled timer that is not set",
        "readings left out without a timer",
        "a failure that sets a timer",
    ],
)
def test_a_child_cannot_invent_timers(name: str) -> None:
    with stub(name) as sandbox:
        reports = sandbox.run(
            [
                Job(Logic.of(f"def process(data, state): pass  # {n}"), b"{}", [body], times=[START])
                for n, body in enumerate([b"1", b'"poison"', b"3"])
            ]
        )
    outcomes = [outcome for report in reports for outcome in report.outcomes]
    assert [outcome.kind for outcome in outcomes] == ["ok", "limit", "ok"]
    assert all(report.timers == {} for report in reports)


# Timers that repeat.


class Every:
    """A timer that is due at each multiple of some seconds after the start."""

    def __init__(self, seconds: int) -> None:
        self._span = 1000 * seconds

    def last(self, after: int, until: int) -> int | None:
        found = START + (until - START) // self._span * self._span
        return found if found > after else None

    def next(self, after: int) -> int:
        return START + ((after - START) // self._span + 1) * self._span


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.integers(0, 40), st.integers(0, 8))
def test_a_timer_that_repeats_runs_once_in_each_gap_for_its_last_time(
    sandbox: Sandbox, waits: list[int], wait: int, cut: int
) -> None:
    times = [START + 1000 * sum(waits[: n + 1]) for n in range(len(waits))]
    until = times[-1] + 1000 * wait
    bodies = [{"n": n, "do": [["set", "own", 3]] if n == 0 else []} for n in range(len(waits))]
    every, key = Every(10), "schedule:tick"
    given_timers = {key: START + 10_000}

    def job(part: slice, timers: dict[str, int], state: bytes, until: int | None) -> Report:
        return run(
            sandbox,
            SCRIPT,
            bodies[part],
            times[part],
            state=state,
            timers=timers,
            until=until,
            repeats={key: every},
        )

    whole = job(slice(None), given_timers, b"{}", until)
    first = job(slice(cut), given_timers, b"{}", None)
    second = job(slice(cut, None), first.timers, first.state, until)

    assert [*said(first), *said(second)] == said(whole)
    assert second.timers == whole.timers
    assert whole.timers[key] == every.next(max(until, START))
    ticks = [result for [result] in said(whole) if result.get("timer") == "tick"]
    ends = [*times, until]
    last, expected_dues = START, []
    for end in ends:
        if (due := every.last(last, end)) is not None:
            expected_dues.append((due - START) // 1000)
            last = due
    assert [_seconds(each["due"]) for each in ticks] == expected_dues


def test_a_repeating_timer_in_a_trial_runs_at_each_of_its_times(sandbox: Sandbox) -> None:
    body = {"n": 0, "do": []}
    report = run(
        sandbox,
        SCRIPT,
        [body],
        [START],
        until=START + 60_000,
        exact=True,
        timers={"schedule:tick": START + 10_000},
        repeats={"schedule:tick": Every(10)},
    )
    assert [run.due - START for run in report.ran.values()] == [1000 * each for each in range(10, 70, 10)]
    assert report.timers == {"schedule:tick": START + 70_000}


def test_a_logic_can_neither_cancel_nor_replace_a_timer_that_repeats(sandbox: Sandbox) -> None:
    fill = {"n": 0, "do": [["set", str(n), 60] for n in range(16)]}
    repeats = {f"schedule:{n}": Every(60) for n in range(16)}
    timers = dict.fromkeys(repeats, START + 60_000)
    report = run(sandbox, SCRIPT, [fill], [START], timers=timers, repeats=repeats)
    assert [outcome.kind for outcome in report.outcomes] == ["ok"]
    assert len(report.timers) == 32
    for step in (["cancel", "schedule:1"], ["set", "schedule:1", 5]):
        report = run(sandbox, SCRIPT, [{"n": 0, "do": [step]}], [START], timers=timers, repeats=repeats)
        assert [outcome.kind for outcome in report.outcomes] == ["error"]
        assert report.timers == timers
