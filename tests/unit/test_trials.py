"""Turns in the trials' sandbox: no trial waits for the whole of another one, and each ends."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event

import pytest

from pipeline.settings import Settings
from pipeline.trials import runner
from pipeline.trials.runner import Case, Trials
from pipeline.trials.shared_sandbox import SharedSandbox
from sandbox.parent.sandbox import Sandbox

#: Takes some ten milliseconds per reading.
SLOW = """
def process(data, state):
    n = 0
    while n < 60000:
        n += 1
    return {"n": n}
"""
QUICK = "def process(data, state):\n    return {}\n"


class Readings(list[bytes]):
    """Readings that record when the first one starts and when the last one ends."""

    def __init__(self, readings: list[bytes]) -> None:
        super().__init__(readings)
        self.begun = self.ended = False

    def __iter__(self) -> Iterator[bytes]:
        self.begun = True
        yield from super().__iter__()
        self.ended = True


@pytest.fixture
def shared() -> Iterator[SharedSandbox]:
    shared = SharedSandbox(Settings())
    yield shared
    shared.close()


async def until(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds. Fail after 20 seconds."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


def test_a_small_trial_is_done_while_a_large_one_goes_on(shared: SharedSandbox) -> None:
    assert not asyncio.run(is_done_before_a_small_one(Trials(shared)))


def test_without_turns_a_small_trial_would_wait_for_a_large_one(
    shared: SharedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "SLICE", 1000.0)

    assert asyncio.run(is_done_before_a_small_one(Trials(shared)))


async def is_done_before_a_small_one(trials: Trials) -> bool:
    """Return whether a large trial that has begun ends before a small one that starts later."""
    readings = Readings([b"1"] * 100)
    async with asyncio.TaskGroup() as group:
        group.create_task(trials.run(SLOW, [Case(b"{}", readings)]))
        await until(lambda: readings.begun)
        await trials.run(QUICK, [Case(b"{}", [b"1"] * 3)])
        return readings.ended


def test_a_trial_ends_when_its_time_is_up(shared: SharedSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "SECONDS", 0)

    ran = asyncio.run(Trials(shared).run(SLOW, [Case(b"{}", [b"1"] * 100)]))

    assert ran.stopped is not None
    assert "longer than 0 seconds" in ran.stopped
    assert len(ran.cases[0].tried) < 100


def test_a_caller_that_is_cancelled_takes_no_turn_and_one_in_its_turn_stays_until_it_ends(
    shared: SharedSandbox,
) -> None:
    steps, end = list[str](), Event()

    def step(name: str, _sandbox: Sandbox) -> None:
        steps.append(name)
        assert end.wait(20)
        steps.append(f"{name} ends")

    async def cancel() -> None:
        first, second, third = (
            asyncio.create_task(shared.use(partial(step, name))) for name in ("first", "second", "third")
        )
        await until(lambda: steps)
        second.cancel()
        first.cancel()
        await asyncio.wait([second])
        assert not first.done()
        end.set()
        await asyncio.wait([first, third])
        assert first.cancelled()

    asyncio.run(cancel())

    assert steps == ["first", "first ends", "third", "third ends"]
