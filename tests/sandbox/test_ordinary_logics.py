"""Logics as authors write them are accepted, and give the same in the sandbox as in plain Python."""

from typing import Any

import pytest

from tests.sandbox.ordinary import LOGICS, Ordinary
from tests.sandbox.running import fresh, process, run


def plainly(source: str, readings: list[Any]) -> tuple[list[Any], Any]:
    """Return the last results and the state in plain Python, with new globals for each reading."""
    state: Any = {}
    returned: Any = None
    for reading in readings:
        names: dict[str, Any] = {}
        exec(source, names)  # noqa: S102 - our own sources
        returned = names["process"](fresh(reading), state)
        returned, state = fresh(returned), fresh(state)
    return [] if returned is None else returned if isinstance(returned, list) else [returned], state


def test_there_are_enough_of_them() -> None:
    assert len(LOGICS) >= 40
    assert len({logic.name for logic in LOGICS}) == len(LOGICS)


@pytest.mark.parametrize("logic", LOGICS, ids=lambda logic: logic.name)
def test_an_ordinary_logic_gives_its_result(logic: Ordinary) -> None:
    ran = run(logic.source, *logic.readings)

    assert ran.kind == "ok", (ran.failure, ran.problems)
    assert ran.results == (logic.result if isinstance(logic.result, list) else [logic.result])
    if logic.state is not None:
        assert ran.state == logic.state
    assert (ran.results, ran.state) == plainly(logic.source, logic.readings)


def test_the_key_of_an_augmented_assignment_is_evaluated_once() -> None:
    ran = run(
        process(
            "calls = []\n"
            "def key():\n    calls.append(1)\n    return 'n'\n"
            "def holder():\n    calls.append(2)\n    return state\n"
            "state['n'] = [1]\n"
            "holder()[key()] += [len(calls)]\n"
            "holder()[key()] *= 2\n"
            "return {'calls': calls, 'n': state['n']}"
        )
    )

    assert ran.results == [{"calls": [2, 1, 2, 1], "n": [1, 2, 1, 2]}]


def test_an_augmented_assignment_changes_a_list_in_its_place() -> None:
    ran = run(process("a = [1]\nb = a\na += [2]\nc = {1}\nd = c\nc |= {2}\nreturn {'b': b, 'd': sorted(d)}"))

    assert ran.results == [{"b": [1, 2], "d": [1, 2]}]


def test_iteration_over_a_set_has_the_same_order_in_every_process() -> None:
    ran = run(
        process(
            "s = {'pump', 'valve', 'motor', 'fan'}\n"
            "return {'a': list(s), 'b': [x for x in s], 'c': str(s),\n"
            " 'd': s.pop(), 'e': list(enumerate(s))[0][1]}"
        )
    )

    assert ran.results == [
        {
            "a": ["fan", "motor", "pump", "valve"],
            "b": ["fan", "motor", "pump", "valve"],
            "c": "{'fan', 'motor', 'pump', 'valve'}",
            "d": "fan",
            "e": "motor",
        }
    ]


@pytest.mark.parametrize(
    ("body", "message", "line"),
    [
        ("x = 1\nreturn {'r': data['nosuch']}", "KeyError: 'nosuch'", 3),
        ("return {'r': 1 / 0}", "ZeroDivisionError: division by zero", 2),
        ("raise ValueError('too hot')", "ValueError: too hot", 2),
        ("return 'text'", "process returned a text; it must return a dict, a list of dicts, or None", None),
        (
            "return {'r': range(2)}",
            'result["r"] is a range, which is not JSON; list(...) makes a list of it',
            None,
        ),
        (
            "state['at'] = {1: 2}",
            'state["at"] has a whole number as a key; keys must be texts, so write str(...)',
            None,
        ),
    ],
)
def test_a_failure_names_the_error_and_its_line(body: str, message: str, line: int | None) -> None:
    ran = run(process(body))

    assert ran.kind == "runtime-error"
    assert ran.failure is not None
    assert ran.failure.message == message
    assert ran.failure.line == line
    if line:
        assert ran.failure.text == body.splitlines()[line - 2].strip()


def test_a_failure_does_not_change_the_state() -> None:
    ran = run(process("state['n'] = 5\nstate['x'].append(1)\nraise ValueError"), state={"x": []})

    assert ran.state == {"x": []}
