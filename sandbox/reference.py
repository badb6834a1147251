"""The docs page of what a logic may use, made from the allow list and the limits themselves.

`python -m sandbox.reference` prints it; a test keeps the page in `docs/` equal to it.
"""

from collections.abc import Iterator, Mapping

from sandbox.allowed import EXCEPTIONS, METHODS, MODULES, NAMES, TYPE_METHODS, VALUES
from sandbox.limits import described

_OPENING = """\
# What a logic may use

<!-- Made by `python -m sandbox.reference`. Change sandbox/allowed.py or sandbox/limits.py, not this page. -->

A logic is a Python source with one function `process(data, state)`. Beside it there may be other functions,
constants and imports of the modules below. What differs from machine to machine, such as a threshold, it
reads from `config`: `config["limit"]`, or `config.get("limit", 80)` where not every machine has one. Whatever
is not named on this page is not there.

There is no clock, no chance, no file and no network: the same readings always give the same results. Take
the time from the reading.
"""


def page() -> str:
    """The page, in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _OPENING
    yield from _section("Functions and types", NAMES)
    yield from _section("Values", VALUES)
    yield from _section("Exceptions", EXCEPTIONS)
    yield "## Modules\n"
    for name, members in MODULES.items():
        yield from _section(f"`import {name}`", members, level=3)
    yield "## Methods\n"
    for name, members in METHODS.items():
        yield from _section(f"of `{name}`", members, level=3)
    yield "## Called on a type\n"
    for name, members in TYPE_METHODS.items():
        yield from _section(f"`{name}.…`", members, level=3)
    yield "## Limits\n"
    yield "Each is a setting, `IOT_LOGIC_LIMIT_` and its name in capitals. A reading that goes over one"
    yield "becomes a dead letter of kind `limit`; its state stays as it was.\n"
    yield "| limit | default | unit | why |"
    yield "|---|---:|---|---|"
    for limit in described():
        yield f"| `{limit.name}` | {limit.default:,} | {limit.unit} | {limit.reason} |"


def _section(title: str, members: Mapping[str, str], level: int = 2) -> Iterator[str]:
    yield f"{'#' * level} {title}\n"
    yield "| | |"
    yield "|---|---|"
    for name, what in members.items():
        yield f"| `{name}` | {what} |"
    yield ""


if __name__ == "__main__":
    print(page(), end="")
