"""Nothing that a logic builds is larger than the limits, whatever it is built with."""

import pytest

from sandbox.limits import Limits
from tests.sandbox.running import process, run

LIMITS = Limits(list_items=100, dict_items=100, str_chars=1_024, int_bits=64, format_width=20)
#: Values at their limits.
SETUP = """
xs = list(range(100))
t = tuple(xs)
d = {i: i for i in xs}
w = {'k' + str(i): i for i in xs}
s = set(xs)
text = 'x' * 1024
words = 'a b ' * 256
n = 2 ** 63
def many(*items, **more):
    return items or more
def more():
    yield from xs
    yield 1
"""
#: Expressions whose value would be larger than a list or dict, a text or an integer may be.
LARGER = [
    *("xs + [1]", "[*xs, 1]", "[*xs, *xs]", "(*xs, 1)", "(*t, *t)", "t + (1,)", "xs * 2", "2 * t", "t * 2"),
    *("list(more())", "tuple(more())", "[x for x in more()]", "list(zip(more()))", "sorted(more())"),
    *("[x for y in (xs, xs) for x in y]", "sum([xs, xs], [])", "sum([t, t], ())", "[*more()]"),
    *(
        "list(map(abs, more()))",
        "list(enumerate(more()))",
    ),
    *(
        "list(reversed(list(more())))",
        "json.loads('[' + '1,' * 100 + '1]')",
        "words.split()",
        "words.split(' ')",
    ),
    *("words.rsplit()", "words.replace(' ', '\\n').splitlines()", "list(words)", "many(*xs, 1)"),
    *("many(*xs, *xs)", "json.loads('[[' + '1,' * 100 + '1]]')[0]", "[xs[0:], xs.append(1)][0]"),
    *("[xs, xs.extend([1])][0]", "[xs, xs.insert(0, 1)][0]", "[xs, xs.extend(x for x in [1])][0]"),
    *("statistics.quantiles([1, 2], n=102)", "statistics.multimode(list(range(50)) + list(range(50, 101)))"),
    *("{**d, 'a': 1}", "{**d, **w}", "{'a': 1, **d}", "d | {'a': 1}", "{i: 1 for i in range(101)}"),
    *(
        "dict(d, a=1)",
        "dict(d.items(), a=1)",
        "dict(**w, a=1)",
        "many(**w, a=1)",
        "dict(zip(range(101), t + t))",
    ),
    *("dict.fromkeys(range(101))", "dict([(i, 1) for i in [*range(100)]], a=1)", "[d, d.update(a=1)][0]"),
    *("[d, d.update({'a': 1})][0]", "[d, d.update([('a', 1)])][0]", "[d, d.setdefault('a', 1)][0]"),
    *("json.loads('{' + ','.join([f'\"{i}\":1' for i in xs]) + ',\"a\":1}')", "s | {'a'}", "{*s, 'a'}"),
    *("set(range(101))", "s ^ {'a'}", "s.union(['a'])", "[s, s.add('a')][0]", "[s, s.update('a')][0]"),
    *("[s, s.symmetric_difference_update('a')][0]", "d.keys() | ['a']", "d.keys() ^ w.keys()"),
    *("d.items() | w.items()", "{x for x in range(101)}", "s.symmetric_difference('a')"),
    *(
        "text + 'x'",
        "text * 2",
        "2 * text",
        "f'{text}x'",
        "f'{text}{text}'",
        "f'{text:>1030}'",
        "'%sx' % text",
    ),
    *("'{}x'.format(text)", "'x'.join([text, text])", "','.join(text)", "text.replace('x', 'xy')"),
    *("text.replace('', '-')", "text.center(1030)", "text.ljust(1030)", "text.zfill(1030)", "repr(text)"),
    *("str([text])", "json.dumps(text)", "json.dumps(xs * 1, indent=16)", "('ß' * 1024).upper()"),
    *(
        "('\u0390' * 1024).upper()",
        "ascii('ä' * 1024)",
        "f'{text!r}'",
        "f'{text!a}'",
        "'%r' % text",
        "'%a' % text",
    ),
    *("f'{text}{text}{text}{text}{text}{text}{text}{text}{text}{text}'", "format(text, '<1030')"),
    *("'{:{w}}'.format(text, w=1030)", "str({text: text})", "f'{1:1030}'", "f'{1:٣٠}'", "f'{1.5:.٣٠f}'"),
    *("'{:٣٠}'.format(1)", "format(1, '३०')", "'%30d' % 1", "'%.30f' % 1", 'f\'{1:{"٣" "٠"}}\''),
    *("n * 2", "n + n", "n ** 2", "2 ** 64", "n << 1", "int('9' * 20)", "int(1e300)", "round(1e300)"),
    *(
        "math.floor(1e300)",
        "math.ceil(1e300)",
        "math.trunc(-1e300)",
        "math.factorial(30)",
        "math.comb(100, 50)",
    ),
    *("math.perm(30)", "math.prod([n, n])", "math.lcm(n, n - 1)", "sum([n, n])", "pow(n, 2)", "pow(2, 64)"),
    *("json.loads('9' * 20)", "int('f' * 17, 16)", "sum([1], n * 2 - 1)", "statistics.pvariance([0, n])"),
]
#: Statements that would do so.
GROWING = [
    *(
        "d[data['new']] = 1",
        "d[data['new']] = d.get(1) + 1",
        "(d[data['new']], x) = 1, 2",
        "xs += [1]",
        "xs *= 2",
    ),
    *("for d[data['new']] in [1]:\n    pass", "xs[100:100] = [1]", "xs[0:1] += [1]", "xs[::2] += [1]"),
    *(
        "text += 'x'",
        "text *= 2",
        "s |= {'a'}",
        "s ^= {'a'}",
        "d |= {'a': 1}",
        "n <<= 1",
        "n += n",
        "n **= 2",
    ),
    *("t += (1,)", "xs.extend(xs)", "match xs:\n    case [a, *b]:\n        b += [1, 2]", "xs += more()"),
    *("a, *b = more()\nb.append(1)\nb.append(1)", "xs.append(1)", "for x in xs:\n    xs.append(x)"),
]


def stopped(body: str) -> None:
    """Check that a logic is stopped by the limit of a value."""
    source = "import json, math, statistics\n" + process(f"{SETUP.strip()}\n{body}")

    ran = run(source, {"new": "new"}, limits=LIMITS)

    assert ran.kind == "limit", (ran.results, ran.failure, ran.problems)
    assert ran.failure is not None
    assert ran.failure.limit in ("list_items", "dict_items", "str_chars", "int_bits", "format_width")


@pytest.mark.parametrize("expression", LARGER)
def test_a_larger_value_is_stopped(expression: str) -> None:
    stopped(f"made = {expression}\nreturn {{'r': str(made)[:200]}}")


@pytest.mark.parametrize("statement", GROWING)
def test_a_value_does_not_grow_beyond_the_limits(statement: str) -> None:
    stopped(statement)


def test_values_at_their_limits_are_fine() -> None:
    body = "d[5] = 1\nd[data['old']] += 1\nxs[0] = 1\nxs[0:1] = [1]\nxs += []\ns |= {1}\ntext += ''\nn += 0"

    assert run(process(f"{SETUP.strip()}\n{body}"), {"old": 99}, limits=LIMITS).kind == "ok"
