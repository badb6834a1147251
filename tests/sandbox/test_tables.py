"""What the top level computes: once if it is costly, frozen, and otherwise as in plain Python."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.check.compiler import check
from sandbox.child.program import Program, examine
from sandbox.errors import LogicError, LogicRefused
from sandbox.job import Job, Logic
from sandbox.limits import Limits
from sandbox.parent.sandbox import Sandbox
from sandbox.runtime.values import decode_config
from tests.sandbox.running import process, run
from tests.sandbox.test_constructs import same

CRC = """
def make():
    table = []
    for n in range(256):
        c = n
        for _ in range(8):
            c = (c >> 1) ^ 0xA001 if c & 1 else c >> 1
        table.append(c)
    return table

TABLE = make()
"""

#: The top level, and an expression of what it has set. All give the same as in plain Python.
TOP_LEVELS = [
    # Computed once.
    ("T = [n * n for n in range(5)]", "T[4], len(T), sum(T), 9 in T, T[-1], T[1:3][0], max(T), T.index(9)"),
    (CRC, "TABLE[255], TABLE[1], len(TABLE), [x for x in TABLE if x % 1000 == 1]"),
    (
        "T = {str(n): [n] for n in range(3)}",
        "T['2'][0], list(T), T.get('9', 1), 'x' in T, dict(T)['1'][0], len(T)",
    ),
    (
        "T = {}\nfor n in range(3):\n    T[n] = [n]\n    T[n].append(n + 1)",
        "sorted(T), [v[1] for v in T.values()]",
    ),
    (
        "T = []\nfor n in range(9):\n    if n % 2:\n        continue\n    T.append(n)\n    if n > 5: break",
        "T[-1], n",
    ),
    ("N = 3\nT = [N] * N\nU = [x + N for x in T]\nN += 1", "N, T[0], U[0]"),
    ("T = [1]\nU = T\nfor n in range(2):\n    U.append(n)", "list(T), list(U)"),
    ("A = [1, 2]\nB = [x for x in A]\nC = B[0]\nD = C + len(B)\nB.append(5)", "A[0], B[2], C, D"),
    ("def fill(t, n):\n    t[n] = n\nT = {}\nfor n in range(3):\n    fill(T, n)", "sorted(T)"),
    ("T = []\ndef fill():\n    T.append(len(T))\nfill()\nfill()", "list(T)"),
    (
        "T = set()\nfor w in ['b', 'a', 'b']:\n    T.add(w)",
        "sorted(T), 'a' in T, len(T), sorted(T | {'c'}), T == {'a', 'b'}",
    ),
    ("n = 0\nwhile n < 5:\n    n += 2\nelse:\n    n += 100", "n"),
    ("try:\n    x = [1 // n for n in (1, 0)]\nexcept ZeroDivisionError as e:\n    x = str(e)", "x"),
    ("import math\nT = [round(math.sin(math.radians(d)), 3) for d in range(0, 360, 90)]", "list(T)"),
    (
        "from datetime import date, timedelta\nT = [date(2026, 1, 1) + timedelta(days=d) for d in (0, 31)]",
        "[str(d) for d in T]",
    ),
    ("def squares(n):\n    for i in range(n):\n        yield i * i\nT = list(squares(4))", "list(T)"),
    ("T = {(a, b): a * b for a in range(2) for b in range(2)}", "T[1, 1], T[(1, 0)]"),
    ("T = [[c == r for c in range(2)] for r in range(2)]", "T[0][0], T[0][1], [list(r) for r in T]"),
    ("first, *rest = [n for n in range(4)]", "first, list(rest)"),
    ("T = [len(w) for w in 'a bb ccc'.split()]\nassert T == [1, 2, 3], 'wrong'", "T[2]"),
    ("T = [y := n for n in range(3)]", "y, T[0]"),
    ("match [n for n in range(3)]:\n    case [a, *b]:\n        c = a", "a, c, list(b)"),
    ("def f(n, memo={}):\n    return n if n < 2 else f(n - 1) + f(n - 2)\nT = f(12)", "T"),
    ("T = [n for n in range(3)]\ndef use(i=T):\n    return i[2]", "use()"),
    # New for every reading.
    ("U = 'C'\nif U == 'C':\n    F, G = 1, 0\nelif U == 'F':\n    F, G = 2, 1\nelse:\n    F = 3", "F, G"),
    (
        "L = [1, 2]\nL[0] = 5\nL += [3]\nL.append(4)\ndel L[1]\nL.sort(reverse=True)",
        "L, L + [1], L == [5, 4, 3], type(L) is list",
    ),
    ("D = dict(a=1)\nD['b'] = D['a'] + 1\nD.update(c=3)", "D, type(D) is dict"),
    ("x = 5\nx += 1\nx *= 2\ny = x if x > 5 else 0\nz = y < 20 < 30", "x, y, z"),
    ("f = lambda x, k=2: x * k\ng = f", "f(4), g(1, k=5)"),
    (
        "def on(x):\n    return x + 1\nH = {'on': on, 'off': lambda x: 0, 'abs': abs}\nH['int'] = int",
        "H['on'](1), H['off'](1), H['abs'](-1), H['int']('7')",
    ),
    (
        "def scale(k, o=0):\n    return lambda x: x * k + o\nF = scale(2)\nG = {'a': scale(3, 1)}",
        "F(4), G['a'](1)",
    ),
    (
        "def scale(k):\n    return lambda x: x * k\nH = {2: scale(2)}\nfor k in (5,):\n    H[k] = scale(k)",
        "H[2](4), H[5](1)",
    ),
    (
        "R = []\ndef register(f):\n    R.append(f)\ndef a():\n    return 1\nregister(a)\nregister(lambda: 2)",
        "[f() for f in R]",
    ),
    (
        "def a(x):\n    return x\nH = {'a': a}\nT = [H['a'](n) for n in range(3)]\nH['b'] = T",
        "H['a'](5), T[2], H['b'][1]",
    ),
    ("K = max\nS = sorted(['b', 'a'], key=len)\nM = list(map(abs, [-1, 2]))", "K(1, 2), S, M"),
    ("'text'\n5\npass\n...", "1"),
    ("if True:\n    def f(x):\n        return x + 1\nelse:\n    def f(x):\n        return x", "f(1)"),
    (
        "try:\n    LIMIT = int('x')\nexcept ValueError:\n    LIMIT = 5\nfinally:\n    done = True",
        "LIMIT, done",
    ),
    ("x = y = [1]\nx.append(2)\ndel x[0]\nz = [*y, *x]", "x, y, z"),
]


@pytest.mark.parametrize(("top", "expression"), TOP_LEVELS)
def test_the_top_level_gives_the_same_as_in_python(top: str, expression: str) -> None:
    same(f"{top}\n{process(f'return {{{chr(39)}r{chr(39)}: [{expression}]}}')}")


def load(source: str, limits: Limits | None = None) -> Program:
    limits = limits or Limits()
    checked = examine(source, limits)
    assert checked.accepted, checked.problems
    return Program.load(Logic("digest", source, checked.code), limits)


def test_a_table_is_computed_once_and_no_reading_pays_for_it() -> None:
    program = load(CRC + process("return {'r': TABLE[data['n']]}"))
    code = program.held_bytes
    program.prepare()

    for n in range(3):
        program.process({"n": n}, {})
        assert program.peaks["fuel"] < 20
    assert program.tables_fuel > 2_000
    assert program.held_bytes - code > 256 * 8


def test_a_note_says_what_the_tables_cost() -> None:
    checked = examine(CRC + process("return {'r': TABLE[1]}"), Limits())

    [note] = checked.notes
    assert note.message.startswith("the top level takes ")
    assert note.message.endswith(" of 100,000 ticks of fuel")
    assert not examine("X = 5\n" + process("return {'r': X}"), Limits()).notes


def test_a_logic_without_costly_lines_compiles_as_before() -> None:
    program = load("L = [1]\nN = len(L)\n" + process("L.append(N)\nreturn {'r': L}"))

    for _ in range(3):
        assert program.process({}, {}) == {"r": [1, 1]}
    assert program.tables_fuel == 0


#: Ways to keep a value of one reading for another, in a table or beside it.
HOARDING = [
    ("T = [[] for _ in range(2)]", "T[0].append(data)"),
    ("T = [[] for _ in range(2)]", "list(T)[0].append(data)"),
    ("T = {k: {} for k in 'ab'}", "T['a']['x'] = data"),
    ("T = {k: {} for k in 'ab'}", "for row in T.values():\n    row[data['k']] = data"),
    ("T = {k: {} for k in 'ab'}", "t = T\nt |= {'c': data}\nT2 = t\nT['a'].update(x=data)"),
    ("T = {k: [] for k in 'ab'}", "T.get('a').append(data)"),
    ("T = {k: [] for k in 'ab'}", "T.setdefault('a', []).append(data)"),
    ("T = {k: {1} for k in 'ab'}", "T['a'].add(data['k'])"),
    ("T = {k: {1} for k in 'ab'}", "s = T['a']\ns |= {data['k']}"),
    ("T = {k: {1} for k in 'ab'}", "T['a'].clear()"),
    ("T = {k: {1} for k in 'ab'}", "T['a'].pop()"),
    ("T = {k: {1} for k in 'ab'}", "T['a'].discard(1)"),
    ("T = {k: {1} for k in 'ab'}", "T['a'].difference_update([1])"),
    ("T = {(k, (k,)): [k] for k in 'ab'}", "list(T.items())[0][1].append(data)"),
    ("T = [n for n in range(3)]", "dict.update(T, x=data)"),
    ("T = [n for n in range(3)]", "list.append(T, data)"),
    ("T = [n for n in range(3)]\ndef f(t=T):\n    return t", "f()[0] = data"),
    ("T = [[n] for n in range(3)]", "sorted(T)[0].append(data)"),
    ("T = [[n] for n in range(3)]", "[r.append(data) for r in reversed(T)]"),
    ("T = [[n] for n in range(3)]", "a, *b = T\nb[0].append(data)"),
    ("T = [[n] for n in range(3)]", "match T:\n    case [a, *b]:\n        a.append(data)"),
]


@pytest.mark.parametrize(("top", "body"), HOARDING)
def test_nothing_can_change_a_table(top: str, body: str) -> None:
    source = f"{top}\n" + process(
        f"if data:\n    pass\n    {body.replace(chr(10), chr(10) + '    ')}\nreturn {{'t': str(T)}}"
    )
    checked = examine(source, Limits())
    if not checked.accepted:
        assert "`T` is computed once for all machines and cannot be changed" in checked.problems[0].message
        return
    program = load(source)
    before = program.process({}, {})
    for _ in range(2):
        with pytest.raises(LogicError, match=r"read-only|has no|needs a|'tuple' object does not support"):
            program.process({"k": "x"}, {})
        assert program.process({}, {}) == before


@pytest.mark.parametrize(
    "made",
    [
        "(n for n in range(3))",
        "gen()",
        "zip([1], [2])",
        "{1: 2}.keys()",
        "iter([1])",
        "[gen()]",
        "{'a': enumerate([1])}",
        "(ValueError('x'),)",
        "map(abs, [1])",
        "reversed([1])",
    ],
)
def test_a_table_cannot_hold_what_can_keep_other_values(made: str) -> None:
    top = f"def gen():\n    yield 1\nfor _ in (1,):\n    T = {made}\n"
    ran = run(top + process("return {'r': str(T)}"))

    assert ran.kind == "refused-at-upload"
    assert ran.problems[0].message.startswith("the top level fails: `T` holds ")
    assert ran.problems[0].line == 4


@pytest.mark.parametrize(
    ("top", "line", "message"),
    [
        ("X = 1\nT = [1 / n for n in (1, 0)]", 2, "ZeroDivisionError: division by zero"),
        ("def f():\n    raise ValueError('no table')\nT = f()", 2, "ValueError: no table"),
        ("T = 0\nwhile True:\n    T += 1", 2, "limit fuel (100,000 ticks)"),
        ("def f(n):\n    return f(n + 1)\nT = f(1)", 2, "limit recursion (200 calls)"),
        ("T = [[0] * 20000 for _ in range(9)]", 1, "limit table_bytes"),
        ("T = ['x' * 200000 for _ in range(9)]", 1, "limit table_bytes"),
        ("T = [0 for _ in range(20000)] * 2", 1, "limit list_items"),
        ("T = []\nfor _ in (1,):\n    T.append(T)", 1, "limit value_depth"),
        ("T = [1]\nfor _ in range(40):\n    T = [T, T]", 1, "limit value_depth"),
        ("T = [0]\nfor _ in range(12):\n    T = [T] * 10", 1, "limit table_bytes"),
        ("T = [n for n in range(3)]\nT[9] = 1", 2, "IndexError"),
        ("assert [n for n in ()], 'empty'", 1, "AssertionError: empty"),
    ],
)
def test_a_failure_at_the_top_level_refuses_the_upload_with_its_line(
    top: str, line: int, message: str
) -> None:
    ran = run(top + "\n" + process("return {'r': str(T)[:1]}").replace("T", "T" if "T " in top else "1"))

    assert ran.kind == "refused-at-upload"
    [problem] = ran.problems
    assert problem.line == line
    assert problem.message.startswith(f"the top level fails: {message}"), problem.message


def test_a_table_can_be_as_large_as_its_limit() -> None:
    assert run("T = [n for n in range(9000)]\n" + process("return {'r': len(T)}")).results == [{"r": 9000}]
    small = Limits(table_bytes=2_048)
    source = "T = [n for n in range(100)]\n" + process("return {'r': len(T)}")
    assert run(source, limits=small).kind == "refused-at-upload"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("return 5\n" + process("pass"), "`return` outside of a function"),
        ("for n in [1]:\n    return n\n" + process("pass"), "`return` outside of a function"),
        ("if 1:\n    nonlocal x\n" + process("pass"), "`nonlocal` outside of a function"),
        ("global x\n" + process("pass"), "`global` is not available"),
        ("break\n" + process("pass"), "outside loop"),
        ("process = 5\n", "process must be a function"),
        ("for process in [1]:\n    pass\n", "process must be a function"),
        (process("pass") + "del process\n", "process cannot be deleted"),
        ("with x:\n    pass\n" + process("pass"), "`with` is not available"),
        ("T = [n for n in (1,)]\n" + process("T[0] = 1"), "`T` is computed once for all machines"),
        ("T = {n: [] for n in (1,)}\n" + process("T[1].append(1)"), "`T` is computed once for all machines"),
        ("T = {n: [] for n in (1,)}\n" + process("del T[1]"), "`T` is computed once for all machines"),
        ("T = [n for n in (1,)]\ndef f():\n    T.sort()\n" + process("f()"), "`T` is computed once for all"),
        ("T = [1]\nF = [T, len]\nfor n in T:\n    T = [n]\n" + process("pass"), "Put this line below"),
    ],
)
def test_what_the_top_level_cannot_do_is_refused(source: str, message: str) -> None:
    found = check(source, Limits()).problems

    assert message in " ".join(f"{problem.message} {problem.hint}" for problem in found), found


def test_a_costly_line_that_reads_config_runs_for_every_reading() -> None:
    top = (
        "def scaled(x):\n    return x * config['k']\n"
        "LIMITS = {name: v * 2 for name, v in config.items()}\n"
        "T = [scaled(n) for n in range(3)]\n"
        "U = [x + 1 for x in T]\n"
        "V = [n for n in range(2)]\n"
    )
    source = top + process("LIMITS['x'] = 1\nT.append(9)\nreturn {'r': [LIMITS['k'], T, U, V]}")

    for k in (2, 5):
        assert run(source, config={"k": k}).results == [
            {"r": [2 * k, [0, k, 2 * k, 9], [1, k + 1, 2 * k + 1], [0, 1]]}
        ]
    notes = [note.line for note in examine(source, Limits()).notes]
    # The first is about the fuel of V, the last two about the changes in `process`.
    assert notes == [1, 3, 4, 5, 8, 9]


def test_a_table_never_sees_a_config() -> None:
    program = load(
        "def read():\n    return dict(config)\nT = [n for n in range(3)]\n"
        + process("return {'c': read(), 'n': len(T)}")
    )

    for name in ("a", "b"):
        config = decode_config(b'{"name": "%s"}' % name.encode())
        assert program.process({}, {}, config) == {"c": {"name": name}, "n": 3}


def test_tables_that_exceed_lower_limits_later_refuse_the_readings() -> None:
    source = "T = [n for n in range(500)]\n" + process("return {'r': T[1]}")
    program = Program.load(Logic("digest", source, check(source, Limits()).code), Limits(fuel=200))

    for _ in range(2):
        with pytest.raises(LogicRefused, match="limit fuel"):
            program.process({}, {})


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def test_tables_work_in_a_child(sandbox: Sandbox) -> None:
    source = CRC + process("state['n'] = state.get('n', 0) + 1\nreturn {'r': TABLE[state['n']]}")
    checked = sandbox.check(source)
    assert checked.accepted, checked.problems
    assert "ticks of fuel" in checked.notes[0].message
    for code in (checked.code, None):
        [report] = sandbox.run([Job(Logic(f"digest {code is None}", source, code), b"{}", [b"1", b"2"])])
        assert [outcome.results for outcome in report.outcomes] == [[b'{"r":49345}'], [b'{"r":49537}']]
        assert all(outcome.fuel < 100 for outcome in report.outcomes)


def test_an_upload_whose_top_level_fails_is_refused_by_a_child(sandbox: Sandbox) -> None:
    for top in ("T = [1 / n for n in (1, 0)]", "while True:\n    pass"):
        checked = sandbox.check(f"{top}\n{process('return {}')}")
        assert not checked.accepted
        assert checked.problems[0].message.startswith("the top level fails: ")
    assert sandbox.restarts == 0


def test_failing_tables_of_stored_code_are_an_outcome_and_no_loss_of_a_child() -> None:
    source = "T = [n for n in range(500)]\n" + process("return {'r': T[1]}")
    good = Logic.of(process("return {'r': 1}"))
    stored = Logic("digest", source, check(source, Limits()).code)
    with Sandbox(Limits(fuel=200)) as strict:
        reports = strict.run([Job(stored, b"{}", [b"1", b"2", b"3"]), Job(good, b"{}", [b"1"])])
        assert [outcome.kind for outcome in reports[0].outcomes] == ["refused"] * 3
        failure = reports[0].outcomes[0].failure
        assert failure is not None
        assert "the top level fails: limit fuel (200 ticks)" in failure.message
        assert failure.line == 1
        assert [outcome.kind for outcome in reports[1].outcomes] == ["ok"]
        assert strict.restarts == 0


def test_slow_tables_are_an_outcome_and_tried_again() -> None:
    source = (
        "def slow():\n    t = 0\n    for a in range(20000):\n        for b in range(20000):\n"
        "            t += b\n    return t\nT = slow()\n" + process("return {'r': T}")
    )
    stored = Logic("digest", source, check(source, Limits()).code)
    with Sandbox(Limits(soft_seconds=0.05, fuel=10**9)) as hasty:
        [report] = hasty.run([Job(stored, b"{}", [b"1", b"2"])])
        assert [outcome.kind for outcome in report.outcomes] == ["limit"] * 2
        failure = report.outcomes[0].failure
        assert failure is not None
        assert failure.limit == "soft_seconds"
        assert hasty.restarts == 0


def test_the_fuel_of_a_reading_is_the_same_whether_a_table_is_new_or_not() -> None:
    source = (
        "S = {w for w in ['pump', 'valve', 'fan']}\nD = {str(n): {n, n + 1} for n in range(50)}\n"
        + process("return {'s': list(S), 'd': [sorted(v) for v in D.values()], 'j': S | {'x'} == S}")
    )
    program = load(source)
    used = set()
    for _ in range(3):
        program.process({}, {})
        used.add(program.peaks["fuel"])

    assert len(used) == 1


def test_recursion_at_the_top_level_has_the_limit_of_a_reading() -> None:
    source = "def f(n):\n    return 0 if n == 0 else f(n - 1) + 1\nT = f(150)\n" + process("return {'r': T}")

    assert run(source).results == [{"r": 150}]
    assert run(source.replace("150", "400")).kind == "refused-at-upload"


def test_a_recursion_that_an_upload_accepts_is_not_too_deep_for_a_reading(sandbox: Sandbox) -> None:
    def source(depth: int) -> str:
        return f"def f(n):\n    return n and f(n - 1)\nT = [f({depth})]\n" + process("return {'r': T}")

    accepted = [depth for depth in range(200, 260) if sandbox.check(source(depth)).accepted]
    reports = sandbox.run([Job(Logic.of(source(depth)), b"{}", [b"1"]) for depth in accepted])

    assert 200 in accepted
    assert 259 not in accepted
    assert {report.outcomes[0].kind for report in reports} == {"ok"}


@pytest.mark.parametrize(
    ("top", "body", "line", "name"),
    [
        (
            (
                "CACHE = {}\ndef fact(n):\n    if n not in CACHE:\n        CACHE[n] = n and n * fact(n - 1)\n"
                "    return CACHE[n]\nFIRST = [fact(n) for n in range(6)]"
            ),
            "return {'r': fact(8)}",
            4,
            "CACHE",
        ),
        (
            (
                "C = [0]\ndef following():\n    C[0] += 1\n    return C[0]\ndef twice():\n"
                "    return following() + following()\nA = twice()"
            ),
            "return {'r': twice()}",
            3,
            "C",
        ),
        (
            (
                "KNOWN = {}\ndef count(n, known=KNOWN):\n    known[n] = 1\n    return len(known)\n"
                "T = [count(n) for n in range(3)]"
            ),
            "return {'r': count(9)}",
            2,
            "KNOWN",
        ),
        (
            "ITEMS = []\nADD = ITEMS.append\ndef add(n):\n    ADD(n)\nadd(1)\nadd(2)",
            "return {'r': ITEMS}",
            2,
            "ITEMS",
        ),
    ],
    ids=["memo", "through another", "default", "method"],
)
def test_an_upload_is_refused_if_its_functions_change_a_table_in_a_reading(
    top: str, body: str, line: int, name: str
) -> None:
    ran = run(top + "\n" + process(body))

    assert [(problem.line, problem.message) for problem in ran.problems] == [
        (line, f"`{name}` is computed once for all machines and cannot be changed")
    ]


def test_functions_that_only_the_top_level_calls_may_fill_a_table() -> None:
    source = "T = {}\ndef fill(n):\n    T[n] = n * n\nfor n in range(4):\n    fill(n)\n"

    assert run(source + process("return {'r': T[3]}")).results == [{"r": 9}]


@pytest.mark.parametrize(
    ("top", "body", "result"),
    [
        ("if 1 > 2:\n    T = [i for i in range(3)]", "return {'r': data['v'] and 7}", 7),
        ("if 1 > 2:\n    T = [i for i in range(3)]", "return {'r': 7 if data['v'] else T}", 7),
        ("if 1 < 2:\n    T = [i for i in range(3)]", "return {'r': T}", [0, 1, 2]),
        ("for k in []:\n    T = k", "return {'r': 7 if data['v'] else [k, T]}", 7),
        ("for k in [3]:\n    T = k + 1", "return {'r': [k, T]}", [3, 4]),
        (
            "try:\n    T = [1 // i for i in range(3)]\nexcept ZeroDivisionError as e:\n    W = str(e)",
            "return {'r': W if data['v'] else T}",
            "integer division or modulo by zero",
        ),
        (
            "match 'a':\n    case 'a': T = max([2])\n    case U: pass",
            "return {'r': T if data['v'] else U}",
            2,
        ),
    ],
)
def test_a_table_may_be_set_only_in_some_cases(top: str, body: str, result: Any) -> None:
    ran = run(f"{top}\n" + process(body), {"v": 1}, {"v": 1})

    assert ran.results == [{"r": result}], (ran.failure, ran.problems)


def test_a_table_that_no_line_has_set_has_no_value_when_it_is_used() -> None:
    top = "if 1 > 2:\n    T = [i for i in range(3)]\n"

    direct = run(top + process("return {'r': T}"))
    caught = run(top + process("try: T\nexcept Exception as e: return {'r': type(e).__name__}"))

    assert direct.failure
    assert direct.failure.message.startswith("NameError: `T` has no value yet")
    assert caught.results == [{"r": "NameError"}]
