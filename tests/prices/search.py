"""Searches for the worst inputs of each step: random ones first, then small changes of the worst so far.

Strategy. Half of the inputs are new: a random template, random makers of its sorts, and sizes at which an
implementation often changes its method. The others are one of the worst so far with one value or size
changed. The price is noisy, so the worst are measured again several times, and the lowest price counts.
"""

import random
import time
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from tests.prices.apart import Apart, Attempt
from tests.prices.measure import AIM_IN_LOOPS, Input, Price, confirmed, plain_loop, price
from tests.prices.operations import Operation, slots
from tests.prices.programs import attempts
from tests.prices.values import MAKERS, SORTS

#: The inputs that are kept for each step: of those that succeed, and of those that fail.
KEPT: Final = 2
#: Sizes at which an implementation often changes its method, or a limit its answer.
_SIZES: Final = (
    0,
    1,
    2,
    7,
    16,
    17,
    60,
    64,
    65,
    100,
    255,
    256,
    257,
    1_000,
    1_100,
    5_000,
    20_000,
    39_999,
    40_000,
)
#: The share of new inputs, and that of slots which take a value of any sort.
_NEW: Final = 0.5
_WILD: Final = 0.05
#: Seconds of CPU for each step in one round of a campaign.
_ROUND: Final = 0.5


class Found(Struct, frozen=True):
    """An input with its price, and the microseconds for a tick of a plain loop at that moment."""

    input: Input
    price: Price
    loop: float

    @property
    def loops(self) -> float:
        """What a unit of fuel takes, as a multiple of a plain loop."""
        return self.price.us_per_tick / self.loop

    @property
    def is_fair(self) -> bool:
        """Whether the aim is met."""
        return self.loops <= AIM_IN_LOOPS


def search(operation: Operation, start: list[Input], seconds: float, seed: int) -> Iterator[Attempt | Found]:
    """Yield each input before it is tried, and the worst ones at the end. It takes `seconds` of CPU."""
    chance = random.Random(seed)
    worst: list[Found] = []
    ahead = list(start)
    loop = plain_loop()
    until = time.thread_time() + seconds
    while ahead or time.thread_time() < until:
        candidate = ahead.pop() if ahead else _next(operation, worst, chance)
        yield Attempt(candidate)
        cost = price(candidate)
        if cost is not None and all(each.input != candidate for each in worst):
            worst = dearest([*worst, Found(candidate, cost, loop)])
    for each in worst:
        yield Attempt(each.input)
        again = confirmed(each.input, 2 if each.loops < AIM_IN_LOOPS / 4 else 5)
        if again is not None:
            yield Found(each.input, again, plain_loop())


def dearest(found: list[Found]) -> list[Found]:
    """Return the inputs to keep."""
    ordered = sorted(found, key=by_price)
    succeed = [each for each in ordered if each.price.ends == "ok"]
    fail = [each for each in ordered if each.price.ends != "ok"]
    return succeed[:KEPT] + fail[:KEPT]


def by_price(found: Found) -> float:
    """Return a sort key: the dearest first."""
    return -found.loops


def _next(operation: Operation, worst: list[Found], chance: random.Random) -> Input:
    if not worst or chance.random() < _NEW:
        template = chance.choice(operation.templates)
        values: list[tuple[str | int, int]] = []
        for number, sort in enumerate(slots(template)):
            values.append(_same(number, chance) or _value(sort, chance))
        return Input(template, tuple(values))
    base = chance.choice(worst).input
    if not base.values:
        return Input(chance.choice([each for each in operation.templates if not slots(each)]), ())
    place = chance.randrange(len(base.values))
    body, n = base.values[place]
    changed: tuple[str | int, int]
    if isinstance(body, int) or chance.random() < 0.4:
        changed = _same(place, chance) or _value(slots(base.template)[place], chance)
    else:
        changed = (body, _other_size(n, MAKERS[body].most, chance))
    return Input(base.template, (*base.values[:place], changed, *base.values[place + 1 :]))


def _same(number: int, chance: random.Random) -> tuple[int, int] | None:
    return (chance.randrange(number), 0) if number and chance.random() < 0.1 else None


def _value(sort: str, chance: random.Random) -> tuple[str, int]:
    maker = chance.choice(SORTS["ANY" if chance.random() < _WILD else sort])
    return maker.body, _size(maker.most, chance)


def _size(most: int, chance: random.Random) -> int:
    way = chance.random()
    if way < 0.3:
        return most
    if way < 0.7:
        return min(chance.choice(_SIZES), most)
    return int(most ** chance.random())


def _other_size(n: int, most: int, chance: random.Random) -> int:
    changed = chance.choice((n * 2, n // 2, n + 1, n - 1, n * 5 // 4, n * 4 // 5, most))
    return min(max(changed, 0), most)


def campaign(
    steps: list[Operation],
    start: dict[str, list[Input]],
    seconds: float,
    seed: int,
    *,
    programs: bool = True,
) -> Iterator[tuple[str, Any]]:
    """Search all steps in rounds for so long, each time from the worst inputs of the round before.

    Yields what was found with the name of its step, or with the name `program`: after each round, random
    programs run as long as a tenth of the steps.
    """
    chance = random.Random(seed)
    worst = {each.name: start.get(each.name, []) for each in steps}
    apart = Apart()
    until = time.monotonic() + seconds
    share = min(_ROUND, seconds / len(steps))
    try:
        while time.monotonic() < until:
            for step in steps:
                found = list(apart.run(search, step, worst[step.name], share, chance.randrange(1 << 30)))
                good = dearest([each for each in found if isinstance(each, Found)])
                worst[step.name] = [each.input for each in good] or worst[step.name]
                yield from ((step.name, each) for each in found)
            if programs:
                mixed = apart.run(attempts, steps, share * len(steps) / 10, chance.randrange(1 << 30))
                yield from (("program", each) for each in mixed)
    finally:
        apart.close()
