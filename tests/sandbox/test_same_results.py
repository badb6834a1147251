"""The same readings give the same results in every child, whatever its hashes of texts and its addresses are.

Strategy. Three children get another hash seed each, and other allocations before they start. Each runs the
same logics: every way to make a set, times every way to read its items, and the whole corpus. The results and
the fuel must be equal. `test_sets` checks in which order the items are.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sandbox.check.compiler import check
from sandbox.job import Job, Logic
from sandbox.limits import Limits
from sandbox.parent.sandbox import Sandbox
from sandbox.parent.spawn import BOOT
from tests.sandbox.running import READING
from tests.sandbox.unguarded import Unguarded

CORPUS = Path(__file__).parent / "corpus"
#: The time that a reading takes is not the same, so it must not stop one.
LIMITS = Limits(soft_seconds=60, hard_seconds=120)

#: Ways to make a set, each with a text that tells its items `x` apart. None has more than 8 items.
SETS = {
    "texts": ("{'delta', 'alpha', 'gamma', 'beta'}", "x"),
    "numbers": ("{5, 2.5, -1, True, 3, 1e300}", "str(x)"),
    "texts and numbers": ("{'b', 2, 'a', 1, None}", "str(x)"),
    "several NaN": ("{math.nan, 3.0, 1.0, math.inf - math.inf, math.inf * 0.0, -2.0, 0}", "str(x)"),
    "tuples": ("{('b', 1), ('a', 2), ('c',), ('a', 1)}", "str(x)"),
    "moments": ("{date(2026, 3, 1), date(2025, 3, 1), timedelta(3), timezone.utc}", "str(x)"),
    "time zones": ("{ZoneInfo(name) for name in ['UTC', 'Europe/Berlin', 'Asia/Tokyo', 'Cuba']}", "x.key"),
    "local times": (
        (
            "{datetime(2026, 10, 25, 2, 30, fold=n % 2, tzinfo=ZoneInfo(name))"
            " for n, name in enumerate(['UTC', 'Europe/Berlin', 'Europe/Berlin', 'Asia/Tokyo'])}"
        ),
        "str(x)",
    ),
    "functions": ("{f for f in [lambda: 'b', lambda: 'a', lambda: 'c']}", "x()"),
    "builtin functions": ("{len, max, sorted, str, math.sqrt, set}", "str(x)"),
    "methods": ("{t.upper for t in ['b', 'a', 'c']}", "x()"),
    "errors": ("{ValueError(t) for t in ['b', 'a', 'c', 'd']}", "x.args[0]"),
    "generators": ("{(t for t in [u]) for u in ['b', 'a', 'c', 'd']}", "str(next(x, 'end'))"),
    "views": ("{{t: 1}.values() for t in ['b', 'a', 'c', 'd']}", "str(len(x))"),
    "a union": ("{'b', 'a'} | {'c', 'd'}", "x"),
    "a union with keys": ("{'d': 1, 'b': 2}.keys() | {'c', 'a'}", "x"),
    "keys without others": ("{'d': 1, 'b': 2, 'a': 3}.keys() - {'b'}", "x"),
    "keys of two": ("{'d': 1, 'b': 2, 3: 3}.keys() & {'b': 1, 3: 1, 'd': 0}.keys()", "str(x)"),
    "keys of one of two": ("{'d': 1, 2: 2}.keys() ^ ['b', 2, 3]", "str(x)"),
    "items of two": ("{'d': 1, 'b': 2}.items() & [('d', 1), ('b', 2)]", "str(x)"),
    "a difference": ("set(['d', 'c', 'a', 1]).difference(['c'])", "str(x)"),
    "an intersection": ("{'d', 'c', 'a', 1}.intersection({1, 'a', 'd'})", "str(x)"),
    "a symmetric difference": ("set('abcde').symmetric_difference(set('cdefg'))", "x"),
    "spread": ("{*'hello', *{'x', 'y'}}", "x"),
    "changed in place": ("changed({'b', 'a', 'c'})", "str(x)"),
    "refilled": ("refilled({'b', 'a', 'c'})", "x"),
}

#: Ways to read the items of a set `s` into a list `items`.
READERS = {
    "loop": "for x in s: items.append(x)",
    "loop with an index": "for i, x in enumerate(s): items.append(x)",
    "list": "items = list(s)",
    "tuple": "items = list(tuple(s))",
    "comprehension": "items = [x for x in s]",
    "generator": "items = list(x for x in s)",
    "keys of a comprehension": "items = list({x: 1 for x in s})",
    "star": "items = [*s]",
    "star of a target": "*items, last = s\nitems.append(last)",
    "extend": "items.extend(s)",
    "plus": "items += s",
    "slice": "items[0:0] = s",
    "iterator": "it = iter(s)\nitems = [next(it) for i in range(len(s))]",
    "zip": "items = [x for x, i in zip(s, range(9))]",
    "map": "items = list(map(lambda x: x, s))",
    "filter": "items = list(filter(lambda x: True, s))",
    "sorted by the same": "items = sorted(s, key=lambda x: 0)",
    "least of the same": "items = [min(s, key=lambda x: 0), max(s, key=lambda x: 0)]",
    "pop": "while s: items.append(s.pop())",
    "pop of a copy": "t = s.copy()\nwhile t: items.append(t.pop())",
    "fromkeys": "items = list(dict.fromkeys(s))",
    "mode": "items = statistics.multimode(s)",
    "first two by a pair": "items = [y for x in list(dict([set(list(s)[:2])]).items()) for y in x]",
    "first two by update": "d = {}\nd.update([set(list(s)[:2])])\nitems = [y for x in d.items() for y in x]",
    "nested target": "(a, b), c = set(list(s)[:2]), 1\nitems = [a, b]",
    "target of a loop": "for a, b in [set(list(s)[:2])]: items = [a, b]",
    "target of a comprehension": "items = [y for a, b in [set(list(s)[:2])] for y in (a, b)]",
    "nested target of a loop": "for i, (a, b) in enumerate([set(list(s)[:2])]): items = [a, b]",
    "list as target": "[a, [b, c]] = [1, set(list(s)[:2])]\nitems = [b, c]",
    "a set of the set": "items = list(set(s))",
    "union": "items = [x for x in s | {1, 'a'} | s if x in s]",
    "intersection": "items = list(s & (s | {1, 'a'}))",
    "update": "t = {1, 'a'}\nt.update(s)\nitems = [x for x in t if x in s]",
    "all": "all(items.append(x) is None for x in s)",
}
LOGIC = """
import json, math, statistics
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

def changed(s):
    s |= {'e', 'd'}
    s -= {'b'}
    s ^= {'x', 'a'}
    s &= {'e', 'c', 'x', 'y'}
    s.add(7)
    s.discard('e')
    return s

def refilled(s):
    for i in range(100):
        s.add('k' + str(i))
    for i in range(99):
        s.remove('k' + str(i))
    return s

def read(s):
    items = []
    READ
    return items

def process(data, state):
    return {'items': [SHOWN for x in read(MADE)]}
"""

#: Starts the child a second time, with a hash seed and other allocations.
REBOOT = """
import os, sys
boot = "kept = [bytes(n) for n in range(0, NUMBER * 700, 7)][::NUMBER + 2]; BOOT"
command = [sys.executable, "-s", "-P", "-S", "-X", "utf8", "-c", boot, *sys.argv[1:]]
os.execve(sys.executable, command, {"PYTHONHASHSEED": "NUMBER"})
"""


def reboot(seed: int, boot: str = BOOT) -> str:
    return REBOOT.replace("NUMBER", str(seed)).replace("BOOT", boot)


class Seeded0(Sandbox):
    _boot = reboot(0)


class Seeded1(Sandbox):
    _boot = reboot(1)


class Seeded2(Sandbox):
    _boot = reboot(2)


class Plain0(Unguarded):
    _boot = reboot(0, Unguarded._boot)


class Plain1(Unguarded):
    _boot = reboot(1, Unguarded._boot)


@pytest.fixture(scope="module")
def children() -> Iterator[list[Sandbox]]:
    with ExitStack() as stack:
        yield [stack.enter_context(kind(LIMITS)) for kind in (Seeded0, Seeded1, Seeded2)]


def compiled(source: str) -> Logic:
    checked = check(source, LIMITS)
    assert checked.accepted, checked.problems
    return Logic(Logic.of(source).digest, source, checked.code)


def results(children: list[Sandbox], logics: list[Logic]) -> list[list[tuple[Any, ...]]]:
    """Return the outcome, the results and the fuel of each logic in each child, after two readings."""
    reading = msgspec.json.encode(READING)
    jobs = [Job(logic, b"{}", [reading, reading]) for logic in logics]
    found: list[list[tuple[Any, ...]]] = []
    for child in children:
        last = [report.outcomes[-1] for report in child.run(jobs)]
        found.append([(each.kind, each.results or each.failure, each.fuel) for each in last])
    return found


def test_two_of_the_children_have_other_hashes_and_addresses() -> None:
    logic = Logic.of("def process(data, state): return {'hash': hash('a'), 'address': id(data)}")
    said = []
    for kind in (Plain0, Plain1, Plain1):
        with kind() as child:
            [report] = child.run([Job(logic, b"{}", [b"{}"])])
            said.append(msgspec.json.decode(report.outcomes[0].results[0]))

    assert said[0]["hash"] != said[1]["hash"] == said[2]["hash"]
    assert said[0]["address"] != said[1]["address"]


@pytest.mark.parametrize("made", SETS)
def test_a_set_is_read_in_the_same_order_in_every_child(made: str, children: list[Sandbox]) -> None:
    make, shown = SETS[made]
    logics = [
        compiled(
            LOGIC.replace("SHOWN", shown).replace("MADE", make).replace("READ", read.replace("\n", "\n    "))
        )
        for read in READERS.values()
    ]

    first, *others = results(children, logics)

    assert [kind for kind, *_ in first] == ["ok"] * len(READERS)
    for other in others:
        assert dict(zip(READERS, other, strict=True)) == dict(zip(READERS, first, strict=True))


def test_every_accepted_file_of_the_corpus_gives_the_same_in_every_child(children: list[Sandbox]) -> None:
    paths = sorted(CORPUS.rglob("*.py"))
    checked = [(path, path.read_bytes(), check(path.read_bytes(), LIMITS)) for path in paths]
    sources = {path: (source.decode(), code.code) for path, source, code in checked if code.accepted}
    logics = [Logic(Logic.of(source).digest, source, code) for source, code in sources.values()]

    first, *others = results(children, logics)

    assert len(sources) > 400
    for other in others:
        assert dict(zip(sources, other, strict=True)) == dict(zip(sources, first, strict=True))
