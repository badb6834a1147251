# ruff: noqa: E501 - the sources are as people write them
"""Natural snippets: small logics, each as a plant engineer would write it, with readings and a config."""

from typing import Any, NamedTuple


class Snippet(NamedTuple):
    name: str
    text: str
    readings: list[Any] = [{}]  # noqa: RUF012 - nothing changes it
    config: dict[str, Any] = {}  # noqa: RUF012 - nothing changes it

    @property
    def source(self) -> str:
        return self.text.removeprefix("\n")


#: Short ones, of one construct each.
CONSTRUCTS = [
    Snippet(
        "aug name",
        """
def process(data, state):
    v = 3
    v *= 255
    v //= 2
    v **= 2
    v %= 1000
    v <<= 2
    v |= 1
    v ^= 3
    v &= 0xFF
    v >>= 1
    v -= 1
    v /= 3
    return {'v': v}
""",
    ),
    Snippet(
        "aug item",
        """
def process(data, state):
    state.setdefault('m', {'n': 0, 'l': [1, 2]})
    state['m']['n'] += 1
    state['m']['l'][0] += 5
    state['m']['l'][-1] *= 2
    return state
""",
        [{}, {}, {}],
    ),
    Snippet(
        "aug string and set",
        """
def process(data, state):
    s = ''
    s += 'x'
    t = {1, 2}
    t |= {3}
    t -= {1}
    t &= {2, 3}
    d = {'a': 1}
    d |= {'b': 2}
    return {'s': s, 't': sorted(t), 'd': d}
""",
    ),
    Snippet(
        "unpack",
        """
def process(data, state):
    a, (b, c), *rest = 1, (2, 3), 4, 5
    [x, y] = [7, 8]
    a, b = b, a
    first, *_, last = range(5)
    return {'v': [a, b, c, rest, x, y, first, last]}
""",
    ),
    Snippet(
        "unpack for",
        """
def process(data, state):
    out = []
    for i, (k, (lo, hi)) in enumerate({'t': (1, 2), 'p': (3, 4)}.items()):
        out.append([i, k, lo, hi])
    return {'out': out, 'c': [a + b for a, b in zip([1, 2], [3, 4])]}
""",
    ),
    Snippet(
        "star call",
        """
def f(*args, scale=1, **kw):
    return sum(args) * scale + sum(kw.values())
def process(data, state):
    a = [1, 2]
    k = {'x': 5}
    return {'v': f(*a, 3, scale=2, **k), 'l': [*a, *a], 'd': {**k, 'y': 1}}
""",
    ),
    Snippet(
        "dispatch dict of functions",
        """
def on(d):
    return 'on'
def off(d):
    return 'off'
D = {1: on, 0: off}
def process(data, state):
    return {'s': D[data['v']](data), 'u': D.get(5, lambda d: 'unknown')(data)}
""",
        [{"v": 1}, {"v": 0}],
    ),
    Snippet(
        "functions in list",
        """
def process(data, state):
    fs = [abs, float, str, lambda x: x * 2]
    return {'v': [f(-3) for f in fs]}
""",
    ),
    Snippet(
        "max key dict get",
        """
def process(data, state):
    d = {'a': 3, 'b': 7}
    return {'best': max(d, key=d.get), 'order': sorted(d, key=d.get, reverse=True)}
""",
    ),
    Snippet(
        "method as value",
        """
def process(data, state):
    add = state.setdefault('l', []).append
    add(1)
    return state
""",
    ),
    Snippet(
        "default args immutable",
        """
def f(x, k=2, *, z=None):
    return x * k
def process(data, state):
    return {'v': f(3)}
""",
    ),
    Snippet(
        "process with defaults",
        """
def process(data, state=None):
    return {'v': 1}
""",
    ),
    Snippet(
        "module constant list",
        """
LIMITS = [10, 20]
def process(data, state):
    return {'v': LIMITS[1]}
""",
    ),
    Snippet(
        "module table by comprehension",
        """
TABLE = [sum(1 for b in range(8) if n >> b & 1) for n in range(256)]
def process(data, state):
    return {'v': TABLE[255]}
""",
    ),
    Snippet(
        "module table by function",
        """
def make():
    t = []
    for n in range(256):
        c = n
        for _ in range(8):
            c = (c >> 1) ^ 0xA001 if c & 1 else c >> 1
        t.append(c)
    return t
TABLE = make()
def process(data, state):
    return {'v': TABLE[255]}
""",
    ),
    Snippet(
        "global",
        """
n = 0
def process(data, state):
    global n
    n += 1
    return {'n': n}
""",
    ),
    Snippet(
        "if at module level",
        """
UNIT = 'C'
if UNIT == 'C':
    F = 1
else:
    F = 2
def process(data, state):
    return {'v': F}
""",
    ),
    Snippet(
        "name guard",
        """
def process(data, state):
    return {'v': 1}

if __name__ == '__main__':
    print(process({}, {}))
""",
    ),
    Snippet(
        "class",
        """
class Filter:
    def __init__(self, a):
        self.a = a
def process(data, state):
    return {'v': Filter(1).a}
""",
    ),
    Snippet(
        "namedtuple",
        """
from collections import namedtuple
P = namedtuple('P', 'x y')
def process(data, state):
    return {'v': P(1, 2).x}
""",
    ),
    Snippet(
        "defaultdict",
        """
from collections import defaultdict
def process(data, state):
    d = defaultdict(int)
    d['a'] += 1
    return dict(d)
""",
    ),
    Snippet(
        "bisect",
        """
import bisect
def process(data, state):
    return {'i': bisect.bisect([1, 2, 3], 2.5)}
""",
    ),
    Snippet(
        "binascii crc",
        """
import binascii
def process(data, state):
    return {'v': binascii.crc32(b'abc')}
""",
    ),
    Snippet(
        "base64",
        """
import base64
def process(data, state):
    return {'v': list(base64.b64decode('AQI='))}
""",
    ),
    Snippet(
        "re",
        r"""
import re
def process(data, state):
    m = re.match(r'T=(-?\d+\.\d+)', data['s'])
    return {'t': float(m.group(1))}
""",
        [{"s": "T=-3.5;H=40"}],
    ),
    Snippet(
        "copy",
        """
import copy
def process(data, state):
    return copy.deepcopy({'a': [1]})
""",
    ),
    Snippet(
        "random",
        """
import random
def process(data, state):
    return {'v': random.random()}
""",
    ),
    Snippet(
        "zoneinfo",
        """
from zoneinfo import ZoneInfo
from datetime import datetime
def process(data, state):
    return {'v': datetime(2026, 7, 1, tzinfo=ZoneInfo('Europe/Berlin')).isoformat()}
""",
    ),
    Snippet(
        "shift in local time",
        """
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError
BERLIN = ZoneInfo('Europe/Berlin')
def shift(t):
    return 'early' if 6 <= t.hour < 14 else 'late' if 14 <= t.hour < 22 else 'night'
def process(data, state):
    try:
        zone = ZoneInfo(data.get('zone', 'Europe/Berlin'))
    except ZoneInfoNotFoundError:
        zone = BERLIN
    t = datetime.fromisoformat(data['t']).astimezone(zone)
    midnight = t.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    day = (t - timedelta(hours=6)).date()
    last = state.get('last')
    state['last'] = t.isoformat()
    passed = (t - datetime.fromisoformat(last)).total_seconds() if last else None
    return {'shift': shift(t), 'day': day.isoformat(), 'zone': str(t.tzinfo), 'name': t.tzname(),
            'summer': bool(t.dst()), 'midnight': midnight.isoformat(), 'passed': passed, 'fold': t.fold,
            'text': f'{t:%d.%m.%Y %H:%M %Z}', 'same': t.tzinfo is BERLIN}
""",
        [
            {"t": "2026-03-29T00:30:00Z"},
            {"t": "2026-03-29T01:30:00Z"},
            {"t": "2026-10-25T00:30:00Z"},
            {"t": "2026-10-25T01:30:00+00:00"},
            {"t": "2026-10-25T01:30:00+00:00", "zone": "America/New_York"},
            {"t": "2026-10-25T01:30:00+00:00", "zone": "Mars/Olympus_Mons"},
        ],
    ),
    Snippet(
        "zones by pytz",
        """
import pytz
from datetime import datetime
def process(data, state):
    return {'v': pytz.timezone('Europe/Berlin').localize(datetime(2026, 7, 1)).isoformat()}
""",
    ),
    Snippet(
        "zones by dateutil",
        """
from dateutil import tz
from datetime import datetime
def process(data, state):
    return {'v': datetime(2026, 7, 1, tzinfo=tz.gettz('Europe/Berlin')).isoformat()}
""",
    ),
    Snippet(
        "hashlib",
        """
import hashlib
def process(data, state):
    return {'v': hashlib.md5(b'a').hexdigest()}
""",
    ),
    Snippet(
        "uuid",
        """
import uuid
def process(data, state):
    return {'v': str(uuid.uuid4())}
""",
    ),
    Snippet(
        "functools reduce",
        """
from functools import reduce
def process(data, state):
    return {'v': reduce(lambda a, b: a ^ b, [1, 2, 3])}
""",
    ),
    Snippet(
        "cmath",
        """
import cmath
def process(data, state):
    return {'v': abs(1j)}
""",
    ),
    Snippet(
        "numpy",
        """
import numpy as np
def process(data, state):
    return {'v': float(np.mean([1, 2]))}
""",
    ),
    Snippet(
        "print",
        """
def process(data, state):
    print('temperature', data)
    return {'v': 1}
""",
    ),
    Snippet(
        "import inside",
        """
def process(data, state):
    import math
    from datetime import timedelta
    return {'v': math.pi, 'd': timedelta(hours=1).total_seconds()}
""",
    ),
    Snippet(
        "from math",
        """
from math import log10, sqrt as wurzel
def process(data, state):
    return {'v': log10(1000), 'w': wurzel(16)}
""",
    ),
    Snippet(
        "int from_bytes",
        """
def process(data, state):
    return {'v': int.from_bytes([1, 2], 'big')}
""",
    ),
    Snippet(
        "float hex",
        """
def process(data, state):
    return {'v': (1.5).hex()}
""",
    ),
    Snippet(
        "format hex bin",
        """
def process(data, state):
    n = 1234
    return {'a': f'{n:04x}', 'b': f'{n:#018b}', 'c': '{:08b}'.format(n), 'd': '%04X' % n, 'e': hex(n), 'f': bin(n)[2:].zfill(16), 'g': format(n, ',d'), 'h': f'{n:>10}|{n:<8}|{n:^8}', 'i': f'{0.123:.1%}', 'j': f'{1e9:.3e}', 'k': f'{n!r}', 'l': f'{n=}'}
""",
    ),
    Snippet(
        "format nested",
        """
def process(data, state):
    w = 8
    return {'a': f'{3.14159:{w}.{2}f}', 'b': '{0}-{1}-{0}'.format(1, 2), 'c': '{name:>5}'.format(name='x'), 'd': '%-5s|%5.2f|%d%%' % ('a', 1.234, 5), 'e': '%(x)s' % {'x': 1}}
""",
    ),
    Snippet(
        "format item in braces",
        """
def process(data, state):
    return {'a': '{0[a]}'.format({'a': 1})}
""",
    ),
    Snippet(
        "f-string quotes and expr",
        """
def process(data, state):
    return {'a': f"{data['t']:.1f} {'hot' if data['t'] > 90 else 'ok'}", 'b': f'{{x}}', 'c': f'''{data["t"]}'''}
""",
        [{"t": 91.26}],
    ),
    Snippet(
        "f-string date",
        """
from datetime import datetime
def process(data, state):
    d = datetime(2026, 2, 28, 13, 5)
    return {'a': f'{d:%d.%m.%Y %H:%M}', 'b': format(d, '%H')}
""",
    ),
    Snippet(
        "except exception str",
        """
def process(data, state):
    try:
        return {'v': float(data['v'])}
    except Exception as e:
        return {'error': str(e)}
""",
        [{"v": "1,5"}, {"v": None}, {}, {"v": "nan"}],
    ),
    Snippet(
        "raise from, reraise",
        """
def process(data, state):
    try:
        int('x')
    except ValueError as e:
        raise RuntimeError('bad reading') from e
""",
    ),
    Snippet(
        "while else break continue",
        """
def process(data, state):
    i = 0
    while i < 10:
        i += 1
        if i % 2:
            continue
        if i == 6:
            break
    else:
        i = -1
    for j in []:
        pass
    else:
        i += 100
    return {'i': i}
""",
    ),
    Snippet(
        "chained compare, ternary",
        """
def process(data, state):
    v = data['v']
    return {'a': 1 < v <= 5 < 9, 'b': 'x' if v else 'y', 'c': not v is None, 'd': v in (1, 3), 'e': v not in {2}, 'f': v and v or 0}
""",
        [{"v": 3}],
    ),
    Snippet(
        "semicolons",
        """
def process(data, state): state['n'] = state.get('n', 0) + 1; return state
""",
        [{}, {}],
    ),
    Snippet(
        "pass, ellipsis",
        """
def process(data, state):
    pass
    ...
    return None
""",
    ),
    Snippet(
        "with",
        """
def process(data, state):
    with data as d:
        pass
""",
    ),
    Snippet(
        "yield generator",
        """
def gen(n):
    for i in range(n):
        yield i
def process(data, state):
    return {'v': list(gen(3))}
""",
    ),
    Snippet(
        "genexp",
        """
def process(data, state):
    return {'s': sum(x * x for x in range(4)), 'a': any(x > 2 for x in range(4)), 'j': ','.join(str(x) for x in range(3)), 'm': max((x for x in []), default=0)}
""",
    ),
    Snippet(
        "comprehensions",
        """
def process(data, state):
    return {'a': {k: v * 2 for k, v in {'x': 1}.items()}, 'b': sorted({x % 2 for x in range(5)}), 'c': [[i * j for j in range(2)] for i in range(2)], 'd': [x for row in [[1], [2]] for x in row if x]}
""",
    ),
    Snippet(
        "lambda default",
        """
def process(data, state):
    fs = [lambda x, k=k: x + k for k in range(3)]
    return {'v': [f(1) for f in fs]}
""",
    ),
    Snippet(
        "string methods",
        r"""
def process(data, state):
    line = '  1-0:1.8.1(000123.456*kWh)\r\n'
    key, _, rest = line.strip().partition('(')
    value, unit = rest.rstrip(')').split('*')
    return {'k': key, 'v': float(value), 'u': unit, 'n': 'a,b,,c'.split(','), 'm': ' a  b '.split(), 'x': 'Ä'.lower(), 'r': 'abc'.rjust(5, '0')}
""",
    ),
    Snippet(
        "str maketrans",
        """
def process(data, state):
    return {'v': '1.234,56'.translate(str.maketrans({',': '.', '.': ''}))}
""",
    ),
    Snippet(
        "nmea",
        """
def checksum(s):
    c = 0
    for ch in s:
        c ^= ord(ch)
    return f'{c:02X}'
def process(data, state):
    body, _, cs = data['s'].lstrip('$').partition('*')
    f = body.split(',')
    lat = int(f[2][:2]) + float(f[2][2:]) / 60
    return {'ok': checksum(body) == cs, 'lat': round(-lat if f[3] == 'S' else lat, 6), 'n': len(f)}
""",
        [{"s": "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47"}],
    ),
    Snippet(
        "int parsing",
        """
def process(data, state):
    out = []
    for t in ['0x1F', ' 12 ', '1_000', '-7', '12.0', '', '٣']:
        try:
            out.append(int(t, 0) if t.startswith('0x') else int(t))
        except ValueError as e:
            out.append(str(e))
    return {'out': out}
""",
    ),
    Snippet(
        "hasattr getattr",
        """
def process(data, state):
    return {'a': hasattr(data, 'get')}
""",
    ),
    Snippet(
        "dict views",
        """
def process(data, state):
    a = {'x': 1, 'y': 2}
    b = {'y': 2, 'z': 3}
    return {'new': sorted(b.keys() - a.keys()), 'same': sorted(a.keys() & b.keys()), 'eq': a == dict(reversed(list(a.items())))}
""",
    ),
    Snippet(
        "json text inside",
        """
import json
def process(data, state):
    inner = json.loads(data['payload'])
    return {'t': inner['t'], 'back': json.dumps(inner, sort_keys=True), 'sep': json.dumps(inner, separators=(',', ':')), 'ind': json.dumps(inner, indent=1), 'uml': json.dumps('ä', ensure_ascii=False)}
""",
        [{"payload": '{"t": 21.5, "a": [1, 2]}'}, {"payload": "nope"}],
    ),
    Snippet(
        "json default",
        """
import json
from datetime import datetime
def process(data, state):
    return {'v': json.dumps({'t': datetime(2026, 1, 1)}, default=str)}
""",
    ),
    Snippet(
        "epoch from delta",
        """
from datetime import date, datetime, time, timedelta, timezone
def process(data, state):
    base = datetime(1970, 1, 1, tzinfo=timezone.utc)
    ns = data['ns']
    t = base + timedelta(microseconds=ns // 1000)
    return {'t': t.isoformat(timespec='milliseconds'), 'back': int((t - base) / timedelta(microseconds=1))}
""",
        [{"ns": 1641667732350000001}],
    ),
    Snippet(
        "now",
        """
from datetime import date, datetime, time, timedelta, timezone
def process(data, state):
    return {'t': datetime.now(timezone.utc).isoformat()}
""",
    ),
    Snippet(
        "arith",
        """
from datetime import date, datetime, time, timedelta, timezone
def process(data, state):
    a = datetime.fromisoformat('2026-03-01T00:30:00+01:00')
    b = datetime.fromisoformat('2026-02-28T23:00:00Z')
    d = a - b
    return {'sec': d.total_seconds(), 'h': d / timedelta(hours=1), 'n': d // timedelta(minutes=7), 'neg': str(-d), 'abs': abs(-d).seconds, 'cmp': a > b, 'tz': a.astimezone(timezone.utc).isoformat(), 'day': (a + timedelta(days=1)).date().isoformat(), 'x': str(timedelta(days=1, hours=2)), 'max': max(a, b).isoformat()}
""",
    ),
    Snippet(
        "shift",
        """
from datetime import date, datetime, time, timedelta, timezone
def process(data, state):
    t = datetime.fromisoformat(data['t'])
    shift = 'early' if time(6) <= t.time() < time(14) else 'late' if time(14) <= t.time() < time(22) else 'night'
    day = t.date() - timedelta(days=1) if t.time() < time(6) else t.date()
    return {'shift': shift, 'day': day.isoformat(), 'weekday': t.weekday(), 'week': t.isocalendar()[1], 'iw': t.isocalendar().week, 'mid': datetime.combine(t.date(), time(0)).isoformat(), 'floor': t.replace(minute=t.minute // 15 * 15, second=0, microsecond=0).isoformat()}
""",
        [{"t": "2026-02-28T05:59:59"}, {"t": "2026-12-31T22:16:00"}],
    ),
    Snippet(
        "timezone offset",
        """
from datetime import date, datetime, time, timedelta, timezone
def process(data, state):
    cet = timezone(timedelta(hours=1), 'CET')
    return {'v': datetime.fromtimestamp(0, cet).isoformat(), 'n': str(cet), 'o': cet.utcoffset(None).total_seconds()}
""",
    ),
    Snippet(
        "datetime in state",
        """
from datetime import date, datetime, time, timedelta, timezone
def process(data, state):
    state['t'] = datetime(2026, 1, 1)
    return {}
""",
    ),
    Snippet(
        "datetime in result",
        """
from datetime import date, datetime, time, timedelta, timezone
def process(data, state):
    return {'t': datetime(2026, 1, 1, tzinfo=timezone.utc)}
""",
    ),
    Snippet(
        "tuple in state",
        """
def process(data, state):
    before = state.get('p')
    state['p'] = (1, 2)
    return {'same': before == (1, 2), 'type': str(type(before))}
""",
        [{}, {}],
    ),
    Snippet(
        "set in state",
        """
def process(data, state):
    state['s'] = {1, 2}
    return {}
""",
    ),
    Snippet(
        "state keeps reading",
        """
def process(data, state):
    state['last'] = data
    data['x'] = 1
    return {'v': state['last']}
""",
        [{"a": 1}],
    ),
    Snippet(
        "return bool",
        """
def process(data, state):
    return True
""",
    ),
    Snippet(
        "return number",
        """
def process(data, state):
    return 3.5
""",
    ),
    Snippet(
        "return data",
        """
def process(data, state):
    data['f'] = data['c'] * 1.8 + 32
    return data
""",
        [{"c": 100}],
    ),
    Snippet(
        "return inf",
        """
def process(data, state):
    return {'v': 1e308 * 10}
""",
    ),
    Snippet(
        "NaN in state",
        """
def process(data, state):
    state['ewma'] = float('nan')
    return {}
""",
    ),
    Snippet(
        "result set",
        """
def process(data, state):
    return {'v': {1, 2}}
""",
    ),
    Snippet(
        "none key",
        """
def process(data, state):
    return {None: 1}
""",
    ),
    Snippet(
        "bool key",
        """
def process(data, state):
    return {True: 1}
""",
    ),
    Snippet(
        "float key",
        """
def process(data, state):
    return {1.5: 1}
""",
    ),
    Snippet(
        "unicode",
        """
def process(data, state):
    return {'Größe': data['Temperatur °C'], 'emoji': '🌡', 'n': len('🌡')}
""",
        [{"Temperatur °C": 21.5}],
    ),
    Snippet(
        "empty result",
        """
def process(data, state):
    return {}
""",
    ),
    Snippet(
        "state clear update",
        """
def process(data, state):
    n = state.get('n', 0)
    state.clear()
    state.update(n=n + 1)
    return dict(state)
""",
        [{}, {}],
    ),
    Snippet(
        "list reading",
        """
def process(data, state):
    return {'n': len(data), 'first': data[0]['n']}
""",
        [[{"n": "a"}]],
    ),
    Snippet(
        "missing key",
        """
def process(data, state):
    return {'v': data['temprature']}
""",
        [{"temperature": 1}],
    ),
    Snippet(
        "js style",
        """
def process(data, state):
    if data['t'] > 5 && True:
        return null
""",
    ),
    Snippet(
        "nbsp",
        """
def process(data, state):
    return {'v': 1}
""",
    ),
    Snippet(
        "typographic quotes",
        """
def process(data, state):
    return {‘v’: 1}
""",
    ),
    Snippet(
        "underscore names",
        """
def process(data, state):
    _tmp = 1
    return {'v': _tmp}
""",
    ),
    Snippet(
        "underscore key",
        """
def process(data, state):
    return {'_v': data['_id']}
""",
        [{"_id": 5}],
    ),
    Snippet(
        "config written",
        """
def process(data, state):
    config['limit'] = 5
    return {}
""",
    ),
    Snippet(
        "config copy",
        """
def process(data, state):
    c = dict(config)
    c['x'] = 1
    return c
""",
        [{}],
        {"l": 1},
    ),
    Snippet(
        "statistics",
        """
import statistics as st
def process(data, state):
    v = data['v']
    return {'m': st.mean(v), 'md': st.median(v), 'sd': round(st.stdev(v), 6), 'q': st.quantiles(v, n=4), 'lr': list(st.linear_regression([1, 2, 3], [2, 4, 6]))}
""",
        [{"v": [1, 2, 3, 4.5]}, {"v": [1]}, {"v": []}],
    ),
    Snippet(
        "dewpoint",
        """
import math
def process(data, state):
    g = math.log(data['rh'] / 100) + 17.62 * data['t'] / (243.12 + data['t'])
    return {'dp': round(243.12 * g / (17.62 - g), 2)}
""",
        [{"t": 25, "rh": 60}, {"t": 25, "rh": 0}],
    ),
    Snippet(
        "pow",
        """
def process(data, state):
    return {'v': pow(2, 10), 'm': pow(3, 5, 7), 'n': 2 ** -1, 'f': 2.0 ** 0.5}
""",
    ),
    Snippet(
        "complex by negative power",
        """
def process(data, state):
    return {'v': (-8) ** (1 / 3)}
""",
    ),
    Snippet(
        "big pow",
        """
def process(data, state):
    return {'v': 10 ** 400}
""",
    ),
    Snippet(
        "range float step",
        """
def process(data, state):
    return {'v': [x / 10 for x in range(0, 10, 3)]}
""",
    ),
    Snippet(
        "enumerate start, reversed, iter",
        """
def process(data, state):
    return {'a': list(enumerate('ab', start=1)), 'b': list(reversed([1, 2])), 'c': next(iter([5]), None), 'd': list(filter(None, [0, 1, '', 2]))}
""",
    ),
    Snippet(
        "id hash",
        """
def process(data, state):
    return {'v': hash('a')}
""",
    ),
    Snippet(
        "callable",
        """
def process(data, state):
    return {'v': callable(len)}
""",
    ),
    Snippet(
        "slice object",
        """
def process(data, state):
    sl = slice(1, 3)
    return {'v': [1, 2, 3, 4][sl]}
""",
    ),
    Snippet(
        "ascii",
        """
def process(data, state):
    return {'v': ascii('ä')}
""",
    ),
    Snippet(
        "object()",
        """
def process(data, state):
    x = object()
    return {}
""",
    ),
]

#: Whole helpers of everyday logics.
HELPERS = [
    Snippet(
        "unit conversion with a table of lambdas",
        """
CONVERT = {
    ("C", "F"): lambda v: v * 9 / 5 + 32,
    ("F", "C"): lambda v: (v - 32) * 5 / 9,
    ("bar", "psi"): lambda v: v * 14.5038,
}

def convert(value, source, target):
    if source == target:
        return value
    try:
        return CONVERT[source, target](value)
    except KeyError:
        raise ValueError(f"cannot convert {source} to {target}") from None

def process(data, state):
    return {"value": round(convert(data["v"], data["from"], data["to"]), 2)}
""",
        [{"v": 100, "from": "C", "to": "F"}, {"v": 2, "from": "bar", "to": "psi"}],
    ),
    Snippet(
        "unit suffix",
        """
UNITS = {"k": 1e3, "M": 1e6, "m": 1e-3, "µ": 1e-6}

def parse(text):
    text = text.strip()
    if text and text[-1] in UNITS:
        return float(text[:-1]) * UNITS[text[-1]]
    return float(text)

def process(data, state):
    return {k: parse(v) for k, v in data.items()}
""",
        [{"a": "4.7k", "b": "12", "c": "330m"}],
    ),
    Snippet(
        "moving average with min and max as variables",
        """
def process(data, state):
    window = state.get("window", [])
    window.append(data["v"])
    if len(window) > 3:
        window.pop(0)
    state["window"] = window
    sum = 0
    max = min = window[0]
    for v in window:
        sum += v
        if v > max:
            max = v
        if v < min:
            min = v
    return {"avg": sum / len(window), "max": max, "min": min}
""",
        [{"v": 3}, {"v": 9}, {"v": 4}, {"v": 8}],
    ),
    Snippet(
        "exponential moving average with a typed helper",
        """
from __future__ import annotations
from typing import Any, Optional

ALPHA: float = 0.3

def ema(previous: Optional[float], value: float, alpha: float = ALPHA) -> float:
    return value if previous is None else alpha * value + (1 - alpha) * previous

def process(data: dict[str, Any], state: dict[str, Any]) -> dict[str, float] | None:
    level: float = ema(state.get("level"), data["v"])
    state["level"] = level
    return {"level": round(level, 3)}
""",
        [{"v": 10}, {"v": 20}],
    ),
    Snippet(
        "weighted average with zip and star",
        """
def weighted(*pairs):
    values, weights = zip(*pairs)
    return sum(v * w for v, w in pairs) / sum(weights)

def process(data, state):
    return {"v": weighted(*data["pairs"]), "n": max(*[1, 5, 3])}
""",
        [{"pairs": [[10, 1], [20, 3]]}],
    ),
    Snippet(
        "hysteresis with nested function and nonlocal state",
        """
def process(data, state):
    high, low = config.get("high", 80), config.get("low", 70)

    def next_state(on):
        if on:
            return data["t"] > low
        return data["t"] >= high

    state["on"] = next_state(state.get("on", False))
    return {"fan": state["on"]}
""",
        [{"t": 81}, {"t": 75}, {"t": 69}],
        {"high": 80, "low": 70},
    ),
    Snippet(
        "debounce by time",
        """
HOLD = 5

def process(data, state):
    if data["bit"] != state.get("candidate"):
        state["candidate"], state["since"] = data["bit"], data["ts"]
    if data["ts"] - state["since"] >= HOLD and state.get("stable") != state["candidate"]:
        state["stable"] = state["candidate"]
        return {"stable": state["stable"]}
""",
        [{"bit": 1, "ts": 0}, {"bit": 1, "ts": 6}],
    ),
    Snippet(
        "counter with rollover",
        """
MAX = 2**16

def delta(now, before, max=MAX):
    return (now - before) % max

def process(data, state):
    last = state.get("last")
    state["last"] = data["count"]
    if last is None:
        return None
    state["total"] = state.get("total", 0) + delta(data["count"], last)
    return {"total": state["total"]}
""",
        [{"count": 65530}, {"count": 4}],
    ),
    Snippet(
        "counter with reset",
        """
def process(data, state):
    before, now = state.get("raw", 0), data["kwh"]
    state["raw"] = now
    step = now - before if now >= before else now
    state["sum"] = round(state.get("sum", 0.0) + step, 3)
    return {"sum": state["sum"]}
""",
        [{"kwh": 100.5}, {"kwh": 101.0}, {"kwh": 0.25}],
    ),
    Snippet(
        "shift calendar",
        """
from datetime import datetime, timedelta

SHIFTS = [(6, 14, "early"), (14, 22, "late")]

def shift_of(t):
    for start, end, name in SHIFTS:
        if start <= t.hour < end:
            return name, t.date()
    day = t.date() if t.hour >= 22 else t.date() - timedelta(days=1)
    return "night", day

def process(data, state):
    name, day = shift_of(datetime.fromisoformat(data["time"]))
    return {"shift": name, "day": str(day), "weekend": day.weekday() >= 5}
""",
        [{"time": "2026-03-01T05:30:00"}, {"time": "2026-02-28T23:10:00"}],
    ),
    Snippet(
        "seconds to text",
        """
def hms(seconds):
    m, s = divmod(int(seconds), 60)
    h, m = divmod(m, 60)
    return f"{h:02d}:{m:02d}:{s:02d}"

def process(data, state):
    return {"t": hms(data["s"])}
""",
        [{"s": 3725.9}],
    ),
    Snippet(
        "parse csv line",
        """
FIELDS = ("ts", "temp", "hum", "status")

def process(data, state):
    rows = []
    for line in data["csv"].splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        row = dict(zip(FIELDS, line.split(";")))
        row["temp"] = float(row["temp"].replace(",", "."))
        row["hum"] = int(row["hum"])
        rows.append(row)
    return rows
""",
        [{"csv": "# head\n1;21,5;40;ok\n\n2;22,0;41;low\n"}],
    ),
    Snippet(
        "csv with quotes",
        """
def split_csv(line, sep=","):
    fields, field, quoted = [], "", False
    for c in line:
        if c == '"':
            quoted = not quoted
        elif c == sep and not quoted:
            fields.append(field)
            field = ""
        else:
            field += c
    return fields + [field]

def process(data, state):
    return {"f": split_csv(data["l"])}
""",
        [{"l": 'a,"b,c",,d'}],
    ),
    Snippet(
        "hex string to bytes list",
        """
def to_bytes(hex):
    hex = hex.replace(" ", "")
    return [int(hex[i:i + 2], 16) for i in range(0, len(hex), 2)]

def process(data, state):
    b = to_bytes(data["frame"])
    return {"bytes": b, "crc": sum(b[:-1]) & 0xFF == b[-1], "back": "".join(f"{x:02X}" for x in b)}
""",
        [{"frame": "01 03 04"}],
    ),
    Snippet(
        "modbus crc",
        """
def crc16(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            if crc & 1:
                crc = (crc >> 1) ^ 0xA001
            else:
                crc >>= 1
    return crc

def process(data, state):
    c = crc16(data["b"])
    return {"crc": f"{c & 0xFF:02x}{c >> 8:02x}"}
""",
        [{"b": [1, 3, 0, 0, 0, 10]}],
    ),
    Snippet(
        "modbus registers to 32 bit values",
        """
def u32(hi, lo):
    return hi << 16 | lo

def i16(v):
    return v - 0x10000 if v & 0x8000 else v

def i32(hi, lo):
    v = u32(hi, lo)
    return v - (1 << 32) if v >> 31 else v

def process(data, state):
    r = data["regs"]
    return {"a": i16(r[0]), "b": u32(*r[1:3]), "c": i32(*r[3:5])}
""",
        [{"regs": [65535, 1, 2, 65535, 65534]}],
    ),
    Snippet(
        "ieee754 from registers",
        """
import math

def float32(hi, lo):
    bits = hi << 16 | lo
    sign = -1.0 if bits >> 31 else 1.0
    exponent = bits >> 23 & 0xFF
    fraction = bits & 0x7FFFFF
    if exponent == 0xFF:
        return None
    if exponent == 0:
        return sign * math.ldexp(fraction, -149)
    return sign * math.ldexp(1 + fraction / 2**23, exponent - 127)

def process(data, state):
    return {"v": float32(*data["r"])}
""",
        [{"r": [16812, 0]}],
    ),
    Snippet(
        "obis line",
        r"""
def parse_obis(line):
    code, _, rest = line.partition("(")
    value, *unit = rest.rstrip(")\r\n").split("*")
    return code.split(":")[-1], float(value) if value.replace(".", "", 1).isdigit() else value, unit[0] if unit else None

def process(data, state):
    out = {}
    for line in data["telegram"].split("\n"):
        if "(" in line:
            code, value, unit = parse_obis(line)
            out[code] = {"value": value, "unit": unit}
    return out
""",
        [{"telegram": "1-0:1.8.0(000123.4*kWh)\n0-0:96.1.0(ABC)\n!"}],
    ),
    Snippet(
        "nmea time and position",
        """
def dm(value, hemi):
    deg, minutes = divmod(float(value), 100)
    result = deg + minutes / 60
    return -result if hemi in "SW" else result

def process(data, state):
    type, *f = data["s"].split("*")[0][1:].split(",")
    if type[2:] != "RMC" or f[1] != "A":
        return None
    return {"lat": round(dm(f[2], f[3]), 5), "lon": round(dm(f[4], f[5]), 5), "knots": float(f[6] or 0)}
""",
        [{"s": "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A"}],
    ),
    Snippet(
        "key=value telegram",
        """
def process(data, state):
    pairs = (p.split("=", 1) for p in data["t"].split(";") if "=" in p)
    out = {}
    for key, value in pairs:
        try:
            out[key.strip().lower()] = float(value)
        except ValueError:
            out[key.strip().lower()] = value.strip()
    return out
""",
        [{"t": "T=21.5; P = 3 ;S=ok;x"}],
    ),
    Snippet(
        "string report",
        r"""
def process(data, state):
    lines = [f"{'name':<10}|{'value':>8}"]
    for name, value in sorted(data.items()):
        lines.append(f"{name:<10}|{value:>8.2f}")
    return {"report": "\n".join(lines), "w": len(lines[0])}
""",
        [{"temp": 21.456, "p": 3}],
    ),
    Snippet(
        "format with dict and stars",
        """
TEMPLATE = "{machine}: {value:.1f} {unit}"

def process(data, state):
    return {"text": TEMPLATE.format(**data), "other": "%s=%s" % tuple(data["pair"]), "join": "{}/{}".format(*data["pair"])}
""",
        [{"machine": "m1", "value": 3.14159, "unit": "bar", "pair": ["a", 1]}],
    ),
    Snippet(
        "sorting with keys",
        """
def process(data, state):
    items = data["items"]
    by_two = sorted(items, key=lambda i: (-i["prio"], i["name"]))
    items.sort(key=lambda i: i["name"].lower(), reverse=True)
    return {"a": [i["name"] for i in by_two], "b": [i["name"] for i in items], "top": max(items, key=lambda i: i["prio"])["name"]}
""",
        [{"items": [{"name": "b", "prio": 1}, {"name": "A", "prio": 2}, {"name": "c", "prio": 2}]}],
    ),
    Snippet(
        "group by",
        """
def group_by(rows, key):
    groups = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return groups

def process(data, state):
    groups = group_by(data["rows"], "line")
    return {line: {"n": len(rows), "sum": sum(r["v"] for r in rows)} for line, rows in groups.items()}
""",
        [{"rows": [{"line": "A", "v": 1}, {"line": "B", "v": 2}, {"line": "A", "v": 3}]}],
    ),
    Snippet(
        "counting words with get",
        """
def process(data, state):
    counts = {}
    for word in data["text"].lower().replace(",", " ").split():
        counts[word] = counts.get(word, 0) + 1
    top = sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))[:2]
    return {"top": [list(t) for t in top], "dict": dict(top)}
""",
        [{"text": "on off, on fault on off"}],
    ),
    Snippet(
        "dict invert and merge",
        """
CODES = {"OK": 0, "WARN": 1, "FAIL": 2}
NAMES = {code: name for name, code in CODES.items()} if True else {}

def process(data, state):
    merged = {**CODES, **data.get("extra", {})}
    return {"name": NAMES.get(data["code"], "?"), "n": len(merged)}
""",
        [{"code": 2, "extra": {"X": 9}}],
    ),
    Snippet(
        "nested get",
        """
def dig(d, *path, default=None):
    for key in path:
        if isinstance(d, dict) and key in d:
            d = d[key]
        elif isinstance(d, list) and isinstance(key, int) and -len(d) <= key < len(d):
            d = d[key]
        else:
            return default
    return d

def process(data, state):
    return {"a": dig(data, "x", "y", 0), "b": dig(data, "x", "z", default="none")}
""",
        [{"x": {"y": [7]}}],
    ),
    Snippet(
        "flatten",
        """
def flatten(d, prefix=""):
    out = {}
    for k, v in d.items():
        key = f"{prefix}.{k}" if prefix else k
        if isinstance(v, dict):
            out.update(flatten(v, key))
        else:
            out[key] = v
    return out

def process(data, state):
    return flatten(data)
""",
        [{"a": {"b": 1, "c": {"d": 2}}, "e": 3}],
    ),
    Snippet(
        "error handling with else and finally",
        """
def read(data, key):
    try:
        value = float(data[key])
    except KeyError:
        return None, "missing"
    except (TypeError, ValueError) as e:
        return None, type(e).__name__
    else:
        return value, None
    finally:
        data["seen"] = data.get("seen", 0) + 1

def process(data, state):
    return {k: list(read(data, k)) for k in ("a", "b", "c", "d")} | {"seen": data["seen"]}
""",
        [{"a": "1.5", "b": "x", "c": None}],
    ),
    Snippet(
        "raise own error text and catch",
        """
def check(value, low=0, high=100):
    if not low <= value <= high:
        raise ValueError("%.1f is not in %d..%d" % (value, low, high))
    return value

def process(data, state):
    errors = []
    for v in data["vs"]:
        try:
            check(v)
        except ValueError as error:
            errors.append(str(error))
    return {"errors": errors}
""",
        [{"vs": [5, 101, -0.5]}],
    ),
    Snippet(
        "early returns",
        """
def process(data, state):
    if not data:
        return
    if data.get("maintenance"):
        return {"status": "maintenance"}
    if (t := data.get("t")) is None:
        return {"status": "no value"}
    if t > 90: return {"status": "hot"}
    return {"status": "ok"}
""",
        [{"t": 91}, {"x": 1}, {"maintenance": True}, {"t": 5}],
    ),
    Snippet(
        "default args and keyword only",
        """
def scale(raw, *, low=4.0, high=20.0, span=(0, 100), clamp=True):
    start, end = span
    value = start + (raw - low) / (high - low) * (end - start)
    if clamp:
        value = min(max(value, start), end)
    return round(value, 3)

def process(data, state):
    return {"a": scale(12), "b": scale(25), "c": scale(25, clamp=False, span=(0, 10))}
""",
    ),
    Snippet(
        "mutable default used as a cache for one call",
        """
def collect(value, items=[]):
    return items + [value]

def process(data, state, ):
    return {"a": collect(1), "b": collect(2, [0])}
""",
    ),
    Snippet(
        "keyword dict passed on",
        """
def alarm(level, text, **extra):
    return {"level": level, "text": text, **extra}

def process(data, state):
    options = {"text": "too hot", "machine": "m"}
    return alarm(2, **options, t=data["t"])
""",
        [{"t": 99}],
    ),
    Snippet(
        "forwarding args",
        """
def log(fn, *args, **kwargs):
    result = fn(*args, **kwargs)
    return {"args": list(args), "kw": kwargs, "result": result}

def add(a, b, c=0):
    return a + b + c

def process(data, state):
    return log(add, 1, 2, c=3)
""",
    ),
    Snippet(
        "private helpers with an underscore",
        """
_LIMIT = 10

def _clip(value, _max=_LIMIT):
    return _max if value > _max else value

def process(data, state):
    _raw = data["v"]
    _, tail = divmod(_raw, 7)
    return {"v": _clip(_raw), "tail": tail}
""",
        [{"v": 23}],
    ),
    Snippet(
        "names of functions as parameters",
        """
def clamp(value, min, max):
    if value < min:
        return min
    return max if value > max else value

def process(data, state):
    return {"v": clamp(data["v"], min=0, max=10), "w": clamp(-1, 0, 10)}
""",
        [{"v": 23}],
    ),
    Snippet(
        "name of a function as a module constant",
        """
range = (0, 100)
type = "PT100"

def process(data, state):
    low, high = range
    return {"ok": low <= data["v"] <= high, "type": type}
""",
        [{"v": 50}],
    ),
    Snippet(
        "own round and format helpers",
        """
def round(value, digits=2):
    factor = 10 ** digits
    return int(value * factor + 0.5) / factor

def format(value):
    return f"{round(value)} kWh"

def process(data, state):
    return {"v": round(2.675), "t": format(data["e"])}
""",
        [{"e": 12.345}],
    ),
    Snippet(
        "loop variable named like a function",
        """
def process(data, state):
    out = []
    for id, type, format in data["rows"]:
        out.append(f"{id}:{type}:{format}")
    next = state.get("next", 0) + 1
    state["next"] = next
    return {"rows": out, "next": next}
""",
        [{"rows": [[1, "a", "b"]]}, {"rows": []}],
    ),
    Snippet(
        "boolean logic",
        """
def process(data, state):
    door, motor, guard = data["door"], data["motor"], data.get("guard", True)
    safe = door and guard and not motor
    xor = bool(door) != bool(motor)
    any_on = any((door, motor))
    return {"safe": safe, "xor": xor, "any": any_on, "all": all([door, guard]), "implied": not door or guard}
""",
        [{"door": True, "motor": False}],
    ),
    Snippet(
        "bit masks",
        """
FLAGS = {0: "run", 1: "fault", 4: "remote"}

def process(data, state):
    word = int(data["word"], 16)
    on = [name for bit, name in FLAGS.items() if word & (1 << bit)]
    changed = word ^ state.get("word", 0)
    state["word"] = word
    return {"on": on, "changed": bin(changed), "count": word.bit_count(), "swap": (word & 0xFF) << 8 | word >> 8}
""",
        [{"word": "0x13"}, {"word": "11"}],
    ),
    Snippet(
        "bcd",
        """
def from_bcd(value):
    result, factor = 0, 1
    while value:
        value, digit = value >> 4, value & 0xF
        if digit > 9:
            raise ValueError("not BCD")
        result += digit * factor
        factor *= 10
    return result

def process(data, state):
    return {"v": from_bcd(data["v"])}
""",
        [{"v": 4660}],
    ),
    Snippet(
        "piecewise linear interpolation",
        """
TABLE = [(0, 0.0), (50, 19.4), (100, 38.5)]

def lookup(x):
    if x <= TABLE[0][0]:
        return TABLE[0][1]
    for (x0, y0), (x1, y1) in zip(TABLE, TABLE[1:]):
        if x <= x1:
            return y0 + (x - x0) * (y1 - y0) / (x1 - x0)
    return TABLE[-1][1]

def process(data, state):
    return {"y": [round(lookup(x), 3) for x in data["xs"]]}
""",
        [{"xs": [-5, 25, 75, 200]}],
    ),
    Snippet(
        "linear regression by hand",
        """
def fit(points):
    n = len(points)
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    mx, my = sum(xs) / n, sum(ys) / n
    sxy = sum((x - mx) * (y - my) for x, y in points)
    sxx = sum((x - mx) ** 2 for x in xs)
    slope = sxy / sxx
    return slope, my - slope * mx

def process(data, state):
    slope, offset = fit(data["p"])
    return {"slope": round(slope, 6), "offset": round(offset, 6)}
""",
        [{"p": [[0, 1], [1, 3], [2, 5]]}],
    ),
    Snippet(
        "trapezoid integral",
        """
def integrate(samples):
    total = 0.0
    for (t0, v0), (t1, v1) in zip(samples[:-1], samples[1:]):
        total += (v0 + v1) / 2 * (t1 - t0)
    return total

def process(data, state):
    return {"kwh": integrate(data["s"]) / 3600}
""",
        [{"s": [[0, 10], [1800, 10], [3600, 20]]}],
    ),
    Snippet(
        "state machine with dict of functions",
        """
def idle(data, state):
    return "running" if data["start"] else "idle"

def running(data, state):
    state["cycles"] = state.get("cycles", 0) + 1
    return "idle" if data.get("stop") else "running"

HANDLERS = {"idle": idle, "running": running}

def process(data, state):
    mode = state.get("mode", "idle")
    state["mode"] = HANDLERS[mode](data, state)
    return {"mode": state["mode"]}
""",
        [{"start": True}, {"start": False}, {"start": False, "stop": True}],
    ),
    Snippet(
        "match on a command",
        """
def process(data, state):
    match data:
        case {"cmd": "set", "value": int(v) | float(v)}:
            state["set"] = v
        case {"cmd": "reset"}:
            state.clear()
        case {"cmd": other}:
            return {"error": f"unknown command {other}"}
        case _:
            return None
    return dict(state)
""",
        [{"cmd": "set", "value": 5}, {"cmd": "jump"}],
    ),
    Snippet(
        "type checks of input",
        """
def number(value, default=0.0):
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return default
    try:
        return float(value)
    except ValueError:
        return default

def process(data, state):
    return {k: number(v) for k, v in data.items()}
""",
        [{"a": 1, "b": "2.5", "c": None, "d": True, "e": "x", "f": []}],
    ),
    Snippet(
        "union in isinstance",
        """
Number = int | float

def process(data, state):
    return {"n": [isinstance(v, Number) for v in data["vs"]], "m": isinstance(data["vs"][0], int | str)}
""",
        [{"vs": [1, 2.5, "a", None]}],
    ),
    Snippet(
        "type aliases and typing names",
        """
from typing import Callable, Dict, List, Literal, Tuple, Union
import typing as t

Row = Dict[str, Union[int, float]]
Rows = List[Row]
Handler = Callable[[Row], "float | None"]
Level = Literal["low", "high"]

def level(row: Row, limit: float = 5) -> Level:
    return "high" if row["v"] > limit else "low"

def process(data: t.Dict[str, t.Any], state: dict) -> t.Optional[dict]:
    rows: Rows = data["rows"]
    handler: Handler = lambda row: row["v"] * 2
    pair: Tuple[int, ...] = (1, 2)
    return {"levels": [level(r) for r in rows], "twice": [handler(r) for r in rows], "n": len(pair)}
""",
        [{"rows": [{"v": 1}, {"v": 9}]}],
    ),
    Snippet(
        "collections.abc annotations",
        """
from collections.abc import Iterable, Sequence

def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)

def process(data, state):
    return {"v": mean(data["vs"])}
""",
        [{"vs": [1, 2, 3]}],
    ),
    Snippet(
        "docstrings and comments",
        '''
"""Converts raw counts.

Author: maintenance
"""

def process(data, state):
    """Return the converted value."""
    # a comment
    return {"v": data["raw"] * 0.1}  # tenth
''',
        [{"raw": 123}],
    ),
    Snippet(
        "main block",
        """
def process(data, state):
    return {"ok": True}

def main():
    return process({}, {})

if __name__ == "__main__":
    import json
    print(json.dumps(main()))
""",
    ),
    Snippet(
        "while loop with else",
        """
def digits(n):
    out = []
    while n > 0:
        n, d = divmod(n, 10)
        out.insert(0, d)
    else:
        out = out or [0]
    return out

def process(data, state):
    return {"d": digits(data["n"]), "z": digits(0)}
""",
        [{"n": 9075}],
    ),
    Snippet(
        "ring buffer",
        """
SIZE = 4

def process(data, state):
    buffer = state.setdefault("buffer", [None] * SIZE)
    index = state.get("index", 0)
    buffer[index % SIZE] = data["v"]
    state["index"] = (index + 1) % SIZE
    filled = [v for v in buffer if v is not None]
    return {"mean": sum(filled) / len(filled)}
""",
        [{"v": 0}, {"v": 1}, {"v": 2}, {"v": 3}, {"v": 4}, {"v": 5}],
    ),
    Snippet(
        "rate limit of alarms",
        """
def process(data, state):
    now = data["ts"]
    recent = [t for t in state.get("alarms", []) if now - t < 60]
    if data["v"] > 10 and len(recent) < 2:
        recent.append(now)
        state["alarms"] = recent
        return {"alarm": True, "recent": len(recent)}
    state["alarms"] = recent
""",
        [{"ts": 0, "v": 11}, {"ts": 10, "v": 12}, {"ts": 20, "v": 12}, {"ts": 70, "v": 12}],
    ),
    Snippet(
        "set difference of open alarms",
        """
def process(data, state):
    now = set(data["alarms"])
    before = set(state.get("alarms", []))
    state["alarms"] = sorted(now)
    return {"new": sorted(now - before), "gone": sorted(before - now), "same": sorted(now & before), "any": sorted(now ^ before)}
""",
        [{"alarms": ["a", "b"]}, {"alarms": ["b", "c"]}],
    ),
    Snippet(
        "transpose and matrix product",
        """
def transpose(m):
    return [list(column) for column in zip(*m)]

def product(a, b):
    return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]

def process(data, state):
    return {"t": transpose(data["a"]), "p": product(data["a"], data["b"])}
""",
        [{"a": [[1, 2], [3, 4]], "b": [[5, 6], [7, 8]]}],
    ),
    Snippet(
        "median and mode by hand",
        """
def median(values):
    values = sorted(values)
    mid = len(values) // 2
    return values[mid] if len(values) % 2 else (values[mid - 1] + values[mid]) / 2

def process(data, state):
    vs = data["vs"]
    return {"median": median(vs), "mode": max(set(vs), key=vs.count), "span": max(vs) - min(vs)}
""",
        [{"vs": [3, 1, 4, 1, 5]}],
    ),
    Snippet(
        "statistics with aliases",
        """
import statistics as stats
from math import sqrt, isclose

def process(data, state):
    vs = data["vs"]
    m = stats.fmean(vs)
    sd = stats.pstdev(vs)
    return {"m": m, "cv": round(sd / m, 4), "same": isclose(sd, sqrt(stats.pvariance(vs)))}
""",
        [{"vs": [2, 4, 4, 4, 5, 5, 7, 9]}],
    ),
    Snippet(
        "dew point with nested functions",
        """
from math import log

def process(data, state):
    a, b = 17.62, 243.12

    def gamma(t, rh):
        return log(rh / 100) + a * t / (b + t)

    def dew_point(t, rh):
        g = gamma(t, rh)
        return b * g / (a - g)

    return {"dp": round(dew_point(data["t"], data["rh"]), 1)}
""",
        [{"t": 25, "rh": 60}],
    ),
    Snippet(
        "closure that makes converters",
        """
def linear(gain, offset=0):
    def convert(raw):
        return raw * gain + offset
    return convert

CHANNELS = {"t": linear(0.1, -40), "p": linear(0.01)}

def process(data, state):
    return {name: round(CHANNELS[name](raw), 2) for name, raw in data.items() if name in CHANNELS}
""",
        [{"t": 650, "p": 250, "x": 1}],
    ),
    Snippet(
        "recursion",
        """
def depth(value):
    if isinstance(value, dict):
        return 1 + max((depth(v) for v in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0

def process(data, state):
    return {"d": depth(data)}
""",
        [{"a": [1, {"b": []}]}],
    ),
    Snippet(
        "enumerate with a start and unpacking",
        """
def process(data, state):
    first, *middle, last = data["vs"]
    numbered = {f"ch{n}": v for n, v in enumerate(middle, start=2)}
    return {"first": first, "last": last, **numbered}
""",
        [{"vs": [1, 2, 3, 4]}],
    ),
    Snippet(
        "chunks",
        """
def chunks(items, size):
    for i in range(0, len(items), size):
        yield items[i:i + size]

def process(data, state):
    return {"c": [sum(c) for c in chunks(data["vs"], 2)]}
""",
        [{"vs": [1, 2, 3, 4, 5]}],
    ),
    Snippet(
        "timestamps",
        """
from datetime import datetime, timedelta, timezone

def parse(ts):
    if isinstance(ts, (int, float)):
        if ts > 1e11:
            ts /= 1000
        return datetime.fromtimestamp(ts, tz=timezone.utc)
    return datetime.fromisoformat(ts.replace("Z", "+00:00"))

def process(data, state):
    t = parse(data["ts"])
    quarter = t.replace(minute=t.minute - t.minute % 15, second=0, microsecond=0)
    return {"iso": t.isoformat(), "quarter": quarter.strftime("%H:%M"), "end": (quarter + timedelta(minutes=15)).isoformat()}
""",
        [{"ts": 1700000000123}, {"ts": "2026-03-01T10:44:59Z"}],
    ),
    Snippet(
        "running time from edges",
        """
def process(data, state):
    on, ts = data["on"], data["ts"]
    if state.get("on"):
        state["seconds"] = state.get("seconds", 0) + ts - state["ts"]
    state.update(on=on, ts=ts)
    return {"hours": round(state.get("seconds", 0) / 3600, 2)}
""",
        [{"on": True, "ts": 0}, {"on": False, "ts": 5400}, {"on": True, "ts": 9000}],
    ),
    Snippet(
        "assert and del",
        """
def process(data, state):
    assert "v" in data, "no value"
    temp = data.pop("v")
    del data["x"]
    copy = dict(data)
    del temp
    return copy
""",
        [{"v": 1, "x": 2, "y": 3}],
    ),
    Snippet(
        "conditional import of constants and ellipsis body",
        """
def todo():
    ...

def process(data, state):
    x = todo()
    return {"x": x, "none": x is None}
""",
    ),
    Snippet(
        "chained string methods",
        """
def slug(text):
    text = text.strip().lower()
    for old, new in (("ä", "ae"), ("ö", "oe"), (" ", "-")):
        text = text.replace(old, new)
    return "".join(c for c in text if c.isalnum() or c == "-")

def process(data, state):
    return {"s": slug(data["n"])}
""",
        [{"n": " Ölpumpe Nr. 7 "}],
    ),
    Snippet(
        "swap case in a comprehension with walrus",
        """
def process(data, state):
    good = [n for text in data["t"] if (n := text.strip()).isdigit()]
    return {"good": good, "last": n}
""",
        [{"t": [" 12", "x", "7 "]}],
    ),
    Snippet(
        "json inside a reading",
        """
import json

def process(data, state):
    try:
        body = json.loads(data["body"])
    except json.JSONDecodeError as e:
        return {"error": "bad json", "at": str(e)}
    return {"keys": sorted(body), "text": json.dumps(body, separators=(",", ":"), sort_keys=True)}
""",
        [{"body": "{"}, {"body": '{"b": 1, "a": [true, null]}'}],
    ),
    Snippet(
        "percent of a total with dict comprehension",
        """
def process(data, state):
    total = sum(data.values()) or 1
    share = {k: f"{v / total:.1%}" for k, v in data.items()}
    best, *_ = sorted(data, key=data.get, reverse=True)
    return {"share": share, "best": best}
""",
        [{"good": 95, "scrap": 5}],
    ),
    Snippet(
        "process with a default and unused parameters",
        """
def process(data, state={}):
    _ = state
    return {"v": data.get("v")}
""",
        [{"v": 1}],
    ),
    Snippet(
        "lambda with several parameters in sorted and reduce by loop",
        """
def reduce(f, items, start):
    acc = start
    for item in items:
        acc = f(acc, item)
    return acc

def process(data, state):
    return {"x": reduce(lambda a, b: a ^ b, data["b"], 0), "p": reduce(lambda a, b: a * b, data["b"], 1)}
""",
        [{"b": [1, 2, 4]}],
    ),
    Snippet(
        "filter map and next",
        """
def process(data, state):
    numbers = list(map(float, filter(None, data["f"])))
    first = next((n for n in numbers if n > 2), None)
    return {"n": numbers, "first": first, "none": next(iter([]), "none")}
""",
        [{"f": ["1.5", "", "2.5", "9"]}],
    ),
    Snippet(
        "int parsing with bases",
        """
def parse_int(text):
    text = text.strip().lower()
    if text.startswith("0x"):
        return int(text, 16)
    if text.endswith("h"):
        return int(text[:-1], 16)
    if text.startswith("0b"):
        return int(text, 2)
    return int(text)

def process(data, state):
    return {"v": [parse_int(t) for t in data["t"]]}
""",
        [{"t": ["0x1F", "0Ah", "0b101", " 42 "]}],
    ),
    Snippet(
        "kalman filter",
        """
Q, R = 1e-3, 0.1

def process(data, state):
    x, p = state.get("x", data["z"]), state.get("p", 1.0)
    p += Q
    k = p / (p + R)
    x += k * (data["z"] - x)
    p *= 1 - k
    state["x"], state["p"] = x, p
    return {"x": round(x, 6)}
""",
        [{"z": 1.0}, {"z": 1.2}, {"z": 0.9}],
    ),
    Snippet(
        "pid controller",
        """
def process(data, state):
    kp, ki, kd = (config.get(k, d) for k, d in (("kp", 2.0), ("ki", 0.1), ("kd", 0.0)))
    error = data["set"] - data["is"]
    integral = state.get("i", 0.0) + error
    derivative = error - state.get("e", error)
    state.update(i=integral, e=error)
    out = max(0.0, min(100.0, kp * error + ki * integral + kd * derivative))
    return {"out": round(out, 3)}
""",
        [{"set": 50, "is": 40}, {"set": 50, "is": 45}],
        {"kp": 3.0},
    ),
    Snippet(
        "star in a list and dict display",
        """
def process(data, state):
    base = [1, 2]
    extended = [0, *base, *map(int, data["more"])]
    options = {"a": 1, **data["o"]}
    a, *b = extended
    return {"e": extended, "o": options, "b": b, "t": (*base, 9)[-1]}
""",
        [{"more": ["3", "4"], "o": {"a": 2}}],
    ),
    Snippet(
        "min and max with key and default",
        """
def process(data, state):
    tanks = data["tanks"]
    lowest = min(tanks, key=lambda t: t["level"], default=None)
    return {"low": lowest["name"] if lowest else None, "high": max((t["level"] for t in tanks), default=0)}
""",
        [{"tanks": [{"name": "a", "level": 5}, {"name": "b", "level": 3}]}, {"tanks": []}],
    ),
    Snippet(
        "slices",
        """
def process(data, state):
    w = data["w"]
    w[1:3] = [0]
    del w[-1]
    return {"w": w, "rev": w[::-1], "even": w[::2], "last2": w[-2:], "text": "abcdef"[1:-1:2]}
""",
        [{"w": [1, 2, 3, 4, 5]}],
    ),
    Snippet(
        "several results from a generator expression",
        """
def process(data, state):
    return [{"ch": k, "v": v} for k, v in data.items() if isinstance(v, (int, float)) and not isinstance(v, bool)]
""",
        [{"a": 1, "b": True, "c": 2.5, "d": "x"}],
    ),
    Snippet(
        "global read in helper and local shadow",
        """
limit = 10

def over(value):
    return value > limit

def process(data, state):
    limit = data.get("limit", 5)
    return {"local": data["v"] > limit, "global": over(data["v"])}
""",
        [{"v": 7}],
    ),
    Snippet(
        "conditional expression chain",
        """
def grade(v):
    return "A" if v >= 90 else "B" if v >= 80 else "C" if v >= 70 else "F"

def process(data, state):
    return {"g": "".join(grade(v) for v in data["vs"])}
""",
        [{"vs": [95, 85, 75, 5]}],
    ),
    Snippet(
        "config with defaults merged",
        """
DEFAULTS = {"low": 0, "high": 100}

def process(data, state):
    settings = {**DEFAULTS, **config}
    return {"ok": settings["low"] <= data["v"] <= settings["high"], "s": sorted(settings)}
""",
        [{"v": 50}],
        {"high": 40},
    ),
    Snippet(
        "helper that takes config as a parameter",
        """
def limits(config, kind):
    return config.get(kind, {}).get("min", 0), config.get(kind, {}).get("max", 1)

def process(data, state):
    low, high = limits(config, "temp")
    return {"low": low, "high": high}
""",
        [{}],
        {"temp": {"min": 3}},
    ),
]

#: Natural code that is refused, each piece for a reason on the docs page.
UNUSUAL = [
    Snippet(name, head + "def process(data, state):\n    " + "\n    ".join(body.splitlines()) + "\n")
    for name, head, body in (
        ("class with a base", "class Filter(object):\n    limit = 3\n", "return {'v': Filter.limit}"),
        (
            "dataclass",
            "from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: float\n",
            "return {'v': Point(1).x}",
        ),
        ("decimal", "from decimal import Decimal\n", "return {'v': str(Decimal('1.1') + 1)}"),
        ("calendar", "import calendar\n", "return {'v': calendar.monthrange(2026, 2)[1]}"),
        ("frozenset", "", "return {'v': len({frozenset([1, 2]), frozenset([2, 1])})}"),
        ("text to bytes", "", "return {'v': len('ä'.encode('utf-8'))}"),
        ("int to_bytes", "", "return {'v': list((258).to_bytes(2, 'big'))}"),
        (
            "error of an import",
            "try:\n    import json\nexcept ImportError:\n    json = None\n",
            "return {'v': json.dumps([1])}",
        ),
        (
            "position of a JSON error",
            "import json\n",
            "try:\n    json.loads('[1,')\nexcept json.JSONDecodeError as e:\n    return {'v': e.pos}",
        ),
        ("object_hook", "import json\n", "return json.loads('{\"a\": 1}', parse_int=float)"),
        (
            "local time",
            "from datetime import datetime\n",
            "return {'v': datetime.fromtimestamp(1700000000).year}",
        ),
        (
            "datetime.UTC",
            "from datetime import UTC, datetime\n",
            "return {'v': datetime(2026, 1, 1, tzinfo=UTC).isoformat()}",
        ),
        (
            "day of the year",
            "from datetime import date\n",
            "return {'v': date(2026, 2, 1).timetuple()[7]}",
        ),
        ("NormalDist", "import statistics\n", "return {'v': statistics.NormalDist(0, 1).cdf(0)}"),
        (
            "lambda as a default",
            "def f(x, scale=lambda v: 2 * v):\n    return scale(x)\n",
            "return {'v': f(1)}",
        ),
        (
            "span as a default",
            "from datetime import timedelta\ndef f(span=timedelta(hours=1)):\n    return span.seconds\n",
            "return {'v': f()}",
        ),
        ("star in a nested target", "", "(a, *b), c = [1, 2, 3], 4\nreturn {'v': [a, b, c]}"),
        ("NaN to JSON", "import json\n", "return {'v': json.dumps(float('nan'))}"),
        ("eval", "", "return {'v': eval('1 + 1')}"),
    )
]

SNIPPETS = [*CONSTRUCTS, *HELPERS, *UNUSUAL]
