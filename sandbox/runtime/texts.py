"""Conversion of values to text: str, repr, format, % and f-strings, all bounded; see `fills` for str.format.

Strategy. Python's own formatting looks up attributes (`'{0.x}'`), pads to any width, and walks through shared
structures exponentially, all in C. So this module makes every text: it measures the parts first, and reads
widths from the format before it uses the format. A function or other object is shown by its kind, never with
its address.
"""

import re
from collections.abc import Mapping
from functools import partial
from operator import itemgetter
from types import FunctionType
from typing import Any

from sandbox.runtime.collected import COLLECTED, DefaultDict, Deque
from sandbox.runtime.frozen import READ_ONLY, FrozenList
from sandbox.runtime.meter import CONTAINERS, DICTS, MOMENTS, SCALARS, TEXTS, Meter
from sandbox.runtime.sets import Set

_PLAIN = SCALARS | MOMENTS
#: The address in the text of an object, and the place of a function in the code that the compiler makes.
_INTERNAL = re.compile(r" at 0x[0-9a-f]+(?=>)|(?<![\w.])(?:[\w.]*<locals>\.)+")
#: The name that the compiler gives to a variable of a comprehension, such as `_tmp0_x_` for x.
_ITEM = re.compile(r"\b_tmp[0-9]+_(\w+)_\b")
#: A number in a format. Python reads the digits of all scripts there, as this does.
_NUMBER = re.compile(r"\d+")
_PERCENT = re.compile(
    r"%(?:\((?P<key>[^()]*)\))?(?P<flags>[-+ #0]*)(?P<width>[0-9]*)"
    r"(?P<precision>(?:\.[0-9]*)?)[hlL]?(?P<kind>.)",
    re.DOTALL,
)
#: The characters allowed after % in a date format: no widths (the C library pads to any), no time of the
#: host.
DIRECTIVES = frozenset("YmdHMSfjaAbBpIyzZUWuwVG%")
#: The most characters of a format of strftime; each directive makes at most some ten characters.
LONGEST_MOMENT_FORMAT = 200


class Method(partial[Any]):
    """A method of a value, which a logic has read without calling it."""

    __slots__ = ()


# The messages of Python name the type.
Method.__name__ = Method.__qualname__ = "method"


class Texts:
    """Makes texts of values, and pays for them."""

    def __init__(self, meter: Meter, kinds: Mapping[object, type]) -> None:
        self.meter = meter
        self.kinds = kinds
        self._checked: set[str] = set()

    def show(self, value: object = "") -> str:
        """Return the text of `str(value)`."""
        kind = type(value)
        if kind is str:
            return value  # type: ignore[return-value]
        if kind in _PLAIN:
            return self._paid(str(value), kind)
        if isinstance(value, BaseException):
            arguments = value.args
            if not arguments:
                return ""
            if len(arguments) == 1:
                if isinstance(arguments[0], BaseException):
                    self.meter.spend(1)
                return self.quote(arguments[0]) if isinstance(value, KeyError) else self.show(arguments[0])
            return self.quote(arguments)
        return self.quote(value)

    def quote(self, value: object) -> str:
        """Return the text of `repr(value)`, except for objects that Python shows with their address."""
        kind = type(value)
        if kind in _PLAIN:
            return self._paid(repr(value), kind)
        self.meter.fuel -= 1
        if kind in TEXTS:
            self.meter.text_of(len(value))  # type: ignore[arg-type]
        elif kind in CONTAINERS or isinstance(value, BaseException):
            self._measure(value)
        return self.meter.text(self._quoted(value))

    def ascii(self, value: object) -> str:
        """Return the text of `ascii(value)`."""
        quoted = self.quote(value)
        if quoted.isascii():
            return quoted
        self.meter.spend(len(quoted) >> 3)
        return self.meter.text(quoted.encode("ascii", "backslashreplace").decode("ascii"))

    def _paid(self, made: str, kind: type) -> str:
        """Pay for the text of a number or moment: many digits take long to compute, or a float near 0."""
        self.meter.fuel -= (len(made) >> 3) + (kind is float)
        return made

    def _measure(self, value: object) -> None:
        """Refuse a text that would be too long before it is made; a part takes at least two characters."""
        if 2 * self.meter.expanse(value) > self.meter.limits.str_chars:
            self.meter.exceed("str_chars")

    def _quoted(self, value: object) -> str:
        kind = type(value)
        if kind is list or kind is FrozenList:
            return f"[{self._listed(value)}]"
        if kind in COLLECTED:
            return self._collected(value)
        if kind in DICTS:
            return "{" + self._paired(value) + "}"
        if kind is tuple:
            inner = self._listed(value)
            return f"({inner},)" if len(value) == 1 else f"({inner})"  # type: ignore[arg-type]
        if kind is Set:
            return "{" + self._listed(value) + "}" if value else "set()"
        if kind in CONTAINERS:  # the views of a dict
            return f"{kind.__name__}([{self._listed(value)}])"
        if kind in _PLAIN:
            return self._paid(repr(value), kind)
        if kind in TEXTS or kind is range:
            return repr(value)
        if isinstance(value, BaseException):
            return f"{kind.__name__}({self._listed(value.args)})"
        if kind.__hash__ is not None and value in self.kinds:
            return f"<class '{_full_name(self.kinds[value])}'>"
        if isinstance(value, type):
            return f"<class '{_full_name(value)}'>"
        if callable(value):
            function: Any = getattr(value, "func", value)
            return f"<{'method' if kind is Method else 'function'} {function.__name__}>"
        return f"<{kind.__name__}>"

    def _collected(self, value: Any) -> str:
        if type(value) is Deque:
            most = "" if value.maxlen is None else f", maxlen={value.maxlen}"
            return f"deque([{self._listed(value)}]{most})"
        if type(value) is DefaultDict:
            factory = "None" if value.factory is None else self._quoted(value.factory)
            return f"defaultdict({factory}, {{{self._paired(value)}}})"
        if not value:
            return "Counter()"
        counts = value
        if set(map(type, value.values())) <= SCALARS:
            self.meter.spend((len(value) * len(value).bit_length() >> 2) + 1)
            try:
                counts = dict(sorted(value.items(), key=itemgetter(1), reverse=True))
            except TypeError:  # None is no number
                counts = value
        return f"Counter({{{self._paired(counts)}}})"

    def _listed(self, values: object) -> str:
        return ", ".join([self._quoted(item) for item in values])  # type: ignore[attr-defined]

    def _paired(self, values: object) -> str:
        return ", ".join([f"{self._quoted(k)}: {self._quoted(v)}" for k, v in values.items()])  # type: ignore[attr-defined]

    def clean(self, error: BaseException) -> None:
        """Remove addresses and internal names from the texts of an error, which C code may have made."""
        for text in error.args:
            if type(text) is str:
                self.meter.spend(len(text) >> 7)
                if "0x" in text or "<locals>" in text or "mappingproxy" in text or "_tmp" in text:
                    error.args = tuple([public(arg) if type(arg) is str else arg for arg in error.args])
                    return

    def joined(self, parts: list[str]) -> str:
        """Return the text of these parts, which are measured before they are joined."""
        if sum(map(len, parts)) > self.meter.limits.str_chars:
            self.meter.exceed("str_chars")
        return self.meter.text("".join(parts))

    def format(self, value: object, spec: object = "") -> str:
        """Return the text of `format(value, spec)`."""
        if type(spec) is not str:
            raise TypeError(f"a format must be a text, not {type(spec).__name__}")
        kind = type(value)
        if not spec:
            return self.show(value)
        if kind in MOMENTS and hasattr(value, "strftime"):
            return self.moment(value, spec)
        if kind is not str and kind not in SCALARS and kind is not complex:
            raise TypeError(f"unsupported format for a {kind.__name__}: {spec[:40]!r}")
        self.widths(spec)
        self.meter.fuel -= 1
        return self.meter.text(self._paid(format(value, spec), kind))

    def widths(self, spec: str) -> None:
        """Refuse a format whose width or precision is too large."""
        if spec in self._checked:
            return
        if len(spec) > 64:
            raise ValueError("the format is too long")
        for digits in _NUMBER.findall(spec):
            if len(digits) > 9 or int(digits) > self.meter.limits.format_width:
                self.meter.exceed("format_width")
        if len(self._checked) < 1_000:
            self._checked.add(spec)

    def moment(self, value: object, spec: object) -> str:
        """Return the text of `value.strftime(spec)`, for directives that do not depend on the host."""
        if type(spec) is not str:
            raise TypeError("a format must be a text")
        check_directives(spec)
        self.meter.spend(4 + (len(spec) >> 3))
        made: str = value.strftime(spec)  # type: ignore[attr-defined]
        return self.meter.text(made)

    def percent(self, pattern: str, values: object) -> str:
        """Return the text of `pattern % values`, without `*` as a width."""
        self.meter.text_of(len(pattern))
        named = values if type(values) in (*DICTS, list, FrozenList, range, bytes) else None
        queue = list(values) if type(values) is tuple else [values]
        self.meter.spend((len(queue) >> 4) + (type(values) is bytes))
        queue.reverse()
        pieces: list[str] = []
        at = size = 0
        keyed = False
        while (found := pattern.find("%", at)) >= 0:
            pieces.append(pattern[at:found])
            match = _PERCENT.match(pattern, found)
            if match is None:
                raise ValueError("incomplete format, or a width of '*', which is not available")
            at = match.end()
            if match["kind"] == "%":
                self.meter.spend(1)
                pieces.append("%")
                continue
            if match["key"] is not None:
                if named is None:
                    raise TypeError("format requires a mapping")
                keyed = True
                value = named[match["key"]]  # type: ignore[index]
            elif not queue:
                raise TypeError("not enough arguments for format string")
            else:
                value = queue.pop()
            pieces.append(self._percent(match, value))
            size += len(pieces[-1])
            if size > self.meter.limits.str_chars:
                self.meter.exceed("str_chars")
        pieces.append(pattern[at:])
        if queue and not keyed and named is None:
            raise TypeError("not all arguments converted during string formatting")
        return self.meter.text("".join(pieces))

    def _percent(self, match: re.Match[str], value: object) -> str:
        self.meter.spend(2)
        self.widths(match["width"] + match["precision"])
        kind = match["kind"]
        if kind in "sra":
            made = {"s": self.show, "r": self.quote, "a": self.ascii}[kind](value)
            value, kind = made, "s"
        elif kind not in "diouxXeEfFgGc":
            raise ValueError(f"unsupported format character {kind[:1]!r}")
        elif type(value) not in SCALARS and type(value) is not str:
            raise TypeError(f"%{kind} format: a number is required, not {type(value).__name__}")
        made = f"%{match['flags']}{match['width']}{match['precision']}{kind}" % (value,)
        return self._paid(made, type(value))


def public(text: str) -> str:
    """Return a text without the addresses of objects, and without names that only the sandbox knows."""
    if text.startswith("'mappingproxy' object does not"):
        return READ_ONLY
    return _ITEM.sub(r"\1", _INTERNAL.sub("", text)).replace("mappingproxy", "dict")


def named(name: str, function: object) -> None:
    """Give a function of the sandbox the name that a logic knows it by. Python's messages contain it."""
    if isinstance(function, FunctionType):
        function.__name__ = function.__qualname__ = name


def _full_name(kind: type) -> str:
    """Return the name of a type with its module, as Python shows it."""
    module = kind.__module__
    return (
        kind.__name__ if module == "builtins" or module.startswith("sandbox") else f"{module}.{kind.__name__}"
    )


def check_directives(spec: str) -> None:
    """Refuse a date format that is too long or has a directive that is not available."""
    if len(spec) > LONGEST_MOMENT_FORMAT:
        raise ValueError(f"a date format has at most {LONGEST_MOMENT_FORMAT} characters")
    at = spec.find("%")
    while at >= 0:
        if spec[at + 1 : at + 2] not in DIRECTIVES or at + 1 == len(spec):
            raise ValueError(f"%{spec[at + 1 : at + 2]} is not available in a date format")
        at = spec.find("%", at + 2)
