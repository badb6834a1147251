"""Generators give the same as in Python, each resume pays, and no generator outlives its reading."""

from typing import Any

import pytest

from sandbox.check.compiler import check
from sandbox.child.program import Program, bounded_recursion
from sandbox.errors import LimitExceeded
from sandbox.job import Logic
from sandbox.limits import Limits
from tests.sandbox.running import process, run
from tests.sandbox.test_constructs import same

GENERATORS = """
def count(start=0, step=1):
    while True:
        yield start
        start += step

def few(n, *more, last=None):
    for i in range(n):
        yield i
    for m in more:
        yield m
    if last is not None:
        yield last
    return "end"

def both(*sources):
    ends = []
    for source in sources:
        end = yield from source
        ends.append(end)
    yield ends

def tree(node):
    if isinstance(node, list):
        for child in node:
            yield from tree(child)
    else:
        yield node

def halves(n):
    try:
        while True:
            got = yield n
            assert got is None
            n -= 1
            12 // n
    except ZeroDivisionError as e:
        yield str(e)

def nothing():
    return
    yield

def lines(text):
    part = ""
    for c in text:
        if c == ";":
            yield part
            part = ""
        else:
            part += c
    yield part

def first(items, n):
    for i, item in enumerate(items):
        if i >= n:
            return
        yield item
"""

EXPRESSIONS = [
    "list(few(3))",
    "list(few(2, 7, 8, last=9))",
    "list(both(few(2), [5, 6], 'ab', few(1), {'k': 1}, (), range(2)))",
    "list(tree([1, [2, [3, [4]], 5], 6]))",
    "list(halves(2)), list(nothing())",
    "list(lines('a=1;b=2;c'))",
    "[x for x in first(count(5), 3)]",
    "sum(few(5)), max(few(5)), min(few(4, -1)), sorted(few(3, -2)), tuple(few(2)), len(list(few(4)))",
    "any(x > 2 for x in few(4)), all(few(3)), 2 in few(3), 9 in few(3)",
    "list(zip(count(), 'abc')), list(enumerate(few(2), 5)), list(map(abs, few(2, -3)))",
    "list(filter(None, few(3))), list(zip(few(2), count(10, 10))), dict(zip('ab', count()))",
    "[*few(2), *few(1, 5)], {**dict(zip('ab', few(2)))}",
    "','.join(str(x) for x in few(3)), ','.join(lines('x;y'))",
    "[next(g) for g in [count(3)] for _ in range(3)], next(nothing(), 'none'), next(few(1))",
    "[list(g) for g in [few(2)] for _ in range(2)]",
    "[a for a, b in zip(count(), count(1)) if a > 3] if 0 else 1",
    "list(dict.fromkeys(few(3, 1, 2))), sorted(set(few(3, 1)))",
    "[sum(first(count(i), 4)) for i in few(3)]",
    "few.__name__, callable(few), callable(few(1))",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_generator_gives_the_same_as_in_python(expression: str) -> None:
    same(GENERATORS + process(f"return {{'r': [{expression}]}}"))


def test_a_generator_runs_only_as_far_as_it_is_asked_to() -> None:
    result = same(
        process(
            "log = []\n"
            "def gen(name):\n"
            "    log.append(name + ' starts')\n"
            "    for i in range(3):\n"
            "        log.append(f'{name} {i}')\n"
            "        yield i\n"
            "    log.append(name + ' ends')\n"
            "def outer():\n"
            "    yield from gen('a')\n"
            "    x = yield from gen('b')\n"
            "    log.append(x)\n"
            "g = outer()\n"
            "log.append('made')\n"
            "first, second = next(g), next(g)\n"
            "a, b = first, second\n"
            "for i in g:\n"
            "    if i == 1:\n"
            "        break\n"
            "rest = list(g)\n"
            "return {'log': log, 'r': [a, b, rest, next(g, 'over')]}"
        )
    )

    assert result["log"][:4] == ["made", "a starts", "a 0", "a 1"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("next(nothing())", "StopIteration"),
        ("def g():\n    next(nothing())\n    yield 1\nlist(g())", "RuntimeError"),
        ("def g():\n    yield 1\n    raise ValueError('x')\nlist(g())", "ValueError"),
        ("def g():\n    yield next(me)\nme = g()\nnext(me)", "ValueError"),
        ("def g():\n    yield from 5\nlist(g())", "TypeError"),
        ("a, b = few(3)", "ValueError"),
        ("f = few\nf()", "TypeError"),
        ("f = few\nf(1, nosuch=2)", "TypeError"),
        ("few(2)[0]", "TypeError"),
        ("len(few(2))", "TypeError"),
        (
            "g = count()\nfor x in g:\n    list(first(g, 2))\n    if x > 5:\n        raise KeyError(x)",
            "KeyError",
        ),
    ],
)
def test_a_mistake_with_a_generator_is_the_same_error(body: str, error: str) -> None:
    same(GENERATORS + process(body), error=error)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("yield 1\n" + process("pass"), "at the top level"),
        ("x = [(yield)]\n" + process("pass"), "at the top level"),
        (process("yield {}"), "process cannot use `yield`"),
        (process("x = yield from [data]"), "process cannot use `yield`"),
        (process("f = lambda: (yield 1)"), "in a lambda"),
        (process("def g():\n    f = lambda: (yield from [1])\n    yield 2"), "in a lambda"),
        (process("def g():\n    def h(x=(yield)):\n        pass"), "in a default"),
        (process("def g():\n    return [x for x in (yield)]"), "in a comprehension"),
        (process("def g():\n    return [(yield x) for x in []]"), "in a comprehension"),
        (process("def g():\n    try:\n        yield 1\n    finally:\n        pass"), "with `finally`"),
        (process("def g():\n    try:\n        pass\n    finally:\n        yield 1"), "with `finally`"),
        (
            process(
                "def g():\n    try:\n        for x in []:\n            try:\n                x = yield\n"
                "            except ValueError:\n                pass\n    finally:\n        pass"
            ),
            "with `finally`",
        ),
        (
            process(
                "def g():\n    try:\n        1\n    except ValueError:\n        yield\n"
                "    finally:\n        1"
            ),
            "with `finally`",
        ),
        ("async def f():\n    yield 1\n" + process("pass"), "`async def` is not available"),
        ("def g():\n    yield await f()\n" + process("pass"), "`await` is not available"),
        *(
            ("def g():\n    yield 1\n" + process(f"g().{name}"), f"`.{name}` is not available")
            for name in ("send", "throw", "close", "gi_frame", "gi_code", "gi_yieldfrom")
        ),
    ],
)
def test_yield_is_refused_where_it_makes_no_plain_generator(source: str, message: str) -> None:
    checked = check(source, Limits())

    assert message in " ".join(problem.message for problem in checked.problems), checked.problems


def test_a_finally_in_a_function_inside_is_fine() -> None:
    source = process(
        "def g():\n    def safe(x):\n        try:\n            return 1 / x\n"
        "        except ZeroDivisionError:\n            return 0\n"
        "        finally:\n            log.append(x)\n"
        "    for x in (2, 0):\n        yield safe(x)\n"
        "log = []\n"
        "try:\n    r = list(g())\nfinally:\n    log.append('end')\n"
        "return {'r': r, 'log': log}"
    )

    assert same(source) == {"r": [0.5, 0], "log": [2, 0, "end"]}


def test_a_generator_cannot_leave_a_logic() -> None:
    for body in ("return {'r': few(2)}", "state['g'] = few(2)", "return [few(2)]", "return few(2)"):
        ran = run(GENERATORS + process(body))
        assert ran.failure is not None
        assert "a generator" in ran.failure.message


#: Each walks through an endless generator, by another way.
ENDLESS = [
    "list(count())",
    "sum(count())",
    "max(count())",
    "sorted(count())",
    "tuple(count())",
    "set(count())",
    "dict.fromkeys(count())",
    "any(x < 0 for x in count())",
    "any(map(lambda x: False, count()))",
    "all(count(1))",
    "-1 in count()",
    "[*count()]",
    "a, *b = count()",
    "for x in count():\n    pass",
    "[x for x in count()]",
    "{x: x for x in count()}",
    "list(zip(count(), count()))",
    "list(enumerate(count()))",
    "list(map(abs, count()))",
    "list(filter(None, count()))",
    "list(both(count()))",
    "','.join(str(x) for x in count())",
    "xs = []\nxs.extend(count())",
    "xs = []\nxs += count()",
    "xs = [1]\nxs[0:0] = count()",
    "dict((x, x) for x in count())",
    "min(count(), key=lambda x: x)",
    "next(x for x in count() if x < 0)",
    "def forever():\n    while True:\n        next(count())\nforever()",
    "def forever():\n    yield from forever()\nlist(forever())",
    "g = count()\nwhile next(g) >= 0:\n    pass",
    "def fill(xs):\n    for x in xs:\n        xs.append(x)\n        yield x\nlist(fill([1]))",
]


@pytest.mark.parametrize("body", ENDLESS)
def test_an_endless_generator_is_stopped(body: str) -> None:
    assert run(GENERATORS + process(body)).kind == "limit"


def fuel(body: str) -> int:
    program = Program.load(Logic.of(GENERATORS + process(body)), Limits())
    program.process({}, {})
    return program.peaks["fuel"]


@pytest.mark.parametrize(
    "walk",
    [
        *(
            "list(G)",
            "sum(G)",
            "max(G)",
            "tuple(G)",
            "sorted(G)",
            "any(x < 0 for x in G)",
            "[*G]",
            "a, *b = G",
        ),
        *("for x in G:\n    pass", "[x for x in G]", "list(zip(G, G))", "-1 in G", "list(map(abs, G))"),
        *("list(enumerate(G))", "set(G)", "dict.fromkeys(G)", "list(both(G))", "xs = []\nxs += G"),
    ],
)
def test_each_resume_pays(walk: str) -> None:
    few, many = (fuel(walk.replace("G", f"first(count(), {n})")) for n in (10, 1_010))

    assert many - few >= 3_000  # two generators, and their loops


def test_each_level_of_a_chain_pays_for_each_item() -> None:
    shallow, deep = (
        fuel(f"g = first(count(), 500)\nfor _ in range({levels}):\n    g = both(g)\nlist(g)")
        for levels in (1, 31)
    )

    assert deep - shallow >= 30 * 500


def chain(length: int, step: str) -> str:
    return (
        GENERATORS
        + (
            "def hold(h):\n    yield h\n    yield h\n"
            "def keep(h):\n    x = h\n    def inner():\n        return x\n    yield inner\n    yield inner\n"
            "def from_it(h):\n    yield 1\n    yield from h\n"
        )
        + process(f"g = iter([1])\nfor _ in range({length}):\n    {step}\nreturn {{'r': 1}}")
    )


@pytest.mark.parametrize(
    "step",
    [
        "g = hold(g)",
        "g = hold(g); next(g)",
        "g = keep(g); next(g)",
        "g = hold([g]); next(g)",
        "g = hold({1: (g,)}); next(g)",
        "g = from_it(g); next(g)",
        "g = hold(lambda g=g: g); next(g)",
        "g = hold(zip(g)); next(g)",
        "g = hold(x for x in g); next(g)",
        "g = hold(map(abs, g)); next(g)",
        "g = both(g)",
    ],
)
def test_a_long_chain_of_generators_is_freed_safely_or_stopped(step: str) -> None:
    limits = Limits(fuel=10_000_000)  # only the number of generators limits it

    most = run(chain(limits.generators // 4, step), limits=limits)
    more = run(chain(limits.generators + 1, step), limits=limits)

    assert most.kind == "ok", most.failure
    assert more.kind == "limit"
    assert more.failure is not None
    assert more.failure.limit == "generators"


def test_nothing_of_a_generator_runs_after_its_reading() -> None:
    source = (
        "LOG = []\n"
        "def g(me):\n"
        "    me.append(me)\n"  # a cycle: only the garbage collector frees it
        "    try:\n        yield 1\n    except Exception:\n        LOG.append('ESCAPED')\n"
        + process("me = []\nme.append(g(me))\nnext(me[0])\nreturn {'n': len(LOG), 'fuel': 1}")
    )
    import gc

    program = Program.load(Logic.of(source), Limits())
    with bounded_recursion(Limits()):
        for _ in range(50):
            assert program.process({}, {}) == {"n": 0, "fuel": 1}
            used = program.peaks["fuel"]
            gc.collect()
            assert program.peaks["fuel"] == used


def test_a_caught_breach_in_a_generator_ends_the_reading() -> None:
    program = Program.load(
        Logic.of(
            "def g():\n    while True:\n        try:\n            while True:\n                pass\n"
            "        except Exception:\n            yield 1\n" + process("return {'r': list(g())}")
        ),
        Limits(),
    )
    with pytest.raises(LimitExceeded):
        program.process({}, {})


def test_many_short_generators_work_in_one_reading() -> None:
    body = (
        "return {'n': sum(sum(few(2)) for _ in range(1000)),\n"
        "        'z': [a for i in range(300) for a, b in zip(count(), 'ab')]}"
    )
    result: Any = run(GENERATORS + process(body)).results

    assert result == [{"n": 1000, "z": [0, 1] * 300}]
