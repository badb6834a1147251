"""A set of a logic does what Python's set does, and has a defined order."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.check.compiler import check
from sandbox.child.program import Program
from sandbox.job import Logic
from sandbox.limits import Limits
from sandbox.runtime.meter import Meter
from sandbox.runtime.sets import Set
from tests.sandbox.running import process, run

ITEMS = st.sampled_from([0, 1, 2, 3, -5, 2.5, True, "a", "b", "c", "", None, (1, "a"), (), 2**70])
#: Operations on the sets a and b, the list c of items, and the item d.
OPERATIONS = [
    *("a | b", "a & b", "a - b", "a ^ b", "a == b", "a != b", "a < b", "a <= b", "a > b", "a >= b"),
    *("a.union(b, c)", "a.intersection(b, c)", "a.difference(b, c)", "a.symmetric_difference(c)"),
    *("a.union()", "a.copy()", "set(c)", "{*a, d, *c}", "{x for x in c if x}", "{d, 1, 'a'}", "set(a)"),
    *("a.isdisjoint(c)", "a.issubset(c)", "a.issuperset(b)", "d in a", "d not in a", "1 in a", "len(a)"),
    *("bool(a)", "d in {1, 'a'}", "d in {*a}", "2 in {1, d}", "isinstance(a, set)", "type(a) is set"),
    *("dict.fromkeys(c).keys() | a", "a - dict.fromkeys(c).keys()", "dict.fromkeys(a).keys() & c"),
    *("a == dict.fromkeys(c).keys()", "dict.fromkeys(a).keys() <= b", "dict.fromkeys(a).keys() ^ c"),
    *("dict.fromkeys(a, 1).items() - dict.fromkeys(b, 1).items()", "a < dict.fromkeys(c).keys()"),
    *("dict.fromkeys(c, 1).items() & {(d, 1)}", "max(a, b) == a", "[a] == [b]", "a == c", "c == a"),
]
STATEMENTS = [
    *("a |= b", "a &= b", "a -= b", "a ^= b", "a.update(b, c)", "a.intersection_update(c)", "a -= a"),
    *("a.difference_update(b, c)", "a.symmetric_difference_update(c)", "a.add(d)", "a.discard(d)"),
    *("a.remove(d)", "a.clear()", "a |= dict.fromkeys(c).keys()", "for x in c: a.add(x)"),
    *("for x in c: a.discard(x)", "a.difference_update(a)", "b |= a", "set.add(a, d)"),
]


def value_of(source: str, **values: Any) -> Any:
    """Return what a logic with this body returns for these values, whatever the type."""
    checked = check(process(source), Limits())
    assert checked.accepted, checked.problems
    return Program.load(Logic("digest", "", checked.code), Limits()).process(values, {})


def plain(value: Any) -> Any:
    """Return a value with Python's sets instead of ours, and with the type of each item."""
    if type(value) is Set:
        value = set(value.entries)
    return {(type(item), item) for item in value} if type(value) is set else value


@given(st.lists(ITEMS), st.lists(ITEMS), st.lists(ITEMS), ITEMS, st.sampled_from(OPERATIONS))
def test_an_operation_gives_the_same_as_pythons(
    a: list[Any], b: list[Any], c: list[Any], d: Any, operation: str
) -> None:
    source = f"a, b, c, d = set(data['a']), set(data['b']), data['c'], data['d']\nreturn {operation}"

    made = value_of(source, a=a, b=b, c=c, d=d)

    expected = eval(operation, {}, {"a": set(a), "b": set(b), "c": c, "d": d})  # noqa: S307
    if ".keys() &" in operation or ".items() &" in operation:
        assert set(made) == expected  # of 1 and True, which are equal, the other may be left
    else:
        assert plain(made) == plain(expected)
    assert type(made) is (Set if type(expected) is set else type(expected))


@given(st.lists(ITEMS), st.lists(ITEMS), st.lists(ITEMS), ITEMS, st.sampled_from(STATEMENTS))
def test_a_change_is_the_same_as_pythons(
    a: list[Any], b: list[Any], c: list[Any], d: Any, statement: str
) -> None:
    source = (
        "a, b, c, d = set(data['a']), set(data['b']), data['c'], data['d']\nlist(a)\nkept = a\n"
        f"try:\n    {statement}\nexcept KeyError as e:\n    return e.args\nreturn [a, kept, list(a)]"
    )

    made = value_of(source, a=a, b=b, c=c, d=d)

    names = {"a": set(a), "b": set(b), "c": c, "d": d}
    names["kept"] = names["a"]
    try:
        exec(statement, {}, names)  # noqa: S102
    except KeyError:
        assert made == (d,)
        return
    assert [plain(made[0]), plain(made[1])] == [plain(names["a"]), plain(names["kept"])]
    assert made[2] == list(made[0])
    assert len(made[2]) == len(names["a"])


@pytest.mark.parametrize(
    ("made", "order"),
    [
        ("{3, 1, 2.5, True, -7}", [-7, 1, 2.5, 3]),
        ("{'b', 'a', 'Z', '', 'ä'}", ["", "Z", "a", "b", "ä"]),
        ("{'b', 1, 'a', None}", ["b", 1, "a", None]),
        ("{(2, 1), (1, 2), ()}", [(2, 1), (1, 2), ()]),
        ("{3, 1} | {2, 0}", [0, 1, 2, 3]),
        ("{'b', 1} | {'a', 1}", ["b", 1, "a"]),
        ("{'b', 1, 2} & {1, 'b', 3}", [1, "b"]),
        ("set()", []),
    ],
)
def test_the_order_is_ascending_alphabetical_or_that_of_adding(made: str, order: list[Any]) -> None:
    assert value_of(f"return list({made})") == order
    assert value_of(f"s = {made}\nreturn [s.pop() for i in range(len(s))]") == order


def test_a_set_with_nan_keeps_the_order_of_adding() -> None:
    items = value_of(
        "s = {2.0, data['x'], 1.0, data['y'], data['x']}\nreturn list(s)", x=math.nan, y=-math.nan
    )

    assert [str(item) for item in items] == ["2.0", "nan", "1.0", "nan"]


def test_a_loop_over_a_set_that_it_changes_goes_over_the_items_at_its_start() -> None:
    assert value_of(
        "s = {1, 2}\nfor x in s:\n    s.add(x + 10)\n    s.discard(2)\nreturn s"
    ).entries.keys() == {
        1,
        11,
        12,
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return {[]}", "TypeError: unhashable type: 'list'"),
        ("return {set()}", "TypeError: unhashable type: 'set'"),
        ("return {{1}: 2}", "TypeError: unhashable type: 'set'"),
        ("return {1} + {2}", "TypeError: unsupported operand type(s) for +: 'set' and 'set'"),
        ("return {1} | [2]", "TypeError: unsupported operand type(s) for |: 'set' and 'list'"),
        ("return {1} < [2]", "TypeError: '<' not supported between instances of 'set' and 'list'"),
        ("return {1}[0]", "TypeError: 'set' object is not subscriptable"),
        ("return {1}.keys()", "AttributeError: set has no 'keys', or it is not available"),
        ("{1}.remove('x')", "KeyError: 'x'"),
        ("set().pop()", "KeyError: 'pop from an empty set'"),
        ("return reversed({1})", "TypeError: 'set' object is not reversible"),
        ("return {'r': {1}}", 'result["r"] is a set, which is not JSON; sorted(...) makes a list of it'),
        ("state['s'] = set()", 'state["s"] is a set, which is not JSON; sorted(...) makes a list of it'),
        ("return {1}", "process returned a set; it must return a dict, a list of dicts, or None"),
        ("a, b = {1}", "ValueError: not enough values to unpack (expected 2, got 1)"),
    ],
)
def test_messages_name_a_set(body: str, message: str) -> None:
    ran = run(process(body))

    assert ran.failure is not None
    assert ran.failure.message == message


@pytest.mark.parametrize(
    ("shown", "text"),
    [("{3, 1}", "{1, 3}"), ("set()", "set()"), ("[{'a'}]", "[{'a'}]"), ("set", "<class 'set'>")],
)
def test_a_set_as_text(shown: str, text: str) -> None:
    assert (
        value_of(f"s = {shown}\nreturn [str(s), repr(s), f'{{s}}', '%s' % (s,), '{{}}'.format(s)]")
        == [text] * 5
    )


def test_an_emptied_set_takes_no_room() -> None:
    made = value_of("s = set(range(5000))\nfor i in range(4999):\n    s.discard(i)\nreturn s")
    full = value_of("return set(range(5000))")

    assert len(made) == 1
    assert made.entries.__sizeof__() * 10 < full.entries.__sizeof__()


@pytest.mark.parametrize(
    "body",
    [
        "s = {*range(101)}",
        "s = {*range(100), 'a'}",
        "s = {*range(60), *range(50, 101)}",
        "s = {i for i in range(101)}",
        "s = set(range(101))",
        "s = set(range(100))\ns.add(100)",
        "s = set(range(100))\ns |= {100}",
        "s = set(range(100)) | {100}",
        "s = set(range(60)) ^ set(range(60, 101))",
        "s = set(range(60)).union(range(50), range(60, 101))",
        "s = set(range(60))\ns.update(range(50), range(60, 101))",
        "s = set(range(60))\ns.symmetric_difference_update(range(60, 101))",
        "s = dict.fromkeys(range(60)).keys() | range(60, 101)",
        "s = dict.fromkeys(range(101))",
    ],
)
def test_the_size_of_a_set_is_limited_exactly(body: str) -> None:
    limits = Limits(dict_items=100)
    ran = run(process(body), limits=limits)

    assert ran.failure is not None
    assert ran.failure.limit == "dict_items"
    ran = run(
        process(
            body.replace("101", "100").replace("'a'", "1").replace("{100}", "{1}").replace("(100)", "(1)", 2)
        ),
        limits=limits,
    )
    assert ran.kind == "ok"


def test_many_equal_items_make_a_small_set() -> None:
    assert value_of("return len(set([1, 2] * 3000)) + len({i % 3 for i in range(6000)})") == 5


def test_the_items_of_a_set_pay_when_they_are_hashed_again() -> None:
    meter = Meter(Limits(fuel=20_000))
    large = Set({(tuple(range(8_000)),): None}, meter)

    large == {1: 2}.keys()  # noqa: B015
    large & large
    assert meter.fuel < 8_000
