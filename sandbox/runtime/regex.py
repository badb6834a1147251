"""The module re, through RE2: an engine whose time grows only in proportion to the text.

Strategy. Python's own engine can take hours for a short pattern. RE2 has no pattern like that: it refuses
references to earlier groups and conditions on the text around. So that a pattern means the same here and in
Python, it is read before RE2 reads it: what only one of the two knows is refused, and what they write in
different ways is translated. A compiled pattern of a logic is only its text and its flags. The programs of
RE2 are in a cache for all logics, each with a bound of its memory, and a reading pays for a program when it
first uses it, whether it is in the cache or not.

A search pays before it begins, for the worst case: each step of the program at each byte that is left. If the
pattern is one kind of character, such as `[;,]` or `\\s+`, RE2 finds the same match in a part of the text, so
the search pays only for that part.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from re2 import _re2

from sandbox.runtime.meter import Meter
from sandbox.runtime.takes import Guards

#: The most characters and groups of a pattern.
LONGEST_PATTERN: Final = 500
MOST_GROUPS: Final = 50
#: The most bytes of a program of RE2, with what it learns from texts, and the most programs that are kept.
PROGRAM_BYTES: Final = 1 << 18
MOST_PROGRAMS: Final = 32
#: Ticks to compile any pattern, and one that turns out to be too large.
COMPILE_TICKS: Final = 40
TOO_LARGE_TICKS: Final = 3_000
#: The flags of Python. The last one is always in force.
FLAGS: Final = {"I": 2, "M": 8, "S": 16, "A": 256}
_LETTERS: Final = {2: "i", 8: "m", 16: "s"}

#: A pattern of one kind of character, once or as often as it can be. It never matches an empty text.
_ONE_KIND: Final = re.compile(
    r"(?:\\[dDsSwW]|\\[^\w\s]|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\^$|?*+()\[\]{}])\+?", re.DOTALL
)
#: The bytes in which a match of such a pattern is searched first.
_NEAR: Final = 64

_NOWHERE: Final = (-1, -1)
_FREE, _START, _WHOLE = _re2.RE2.Anchor.UNANCHORED, _re2.RE2.Anchor.ANCHOR_START, _re2.RE2.Anchor.ANCHOR_BOTH
_EXTENSION: Final = re.compile(r"\(\?([aimsu]*(?:-[ims]+)?)([:)])")
_NAMED: Final = re.compile(r"\(\?P<([^>)]*)>")
_COMMENT: Final = re.compile(r"\(\?#[^)]*\)")
_UP_TO: Final = re.compile(r"\{,([0-9]*)\}")
_BOUNDS: Final = re.compile(r"\{([0-9]+)(?:,([0-9]*))?\}")
_CODE: Final = re.compile(r"\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})")
_REFERENCE: Final = re.compile(r"\\(?:g<([^>]*)>|([1-9][0-9]?)|(.))", re.DOTALL)
_ESCAPED: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


class PatternError(Exception):
    """A pattern is not valid, or RE2 does not have a part of it."""


PatternError.__name__ = PatternError.__qualname__ = "error"
PatternError.__module__ = "re"


class Pattern:
    """A pattern of a logic: its text and its flags."""

    __slots__ = ("flags", "text")

    def __init__(self, text: str, flags: int) -> None:
        self.text = text
        self.flags = flags

    def __eq__(self, other: object) -> bool:
        return type(other) is Pattern and (self.text, self.flags) == (other.text, other.flags)

    def __hash__(self) -> int:
        return hash((self.text, self.flags))


class Compiled(NamedTuple):
    """A compiled pattern: its steps, the number of its groups, and what a reading pays for it.

    `one_kind` tells whether it is a pattern of one kind of character.
    """

    engine: Any
    steps: int
    groups: int
    names: dict[str, int]
    ticks: int
    one_kind: bool


class Match:
    """A match: the text, and the start and end of each group."""

    __slots__ = ("_meter", "_names", "_spans", "_text")

    def __init__(self, meter: Meter, text: str, spans: list[tuple[int, int]], names: dict[str, int]) -> None:
        self._meter = meter
        self._text = text
        self._spans = spans
        self._names = names

    def span(self, group: Any = 0) -> tuple[int, int]:
        """Return the start and the end of a group, by its number or name."""
        place = self._names.get(group) if type(group) is str else group
        if type(place) is not int or not 0 <= place < len(self._spans):
            raise IndexError("no such group")
        return self._spans[place]

    def part(self, group: Any, default: Any = None) -> Any:
        """Return the text of a group, or the default if the group is not a part of the match."""
        low, high = self.span(group)
        return self._text[low:high] if low >= 0 else default

    def parts(self, default: Any = None) -> list[Any]:
        """Return the texts of all groups but the whole match."""
        return [self.part(number, default) for number in range(1, len(self._spans))]

    def named(self, default: Any = None) -> dict[str, Any]:
        """Return the texts of the groups with a name."""
        return {name: self.part(number, default) for name, number in self._names.items()}

    def __getitem__(self, group: Any) -> Any:
        low, high = self.span(group)
        self._meter.text_of(high - low)
        return self._text[low:high] if low >= 0 else None

    __iter__ = None  # else Python would count the groups


for _kind in (Pattern, Match):
    _kind.__module__ = "re"


class Regex:
    """The module re of a logic: compiles patterns, searches, and pays for both."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._programs: OrderedDict[tuple[str, int], Compiled] = OrderedDict()

    # Compiling.

    def compile(self, pattern: Any, flags: Any = 0) -> Pattern:
        """Return the result of `re.compile`."""
        made = self._pattern(pattern, flags)
        self._program(made)
        return made

    def _pattern(self, pattern: Any, flags: Any) -> Pattern:
        if type(flags) is not int:
            raise TypeError(f"flags must be flags of re, such as re.I, not {type(flags).__name__}")
        if type(pattern) is Pattern:
            if flags:
                raise ValueError("cannot process flags argument with a compiled pattern")
            return pattern
        if type(pattern) is not str:
            raise TypeError(f"a pattern must be a text, not {type(pattern).__name__}")
        if unknown := flags & ~sum(FLAGS.values()):
            raise ValueError(f"the flag {unknown} is not available; I, M, S and A are")
        if len(pattern) > LONGEST_PATTERN:
            raise PatternError(f"a pattern has at most {LONGEST_PATTERN} characters, not {len(pattern)}")
        return Pattern(pattern, flags & ~FLAGS["A"])

    def _program(self, pattern: Pattern) -> Compiled:
        """Return the program of a pattern; a reading pays for it at its first use."""
        key = (pattern.text, pattern.flags)
        program = self._programs.get(key)
        if program is None:
            program = self._compiled(pattern)
            self._programs[key] = program
            if len(self._programs) > MOST_PROGRAMS:
                self._programs.popitem(last=False)
        else:
            self._programs.move_to_end(key)
        known = self._meter.patterns
        if key not in known:
            self._meter.spend(program.ticks)
            if len(known) < MOST_PROGRAMS:
                known.add(key)
        return program

    def _compiled(self, pattern: Pattern) -> Compiled:
        ticks = COMPILE_TICKS + len(pattern.text)
        if self._meter.fuel < ticks:
            self._meter.spend(ticks)
        options = _re2.RE2.Options()
        options.max_mem = PROGRAM_BYTES
        options.log_errors = False
        letters = "".join(letter for flag, letter in _LETTERS.items() if pattern.flags & flag)
        try:
            source = f"(?{letters}:{translated(pattern.text)})" if letters else translated(pattern.text)
            encoded = source.encode()
        except (UnicodeEncodeError, PatternError) as error:
            self._meter.spend(ticks)
            raise error if isinstance(error, PatternError) else PatternError("a lone surrogate") from None
        engine = _re2.RE2(encoded, options)
        if not engine.ok():
            why = engine.error().decode("utf-8", "replace")
            too_large = "too large" in why or "repetition size" in why
            self._meter.spend(ticks + (TOO_LARGE_TICKS if too_large else 0))
            raise PatternError(_too_large(why) if too_large else why)
        steps, back, groups = (
            engine.ProgramSize(),
            engine.ReverseProgramSize(),
            engine.NumberOfCapturingGroups(),
        )
        ticks += (steps + max(back, 0)) >> 1
        if back < 0 or groups > MOST_GROUPS:
            self._meter.spend(ticks + (TOO_LARGE_TICKS if back < 0 else 0))
            raise PatternError(
                "the pattern is too large" if back < 0 else f"a pattern has at most {MOST_GROUPS} groups"
            )
        names = {name.decode(): number for name, number in engine.NamedCapturingGroups()}
        return Compiled(
            engine,
            steps,
            groups,
            dict(sorted(names.items(), key=lambda pair: pair[1])),
            ticks,
            _ONE_KIND.fullmatch(pattern.text) is not None,
        )

    # Searching.

    def _matches(self, pattern: Pattern, text: Any, anchor: Any = _FREE) -> Iterator[Match]:
        """Yield the matches, one after the other."""
        meter = self._meter
        program = self._program(pattern)
        if type(text) is not str:
            bytes_ = "; decode bytes first" if type(text) is bytes else ""
            raise TypeError(f"re takes texts, not {type(text).__name__}{bytes_}")
        meter.spend((len(text) >> 6) + 1)
        try:
            data = text.encode()
        except UnicodeEncodeError:
            raise ValueError("the text has an incomplete character (a lone surrogate)") from None
        return self._found(program, text, data, anchor)

    def _found(self, program: Compiled, text: str, data: bytes, anchor: Any) -> Iterator[Match]:
        meter, plain, end = self._meter, len(text) == len(data), len(data)
        weight = program.steps * (4 + program.groups)
        at = seen = character = 0
        until, near = end, _NEAR
        while True:
            if program.one_kind and anchor is _FREE:
                until = min(at + near, end)
                while until < end and data[until] & 0xC0 == 0x80:  # inside of a character
                    until += 1
            meter.spend(4 + program.groups + ((until - at) * weight >> 9))
            spans = program.engine.Match(anchor, data, at, until)
            low, high = spans[0]
            if until < end and (low < 0 or high == until):
                at = until if low < 0 else low
                near *= 2
                continue
            near = _NEAR
            if low < 0:
                return
            if low < end and data[low] & 0xC0 == 0x80:
                # RE2 looks for the place of an empty match byte by byte: this one is inside of a character.
                at = low + 1
                continue
            if plain:
                yield Match(meter, text, spans, program.names)
            else:
                meter.spend(1 + (high - seen >> 5))
                places = {-1: -1, seen: character}
                for place in sorted({place for span in spans for place in span} - {-1}):
                    character += len(data[seen:place].decode("utf-8", "replace"))
                    places[place] = character
                    seen = place
                yield Match(meter, text, [(places[a], places[b]) for a, b in spans], program.names)
            if high > low:
                at = high
            elif high < end:
                at = high + _width(data[high])
            else:
                return

    # The functions.

    def functions(self) -> Guards:
        """Return the facade of re."""
        plain = self._by_pattern()

        def with_flags(name: str) -> Callable[..., Any]:
            method = plain[name]

            def run(pattern: Any, string: Any, flags: Any = 0) -> Any:
                return method(self._pattern(pattern, flags), string)

            return run

        def sub(pattern: Any, repl: Any, string: Any, count: Any = 0, flags: Any = 0) -> str:
            return plain["sub"](self._pattern(pattern, flags), repl, string, count)  # type: ignore[no-any-return]

        def subn(pattern: Any, repl: Any, string: Any, count: Any = 0, flags: Any = 0) -> tuple[str, int]:
            return plain["subn"](self._pattern(pattern, flags), repl, string, count)  # type: ignore[no-any-return]

        def split(pattern: Any, string: Any, maxsplit: Any = 0, flags: Any = 0) -> list[Any]:
            return plain["split"](self._pattern(pattern, flags), string, maxsplit)  # type: ignore[no-any-return]

        def escape(pattern: Any) -> str:
            if type(pattern) is not str:
                raise TypeError(f"escape() takes a text, not {type(pattern).__name__}")
            self._meter.text_of(2 * len(pattern))
            self._meter.spend(2 + (len(pattern) >> 3))
            return self._meter.text(re.escape(pattern))

        names = {"I": "IGNORECASE", "M": "MULTILINE", "S": "DOTALL", "A": "ASCII"}
        flags: dict[str, Any] = FLAGS | {names[letter]: flag for letter, flag in FLAGS.items()}
        return {
            **{name: with_flags(name) for name in ("findall", "finditer", "fullmatch", "match", "search")},
            **flags,
            "compile": self.compile,
            "error": PatternError,
            "escape": escape,
            "split": split,
            "sub": sub,
            "subn": subn,
        }

    def methods(self) -> dict[type, Guards]:
        """Return the methods of patterns and matches."""
        return {Pattern: self._by_pattern(), Match: self._of_match()}

    def _by_pattern(self) -> Guards:
        meter = self._meter

        def first(anchor: Any) -> Callable[[Pattern, Any], Match | None]:
            def run(pattern: Pattern, string: Any) -> Match | None:
                return next(self._matches(pattern, string, anchor), None)

            return run

        def finditer(pattern: Pattern, string: Any) -> Iterator[Match]:
            return self._matches(pattern, string)

        def findall(pattern: Pattern, string: Any) -> list[Any]:
            found: list[Any] = []
            for match in self._matches(pattern, string):
                parts = match.parts("")
                found.append(tuple(parts) if len(parts) > 1 else parts[0] if parts else match.part(0))
                listed(found)
            return found

        def listed(found: list[Any]) -> None:
            if len(found) > meter.limits.list_items:
                meter.exceed("list_items")

        def split(pattern: Pattern, string: Any, maxsplit: Any = 0) -> list[Any]:
            pieces: list[Any] = []
            end = 0
            for match in self._limited(pattern, string, maxsplit):
                low, high = match.span()
                pieces += [string[end:low], *match.parts()]
                end = high
                listed(pieces)
            pieces.append(string[end:])
            meter.spend(len(string) >> 5)
            return pieces

        def subn(pattern: Pattern, repl: Any, string: Any, count: Any = 0) -> tuple[str, int]:
            replace = self._replacing(repl, self._program(pattern))
            pieces: list[str] = []
            end = size = times = 0
            for match in self._limited(pattern, string, count):
                low, high = match.span()
                made = replace(match)
                pieces += (string[end:low], made)
                size += low - end + len(made)
                end = high
                times += 1
                if size > meter.limits.str_chars:
                    meter.exceed("str_chars")
            pieces.append(string[end:])
            meter.text_of(size + len(string) - end)
            return "".join(pieces), times

        def sub(pattern: Pattern, repl: Any, string: Any, count: Any = 0) -> str:
            return subn(pattern, repl, string, count)[0]

        return {
            "findall": findall,
            "finditer": finditer,
            "fullmatch": first(_WHOLE),
            "match": first(_START),
            "search": first(_FREE),
            "split": split,
            "sub": sub,
            "subn": subn,
        }

    def _limited(self, pattern: Pattern, string: Any, most: Any) -> Iterator[Match]:
        if type(most) is not int:
            raise TypeError(f"a count must be a whole number, not {type(most).__name__}")
        matches = self._matches(pattern, string)
        for number, match in enumerate(matches, start=1):
            if most < 0:
                return
            yield match
            if number == most:
                return

    def _replacing(self, repl: Any, program: Compiled) -> Callable[[Match], str]:
        """Return a function that gives the text for a match: of a function of the logic, or of a template."""
        meter = self._meter
        if type(repl) is not str:
            if not callable(repl):
                raise TypeError(f"the replacement must be a text or a function, not {type(repl).__name__}")

            def call(match: Match) -> str:
                made = repl(match)
                if type(made) is not str:
                    raise TypeError(f"expected str instance, {type(made).__name__} found")
                return made

            return call
        meter.spend(1 + (len(repl) >> 3))
        if "\\" not in repl:
            return lambda _match: repl
        meter.spend(4 * repl.count("\\"))
        parts = _template(repl, program)
        written = sum(len(part) for part in parts if type(part) is str)

        def fill(match: Match) -> str:
            meter.spend(len(parts))
            spans = [match.span(part) for part in parts if type(part) is int]
            meter.text_of(written + sum([high - low for low, high in spans]))
            return "".join([part if type(part) is str else match.part(part, "") for part in parts])

        return fill

    def _of_match(self) -> Guards:
        meter = self._meter

        def group(match: Match, /, *groups: Any) -> Any:
            if len(groups) <= 1:
                return match[groups[0] if groups else 0]
            meter.spend(len(groups))
            return tuple([match[each] for each in groups])

        def groups(match: Match, default: Any = None) -> tuple[Any, ...]:
            made = match.parts(default)
            paid(match, made)
            return tuple(made)

        def groupdict(match: Match, default: Any = None) -> dict[str, Any]:
            made = match.named(default)
            paid(match, made)
            return made

        def paid(match: Match, made: Any) -> None:
            low, high = match.span()
            meter.spend(1 + (len(made) * (16 + high - low) >> 5))

        def start(match: Match, group: Any = 0, /) -> int:
            return match.span(group)[0]

        def end(match: Match, group: Any = 0, /) -> int:
            return match.span(group)[1]

        def span(match: Match, group: Any = 0, /) -> tuple[int, int]:
            return match.span(group)

        return {
            "end": end,
            "group": group,
            "groupdict": groupdict,
            "groups": groups,
            "span": span,
            "start": start,
        }


def pattern_attributes() -> dict[type, dict[str, Callable[[Any], Any]]]:
    """Return the attributes of the values, by type; a logic reads them without a call."""
    return {Pattern: {"pattern": lambda pattern: pattern.text}}


def _too_large(why: str) -> str:
    """Return what to say about an error of RE2 about the size of a pattern, or of a repetition."""
    bounds = _BOUNDS.search(why)
    if bounds is None:
        return "the pattern is too large"
    if int(bounds[1]) > int(bounds[2] or bounds[1]):
        return f"the least number of repetitions is greater than the most: {bounds[0]}"
    return f"the pattern is too large: at most 1,000 repetitions of a part are available: {bounds[0]}"


def _width(byte: int) -> int:
    """Return the number of bytes of a character of UTF-8, by its first byte."""
    return 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4


def _template(repl: str, program: Compiled) -> list[str | int]:
    """Return the parts of a replacement: texts, and numbers of groups."""
    parts: list[str | int] = []
    at = 0
    for found in _REFERENCE.finditer(repl):
        parts.append(repl[at : found.start()])
        at = found.end()
        name, number, escaped = found.groups()
        if escaped is None:
            wanted = name or number
            place = program.names.get(wanted) if not wanted.isdecimal() else int(wanted[-9:])
            if place is None:
                raise IndexError(f"unknown group name {wanted[:40]!r}")
            if place > program.groups:
                raise PatternError(f"invalid group reference {place}")
            parts.append(place)
        elif escaped in _ESCAPED:
            parts.append(_ESCAPED[escaped])
        elif escaped.isascii() and escaped.isalnum():
            raise PatternError(f"bad escape \\{escaped} in the replacement")
        else:
            parts.append("\\" + escaped)
    if repl.endswith("\\") and at < len(repl):
        raise PatternError("bad escape (end of the replacement)")
    parts.append(repl[at:])
    return [part for part in parts if part != ""]


def translated(pattern: str) -> str:
    """Return a pattern of Python as RE2 writes it.

    Raises:
        PatternError: a part of the pattern means something else for RE2, or nothing.
    """
    made: list[str] = []
    at = 0
    first = -1  # the place of the first character of the set that is open; -1 outside of sets
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            piece, at = _escape(pattern, at, within=first >= 0)
            made.append(piece)
            continue
        if first >= 0:
            if character == "]" and at > first:
                first = -1
            elif character == "[" and pattern[at + 1 : at + 2] == ":":
                raise PatternError("[: is not available in a set; write \\[:")
        elif character == "[":
            first = at + 1 + pattern.startswith("^", at + 1)
            made.append(pattern[at:first])
            at = first
            if pattern.startswith("]", at):
                made.append("]")
                at += 1
            continue
        elif character == "(" and pattern.startswith("?", at + 1):
            piece, at = _extension(pattern, at)
            if piece.startswith("(?P<") and piece in made:
                raise PatternError(f"two groups begin with {piece[:40]}")
            made.append(piece)
            continue
        elif character == "{" and (bounds := _UP_TO.match(pattern, at)):
            made.append(f"{{0,{bounds[1]}}}")
            at = bounds.end()
            continue
        made.append(character)
        at += 1
    return "".join(made)


def _escape(pattern: str, at: int, *, within: bool) -> tuple[str, int]:
    """Return what an escape is for RE2, and where the pattern goes on."""
    kind = pattern[at + 1 : at + 2]
    if not kind:
        raise PatternError("bad escape (end of pattern)")
    if kind in "uU":
        code = _CODE.match(pattern, at)
        if code is None:
            raise PatternError(f"incomplete escape \\{kind}")
        return f"\\x{{{code[1] or code[2]}}}", code.end()
    if kind in "123456789":
        raise PatternError(
            f"\\{kind} is not available: a pattern cannot refer to an earlier group. "
            "Compare the groups with =="
        )
    known = (
        {"Z": r"\z", "s": r"[\t-\r ]", "S": r"[^\t-\r ]"} if not within else {"s": r"\t-\r ", "b": r"\x08"}
    )
    if kind in known:
        return known[kind], at + 2
    if kind.isascii() and kind.isalnum() and (kind not in "AbBdDsSwWafnrtvx0" or (within and kind in "AB")):
        raise PatternError(f"bad escape \\{kind}")
    return (f"\\{kind}" if kind.isascii() else kind), at + 2


def _named(pattern: str, at: int) -> tuple[str, int]:
    """Return the begin of a group with a name. RE2 would take other names too."""
    found = _NAMED.match(pattern, at)
    if found is None:
        raise PatternError("a group name does not end; write (?P<name>…)")
    if not found[1].isidentifier():
        raise PatternError(
            f"{found[1][:40]!r} is no group name; it has a letter first, then letters and digits"
        )
    return found[0], found.end()


def _extension(pattern: str, at: int) -> tuple[str, int]:
    """Return what a group that begins with `(?` is for RE2, and where the pattern goes on."""
    after = pattern[at + 2 : at + 4]
    if after == "P<":
        return _named(pattern, at)
    if comment := _COMMENT.match(pattern, at):
        return "", comment.end()
    if flags := _EXTENSION.match(pattern, at):
        letters = flags[1].replace("a", "").replace("u", "")
        if flags[2] == ")" and (at or "-" in letters):
            raise PatternError("flags such as (?i) must be at the start of the pattern")
        if not letters:
            return ("(?:" if flags[2] == ":" else ""), flags.end()
        return f"(?{letters}{flags[2]}", flags.end()
    if after[:1] in ("=", "!") or after in ("<=", "<!"):
        raise PatternError(
            f"(?{after[:2] if after[0] == '<' else after[0]} is not available: a pattern cannot look around. "
            "Match more, and take a group of it"
        )
    if after == "P=":
        raise PatternError(
            "(?P= is not available: a pattern cannot refer to an earlier group. Compare the groups with =="
        )
    if after[:1] == "<":
        raise PatternError("(?< is not available; a group with a name begins with (?P<name>")
    if "x" in after:
        raise PatternError("the flag x (VERBOSE) is not available; write the pattern without blanks")
    raise PatternError(f"(?{after[:1]} is not available")
