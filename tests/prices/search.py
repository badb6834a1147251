"""Searches for the worst inputs of each step: random ones first, then small changes of the worst so far.

Strategy. A step may hold its process in C code, exhaust the memory, or crash the interpreter. So the search
runs in a process of its own, with little memory, which says what it tries before it tries it. If it does not
answer, it is killed, and its last attempt is a finding of its own.
"""

import gc
import multiprocessing
import random
import resource
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Final

from msgspec import Struct

from tests.prices.measure import AIM, LIMITS, Input, Price, confirmed, price
from tests.prices.operations import Operation, slots
from tests.prices.values import MAKERS, SORTS

#: The inputs that are kept for each step.
KEPT: Final = 3
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
_NEW: Final = 0.4
_WILD: Final = 0.05
#: Seconds without an answer until the process is killed.
_PATIENCE: Final = 30.0
#: Seconds of CPU for each step in one round of a campaign.
_ROUND: Final = 0.5


class Found(Struct, frozen=True):
    """An input with its price."""

    input: Input
    price: Price


class Lost(Struct, frozen=True):
    """An input that ended its process, or held it until it was killed."""

    input: Input
    how: str


def search(
    operation: Operation, start: list[Input], seconds: float, chance: random.Random
) -> Iterator[Input | Found]:
    """Yield each input before it is tried, and the worst ones at the end. It takes `seconds` of CPU."""
    worst: list[Found] = []
    ahead = list(start)
    until = time.thread_time() + seconds
    while ahead or time.thread_time() < until:
        candidate = ahead.pop() if ahead else _next(operation, worst, chance)
        yield candidate
        cost = price(candidate)
        if cost is not None and all(each.input != candidate for each in worst):
            worst = sorted([*worst, Found(candidate, cost)], key=by_price)[:KEPT]
    for each in worst:
        yield each.input
        again = confirmed(each.input, 5 if each.price.us_per_tick > AIM / 4 else 2)
        if again is not None:
            yield Found(each.input, again)


def by_price(found: Found) -> float:
    """Return a sort key: the dearest first."""
    return -found.price.us_per_tick


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


class Searcher:
    """Runs searches in a process of its own, and starts it again if a step ends it."""

    def __init__(self) -> None:
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None

    def run(self, operation: Operation, start: list[Input], seconds: float, seed: int) -> list[Found | Lost]:
        """Search for so long, and return the worst inputs."""
        connection = self._started()
        connection.send((operation, start, seconds, seed))
        found: list[Found | Lost] = []
        attempt: Input | None = None
        while True:
            how = f"no answer in {_PATIENCE:.0f} seconds"
            try:
                if connection.poll(_PATIENCE):
                    message = connection.recv()
                    if message is None:
                        return found
                    if isinstance(message, Found):
                        found.append(message)
                    else:
                        attempt = message
                    continue
            except (EOFError, ConnectionError):
                assert self._process is not None
                self._process.join()
                how = f"the process ended with {self._process.exitcode}"
            self.close()
            return [*found, Lost(attempt, how)] if attempt else found

    def _started(self) -> Connection:
        if self._connection is None:
            spawn = multiprocessing.get_context("spawn")
            self._connection, theirs = spawn.Pipe()
            self._process = spawn.Process(target=_serve, args=(theirs,), daemon=True)
            self._process.start()
            theirs.close()
        return self._connection

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None


def campaign(steps: list[Operation], seconds: float, seed: int) -> Iterator[tuple[str, Found | Lost]]:
    """Search all steps in rounds for so long, each time from the worst inputs of the rounds before."""
    chance = random.Random(seed)
    worst: dict[str, list[Found]] = {each.name: [] for each in steps}
    searcher = Searcher()
    until = time.monotonic() + seconds
    share = min(_ROUND, seconds / len(steps))
    try:
        while time.monotonic() < until:
            for step in steps:
                start = [each.input for each in worst[step.name]]
                found = searcher.run(step, start, share, chance.randrange(1 << 30))
                good = [each for each in found if isinstance(each, Found)]
                worst[step.name] = sorted(good, key=by_price)[:KEPT]
                yield from ((step.name, each) for each in found)
    finally:
        searcher.close()


def _serve(connection: Connection) -> None:
    memory = 3 * LIMITS.memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    gc.collect()
    gc.freeze()
    while True:
        operation, start, seconds, seed = connection.recv()
        for message in search(operation, start, seconds, random.Random(seed)):
            connection.send(message)
        connection.send(None)
