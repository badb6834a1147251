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
from msgspec.structs import replace

from sandbox.child.program import LAST_WORDS, Program, bounded_recursion
from sandbox.errors import Breach, LimitExceeded, LogicError, LogicRefused
from sandbox.job import Logic
from sandbox.limits import Limits
from sandbox.runtime.timers import Clock
from sandbox.runtime.values import decode_config
from tests.prices.operations import filled, is_expression, slots
from tests.prices.values import MAKERS

#: The most microseconds that a unit of fuel may take, on a machine whose plain loop takes so many.
AIM: Final = 2.0
PLAIN_LOOP: Final = 0.07
#: The aim as a multiple of a plain loop that is measured beside it, so that a busy machine does not count.
AIM_IN_LOOPS: Final = AIM / PLAIN_LOOP
LIMITS: Final = Limits()
#: Copies of the step in one repetition.
COPIES: Final = 8
#: Seconds of CPU until a measurement is stopped, like the soft deadline of a reading.
SECONDS: Final = 0.5
#: Microseconds that a measurement should take at least, and the fuel that it may use.
_LONG_ENOUGH: Final = 1_500
_ENOUGH_FUEL: Final = 60_000
#: Its time is 2026-03-29T00:00:00Z.
_CLOCK: Final = Clock(1_774_742_400_000, {str(n): 1_774_742_460_000 for n in range(8)})

#: The active alarms of each run.
_ALARMS: Final = frozenset("tuvwxyz")
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
    """What an input costs, repeated `times`, if it fails perhaps in a `try`.

    `ends` says how the step ended, or the reading: `ok`, a limit or an error.
    """

    us: float
    fuel: int
    ends: str = "ok"
    times: int = 1
    caught: bool = False

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
    elif is_expression(code):
        copies = [f"({', '.join(f'({copy})' for copy in copies)})"]
    return Program.load(Logic.of(_source(template, "\n".join(copies))), LIMITS)


def _source(template: str, body: str) -> str:
    names = [f"v{number}" for number in range(len(slots(template)))]
    taken = f"    {', '.join(names)}, = data[1]\n" if names else ""
    return (
        "import base64, binascii, bisect, collections, datetime, functools, itertools, json, math\n"
        "import re, statistics, struct, zlib, zoneinfo\n"
        f"def process(data, state):\n{taken}    x = y = 0\n    for i in range(data[0]):\n"
        f"{textwrap.indent(body, '        ')}\n"
        "def on_timer(timer, state):\n    pass\n"
    )


def made(given: Input) -> list[Any]:
    """Return new values for the slots. Raises the error of a maker that exceeds a limit."""
    values: list[Any] = []
    for body, n in given.values:
        values.append(values[body] if isinstance(body, int) else MAKERS[body].value(n))
    return values


def price(given: Input) -> Price | None:
    """Measure an input; None if its values cannot be made, or if the step is refused at upload."""
    if not all(isinstance(body, int) or body in MAKERS for body, _ in given.values):
        return None
    try:
        first = repeated(given, 1)
    except (LogicRefused, LogicError):
        return None
    times = int(min(_LONG_ENOUGH / max(first.us, 0.5), _ENOUGH_FUEL / max(first.fuel, 1)))
    return first if times < 2 or is_limit(first.ends) else repeated(given, times)


def repeated(given: Input, times: int) -> Price:
    """Measure so many repetitions, in a `try` if the step fails and the failure itself is fair."""
    plain = once(given, times, caught=False)
    if plain.ends in ("ok", "MemoryError") or is_limit(plain.ends):
        return plain
    caught = once(given, times, caught=True)
    if plain.us_per_tick > max(caught.us_per_tick, AIM):
        return plain
    return replace(caught, ends=plain.ends) if caught.ends == "ok" else caught


def once(given: Input, times: int, *, caught: bool) -> Price:
    """Measure one reading with so many repetitions, each of them in a `try` or none."""
    return replace(run(_step(given.template, caught), (times, made(given))), times=times, caught=caught)


def confirmed(given: Input, times: int = 5) -> Price | None:
    """Measure an input several times, and return the cheapest: what noise added is not its price."""
    found = [each for each in (price(given) for _ in range(times)) if each]
    return min(found, key=lambda each: each.us_per_tick, default=None)


def plain_loop() -> float:
    """Return the microseconds for a tick of the plainest loop, as a yardstick of the machine."""
    program = Program.load(
        Logic.of("def process(data, state):\n    x = 0\n    for i in range(data[0]): x = x + 1\n"), LIMITS
    )
    return min(run(program, (5_000, [])).us_per_tick for _ in range(5))


def is_limit(ends: str) -> bool:
    """Return whether a reading ended by a limit."""
    return ends in Limits.__struct_fields__


def run(program: Program, data: Any) -> Price:
    """Measure one reading. A failure has fuel of its own for its message; a limit takes all fuel."""
    ends, last_words = "ok", 0
    held = [list(value) for value in data[1] if type(value) is list] if data else []  # else a step frees it
    with bounded_recursion(LIMITS), _deadline():
        start = time.thread_time_ns()
        try:
            program.process(data, {}, _CONFIG, clock=_CLOCK, alarms=_ALARMS)
        except LimitExceeded as error:
            ends = error.limit
        except LogicError as error:
            ends, last_words = error.message, LAST_WORDS
        except Breach:
            ends = "soft_seconds"
        except MemoryError:
            ends = "MemoryError"
        us = (time.thread_time_ns() - start) / 1e3
    held.clear()
    all_fuel = is_limit(ends) and ends != "soft_seconds"
    return Price(us, LIMITS.fuel if all_fuel else program.peaks["fuel"] + last_words, ends)


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
