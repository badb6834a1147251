"""No machine sees data of another one, and no reading sees data of an earlier one, except the state."""

from typing import Any

import pytest

from sandbox.check.compiler import check
from sandbox.child.program import Program
from sandbox.errors import LogicError
from sandbox.job import Logic
from sandbox.limits import Limits
from tests.sandbox.running import fresh, process, run

#: Stores data wherever a logic can store any.
HOARDER = """
import math
import json
from datetime import timedelta

SEEN = []
BY_KEY = {"seen": []}
NESTED = ([], {})

def remember(value, more=None):
    SEEN.append(value)
    BY_KEY["seen"].append(value)
    NESTED[0].append(value)
    NESTED[1][str(value)] = value
    return SEEN

def process(data, state):
    secret = data["secret"]
    remember(secret)
    kept = [lambda: secret]
    kept.append(kept)
    try:
        raise ValueError(secret, kept)
    except ValueError as error:
        state["error"] = str(error.args[0])
    state["secret"] = secret
    f"{secret:>40}"
    json.dumps({"secret": secret})
    if data["n"] % 3 == 0:
        raise RuntimeError(secret)
    if data["n"] % 3 == 1:
        while True:
            kept = [secret]
    return {"seen": len(SEEN)}
"""

#: Looks for unknown data wherever a logic can look.
SEEKER = """
SEEN = []
BY_KEY = {"seen": []}
NESTED = ([], {})

def process(data, state):
    found = [SEEN, BY_KEY, NESTED, data, state]
    for value in (process, len, data.get, ValueError, str, [].append):
        found.append(f"{value}")
    try:
        if data["n"] < 0:
            later = 1
        unset = later
    except Exception as error:
        found.append(str(error))
        found.append(error.args)
    SEEN.append(data["n"])
    BY_KEY["seen"].append(data["n"])
    state["count"] = state.get("count", 0) + 1
    return {"found": f"{found}", "seen": len(SEEN)}
"""


def load(source: str) -> Program:
    checked = check(source, Limits())
    assert checked.accepted, checked.problems
    return Program.load(Logic("digest", source, checked.code), Limits())


def test_two_machines_that_alternate_a_thousand_times_see_nothing_of_each_other() -> None:
    hoarder, seeker = load(HOARDER), load(SEEKER)
    states: list[dict[str, Any]] = [{}, {}]
    outcomes = set()

    for n in range(1_000):
        secret = f"secret-{n}-of-A"
        hidden = fresh(states[0])
        try:
            hoarder.process({"secret": secret, "n": n}, hidden)
            outcomes.add("ok")
            states[0] = fresh(hidden)
        except LogicError as error:
            outcomes.add(type(error).__name__)
        returned = seeker.process({"n": n}, states[1])

        assert "secret" not in returned["found"]
        assert returned["seen"] == 1
        assert states[1] == {"count": n + 1}
        states[1] = fresh(states[1])
    assert outcomes == {"ok", "LogicError", "LimitExceeded"}


def test_the_same_logic_of_two_machines_shares_nothing() -> None:
    shared = load("KEPT = []\n" + process("KEPT.append(data)\nreturn {'kept': list(KEPT)}"))

    for n in range(1_000):
        assert shared.process(n, {}) == {"kept": [n]}


@pytest.mark.parametrize(
    "source",
    [
        "KEPT = {}\n" + process("KEPT[data] = 1\nreturn {'n': len(KEPT)}"),
        "KEPT = [[]]\n" + process("KEPT[0].append(1)\nreturn {'n': len(KEPT[0])}"),
        "def f(x=(1, 2)):\n    return x\n" + process("return {'n': len(f()) - 1}"),
        process("f = lambda: 1\nreturn {'n': f()}"),
    ],
)
def test_data_outside_the_state_is_gone_after_the_reading(source: str) -> None:
    program = load(source)

    assert [program.process(n, {}) for n in range(3)] == [{"n": 1}] * 3


def test_a_logic_has_full_fuel_after_one_that_ran_out() -> None:
    endless, modest = load(process("while True:\n    pass")), load(process("return {'r': 1}"))

    for _ in range(3):
        with pytest.raises(LogicError):
            endless.process({}, {})
        assert modest.process({}, {}) == {"r": 1}
        assert modest.peaks["fuel"] < 10


def test_the_values_of_two_facades_cannot_be_changed_for_others() -> None:
    run("from datetime import timezone\nimport math\n" + process("x = timezone.utc\nreturn {'r': math.pi}"))

    assert run("import math\n" + process("return {'r': math.floor(math.pi)}")).results == [{"r": 3}]
