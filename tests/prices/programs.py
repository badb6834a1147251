"""Random programs: the steps of `operations`, mixed and nested at random, on the values of `values`.

They look for what no single step shows: a value that one step makes and another one is slow with. A program
may do what a logic may do. It must not end its process, and each run must give the same result for the same
fuel; a dear one is reduced to the blocks that make it dear.
"""

import random
import textwrap
import time
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from sandbox.child.program import Program
from sandbox.errors import LogicRefused
from sandbox.job import Logic
from tests.prices.apart import Attempt
from tests.prices.measure import AIM_IN_LOOPS, LIMITS, plain_loop, run
from tests.prices.operations import Operation, filled, is_expression, slots
from tests.prices.values import SORTS

#: The most values and blocks of a program, and the depth of its blocks.
_MOST_VALUES: Final = 5
_MOST_BLOCKS: Final = 4
_DEPTH: Final = 3
#: Fuel below which the start of a program weighs too much for a fair price.
_LEAST_FUEL: Final = 300


class Finding(Struct, frozen=True):
    """A program that is dear, or that did something that no logic may do."""

    what: str
    how: str


class Writer:
    """Writes one random program."""

    def __init__(self, steps: list[Operation], chance: random.Random) -> None:
        self._steps = steps
        self._chance = chance
        self._names: dict[str, list[str]] = {}  # of the values, by sort
        self._count = 0

    def blocks(self) -> list[str]:
        """Return the blocks of a program: first the values, then what happens to them."""
        values = [self._value(number) for number in range(self._chance.randint(1, _MOST_VALUES))]
        return [*values, *(self._block(_DEPTH) for _ in range(self._chance.randint(1, _MOST_BLOCKS)))]

    def _value(self, number: int) -> str:
        sort = self._chance.choice([each for each in SORTS if each not in ("ANY", "ITEMS")])
        maker = self._chance.choice([each for each in SORTS[sort] if not each.given] or SORTS["INT"])
        self._names.setdefault(sort, []).append(f"v{number}")
        *lines, last = maker.body.split("\n")
        lines.append(last if last.startswith(" ") else f"v{number} = {last.removeprefix('return ')}")
        size = int(maker.most ** self._chance.random()) if maker.most else 0
        return "\n".join((f"n = {size}", *lines))

    def _block(self, depth: int) -> str:
        inner = self._chance.choice((self._step, self._step, self._nested if depth else self._step))
        return inner(depth)

    def _step(self, _depth: int) -> str:
        template = self._chance.choice(self._chance.choice(self._steps).templates)
        code = filled(template, [self._slot(sort) for sort in slots(template)])
        if is_expression(code) and self._chance.random() < 0.7:
            code = f"{self._new_name()} = {code}"
        if self._chance.random() < 0.8:
            return f"try:\n{_indented(code)}\nexcept Exception as e:\n    x = e"
        return code

    def _slot(self, sort: str) -> str:
        everything = [name for names in self._names.values() for name in names]
        return self._chance.choice(
            self._names.get(sort, everything) if self._chance.random() < 0.8 else everything
        )

    def _new_name(self) -> str:
        self._count += 1
        name = f"w{self._count}"
        if self._chance.random() < 0.5:
            self._names.setdefault("ANY", []).append(name)
        return name

    def _nested(self, depth: int) -> str:
        body = "\n".join(self._block(depth - 1) for _ in range(self._chance.randint(1, 3)))
        times = self._chance.choice((2, 10, 100, 5_000))
        head, tail = self._chance.choice(
            (
                (f"for i in range({times}):", ""),
                (f"k = {times}\nwhile k > 0:\n    k -= 1", ""),
                ("try:", "finally:\n    x = 1"),
                ("if x is not y:", "else:\n    y = x"),
                (f"def f{self._count}():", f"for i in range({times}): f{self._count}()"),
                ("def g():", "g()"),
            )
        )
        return "\n".join(filter(None, (head, _indented(body), tail)))


def source_of(blocks: list[str]) -> str:
    """Return the logic that runs these blocks."""
    body = "\n".join(("x = y = i = k = n = 0", *blocks, "return None"))
    return (
        f"import datetime, json, math, statistics, zoneinfo\ndef process(data, state):\n{_indented(body)}\n"
        "def on_timer(timer, state):\n    pass\n"
    )


def attempts(steps: list[Operation], seconds: float, seed: int) -> Iterator[Attempt | Finding]:
    """Yield each program before it runs, and the findings. It takes `seconds` of CPU."""
    chance = random.Random(seed)
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        blocks = Writer(steps, chance).blocks()
        source = source_of(blocks)
        yield Attempt(source)
        how = judged(source)
        if how:
            yield Finding(source_of(reduced(blocks)) if how.startswith("dear") else source, how)


def judged(source: str) -> str:
    """Return what is wrong with a program, or nothing."""
    try:
        program = Program.load(Logic.of(source), LIMITS)
    except LogicRefused:
        return ""
    first, again = run(program, {}), run(program, {})
    if " at 0x" in first.ends:
        return f"an address: {first.ends}"
    stopped = "soft_seconds" in (first.ends, again.ends)
    if not stopped and (first.ends, first.fuel) != (again.ends, again.fuel):
        return f"different results: {first.ends} for {first.fuel}, {again.ends} for {again.fuel}"
    loops = min(each.us / max(each.fuel, _LEAST_FUEL) for each in (first, again)) / plain_loop()
    return f"dear: {loops:.0f} plain loops a tick" if loops > AIM_IN_LOOPS else ""


def reduced(blocks: list[str]) -> list[str]:
    """Return the fewest blocks that are still dear."""
    for place in range(len(blocks)):
        fewer = blocks[:place] + blocks[place + 1 :]
        if judged(source_of(fewer)).startswith("dear"):
            return reduced(fewer)
    return blocks


def _indented(code: str) -> str:
    return textwrap.indent(code, "    ")
