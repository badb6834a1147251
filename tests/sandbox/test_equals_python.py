"""For generated logics, the sandbox gives the same as plain Python: value, state or error.

Strategy. A logic that the policy allows grows out of templates: `<n>` stands for a number, `<t>` a text,
`<l>` a list, `<d>` a dict, `<v>` any of them, `<b>` a block of statements. Each is filled in turn until the
maximum depth is reached. Most of these logics run to their end, and some raise an error, so that errors are
compared too. Every guard of the compiler is behind some operator, method or statement here.
"""

import re
import warnings
from collections import deque
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from sandbox.child.program import name_of
from sandbox.errors import LogicError
from sandbox.limits import Limits
from sandbox.runtime.values import encode
from tests.sandbox.running import fresh, run

LEAVES = {
    "n": [
        "a",
        "b",
        "data['n']",
        "data['x']",
        "0",
        "1",
        "2",
        "-3",
        "7",
        "0.5",
        "-1.25",
        "1e3",
        "True",
        "BASE",
    ],
    "t": ["s", "data['t']", "''", "'a'", "'b, a'", "'äZ 1'", "'12'"],
    "l": ["xs", "data['xs']", "[]", "[3]", "[2, -1, 5]", "[1, 1, 0, 4]"],
    "d": ["d", "data['d']", "{}", "{'k': 1}", "{'k': 2, 'm': 3.5}"],
    "y": ["raw", "data['t'].encode()", "b''", "b'a'", "b'\\xffb, a'", "b'\\x00\\x80'", "b'12'"],
}
TEMPLATES = {
    "n": """
        (<n> + <n>) ; (<n> - <n>) ; (<n> * <n>) ; (<n> / <n>) ; (<n> // <n>) ; (<n> % <n>) ; (<n> ** 2)
        (2 ** <n>) ; (-<n>) ; abs(<n>) ; (int(<n>) & int(<n>)) ; (int(<n>) | 5) ; (int(<n>) ^ <n>)
        (int(<n>) << 2) ; (7 >> 1) ; (~int(<n>)) ; round(<n>, 1) ; round(<n>) ; round(<n>, -1) ; int(<n>)
        float(<n>) ; int(<t>) ; float(<t>) ; (<n> if <n> > <n> else <n>) ; max(<n>, <n>)
        min(<n>, <n>, <n>) ; divmod(<n>, <n>)[0] ; sum(<l>) ; len(<l>) ; max(<l>) ; min(<l>, default=<n>)
        max(<l>, key=lambda v: -v) ; <l>[<n>] ; <l>[-1] ; <l>.count(<n>) ; <l>.index(<n>) ; len(<t>)
        <t>.count('a') ; <t>.find(<t>) ; <t>.rfind('a') ; <t>.index('b') ; <d>.get('k', <n>) ; <d>['k']
        <d>[<t>] ; sum(i * <n> for i in <l>) ; sum((i for i in <l> if i > <n>), <n>)
        (lambda v: v + <n>)(<n>) ; helper(<n>, <n>) ; helper(<n>) ; helper(q=<n>, p=<n>) ; pow(<n>, 2)
        ord(<t>[0]) ; next((i for i in <l> if i > <n>), <n>) ; next(iter(<l>)) ; bool(<v>) ; (<n> and <n>)
        (<n> or <n>) ; (<n> < <n> <= <n>) ; (<n> == <v>) ; (<n> != <n> != <n>) ; (not <v>) ; (<n> in <l>)
        (<n> not in <l>) ; ('k' in <d>) ; (<t> in <d>) ; ('a' in <t>) ; (<t> in <t>) ; (<l> == <l>)
        (<l> < <l>) ; (<d> == <d>) ; (<t> < <t>) ; (<n> is None) ; isinstance(<v>, int)
        isinstance(<v>, (str, list)) ; any(i > <n> for i in <l>) ; all(<l>) ; any(<l>)
        all(i for i in map(bool, <l>)) ; (type(<v>) is int) ; len(set(<l>)) ; sum(map(len, [<l>, <l>]))
        math.sqrt(<n>) ; math.floor(<n>) ; math.gcd(int(<n>), 12) ; math.hypot(<n>, <n>)
        math.prod(map(float, <l>))
        mean(<l>) ; statistics.pstdev(<l>) ; statistics.median(<l>) ; json.loads('[1, 2.5]')[1]
        len(json.dumps(<v>)) ; float(<n>).is_integer()
        sum([i, <n>][1] for i in <l> for j in <l> if i != j) ; len({i: j for i, j in enumerate(<l>)})
        (<v> or <n>) ; max(*<l>) ; max(*<l>, <n>) ; helper(*<l>) ; helper(*[<n>], q=<n>)
        helper(**{'p': <n>, 'q': <n>}) ; (lambda *v, k=1: len(v) + k)(*<l>, <n>, *<l>)
        functools.reduce(lambda p, q: p - q, <l>) ; functools.reduce(max, <l>, <n>)
        bisect.bisect(sorted(<l>), <n>)
        bisect.bisect_left(<l>, <n>) ; Counter(<t>)['a'] ; defaultdict(int, <d>)[<t>] ; deque(<l>)[<n>]
        (Counter(<t>) == Counter(<t>)) ; (Counter(<d>) <= Counter(<d>)) ; (deque(<l>) == deque(<l>))
        deque(<l>).pop()
        (<n> in deque(<l>)) ; int.from_bytes(<y>, 'big') ; int.from_bytes(<y>, 'little', signed=True)
        <y>[<n>] ; <y>[0] ; len(<y>)
        sum(<y>) ; (<y> == <y>) ; (<y> < <y>) ; (<n> in <y>) ; (<y> in <y>) ; <y>.find(<y>) ; <y>.count(97)
        struct.unpack('<h', <y>)[0] ; struct.unpack_from('>h', <y>, <n>)[0] ; binascii.crc32(<y>) ; int(<y>)
        binascii.crc_hqx(<y>, 0xffff) ; {<y>: 1, <y>: 2}[<y>] ; <y>.startswith((b'a', <y>)) ; (<y> == <t>)
        local.hour ; local.fold ; local.timestamp() ; (local + datetime.timedelta(minutes=<n>)).minute
        (local == local.astimezone(zoneinfo.ZoneInfo('Asia/Tokyo'))) ; (local < local.replace(hour=3, fold=0))
        (lambda max: max + <n>)(<n>) ; [len for len in [<n>]][0] ; shadowing(<n>, <l>)
    """,
    "t": """
        str(deque(<l>)) ; repr(Counter(<t>)) ; str(defaultdict(int, <d>)) ; f'{Counter(xs)}'
        <y>.hex() ; <y>.hex('-') ; <y>.decode() ; <y>.decode('ascii', 'ignore') ; str(<y>, 'latin-1')
        str(<y>) ; repr(<y>) ; f'{raw!r:>9}{raw}' ; ('%s|%r' % (<y>, <y>)) ; '{0[0]}'.format(<y>)
        (<t> + <t>) ; (<t> * 2) ; (3 * <t>) ; (<t> * <n>) ; <t>.upper() ; <t>.strip() ; <t>.title()
        <t>.lower().capitalize() ; <t>.replace('a', <t>) ; <t>.replace(<t>, 'xy', 1) ; <t>.zfill(4)
        <t>.ljust(5, '.') ; <t>.center(7) ; <t>.rjust(4) ; <t>[1:] ; <t>[::-1] ; <t>[:-1] ; <t>[0]
        <t>[<n>] ; <t>[<n>:<n>] ; str(<v>) ; repr(<v>) ; ','.join([<t>, <t>])
        ','.join(str(i) for i in <l>) ; '-'.join(<t>.split()) ; <t>.split(',')[-1] ; <t>.partition(',')[0]
        <t>.swapcase() ; f'{a:.2f}|{s!r}|{b:>8}' ; f'{xs}{d!r:>20}{a!s}' ; f'{a:{len(s)}}'
        f'{b:+.1e}{a=}' ; ('%s/%5.1f' % (<v>, <n>)) ; ('%d' % <n>) ; ('%(k)s' % <d>) ; ('%r%%' % <t>)
        '{}:{}'.format(<v>, <n>) ; '{1}{0}{x!r:>6}'.format(<t>, <n>, x=<t>) ; format(<n>, '08.3f')
        format(<t>, '>6') ; (<t> if <t> < <t> else <t>) ; hex(int(<n>)) ; bin(int(<n>)) ; chr(97)
        max(<t>, <t>) ; sorted(<t>)[0] ; min(<t>) ; ''.join(sorted(<t>)) ; ''.join(reversed(<t>))
        <t>.removeprefix('a') ; (<t> and <t>) ; str(type(<v>) is str) ; ''.join(list(map(str.upper, <t>)))
        json.dumps(<v>, sort_keys=True) ; day.isoformat() ; f'{day:%Y-%m-%d}'
        '{}/{}'.format(*<l>) ; '{k}'.format(**<d>) ; ('%s %s' % (*<l>,))
        str(local) ; f'{local:%d %H %Z%z}' ; str(local + datetime.timedelta(hours=<n>)) ; local.tzname()
        str(local.astimezone(zoneinfo.ZoneInfo('America/New_York'))) ; repr(local.replace(hour=<n>))
        str(local.dst()) ; str(local - local.astimezone(datetime.timezone.utc)) ; zoneinfo.ZoneInfo(<t>).key
        str(day + datetime.timedelta(days=5)) ; (day.replace(day=3)).strftime('%d %b')
    """,
    "l": """
        list(<y>) ; sorted(<y>) ; [v for v in <y>] ; list(enumerate(<y>))[0:0] ; [len(p) for p in <y>.split()]
        (<l> + <l>) ; (<l> * 2) ; (<n> * <l>) ; sorted(<l>) ; sorted(<l>, key=lambda v: -v)
        sorted(<l>, reverse=True) ; <l>[1:3] ; <l>[::-1] ; <l>[<n>:] ; list(reversed(<l>))
        [v + <n> for v in <l>] ; [v for v in <l> if v > <n>] ; [x * y for x in <l> for y in <l> if x]
        list(map(abs, <l>)) ; list(filter(None, <l>)) ; list(<l>) ; [i + v for i, v in enumerate(<l>, 1)]
        [p + q for p, q in zip(<l>, <l>)] ; [*<l>, <n>] ; [*<l>, *<l>] ; list(range(int(<n>) % 7))
        list(range(<n>)) ; sorted(set(<l>) | set(<l>)) ; sorted(set(<l>) & set(<l>))
        sorted(set(<l>) - set(<l>)) ; sorted({v % 3 for v in <l>}) ; list(<d>.values()) ; <l>.copy()
        list(dict.fromkeys(<l>)) ; [min(<n>, v) for v in <l>] ; [len(str(v)) for v in <l>]
        list(tuple(<l>) + tuple(<l>)) ; [len(w) for w in <t>.split()]
        [[i, j] for i, j in sorted(<d>.items())][0] ; list(map(lambda p, q: p - q, <l>, <l>))
        list(itertools.accumulate(<l>)) ; list(itertools.chain(<l>, <l>))
        list(itertools.islice(<l>, 1, None))
        [k for k, g in itertools.groupby(<l>)] ; [len(list(g)) for k, g in itertools.groupby(<l>, bool)]
        [sum(p) for p in itertools.pairwise(<l>)] ; [sum(p) for p in itertools.combinations(<l>, 2)]
        list(itertools.takewhile(lambda v: v < <n>, <l>)) ; list(deque(<l>, maxlen=2))
        [*(deque(<l>) + deque(<l>))]
        list(Counter(<l>).values()) ; [n for k, n in Counter(<t>).most_common()]
        sorted(Counter(<l>).elements())
        (<l> or <l>) ; [f(<n>) for f in (abs, float, lambda z: z * 2)] ; list(divmod(<n>, <n>))
        [sum(w) for w in [<l>, <l>]] ; sorted(<l>, key=[3, 1, 2, 0, -1, 5].index)
        list(zip(*[<l>, <l>]))[0:0] ; [*map(min, *[<l>, <l>])] ; fresh_default(<n>)
        list(w for w in (w2 for w2 in <l>)) ; list(zip(<l>))[0:0]
    """,
    "d": """
        {'k': <n>} ; {<t>: <n>} ; {**<d>, **<d>} ; {**<d>, 'k': <n>} ; (<d> | <d>) ; dict(<d>)
        {str(v): v for v in <l>} ; dict(k=<n>) ; dict(zip(['k', 'm'], <l>)) ; <d>.copy()
        {k: v for k, v in <d>.items() if v} ; dict([('k', <n>)]) ; dict(sorted(<d>.items()))
        dict(**<d>) ; dict(**<d>, m=<n>) ; (lambda **kw: kw)(k=<n>, **<d>)
        dict.fromkeys(<t>, <n>) ; dict(<d>, m=<n>) ; json.loads(json.dumps(<d>)) ; (<d> or <d>)
        Counter(<t>) ; (Counter(<t>) + Counter(<t>)) ; (Counter(<t>) - Counter(<t>))
        (Counter(<d>) | Counter(<d>))
        grouped(<l>) ; (defaultdict(int, <d>) | <d>) ; (<d> | defaultdict(list, <d>)) ; Counter(<t>, k=<n>)
    """,
    "y": """
        (<y> + <y>) ; (<y> * 2) ; (<n> * <y>) ; <y>[1:] ; <y>[::-1] ; <y>[<n>:<n>] ; bytes(<l>)
        <y>.strip() ; <y>.upper() ; <y>.replace(b'a', <y>) ; <y>.replace(<y>, b'xy', 1)
        b','.join([<y>, <y>]) ; <y>.split(b',')[-1] ; <y>.partition(b'a')[2] ; <t>.encode()
        <t>.encode('ascii', 'replace')
        bytes(<t>, 'latin-1') ; bytes.fromhex(<t>) ; bytes.fromhex(<y>.hex()) ; int(<n>).to_bytes(2, 'big')
        abs(int(<n>)).to_bytes(20, 'little') ; struct.pack('<hB', int(<n>), 7) ; struct.pack('>d2x', <n>)
        base64.b64encode(<y>) ; base64.b64decode(<y>) ; base64.b64decode(<t>) ; binascii.hexlify(<y>, ':')
        (<y> or <y>) ; <y>.removeprefix(b'a') ; max(<y>, <y>) ; <y>.rsplit(None, 1)[0] ; bytes(<y>)
        (<y> if <y> < <y> else <y>) ; bytes(int(<n>) % 9) ; <y>.lstrip(<y>) ; bytes(reversed(<y>))
    """,
    "v": "<n> ; <t> ; <l> ; <d> ; <y> ; None",
    "simple": """
        a = <n> ; a += <n> ; b -= <n> ; a = b = <n> ; a, b = b, <n> ; s = <t> ; s += <t> ; xs = <l>
        xs += <l> ; xs.append(<n>) ; xs.extend(<l>) ; xs.extend(i for i in <l>) ; d = <d>
        xs.insert(0, <n>) ; xs.sort() ; xs.reverse() ; xs.sort(key=lambda v: (v % 3, v)) ; xs.remove(<n>)
        a = xs.pop() ; b = xs.pop(0) ; xs[0] = <n> ; xs[0] += <n> ; xs[<n>] += <n> ; xs[1:2] = <l>
        xs[::2] = <l> ; del xs[0] ; del xs[:1] ; xs[-1] *= <n> ; d['k'] = <n> ; d['k'] += <n>
        d[<t>] = <n> ; d[<t>] += <n> ; d[<t>] -= 1 ; d.setdefault('z', <n>) ; del d['k'] ; d.update(<d>)
        d.update(k=<n>) ; d |= <d> ; a = d.pop('k', 5) ; state['n'] = state.get('n', 0) + <n>
        state['t'] = <t> ; state['xs'] = <l> ; state['n'] += 1 ; state['n'] *= <n> ; first, *rest = <l>
        [a, b] = <l> ; assert <n> < 50, <t> ; a **= 2 ; a %= <n> ; a //= <n> ; a /= <n> ; a |= 4 ; xs *= 2
        (a, b), s = (<n>, <n>), <t> ; xs[0], xs[-1] = xs[-1], xs[0] ; a = <v> ; s = f'{b}{a}'
        state.setdefault('log', []).append(<t>) ; a = xs ; b = xs.count ; raise ValueError(<t>) ; a -= 1
        s *= 2 ; s %= <n> ; d.clear() ; xs.clear() ; a = {1, 2} ; a |= {<n>}
    """,
}
BLOCKS = [
    "if (w := <n>):\n<b>\nelse:\n<b>",
    "if <n> > <n>:\n<b>\nelif <t>:\n<b>",
    "for a in <l>[:5]:\n<b>",
    "for k, b in list(<d>.items()):\n<b>",
    "for i in range(3):\n<b>\n    if i == 1:\n        break\nelse:\n<b>",
    "for c in <t>:\n<b>\n    s = c",
    # Sorted, because Python's own sets have no order.
    "for c in sorted(set(<l>)):\n    a += c",
    "i = 0\nwhile i < 3:\n    i += 1\n<b>\n    if a:\n        continue\n<b>",
    "try:\n<b>\nexcept (ValueError, KeyError, IndexError) as e:\n    s = str(e)\nfinally:\n    b = 1",
    "try:\n<b>\nexcept Exception:\n<b>\nelse:\n    a = 2",
    "match <v>:\n    case [a, *xs]:\n        s = 'list'\n    case {'k': b, **d} if b:\n        s = 'dict'",
    "match <v>:\n    case int(a) | float(a) if a > <n>:\n        s = <t>\n    case str() as s:\n        pass",
    "match <l>:\n    case [] | [_] | [1, *_]:\n        a = <n>\n    case [a, *_, b]:\n        xs = <l>",
    "match {'k': <v>, 'm': [<n>]}:\n    case {'k': None | True | 1}:\n        a = 0",
    "match [<v>, <d>]:\n    case [[a, b, *xs] | {'k': a, 'm': b, **xs}, _]:\n        xs = list(xs)",
    "match [<v>, <d>]:\n    case [str(s), {'k': a, **d}]:\n        b = 1",
    "def inner(p, *more, q=2):\n    return [p, q, len(more)]\nxs = inner(<n>, <n>)",
]
HOLE = re.compile("<([ntldvy])>")


def split(text: str) -> list[str]:
    return [part.strip() for line in text.strip().splitlines() for part in line.split(" ; ")]


CHOICES = {kind: split(text) for kind, text in TEMPLATES.items()}


@st.composite
def expression(draw: DrawFn, kind: str, depth: int) -> str:
    if kind == "v" or depth > 0:
        return draw(filled(draw(st.sampled_from(CHOICES[kind])), depth - 1))
    return draw(st.sampled_from(LEAVES[kind]))


@st.composite
def filled(draw: DrawFn, template: str, depth: int) -> str:
    return HOLE.sub(lambda hole: draw(expression(hole[1], depth)), template)


@st.composite
def statements(draw: DrawFn, depth: int) -> list[str]:
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        if depth > 0 and draw(st.integers(0, 2)) == 0:
            template = draw(filled(draw(st.sampled_from(BLOCKS)), 1))
            for line in template.split("\n"):
                lines.extend(
                    "    " + inner for inner in draw(statements(depth - 1))
                ) if line == "<b>" else lines.append(line)
        else:
            lines.append(draw(filled(draw(st.sampled_from(CHOICES["simple"])), 2)))
    return lines


@st.composite
def logics(draw: DrawFn) -> str:
    lines = [
        "a, b, s, xs, d = 2, 3.5, 'ab', [1, 2, 3], {'k': 4}",
        "day = datetime.date(2026, 3, 12)",
        "local = datetime.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin'))",
        "raw = b'ab\\x01'",
        *draw(statements(2)),
        f"return {{'a': a, 'b': b, 's': s, 'xs': xs, 'd': d, 'r': {draw(expression('v', 2))}}}",
    ]
    return (
        "import base64\nimport binascii\nimport bisect\nimport functools\nimport itertools\n"
        "from collections import Counter, defaultdict, deque\nimport datetime\nimport json\nimport math\n"
        "import statistics\nimport struct\nimport zoneinfo\n"
        "from statistics import mean\n\n"
        "BASE = 3\n\n"
        "def helper(p, q=BASE):\n    return p - q if p > q else q\n\n"
        "def shadowing(sum, map):\n    max = sum\n    for min in map:\n        max += min\n    return max\n\n"
        "def grouped(items):\n    made = defaultdict(list)\n    for item in items:\n"
        "        made[str(item)].append(item)\n    return made\n\n"
        "def fresh_default(v, *, _kept=()):\n    return [v, *_kept]\n\n"
        "def process(data, state):\n" + "\n".join("    " + line for line in lines) + "\n"
    )


#: Generated lines are long and nested. These limits are not tested here.
ROOMY = Limits(line_chars=30_000, depth=100, nodes=50_000)

#: The limits that a generated logic may exceed.
GROWTH = {"int_bits", "str_chars", "list_items", "range_items", "format_width", "fuel"}

READINGS = st.fixed_dictionaries(
    {
        "n": st.integers(-100, 100),
        "x": st.floats(-1e3, 1e3).map(lambda value: round(value, 2)),
        "t": st.text("abäB ,", max_size=5),
        "xs": st.lists(st.integers(-9, 9), max_size=5),
        "d": st.dictionaries(st.sampled_from("kmn"), st.integers(0, 9), max_size=2),
    }
)


def in_python(source: str, reading: Any) -> tuple[str, Any, Any]:
    """Return the outcome, result and state in plain Python."""
    names: dict[str, Any] = {}
    state: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about code that nobody would write, such as `0 is None`
        exec(source, names)  # noqa: S102 - generated here
    try:
        returned = names["process"](fresh(reading), state)
    except Exception as error:  # noqa: BLE001 - any error of Python is compared
        return name_of(type(error)), None, None
    returned, state = plain(returned), plain(state)
    try:
        encode(returned, state, Limits())
    except LogicError:
        return "cannot leave", None, None
    return "ok", fresh(returned), fresh(state)


def plain(value: Any, depth: int = 0) -> Any:
    """Return a value with lists and dicts instead of the types of `collections`, as it leaves a logic."""
    if depth > 20:
        return value
    if isinstance(value, dict):
        return {key: plain(item, depth + 1) for key, item in value.items()}
    return [plain(item, depth + 1) for item in value] if isinstance(value, list | tuple | deque) else value


@settings(max_examples=400)
@given(source=logics(), reading=READINGS)
def test_the_sandbox_gives_the_same_as_python(source: str, reading: Any) -> None:
    ran = run(source, reading, limits=ROOMY)

    assert ran.kind != "refused-at-upload", ran.problems
    if ran.kind == "limit":
        # Python might run very long here: with a number, text or list that grew. A list may contain itself.
        assert ran.failure is not None
        assert ran.failure.limit in (
            "int_bits",
            "str_chars",
            "list_items",
            "range_items",
            "format_width",
            "fuel",
            "recursion",
            "value_depth",
        )
        return
    outcome, returned, state = in_python(source, reading)
    if outcome == "ok":
        assert ran.kind == "ok", ran.failure
        assert ran.results == [returned]
        assert ran.state == state
    elif outcome == "cannot leave":
        assert ran.kind == "runtime-error"
        assert ran.failure is not None
        assert ran.failure.line is None
    else:
        assert ran.kind == "runtime-error"
        assert ran.failure is not None
        assert ran.failure.message.partition(":")[0] == outcome
