"""The list of allowed names matches the runtime, so the docs that are generated from it are correct."""

import math
import re
import statistics
from collections import Counter, deque
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import chain
from zoneinfo import ZoneInfo

import msgspec
import pytest

from sandbox.allowed import ATTRIBUTES, EXCEPTIONS, METHODS, MODULES, NAMES, TYPE_METHODS, VALUES
from sandbox.check.compiler import check
from sandbox.child.program import Program
from sandbox.errors import LogicRefused
from sandbox.job import Logic
from sandbox.limits import Limits, described
from sandbox.runtime.collecting import collected_attributes
from sandbox.runtime.meter import SAID, UNITS
from sandbox.runtime.moments import moment_attributes
from sandbox.runtime.regex import pattern_attributes
from sandbox.runtime.runtime import Runtime, global_name
from tests.sandbox.running import process, run

RUNTIME = Runtime.of(Limits())


def test_every_listed_name_exists_and_no_other() -> None:
    offered = {name for name in RUNTIME.globals if not name.startswith("_")}

    assert offered == set(NAMES) | set(VALUES) | set(EXCEPTIONS)


def test_every_listed_member_of_a_module_exists_and_no_other() -> None:
    assert {module: set(members) for module, members in RUNTIME.modules.items()} == {
        module: set(members) for module, members in MODULES.items()
    }
    for module, members in MODULES.items():
        for name in members:
            assert global_name(f"{module}.{name}") in RUNTIME.globals


def test_every_listed_method_exists_and_no_other() -> None:
    attributes = {**moment_attributes(), **collected_attributes(), **pattern_attributes()}
    held = {
        kind.__name__: set(table) | set(attributes.get(kind, ())) for kind, table in RUNTIME.by_type.items()
    }

    assert held.pop("mappingproxy") == held["dict"]  # of config, whose changing methods raise an error
    assert held == {name: set(table) for name, table in METHODS.items() if name != "Exception"}
    on_types = {frozenset(table) for table in RUNTIME.on_types.values()}
    assert on_types == {frozenset(table) for table in TYPE_METHODS.values()}
    assert set(METHODS["Exception"]) == {"args"}


@pytest.mark.parametrize("name", sorted(ATTRIBUTES))
def test_every_method_exists_in_python_under_that_name(name: str) -> None:
    kinds = (
        *(str, bytes, list, dict, set, tuple, int, float, deque, Counter, chain, re.Pattern, re.Match),
        *(datetime, date, time, timedelta, timezone, ZoneInfo, Exception),
    )

    assert any(hasattr(kind, name) for kind in kinds)


def test_every_listed_name_is_described() -> None:
    for table in (NAMES, VALUES, EXCEPTIONS, *METHODS.values(), *TYPE_METHODS.values(), *MODULES.values()):
        for name, what in table.items():
            assert what, name


@pytest.mark.parametrize("table", [NAMES, VALUES, METHODS, MODULES, MODULES["math"]])
def test_the_tables_cannot_be_changed(table: dict[str, str]) -> None:
    with pytest.raises(TypeError):
        table["open"] = "x"


def test_no_object_of_the_runtime_is_a_module_or_a_type_but_the_errors() -> None:
    for name, value in RUNTIME.globals.items():
        if isinstance(value, type):
            assert issubclass(value, Exception), name
        assert type(value).__name__ != "module", name


def test_every_limit_has_a_unit_and_a_reason() -> None:
    for limit in described():
        assert limit.unit
        assert len(limit.reason) > 10
    names = {limit.name for limit in described()}
    assert set(SAID) == set(UNITS)
    assert set(SAID) <= names


@pytest.mark.parametrize("change", [{"fuel": 1}, {"depth": 1_000}, {"source_bytes": 1 << 30}, {"nosuch": 1}])
def test_a_limit_out_of_bounds_is_refused_by_the_settings(change: dict[str, int]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(change, Limits)


@pytest.mark.parametrize(
    ("body", "limit", "change"),
    [
        ("for i in range(2000):\n    pass", "fuel", {"fuel": 1_000}),
        ("return {'r': 2 ** 70}", "int_bits", {"int_bits": 64}),
        ("return {'r': 'x' * 2000}", "str_chars", {"str_chars": 1_024}),
        ("return {'r': f'{1:30}'}", "format_width", {"format_width": 20}),
        ("return {'r': [0] * 101}", "list_items", {"list_items": 100}),
        ("return {'r': len({i for i in range(101)})}", "dict_items", {"dict_items": 100}),
        ("return {'r': len(range(101))}", "range_items", {"range_items": 100}),
        ("return {'r': [[[1]]]}", "value_depth", {"value_depth": 2}),
        ("state['r'] = 'x' * 300", "state_bytes", {"state_bytes": 256}),
        ("return {'r': 'x' * 300}", "result_bytes", {"result_bytes": 256}),
        ("return [{}, {}]", "results", {"results": 1}),
        ("def f(n):\n    return f(n + 1)\nf(0)", "recursion", {"recursion": 50}),
    ],
)
def test_a_breach_names_the_limit_its_value_and_the_line(
    body: str, limit: str, change: dict[str, int]
) -> None:
    ran = run(process(body), limits=Limits(**change))

    assert ran.kind == "limit"
    assert ran.failure is not None
    assert ran.failure.limit == limit
    assert ran.failure.allowed == change[limit]
    assert f"{limit} ({change[limit]:,} {UNITS[limit]})" in ran.failure.message
    if limit not in ("value_depth", "state_bytes", "result_bytes", "results"):
        assert ran.failure.line is not None
        assert f"(line {ran.failure.line})" in ran.failure.message
    assert run(process("return {'r': 1}"), limits=Limits(**change)).kind == "ok"


def test_fuel_and_peaks_are_known_after_a_call() -> None:
    source = process("s = 'x' * 5000\nreturn {'n': len([i for i in range(700)] + [1])}")
    program = Program.load(Logic.of(source), Limits())

    program.process({}, {})

    assert program.peaks["fuel"] > 700
    assert program.peaks["list_items"] == 701


@pytest.mark.parametrize(
    "source",
    [
        "def _make_():\n    def process(d, s): return d.format\n    return process",
        "def _make_():\n    import os",
        "def _make_():\n    global len\n    len = 5",
        "def _make_():\n    class A: pass",
        "def _make_():\n    async def f(): pass",
        "def _make_():\n    async def f(): yield 1",
        "def _make_():\n    async def f(): return [x async for x in f()]",
        "def _make_():\n    return __builtins__",
        "def _make_():\n    return open('x')",
        "def _make_(x=().__class__): pass",
        *("import os", "x = 5", "5 + 5"),
    ],
)
def test_code_that_our_compiler_does_not_produce_is_not_run(source: str) -> None:
    import marshal

    code = marshal.dumps(compile(source, "<logic>", "exec"))

    with pytest.raises(LogicRefused):
        Program.load(Logic("digest", source, code), Limits())


@pytest.mark.parametrize("code", [b"", b"x", b"\xe9\x00", b"N"])
def test_bytes_that_are_not_code_are_not_run(code: bytes) -> None:
    with pytest.raises(LogicRefused):
        Program.load(Logic("digest", "", code), Limits())


def test_a_source_without_code_is_compiled_when_it_is_loaded_or_refused() -> None:
    assert Program.load(Logic.of(process("return {'r': 1}")), Limits()).process({}, {}) == {"r": 1}
    with pytest.raises(LogicRefused) as raised:
        Program.load(Logic.of("import os\n"), Limits())
    assert raised.value.problems


def test_the_facades_compute_the_same_as_the_originals() -> None:
    source = "import math\nimport statistics\nfrom datetime import datetime, timezone\n" + process(
        "xs = data\n"
        "return {'a': math.factorial(20), 'b': math.comb(10, 3), 'c': math.perm(5), \n"
        "        'd': math.lcm(4, 6, 10),\n"
        "        'e': math.dist([0, 0], [3, 4]), 'f': math.fsum(xs), 'g': statistics.quantiles(xs, n=4),\n"
        "        'h': statistics.variance(xs), 'i': statistics.mode(xs),\n"
        "        'j': statistics.fmean(xs, weights=xs),\n"
        "        'k': datetime(2026, 3, 12, tzinfo=timezone.utc).timestamp()}"
    )
    xs = [1.5, 2.0, 2.0, 8.0]

    [result] = run(source, xs).results

    assert result == {
        "a": math.factorial(20),
        "b": math.comb(10, 3),
        "c": math.perm(5),
        "d": math.lcm(4, 6, 10),
        "e": 5.0,
        "f": math.fsum(xs),
        "g": statistics.quantiles(xs, n=4),
        "h": statistics.variance(xs),
        "i": 2.0,
        "j": statistics.fmean(xs, weights=xs),
        "k": datetime(2026, 3, 12, tzinfo=UTC).timestamp(),
    }
    assert check(source, Limits()).accepted
