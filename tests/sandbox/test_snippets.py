"""Natural snippets give exactly what plain Python gives, or are refused for a reason on the docs page."""

import warnings
from typing import Any

import pytest

from sandbox.allowed import UNAVAILABLE
from sandbox.child.program import name_of
from tests.sandbox.decoders import DECODERS
from tests.sandbox.running import fresh, run
from tests.sandbox.snippets import SNIPPETS, Snippet

#: What plain Python can do and a logic cannot, with the beginning of its line on the docs page.
REFUSED = {
    "global": "`global`",
    "class": "`class`",
    "namedtuple": "`namedtuple`",
    "copy": "`copy`",
    "hashlib": "`hashlib`",
    "float hex": "`float.hex`",
    "str maketrans": "`float.hex`",
    "slice object": "`float.hex`",
    "shift": "`.week`",
    "random": "`random`",
    "uuid": "`random`",
    "zones by pytz": "`available_timezones`",
    "zones by dateutil": "`available_timezones`",
    "cmath": "complex",
    "complex by negative power": "complex",
    "numpy": "`numpy`",
    "print": "`print`",
    "hasattr getattr": "`getattr`",
    "now": "the clock",
    "id hash": "`hash`",
    "object()": "`object`",
    "big pow": "whole numbers",
    "config written": "changes of `config`",
    "NaN in state": "NaN",
    "return inf": "NaN",
    "except exception str": "NaN",  # for the reading "nan"
    "datetime in state": "dates and sets",
    "datetime in result": "dates and sets",
    "set in state": "dates and sets",
    "result set": "dates and sets",
    "none key": "keys",
    "bool key": "keys",
    "float key": "keys",
    "return bool": "results that are no dict",
    "return number": "results that are no dict",
    "with": "`class`, decorators, `with`",
    "class with a base": "`class`",
    "dataclass": "other modules",
    "decimal": "other modules",
    "calendar": "other modules",
    "frozenset": "`frozenset`",
    "error of an import": "errors such as",
    "position of a JSON error": "`.msg`",
    "object_hook": "other options",
    "local time": "the time zone",
    "datetime.UTC": "`datetime.UTC`",
    "day of the year": "`datetime.UTC`",
    "NormalDist": "`NormalDist`",
    "lambda as a default": "defaults of parameters",
    "span as a default": "defaults of parameters",
    "star in a nested target": "a star inside",
    "NaN to JSON": "NaN",
    "eval": "`getattr`",
}


def in_python(snippet: Snippet) -> tuple[list[Any], Any] | str:
    """Return the last results and the state in plain Python, or the kind of the error."""
    names: dict[str, Any] = {"config": snippet.config, "__name__": "logic"}
    state: Any = {}
    returned: Any = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(snippet.source, names)  # noqa: S102 - our own sources
        for reading in snippet.readings:
            returned = fresh(names["process"](fresh(reading), state))
            state = fresh(state)
    except Exception as error:  # noqa: BLE001 - any error of Python is compared
        return name_of(type(error))
    return [] if returned is None else returned if isinstance(returned, list) else [returned], state


def test_every_refusal_has_its_reason_on_the_docs_page() -> None:
    names = {snippet.name for snippet in SNIPPETS}
    assert len(names) == len(SNIPPETS)
    assert set(REFUSED) <= names
    for line in REFUSED.values():
        assert sum(what.startswith(line) for what in UNAVAILABLE) == 1, line


@pytest.mark.parametrize("snippet", [*SNIPPETS, *DECODERS], ids=lambda snippet: snippet.name)
def test_a_natural_snippet_gives_what_python_gives(snippet: Snippet) -> None:
    ran = run(snippet.source, *snippet.readings, config=snippet.config)

    if snippet.name in REFUSED:
        assert ran.kind != "ok"
        return
    expected = in_python(snippet)
    if expected == "SyntaxError":
        assert ran.kind == "refused-at-upload"
    elif isinstance(expected, str):
        assert ran.kind == "runtime-error", ran.problems
        assert ran.failure is not None
        assert ran.failure.message.partition(":")[0] == expected
    else:
        assert ran.kind == "ok", (ran.problems, ran.failure)
        assert (ran.results, ran.state) == expected
