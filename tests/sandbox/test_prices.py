"""The search for dear steps covers everything that a logic may use, and its hostile values can be made."""

import textwrap

import pytest

from sandbox.check.costs import NODES_PER_TICK
from sandbox.child.program import Program
from sandbox.job import Logic
from sandbox.limits import Limits
from tests.prices.kept import kept
from tests.prices.measure import AIM, Input, confirmed, once, price
from tests.prices.operations import Operation, contains, operations, required, slots
from tests.prices.search import Found, search
from tests.prices.values import SORTS, Maker

OPERATIONS = operations()
#: Syntax that the policy refuses at upload, though its kind of node is allowed.
REFUSED = {"MatMult"}


def test_every_offered_name_and_every_kind_of_syntax_is_in_the_table() -> None:
    assert {operation.name for operation in OPERATIONS} == set(required())


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_template_contains_what_it_is_listed_under(operation: Operation) -> None:
    for template in operation.templates:
        assert contains(template, required()[operation.name]), template
        assert set(slots(template)) <= set(SORTS), template


@pytest.mark.parametrize(
    "maker",
    dict.fromkeys(maker for makers in SORTS.values() for maker in makers),
    ids=lambda maker: maker.body,
)
def test_a_logic_can_make_every_hostile_value(maker: Maker) -> None:
    maker.value(maker.most)


def test_the_search_finds_the_worst_input_of_a_step() -> None:
    adding = Operation("Add", ("INT + 1", "'a' * 100 + TEXT"))

    found = [each for each in search(adding, [], 0.2, 1) if isinstance(each, Found)]

    assert found
    assert all(each.price.us > 0 and each.price.fuel > 0 for each in found)


def test_a_step_that_fails_is_measured_in_a_try() -> None:
    # The cheapest of several: on a busy machine, a single one is repeated less often.
    failing = confirmed(Input("1 // INT", (("0", 0),)))

    assert failing is not None
    assert failing.ends.startswith("ZeroDivisionError")
    assert failing.caught
    assert failing.times > 10


def test_a_step_that_exceeds_a_limit_is_set_against_the_fuel_of_the_reading() -> None:
    exceeding = price(Input("TEXT * INT", (("'a' * n", 262_144), ("n", 20_000))))

    assert exceeding is not None
    assert (exceeding.ends, exceeding.fuel) == ("str_chars", 100_000)


def load(source: str) -> Program:
    return Program.load(Logic.of(source), Limits())


@pytest.mark.parametrize(
    "code",
    [
        "f = lambda a=(LONG): 0",
        "f = lambda *, a=(LONG): 0",
        "f = len((lambda a=(LONG): 0, 1))",
        "if y:\n    def f(a=(LONG)): pass",
        "if y:\n    def f(*, a=(LONG)): pass",
        "if y:\n    while (LONG) == 0: pass",
        "if y:\n    while False: pass\n    else: x = (LONG)",
        "if y:\n    for z in (): pass\n    else: x = (LONG)",
        "if y:\n    for z in (LONG): break",
        "f()",
        "g()",
    ],
)
def test_all_code_beside_loops_and_functions_is_paid_for(code: str) -> None:
    parts, times = 400, 50
    long = ",\n".join(["y * 1.5"] * parts)
    ones = ",\n".join(["[]"] * parts)
    body = textwrap.indent(code.replace("LONG", long), "        ")
    program = load(
        f"def f(a=[{ones}]): return 0\ndef g(*, a={{1: [{ones}]}}): return 0\n"
        f"def process(data, state):\n    y = 2.5\n    for i in range({times}):\n{body}\n"
    )

    program.process({}, {})

    assert program.peaks["fuel"] > times * parts // NODES_PER_TICK


@pytest.mark.parametrize(
    "step", ["d[1]", "d[1] = 0", "d[1] += 1", "d[1], x = 0, 0", "data[0][1]", "1 in d", "d.get(1)"]
)
def test_a_literal_number_pays_for_the_keys_that_a_large_dict_may_pass_before_it(step: str) -> None:
    program = load(
        "def process(data, state):\n    d = {n: 0 for n in range(4000)}\n    data[0] = d\n"
        f"    for i in range(data[1]):\n        {step}\n"
    )
    used = []
    for times in (0, 500):
        program.process([None, times], {})
        used.append(program.peaks["fuel"])

    assert used[1] - used[0] > 500 * 5


@pytest.mark.parametrize(
    "step",
    [
        "itertools.islice((), 1)",
        "itertools.compress((), ())",
        "itertools.product(())",
        "itertools.groupby(())",
    ],
)
def test_making_an_iterator_pays_for_the_generators_behind_it(step: str) -> None:
    program = load(
        f"import itertools\ndef process(data, state):\n    for i in range(data):\n        {step}\n"
    )
    used = []
    for times in (0, 100):
        program.process(times, {})
        used.append(program.peaks["fuel"])

    assert used[1] - used[0] >= 100 * 3


def test_a_counter_pays_for_finding_a_key_twice() -> None:
    program = load(
        "import collections\ndef process(data, state):\n"
        "    keys = [2**900 + n * (2**61 - 1) for n in range(600)]\n"
        "    for i in range(data):\n        collections.Counter(keys)\n"
    )
    used = []
    for times in (0, 1):
        program.process(times, {})
        used.append(program.peaks["fuel"])

    assert used[1] - used[0] > 600 * 600 // 32


def test_the_text_of_an_error_in_an_error_in_an_error_is_paid_for() -> None:
    depth, times = 40, 100
    program = load(
        "def process(data, state):\n    e = ValueError(1)\n"
        f"    for i in range({depth}):\n        e = ValueError(e)\n"
        "    for i in range(data):\n        str(e)\n"
    )
    used = []
    for data in (0, times):
        program.process(data, {})
        used.append(program.peaks["fuel"])

    assert used[1] - used[0] > times * depth


def test_every_step_has_a_worst_input() -> None:
    assert set(kept()) == {operation.name for operation in OPERATIONS} - REFUSED


@pytest.mark.parametrize("name", kept())
def test_the_worst_input_still_pays_for_its_processor_time(name: str) -> None:
    worst = kept()[name]

    paid = once(worst.input, worst.times, caught=worst.caught)

    assert worst.us / AIM <= paid.fuel, paid.ends
