"""The values of collections, bytes and itertools: how they leave a logic, in tables, and in long chains."""

import time

import msgspec
import pytest

from sandbox.job import Job, Logic
from sandbox.limits import Limits
from sandbox.parent.sandbox import Sandbox
from tests.sandbox.running import process, run

IMPORTS = "import itertools, re\nfrom collections import Counter, defaultdict, deque\n"

#: Ways to hold a value in another one, again and again.
CHAINS = [
    "deque([x])",
    "deque([x], maxlen=1)",
    "Counter({'a': x})",
    "defaultdict(int, {'a': x})",
    "defaultdict(list, a=x) | {'b': 1}",
    "defaultdict(x.copy if type(x) is defaultdict else int)",
    "itertools.chain(x)",
    "itertools.chain(x, x)",
    "itertools.chain.from_iterable([x])",
    "itertools.repeat(x)",
    "itertools.islice(x, 5)",
    "itertools.pairwise(x)",
    "itertools.accumulate([1], initial=x)",
    "itertools.accumulate(x)",
    "itertools.zip_longest([1], fillvalue=x)",
    "itertools.zip_longest(x)",
    "itertools.groupby(x)",
    "itertools.takewhile(bool, x)",
    "itertools.dropwhile(bool, x)",
    "itertools.filterfalse(bool, x)",
    "itertools.starmap(max, x)",
    "itertools.compress(x, x)",
    "itertools.cycle(x)",
    "itertools.product([x])",
    "itertools.combinations([x], 1)",
    "[next(itertools.groupby([x]))[1]]",
    "map(len, itertools.islice(x, 1))",
    "zip(itertools.chain(x))",
]


def test_a_long_chain_of_values_is_freed_without_a_crash() -> None:
    limits = Limits(fuel=2_000_000, memory_bytes=1 << 30, soft_seconds=60, hard_seconds=120)
    logics = []
    with Sandbox(limits) as sandbox:
        for chain in CHAINS:
            source = IMPORTS + process(
                f"x = []\nfor i in range(15_000):\n    for j in range(10):\n        x = {chain}"
            )
            checked = sandbox.check(source)
            assert checked.accepted, checked.problems
            logics.append(Logic(Logic.of(source).digest, source, checked.code))
        reports = sandbox.run([Job(logic, b"{}", [b"{}"]) for logic in logics])

    for chain, report in zip(CHAINS, reports, strict=True):
        [outcome] = report.outcomes
        failure = outcome.failure
        assert outcome.kind == "ok" or (failure is not None and failure.limit), (chain, failure)


@pytest.mark.parametrize(
    ("make", "items"),
    [
        ("itertools.islice(ones(), 9)", [1, 2, 3]),
        ("itertools.islice((x for x in ones()), 1, 9)", [2, 3, 4]),
        ("itertools.islice(itertools.islice(ones(), 9), 9)", [1, 2, 3]),
        ("itertools.pairwise(ones())", [[1, 2], [2, 3], [3, 4]]),
        ("itertools.zip_longest(ones(), ones())", [[1, 1], [2, 2], [3, 3]]),
        ("itertools.chain(ones())", [1, 2, 3]),
        ("itertools.compress(ones(), ones())", [1, 2, 3]),
        ("itertools.cycle(ones())", [1, 2, 3]),
        ("itertools.accumulate(ones(), max)", [1, 2, 3]),
        ("itertools.starmap(max, zip(ones(), ones()))", [1, 2, 3]),
        ("enumerate(ones())", [[0, 1], [1, 2], [2, 3]]),
    ],
)
def test_an_iterator_survives_that_its_source_asks_it_for_an_item(make: str, items: list[object]) -> None:
    source = IMPORTS + process(
        "made = []\ndef ones():\n    for n in range(1, 9):\n        yield n\n        try:\n"
        "            next(made[0])\n        except ValueError:\n            kept = [[n] for n in range(99)]\n"
        f"made.append({make})\nreturn {{'v': [next(made[0]) for n in range(3)]}}"
    )
    with Sandbox() as sandbox:
        [report] = sandbox.run([Job(Logic.of(source), b"{}", [b"{}"])])

    assert report.outcomes[0].failure is None
    assert msgspec.json.decode(report.outcomes[0].results[0]) == {"v": items}


def test_they_leave_as_lists_and_dicts_at_any_depth() -> None:
    ran = run(
        IMPORTS
        + process(
            "d = defaultdict(lambda: deque(maxlen=2))\n"
            "for n in range(5):\n    d[str(n % 2)].append(Counter(a=n))\n"
            "state['d'] = [d, {'c': (Counter('aab'),)}]\n"
            "return deque([d, Counter('b')])"
        )
    )

    expected = {"0": [{"a": 2}, {"a": 4}], "1": [{"a": 1}, {"a": 3}]}
    assert ran.results == [expected, {"b": 1}]
    assert ran.state == {"d": [expected, {"c": [{"a": 2, "b": 1}]}]}


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("{'a': deque([1, {2}])}", 'result["a"][1] is a set'),
        ("defaultdict(list, a=[Counter({1: 1})])", 'result["a"][0] has a whole number as a key'),
        ("Counter(a=float('nan'))", 'result["a"] is NaN'),
        ("{'a': [b'x']}", 'result["a"][0] is bytes, which is not JSON; .hex() or base64'),
        ("{'a': itertools.count()}", 'result["a"] is a generator, which is not JSON; list(...)'),
        ("{'a': reversed([])}", 'result["a"] is an iterator, which is not JSON; list(...)'),
        ("{'a': re.match('', '')}", 'result["a"] is a match of re, which is not JSON; .group()'),
        ("{'a': deque}", 'result["a"] is a function'),
    ],
)
def test_what_is_not_json_is_named_with_its_place(value: str, place: str) -> None:
    failure = run(IMPORTS + process(f"return {value}")).failure

    assert failure is not None
    assert failure.message.startswith(place)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("struct.unpack('<i', b'ab')", "unpack requires a buffer of 4 bytes, not of 2"),
        ("struct.unpack('<h', 'ab')", "bytes are required, not 'str'; write text.encode() or bytes.fromhex"),
        ("struct.unpack('<h', None)", "bytes are required, not 'NoneType'"),
        ("binascii.crc32('ab')", "bytes are required, not 'str'; write text.encode()"),
        ("base64.b64decode(None)", "base64 takes bytes or a text, not NoneType"),
        ("base64.b64decode('YQ==') + 'b'", "write data.decode() for a text of the bytes"),
        ("'a' + b'b'", "a text and bytes cannot be joined"),
        ("x = 'a'\nx += b'b'", "a text and bytes cannot be joined"),
        ("'ab'.decode()", "str has no 'decode'; it is a text already"),
        ("b'ab'[0].decode()", "an item of bytes is a number; write chr(n), or data[0:1].decode()"),
        ("deque([1, 2])[1:]", "a deque has no slices; write list(...)[1:3]"),
        ("return {'v': [struct.error('x')]}", 'result["v"][0] is an error, which is not JSON'),
        (
            "json.dumps({'a': b'x'})",
            "bytes is not JSON; .hex() or base64.b64encode(...).decode() makes a text of them",
        ),
        ("json.dumps([deque([1])])", "a deque is not JSON; list(...) makes a list of it: deque([1])"),
        ("return {'v': enumerate([])}", 'result["v"] is an enumerate, which is not JSON; list(...)'),
    ],
)
def test_a_message_says_what_to_write(body: str, message: str) -> None:
    failure = run("import base64, binascii, json, struct\n" + IMPORTS + process(body)).failure

    assert failure is not None
    assert message in failure.message


def test_counters_of_many_keys_are_compared_and_joined() -> None:
    source = IMPORTS + process(
        "one = Counter({str(n): 1 for n in range(2_600)})\nother = one.copy()\none['x'] = 2\none += other\n"
        "return {'v': [one == other, one > other, len(one | other), len(one + other), one['5']]}"
    )

    assert run(source, limits=Limits(fuel=1_000_000)).results == [{"v": [False, True, 2_601, 2_601, 2]}]


@pytest.mark.parametrize("operator", ["+", "-", "|", "&"])
@pytest.mark.parametrize(
    "counts", ["{'a': 1, 'b': 0, 'c': 3}", "defaultdict(int, a=1, c=3)", "{'a': -5, 'b': 9}"]
)
def test_a_counter_is_changed_by_a_dict_as_in_python(operator: str, counts: str) -> None:
    names: dict[str, object] = {}
    body = f"c = Counter(a=2, b=1)\nc {operator}= {counts}\nreturn {{'v': c, 't': str(c)}}"
    exec(IMPORTS + process(body) + "returned = process({}, {})", names)  # noqa: S102 - our own source

    assert run(IMPORTS + process(body)).results == [names["returned"]]


def test_a_sum_of_deques_is_bounded_as_a_sum_of_lists_is() -> None:
    source = IMPORTS + process("return {'v': len(sum([deque([0] * 1000)] * data, deque()))}")

    assert run(source, 20).results == [{"v": 20_000}]
    failure = run(source, 21).failure
    assert failure is not None
    assert failure.limit == "list_items"


def test_a_value_that_can_be_changed_is_no_table() -> None:
    source = (
        IMPORTS
        + "D = defaultdict(list)\nfor n in range(3):\n    D[n % 2].append(n)\n"
        + "RAW = [bytes([n]) for n in range(3)]\n"
        + process("D[0].append(9)\nreturn {'d': D[0], 'raw': RAW[2].hex()}")
    )

    ran = run(source, {}, {})

    assert ran.results == [{"d": [0, 2, 9], "raw": "02"}]


def test_the_fuel_of_a_counter_grows_with_its_items_only() -> None:
    source = IMPORTS + process("Counter(data)\nreturn {}")
    with Sandbox() as sandbox:
        readings = [msgspec.json.encode([n % 7 for n in range(size)]) for size in (1_000, 10_000)]
        [report] = sandbox.run([Job(Logic.of(source), b"{}", readings)])

    few, many = (outcome.fuel for outcome in report.outcomes)
    assert many < 12 * few


@pytest.mark.parametrize(
    "make", ["deque([x])", "deque([1, x, 2])", "Counter(a=x)", "defaultdict(int, a=x)", "[deque([{'a': x}])]"]
)
@pytest.mark.parametrize(
    "use",
    [
        *("v == w", "v != w", "v < w", "v >= w", "v in deque([w, w])", "[v].count(w)", "deque([v]).count(w)"),
        *("max(v, w)", "sorted([v, w])", "deque([v]).remove(w)", "{1: v} == {1: w}", "bisect.bisect([v], w)"),
    ],
)
def test_different_values_of_many_levels_are_compared_once(make: str, use: str) -> None:
    source = (
        f"import bisect\n{IMPORTS}def made(x):\n    for i in range(30):\n        x = {make}\n    return x\n"
        + process(f"v, w = made(1), made(2)\ntry:\n    {use}\nexcept (TypeError, ValueError):\n    pass")
    )
    began = time.process_time()

    run(source)

    assert time.process_time() - began < 1
