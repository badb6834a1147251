"""A refusal names every problem with its position, and says what to write instead."""

import sys
import textwrap

import pytest

from sandbox.check.compiler import check
from sandbox.check.hints import ATTRIBUTES, modules
from sandbox.job import Problem
from sandbox.limits import Limits
from tests.sandbox.running import process

SINCE_3_12 = pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is new in Python 3.12")


def problems(source: str) -> tuple[Problem, ...]:
    return check(source, Limits()).problems


def only(source: str) -> Problem:
    found = problems(source)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("body", "line", "text", "hint"),
    [
        (
            "a = math.sin(1)\nb = math.cos(1)\nreturn math.pi * math.e",
            2,
            "math",
            "Write `import math` in the first line. Lines 3 and 4 use it too.",
        ),
        (
            "return json.dumps(json.loads(data['text']))",
            2,
            "json",
            "Write `import json` in the first line.",
        ),
        (
            "a = datetime.fromisoformat(data['time'])\nreturn datetime.fromtimestamp(a.timestamp())",
            2,
            "datetime",
            "Write `from datetime import datetime` in the first line. Line 3 uses it too.",
        ),
        (
            "return datetime.datetime.fromisoformat(data['time']).isoformat()",
            2,
            "datetime",
            "Write `import datetime` in the first line.",
        ),
        (
            "return datetime.now().isoformat()",
            2,
            "datetime",
            ATTRIBUTES["now"],
        ),
        (
            "\n".join("state['n'] = coutner" for _ in range(8)),
            2,
            "coutner",
            "Give coutner a value first, or put it in quotes if it is a text. 7 other lines use it too.",
        ),
    ],
)
def test_a_name_without_a_meaning_is_one_problem_in_all_its_lines(
    body: str, line: int, text: str, hint: str
) -> None:
    problem = only(process(body))
    assert (problem.line, problem.text, problem.message, problem.hint) == (
        line,
        text,
        f"`{text}` is not available",
        hint,
    )


def test_a_member_of_a_class_is_found_if_only_the_module_is_imported() -> None:
    problem = only("import datetime\n" + process("return str(datetime.fromisoformat(data['time']))"))
    assert problem.message == "`datetime.fromisoformat` is not available"
    assert problem.hint == (
        "Write `from datetime import datetime` in the first line, or datetime.datetime.fromisoformat."
    )


def test_all_problems_of_a_source_are_named_at_once_in_their_order() -> None:
    source = """\
import os
from time import sleep

class Machine:
    pass

def process(data, state):
    global count
    print(data.signal)
    try:
        x = true
    except:
        x = open("file")
    with data as d:
        pass
    return {"x": x, "y": data.__class__}
"""
    found = problems(source)

    assert [(p.line, p.text) for p in found] == [
        (1, "import os"),
        (2, "from time import sleep"),
        (4, "class Machine:"),
        (8, "global count"),
        (9, "print"),
        (9, "data.signal"),
        (11, "true"),
        (12, "except:"),
        (13, "open"),
        (14, "with data as d:"),
        (16, "data.__class__"),
    ]


@pytest.mark.parametrize(
    "head",
    [
        "class Filter(object):",
        "class Filter(Base, metaclass=Meta):",
        "class Filter(machines.Base):",
        "@dataclass\nclass Filter:",
        "@dataclass(frozen=True)\nclass Filter:",
        pytest.param("class Filter[T: float]:", marks=SINCE_3_12),
        pytest.param("def least[T: float](values): pass\nclass Filter:", marks=SINCE_3_12),
    ],
)
@pytest.mark.parametrize("where", ["", "    "])
def test_a_class_of_any_form_is_refused_as_a_class(head: str, where: str) -> None:
    source = f"{head}\n    def __init__(self, a: float):\n        self.a = a"

    found = problems(f"def process(data, state):\n    pass\n{textwrap.indent(source, where)}\n")

    assert "`class` is not available" in [problem.message for problem in found]


def test_a_missing_module_is_refused_with_a_list_of_the_available_ones() -> None:
    problem = only("import os\n" + process("return {}"))

    assert problem.message == f"`import os` is not available; {modules()} are"
    assert (problem.line, problem.column) == (1, 1)
    assert problem.hint


@pytest.mark.parametrize(
    ("body", "text", "hint"),
    [
        ("return {'x': data.signal}", "data.signal", "data['signal']"),
        ("return {'x': null}", "null", "None"),
        ("return {'x': true}", "true", "True"),
        ("return {'x': math.pi}", "math", "import math"),
        ("return {'x': sqrt(2)}", "sqrt", "from math import sqrt"),
        ("return {'x': sorte([1])}", "sorte", "sorted"),
        ("return {'x': time.time()}", "time", "timestamp"),
        ("return {'x': stauts}", "stauts", "quotes"),
        ("print(data)", "print", "Return"),
        ("max = max(data['xs'])", "max", "highest"),
        ("return {'x': bytearray(b'abc')}", "bytearray", "bytes(items)"),
        ("return {'x': data['hex'].b64decode()}", "data['hex'].b64decode", "base64.b64decode(...)"),
        ("data.x = 1", "data.x", "state['x'] = value"),
        ("x: int = data.__len__()", "data.__len__", ""),
    ],
)
def test_a_refusal_shows_the_text_and_says_what_to_write(body: str, text: str, hint: str) -> None:
    found = problems(process(body))

    assert text in [p.text for p in found]
    assert hint in " ".join(p.hint for p in found)


def test_the_clock_is_refused_with_advice_how_to_get_the_time() -> None:
    problem = only("from datetime import datetime\n" + process("return {'t': datetime.now().isoformat()}"))

    assert problem.text == "datetime.now"
    assert "reading" in problem.hint


@pytest.mark.parametrize(
    ("source", "line", "hint"),
    [
        ("def process(data, state)\n    return {}\n", 1, "colon"),
        (process("return {'a': 1"), 2, "bracket"),
        (process("if data['v'] = 1:\n    pass"), 2, "=="),
        (process("x = 'abc"), 2, "quote"),
        (process("print 'x'"), 2, "print"),
        (process("x = 1\n  y = 2"), 3, "column"),
        ("def process(data, state):\nreturn {}\n", 2, "four spaces"),
        (process("break"), 2, "loop"),
        (process("if data['a'] && data['b']:\n    pass"), 2, "`and`"),
        (process("if data:\n    pass\nelse if state:\n    pass"), 4, "`elif`"),
        (process("state['n']++"), 2, "+= 1"),
        (process("return {‘v’: 1}"), 2, "straight quotes"),
        ("def process(data, state):\n    return\u00a0{}\n", 2, "space"),
    ],
)
def test_a_source_that_is_not_python_is_explained(source: str, line: int, hint: str) -> None:
    problem = only(source)

    assert problem.line == line
    assert problem.message.startswith("syntax error: ") or hint == "loop"
    assert hint in problem.hint or hint == "loop"


def test_columns_count_characters_not_bytes() -> None:
    problem = only(process("return {'äöü€': data.x}"))

    assert problem.column == 21
    assert problem.text == "data.x"


def test_direction_characters_are_refused_and_not_shown() -> None:
    problem = only(process("return {'r': '\u202e'}"))

    assert (problem.line, problem.column) == (2, 19)
    assert "\u202e" not in problem.text


def test_a_problem_shows_no_control_characters_of_the_source() -> None:
    found = problems(process("x = data.\x0cy + '\x1b[2J'.z"))

    assert all(p.text.isprintable() for p in found)


def test_the_number_of_problems_is_bounded() -> None:
    assert len(problems(process("\n".join(f"import m{n}" for n in range(500))))) == 50


def test_process_must_be_defined_once_with_two_parameters() -> None:
    assert "no function process" in only("def proces(data, state):\n    return {}\n").message
    assert "exactly two" in only("def process(data):\n    return {}\n").message
    assert "twice" in only(process("return {}") * 2).message


def test_a_return_at_the_top_level_is_refused_with_its_line() -> None:
    found = problems(process("return {}") + "if 1:\n    return process({}, {})\n")

    assert found[0].line == 4
    assert "`return` outside of a function" in found[0].message
