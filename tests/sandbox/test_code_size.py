"""The size of compiled code: small sources that would become large code are refused, ordinary ones pass."""

import ast
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.check.compiler import check
from sandbox.job import Problem
from sandbox.limits import Limits
from tests.sandbox.ordinary import LOGICS
from tests.sandbox.running import process, run

#: The nodes that do not count against the limit `nodes`.
WITHOUT_SIZE = (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)


def nested(levels: int, inner: str = "state['n'] = 1") -> str:
    """Return the body of a logic with `finally` blocks inside one another."""
    lines = list[str]()
    for level in range(levels):
        lines += [f"{' ' * level}{line}" for line in ("try:", " pass", "finally:")]
    return "\n".join([*lines, " " * levels + inner])


def problem(body: str, limits: Limits | None = None) -> Problem:
    checked = check(process(body), limits or Limits())
    assert checked.code is None
    [found] = checked.problems
    return found


@pytest.mark.parametrize("levels", [11, 12, 19, 30, 36])
def test_finally_in_finally_is_refused_before_it_is_compiled(levels: int) -> None:
    found = problem(nested(levels))
    assert "`finally`" in found.message
    assert "the limit nodes is 5,000" in found.message
    assert found.line == 5
    assert "function" in found.hint


@pytest.mark.parametrize(
    "exits",
    [
        "if data: return 1\n" * 100,
        "for x in data:\n    if x: return 1\n" * 100,
        "while data:\n    try:\n        return 1\n    finally:\n        pass\n" * 100,
        "try:\n    pass\nexcept ValueError:\n    return 1\n" * 100,
        "try:\n    pass\nexcept ValueError:\n    pass\nelse:\n    return 1\n" * 100,
    ],
)
def test_a_long_finally_with_many_returns_is_refused(exits: str) -> None:
    final = "x = data[1] + data[2]\n" * 10
    body = f"try:\n{indented(exits)}finally:\n{indented(final)}"
    assert "`finally`" in problem(body).message
    assert check(process(exits + final), Limits()).accepted


@pytest.mark.parametrize("jump", ["break", "continue"])
def test_a_long_finally_with_many_jumps_of_a_loop_is_refused(jump: str) -> None:
    final = "x = data[1] + data[2]\n" * 10
    inside = f"try:\n{indented(f'if data: {jump}{chr(10)}' * 100)}finally:\n{indented(final)}"
    assert "`finally`" in problem(f"for x in data:\n{indented(inside)}").message


@pytest.mark.parametrize("jump", ["break", "continue"])
def test_jumps_of_a_loop_inside_the_try_do_not_count(jump: str) -> None:
    final = "x = data[1] + data[2]\n" * 10
    loop = f"for x in data:\n{indented(f'if x: {jump}{chr(10)}' * 100)}"
    assert check(process(f"try:\n{indented(loop)}finally:\n{indented(final)}"), Limits()).accepted


def test_returns_of_a_function_inside_the_try_do_not_count() -> None:
    final = "x = data[1] + data[2]\n" * 10
    inner = f"def f():\n{indented('if data: return 1' + chr(10)) * 100}"
    assert check(process(f"try:\n{indented(inner)}finally:\n{indented(final)}"), Limits()).accepted


def test_a_few_levels_of_finally_run() -> None:
    ran = run(process(nested(5) + "\nreturn {'r': state['n']}"))
    assert (ran.kind, ran.results) == ("ok", [{"r": 1}])


def indented(lines: str) -> str:
    return "".join(f"    {line}\n" for line in lines.splitlines())


SIMPLE = st.sampled_from(["data['a'] += data['b'] * data['c']", "return data", "x = [a for a in data]"])
BLOCKS = st.recursive(
    SIMPLE.map(lambda line: f"if data: {line}\n"),
    lambda inner: (
        st.tuples(inner, inner).map("".join)
        | st.tuples(inner, inner.filter(lambda text: "return" not in text)).map(
            lambda pair: f"try:\n{indented(pair[0])}finally:\n{indented(pair[1])}"
        )
        | st.tuples(inner, inner).map(
            lambda pair: f"try:\n{indented(pair[0])}except ValueError as e:\n{indented(pair[1])}"
        )
        | inner.map(lambda text: f"for i in data:\n{indented(text)}    if i: break\n    continue\n")
        | inner.map(lambda text: f"while data:\n{indented(text)}    if data: continue\n    break\n")
    ),
    max_leaves=40,
)


@settings(max_examples=200, deadline=None)
@given(BLOCKS)
def test_what_passes_the_prediction_is_in_proportion_to_the_limit(body: str) -> None:
    limits = Limits(nodes=1_000, depth=100, code_bytes=2 << 20)
    checked = check(process(body), limits)
    if checked.code is not None:
        assert len(checked.code) < 100 * 2 * limits.nodes


def test_code_over_its_limit_is_refused_and_the_message_names_the_largest_function() -> None:
    source = (
        "def small(a):\n    return a\n\n\n"
        f"def large(a):\n{indented('a[a] += a' + chr(10)) * 200}\n\n"
        "def process(data, state):\n    return large(small(data))\n"
    )
    [found] = check(source, Limits(code_bytes=16_384)).problems
    assert "the limit code_bytes is 16,384" in found.message
    assert found.message.endswith("The largest function is large")
    assert found.line == 5
    assert check(source, Limits()).accepted


def test_the_largest_ordinary_source_fits_with_room() -> None:
    """All ordinary logics, as functions of one source, as often as the limits of a source allow."""
    limits, source, count = Limits(), "", 0
    while True:
        for each in LOGICS:
            named = re.sub(r"\bprocess\b", f"part_{count}", each.source.strip())
            if "\ndef " in named or named.count("import"):
                continue  # its other functions would be defined twice
            longer = f"{source}\n\n{named}\n"
            nodes = sum(not isinstance(node, WITHOUT_SIZE) for node in ast.walk(ast.parse(longer)))
            if len(longer) > limits.source_bytes - 1_000 or nodes > limits.nodes - 100:
                checked = check(source + "\n\ndef process(data, state):\n    return {}\n", limits)
                assert checked.code
                assert len(checked.code) < limits.code_bytes / 2
                return
            source, count = longer, count + 1
