"""`match` gives the same as in Python, and each part of a pattern pays."""

from typing import Any

import pytest

from sandbox.check.compiler import check
from sandbox.limits import Limits
from tests.sandbox.running import process, run
from tests.sandbox.test_constructs import same

SUBJECTS = """
    5, 1, True, 1.0, -2, 'on', 'off', '', None, 'ab', math.pi, float('nan'), 10 ** 30,
    [], [1], [1, 2], (1, 2), [1, [2, 3]], [1, 2, 3, 4], range(3), {1, 2}, {'a': 1}.keys(), iter([1, 2]),
    {}, {'a': 1}, {'a': 1, 'b': [1, 2]}, {'kind': 'temp', 'value': 21.5}, {'kind': 'gps', 'at': (1, 2)},
    {1: 'one', None: 0}, {'a': {'b': {'c': 5}}}, ValueError('x'), date(2026, 1, 1), len,
"""

PATTERNS = [
    "1",
    "-2",
    "'on'",
    "'on' | 'off'",
    "None",
    "True",
    "1.0 | -2 | ''",
    "math.pi",
    "x",
    "_",
    "x if x == 5",
    "_ if isinstance(subject, str)",
    "[]",
    "()",
    "[x]",
    "[1, x]",
    "(1, x)",
    "1, x",
    "[x, y]",
    "[x, *rest]",
    "[*rest]",
    "[*_]",
    "[*_, x]",
    "[x, *rest, y]",
    "[x, *_, 4]",
    "[*rest, 9]",
    "[x, [y, *rest]]",
    "[_, _]",
    "{}",
    "{'a': x}",
    "{'a': 1}",
    "{'a': 2}",
    "{'a': x, **rest}",
    "{**rest}",
    "{'kind': 'temp', 'value': x}",
    "{'kind': 'gps', 'at': (x, y)}",
    "{'kind': 'temp' | 'gps' as x}",
    "{1: x}",
    "{None: x}",
    "{math.pi: x}",
    "{'a': {'b': {'c': x}}}",
    "{'b': [x, *_]}",
    "int()",
    "int(x)",
    "float() | int()",
    "float(x)",
    "str(x)",
    "bool()",
    "list([x, *_])",
    "tuple((x, y))",
    "dict()",
    "dict({'a': x})",
    "set()",
    "range()",
    "ValueError()",
    "date()",
    "datetime()",
    "int() as x",
    "(1 | 2) as x",
    "[1 as x, 2 as y]",
    "(x, 2) | [x]",
    "[x, y] | {'a': x, 'b': y}",
    "[(1 | 2) as x, _] | {'kind': x}",
    "str() if len(subject) > 1",
    "[x, y] if isinstance(y, list)",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_fits_the_same_values_as_in_python(pattern: str) -> None:
    same(
        "import math\nfrom datetime import date, datetime\n"
        + process(
            "out = []\n"
            "def show(x):\n    return str(x) if str(x)[:1] != '<' else 'an object'\n"
            f"for subject in [{' '.join(SUBJECTS.split())}]:\n"
            "    x = y = rest = 'unset'\n"
            "    match subject:\n"
            f"        case {pattern}:\n"
            "            out.append(['fits', show(x), show(y), show(rest)])\n"
            + ("" if pattern in ("x", "_") else "        case _:\n            out.append('other')\n")
            + "return {'out': out}"
        )
    )


def test_the_first_case_that_fits_runs_and_no_other() -> None:
    result = same(
        process(
            "out = []\n"
            "calls = []\n"
            "def guard(x):\n    calls.append(x)\n    return x > 2\n"
            "def subject(x):\n    calls.append('s')\n    return x\n"
            "for v in [1, 2, 3, [3], [4], 'x', {'a': 1}]:\n"
            "    match subject(v):\n"
            "        case 1 | 2 as n:\n            out.append(['few', n])\n"
            "        case int(n) if guard(n):\n            out.append(['many', n])\n"
            "        case [n] if guard(n) and n > 3:\n            out.append(['list', n])\n"
            "        case [n]:\n            out.append(['small list', n])\n            continue\n"
            "        case str() as text if text:\n            out.append(text)\n"
            "return {'out': out, 'calls': calls}"
        )
    )

    assert result["out"] == [["few", 1], ["few", 2], ["many", 3], ["small list", 3], ["list", 4], "x"]


def test_a_match_can_be_anywhere_in_a_logic() -> None:
    same(
        "def kind(reading):\n"
        "    match reading:\n"
        "        case {'v': int(v)} if 0 < v in (1, 3):\n"
        "            match v:\n"
        "                case 3:\n"
        "                    return 'three'\n"
        "            return 'one'\n"
        "        case {'v': v, **rest}:\n"
        "            rest['v'] = v\n"
        "            return rest\n"
        + process(
            "def first(x):\n    match x:\n        case [n, *_]:\n            return lambda: n\n"
            "return {'a': kind(data), 'b': kind({'v': 1}), 'c': kind({'v': 9, 'w': 8}), 'd': kind(5),\n"
            "        'e': first([5, 6])(), 'f': first(5)}"
        )
    )


def test_config_fits_as_a_mapping() -> None:
    ran = run(
        process(
            "match config:\n"
            "    case {'limits': {'high': high, **others}, 'steps': [first, *_]}:\n"
            "        others['x'] = 1\n"
            "        return {'high': high, 'first': first, 'others': others}"
        ),
        config={"limits": {"high": 80, "low": 10}, "steps": [1, 2]},
    )

    assert ran.results == [{"high": 80, "first": 1, "others": {"low": 10, "x": 1}}]


@pytest.mark.parametrize(
    ("cases", "message"),
    [
        ("case x:\n    pass\ncase 1:\n    pass", "no case after it is reached"),
        ("case _:\n    pass\ncase 1:\n    pass", "no case after it is reached"),
        ("case x as y:\n    pass\ncase 1:\n    pass", "no case after it is reached"),
        ("case _ | 1:\n    pass", "no alternative after it is reached"),
        ("case [_ | 1, 2]:\n    pass", "no alternative after it is reached"),
        ("case [x, x]:\n    pass", "sets `x` twice"),
        ("case [x, *x]:\n    pass", "sets `x` twice"),
        ("case {'a': x, **x}:\n    pass", "sets `x` twice"),
        ("case [x] as x:\n    pass", "sets `x` twice"),
        ("case [x] | [y]:\n    pass", "set different names"),
        ("case [x] | [_]:\n    pass", "set different names"),
        ("case [*x, *y]:\n    pass", "at most one `*`"),
        ("case {'a': x, 'a': y}:\n    pass", "the key 'a' twice"),
        ("case {1: x, 1.0: y}:\n    pass", "the key 1.0 twice"),
        ("case {1: x, True: y}:\n    pass", "the key True twice"),
        ("case math.nosuch:\n    pass", "`math.nosuch` is not available"),
        ("case data.get:\n    pass", "literals and constants of modules"),
        ("case ValueError.args:\n    pass", "literals and constants of modules"),
        ("case {data.get: 1}:\n    pass", "literals and constants of modules"),
        ("case int(real=r):\n    pass", "attributes of a value"),
        ("case str(__class__=c):\n    pass", "attributes of a value"),
        ("case date(2026, 1, 1):\n    pass", "attributes of a value"),
        ("case ValueError(x):\n    pass", "attributes of a value"),
        ("case int(x, y):\n    pass", "attributes of a value"),
        ("case len():\n    pass", "needs a type"),
        ("case process():\n    pass", "needs a type"),
        ("case math.sqrt():\n    pass", "needs a type"),
        ("case data.get():\n    pass", "needs a type"),
        ("case object():\n    pass", "needs a type"),
        ("case config:\n    pass", "`config` belongs to the machine"),
        ("case 1 + 2j:\n    pass", "complex numbers are not available"),
        ("case __x:\n    pass", "underscore"),
    ],
)
def test_a_pattern_that_cannot_be_matched_is_refused(cases: str, message: str) -> None:
    lines = "\n".join("    " + line for line in cases.splitlines())
    checked = check("import math\nfrom datetime import date\n" + process("match data:\n" + lines), Limits())

    assert message in " ".join(problem.message for problem in checked.problems)


def fuel(body: str, reading: Any = None) -> int:
    from sandbox.child.program import Program
    from sandbox.job import Logic

    program = Program.load(Logic.of(process(body)), Limits())
    program.process(reading, {})
    return program.peaks["fuel"]


@pytest.mark.parametrize("pattern", ["[*rest, 1]", "[*rest, 1] | [*rest, 2]", "[[*rest, 1], _]"])
def test_a_copy_for_a_star_pays_even_if_the_pattern_fails(pattern: str) -> None:
    body = f"match data:\n    case {pattern}:\n        pass"
    few, many = ([0] * 8, [0] * 16_000) if "_]" not in pattern else ([[0] * 8, 0], [[0] * 16_000, 0])

    assert fuel(body, many) <= fuel(body, few) + 10  # the last item is compared first
    fits = body.replace("1", "0")
    many_more = fuel(fits, many) - fuel(fits, few)
    assert many_more > 15_000 >> 3


def test_a_copy_for_the_rest_of_a_mapping_pays() -> None:
    body = "match data:\n    case {'0': 0, **rest}:\n        pass"
    few, many = ({str(n): n for n in range(size)} for size in (1, 4_000))

    assert fuel(body, many) - fuel(body, few) >= 4_000 >> 2
    assert fuel(body.replace("'0': 0", "'0': 1"), many) < 30


def test_the_parts_of_a_pattern_pay() -> None:
    alternatives = " |\n".join(str(n) for n in range(400))

    assert fuel(f"match data:\n    case ({alternatives}):\n        pass", -1) > 200
