"""Measures one input of a step: microseconds of CPU for a unit of fuel.

Strategy. The step runs many times within one reading, packed as tightly as an author can: several copies in
one pass of a loop, so that the ticks of the loop itself are shared. Its values come with the reading. The
processor time of the whole reading, divided by the fuel that it used, is the price. A step that fails is
tried again in a `try`; a step that exceeds a limit ends the reading, so it is set against the fuel of the
reading.
"""

import re
import signal
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Any, Final

from msgspec import Struct

from sandbox.child.program import LAST_WORDS, Program, bounded_recursion
from sandbox.errors import Breach, LimitExceeded, LogicError, LogicRefused
from sandbox.job import Logic
from sandbox.limits import Limits
from sandbox.runtime.values import decode_config
from tests.prices.operations import filled, slots
from tests.prices.values import MAKERS

#: The most microseconds that a unit of fuel may take.
AIM: Final = 2.0
LIMITS: Final = Limits()
#: Copies of the step in one repetition.
COPIES: Final = 8
#: Seconds of CPU until a measurement is stopped, like the soft deadline of a reading.
SECONDS: Final = 0.5
#: Microseconds that a measurement should take at least, and the fuel that it may use.
_LONG_ENOUGH: Final = 1_500
_ENOUGH_FUEL: Final = 60_000
_CONFIG: Final = decode_config(b'{"a": 1, "b": [[1, 2, 3], {"c": "' + b"x" * 2_000 + b'"}]}')


class Input(Struct, frozen=True):
    """A template and the value of each slot: the body of its maker, and its size.

    A slot with a number instead of a body has the very value of the slot with that number.
    """

    template: str
    values: tuple[tuple[str | int, int], ...]

    def __str__(self) -> str:
        parts = [self.template]
        for body, n in self.values:
            sized = f" with n = {n:,}" if "n" in str(body) else ""
            parts.append(f"the same as value {body}" if isinstance(body, int) else body + sized)
        return " | ".join(parts).replace("\n", "; ")


class Price(Struct, frozen=True):
    """What one input costs. `ends` says how the reading ended: `ok`, or the limit or error that ended it."""

    us: float
    fuel: int
    ends: str = "ok"

    @property
    def us_per_tick(self) -> float:
        """Microseconds for a unit of fuel."""
        return self.us / max(self.fuel, 1)


@cache
def _step(template: str, caught: bool) -> Program:
    """Return the logic that repeats a step, each time in a `try` if `caught`."""
    code = filled(template)
    copies = [re.sub(r"\bK\b", str(number), code) for number in range(COPIES)]
    if caught:
        copies = [f"try:\n{textwrap.indent(copy, '    ')}\nexcept Exception: pass" for copy in copies]
    elif _is_expression(code):
        copies = [f"({', '.join(f'({copy})' for copy in copies)})"]
    return Program.load(Logic.of(_source(template, "\n".join(copies))), LIMITS)


def _source(template: str, body: str) -> str:
    names = [f"v{number}" for number in range(len(slots(template)))]
    taken = f"    {', '.join(names)}, = data[1]\n" if names else ""
    return (
        "import datetime, json, math, statistics\n"
        f"def process(data, state):\n{taken}    x = y = 0\n    for i in range(data[0]):\n"
        f"{textwrap.indent(body, '        ')}\n"
    )


def _is_expression(code: str) -> bool:
    try:
        compile(code, "step", "eval")
    except SyntaxError:
        return False
    return True


def made(given: Input) -> list[Any]:
    """Return new values for the slots. Raises the error of a maker that exceeds a limit."""
    values: list[Any] = []
    for body, n in given.values:
        values.append(values[body] if isinstance(body, int) else MAKERS[body].value(n))
    return values


def price(given: Input) -> Price | None:
    """Measure an input; None if its values cannot be made, or if the step is refused at upload."""
    try:
        program, values = _step(given.template, False), made(given)
    except (LogicRefused, LogicError):
        return None
    first = _run(program, 1, values)
    if first.ends not in ("ok", "MemoryError") and not _is_limit(first.ends):
        program = _step(given.template, True)
        caught = _run(program, 1, made(given))
        if first.us_per_tick > caught.us_per_tick and first.us_per_tick > AIM:
            return first
        first = Price(caught.us, caught.fuel, first.ends if caught.ends == "ok" else caught.ends)
    times = int(min(_LONG_ENOUGH / max(first.us, 0.5), _ENOUGH_FUEL / max(first.fuel, 1)))
    if times < 2 or _is_limit(first.ends):
        return first
    more = _run(program, times, made(given))
    return Price(more.us, more.fuel, first.ends if more.ends == "ok" else more.ends)


def confirmed(given: Input, times: int = 5) -> Price | None:
    """Measure an input several times, and return the cheapest: what noise added is not its price."""
    found = [each for each in (price(given) for _ in range(times)) if each]
    return min(found, key=lambda each: each.us_per_tick, default=None)


def plain_loop() -> float:
    """Return the microseconds for a tick of the plainest loop, as a yardstick of the machine."""
    program = Program.load(
        Logic.of("def process(data, state):\n    x = 0\n    for i in range(data[0]): x = x + 1\n"), LIMITS
    )
    return min(_run(program, 20_000, []).us_per_tick for _ in range(5))


def _is_limit(ends: str) -> bool:
    return ends in Limits.__struct_fields__


def _run(program: Program, times: int, values: list[Any]) -> Price:
    ends, most = "ok", LIMITS.fuel
    with bounded_recursion(LIMITS), _deadline():
        start = time.thread_time_ns()
        try:
            program.process((times, values), {}, _CONFIG)
        except LimitExceeded as error:
            ends = error.limit
        except LogicError as error:
            ends, most = error.message.partition(":")[0], 0
        except (MemoryError, Breach) as error:
            ends = type(error).__name__ if isinstance(error, MemoryError) else error.limit
        us = (time.thread_time_ns() - start) / 1e3
    used = LIMITS.fuel if _is_limit(ends) and ends != "soft_seconds" else program.fuel_used
    return Price(us, used if most else used + LAST_WORDS, ends)


@contextmanager
def _deadline() -> Iterator[None]:
    """Raise a breach in the middle of a step that takes too long, as the child does."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise Breach("soft_seconds", LIMITS.soft_seconds, "the step took too long")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS, 0.1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
