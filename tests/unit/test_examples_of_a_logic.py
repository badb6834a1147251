"""Running a logic's examples: how results are compared, and how a difference is reported."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from pipeline.trials.examples import Example, ExamplesUnfit, Mismatch, Step, cases, encoded, mismatches
from pipeline.trials.runner import run_alone
from sandbox.limits import Limits
from sandbox.parent.sandbox import Sandbox

#: Returns and stores the values in the reading, or fails.
ECHO = """
def process(data, state):
    if "keep" in data:
        state["kept"] = data["keep"]
    return data["return"]
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def attempt(sandbox: Sandbox, source: str = ECHO, /, **fields: Any) -> list[Mismatch]:
    """Return the mismatches between a logic and this example."""
    example = msgspec.convert({"name": "it", **fields}, Example)
    ready, wrong = cases([example], Limits())
    return wrong or mismatches([example], run_alone(sandbox, source, ready))


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        ({"x": 1}, {"x": 1.0}),
        ({"x": 2**60}, {"x": 2**60}),
        ({"x": 1, "y": [1, {"z": None}]}, {"y": [1, {"z": None}], "x": 1}),
        ({"x": 1}, [{"x": 1}]),
        ([{"x": 1}], {"x": 1}),
        ([], None),
        (None, []),
        ([{"x": 1}, {"x": 2}], [{"x": 1}, {"x": 2}]),
        ({"error": "too hot"}, [{"error": "too hot"}]),
    ],
)
def test_an_equal_result_passes(sandbox: Sandbox, returned: Any, expected: Any) -> None:
    assert attempt(sandbox, readings=[{"return": returned}], results=[expected]) == []


@pytest.mark.parametrize(
    ("returned", "expected", "where"),
    [
        ({"x": 1}, {"x": True}, "at $.x: expected true, got 1"),
        ({"x": 0}, {"x": None}, "at $.x: expected null, got 0"),
        ({"x": 0.1 + 0.2}, {"x": 0.3}, "at $.x: expected 0.3, got 0.30000000000000004"),
        ({"x": 2**60 + 1}, {"x": 2.0**60}, "at $.x"),
        ({"x": "1"}, {"x": 1}, 'at $.x: expected 1, got "1"'),
        ({"x": [1, 2]}, {"x": [2, 1]}, "at $.x[0]: expected 2, got 1"),
        ({"x": [1]}, {"x": [1, 2]}, "at $.x: expected 2 items, got 1"),
        ({"x": {"y": 1}}, {"x": {"z": 1}}, 'at $.x: "z" is missing'),
        ({"x": 1, "y": 2}, {"x": 1}, 'at $: "y" is unexpected'),
        (None, {"x": 1}, "number of results differs: expected 1, got 0"),
        ([{"x": 1}, {"x": 2}], [{"x": 1}, {"x": 3}], "at $[1].x: expected 3, got 2"),
        ({"error": "too hot"}, {"error": "too hot"}, "Expected an error, but the reading succeeded."),
    ],
)
def test_a_different_result_is_shown_next_to_the_expected_one(
    sandbox: Sandbox, returned: Any, expected: Any, where: str
) -> None:
    [mismatch] = attempt(sandbox, readings=[{"return": None}, {"return": returned}], results=[None, expected])

    assert (mismatch.example, mismatch.reading) == ("it", 2)
    assert where in mismatch.message
    assert mismatch.expected == expected


def test_a_failure_passes_only_if_its_message_is_expected(sandbox: Sandbox) -> None:
    readings = [{"keep": 1}]

    assert attempt(sandbox, readings=readings, results=[{"error": "return"}]) == []
    [other] = attempt(sandbox, readings=readings, results=[{"error": "overheated"}])
    [unexpected] = attempt(sandbox, readings=readings, results=[None])
    [unmentioned] = attempt(sandbox, readings=readings)
    assert "Failed with a different error" in other.message
    for mismatch in (other, unexpected, unmentioned):
        assert "return" in mismatch.got["error"]
        assert mismatch.line == 5


def test_the_state_afterwards_is_compared_if_it_is_given(sandbox: Sandbox) -> None:
    readings = [{"return": None, "keep": 1}, {"return": None, "keep": 2}]

    assert attempt(sandbox, readings=readings) == []
    assert attempt(sandbox, readings=readings, state={"a": 1}, state_after={"a": 1, "kept": 2}) == []
    [mismatch] = attempt(sandbox, readings=readings, state_after={"kept": 1})
    assert (mismatch.reading, mismatch.expected, mismatch.got) == (None, {"kept": 1}, {"kept": 2})
    assert "at $.kept: expected 1, got 2" in mismatch.message


def test_examples_do_not_depend_on_each_other(sandbox: Sandbox) -> None:
    examples = [
        Example(name="first", readings=[{"return": None, "keep": 1}]),
        Example(name="second", readings=[{"return": {}}], state_after={}),
    ]

    assert mismatches(examples, run_alone(sandbox, ECHO, cases(examples, Limits())[0])) == []


@pytest.mark.parametrize("what", ["state", "config"])
def test_an_invalid_state_or_config_is_reported(sandbox: Sandbox, what: str) -> None:
    [mismatch] = attempt(sandbox, readings=[1], **{what: {"x": 2**70}})

    assert f'The example cannot be run: {what}["x"] is a whole number of 71 bits' in mismatch.message


def test_an_example_has_a_config_of_its_own(sandbox: Sandbox) -> None:
    limit = "def process(data, state):\n    return {'limit': config['limit']}\n"
    example = Example(name="it", readings=[1], config={"limit": 90}, results=[{"limit": 90}])

    assert mismatches([example], run_alone(sandbox, limit, cases([example], Limits())[0])) == []


def test_examples_that_did_not_run_do_not_pass(sandbox: Sandbox) -> None:
    example = Example(name="it", readings=[1] * 20, results=[{"error": "fuel"}] * 20)
    endless = "def process(data, state):\n    while True:\n        pass\n"

    [mismatch] = mismatches([example], run_alone(sandbox, endless, cases([example], Limits())[0]))

    assert mismatch.reading == 11
    assert "not run" in mismatch.message


@pytest.mark.parametrize(
    "fields",
    [
        {"readings": [1], "results": [1]},
        {"readings": [1], "results": [[1]]},
        {"readings": []},
        {"readings": [1], "result": [None]},
        {"readings": [1], "name": ""},
    ],
)
def test_an_example_that_can_never_pass_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"name": "it", **fields}, Example)


@pytest.mark.parametrize(
    "examples",
    [
        [Example(name="it", readings=[1, 2], results=[None])],
        [Example(name="it", readings=[1]), Example(name="it", readings=[2])],
        [Example(name="it", readings=["x" * 300_000])],
        [Example(name="it", readings=[1] * 600), Example(name="other", readings=[1] * 600)],
    ],
)
def test_examples_that_cannot_be_stored_are_refused(examples: list[Example]) -> None:
    with pytest.raises(ExamplesUnfit):
        encoded(examples)


# Time that passes.

SILENCE = """
def process(data, state):
    set_timer("silence", minutes=45)
    if data == {"after": "5 min"}:
        return {"a": "reading"}

def on_timer(timer, state):
    if state.get("broken"):
        raise ValueError("it is broken")
    state["silent"] = timer["due"]
    return {"alarm": "no reading for 45 minutes"}
"""
ALARM = {"alarm": "no reading for 45 minutes"}


def attempt_silence(sandbox: Sandbox, **fields: Any) -> list[Mismatch]:
    return attempt(sandbox, SILENCE, **fields)


def test_timers_run_while_time_passes_in_an_example(sandbox: Sandbox) -> None:
    steps = [{"reading": 1}, {"after": "44 min"}, {"reading": 1}, {"after": "44 min"}, {"after": "1 min"}]

    wrong = attempt_silence(
        sandbox,
        steps=steps,
        results=[None, None, None, None, ALARM],
        state_after={"silent": "2026-01-01T01:29:00.000Z"},
    )

    assert wrong == []


def test_time_begins_when_the_readings_are_received(sandbox: Sandbox) -> None:
    wrong = attempt_silence(
        sandbox,
        meta={"received": "2026-11-23T08:00:00Z"},
        steps=[{"reading": 1}, {"after": "1 h"}],
        state_after={"silent": "2026-11-23T08:45:00.000Z"},
    )

    assert wrong == []


def test_a_reading_that_looks_like_a_step_is_a_reading(sandbox: Sandbox) -> None:
    reading = {"after": "5 min"}

    assert attempt_silence(sandbox, readings=[reading], results=[{"a": "reading"}]) == []
    assert attempt_silence(sandbox, steps=[{"reading": reading}], results=[{"a": "reading"}]) == []
    assert attempt_silence(sandbox, steps=[{"reading": None}], results=[None]) == []


def test_a_mismatch_names_the_step_and_the_timers(sandbox: Sandbox) -> None:
    steps = [{"reading": 1}, {"after": "1 h"}, {"reading": 1}, {"after": "1 min"}]

    silent, early = attempt_silence(sandbox, steps=steps, results=[None, None, None, ALARM])
    [reading] = attempt_silence(sandbox, steps=steps, results=[None, ALARM, ALARM, None])

    assert (silent.step, silent.reading, silent.expected, silent.got) == (2, None, None, ALARM)
    assert silent.message == ("The number of results differs: expected 0, got 1. This timer ran: silence.")
    assert (early.step, early.got) == (4, None)
    assert early.message == "The number of results differs: expected 1, got 0. No timer ran."
    assert (reading.step, reading.reading) == (3, 2)
    assert reading.message == "The number of results differs: expected 1, got 0."


def test_a_timer_must_fail_only_if_an_error_is_expected(sandbox: Sandbox) -> None:
    given = {"state": {"broken": True}, "steps": [{"reading": 1}, {"after": "1 h"}]}

    [failed] = attempt_silence(sandbox, **given)
    [other] = attempt_silence(sandbox, **given, results=[None, {"error": "too hot"}])
    [succeeded] = attempt_silence(sandbox, steps=given["steps"], results=[None, {"error": "broken"}])

    assert attempt_silence(sandbox, **given, results=[None, {"error": "broken"}]) == []
    assert (failed.step, failed.line) == (2, 9)
    assert failed.message == "The timer silence failed: ValueError: it is broken."
    assert other.message == "The timer silence failed with a different error: ValueError: it is broken."
    assert succeeded.message == "Expected an error, but no timer failed. This timer ran: silence."
    assert succeeded.got == ALARM


def test_time_that_did_not_pass_does_not_pass_the_example(sandbox: Sandbox) -> None:
    always = SILENCE.replace(
        '    if state.get("broken")', '    set_timer("silence", seconds=1)\n    if False'
    )
    example = Example(name="it", steps=[Step(1), Step(after="1 day"), Step(2)])

    [mismatch] = mismatches([example], run_alone(sandbox, always, cases([example], Limits())[0]))

    assert (mismatch.step, mismatch.reading) == (2, None)
    assert mismatch.message.startswith("The time did not pass. ")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "the example 'it' needs either `readings` or `steps`"),
        ({"readings": [1], "steps": [{"reading": 1}]}, "the example 'it' needs either `readings` or `steps`"),
        ({"steps": []}, "length >= 1"),
        ({"steps": [{}]}, "the example 'it', step 1: a step has either `reading` or `after`"),
        ({"steps": [{"reading": 1, "after": "5 min"}]}, "a step has either `reading` or `after`"),
        (
            {"steps": [{"after": "5 weeks"}]},
            "'5 weeks' is not a duration; write a number and s, min, h or days",
        ),
        ({"steps": [{"wait": "5 min"}]}, "unknown field `wait`"),
    ],
)
def test_invalid_steps_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises((msgspec.ValidationError, ExamplesUnfit), match=re.escape(message)):
        encoded([msgspec.convert({"name": "it", **fields}, Example)])


def test_an_example_with_an_invalid_time_cannot_be_run(sandbox: Sandbox) -> None:
    [mismatch] = attempt(sandbox, readings=[1], meta={"received": "yesterday"})

    assert "The example cannot be run: meta.received is 'yesterday', which is not a time" in mismatch.message


def test_each_step_needs_a_result() -> None:
    steps = [Step(1), Step(after="5 min")]

    with pytest.raises(ExamplesUnfit, match="has 2 steps but 1 results; give one result for each step"):
        encoded([Example(name="it", steps=steps, results=[None])])
    kept = encoded([Example(name="it", steps=steps)])
    assert kept == b'[{"name":"it","steps":[{"reading":1},{"after":"5 min"}]}]'


def test_the_active_alarms_afterwards_are_compared_if_they_are_given(sandbox: Sandbox) -> None:
    source = (
        "def process(data, state):\n    clear_alarm('silent')\n    set_timer('silence', minutes=45)\n"
        "    if data > 90:\n        raise_alarm('hot')\n"
        "def on_timer(timer, state):\n    raise_alarm('silent')\n"
    )
    silent = [{"reading": 95}, {"after": "46 min"}]
    assert attempt(sandbox, source, steps=silent, alarms_after=["silent", "hot"]) == []
    assert attempt(sandbox, source, steps=[*silent, {"reading": 5}], alarms_after=["hot"]) == []
    assert attempt(sandbox, source, readings=[5]) == []
    [mismatch] = attempt(sandbox, source, steps=silent, alarms_after=[])
    assert mismatch.message == 'The active alarms afterwards differ: expected [], got ["hot","silent"].'
