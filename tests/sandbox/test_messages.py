"""No message contains an address or a name of the sandbox's own code, and nothing gives a set of Python.

Strategy. Everything that a logic can call is called with every kind of value, in every place, also with
too few and too many arguments and with unknown keywords. The text of each error is made as a logic sees it.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, product
from typing import Any

import msgspec
import pytest

from sandbox.allowed import ATTRIBUTES
from sandbox.errors import Breach
from sandbox.job import Job, Logic
from sandbox.limits import Limits
from sandbox.parent.sandbox import Sandbox
from sandbox.runtime.runtime import Runtime
from sandbox.runtime.texts import public
from sandbox.runtime.values import decode_config
from tests.sandbox.running import process, run

RUNTIME = Runtime(Limits())
GLOBALS = RUNTIME.globals
#: What no message may contain: addresses, and names that a logic does not know.
INTERNAL = re.compile(
    r"0x[0-9a-f]{6}|<locals>|mappingproxy|partial|sandbox|\b_make_|\b_[a-z]+_\b|\b_[mf]_|\bto_(?!bytes)[a-z]+\b"
)
PUBLIC = {name: value for name, value in GLOBALS.items() if not name.startswith("_") and callable(value)}
FACADES = {
    f"{module}.{name}": value
    for module, members in RUNTIME.modules.items()
    for name, value in members.items()
    if callable(value)
}
ON_TYPES = {name: f for table in RUNTIME.on_types.values() for name, f in table.items() if callable(f)}
#: The guards behind the dots: the first argument is the value itself.
METHODS = {name: GLOBALS[f"_m_{name}"] for name in sorted(ATTRIBUTES)}
#: The guards of operators, which the compiler calls with two operands.
OPERATORS = {
    name: GLOBALS[f"_{name}_"]
    for name in (
        *("add", "sub", "mul", "mod", "pow", "lshift", "or", "and", "xor", "iadd", "isub", "imul", "imod"),
        *("ipow", "ilshift", "ior", "iand", "ixor", "within", "format"),
    )
}

#: A function that reads a variable of a comprehension before it is set; another variable has its name.
UNSET_ITEM = "y = 1\ndef f():\n    return [y for a in [1] for b in [lambda: y] for y in [b()]]"


def helper(a: int) -> int:
    return a


def odd_values() -> list[Any]:
    """Return a value of every kind that a logic can hold. They are fresh, because functions change them."""
    made = GLOBALS["_getattr_"]
    return [
        None,
        5,
        2.5,
        "text",
        [1, len],
        (made([], "append"),),
        {"a": made({}, "get"), len: 1},
        GLOBALS["set"]([len, 1]),
        {"a": 1}.keys(),
        {"a": len}.items(),
        decode_config(b'{"a": {"b": 1}}'),
        made([1], "append"),
        PUBLIC["max"],
        PUBLIC["int"],
        len,
        helper,
        (x for x in [1]),
        ValueError(len, [helper]),
        KeyError,
        range(3),
        FACADES["datetime.date"](2026, 3, 1),
        FACADES["datetime.timedelta"](3),
        FACADES["zoneinfo.ZoneInfo"]("Europe/Berlin"),
    ]


def calls(function: Callable[..., Any], counts: Iterable[int]) -> Iterator[Callable[[], Any]]:
    """Yield calls of a function with so many arguments, of every kind."""
    for count in counts:
        for places in product(range(len(odd_values())), repeat=count):
            values = odd_values()
            yield partial(function, *[values[place] for place in places])


def more_calls(function: Callable[..., Any]) -> Iterator[Callable[[], Any]]:
    """Yield calls of a function with many arguments, and with keywords."""
    yield partial(function, *odd_values())
    for value in odd_values():
        yield partial(function, value, value, value)
        yield partial(function, value, unknown=1)
        yield partial(function, value, key=value)
        yield partial(function, [1, 2], method=value)


def texts_of(error: Exception) -> list[str]:
    """Return the texts of an error that a logic can get, after its handler has begun."""
    RUNTIME.meter.reset()
    RUNTIME.texts.clean(error)
    return [RUNTIME.texts.show(error), RUNTIME.texts.quote(error), RUNTIME.texts.quote(error.args)]


@pytest.mark.parametrize(
    "functions",
    [PUBLIC, FACADES, ON_TYPES, METHODS, OPERATORS],
    ids=["functions", "modules", "on types", "methods", "operators"],
)
def test_no_error_shows_an_address_or_an_internal_name(
    functions: dict[str, Callable[..., Any]],
) -> None:
    raised = 0
    for name, function in functions.items():
        tried = (
            calls(function, [2])
            if functions is OPERATORS
            else chain(calls(function, [0, 1, 2]), more_calls(function))
        )
        for call in tried:
            RUNTIME.meter.reset()
            try:
                made = call()
                assert not isinstance(made, set | frozenset), name
            except Breach:
                continue
            except Exception as error:  # noqa: BLE001
                raised += 1
                for text in texts_of(error):
                    assert not INTERNAL.search(text), (name, text)
    assert raised > 1_000


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "def helper(a):\n    return a\n(lambda f: f())(helper)",
            "helper() missing 1 required positional argument: 'a'",
        ),
        (
            "def out():\n    def inner(a):\n        return a\n    return inner\n(lambda f: f(1, 2))(out())",
            "inner() takes 1 positional argument but 2 were given",
        ),
        (
            f"{UNSET_ITEM}\nf()",
            "`y` has no value yet, because no line that sets it has run. Set it before, in every case",
        ),
        (
            f"{UNSET_ITEM}\ntry:\n    f()\nexcept Exception as e:\n    raise ValueError(str(e)[:31])",
            "cannot access free variable 'y'",
        ),
        ("[].index(len)", "<function len> is not in list"),
        ("[].index('a')", "'a' is not in list"),
        ("[].append(1, 2)", "append() takes 2 positional arguments but 3 were given"),
        ("max(1, 2, least=3)", "max() got an unexpected keyword argument 'least'"),
        ("list(1, 2)", "list() takes from 0 to 1 positional arguments but 2 were given"),
        ("x = {}.get\nx()", "get() missing 1 required positional argument: 'key'"),
        ("config + 1", "unsupported operand type(s) for +: 'dict' and 'int'"),
        ("[1][[].append]", "list indices must be integers or slices, not method"),
        (
            "json.JSONDecodeError([len], '', 0)",
            "JSONDecodeError takes a message, a short text and a position in it",
        ),
        ("json.loads('{')", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (
            "statistics.quantiles([1, 2], method=len)",
            "quantiles(): method cannot be a builtin_function_or_method",
        ),
    ],
)
def test_a_message_names_what_a_logic_knows(body: str, message: str) -> None:
    ran = run("import json, statistics\n" + process(body))

    assert ran.failure is not None
    assert ran.failure.message.partition(": ")[2] == message


@pytest.mark.parametrize("text", ["0x" + "f" * 200_000, "<locals>" + "f." * 100_000, "_tmp" + "0_" * 100_000])
def test_a_long_text_in_an_error_is_searched_once(text: str) -> None:
    """A search whose steps grow with the square of the text would exceed the deadline of the reading."""
    source = process(
        "try:\n    raise ValueError(data)\nexcept ValueError as e:\n    return {'v': str(e)[:1]}"
    )
    with Sandbox() as sandbox:
        [report] = sandbox.run([Job(Logic.of(source), b"{}", [msgspec.json.encode(text)])])

    assert [outcome.kind for outcome in report.outcomes] == ["ok"]


def test_a_text_of_the_logic_itself_is_kept() -> None:
    text = "the register at 0x1F4A22 is <high>"

    failure = run(process(f"raise ValueError({text!r})")).failure

    assert failure is not None
    assert failure.message == f"ValueError: {text}"


def test_addresses_are_removed_from_texts_of_python() -> None:
    def local() -> None:
        pass

    assert public(f"{local} and {[local]}").count("<function local>") == 2
    assert not INTERNAL.search(public(f"{object()}"))
