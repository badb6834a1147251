"""Names mean what they mean in Python, and a name without a value is found at upload, with a clear text."""

import ast
import marshal
import symtable
import sys
from collections.abc import Iterator
from itertools import product
from random import Random
from typing import Any

import pytest

from sandbox.check.compiler import check
from sandbox.check.reserved import is_reserved
from sandbox.check.scope import Scope
from sandbox.child.program import Program
from sandbox.errors import LogicError, LogicRefused
from sandbox.job import Logic, Problem
from sandbox.limits import Limits
from sandbox.runtime.runtime import Runtime
from tests.sandbox.running import fresh, process, run


def only(source: str) -> Problem:
    found = check(source, Limits()).problems
    assert len(found) == 1, found
    return found[0]


HELPER = "def helper(v):\n    threshold = v * 2\n    return threshold\n"


@pytest.mark.parametrize(
    ("source", "line", "message", "hint"),
    [
        (
            HELPER + process("helper(1)\nreturn {'r': threshold}"),
            6,
            "`threshold` is set only in the function helper",
            "Pass it as a parameter",
        ),
        (
            HELPER + process("return {'r': v}"),
            5,
            "`v` is a parameter of the function helper and exists only there",
            "Add v to the parameters of this function too",
        ),
        (
            "def helper():\n    return limit\n" + process("limit = 5\nreturn {'r': helper()}"),
            2,
            "`limit` is set only in the function process",
            "Pass it as a parameter",
        ),
        (
            "def f():\n    x = 1\ndef g():\n    x = 2\n" + process("return {'r': x}"),
            6,
            "`x` is set only in the functions f and g",
            "",
        ),
        (
            process("xs = [x * 2 for x in data['xs']]\nreturn {'r': x}"),
            3,
            "`x` exists only inside the comprehension in line 2",
            "write a for loop",
        ),
        (
            process("return {'r': sum(x for y in [1] if y), 's': [x for x in [2]]}"),
            2,
            "`x` exists only inside the comprehension in line 2",
            "",
        ),
        (
            process("f = lambda x: x + 1\nreturn {'r': f(1) + x}"),
            3,
            "`x` exists only inside the lambda in line 2",
            "",
        ),
        (
            "def f():\n    import math\n    return math.pi\n" + process("return {'r': math.pi + f()}"),
            5,
            "`math` is imported only in the function f",
            "Move the import to the first line",
        ),
        (
            process("def scale(x):\n    return x\nreturn {'r': scale(1)}")
            + "def g():\n    return scale(2)\n",
            6,
            "the function `scale` exists only inside the function process",
            "Move it to the top level",
        ),
        (
            process(
                "try:\n    x = int(data['v'])\nexcept ValueError as e:\n    x = 0\nreturn {'r': str(e) + x}"
            ),
            6,
            "`e` exists only inside its `except` block",
            "another name",
        ),
        (
            "count = 0\n" + process("count += 1\nreturn {'r': count}"),
            3,
            "`count` is set in this function (line 3), so it is not the `count` of the top level",
            "keep the value in state",
        ),
        (
            process("limit = 5\ndef f():\n    limit = limit + 1\n    return limit\nreturn {'r': f()}"),
            4,
            "`limit` is set in this function (line 4), so it is not the `limit` of line 2",
            "",
        ),
        (process("y = x + 1\nx = 2\nreturn {'r': y}"), 2, "`x` is used before line 3 sets it", ""),
        (process("x = x + 1\nreturn {'r': x}"), 2, "`x` is used before line 2 sets it", ""),
        (process("total: float\ntotal += 1\nreturn {}"), 3, "`total` is used before line 3 sets it", ""),
        (process("x = 1\ndel x\nreturn {'r': x}"), 4, "`x` has no value any more", "Set it again"),
        (process("del x\nreturn {}"), 2, "`x` has no value that `del` could delete", ""),
        (
            process("if data:\n    x = 1\n    return {'r': x}\nreturn {'r': x}"),
            5,
            "`x` has no value here: line 3 sets it only in another case",
            "",
        ),
        (
            "A = B + 1\nB = 2\n" + process("return {'r': A}"),
            1,
            "`B` is used before line 2 sets it",
            "",
        ),
        ("def f(x=B):\n    return x\nB = 2\n" + process("return {'r': f()}"), 1, "`B` is used before", ""),
        (
            process("sum = sum(data['xs'])\nreturn {'r': sum}"),
            2,
            "`sum` is a variable in this function (line 2), so it is not the function sum here",
            "such as total",
        ),
        (
            process("sum = 0\nfor x in data['xs']:\n    sum += x\nreturn {'r': sum / len(sum(data['xs']))}"),
            5,
            "`sum` is a variable here (line 2), so the function sum cannot be called",
            "such as total",
        ),
        (
            process("config = dict(config)\nreturn config"),
            2,
            "`config` is a variable in this function (line 2), so it is not the value config here",
            "such as settings",
        ),
        ("max = max(1, 2)\n" + process("return {'r': max}"), 1, "`max` is a variable at the top level", ""),
        (process("def f():\n    nonlocal n\n    n = 1\nf()\nreturn {}"), 3, "`nonlocal n`: no function", ""),
        (
            process("return {'r': a}\n_ = 1").replace("a}", "_}"),
            2,
            "`_` is used before line 3 sets it",
            "",
        ),
        (process("for i in range(3):\n    pass\nreturn {'r': _}"), 4, "`_` is not available", ""),
        (
            process("speed = 5\nreturn {'r': speed(2)}"),
            3,
            "`speed` is not a function, so it cannot be called",
            "operator",
        ),
    ],
)
def test_a_name_without_a_value_is_refused(source: str, line: int, message: str, hint: str) -> None:
    found = check(source, Limits()).problems

    assert {problem.line for problem in found} == {line}
    assert [hint in problem.hint for problem in found if message in problem.message] == [True]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("helper()", "this call of helper passes no value for `a`, `b`"),
        ("helper(1)", "this call of helper passes no value for `b`"),
        ("helper(a=1)", "this call of helper passes no value for `b`"),
        ("helper(1, 2, 3, 4)", "helper takes 3 values, but this call passes 4"),
        ("helper(1, 2, d=3)", "helper has no parameter `d`"),
        ("helper(1, 2, a=3)", "helper gets `a` twice"),
    ],
)
def test_a_call_that_does_not_fit_its_function_is_refused(call: str, message: str) -> None:
    problem = only("def helper(a, b, c=1):\n    return a\n" + process(f"return {{'r': {call}}}"))

    assert problem.line == 4
    assert problem.message == message
    assert problem.hint == "It is defined as `helper(a, b, c=1)` in line 1."


@pytest.mark.parametrize(
    "source",
    [
        "def f(a, /, b, *, c=1):\n    return a\n" + process("return {'r': f(1, b=2) + f(1, 2, c=3)}"),
        "def f(*a, k=1, **kw):\n    return k\n" + process("return {'r': f(1, 2, x=3) + f(k=2)}"),
        "def f(a, b=2):\n    return a\n" + process("return {'r': f(*[1, 2]) + f(**{'a': 1}) + f(b=1, a=2)}"),
        # One of two functions, so the call is not certain to fail.
        process(
            "if data:\n    def f(a):\n        return a\nelse:\n    def f(a, b):\n        return b\n"
            "return {'r': f(1)}"
        ),
    ],
)
def test_a_call_that_fits_or_may_fit_is_accepted(source: str) -> None:
    assert run(source).kind == "ok"


ACCEPTED = [
    process("sum = 0\nfor x in [1, 2]:\n    sum += x\nreturn {'r': sum}"),
    process("max, min = 3, 1\nrange = max - min\nreturn {'r': range}"),
    process("filter = {'a': 1}\nlist = [x for x in filter]\nreturn {'r': list}"),
    process("for next, type in [(1, 2)]:\n    pass\nreturn {'r': [next, type]}"),
    process("str = [len * 2 for len in [1, 2]]\nreturn {'r': str, 's': len('abc')}"),
    process("iter = lambda format: format + 1\nreturn {'r': iter(1)}"),
    "def f(max, min=0, *, sum=1):\n    return max - min + sum\n" + process("return {'r': f(5, sum=2)}"),
    "def round(x, n):\n    return int(x * 10 ** n) / 10 ** n\n" + process("return {'r': round(2.555, 2)}"),
    "max = 80\ndef f(v):\n    return v > max\n" + process("return {'r': f(90), 's': min(1, 2)}"),
    "def f(value, config):\n    return value * config['k']\n" + process("return {'r': f(2, {'k': 3})}"),
    "from statistics import mean\ndef f(mean):\n    return mean + 1\n"
    + process("return {'r': f(mean([1, 3]))}"),
    "import math\n" + process("math = 3\nreturn {'r': math}"),
    "def f():\n    from math import floor as r\n    return r(2.7)\n"
    "def g():\n    from math import ceil as r\n    return r(2.2)\n" + process("return {'r': [f(), g()]}"),
    "import datetime\nfrom datetime import datetime\n" + process("return {'r': datetime(2026, 1, 2).year}"),
    process("import math\ndef f():\n    return math.floor(2.5)\nreturn {'r': f()}"),
    "def _scale(_x, _k=2):\n    return _x * _k\n" + process("_tmp = _scale(3, _k=4)\nreturn {'r': _tmp}"),
    "_LIMIT = 5\n" + process("def _f(**_kw):\n    return _kw\nreturn {'r': _f(_a=_LIMIT)}"),
    process("state['n'] = state.get('n', 0)\n_tmp0 = 1\nstate[str('n')] *= _tmp0 + 1\nreturn {'r': _tmp0}"),
    process("xs = []\nx = [y := 3, y + 1]\nxs = [(z := v) for v in x]\nreturn {'r': [y, z, xs]}"),
    process("g = (v + k for v in [1, 2])\nk = 10\nreturn {'r': list(g)}"),
    process("if any((hit := v) > 1 for v in [1, 2, 3]):\n    return {'r': hit}"),
    process("def f():\n    return later\nlater = 7\nreturn {'r': f()}"),
    process("while True:\n    x = 1\n    if x:\n        break\nreturn {'r': x}"),
    process("try:\n    x = int('5')\nfinally:\n    y = 1\nreturn {'r': x + y}"),
    process(
        "try:\n    int('q')\nexcept ValueError as e:\n    e = str(e)[:3]\n    kept = e\nreturn {'r': kept}"
    ),
    process("e = 1\ntry:\n    e = 2\nexcept ValueError as e:\n    return {}\nreturn {'r': e}"),
    process(
        "for i in range(3):\n    if i:\n        out = out + [i]\n    else:\n        out = []\n"
        "return {'r': out}"
    ),
    process("return {'r': 1}\nx = y = 2\nreturn {'r': x + y}"),
    "def f(n):\n    return 1 if n < 2 else n * f(n - 1)\n" + process("return {'r': f(5)}"),
    process("d = {(a := 1): (b := 2), a + 1: b}\nreturn {'r': sorted(d.values())}"),
    process("a = b = 3\na, (b, c) = b, [a, 1]\nreturn {'r': [a, b, c]}"),
    process("_, x, _ = 1, 2, 3\nreturn {'r': [x, _]}"),
    process("ValueError = 5\nreturn {'r': ValueError}"),
    "def process(state, data=None):\n    return {'r': 1}\n",
    # Here a comprehension has the name of a variable around its function.
    "x = 1\n" + process("def f():\n    return x\nxs = [x for x in [5]]\nreturn {'r': [f(), xs]}"),
    process("x = [2]\nreturn {'r': [[x for x in x for y in [x]] for x in [x]]}"),
    process("x = 3\nreturn {'r': [(lambda: x)() for x in [x, 4]]}"),
    process("x = 3\nreturn {'r': [f'{x} {x=}' for x in [x]], 's': {x: x for x in 'ab'}}"),
    process("x = 3\nreturn {'r': [x for x, (y, z) in [(1, (2, x))] if x for w in [x]]}"),
    "import math\nmax = math.pi\n" + process("return {'r': max}"),
]


@pytest.mark.parametrize("source", ACCEPTED)
def test_a_name_with_a_value_means_the_same_as_in_python(source: str) -> None:
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102 - our own sources

    ran = run(source, {})

    assert ran.kind == "ok", (ran.problems, ran.failure)
    assert ran.results == [fresh(names["process"]({}, {}))]


def test_a_comprehension_hides_no_variable_from_an_inner_function() -> None:
    """Python 3.12 and 3.13 fail here themselves."""
    body = "x = 1\ndef f():\n    def g():\n        return x\n    xs = {x for x in [5]}\n    return g()\n"

    assert run(process(body + "return {'r': f()}")).results == [{"r": 1}]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("if data['f']:\n    x = 1\nreturn {'r': x}", "UnboundLocalError: `x` has no value yet"),
        (
            "def f():\n    return x\nif data['f']:\n    x = 1\nreturn {'r': f()}",
            "NameError: `x` has no value yet",
        ),
    ],
)
def test_a_variable_that_only_sometimes_has_a_value_fails_with_a_clear_message(
    body: str, message: str
) -> None:
    ran = run(process(body), {"f": False})

    assert ran.kind == "runtime-error"
    assert ran.failure is not None
    assert message in ran.failure.message
    assert run(process(body), {"f": True}).kind == "ok"


# Names that guards have.

RUNTIME = Runtime.of(Limits())
GUARDS = sorted(name for name in RUNTIME.globals if name.startswith("_"))


def test_every_guard_has_a_name_that_no_logic_can_have() -> None:
    assert len(GUARDS) > 100
    assert [name for name in GUARDS if not is_reserved(name)] == []


@pytest.mark.parametrize(
    "guard", ["_meter_", "_tick_", "_m_get", "_f_math_sqrt", "_getattr_", "_make_", "_tmp0_"]
)
@pytest.mark.parametrize(
    "body",
    [
        "{} = 5",
        "def {}():\n    pass",
        "def f({}, /):\n    pass",
        "def f(*{}):\n    pass",
        "def f(**{}):\n    pass",
        "def f(*, {}=1):\n    pass",
        "f = lambda {}, /: 1",
        "f = lambda *{}: 1",
        "for {} in [1]:\n    pass",
        "x = [1 for {} in [1]]",
        "x = [1 for a, *{} in [[1]]]",
        "x = ({} := 1)",
        "try:\n    pass\nexcept ValueError as {}:\n    pass",
        "import math as {}",
        "from math import sqrt as {}",
        "a, *{} = [1]",
        "del {}",
        "x = {}",
        "x = dict({}=1)",
        "global {}",
        "def f():\n    nonlocal {}",
        "match data:\n    case {}:\n        pass",
        "match data:\n    case [*{}]:\n        pass",
        "match data:\n    case {{**{}}}:\n        pass",
        "with data as {}:\n    pass",
        "class {}:\n    pass",
    ],
)
def test_the_name_of_a_guard_is_refused_wherever_it_is_set(body: str, guard: str) -> None:
    assert not check(process(body.format(guard)), Limits()).accepted


def test_code_that_hides_a_guard_is_not_run() -> None:
    for inner in ("def process(d, s, _tick_=1): pass", "def process(d, s):\n        for _meter_ in d: pass"):
        code = compile(f"def _make_():\n    {inner}\n    return process", "<logic>", "exec")
        with pytest.raises(LogicRefused, match="hides a guard"):
            Program.load(Logic("digest", "", marshal.dumps(code)), Limits())


# Generated scopes.

NAMES = ["a", "b", "sum", "max", "_c"]
#: How many sources each test generates.
SOURCES = 200


class Generated:
    """A source whose functions set, use and delete a few names in every way, from a seed.

    Most names that it uses have a value, so that many of the sources run.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._set: list[str] = self._random.sample(NAMES, self._random.randint(1, 2))
        tops = [f"{name} = 1" for name in self._set]
        helper = ["def helper(data, out):", *self._block(1, 5)]
        body = ["    out = []", "    helper(data, out)", *self._block(2, 0), "    return {'n': len(out)}"]
        self.source = "\n".join([*tops, *helper, "def process(data, state):", *body, ""])

    def _name(self) -> str:
        """Return a name to set."""
        self._set.append(self._random.choice(NAMES))
        return self._set[-1]

    def _use(self) -> str:
        """Return a name to use."""
        return self._random.choice(self._set if self._random.random() < 0.95 else NAMES)

    def _expression(self, depth: int = 1) -> str:
        n, m = self._use(), self._random.choice(NAMES)
        kinds = ["1", n, f"({n}, {self._use()})"]
        if depth:
            inner = self._expression(depth - 1)
            kinds += [
                f"[{inner} for {m} in [1]]",
                f"[{m} for {m} in [{inner}]]",
                f"[1 for {n} in [1] for {m} in [{n}]]",
                f"list({inner} for {m} in [1])",
                f"(lambda {m}: {inner})(1)",
                f"(lambda {m}={n}: {inner})()",
                f"({inner} if data['f'][0] else {n})",
                f"[({self._name()} := {m}x) for {m}x in [1]]",
                f"({self._name()} := {inner})",
            ]
        return self._random.choice(kinds)

    def _block(self, depth: int, function: int) -> list[str]:
        lines: list[str] = []
        before = list(self._set)
        for _ in range(self._random.randint(1, 3)):
            nested = depth and self._random.random() < 0.5
            lines += self._compound(depth, function) if nested else self._simple()
        self._set = before
        return ["    " + line for line in lines]

    def _simple(self) -> list[str]:
        kind = self._random.randint(0, 25)
        if kind == 0:
            return [f"del {self._use()}"]
        if kind == 1:
            return [f"import math as {(n := self._name())}", f"out.append({n}.pi)"]
        if kind == 2:
            return [f"from math import pi as {self._name()}"]
        if kind == 3:
            return [f"{self._use()} += 1"]
        value = self._expression()
        if kind < 8:
            return [f"{self._name()}, {self._name()} = 1, {value}"]
        return [f"{self._name()} = {value}" if kind < 18 else f"out.append({value})"]

    def _compound(self, depth: int, function: int) -> list[str]:
        flag = f"data['f'][{depth}]"  # so no branch excludes an inner one
        kind = self._random.randint(0, 6)
        if kind == 0:
            lines = [f"if {flag}:", *self._block(depth - 1, function), "else:"]
            return [*lines, *self._block(depth - 1, function)]
        if kind == 1:
            return [f"for {self._name()} in [1, 2]:", *self._block(depth - 1, function)]
        if kind == 2:
            lines = ["try:", f"    int({flag} or 'q')", *self._block(depth - 1, function)]
            return [*lines, f"except ValueError as {self._name()}:", *self._block(depth - 1, function)]
        if kind == 3:
            lines = ["try:", *self._block(depth - 1, function), "finally:"]
            return [*lines, *self._block(depth - 1, function)]
        if kind == 4:
            n = self._name()
            return [f"def {n}():", *self._block(depth - 1, function + 1), f"{n}()"]
        if kind == 5:
            lines = [f"def f{function}():", f"    nonlocal {self._use()}"]
            return [*lines, *self._block(depth - 1, function + 1), f"f{function}()"]
        m = self._name()
        return [f"def f{function}({m}, *{m}x):", *self._block(depth - 1, function + 1), f"f{function}(1)"]


#: Refusals of code that Python runs: an import is resolved before anything runs, and a module is no value.
STRICTER = ("cannot be used as a value", "is imported and cannot be", "is imported twice")
FLAGS = [list(flags) for flags in product([0, 1], repeat=3)]


def outcome(source: str, flags: list[int]) -> tuple[str, Any]:
    """Return the outcome in plain Python: the kind of the error, or the result."""
    names: dict[str, Any] = {}
    try:
        exec(source, names)  # noqa: S102 - generated here
        return "ok", names["process"]({"f": flags}, {})
    except Exception as error:  # noqa: BLE001 - any error of Python is compared
        return type(error).__name__, None


def test_generated_scopes_mean_the_same_as_in_python() -> None:
    """What is accepted loads, and gives the same; what is refused fails in Python in some case."""
    accepted = 0
    for seed in range(SOURCES):
        source = Generated(seed).source
        checked = check(source, Limits())
        plain = [outcome(source, flags) for flags in FLAGS]
        if not checked.accepted:
            if any(stricter in problem.message for problem in checked.problems for stricter in STRICTER):
                continue
            assert any(kind != "ok" for kind, _ in plain), (source, checked.problems)
            continue
        accepted += 1
        program = Program.load(Logic("digest", source, checked.code), Limits())
        for flags, (kind, result) in zip(FLAGS, plain, strict=True):
            if "import" in source and kind in ("NameError", "UnboundLocalError"):
                continue  # an imported name always has its value here
            try:
                ran = "ok", program.process({"f": flags}, {})
            except LogicError as error:
                ran = error.message.partition(":")[0], None
            assert ran == (kind, result), (source, flags)
    assert accepted > SOURCES / 10


def variables(block: symtable.SymbolTable) -> Iterator[tuple[str, int, list[str]]]:
    """Yield the name, line and variables of each function and comprehension, as Python sees them."""
    names = {symbol.get_name() for symbol in block.get_symbols() if symbol.is_local()}
    yield block.get_name(), block.get_lineno(), sorted(names - {".0"})
    for inner in block.get_children():
        yield from variables(inner)


KINDS: dict[type[ast.AST], str] = {
    ast.Module: "top",
    ast.Lambda: "lambda",
    ast.ListComp: "listcomp",
    ast.GeneratorExp: "genexpr",
}


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="shows comprehensions as parts of their functions")
def test_the_variables_of_each_block_are_those_that_python_sees() -> None:
    for seed in range(SOURCES):
        source = Generated(seed).source
        try:
            theirs = sorted(variables(symtable.symtable(source, "<logic>", "exec")))
        except SyntaxError:
            continue
        found = sorted(
            (KINDS.get(type(node)) or str(block.name), getattr(node, "lineno", 0), sorted(block.variables))
            for node, block in Scope(ast.parse(source)).blocks.items()
        )
        assert found == theirs, source
