"""No value is so deep that the interpreter crashes: what C code walks through by recursion has a limit.

Strategy. `BUILDERS` make a value `v` of many levels, and `USES` give it to every kind of C code that walks
through a value, or drop it. Each pair runs with much fuel in a process of its own kind, this file as a
script; a crash ends that process with a signal.
"""

import gc
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from sandbox.check.compiler import check
from sandbox.child.program import Program, bounded_recursion
from sandbox.errors import LogicError
from sandbox.job import Logic
from sandbox.limits import Limits
from sandbox.runtime.values import encode
from tests.sandbox.running import process, run
from tests.sandbox.unguarded import ROOT

#: Levels of a value for each step of a loop.
_STEP = 30
LEVELS = 200_000


def nested(opening: str, closing: str) -> str:
    """Return code that nests a value, many levels in each step."""
    step = _STEP // sum(opening.count(bracket) for bracket in "([{")
    return f"for i in range({LEVELS // step}):\n    v = {opening * step}v{closing * step}"


BUILDERS = {
    "tuples": "v = ()\n" + nested("(", ",)"),
    "lists": "v = []\n" + nested("[", "]"),
    "dicts": "v = {}\n" + nested("{1: ", "}"),
    "tuples and lists": "v = []\n" + nested("([", "],)"),
    "tuples of types": "v = (int,)\n" + nested("(", ", str)"),
    "sets in dicts": "v = 1\nfor i in range(5000):\n    w = {i: v}\n    v = {i: {lambda: w}}",
    "values of dicts": "v = {1: 1}.values()\nfor i in range(20000):\n    v = {1: v}.values()",
    "items of dicts": "v = {1: 1}.items()\nfor i in range(20000):\n    v = {1: v}.items()",
    "errors": "v = ValueError(1)\n" + nested("ValueError(", ")"),
    "errors of several arguments": "v = KeyError(1)\n" + nested("KeyError(1, ", ")"),
    "errors in lists": "v = ValueError(1)\n" + nested("[ValueError(", ")]"),
    "caught errors": (
        "v = None\nfor i in range(20000):\n    try:\n        raise AttributeError(v)\n"
        "    except AttributeError as e:\n        v = e"
    ),
    "causes": (
        "v = None\nfor i in range(20000):\n    try:\n        raise AttributeError() from v\n"
        "    except AttributeError as e:\n        v = e"
    ),
    "causes of another kind": (
        "v = None\nfor i in range(20000):\n    try:\n        raise StopIteration() from v\n"
        "    except StopIteration as e:\n        v = e"
    ),
    "contexts": (
        "v = ValueError()\nfor i in range(20000):\n    try:\n        try:\n            raise v\n"
        "        except ValueError:\n            [].pop()\n"
        "    except IndexError as e:\n        v = ValueError(e)"
    ),
    "closures": "def wrap(f):\n    return lambda: f\nv = None\nfor i in range(50000):\n    v = wrap(v)",
    "methods": "v = [].append\nfor i in range(50000):\n    v = [v].append",
    "methods of dicts": "v = {}.get\nfor i in range(50000):\n    v = {1: v}.get",
    "generators": "v = []\nfor i in range(190):\n    v = (x for x in v)",
    "generators that hold generators": (
        "def wrap(g):\n    return (g for x in [1])\nv = []\nfor i in range(20000):\n    v = wrap(v)"
    ),
    "generators in use": (
        "def wrap(g):\n    return (g for x in [1, 2])\nv = []\n"
        "for i in range(20000):\n    v = wrap(v)\n    next(v)"
    ),
    "maps": "v = []\nfor i in range(20000):\n    v = map(str, v)",
    "filters": "v = []\nfor i in range(20000):\n    v = filter(None, v)",
    "zips": "v = []\nfor i in range(20000):\n    v = zip(v)",
    "enumerations": "v = []\nfor i in range(20000):\n    v = enumerate(v)",
    "iterators of iterators": "v = iter([])\nfor i in range(50000):\n    v = iter([v])",
    "iterators of tuples": "v = iter([])\nfor i in range(50000):\n    v = iter((v,))",
    "iterators of dicts": "v = iter([])\nfor i in range(50000):\n    v = iter({1: v}.values())",
    "reversed": "v = []\nfor i in range(50000):\n    v = reversed([v])",
    "deques": "import collections\nv = None\nfor i in range(50000):\n    v = collections.deque([v])",
    "Counters": "import collections\nv = None\nfor i in range(50000):\n    v = collections.Counter({1: v})",
    "defaultdicts": (
        "import collections\nv = None\nfor i in range(50000):\n    v = collections.defaultdict(None, {1: v})"
    ),
    "defaultdicts of defaultdicts": (
        "import collections\nv = collections.defaultdict(int)\nfor i in range(50000):\n"
        "    v = collections.defaultdict(v.copy)"
    ),
    "chains": "import itertools\nv = []\nfor i in range(190):\n    v = itertools.chain(v)",
    "products": "import itertools\nv = []\nfor i in range(50000):\n    v = itertools.product([v])",
    "cycles": "import itertools\nv = []\nfor i in range(50000):\n    v = itertools.cycle([v])",
    "lists of JSON": "import json\nv = json.loads('[' * 190 + ']' * 190)",
    "dicts of JSON": "import json\nv = json.loads('{\"a\":' * 190 + '1' + '}' * 190)",
}
USES = [
    "w = 1",
    "w = {v}",
    "w = {*[v]}",
    "w = {x for x in [v]}",
    "w = set([v])",
    "w = {v: 1}",
    "w = {x: 1 for x in [v]}",
    "w = dict([(v, 1)])",
    "w = dict.fromkeys([v])",
    "d = {}\nd[v] = 1",
    "d = {}\nd[v] += 1",
    "d = {}\n(d[v], x) = 1, 2",
    "d = {}\nfor d[v] in [1]:\n    pass",
    "d = {}\ndel d[v]",
    "w = {}.get(v)",
    "w = {}.pop(v, 1)",
    "w = {}.setdefault(v, 1)",
    "w = {1: 1}[v]",
    "d = {}\nd.update([(v, 1)])",
    "w = v in {1}",
    "w = v in {1: 1}",
    "w = v in {1: 1}.keys()",
    "w = v in {1: 1}.items()",
    "w = (1, v) in {1: v}.items()",
    "s = set()\ns.add(v)",
    "s = set()\ns.discard(v)",
    "s = set()\ns.remove(v)",
    "s = set()\ns.update([v])",
    "w = {1}.union([v])",
    "w = {1}.isdisjoint([v])",
    "w = {1: v}.items() | {2}",
    "w = {1: 1}.keys() & [v]",
    "w = {1: v}.items() == {1: u}.items()",
    "w = v == u",
    "w = [v] == [u]",
    "w = v < u",
    "w = v == u == v",
    "w = v in [u]",
    "w = v in (u, 1)",
    "w = v in (x for x in [u])",
    "w = v in {1: u}.values()",
    "w = [u].index(v)",
    "w = [u].count(v)",
    "w = [u].remove(v)",
    "w = (u,).index(v)",
    "w = max(v, u)",
    "w = min([v, u])",
    "w = max([1, 2], key=lambda x: [u, v][x - 1])",
    "w = sorted([v, u])",
    "w = sorted([1, 2], key=lambda x: [u, v][x - 1])",
    "x = [v, u]\nx.sort()",
    "w = sum([[v], [u]], [])",
    "w = str(v)",
    "w = repr(v)",
    "w = f'{v}'",
    "w = f'{v!r:>5}'",
    "w = '%s' % (v,)",
    "w = '%r' % [v]",
    "w = '{}'.format(v)",
    "w = format(v)",
    "w = format(v, '5')",
    "w = ''.join(v)",
    "w = ','.join(['a', v])",
    "w = 'a'.startswith(v)",
    "w = int(v)",
    "w = isinstance(1, v)",
    "w = type(v)",
    "w = v | v",
    "w = v | int",
    "w = v & v",
    "w = bool(v)",
    "w = list(v)",
    "w = tuple(v)",
    "w = dict(v)",
    "w = [*v]",
    "a, b = v",
    "(a, b), c = v, 1",
    "for x in v:\n    pass",
    "w = next(v)",
    "w = v()",
    "raise v",
    "raise ValueError(v)",
    "raise ValueError(v, u) from None",
    "assert not v, v",
    "state['v'] = v",
    "return {'v': v}",
    "return v",
    "import json\nw = json.dumps(v)",
    "import json\nw = json.dumps({'v': v}, sort_keys=True, indent=2)",
    "import json\nw = json.JSONDecodeError(v, '', 0)",
    "import statistics\nw = statistics.mode([v])",
    "import statistics\nw = statistics.multimode([v, u])",
    "import statistics\nw = statistics.mean([v])",
    "import math\nw = math.fsum(v)",
    "import math\nw = math.dist(v, u)",
    "w = bytes(v)",
    "w = bytes([1, v])",
    "w = int.from_bytes(v, 'big')",
    "import struct\nw = struct.pack('<h?', v, u)",
    "import collections\nw = collections.deque([v]) == collections.deque([u])",
    "import collections\nw = v in collections.deque([u])",
    "import collections\nw = collections.deque([u]).index(v)",
    "import collections\nw = collections.Counter([v, u])",
    "import collections\nw = collections.Counter({1: v}) == collections.Counter({1: u})",
    "import collections\nw = collections.Counter({1: v}) <= collections.Counter({1: u})",
    "import collections\nw = collections.Counter({1: v, 2: u}).most_common()",
    "import collections\nw = collections.Counter({1: v}) + collections.Counter({1: u})",
    "import collections\nw = collections.defaultdict(int, {1: v}) == {1: u}",
    "import collections\nw = str([collections.deque([v]), collections.Counter({1: v})])",
    "import bisect\nw = bisect.bisect([u], v)",
    "import bisect\nw = bisect.bisect([u], v, key=lambda x: x)",
    "import bisect\nbisect.insort([u], v)",
    "import itertools\nw = list(itertools.groupby([v, u]))",
    "import itertools\nw = list(itertools.accumulate([v, u]))",
    "import itertools\nw = list(itertools.chain.from_iterable(v))",
    "import itertools\nw = list(itertools.accumulate([v, u], max))",
    "import functools\nw = functools.reduce(max, [v, u])",
    "import re\nw = re.sub('a', lambda m: v, 'a')",
    "w = {1: 1}.get(v, u)",
]
#: Much more than a setting makes sensible, so that no crash is prevented by the fuel alone.
LIMITS = [Limits(fuel=3_000_000, range_items=1_000_000, recursion=recursion) for recursion in (200, 2_000)]


def loaded(body: str, limits: Limits) -> Program:
    """Return a program with this body, whose imports come first."""
    lines = body.splitlines()
    imports = [line for line in lines if line.startswith("import ")]
    source = "\n".join([*imports, process("\n".join(line for line in lines if line not in imports))])
    checked = check(source, limits)
    assert checked.accepted, (body, checked.problems)
    return Program.load(Logic("digest", source, checked.code), limits)


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, '{"a":' * 40_000 + "1" + "}" * 40_000])
def test_a_deep_text_of_json_is_stopped(text: str) -> None:
    source = "import json\n" + process("json.loads(data['text'])")
    for limits in LIMITS:
        ran = run(source, {"text": text}, limits=limits)

        assert ran.failure is not None
        assert ran.failure.limit == "recursion"


@pytest.mark.parametrize("builder", BUILDERS)
def test_no_use_of_a_deep_value_crashes(builder: str) -> None:
    ran = subprocess.run(
        [sys.executable, __file__, builder],
        check=False,
        capture_output=True,
        text=True,
        timeout=250,
        cwd=ROOT,
    )

    assert ran.returncode == 0, (ran.returncode, ran.stdout.splitlines()[-1:], ran.stderr[-2_000:])
    assert ran.stdout.splitlines()[-1] == "end"


def main(builder: str) -> None:
    """Give two equal values to all uses, and drop them. The last line that is printed names what crashed."""
    build = BUILDERS[builder]
    for limits in LIMITS:
        print("build", flush=True)
        made = loaded(f"{build}\nu = v\n{build}\nreturn [v, u]", limits)
        with bounded_recursion(limits):
            values = made.process({}, {})
            for use in USES:
                print(limits.recursion, repr(use), flush=True)
                program = loaded(f"v, u = data\n{use}", limits)
                state: dict[str, Any] = {}
                with suppress(LogicError):
                    encode(program.process(values, state), state, limits)
            print("drop", flush=True)
            del values
            gc.collect()
    print("end")


if __name__ == "__main__":
    main(sys.argv[1])
