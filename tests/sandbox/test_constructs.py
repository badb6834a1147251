"""Constructs beyond the plainest Python give the same as in Python: values, errors and the order of calls."""

from typing import Any

import pytest

from sandbox.check.compiler import check
from sandbox.limits import Limits
from tests.sandbox.running import process, run
from tests.sandbox.test_equals_python import in_python

READING: dict[str, Any] = {"v": 3, "t": "äb", "xs": [4, 1, 3], "d": {"a": {"b": [7, 8]}, "k": "text"}}


def same(source: str, *, error: str = "") -> Any:
    """Run a logic in the sandbox and in plain Python, and return the result, which must be the same."""
    ran = run(source, READING)
    outcome, returned, state = in_python(source, READING)

    assert ran.kind != "refused-at-upload", ran.problems
    if outcome == "ok":
        assert ran.kind == "ok", ran.failure
        assert (ran.results, ran.state) == ([returned], state)
        assert not error
        return returned
    assert ran.kind == "runtime-error"
    assert ran.failure is not None
    assert ran.failure.message.partition(":")[0] == outcome == error
    return None


def value(expression: str, setup: str = "") -> Any:
    """Return the value of an expression, which must be the same in the sandbox and in plain Python."""
    top = (
        "import json\nimport statistics\nfrom datetime import date, datetime, time, timedelta, timezone\n"
        "def own(x=1):\n    return x\n"
    )
    lines = [*setup.splitlines(), "v, t, xs, d = data['v'], data['t'], data['xs'], data['d']"]
    return same(top + process("\n".join([*lines, f"return {{'r': {expression}}}"])))["r"]


# Comparisons.


@pytest.mark.parametrize(
    "expression",
    [
        "0 < v in (1, 3)",
        "0 < v in (1, 2)",
        "5 < v in 5",
        "0 < v not in xs",
        "0 < v in xs == [4, 1, 3]",
        "v in xs in [xs]",
        "v in xs is not None",
        "[0 < x in xs for x in range(6)]",
        "(lambda x: 0 < x in xs)(4)",
        "'a' < 'b' in t",
        "1 == 1 in [1] != 3 < 4",
        "0 < v in {1, 3}",
        "0 < v in d",
        "0 < v < 5 in xs or 1",
    ],
)
def test_in_is_allowed_in_a_chain_of_comparisons(expression: str) -> None:
    value(expression)


def test_each_side_of_a_chain_is_evaluated_once_and_only_if_needed() -> None:
    result = same(
        process(
            "calls = []\n"
            "def of(x):\n    calls.append(x)\n    return x\n"
            "return {'r': [of(1) < of(2) in of([2]) == of(5), of(3) < of(1) in of([1])], 'calls': calls}"
        )
    )

    assert result == {"r": [False, False], "calls": [1, 2, [2], 5, 3, 1]}


# Assignment.


@pytest.mark.parametrize(
    "statement",
    [
        "w[0:1] += [8, 9]",
        "w[::2] += []",
        "w[1:] *= 2",
        "w[:0] += 'ab'",
        "w[-2:] += (x for x in range(2))",
        "w[1:2] += w",
        "log['w'][0:2] += [1]",
        "w[own(1):own(2)] += [own(3)]",
    ],
)
def test_a_slice_can_be_changed(statement: str) -> None:
    body = (
        "w = [1, 2, 3, 4]\nbefore = w\nlog = {'w': w}\ncalls = []\n"
        "def own(x):\n    calls.append(x)\n    return x\n"
        f"{statement}\n"
        "return {'w': w, 'same': before is w, 'calls': calls}"
    )
    same(process(body))


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("w[::2] += [1]", "ValueError"),
        ("w[0:1] -= [1]", "TypeError"),
        ("w[0:1] /= 2", "TypeError"),
        ("w[0:1] += 5", "TypeError"),
        ("data['t'][0:1] += 'x'", "TypeError"),
        ("data['v'][0:1] += 'x'", "TypeError"),
    ],
)
def test_a_slice_that_cannot_be_changed_so_is_an_error(statement: str, error: str) -> None:
    same(process(f"w = [1, 2, 3, 4]\n{statement}"), error=error)


def test_a_function_can_set_a_variable_of_the_function_around_it() -> None:
    result = same(
        process(
            "def counter(start):\n"
            "    n = start\n"
            "    def count(step=1):\n"
            "        nonlocal n\n"
            "        n += step\n"
            "        return n\n"
            "    return count\n"
            "one, other = counter(0), counter(10)\n"
            "return {'r': [one(), one(), other(5), one(7)]}"
        )
    )

    assert result == {"r": [1, 2, 15, 9]}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("n = 0\n" + process("def f():\n    nonlocal n\n    n += 1\nf()"), "set at the top level"),
        ("n = 0\n" + process("nonlocal n\nn += 1"), "set at the top level"),
        (
            process("def f():\n    nonlocal nosuch\n    nosuch = 1\nf()"),
            "no function around this one sets `nosuch`",
        ),
        (process("n = 1\ndef f(n):\n    nonlocal n\n    n = 1\nf(1)"), "is parameter and nonlocal"),
        (
            process("n = 1\ndef f():\n    n = 2\n    nonlocal n\nf()"),
            "assigned to before nonlocal declaration",
        ),
        ("nonlocal n\n" + process("pass"), "outside of a function"),
        (process("def f():\n    nonlocal _meter_\nf()"), "`_meter_`"),
        (process("def f():\n    nonlocal config\n    config = {}\nf()"), "config"),
    ],
)
def test_nonlocal_needs_a_variable_of_a_function_around_it(source: str, message: str) -> None:
    found = check(source, Limits()).problems

    assert message in " ".join(problem.message for problem in found), found


# Types and their names.


@pytest.mark.parametrize(
    "made",
    [
        *("5", "1.5", "True", "None", "'x'", "[]", "{}", "()", "{1}", "range(3)"),
        *("date(2026, 1, 1)", "datetime(2026, 1, 1)", "time(1)", "timedelta(1)", "timezone.utc"),
        *("ValueError('x')", "KeyError('x')", "json.JSONDecodeError('x', '', 0)"),
        "statistics.StatisticsError('x')",
    ],
)
def test_the_name_of_a_type_is_that_of_python(made: str) -> None:
    value(f"[type({made}).__name__, str(type({made})), type({made}) is type({made})]")


@pytest.mark.parametrize(
    "mistake",
    [
        *("1 / 0", "unset", "{}['x']", "[][0]", "int('x')", "json.loads('{')", "5 + 'x'", "None.get('x')"),
        *("statistics.mean([])", "next(iter([]))", "chr(-1)", "1e300 ** 9", "(lambda: late)()"),
    ],
)
def test_the_name_of_an_error_is_that_of_python(mistake: str) -> None:
    setup = (
        "if data['v'] == 0:\n    unset = late = 1\n"
        f"try:\n    {mistake}\n"
        "except Exception as e:\n"
        "    name, shown, same = type(e).__name__, str(type(e)), isinstance(e, type(e))"
    )
    value("[name, shown, same]", setup)


def test_types_and_functions_of_the_logic_have_their_name() -> None:
    assert value("[int.__name__, date.__name__, ValueError.__name__, own.__name__, process.__name__]") == [
        *("int", "date", "ValueError", "own", "process"),
    ]
    assert value("isinstance(None, type(None))")


@pytest.mark.parametrize("of", ["len", "sorted", "max", "[].append", "str.lower", "5", "json.dumps"])
def test_nothing_of_the_sandbox_shows_its_name(of: str) -> None:
    ran = run("import json\n" + process(f"return {{'r': ({of}).__name__}}"))

    assert ran.failure is not None
    assert ran.failure.message.endswith("has no '__name__', or it is not available")


# Texts.


@pytest.mark.parametrize(
    "expression",
    [
        "'{d[k]}'.format(d=d)",
        "'{0[a][b][1]:>4}|{1[0]}'.format(d, xs)",
        "'{0[0]}{0[1]!r}'.format(t)",
        "'{[1]}{[2]}'.format(xs, xs)",
        "'{x[2]:{w}.{p}f}'.format(x=xs, w=8, p=2)",
        "'{:{}}|{:{}}'.format(1, 5, 2, 6)",
        "'{0:{1}}|{0:{1}}'.format(7, '05d')",
        "'{:{!r}}'.format('x', 5)",
        "'{!a}|{!r}|{!s}'.format(t, t, t)",
        "'{:>{w[0]}}'.format(t, w=xs)",
        "'{{}}{}'.format(1)",
        "[ascii(t), ascii([t, {'ö': '€😀'}]), ascii(5)]",
        "f'{t!a:>10}|{xs!a}'",
        "'%a' % t",
        "[callable(x) for x in (len, own, int, ValueError, lambda: 1, 5, 'x', None, xs, xs.append)]",
    ],
)
def test_a_text_is_filled_as_in_python(expression: str) -> None:
    value(expression)


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("'{}{0}'.format(1, 2)", "ValueError"),
        ("'{0}{}'.format(1, 2)", "ValueError"),
        ("'{:{:{}}}'.format(1, 2, 3)", "ValueError"),
        ("'{!x}'.format(1)", "ValueError"),
        ("'{a}'.format(b=1)", "KeyError"),
        ("'{3}'.format(1)", "IndexError"),
        ("'{0[k]}'.format({})", "KeyError"),
        ("'{0[5]}'.format([1])", "IndexError"),
        ("'{0[-1]}'.format([1])", "TypeError"),
        ("'{0[x]}'.format([1])", "TypeError"),
        ("'{0[0]}'.format(5)", "TypeError"),
        ("'{0[0]}'.format(None)", "TypeError"),
        ("'{0[]}'.format([1])", "ValueError"),
        ("'{0[0]x}'.format([1])", "ValueError"),
        ("'{0[0}'.format([1])", "ValueError"),
        ("'{'.format(1)", "ValueError"),
        ("'}'.format(1)", "ValueError"),
    ],
)
def test_a_text_that_cannot_be_filled_is_the_same_error(expression: str, error: str) -> None:
    same(process(f"return {{'r': {expression}}}"), error=error)


@pytest.mark.parametrize("field", ["0.real", "0[a].x", "0.__class__", "0[a].__class__.__init__", "x.y", ".x"])
def test_a_field_has_no_attributes(field: str) -> None:
    ran = run(process(f"return {{'r': '{{{field}}}'.format({{'a': 1}}, x=2)}}"))

    assert ran.failure is not None
    assert ran.failure.message.startswith("ValueError: str.format: after a name only items")


def test_json_dumps_takes_a_function_for_values_that_json_does_not_have() -> None:
    value("json.dumps({'t': datetime(2026, 1, 1), 'n': [(1, date(2026, 5, 1))]}, default=str)")
    value(
        "json.dumps([date(2026, 1, 1)], default=lambda x: {'y': [x.year, time(1)]} if type(x) is date else 1)"
    )
    value("json.dumps({'b': timedelta(1), 'a': 1}, default=lambda x: x.days, sort_keys=True, indent=2)")
    value("json.dumps([1, 'x', None], default=None)")
    same(
        "import json\nfrom datetime import date\n" + process("json.dumps(date(2026, 1, 1), default=5)"),
        error="TypeError",
    )
    same("import json\n" + process("json.dumps({(1, 2): 3}, default=str)"), error="TypeError")


def test_a_default_that_never_returns_json_is_stopped() -> None:
    ran = run(
        "import json\nfrom datetime import date\n"
        + process("json.dumps(date(1, 1, 1), default=lambda x: [x])")
    )

    assert ran.failure is not None
    assert ran.failure.limit == "value_depth"
