"""The queue in front of the trials' sandbox: no trial waits for the whole of another one, and each ends."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from pipeline.settings import Settings
from pipeline.trials import runner
from pipeline.trials.runner import Case, Trials

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
        self.begun, self.ended = Event(), Event()

    def __iter__(self) -> Iterator[bytes]:
        self.begun.set()
        yield from super().__iter__()
        self.ended.set()


@pytest.fixture
def trials() -> Iterator[Trials]:
    trials = Trials(Settings())
    trials.check(QUICK)
    yield trials
    trials.close()


def test_a_small_trial_is_done_while_a_large_one_goes_on(trials: Trials) -> None:
    assert not is_done_before_a_small_one(trials)


def test_without_turns_a_small_trial_would_wait_for_a_large_one(
    trials: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "SLICE", 1000.0)

    assert is_done_before_a_small_one(trials)


def is_done_before_a_small_one(trials: Trials) -> bool:
    """Return whether a large trial that has begun ends before a small one that starts later."""
    with ThreadPoolExecutor(1) as pool:
        readings = Readings([b"1"] * 100)
        pool.submit(trials.run, SLOW, [Case(b"{}", readings)])
        assert readings.begun.wait(20)
        trials.run(QUICK, [Case(b"{}", [b"1"] * 3)])
        return readings.ended.is_set()


def test_a_trial_ends_when_its_time_is_up(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "SECONDS", 0)

    ran = trials.run(SLOW, [Case(b"{}", [b"1"] * 100)])

    assert ran.stopped is not None
    assert "longer than 0 seconds" in ran.stopped
    assert len(ran.tried[0]) < 100
