"""The pace of timers that run without a reading."""

import pytest

from pipeline import wire
from pipeline.model.reading import Reading
from pipeline.model.session import Fence
from pipeline.worker.batch import Batch, Share
from pipeline.worker.timer_pace import FEW, MOST, TimerPace
from tests.support.batch_driver import StubSession


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def batch(readings: int = 0, timers: int = 0) -> Batch:
    made = [
        Reading("m", wire.data_key("m"), b"{}", 1, False, None, None, move=False) for _ in range(readings)
    ]
    due = {f"machine_{place}": 0 for place in range(timers)}
    return Batch([Share(StubSession(Fence(0, b"session1")), made, due=due)])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> TimerPace:
    return TimerPace(clock)


def test_without_readings_timers_run_without_pauses(pace: TimerPace, clock: Clock) -> None:
    first, second = batch(timers=MOST), batch(timers=MOST)
    assert pace.most(0) == MOST
    pace.begin(first)
    assert pace.most(0) == MOST
    pace.begin(second)
    clock.now = 0.02
    pace.end(first)
    assert pace.most(0) == MOST


def test_after_a_batch_with_timers_readings_have_as_much_time(pace: TimerPace, clock: Clock) -> None:
    readings, timers = batch(readings=1), batch(timers=FEW)
    pace.begin(readings)
    pace.end(readings)
    assert pace.most(0) == FEW

    pace.begin(timers)
    clock.now = 0.02
    assert pace.most(0) == pace.most(1) == 0
    assert pace.end(timers) == pytest.approx(0.02)
    clock.now = 0.039
    assert pace.most(0) == pace.most(1) == 0
    clock.now = 0.041
    assert pace.most(0) == pace.most(1) == FEW


def test_the_pause_begins_when_the_last_batch_with_timers_ends(pace: TimerPace, clock: Clock) -> None:
    first, second = batch(timers=1), batch(timers=1)
    pace.begin(first)
    pace.begin(second)
    clock.now = 0.01
    pace.end(first)
    clock.now = 0.025
    assert pace.most(1) == 0
    pace.end(second)
    clock.now = 0.049
    assert pace.most(1) == 0
    clock.now = 0.051
    assert pace.most(1) == FEW


def test_a_large_batch_of_readings_may_have_more_timers(pace: TimerPace) -> None:
    assert pace.most(4 * FEW) == 2 * FEW


def test_a_batch_without_timers_makes_no_pause(pace: TimerPace, clock: Clock) -> None:
    readings = batch(readings=5)
    pace.begin(readings)
    clock.now = 0.1
    assert pace.end(readings) == 0
    assert pace.most(1) == FEW


def test_timers_are_fast_again_when_no_readings_come(pace: TimerPace, clock: Clock) -> None:
    pace.begin(batch(readings=1))
    clock.now = 0.49
    assert pace.most(0) == FEW
    clock.now = 0.51
    assert pace.most(0) == MOST
