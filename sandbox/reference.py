"""The names that a logic may use, in sections: for their docs page, and for the editor of the pages.

Both are made from the allow list and the limits themselves. `python -m sandbox.reference` prints the docs
page; a test keeps the page in `docs/` equal to it.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

from sandbox.allowed import EXCEPTIONS, METHODS, MODULES, NAMES, TYPE_METHODS, UNAVAILABLE, VALUES
from sandbox.limits import described

_OPENING = """\
# What a logic may use

<!-- Made by `python -m sandbox.reference`. Change sandbox/allowed.py or sandbox/limits.py, not this page. -->

A logic is a Python source with one function `process(data, state)`. It may also have other functions and
values, and imports of the modules below. It reads values that differ from machine to machine, such as a
threshold, from `config`: `config["limit"]`, or `config.get("limit", 80)` if some machines have none.
Everything that is not named on this page is unavailable.

It has no clock, no randomness, no file and no network: the same readings always give the same results. Take
the time from `meta["received"]`, when the system received the reading, or from the reading itself. For the
same reason a set has an order: numbers are in ascending order, texts in alphabetical order, and the items of
all other sets (mixed ones, tuples, or numbers with NaN) in the order in which they were added. A loop over a
set passes the items that the set had when the loop began, also if the set changes meanwhile.

`process` returns a dict, a list or tuple of dicts, or None. In results and in the state, a tuple or a deque
becomes a list, and a Counter or defaultdict becomes a dict. So make them again in each reading, such as
`last = state["last"] = deque(state.get("last", []), maxlen=10)`.

Code outside of functions runs for every reading, so its lists and dicts are new each time. The exception is
code with a loop, a comprehension or a call of a function of the logic, such as `TABLE = make_table()`: it
runs once for each version, when the logic is uploaded and when a worker loads it, with the fuel of one
reading. The variables that it sets are tables, for all machines. A table cannot be changed: its lists, dicts
and sets are read-only.
Code that reads `config` or `meta`, or keeps functions, runs for every reading, even if it is costly. So a
function that keeps values of its own (a counter with `nonlocal`) begins again for each reading.
"""


SectionKind = Literal["function", "value", "exception", "module", "method", "type"]

#: The heading of a kind of section, and the heading of each section if there are several of the kind.
_HEADINGS: Final[dict[SectionKind, tuple[str, str]]] = {
    "function": ("Functions and types", ""),
    "value": ("Values", ""),
    "exception": ("Exceptions", ""),
    "module": ("Modules", "`import {}`"),
    "method": ("Methods", "of `{}`"),
    "type": ("Called on a type", "`{}.…`"),
}


class Section(NamedTuple):
    """Names that belong together, each with its description.

    `of` is the module that they are imported from, the type whose methods they are, or the type that they are
    called on; empty for those that are there by themselves.
    """

    kind: SectionKind
    of: str
    names: Mapping[str, str]


def sections() -> list[Section]:
    """All that a logic may use, in the order in which it is shown."""
    return [
        Section("function", "", NAMES),
        Section("value", "", VALUES),
        Section("exception", "", EXCEPTIONS),
        *(Section("module", of, names) for of, names in MODULES.items()),
        *(Section("method", of, names) for of, names in METHODS.items()),
        *(Section("type", of, names) for of, names in TYPE_METHODS.items()),
    ]


def page() -> str:
    """The docs page, in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _OPENING
    kind = None
    for section in sections():
        heading, of = _HEADINGS[section.kind]
        if section.kind != kind:
            yield f"## {heading}\n"
        if of:
            yield f"### {of.format(section.of)}\n"
        yield from _table(section.names)
        kind = section.kind
    yield "## Not available, and why\n"
    yield "| not available | why, and what to write instead |"
    yield "|---|---|"
    for name, why in UNAVAILABLE.items():
        yield f"| {name} | {why} |"
    yield ""
    yield "## Limits\n"
    yield "Each limit is a setting: `IOT_LOGIC_LIMIT_` and its name in capitals. A reading that exceeds one"
    yield "becomes a dead letter of kind `limit`, and the state does not change.\n"
    yield "| limit | default | unit | reason |"
    yield "|---|---:|---|---|"
    for limit in described():
        yield f"| `{limit.name}` | {limit.default:,} | {limit.unit} | {limit.reason} |"


def _table(names: Mapping[str, str]) -> Iterator[str]:
    yield "| name | meaning |"
    yield "|---|---|"
    for name, what in names.items():
        yield f"| `{name}` | {what} |"
    yield ""


if __name__ == "__main__":
    print(page(), end="")
