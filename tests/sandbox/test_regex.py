"""The module re gives what Python gives, and a hostile pattern takes little time and memory."""

import re
import resource
import time
import tracemalloc
from typing import Any

import msgspec
import pytest

from sandbox.child.program import Program
from sandbox.job import Job, Logic
from sandbox.limits import Limits
from sandbox.parent.sandbox import Sandbox
from sandbox.runtime.regex import MOST_PROGRAMS, PROGRAM_BYTES
from tests.sandbox.running import fresh, process, run

TEXTS = [
    "a1 b22,c333",
    "",
    "\u00e4 \u00f6\na\nb",
    "abcd aab",
    "\u00c4AB\x0b\tt\u00e4glich 1.5",
    "a" * 300,
    "x=1;\r\ny=-2.5;",
]
PATTERNS = [
    *(r"\d+", r"(\w)(\d+)", r"[,\s]", r"(?P<x>\w)\d*", "x*", "", r"\b", "(a)|b", r"^a|3$", ".", r"[^\d]+"),
    *("(?i)[A-C]", "a{,2}", r"\w{1,2}?", r"(b|c)?\d", "[]a]", r"[\]a-c]", r"(?:ab|a)(\d)", r"\u00e4|\x61"),
    *("(?#c)a", "\u00e4+", r"\Aa", r"3\Z", "(?m)^b$", "(?s)a.b", r"\s+", r"[\s,]+", r"\S+", "a{", "{", r"\."),
    *(
        r"(\d)(\d)?",
        "(a|ab)(c|bcd)(d*)",
        "a+?",
        "((a)|(b))*",
        r"(-?\d+(?:\.\d+)?)",
        "[a-]",
        "(?i:A)B",
        r"\x0b",
    ),
]
CALLS = [
    "re.findall(p, t, re.A)",
    "[m.span() for m in re.finditer(p, t, re.A)]",
    "re.split(p, t, flags=re.A)",
    "re.split(p, t, maxsplit=1, flags=re.A)",
    "re.sub(p, '<\\\\g<0>>\\\\n', t, flags=re.A)",
    "re.sub(p, lambda m: m.group().upper() + str(m.start()), t, count=2, flags=re.A)",
    "re.subn(p, '-', t, flags=re.ASCII)",
    "(lambda m: m and [m.group(), m.groups(), m.groupdict(), m.end(), m[0]])(re.search(p, t, re.A))",
    "(lambda m: m and [m.group(*range(each)) for each in range(len(m.groups()) + 2)])(re.search(p, t, re.A))",
    "bool(re.match(p, t, re.A))",
    "(lambda m: m and m.groups('x'))(re.fullmatch(p, t, re.A))",
    "re.compile(p, re.I | re.M).findall(t.encode('ascii', 'ignore').decode())",
    "re.compile(p, re.DOTALL | re.A).split(t, maxsplit=2)",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_gives_what_python_gives(pattern: str) -> None:
    body = "p, t = data['p'], data['t']\nreturn {'v': [" + ", ".join(CALLS) + "]}"
    for text in TEXTS:
        names: dict[str, Any] = {"re": re, "p": pattern, "t": text}
        expected = [fresh(eval(call, names)) for call in CALLS]  # noqa: S307 - our own sources

        ran = run("import re\n" + process(body), {"p": pattern, "t": text})

        assert ran.kind == "ok", ran.failure
        assert dict(zip(CALLS, ran.results[0]["v"], strict=True)) == dict(zip(CALLS, expected, strict=True))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (r"re.search(r'(a)\1', 'aa')", r"\1 is not available: a pattern cannot refer to an earlier group"),
        ("re.search('(?P<n>a)(?P=n)', 'aa')", "(?P= is not available: a pattern cannot refer"),
        ("re.search('a(?=b)', 'ab')", "(?= is not available: a pattern cannot look around. Match more"),
        ("re.search('(?<!a)b', 'ab')", "(?<! is not available: a pattern cannot look around"),
        ("re.search('(?x) a', 'a')", "the flag x (VERBOSE) is not available"),
        ("re.search('(?>a)', 'a')", "(?> is not available"),
        ("re.search('a(?i)', 'a')", "flags such as (?i) must be at the start"),
        (r"re.search(r'\pL', 'a')", r"bad escape \p"),
        (r"re.search(r'\C', 'a')", r"bad escape \C"),
        (r"re.search(r'\Qa\E', 'a')", r"bad escape \Q"),
        ("re.search('[[:alpha:]]', 'a')", "[: is not available in a set"),
        ("re.search('[a', 'a')", "missing ]"),
        ("re.search('(a', 'a')", "missing )"),
        ("re.search('a' * 501, 'a')", "at most 500 characters, not 501"),
        ("re.search('()' * 51, 'a')", "at most 50 groups"),
        ("re.search('(a{1000}){1000}', 'a')", "the pattern is too large"),
        ("re.search('a{1001}', 'a')", "at most 1,000 repetitions of a part are available: {1001}"),
        ("re.search('a{5,2}', 'a')", "the least number of repetitions is greater than the most: {5,2}"),
        ("re.search('(?P<a>a)(?P<a>b)', 'ab')", "two groups begin with (?P<a>"),
        ("re.search('(?P<1>a)', 'a')", "'1' is no group name; it has a letter first"),
        ("re.search('(?P<a', 'a')", "a group name does not end"),
        ("re.search('(?<a>a)', 'a')", "a group with a name begins with (?P<name>"),
        ("re.search('a', 'a', 'i')", "flags must be flags of re, such as re.I, not str"),
        (
            "re.search('b', 'a').group()",
            "a pattern that does not match gives None, so write `if match:` first",
        ),
        ("re.sub('(a)', r'\\g<0000000002>', 'a')", "invalid group reference 2"),
        ("re.search('[^x]{1000}[^y]{1000}[^z]{1000}', 'a')", "the pattern is too large"),
        ("re.search(b'a', 'a')", "a pattern must be a text, not bytes"),
        ("re.search('a', b'a')", "re takes texts, not bytes; decode bytes first"),
        ("re.search('a', 'a', 64)", "the flag 64 is not available"),
        ("re.search('a', 'a')['b']", "no such group"),
        ("re.search('a', 'a').group(1)", "no such group"),
        ("re.sub('a', r'\\1', 'a')", "invalid group reference 1"),
        ("re.sub('a', r'\\q', 'a')", r"bad escape \q in the replacement"),
        ("re.sub('a', lambda m: 5, 'a')", "expected str instance, int found"),
        ("data.start", "to read an entry, write data['start']"),
    ],
)
def test_a_message_says_what_is_not_available(call: str, message: str) -> None:
    failure = run("import re\n" + process(call)).failure

    assert failure is not None
    assert message in failure.message


def test_what_differs_from_python_is_as_documented() -> None:
    ran = run(
        "import re\n"
        + process(
            "return {'empty': re.findall('a*?', 'aa'), 'first': re.findall('|a', 'a'),\n"
            "        'none': re.findall('a+?', 'aa'),\n"
            "        'group': re.match('(a*)*', 'aab').groups(), 'kind': str(re.match('a', 'a')),\n"
            "        'end': re.findall('a$', 'a\\n'),\n"
            "        'i': re.findall('(?i)[k\u00b5]', 'K\u212a\u03bc\u0131')}"
        )
    )

    assert ran.results == [
        {
            "empty": ["", "", ""],
            "first": ["", ""],
            "none": ["a", "a"],
            "group": ["aa"],
            "kind": "<Match>",
            "end": [],
            "i": ["K", "\u212a", "\u03bc"],
        }
    ]


def test_the_flag_for_verbose_patterns_is_refused_at_upload() -> None:
    [problem] = run("import re\n" + process("re.compile('a b', re.VERBOSE)")).problems

    assert "without blanks" in problem.hint


#: Patterns that take long or much memory in some engines, and the texts that make them do.
HOSTILE = [
    ("(a+)+b", "a" * 3_000),
    ("(x+x+)+y", "x" * 3_000),
    ("(a|b)*a(a|b){500}", "ab" * 1_500),
    ("(?:a?){500}a{500}", "a" * 3_000),
    ("(?:a{0,33}){30}c", "a" * 3_000),
    ("(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)c", "a" * 3_000),
    ("(" + "()" * 49 + "a|b)*c", "a" * 3_000),
    ("[\\u0100-\\uffff]{1000}", "\u4e2d" * 3_000),
    ("(?i)" + "\u00e4\u0130k" * 160, "\u00e4" * 3_000),
]


@pytest.mark.parametrize(("pattern", "text"), HOSTILE, ids=lambda value: value[:20])
def test_a_hostile_pattern_ends_soon_by_its_fuel(pattern: str, text: str) -> None:
    source = "import re\n" + process("while True:\n    re.findall(data['p'], data['t'])")
    began = time.process_time()

    ran = run(source, {"p": pattern, "t": text})

    assert time.process_time() - began < 1
    assert ran.failure is not None
    assert ran.failure.limit == "fuel" or "too large" in ran.failure.message


def test_a_group_pays_for_its_text_also_in_brackets() -> None:
    source = "import re\n" + process(
        "m = re.search('(?s)b(?P<n>.*)', 'ab' + 'a' * 20_000)\n"
        "for i in range(data):\n    m['n']\n    m[1]\n    m[0]"
    )
    program = Program.load(Logic.of(source), Limits())
    used = []
    for times in (0, 10):
        program.process(times, {})
        used.append(program.peaks["fuel"])

    assert used[1] - used[0] > 10 * 3 * (20_000 >> 5)


def test_a_replacement_is_measured_before_it_is_made() -> None:
    source = "import re\n" + process("re.sub('(?s)b.*', r'\\g<0>' * 400, 'ab' + 'a' * 100_000)")
    tracemalloc.start()
    ran = run(source)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert ran.failure is not None
    assert ran.failure.limit == "str_chars"
    assert most < 10_000_000


@pytest.mark.parametrize(
    "pattern", [r"\d+", r"\s+", "[;,]", "[^;]+", ".", ".+", r"\.", "a", "\u00e4+", r"\W+"]
)
@pytest.mark.parametrize(
    "text",
    [
        "12 345;" * 100,
        "a" * 63 + "1" + "a" * 200 + "22" + "b" * 900 + "3.",
        "\u00e4" * 31 + "a\u4e2d" + " " * 500 + "1" * 70 + "\u00e4\n;" * 40,
        "\U0001f600" * 200 + "1" * 129 + "\U0001f600",
    ],
    ids=len,
)
def test_a_pattern_of_one_kind_gives_in_a_long_text_what_python_gives(pattern: str, text: str) -> None:
    body = "return {'v': [m.span() for m in re.finditer(data['p'], data['t'])]}"

    ran = run("import re\n" + process(body), {"p": pattern, "t": text}, limits=Limits(result_bytes=1 << 20))

    assert ran.results == [{"v": [list(m.span()) for m in re.finditer(pattern, text, re.ASCII)]}]


@pytest.mark.parametrize("call", [r"re.findall(r'\d+', t)", "re.split('[;,]', t)", r"re.sub(r'\s+', '', t)"])
def test_the_fuel_for_a_pattern_of_one_kind_grows_with_the_text_only(call: str) -> None:
    program = Program.load(
        Logic.of("import re\n" + process(f"t = 'line 12 ;' * data\n{call}\nreturn {{}}")), Limits()
    )
    used = []
    for times in (100, 1_000):
        program.process(times, {})
        used.append(program.peaks["fuel"])

    assert used[1] < 11 * used[0]


def test_programs_of_many_patterns_are_dropped() -> None:
    source = "import re\n" + process(
        "n = 0\n"
        "for i in range(12):\n"
        "    n += len(re.findall('(a|b)*a(a|b){100}' + str(data['n'] * 12 + i), 'ab' * 40))\n"
        "return {'n': n}"
    )
    program = Program.load(Logic.of(source), Limits())
    before = 0
    for number in range(200):
        program.process({"n": number}, {})
        if number == 20:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = 1_024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)

    assert grown < 2 * MOST_PROGRAMS * PROGRAM_BYTES


def test_a_pattern_costs_the_same_whether_its_program_is_kept_or_not() -> None:
    source = "import re\nP = re.compile('x(a|b)+y')\n" + process("return {'v': len(P.findall('xay' * 9))}")
    program = Program.load(Logic.of(source), Limits())
    used = []
    for _ in range(3):
        program.process({}, {})
        used.append(program.peaks["fuel"])
    for number in range(MOST_PROGRAMS):
        run("import re\n" + process(f"re.compile('{number}')"))
    program.process({}, {})
    used.append(program.peaks["fuel"])

    assert len(set(used)) == 1


def test_patterns_in_a_table_stay_usable() -> None:
    source = "import re\nALL = [re.compile('a' * n) for n in range(1, 60)]\n" + process(
        "return {'v': sum(len(each.findall('aaaa')) for each in ALL)}"
    )

    ran = run(source)

    assert ran.results == [{"v": 4 + 2 + 1 + 1}]


def test_it_works_in_a_confined_child() -> None:
    source = "import base64, collections, re, struct\n" + process(
        "m = re.search(r'(?i)T=(?P<v>-?\\d+)', data['t'])\n"
        "raw = base64.b64decode(data['b'])\n"
        "return {'v': m['v'], 'r': list(struct.unpack('<bH', raw)), 'd': raw.decode('latin-1', 'replace'),\n"
        "        'c': collections.Counter(re.findall('\\u00e4|t', data['t'])),\n"
        "        's': re.sub('[=-]', '', data['t'])}"
    )
    reading = b'{"t": "t=-12 \xc3\xa4", "b": "AQID"}'
    with Sandbox() as sandbox:
        checked = sandbox.check(source)
        [report] = sandbox.run([Job(Logic.of(source), b"{}", [reading])])

    assert checked.accepted, checked.problems
    assert report.outcomes[0].failure is None
    assert msgspec.json.decode(report.outcomes[0].results[0]) == {
        "v": "-12",
        "r": [1, 770],
        "d": "\1\2\3",
        "c": {"t": 1, "\u00e4": 1},
        "s": "t12 \u00e4",
    }


def test_the_runtime_keeps_few_programs() -> None:
    assert Limits().memory_bytes // 16 >= MOST_PROGRAMS * PROGRAM_BYTES
    assert run("import re\n" + process("return {'v': re.I}")).results == [{"v": re.IGNORECASE.value}]
