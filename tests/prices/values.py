"""Hostile values, as a logic can make them: long, deep, shared, colliding, emptied, extreme.

Strategy. Each maker is the body of a logic, so every value is one that a logic can really hold: it runs in
the sandbox with the limits and the fuel of one reading. `n` is its size. A maker with `given` starts from a
reading, which may hold more than a logic may build. A test runs every maker at its greatest size.
"""

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sandbox.child.program import Program
from sandbox.job import Logic
from sandbox.limits import Limits
from tests.sandbox.running import fresh

_P: Final = 2**61 - 1  # whole numbers are hashed modulo this prime
_MASK: Final = 2**64 - 1


class Maker(NamedTuple):
    """Makes a value of size `n`: `body` returns it, and `given` makes the reading that it starts from."""

    body: str
    most: int = 0
    given: Callable[[int], Any] | None = None

    def value(self, n: int) -> Any:
        """Run the logic, and return the value itself."""
        return _program(self.body).process(fresh(self.given(n)) if self.given else n, {})


@cache
def _program(body: str) -> Program:
    if "return" not in body:
        body = f"return {body}"
    indented = "\n".join(f"    {line}" for line in body.strip().splitlines())
    imports = "import collections, datetime, itertools, math, struct, zoneinfo"
    source = f"{imports}\ndef process(data, state):\n    n = data\n{indented}\n"
    return Program.load(Logic.of(source), Limits())


def _probed_one_by_one(n: int) -> list[int]:
    """Return n keys in the order in which a dict of 8,192 slots probes, so that it passes all of them."""
    keys, slot = [], 1
    for _ in range(n):
        keys.append(slot)
        slot = (slot * 5 + 1) % 8192
    return keys


@cache
def _pairs_of_one_hash(n: int) -> list[list[int]]:
    """Return n pairs whose tuples have the same hash: xxHash, solved for the second item."""
    one, two, five = 11400714785074694791, 14029467366897019727, 2870177450012600261
    back_one, back_two = pow(one, -1, 2**64), pow(two, -1, 2**64)

    def turned(x: int, bits: int) -> int:
        return (x << bits | x >> (64 - bits)) & _MASK

    pairs: list[list[int]] = []
    first = 1
    while len(pairs) < n:
        before = turned((five + first * two) & _MASK, 31) * one & _MASK
        after = turned(123456789 * back_one & _MASK, 33)  # any target
        second = (after - before) * back_two & _MASK
        second -= 2**64 if second >= 2**63 else 0
        if -_P < second < _P and second != -1:
            pairs.append([first, second])
        first += 1
    return pairs


def _viewed(maker: Maker, view: str) -> Maker:
    """Return a maker of a view of what another one makes."""
    *before, last = maker.body.split("\n")
    return Maker(
        "\n".join((*before, f"return ({last.removeprefix('return ')}).{view}()")), maker.most, maker.given
    )


_TEXTS: Final = [
    Maker("'a' * n", 262_144),
    Maker("'\\xe9' * n", 262_144),
    Maker("'\\u4e2d' * n", 262_144),
    Maker("'\\U0001f600' * n", 262_144),
    Maker("'a' * (n // 2) + 'b' + 'a' * (n // 2)", 262_142),
    Maker("'a' * n + 'b'", 262_143),
    Maker("'b' + 'a' * n", 262_143),
    Maker("'ab' * n", 131_072),
    Maker("'ab' * (n // 2) + 'aa' + 'ab' * (n // 2)", 131_070),
    Maker("'a' * n + '\\u4e2d'", 262_143),
    Maker("'\\xdf' * n", 131_072),
    Maker("'\\u0130' * n", 131_072),
    Maker("'\\ufb03' * n", 87_381),
    Maker("'\\u0390' * n", 87_381),
    Maker("'A ' * n", 131_072),
    Maker("'\\u03a3' * n", 131_072),
    Maker("' ' * n", 262_144),
    Maker("'\\u3000' * n", 262_144),
    Maker("'\\n' * n", 262_144),
    Maker("'\\r\\n' * n", 131_072),
    Maker("'a\\n' * n", 131_072),
    Maker("'a,' * n", 131_072),
    Maker("'a ' * n", 131_072),
    Maker("'\\x00' * n", 262_144),
    Maker("'\\ud800' * n", 262_144),
    Maker("'\\u0661' * n", 262_144),
    Maker("'\\\"' * n", 262_144),
    Maker("''.join([chr(i) for i in range(n)])", 20_000),
    Maker("''.join([chr(300 + i % 1000) for i in range(n)])", 20_000),
]
_BYTES: Final = [
    Maker("b''"),
    Maker("b'a'"),
    Maker("bytes(n)", 262_144),
    Maker("b'a' * n", 262_144),
    Maker("b'\\xff' * n", 262_144),
    Maker("b'\\xc3\\xa9' * n", 131_072),
    Maker("b'\\xe4\\xb8\\xad' * n", 87_381),
    Maker("b'ab' * n", 131_072),
    Maker("b'a' * n + b'b'", 262_143),
    Maker("b'ab' * (n // 2) + b'aa' + b'ab' * (n // 2)", 131_070),
    Maker("b'a ' * n", 131_072),
    Maker("b'a,' * n", 131_072),
    Maker("b'\\n' * n", 262_144),
    Maker("b' ' * n", 262_144),
    Maker("b'A' * n", 262_144),
    Maker("bytes([i % 256 for i in range(n)])", 20_000),
    Maker("b'41' * n", 131_072),
    Maker("b'QUJD' * n", 65_536),
    Maker("b'-_-_' * n", 65_536),
    Maker("b'QUJD\\n' * n", 52_428),
]
_HEX_TEXTS: Final = [
    Maker("'41' * n", 131_072),
    Maker("'41 ' * n", 87_381),
    Maker("' ' * n", 262_144),
    Maker("'QUJD' * n", 65_536),
    Maker("'-_-_' * n", 65_536),
    Maker("'====' * n", 65_536),
    Maker("'QUJD' * n + 'A'", 65_530),
]
_LAYOUTS: Final = [
    Maker("'<hHf'"),
    Maker("'>' + str(n) + 'B'", 20_000),
    Maker("'<' + str(n) + 'q'", 20_000),
    Maker("'<' + str(n) + 'd'", 20_000),
    Maker("'<' + str(n) + 'e'", 20_000),
    Maker("'<' + str(n) + '?'", 20_000),
    Maker("'<' + str(n) + 'c'", 20_000),
    Maker("'<' + str(n) + 'x'", 262_144),
    Maker("'<' + str(n) + 's'", 262_144),
    Maker("'<' + '1x' * n", 99),
    Maker("'<' + 'b' * n", 199),
    Maker("'<' + ' ' * n + 'b'", 198),
    Maker("'<' + '1' * n + 'x'", 198),
    Maker("'3s'"),
]
_REGEXES: Final = [
    Maker("''"),
    Maker("'a'"),
    Maker("'a' * n", 500),
    Maker("'.*a.*b'"),
    Maker("'(a|b)*a(a|b){' + str(n) + '}'", 1_000),
    Maker("'(?:a|b)*a(?:a|b){' + str(n) + '}'", 1_000),
    Maker("'(?:a?){' + str(n) + '}a{' + str(n) + '}'", 1_000),
    Maker("'(?:a{0,' + str(n) + '}){30}c'", 33),
    Maker("'(' + '()' * n + 'a|b)*c'", 49),
    Maker("'(.*)' * n + 'c'", 49),
    Maker("'(?:' * n + 'a' + ')*' * n", 99),
    Maker("'[^x]{' + str(n) + '}'", 1_000),
    Maker("'.{' + str(n) + '}z'", 1_000),
    Maker("'[\u0100-\uffff]{' + str(n) + '}'", 1_000),
    Maker("'(?i)' + '\u00e4\u0130k' * n", 160),
    Maker("'(?i)[\u00e4-\u0400]{' + str(n) + '}'", 1_000),
    Maker("'|'.join(['a' * i for i in range(n)])", 30),
    Maker("'|'.join([chr(97 + i % 26) + str(i) for i in range(n)])", 120),
    Maker("'a*?'"),
    Maker("'x*'"),
    Maker("'(a|ab)(c|bcd)(d*)'"),
    Maker("'(a+)+b'"),
    Maker("'[' + ''.join([chr(300 + 2 * i) for i in range(n)]) + ']{20}'", 400),
    Maker("'\\w+\\s*=\\s*(-?\\d+(?:\\.\\d+)?)'"),
    Maker("'\\b' * n", 240),
    Maker("'(?P<abc>a)|' * n + 'b'", 1),
    Maker("'(' * n", 500),
    Maker("'(?:(?:(?:a{10}){10}){' + str(n) + '}'", 10),
    Maker("'(?:(?:(?:a{10}){10}){' + str(n) + '})'", 10),
]
_REPLACEMENTS: Final = [
    Maker("''"),
    Maker("'x' * n", 262_144),
    Maker("'\\\\g<0>' * n", 40_000),
    Maker("'\\\\0' * n", 1),
    Maker("'\\\\n' * n", 80_000),
    Maker("lambda m: m.group()"),
    Maker("lambda m: 'x' * 1000"),
]
_NUMBER_TEXTS: Final = [
    Maker("'1' * n", 262_144),
    Maker("'-' + '9' * n", 262_143),
    Maker("'f' * n", 256),
    Maker("'z' * n", 198),
    Maker("'1' + '_1' * n", 131_071),
    Maker("' ' * n + '1'", 262_143),
    Maker("'1' + '\\u3000' * n", 262_143),
    Maker("'\\u0661' * n", 262_144),
    Maker("'0x' + 'f' * n", 256),
    Maker("'0' * n + '1'", 262_143),
    Maker("'0.' + '0' * n + '1'", 262_141),
    Maker("'0.' + '1' * n", 262_142),
    Maker("'9007199254740993' + '0' * n + '1e-' + str(n + 1)", 262_100),
    Maker("'1' * n + 'e-' + str(n)", 262_100),
    Maker("'1e' + str(n)", 400),
    Maker("'1e-' + str(n)", 400),
    Maker(
        "'0.' + '0' * 300 + '22250738585072011360574097967091319759348195463516456480234261097248222220' * n",
        14,
    ),
    Maker("'2.2250738585072011e-308' + '0' * n", 400),
    Maker("'1.7976931348623157' + '5' * n + 'e308'", 262_100),
]
_JSON_TEXTS: Final = [
    Maker("'[' * n + ']' * n", 900),
    Maker("'[' + '1,' * n + '1]'", 131_070),
    Maker("'[' + '[],' * n + '1]'", 87_379),
    Maker("'[' + '{},' * n + '1]'", 87_379),
    Maker("'[' + '1.5,' * n + '1]'", 65_534),
    Maker("'[' + '1e308,' * n + '1]'", 43_690),
    Maker("'[' + '123456789.123456789e-300,' * n + '1]'", 10_000),
    Maker("'[' + '0.22250738585072011360574097967091319759348195463516456480234261097,' * n + '1]'", 3_700),
    Maker("'[' + ('1' * 308 + ',') * n + '1]'", 848),
    Maker("'[' + '\"\",' * n + '1]'", 87_379),
    Maker("'\"' + '\\\\u4e2d' * n + '\"'", 43_690),
    Maker("'\"' + '\\\\ud83d\\\\ude00' * n + '\"'", 21_844),
    Maker("'\"' + '\\\\n' * n + '\"'", 131_070),
    Maker("'\"' + 'a' * n + '\"'", 262_142),
    Maker("'{' + ''.join(['\"' + str(i) + '\":0,' for i in range(n)]) + '\"\":0}'", 20_000),
    Maker("'{' + '\"a\":0,' * n + '\"a\":0}'", 43_680),
    Maker("'{\"a\":' * n + '0' + '}' * n", 900),
    Maker("' ' * n + '1'", 262_143),
    Maker("'\\n' * n + 'x'", 262_143),
    Maker("'[' + '\\n' * n + 'x'", 262_142),
    Maker("'1' * n", 309),
    Maker("'0.' + '1' * n", 262_142),
    Maker("'1e' + '1' * n", 262_142),
]
_PERCENTS: Final = [
    Maker("'%%' * n", 131_072),
    Maker("'%s' * n", 131_072),
    Maker("'%(a)s' * n", 52_428),
    Maker("'%(' + 'a' * n + ')s'", 262_140),
    Maker("'%200.200f' * n", 29_127),
    Maker("'%r' * n", 131_072),
    Maker("'%-+ #0' + '-' * n + 'd'", 262_100),
    Maker("'%' + '1' * n + 'd'", 262_142),
    Maker("'a' * n", 262_144),
    Maker("'%d%%' * n", 65_536),
]
_FILLS: Final = [
    Maker("'{}' * n", 131_072),
    Maker("'{0}' * n", 87_381),
    Maker("'{{' * n", 131_072),
    Maker("'{a}' * n", 87_381),
    Maker("'{0:200.200f}' * n", 20_164),
    Maker("'{0!r:>200}' * n", 23_831),
    Maker("'{0[' + 'a' * n + ']}'", 262_139),
    Maker("'{0' + '[0]' * n + '}'", 87_000),
    Maker("'{a[b]}' * n", 43_690),
    Maker("'{:{}}' * n", 52_428),
    Maker("'{:' + '{}' * n + '}'", 131_000),
    Maker("'{' + 'a' * n + '}'", 262_142),
    Maker("'{0:' + 'a' * n + '}'", 262_140),
    Maker("'a' * n", 262_144),
]
_SPECS: Final = [
    Maker("''"),
    Maker("'.2f'"),
    Maker("'200.200f'"),
    Maker("',.200f'"),
    Maker("'>200'"),
    Maker("'\\U0001f600^200'"),
    Maker("'_b'"),
    Maker("'x'"),
    Maker("',d'"),
    Maker("'.200g'"),
    Maker("'.200e'"),
    Maker("'n'"),
    Maker("'%Y-%m-%d %H:%M'"),
    Maker("'%%' * n", 100),
    Maker("'0' * n", 262_144),
]
_DATE_FORMATS: Final = [
    Maker("'%Y-%m-%d'"),
    Maker("'%d.%m.%Y %H:%M:%S.%f %z'"),
    Maker("'%j%m%d%H%M%S%I%U%W%f%y%A%a%B%b%p%Z%z%w%u%V%G'"),
    Maker("'%A' * n", 100),
    Maker("'%Z' * n", 100),
    Maker("'%z' * n", 100),
    Maker("'%f' * n", 100),
    Maker("'%%' * n", 100),
    Maker("' ' * n + '%Y'", 96),
    Maker("'%Z%p' * n", 30),
    Maker("'a' * n", 200),
    Maker("'\\U0001f600' * n", 200),
]
_DATE_TEXTS: Final = [
    Maker("'2026-03-12'"),
    Maker("'2026-03-12T10:11:12.123456+01:00'"),
    Maker("'10:11:12.123456+23:59:59.999999'"),
    Maker("'2026-W10-4'"),
    Maker("'12.03.2026 10:11:12.000001 +0100'"),
    Maker("'2026-03-12T10:11:12.' + '1' * n", 80),
    Maker("'1' * n", 100),
    Maker("' ' * n", 100),
    Maker("'\\u4e2d' * n", 100),
]
_INTS: Final = [
    Maker("n", 20_000),
    Maker("-n", 20_000),
    Maker("2**n - 1", 1_023),
    Maker("-(2**n)", 1_023),
    Maker("10**n", 308),
    Maker("(2**61 - 1) * 2**n", 960),
    Maker("2**n + 2**61 - 1", 1_023),
    Maker("0"),
    Maker("1"),
    Maker("-1"),
    Maker("True"),
]
_FLOATS: Final = [
    Maker("0.0"),
    Maker("-0.0"),
    Maker("1.5"),
    Maker("1.7e308"),
    Maker("-1.7e308"),
    Maker("1.5e-323"),
    Maker("5e-324"),
    Maker("2.2250738585072011e-308"),
    Maker("0.1"),
    Maker("1e22"),
    Maker("2.0**n", 1_023),
    Maker("2.0**-n", 1_074),
    Maker("float('nan')"),
    Maker("float('inf')"),
    Maker("n * 1.1", 1_000_000),
]
_LISTS: Final = [
    Maker("[]"),
    Maker("[0] * n", 20_000),
    Maker("[None] * n", 20_000),
    Maker("[True, 0] * n", 10_000),
    Maker("list(range(n))", 20_000),
    Maker("list(range(n))[::-1]", 20_000),
    Maker("[i * 7919 % 20011 for i in range(n)]", 20_000),
    Maker("[i * 1.1 for i in range(n)]", 20_000),
    Maker("[float('nan')] * n", 20_000),
    Maker("[1e308, -1e308, 1e-308] * n", 6_600),
    Maker("[2.0 ** (i % 1000) for i in range(n)]", 20_000),
    Maker("[2**1000 + 1, 2.0**-1074] * n", 10_000),
    Maker("[2**1023] * n", 20_000),
    Maker("[2**1000 + i for i in range(n)]", 10_000),
    Maker("[2**1000 + 2**i for i in range(n)]", 1_000),
    Maker("[i % 2 for i in range(n)]", 20_000),
    Maker("[(i % 2) * 0.5 for i in range(n)]", 20_000),
    Maker("['a' * 1000] * n", 20_000),
    Maker("['a' * 262144] * n", 20_000),
    Maker("[b'a' * 262144] * n", 20_000),
    Maker("['a' * 1000 + str(i) for i in range(n)]", 1_000),
    Maker("[''] * n", 20_000),
    Maker("[str(i) for i in range(n)]", 10_000),
    Maker("['\\u4e2d', 'a'] * n", 10_000),
    Maker("[[]] * n", 20_000),
    Maker("[[i] for i in range(n)]", 10_000),
    Maker("[[0] * 1000] * n", 20_000),
    Maker("[(1,) * 1000] * n", 20_000),
    Maker("[((1,) * 100, i) for i in range(n)]", 1_000),
    Maker("[(1, 2)] * n", 20_000),
    Maker("[(i, i) for i in range(n)]", 10_000),
    Maker("[[i, i] for i in n]", 5_000, lambda n: list(range(n))),
    Maker("x = [1]\nfor i in range(n):\n    x = [x, x]\nreturn x", 60),
    Maker("x = [1]\nfor i in range(n):\n    x = [x]\nreturn x", 10_000),
    Maker("[{1, 2}] * n", 20_000),
    Maker("return [{}] * n", 20_000),
    Maker("return [{'a': 1, 'b': 2}] * n", 20_000),
    Maker("ones = n\nreturn ones", 131_000, lambda n: [1] * n),
    Maker("floats = n\nreturn floats", 60_000, lambda n: [1.5] * n),
    Maker("long = n\nreturn long", 800, lambda n: [10**308 - i for i in range(n)]),
    Maker("empty = n\nreturn empty", 87_000, lambda n: [[]] * n),
    Maker("nested = n\nreturn nested", 4_000, lambda n: [[[0] * 10, {"a": 1}]] * n),
    Maker("x = []\nx.append(x)\nreturn x"),
]
_TUPLES: Final = [
    Maker("()"),
    Maker("(1,) * n", 20_000),
    Maker("tuple(range(n))", 20_000),
    Maker("('a' * 1000,) * n", 20_000),
    Maker("('a' * 262144,) * n", 20_000),
    Maker("((1,) * 1000,) * n", 20_000),
    Maker("((1,) * 1000,) * n + (1,)", 19_999),
    Maker("((),) * n", 20_000),
    Maker("x = (1,)\nfor i in range(n):\n    x = (x, x)\nreturn x", 60),
    Maker("x = (1,)\nfor i in range(n):\n    x = (x,)\nreturn x", 18_000),
    Maker("([0] * 1000,) * n", 20_000),
    Maker("(float('nan'),) * n", 20_000),
    Maker("(2**1023,) * n", 20_000),
    Maker("('',) * n", 20_000),
    Maker("(n, n, n)", 100),
]
_ROWS: Final = [
    Maker("[(i, i) for i in range(n)]", 5_000),
    Maker("[(2**1000 + i * (2**61 - 1), i) for i in range(n)]", 700),
    Maker("[tuple(p) for p in n]", 5_000, _pairs_of_one_hash),
    Maker("[((i, i), i) for i in range(n)]", 3_000),
    Maker("[('ab', 1)] * n", 20_000),
    Maker("['ab'] * n", 20_000),
    Maker("[[1, 2]] * n", 20_000),
    Maker("[range(2)] * n", 20_000),
]
_DICTS: Final = [
    Maker("{}"),
    Maker("{'a': 1}"),
    Maker("{i: i for i in range(n)}", 5_000),
    Maker("{str(i): i for i in range(n)}", 5_000),
    Maker("{'a' * 200 + str(i): i for i in range(n)}", 5_000),
    Maker("{i * 1.1: i for i in range(n)}", 5_000),
    Maker("{b'a' * 200 + str(i).encode(): i for i in range(n)}", 5_000),
    Maker("{2**900 + i * (2**61 - 1): 1 for i in range(n)}", 700),
    Maker("{i: 1 for i in n}", 5_000, _probed_one_by_one),
    Maker("{tuple(p): 1 for p in n}", 1_500, _pairs_of_one_hash),
    Maker("d = {i: 1 for i in range(5000)}\nfor i in range(n):\n    del d[i]\nreturn d", 5_000),
    Maker("d = {i: 1 for i in range(5000)}\nfor i in range(n):\n    d.pop(i)\nreturn d", 5_000),
    Maker(
        "for key in n[0]:\n    del n[1][key]\nreturn n[1]",
        18_000,
        lambda n: [[str(i) for i in range(n)], {str(i): 0 for i in range(18_000)}],
    ),
    Maker("keys = n\nreturn keys", 30_000, lambda n: {str(i): 0 for i in range(n)}),
    Maker("{((1,) * 1000,) * n: 1}", 190),
    Maker("{i: [0] * 1000 for i in range(n)}", 200),
    Maker("x = {}\nfor i in range(n):\n    x = {'a': x, 'b': x}\nreturn x", 60),
    Maker("x = {}\nfor i in range(n):\n    x = {'a': x}\nreturn x", 10_000),
    Maker("dict.fromkeys([str(i) for i in range(n)], 'a' * 200_000)", 5_000),
    Maker("{datetime.timedelta(days=i): 1 for i in range(n)}", 3_000),
    Maker("{datetime.date.fromordinal(i + 1): 1 for i in range(n)}", 3_000),
    Maker("{None: n, True: n, 2.5: n, 'a': n, (1, 2): n}"),
]
_SETS: Final = [
    Maker("set()"),
    Maker("{i for i in range(n)}", 5_000),
    Maker("{i * 7919 % 20011 for i in range(n)}", 5_000),
    Maker("{str(i) for i in range(n)}", 5_000),
    Maker("{'a' * 200 + str(i) for i in range(n)}", 3_000),
    Maker("{'x', *[i for i in range(n)]}", 4_999),
    Maker("{2**900 + i * (2**61 - 1) for i in range(n)}", 700),
    Maker("{i for i in n}", 5_000, _probed_one_by_one),
    Maker("{tuple(p) for p in n}", 1_500, _pairs_of_one_hash),
    Maker("s = {i for i in range(5000)}\nfor i in range(n):\n    s.discard(i)\nreturn s", 5_000),
    Maker("s = {*range(5000)}\ns.symmetric_difference_update(range(n))\nreturn s", 5_000),
    Maker("{((1,) * 1000,) * n, 'x'}", 190),
    Maker("{(((1,) * 1000,) * n, 1), 'x'}", 190),
    Maker("{(i, 'a') for i in range(n)} | {'x'}", 2_000),
    Maker("{float('nan') for i in range(n)}", 3_000),
    Maker("{datetime.timedelta(days=i) for i in range(n)}", 3_000),
    Maker("{datetime.date.fromordinal(i + 1) for i in range(n)}", 3_000),
    Maker("{datetime.time(i % 24, i % 60) for i in range(n)} | {1}", 3_000),
]
_DEQUES: Final = [
    Maker("collections.deque()"),
    Maker("collections.deque([0] * n)", 20_000),
    Maker("collections.deque(range(n), n // 2)", 20_000),
    Maker("collections.deque(['a' * 1000] * n)", 20_000),
    Maker("collections.deque([[0] * 1000] * n)", 20_000),
    Maker("collections.deque([{'a': 1}] * n)", 20_000),
    Maker("collections.deque([2**1000 + i for i in range(n)])", 5_000),
    Maker("x = collections.deque([1])\nfor i in range(n):\n    x = collections.deque([x, x])\nreturn x", 60),
    Maker("x = collections.deque([1])\nfor i in range(n):\n    x = collections.deque([x])\nreturn x", 5_000),
]
_COUNTERS: Final = [
    Maker("collections.Counter()"),
    Maker("collections.Counter('abcabc')"),
    Maker("collections.Counter(range(n))", 5_000),
    Maker("collections.Counter([str(i) for i in range(n)])", 5_000),
    Maker("collections.Counter({i: n for i in range(20)})", 1_000_000),
    Maker("collections.Counter({str(i): 2**1000 + i for i in range(n)})", 3_000),
    Maker("collections.Counter({str(i): i * 1.1 for i in range(n)})", 3_000),
    Maker("collections.Counter({i: 1 for i in n})", 2_000, _probed_one_by_one),
    Maker("collections.Counter({tuple(p): 1 for p in n})", 1_000, _pairs_of_one_hash),
    Maker("collections.Counter({str(i): 'a' * 1000 for i in range(n)})", 1_000),
    Maker("collections.Counter({str(i): [0] * 100 for i in range(n)})", 100),
]
_DEFAULTS: Final = [
    Maker("collections.defaultdict(int)"),
    Maker("collections.defaultdict(list, {i: i for i in range(n)})", 5_000),
    Maker("collections.defaultdict(int, {i: 1 for i in n})", 2_000, _probed_one_by_one),
    Maker("collections.defaultdict(lambda: (1,) * 1000, {str(i): [i] for i in range(n)})", 2_000),
    Maker("x = {}\nfor i in range(n):\n    x = collections.defaultdict(int, {'a': x, 'b': x})\nreturn x", 60),
]
_RANGES: Final = [
    Maker("range(n)", 20_000),
    Maker("range(n, 0, -1)", 20_000),
    Maker("range(0, n * 10**300, 10**300)", 20_000),
    Maker("range(2**1000, 2**1000 + n)", 20_000),
]
_VIEWS: Final = [_viewed(maker, view) for maker in _DICTS for view in ("keys", "values", "items")]
_FUNCTIONS: Final = [
    Maker("lambda *x: x"),
    Maker("lambda *x: 0"),
    Maker("lambda *x: x[0]"),
    Maker("lambda *x: x[-1] % 7"),
    Maker("lambda *x: (x, x)"),
    Maker("lambda *x: (1,) * 1000"),
    Maker("x = 'a' * 1000\nreturn lambda *y: x"),
    Maker("x = ((1,) * 1000,) * 20\nreturn lambda *y: x"),
    Maker("str"),
    Maker("int"),
    Maker("float"),
    Maker("abs"),
    Maker("len"),
    Maker("list"),
    Maker("tuple"),
    Maker("set"),
    Maker("repr"),
    Maker("sum"),
    Maker("max"),
    Maker("math.sqrt"),
    Maker("math.factorial"),
    Maker("sorted"),
    Maker("bool"),
    Maker("'a'.join"),
    Maker("[0].append"),
    Maker("'a'.startswith"),
    Maker("{}.get"),
]
_ERRORS: Final = [
    Maker("ValueError()"),
    Maker("ValueError('a' * n)", 262_144),
    Maker("KeyError('a' * n)", 262_144),
    Maker("KeyError(((1,) * 1000,) * n)", 20_000),
    Maker("x = ValueError(1, 2)\nfor i in range(n):\n    x = ValueError(x, x)\nreturn x", 60),
    Maker("x = ValueError(1)\nfor i in range(n):\n    x = ValueError(x)\nreturn x", 10_000),
    Maker("x = KeyError(1)\nfor i in range(n):\n    x = KeyError(x)\nreturn x", 10_000),
    Maker("x = (1,)\nfor i in range(n):\n    x = (ValueError(x, x),)\nreturn x[0]", 60),
    Maker("TypeError([0] * n, [0] * n)", 10_000),
    Maker("x = [1]\nfor i in range(n):\n    x = [x, x]\nreturn ValueError(x)", 60),
    Maker(
        "x = ValueError()\nfor i in range(n):\n    y = ValueError()\n"
        "    try:\n        try:\n            raise x\n"
        "        except ValueError:\n            raise y\n    except ValueError:\n        x = y\nreturn x",
        3_000,
    ),
]
_TYPES: Final = [
    Maker("int"),
    Maker("(int, str)"),
    Maker("int | str"),
    Maker("(int,) * n", 20_000),
    Maker("x = (int, str)\nfor i in range(n):\n    x = (x, x)\nreturn x", 60),
    Maker("x = (int, str)\nfor i in range(n):\n    x = (x,)\nreturn x", 18_000),
    Maker("None"),
    Maker("ValueError"),
    Maker("(datetime.date, datetime.datetime, datetime.timedelta, ValueError, list, set, tuple, dict)"),
]
_DATES: Final = [
    Maker("datetime.date(2026, 3, 12)"),
    Maker("datetime.date(1, 1, 1)"),
    Maker("datetime.date(9999, 12, 31)"),
]
_TIMES: Final = [
    Maker("datetime.time(1, 2, 3, 4)"),
    Maker("datetime.time(0)"),
    Maker(
        "z = datetime.timezone(datetime.timedelta(hours=23, microseconds=1), '\\xe9' * n)\n"
        "return datetime.time(23, 59, 59, 999999, tzinfo=z)",
        100,
    ),
]
_DATETIMES: Final = [
    Maker("datetime.datetime(2026, 3, 12, 10, 11, 12, 13)"),
    Maker("datetime.datetime(2026, 3, 12, tzinfo=datetime.timezone.utc)"),
    Maker(
        "z = datetime.timezone(datetime.timedelta(hours=-23, microseconds=1), '\\xe9' * n)\n"
        "return datetime.datetime(1, 1, 1, tzinfo=z)",
        100,
    ),
    Maker("datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)"),
    Maker(
        "datetime.datetime(9999, 12, 31, tzinfo=datetime.timezone(datetime.timedelta(hours=23, minutes=59)))"
    ),
    Maker("datetime.datetime(2026, 3, 29, 2, 30, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin'))"),
    Maker("datetime.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin'))"),
    Maker("datetime.datetime(1, 1, 1, 6, 36, tzinfo=zoneinfo.ZoneInfo('Africa/Casablanca'))"),
    Maker("datetime.datetime(8000 - n, 5, 3, 1, tzinfo=zoneinfo.ZoneInfo('America/Nuuk'))", 6_000),
    Maker("datetime.datetime(8000 - n, 5, 3, 3, tzinfo=datetime.timezone.utc)", 6_000),
    Maker(
        "datetime.datetime(8000 - n, 5, 3, 13, 30, tzinfo=zoneinfo.ZoneInfo('Australia/Lord_Howe'))", 6_000
    ),
]
_DELTAS: Final = [
    Maker("datetime.timedelta()"),
    Maker("datetime.timedelta(microseconds=1)"),
    Maker("datetime.timedelta(days=999999999)"),
    Maker("datetime.timedelta(days=-999999999, microseconds=1)"),
    Maker("datetime.timedelta(days=1, seconds=2, microseconds=3)"),
]
_ZONES: Final = [
    Maker("datetime.timezone.utc"),
    Maker("datetime.timezone(datetime.timedelta(hours=1))"),
    Maker("datetime.timezone(datetime.timedelta(hours=23, microseconds=7), 'a' * n)", 100),
    Maker("zoneinfo.ZoneInfo('Europe/Berlin')"),
    Maker("zoneinfo.ZoneInfo('Australia/Lord_Howe')"),
    Maker("zoneinfo.ZoneInfo('Africa/Casablanca')"),
]
_ZONE_NAMES: Final = [
    Maker("'Europe/Berlin'"),
    Maker("'europe/berln'"),
    Maker("'America/Argentina/Rio' + 'a' * n", 70),
    Maker("'am//eerucaoritna' + 'a' * n", 80),
    Maker("'UTC+1' + 'a' * n", 100),
]
_POINTS: Final = [
    Maker("[1.5] * n", 20_000),
    Maker("(1e308,) * n", 20_000),
    Maker("[5e-324] * n", 20_000),
    Maker("[10**300] * n", 20_000),
]
_ITERATORS: Final = [
    Maker("(x for x in range(n))", 20_000),
    Maker("(x for x in [0] * n)", 20_000),
    Maker("x = (i for i in range(100))\nfor i in range(n):\n    x = enumerate(x)\nreturn x", 190),
    Maker("x = iter([1] * 300)\nfor i in range(n):\n    x = (y for y in x)\nreturn x", 90),
    Maker("zip(range(n), range(n), range(n))", 20_000),
    Maker("map(abs, range(n))", 20_000),
    Maker("filter(None, [0] * n)", 20_000),
    Maker("reversed([0] * n)", 20_000),
    Maker("iter([0] * n)", 20_000),
    Maker("itertools.count(n)", 20_000),
    Maker("itertools.chain([1] * n, [2] * n)", 10_000),
    Maker("itertools.cycle([1] * (n + 1))", 10_000),
    Maker("itertools.islice(itertools.count(), n)", 10_000),
    Maker("itertools.accumulate([1] * n)", 10_000),
    Maker("itertools.repeat(1, n)", 20_000),
    Maker("itertools.pairwise([1] * n)", 20_000),
    Maker("itertools.product([1] * n, [1] * n)", 100),
    Maker("itertools.groupby(range(n))", 20_000),
    Maker("collections.Counter([1, 2, 3] * n).elements()", 5_000),
]

_NUMBERS: Final = [*_INTS, *_FLOATS]
_NUMBER_LISTS: Final = [*_LISTS[:17], *_LISTS[36:39]]
_MOMENTS: Final = [*_DATES, *_TIMES, *_DATETIMES, *_DELTAS, *_ZONES]
_KEYS: Final = [
    *_INTS, *_FLOATS, *_TEXTS[:4], *_BYTES[:4], *_TUPLES, *_MOMENTS, Maker("None"),
    Maker("2**900 + (2**61 - 1) * n", 100_000),
    Maker("8192 * n + 1", 100),
    Maker("(n[0][0], n[0][1])", 5_000, lambda n: _pairs_of_one_hash(n + 1)[-1:]),
]  # fmt: skip
_ITEMS: Final = [
    *_LISTS, *_TUPLES, *_DICTS, *_SETS, *_DEQUES, *_COUNTERS, *_DEFAULTS,
    *_RANGES, *_VIEWS, *_TEXTS[:2], *_BYTES[:5], *_ITERATORS
]  # fmt: skip

#: The makers of each kind of slot in the templates of `operations`.
SORTS: Final[Mapping[str, list[Maker]]] = MappingProxyType(
    {
        "INT": _INTS,
        "FLOAT": _FLOATS,
        "NUMBER": _NUMBERS,
        "TEXT": _TEXTS,
        "SHORT": _TEXTS[:8],
        "BYTES": _BYTES,
        "BINARY": [*_BYTES, *_HEX_TEXTS],
        "HEX": [*_HEX_TEXTS, *_TEXTS[:5]],
        "LAYOUT": _LAYOUTS,
        "REGEX": _REGEXES,
        "REPLACEMENT": _REPLACEMENTS,
        "NUMBERTEXT": [*_NUMBER_TEXTS, *_TEXTS],
        "JSON": _JSON_TEXTS,
        "PERCENT": _PERCENTS,
        "FILL": _FILLS,
        "SPEC": _SPECS,
        "DATEFORMAT": _DATE_FORMATS,
        "DATETEXT": _DATE_TEXTS,
        "LIST": _LISTS,
        "NUMBERS": [*_NUMBER_LISTS, *_TUPLES[:3], *_RANGES, *_SETS[1:3]],
        "ROWS": [*_ROWS, *_DICTS],
        "TUPLE": _TUPLES,
        "DICT": _DICTS,
        "SET": _SETS,
        "RANGE": _RANGES,
        "DEQUE": _DEQUES,
        "COUNTER": _COUNTERS,
        "DEFAULT": _DEFAULTS,
        "VIEW": _VIEWS,
        "ITERATOR": _ITERATORS,
        "POINTS": _POINTS,
        "ITEMS": _ITEMS,
        "KEY": _KEYS,
        "FUNCTION": _FUNCTIONS,
        "ERROR": _ERRORS,
        "TYPE": _TYPES,
        "DATE": _DATES,
        "TIME": _TIMES,
        "DATETIME": _DATETIMES,
        "DELTA": _DELTAS,
        "ZONE": _ZONES,
        "ZONENAME": [*_ZONE_NAMES, *_TEXTS],
        "ANY": [*_NUMBERS, *_ITEMS, *_MOMENTS, *_ERRORS, *_TYPES, Maker("None")],
    }
)
#: All makers by their bodies.
MAKERS: Final[Mapping[str, Maker]] = MappingProxyType(
    {maker.body: maker for makers in SORTS.values() for maker in makers}
)
