"""Every step that a logic can do, as templates of code: what the search looks for worst inputs of.

A word in capitals is a slot, which takes values of that sort from `values`; `i` counts the repetitions, and
`K` the copies in one repetition, for steps that cost more if they are new each time. `{}` is the name itself.
A name of the allow list or a kind of syntax without a template fails a test, and so does a template that does
not contain what it is listed under.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from sandbox.allowed import EXCEPTIONS
from sandbox.check.policy import ALLOWED_NODES
from sandbox.reference import sections
from tests.prices.syntax import SYNTAX

_SLOT: Final = re.compile(r"(?<![.\w])[A-Z]{3,}\b")

#: Templates of functions and exceptions, and their names.
_FUNCTIONS: Final = {
    "{}(NUMBER)": "abs bin bool chr float hex int oct round",
    "{}(ITEMS)": "all any bool dict enumerate iter len list max min next reversed set sorted str sum tuple "
    "type",
    "{}(ANY)": "ascii bool callable format repr str type float int",
    "{}(ROWS)": "bytes dict max min sorted sum",
    "{}(INT)": "bytes range int float",
    "{}(NUMBER, NUMBER)": "divmod pow round max min",
    "{}(INT, INT)": "range divmod pow",
    "{}(INT, INT, INT)": "range pow",
    "{}(INT, 2**1000, INT)": "pow",
    "{}(INT, -1, INT)": "pow",
    "{}(NUMBERTEXT)": "float int ord",
    "{}(NUMBERTEXT, INT)": "int",
    "{}(NUMBERTEXT, 36)": "int",
    "{}(NUMBERTEXT, base=2)": "int",
    "{}(TEXT)": "ascii cancel_timer clear_alarm len list ord repr set sorted str tuple",
    "{}(BYTES)": "ascii bool bytes float int len list max min ord repr reversed set sorted str sum "
    "tuple type",
    "{}(BYTES, 36)": "int",
    "{}(BYTES, 'utf-8', 'replace')": "str",
    "{}(TEXT, 'latin-1', 'ignore')": "bytes",
    "{}(FUNCTION, ITEMS)": "filter map",
    "list({}(FUNCTION, ITEMS))": "filter map",
    "list({}(FUNCTION, ITEMS, ITEMS))": "map",
    "list({}(ITEMS, ITEMS))": "zip",
    "{}(ITEMS, ITEMS, strict=True)": "zip",
    "list({}(ITEMS, INT))": "enumerate",
    "list({}(ITEMS))": "enumerate iter reversed zip",
    "next({}(ITEMS))": "enumerate iter reversed zip",
    "{}(iter(ITEMS), 0)": "next",
    "{}(ITERATOR, 0)": "next",
    "{}(ITEMS, key=FUNCTION)": "max min sorted",
    "{}(ITEMS, default=0)": "max min",
    "{}(ITEMS, reverse=True)": "sorted",
    "{}(ITEMS, ANY)": "sum",
    "{}('t', seconds=NUMBER)": "set_timer",
    "{}('t', seconds=INT, minutes=INT, hours=INT)": "set_timer",
    "{}(TEXT, seconds=60)": "set_timer",
    "{}(str(i)[-1], minutes=1)": "set_timer",
    "{}('t', at=DATETIME)": "set_timer",
    "{}('t')": "cancel_timer clear_alarm raise_alarm",
    "{}('t', message=TEXT)": "raise_alarm",
    "{}('t', x=TEXT)": "raise_alarm",
    "{}('t', x=ITEMS)": "raise_alarm",
    "{}('t', x=DICT, y=ROWS)": "raise_alarm",
    "{}('t', x=DICT)": "raise_alarm",
    "{}('t', x=NUMBER, y=NUMBER, z=NUMBER)": "raise_alarm",
    "{}(ROWS, [])": "sum",
    "{}(LIST, TUPLE)": "sum",
    "{}([DEQUE] * 100, DEQUE)": "sum",
    "{}(ITEMS, ITEMS)": "max min",
    "{}(TUPLE, TUPLE)": "max min",
    "{}(ANY, ANY, ANY)": "max min",
    "{}(ANY, SPEC)": "format",
    "{}(NUMBER, SPEC)": "format",
    "{}(TEXT, SPEC)": "format",
    "{}(DATETIME, DATEFORMAT)": "format",
    "{}(ANY, TYPE)": "isinstance",
    "{}(ANY, (TYPE, TYPE))": "isinstance",
    "{}(ERROR)": "ascii str repr bool type",
    "{}(DICT)": "dict list sorted",
    "{}(DICT, a=1, b=2)": "dict",
    "{}(ANY, a=ANY)": "dict",
    "{}(NUMBERS)": "sum max min sorted",
    "{}(FLOAT, INT)": "round",
    "{}(config)": "bool dict len list repr str sorted",
    "str({}(ANY, ANY))": " ".join(EXCEPTIONS),
    "str({}(ANY))": " ".join(EXCEPTIONS),
    "try:\n    raise {}(ANY)\nexcept Exception as e:\n    x = e": " ".join(EXCEPTIONS),
}
_VALUES: Final = {
    "{}": "config meta",
    "{}['a']": "config",
    "{}['topic']": "meta",
    "{} == DICT": "config meta",
    "[x for x in {}]": "config meta",
}
_MODULES: Final = {
    "math": {
        "math.{}(NUMBER)": "acos acosh asin asinh atan atanh cbrt ceil cos cosh degrees erf erfc exp exp2 "
        "expm1 fabs floor frexp gamma isfinite isinf isnan lgamma log log10 log1p log2 modf radians sin sinh "
        "sqrt tan tanh trunc",
        "math.{}(NUMBER, NUMBER)": "atan2 copysign fmod isclose log pow remainder",
        "math.{}(INT)": "factorial isqrt gcd lcm perm",
        "math.{}(INT, INT)": "comb gcd lcm ldexp perm",
        "math.{}(FLOAT, INT)": "ldexp",
        "math.{}(INT, INT, INT, INT)": "gcd lcm",
        "math.{}(*LIST)": "gcd lcm hypot",
        "math.{}(NUMBER, NUMBER, NUMBER)": "hypot",
        "math.{}(POINTS, POINTS)": "dist",
        "math.{}(ITEMS, ITEMS)": "dist",
        "math.{}(NUMBERS)": "fsum prod",
        "math.{}(ITEMS)": "fsum prod",
        "math.{}(NUMBERS, start=NUMBER)": "prod",
        "math.{}": "e inf nan pi tau",
    },
    "statistics": {
        "statistics.{}(NUMBERS)": "fmean geometric_mean harmonic_mean mean median median_high median_low "
        "mode multimode pstdev pvariance quantiles stdev variance",
        "statistics.{}(ITEMS)": "fmean mean median mode multimode",
        "statistics.{}(NUMBERS, NUMBERS)": "correlation covariance fmean harmonic_mean linear_regression",
        "statistics.{}(NUMBERS, NUMBER)": "pstdev pvariance stdev variance",
        "statistics.{}(NUMBERS, n=INT)": "quantiles",
        "statistics.{}(NUMBERS, n=INT, method='inclusive')": "quantiles",
        "statistics.{}(NUMBERS, mu=NUMBER)": "pvariance",
        "statistics.{}(ANY)": "StatisticsError",
    },
    "json": {
        "json.{}(JSON)": "loads",
        "json.{}(TEXT)": "loads dumps",
        "json.{}(BYTES)": "loads dumps",
        "json.{}(JSON.encode())": "loads",
        "json.{}(ANY)": "dumps",
        "json.{}(ITEMS)": "dumps",
        "json.{}(ITEMS, indent=16)": "dumps",
        "json.{}(DICT, sort_keys=True)": "dumps",
        "json.{}(ITEMS, ensure_ascii=False, separators=(',', ':'))": "dumps",
        "json.{}(ITEMS, default=FUNCTION)": "dumps",
        "json.{}(TEXT, TEXT, INT)": "JSONDecodeError",
    },
    "datetime": {
        "datetime.{}(INT, 3, 12)": "date datetime",
        "datetime.{}(2026, 3, 12)": "date datetime",
        "datetime.{}(2026, 3, 12, 10, 11, 12, 13, tzinfo=ZONE)": "datetime",
        "datetime.{}(10, 11, 12, 13, tzinfo=ZONE)": "time",
        "datetime.{}(NUMBER, NUMBER, NUMBER)": "timedelta",
        "datetime.{}(weeks=NUMBER, hours=NUMBER)": "timedelta",
        "datetime.{}(DELTA, TEXT)": "timezone",
        "datetime.{}(datetime.timedelta(hours=1), 'abc')": "timezone",
        "datetime.{}(ANY)": "date datetime time timedelta timezone",
    },
    "zoneinfo": {
        "zoneinfo.{}(ZONENAME)": "ZoneInfo",
        "zoneinfo.{}(ZONENAME + f'{{i}} K')": "ZoneInfo",
        "zoneinfo.{}('Europe/Berlin')": "ZoneInfo",
        "str(zoneinfo.{}(ANY))": "ZoneInfoNotFoundError",
    },
    "collections": {
        "collections.{}(ITEMS)": "Counter deque",
        "collections.{}(ROWS)": "Counter deque",
        "collections.{}(TEXT)": "Counter deque",
        "collections.{}(ITEMS, INT)": "deque",
        "collections.{}(list, ROWS)": "defaultdict",
        "collections.{}(FUNCTION)[KEY]": "defaultdict",
        "collections.{}(DICT, a=1)": "Counter",
        "collections.{}(list, DICT)": "defaultdict",
        "collections.{}()": "Counter defaultdict deque",
    },
    "itertools": {
        "list(itertools.{}(ITEMS))": "accumulate chain pairwise groupby permutations product zip_longest",
        "next(itertools.{}(ITEMS))": "accumulate chain pairwise groupby permutations product zip_longest",
        "itertools.{}(ITEMS)": "accumulate chain cycle groupby pairwise permutations product zip_longest",
        "itertools.{}(ITEMS, FUNCTION)": "accumulate groupby",
        "list(itertools.{}(ITEMS, FUNCTION))": "accumulate groupby",
        "list(itertools.{}(LIST, max, initial=ANY))": "accumulate",
        "list(itertools.{}(LIST))": "accumulate groupby",
        "[list(x[1]) for x in itertools.{}(ITEMS)]": "groupby",
        "list(itertools.{}(ITEMS, ITEMS))": "chain compress zip_longest",
        "list(itertools.{}(*LIST))": "chain product zip_longest",
        "list(itertools.{}(ITEMS, 2))": "combinations combinations_with_replacement permutations",
        "next(itertools.{}(ITEMS, INT), 0)": "combinations combinations_with_replacement permutations",
        "list(itertools.{}(range(9), INT))": "combinations combinations_with_replacement permutations",
        "next(itertools.{}(range(100), 99), 0)": "combinations combinations_with_replacement permutations",
        "list(itertools.{}(range(101), 98))": "combinations",
        "list(itertools.{}([0, 1], repeat=100))": "product",
        "next(itertools.{}(ITEMS, ITEMS))": "product",
        "next(itertools.{}(NUMBER, NUMBER))": "count",
        "list(zip(itertools.{}(NUMBER, NUMBER), range(1000)))": "count",
        "x = itertools.{}(ITEMS); list(zip(x, range(100)))": "cycle",
        "list(zip(range(5000), itertools.{}([1])))": "cycle",
        "list(itertools.{}(FUNCTION, ITEMS))": "dropwhile filterfalse starmap takewhile",
        "itertools.{}(FUNCTION, ITEMS)": "dropwhile filterfalse starmap takewhile",
        "list(itertools.{}(max, ROWS))": "starmap",
        "list(itertools.{}(bool, [0] * 1000))": "dropwhile filterfalse",
        "list(itertools.{}(ITEMS, INT, INT, 3))": "islice",
        "list(itertools.{}(ITEMS, 5))": "islice",
        "itertools.{}(ITEMS, INT)": "islice",
        "list(itertools.{}(ANY, 1000))": "repeat",
        "next(itertools.{}(ANY))": "repeat",
    },
    "functools": {
        "functools.{}(FUNCTION, ITEMS)": "reduce",
        "functools.{}(max, ITEMS, ANY)": "reduce",
        "functools.{}(lambda a, b: b, ITEMS)": "reduce",
    },
    "bisect": {
        "bisect.{}(ITEMS, ANY)": "bisect bisect_left bisect_right",
        "bisect.{}(LIST, NUMBER)": "bisect bisect_left bisect_right",
        "bisect.{}(LIST, LIST)": "bisect bisect_left bisect_right",
        "bisect.{}(DEQUE, INT)": "bisect bisect_left bisect_right",
        "bisect.{}(RANGE, INT)": "bisect bisect_left bisect_right",
        "bisect.{}(TUPLE, TUPLE)": "bisect bisect_left bisect_right",
        "bisect.{}(ITEMS, ANY, key=FUNCTION)": "bisect bisect_left bisect_right",
        "bisect.{}(LIST, ANY, INT, INT)": "bisect bisect_left bisect_right",
        "x = LIST[:]; bisect.{}(x, ANY)": "insort insort_left insort_right",
        "x = LIST; bisect.{}(x, 0); x.pop(0)": "insort insort_left insort_right",
        "x = LIST[:]; bisect.{}(x, ANY, key=FUNCTION)": "insort insort_left insort_right",
    },
    "re": {
        "re.{}": "A ASCII DOTALL I IGNORECASE M MULTILINE S",
        "re.{}(REGEX)": "compile",
        "re.{}(REGEX, re.I | re.M | re.S)": "compile",
        "try: re.{}(REGEX + str(i) + 'K')\nexcept Exception: pass": "compile",
        "re.{}(REGEX, TEXT)": "findall finditer fullmatch match search split",
        "re.{}(REGEX, TEXT, re.I)": "findall fullmatch match search",
        "re.{}(REGEX, 'ab' * 20)": "findall fullmatch match search split",
        "re.{}(REGEX, 'a' * 3_000)": "findall fullmatch match search split",
        "re.{}(REGEX, 'ab' * 3_000)": "findall fullmatch match search split",
        "next(re.{}(REGEX, TEXT), 0)": "finditer",
        "[x.span() for x in re.{}(REGEX, 'a\\u4e2db' * 99)]": "finditer",
        "re.{}(REGEX, REPLACEMENT, TEXT)": "sub subn",
        "re.{}(REGEX, REPLACEMENT, 'ab' * 1_000)": "sub subn",
        "re.{}(REGEX, TEXT, TEXT, INT)": "sub subn",
        "re.{}(REGEX, TEXT, INT)": "split",
        "re.{}(TEXT)": "escape",
        "str(re.{}(ANY))": "error",
    },
    "struct": {
        "struct.{}(LAYOUT)": "calcsize pack",
        "struct.{}('<1000d', *[1.5] * 1000)": "pack",
        "struct.{}('<3q', INT, INT, INT)": "pack",
        "struct.{}('>f', NUMBER)": "pack",
        "struct.{}('<300s', BYTES)": "pack",
        "struct.{}('<c', ANY)": "pack",
        "struct.{}(LAYOUT, ANY)": "pack unpack unpack_from iter_unpack",
        "struct.{}(LAYOUT, BYTES)": "unpack unpack_from iter_unpack",
        "struct.{}(LAYOUT, BYTES, INT)": "unpack_from",
        "x = LAYOUT; struct.{}(x, bytes(struct.calcsize(x)))": "unpack unpack_from iter_unpack",
        "struct.{}(LAYOUT, bytes(200_000))": "unpack_from",
        "list(struct.{}(LAYOUT, bytes(60)))": "iter_unpack",
        "list(struct.{}('<b', BYTES))": "iter_unpack",
        "next(struct.{}('<b', BYTES))": "iter_unpack",
        "struct.{}('<' + f'{{i}}x' + 'K'[:0] + 'b' * 190)": "calcsize",
        "str(struct.{}(ANY))": "error",
    },
    "base64": {
        "base64.{}(BINARY)": "b16decode b64decode standard_b64decode urlsafe_b64decode",
        "base64.{}(HEX)": "b16decode b64decode standard_b64decode urlsafe_b64decode",
        "base64.{}(BINARY, True)": "b16decode",
        "base64.{}(BINARY, '-_', True)": "b64decode",
        "base64.{}(BINARY, validate=True)": "b64decode",
        "base64.{}(BYTES)": "b16encode b64encode standard_b64encode urlsafe_b64encode",
        "base64.{}(BYTES, b'-_')": "b64encode",
        "base64.{}(ANY)": "b64decode b64encode",
    },
    "binascii": {
        "str(binascii.{}(ANY))": "Error",
        "binascii.{}(BYTES)": "crc32 hexlify",
        "binascii.{}(BYTES, INT)": "crc32 crc_hqx",
        "binascii.{}(BYTES, ':', INT)": "hexlify",
        "binascii.{}(BINARY)": "unhexlify",
        "binascii.{}(HEX)": "unhexlify",
    },
    "zlib": {"zlib.{}(BYTES)": "adler32 crc32", "zlib.{}(BYTES, INT)": "adler32 crc32"},
}
_METHODS: Final = {
    "str": {
        "TEXT.{}()": "capitalize casefold isalnum isalpha isascii isdecimal isdigit islower isnumeric "
        "isspace istitle isupper lower lstrip rstrip split rsplit splitlines strip swapcase title upper",
        "NUMBERTEXT.{}()": "isdecimal isdigit isnumeric isalnum strip",
        "TEXT.{}(TEXT)": "count endswith find index lstrip partition removeprefix removesuffix rfind rindex "
        "rpartition rsplit rstrip split startswith strip",
        "TEXT.{}(SHORT)": "count find index partition rfind rindex rpartition rsplit split",
        "TEXT.{}(TEXT, INT)": "count find index rfind rindex startswith endswith split rsplit",
        "TEXT.{}(TEXT, INT, INT)": "count find index rfind rindex startswith endswith",
        "TEXT.{}(TUPLE)": "startswith endswith",
        "TEXT.{}(INT)": "center ljust rjust zfill",
        "TEXT.{}(INT, 'x')": "center ljust rjust",
        "TEXT.{}(INT, '\\u4e2d')": "center ljust rjust",
        "TEXT.{}(TEXT, TEXT)": "replace",
        "TEXT.{}('a', 'b')": "replace",
        "TEXT.{}('a', 'aa')": "replace",
        "TEXT.{}('', 'a')": "replace",
        "TEXT.{}(SHORT, '')": "replace",
        "TEXT.{}(TEXT, TEXT, INT)": "replace",
        "TEXT.{}(ITEMS)": "join",
        "TEXT.{}(['', ''])": "join",
        "''.{}(ITEMS)": "join",
        "TEXT.{}(True)": "splitlines",
        "FILL.{}(ANY)": "format",
        "FILL.{}(NUMBER, SPEC)": "format",
        "FILL.{}(ANY, ANY, a=DICT)": "format",
        "FILL.{}(ANY, a=ANY)": "format",
        "FILL.{}(NUMBER, NUMBER, NUMBER, a=NUMBER)": "format",
        "str.{}(TEXT)": "upper lower",
        "TEXT.{}('utf-8')": "encode",
        "TEXT.{}('ascii', 'replace')": "encode",
        "TEXT.{}('latin-1', errors='ignore')": "encode",
    },
    "bytes": {
        "BYTES.{}()": "decode hex isascii isdigit lower lstrip rstrip split rsplit splitlines strip upper",
        "BYTES.{}('ascii', 'replace')": "decode",
        "BYTES.{}(errors='replace')": "decode",
        "BYTES.{}(errors='ignore')": "decode",
        "BYTES.{}('latin-1')": "decode",
        "BYTES.{}(':', INT)": "hex",
        "BYTES.{}('-')": "hex",
        "BYTES.{}(BYTES)": "count endswith find index lstrip partition removeprefix removesuffix rfind "
        "rindex rpartition rsplit rstrip split startswith strip",
        "BYTES.{}(98)": "count find index rfind rindex",
        "BYTES.{}(BYTES, INT)": "count find index rfind rindex startswith endswith split rsplit",
        "BYTES.{}(BYTES, INT, INT)": "count find index rfind rindex startswith endswith",
        "BYTES.{}((BYTES, BYTES, b'x'))": "startswith endswith",
        "BYTES.{}(BYTES, BYTES)": "replace",
        "BYTES.{}(b'a', b'aa')": "replace",
        "BYTES.{}(b'', b'a')": "replace",
        "BYTES.{}(BYTES, BYTES, INT)": "replace",
        "BYTES.{}(ITEMS)": "join",
        "BYTES.{}([b'', b''])": "join",
        "b''.{}([BYTES] * 1000)": "join",
        "BYTES.{}(True)": "splitlines",
    },
    "list": {
        "LIST.{}(ANY)": "count index",
        "LIST.{}(ANY, INT)": "index",
        "x = DICT.copy(); y = x.copy(); x['new'] = 1; y['new'] = 2; ([y] * 100).{}(x)": "count",
        "([DATETIME] * 100).{}(DATETIME)": "count",
        "x = LIST; x.{}(1); x.pop()": "append",
        "x = LIST[:]; x.{}()": "clear reverse sort pop",
        "x = LIST[:]; x.{}(ITEMS)": "extend",
        "x = []; x.{}(ITEMS)": "extend",
        "LIST.{}()": "copy reverse sort",
        "x = LIST; x.{}(0, 1); x.pop(0)": "insert",
        "x = LIST; x.{}(INT, 1); x.pop(INT)": "insert",
        "x = LIST; x.{}(0); x.append(1)": "pop",
        "x = LIST; x.{}(ANY)": "remove",
        "x = LIST; x.append(5); x.{}(5)": "remove",
        "x = LIST[:]; x.{}(key=FUNCTION)": "sort",
        "x = LIST[:]; x.{}(reverse=True)": "sort",
        "x = ROWS; x.{}()": "sort",
    },
    "dict": {
        "DICT.{}()": "copy items keys values",
        "list(DICT.{}())": "items keys values",
        "next(iter(DICT.{}()))": "items keys values",
        "for x in DICT.{}(): break": "items keys values",
        "x = DICT.copy(); x.{}()": "clear popitem",
        "DICT.{}(KEY)": "get",
        "DICT.{}(KEY, 0)": "get",
        "x = DICT; x.{}(KEY, 0)": "pop",
        "x = DICT; x.{}(KEY, 0); x.pop(KEY, 0)": "setdefault",
        "x = DICT; x.{}('new', 0); x.popitem()": "setdefault",
        "x = DICT; x['new'] = 0; x.{}()": "popitem",
        # Often, because the dict grows once in a while, and the price of that is that of all new keys.
        "x = DICT\nfor i in range(500): x['new'] = 0; x.{}('new')": "pop",
        "x = {{}}; x.{}(DICT)": "update",
        "x = {{}}; x.{}(ROWS)": "update",
        "DICT.{}(DICT)": "update",
        "DICT.{}(a=1, b=2)": "update",
        "config.{}('a')": "get",
        "config.{}()": "copy items keys values",
    },
    "set": {
        "SET.{}()": "copy",
        "x = SET; x.{}(KEY); x.discard(KEY)": "add",
        "x = SET; x.{}(KEY)": "discard",
        "x = SET; x.add(KEY); x.{}(KEY)": "remove",
        "x = SET.copy(); x.{}()": "clear pop",
        "SET.{}(SET)": "difference intersection isdisjoint issubset issuperset symmetric_difference union",
        "SET.{}(ITEMS)": "difference intersection isdisjoint issubset issuperset symmetric_difference union",
        "SET.{}(SET, SET, ITEMS)": "difference intersection union",
        "x = SET; x.{}(SET)": "difference_update intersection_update symmetric_difference_update update",
        "x = SET; x.{}(ITEMS)": "difference_update intersection_update symmetric_difference_update update",
        "x = SET; x.add(KEY); x.{}()": "pop",
    },
    "deque": {
        "DEQUE.{}": "maxlen",
        "DEQUE.{}(ANY)": "count index",
        "DEQUE.{}(ANY, INT, INT)": "index",
        "x = DEQUE; x.{}(1); x.pop()": "append",
        "x = DEQUE; x.{}(1); x.popleft()": "appendleft",
        "x = DEQUE.copy(); x.{}()": "clear pop popleft reverse rotate",
        "DEQUE.{}()": "copy reverse rotate",
        "DEQUE.{}(INT)": "rotate",
        "x = collections.deque(); x.{}(ITEMS)": "extend extendleft",
        "x = collections.deque(maxlen=3); x.{}(ITEMS)": "extend extendleft",
        "x = DEQUE.copy(); x.{}(x)": "extend extendleft",
        "x = DEQUE.copy(); x.{}(INT, 1)": "insert",
        "x = DEQUE; x.append(5); x.{}()": "pop",
        "x = DEQUE; x.appendleft(5); x.{}()": "popleft",
        "x = DEQUE; x.append(5); x.{}(5)": "remove",
        "x = DEQUE; x.{}(ANY)": "remove",
    },
    "Pattern": {
        "re.compile('a|(b)').{}": "pattern",
        "x = re.compile(REGEX); x.{}(TEXT)": "findall finditer fullmatch match search split",
        "re.compile('(a)|b*').{}(TEXT)": "findall finditer fullmatch match search split",
        "re.compile('a|(b)').{}(REPLACEMENT, TEXT)": "sub subn",
        "re.compile('').{}('', 'ab' * 1_000)": "sub subn",
    },
    "Match": {
        "x = re.match('(?P<n>a)(b)?', 'a'); x.{}()": "end group groupdict groups span start",
        "x = re.match('(?s)' + '(' * 49 + '.*' + ')' * 49, TEXT); x.{}()": "end group groupdict groups "
        "span start",
        "x = re.match('(?s)(?P<a>.*)()', TEXT); x.{}()": "end group groupdict groups span start",
        "x = re.match('(?s)(?P<a>.*)()', TEXT); x.{}('a')": "end group groupdict groups span start",
        "x = re.match('(?s)(?P<a>.*)()', TEXT); x.{}(1, 'a', 0)": "group",
        "x = re.match('(?s)(?P<a>.*)()', TEXT); x.{}(*[0] * 1000)": "group",
        "x = re.match('(?s).(?P<a>.*)', 'a' + TEXT); x.{}(1); x[1]; x['a']": "group",
        "x = re.match('(?s)(?P<a>.*)()', TEXT); x.{}(ANY)": "end group groupdict groups span start",
    },
    "Counter": {
        "COUNTER.{}()": "copy elements items keys values most_common total",
        "list(COUNTER.{}())": "elements items most_common",
        "next(COUNTER.{}(), 0)": "elements",
        "COUNTER.{}(INT)": "most_common",
        "COUNTER.{}(KEY)": "get",
        "x = COUNTER.copy(); x.{}(ITEMS)": "update subtract",
        "x = COUNTER; x.{}([KEY])": "update subtract",
        "x = COUNTER; x.{}(a=1)": "update subtract",
        "x = collections.Counter(); x.{}(ITEMS)": "update subtract",
        "x = COUNTER.copy(); x.{}(COUNTER)": "update subtract",
        "x = COUNTER.copy(); x.{}()": "clear popitem",
        "x = COUNTER; x.{}(KEY, 0)": "pop",
        "x = COUNTER; x.{}(KEY, 0); x.pop(KEY, 0)": "setdefault",
    },
    "defaultdict": {
        "DEFAULT.{}()": "copy items keys values",
        "DEFAULT.{}(KEY)": "get",
        "x = DEFAULT.copy(); x.{}()": "clear popitem",
        "x = DEFAULT; x.{}(KEY, 0)": "pop",
        "x = DEFAULT; x.{}(KEY, 0); x.pop(KEY, 0)": "setdefault",
        "x = DEFAULT.copy(); x.{}(ROWS)": "update",
        "x = collections.defaultdict(int); x.{}(DICT)": "update",
    },
    "tuple": {"TUPLE.{}(ANY)": "count index", "TUPLE.{}(ANY, INT)": "index"},
    "int": {
        "INT.{}()": "bit_count bit_length is_integer to_bytes",
        "INT.{}(INT, 'big')": "to_bytes",
        "INT.{}(128, 'little', signed=True)": "to_bytes",
        "INT.{}(262_144, 'little', signed=True)": "to_bytes",
    },
    "float": {"FLOAT.{}()": "is_integer"},
    "date": {
        "DATE.{}()": "ctime isocalendar isoformat isoweekday toordinal weekday",
        "DATE.{}": "day month year",
        "DATE.{}(year=2000)": "replace",
        "DATE.{}(DATEFORMAT)": "strftime",
    },
    "time": {
        "TIME.{}()": "dst isoformat tzname utcoffset",
        "TIME.{}": "fold hour microsecond minute second tzinfo",
        "TIME.{}(hour=1, tzinfo=ZONE)": "replace",
        "TIME.{}(DATEFORMAT)": "strftime",
    },
    "datetime": {
        "DATETIME.{}()": "ctime date dst isocalendar isoformat isoweekday time timestamp toordinal tzname "
        "utcoffset weekday",
        "DATETIME.{}": "day fold hour microsecond minute month second tzinfo year",
        "DATETIME.{}(ZONE)": "astimezone",
        "DATETIME.{}(year=2000, tzinfo=ZONE)": "replace",
        "DATETIME.{}(DATEFORMAT)": "strftime",
    },
    "timedelta": {"DELTA.{}()": "total_seconds", "DELTA.{}": "days microseconds seconds"},
    "timezone": {"ZONE.{}(DATETIME)": "utcoffset"},
    "ZoneInfo": {"zoneinfo.ZoneInfo('Europe/Berlin').{}": "key", "ZONE.{}": "key"},
    "Exception": {"ERROR.{}": "args"},
}
_ON_TYPES: Final = {
    "dict": {"dict.{}(ITEMS)": "fromkeys", "dict.{}(ITEMS, ANY)": "fromkeys"},
    "chain": {
        "list(itertools.chain.{}(ITEMS))": "from_iterable",
        "list(itertools.chain.{}([ITEMS, ITEMS]))": "from_iterable",
        "itertools.chain.{}(ITEMS)": "from_iterable",
    },
    "bytes": {"bytes.{}(HEX)": "fromhex"},
    "int": {
        "int.{}(BYTES)": "from_bytes",
        "int.{}(ITEMS)": "from_bytes",
        "int.{}(BYTES, 'little', signed=True)": "from_bytes",
        "int.{}(bytes(1_024), 'little', signed=True)": "from_bytes",
    },
    "datetime": {
        "datetime.datetime.{}(DATE, TIME)": "combine",
        "datetime.datetime.{}(DATETEXT)": "fromisoformat",
        "datetime.datetime.{}(NUMBER, ZONE)": "fromtimestamp",
        "datetime.datetime.{}(DATETEXT, DATEFORMAT)": "strptime",
        "datetime.datetime.{}('12.03.2026', '%d.%m.%Y')": "strptime",
        "datetime.datetime.{}(DATETEXT, DATEFORMAT + f'{{i}} K')": "strptime",
        "datetime.datetime.{}('x', '%j%m%d%H%M%S%I%U%W%f%y%A%a%B%b%p%Z%z%w%u%V%G' + f'{{i}} K')": "strptime",
    },
    "date": {"datetime.date.{}(DATETEXT)": "fromisoformat", "datetime.date.{}(INT)": "fromordinal"},
    "time": {"datetime.time.{}(DATETEXT)": "fromisoformat"},
    "timezone": {"datetime.timezone.{}": "utc"},
}
_BASES: Final = (ast.boolop, ast.operator, ast.unaryop, ast.cmpop, ast.pattern)
#: Nodes that are a part of others, or that only a module has.
_PARTS: Final = frozenset(
    (
        *("Module", "comprehension", "ExceptHandler", "arguments", "arg", "keyword", "alias", "match_case"),
        "expr_context",
    )
)


class Operation(NamedTuple):
    """A step by its name in the table, and the templates that do it."""

    name: str
    templates: tuple[str, ...]


def required() -> dict[str, str]:
    """Return what must be in the table: the name of each row, and what its templates must contain."""
    wanted: dict[str, str] = {}
    for section in sections():
        for name in section.names:
            wanted[row(section.kind, section.of, name)] = name
    for node in ALLOWED_NODES:
        kinds = node.__subclasses__() if node in _BASES else [node]
        for kind in kinds:
            if kind.__name__ not in _PARTS:
                wanted[kind.__name__] = kind.__name__
    return wanted


def row(kind: str, of: str, name: str) -> str:
    """Return the name of a row: `len()`, `math.sqrt`, `str.find()`, `datetime.fromisoformat`."""
    if kind in ("function", "exception"):
        return f"{name}()"
    return f"{of}.{name}()" if kind == "method" else f"{of}.{name}" if of else name


def operations() -> list[Operation]:
    """Return all rows of the table, in the order of the docs."""
    found: dict[str, list[str]] = {}
    for kind, of, templates in _tables():
        for template, names in templates.items():
            for name in names.split():
                found.setdefault(row(kind, of, name), []).append(template.format(name))
    found.update(SYNTAX)
    return [Operation(name, tuple(found[name])) for name in required() if name in found]


def _tables() -> Iterator[tuple[str, str, Mapping[str, str]]]:
    yield "function", "", _FUNCTIONS
    yield "value", "", _VALUES
    for kind, tables in (("module", _MODULES), ("method", _METHODS), ("type", _ON_TYPES)):
        for of, templates in tables.items():
            yield kind, of, templates


def slots(template: str) -> list[str]:
    """Return the sorts of the slots of a template, in order."""
    return _SLOT.findall(template)


def filled(template: str, names: list[str] | None = None) -> str:
    """Return the code of a template with these names in its slots, else with `v0`, `v1`, …"""
    ahead = iter(names or [f"v{number}" for number in range(len(template))])
    return _SLOT.sub(lambda _match: next(ahead), template)


def is_expression(code: str) -> bool:
    """Return whether code is an expression."""
    try:
        ast.parse(code, mode="eval")
    except SyntaxError:
        return False
    return True


def contains(template: str, name: str) -> bool:
    """Return whether a template uses a name, a member or a kind of syntax."""
    return any(
        type(node).__name__ == name
        or (isinstance(node, ast.Name) and node.id == name)
        or (isinstance(node, ast.Attribute) and node.attr == name)
        for node in ast.walk(ast.parse(filled(template)))
    )
