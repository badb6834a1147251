"""Sources that are too large for a parser are refused, quickly and without an exception."""

import pytest

from sandbox.check.compiler import check
from sandbox.job import Checked
from sandbox.limits import Limits
from tests.sandbox.running import process

#: Without the limit on the length of a source, to test the later checks.
LONG = Limits(source_bytes=1 << 20, line_chars=1 << 20)
GENEROUS = Limits(source_bytes=1 << 20, line_chars=1 << 20, nodes=10**6, depth=100, code_bytes=2 << 20)

DEEP = {
    "parentheses": "(" * 10_000 + "1" + ")" * 10_000,
    "lists": "[" * 10_000 + "]" * 10_000,
    "signs": "-" * 10_000 + "1",
    "nots": "not " * 10_000 + "1",
    "dots": "data" + ".get" * 10_000,
    "subscripts": "data" + "[0]" * 10_000,
    "calls": "data" + "()" * 10_000,
    "lambdas": "lambda: " * 10_000 + "1",
    "conditions": "1 if 1 else " * 10_000 + "1",
    "powers": "2 ** " * 10_000 + "2",
    "comparisons": "1 < " * 10_000 + "1",
    "terms": "1 + " * 10_000 + "1",
    "texts": "'a' " * 10_000,
    "f-strings": "f'{" * 10_000 + "1" + "}'" * 10_000,
    "comprehensions": "[x for x in " * 5_000 + "data" + "]" * 5_000,
    "walruses": "(x := " * 5_000 + "1" + ")" * 5_000,
    "awaits": "await " * 10_000 + "x",
    "stars": "[" + "*[" * 10_000 + "]" * 10_000 + "]",
}


def refused(checked: Checked) -> str:
    assert checked.code is None
    assert checked.problems
    for problem in checked.problems:
        assert len(problem.text) <= 100
        assert len(problem.message) <= 300
    return checked.problems[0].message


def test_one_megabyte_of_source_is_refused_by_its_length() -> None:
    source = "def process(data, state):\n    return {'r': 1}\n" * 25_000

    assert "source_bytes" in refused(check(source, Limits()))


def test_one_megabyte_of_lines_is_refused_by_its_nodes_if_the_length_is_allowed() -> None:
    source = process("x = 1\n" * 90_000 + "return {}")

    assert "nodes" in refused(check(source, LONG))


def test_one_line_of_a_megabyte_is_refused() -> None:
    source = process("return {'r': '" + "x" * 1_000_000 + "'}")

    assert "source_bytes" in refused(check(source, Limits()))
    assert "line_chars" in refused(check(source, Limits(source_bytes=1 << 20)))


def test_a_number_of_100_000_digits_is_refused() -> None:
    source = process("return {'r': " + "9" * 100_000 + "}")

    assert "source_bytes" in refused(check(source, Limits()))
    assert "integer string conversion" in refused(check(source, LONG))


def test_a_hexadecimal_number_of_100_000_digits_is_refused() -> None:
    source = process("return {'r': 0x" + "f" * 100_000 + "}")

    assert "int_bits" in refused(check(source, LONG))


@pytest.mark.parametrize("limits", [LONG, GENEROUS], ids=["usual", "generous"])
@pytest.mark.parametrize("kind", DEEP)
def test_an_expression_nested_10_000_deep_is_refused(kind: str, limits: Limits) -> None:
    checked = check(process(f"return {{'r': {DEEP[kind]}}}"), limits)

    # Adjacent string literals are a single one; a chain of comparisons is long, not deep.
    if kind == "texts" or (kind == "comparisons" and limits is GENEROUS):
        assert checked.accepted
    else:
        refused(checked)


@pytest.mark.parametrize("kind", DEEP)
def test_a_deep_expression_within_the_allowed_length_is_refused_or_runs(kind: str) -> None:
    expression = DEEP[kind]
    middle = len(expression) // 2
    shorter = expression[middle - 900 : middle + 900]

    checked = check(process(f"return {{'r': {shorter}}}"), Limits())

    assert checked.accepted or checked.problems


@pytest.mark.parametrize("head", ["if 1:", "for x in data:", "while 1:", "def f():", "try:"])
def test_blocks_nested_90_deep_are_refused(head: str) -> None:
    lines = [" " * depth + head for depth in range(1, 91)]

    refused(check("def process(data, state):\n" + "\n".join(lines) + "\n" + " " * 91 + "pass\n", Limits()))


def test_a_long_chain_of_elif_is_accepted() -> None:
    body = "if data['v'] == 0:\n    r = 0\n" + "".join(
        f"elif data['v'] == {n}:\n    r = {n}\n" for n in range(1, 100)
    )

    assert check(process(body + "else:\n    r = -1\nreturn {'r': r}"), Limits()).accepted


def test_a_sum_of_a_hundred_terms_is_accepted() -> None:
    assert check(
        process("return {'r': " + " + ".join(f"data['a{n}']" for n in range(100)) + "}"), Limits()
    ).accepted


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"\n\n",
        b"\xff\xfe",
        b"def process(data, state):\n    return {'r': '\xe9'}\n",
        b"\x00",
        "\0",
        "\ud800",
        "\ufeff",
    ],
)
def test_a_source_that_is_not_text_is_refused(source: str | bytes) -> None:
    refused(check(source, Limits()))


def test_a_byte_order_mark_and_a_coding_line_are_accepted() -> None:
    source = "\ufeff# -*- coding: latin-1 -*-\n" + process("return {'r': 'é'}")

    assert check(source.encode(), Limits()).accepted
