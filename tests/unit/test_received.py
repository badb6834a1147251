"""When a reading was received."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.reading import Reading
from pipeline.model.received import put_in_order, received_at

TIMES = st.integers(0, 10_000)
NOW = 10_000


def reading(received: int) -> Reading:
    return Reading("press", "machines.press.data", b"1", 1, False, None, None, received=received)


@given(TIMES | st.none(), TIMES)
def test_no_reading_is_received_in_the_future(sent: int | None, now: int) -> None:
    assert received_at(sent, now) == (now if sent is None else min(sent, now))


@given(st.lists(TIMES, max_size=20), TIMES | st.none())
def test_the_time_of_a_machine_never_goes_back(times: list[int], last: int | None) -> None:
    readings = [reading(time) for time in times]

    end = put_in_order(readings, last, NOW)

    found = [each.received for each in readings]
    start = [] if last is None else [last]
    assert [*start, *found] == sorted([*start, *found])
    assert end == (found[-1] if found else last)
    # Only readings behind an earlier one are set forward, and only to its time.
    most = start
    for time, got in zip(times, found, strict=True):
        assert got == max([time, *most])
        most = [got]


@given(st.lists(TIMES, max_size=20), st.integers(0, 20))
def test_the_times_do_not_depend_on_the_batches(times: list[int], cut: int) -> None:
    at_once, in_two = [reading(time) for time in times], [reading(time) for time in times]

    put_in_order(at_once, None, NOW)
    put_in_order(in_two[cut:], put_in_order(in_two[:cut], None, NOW), NOW)

    assert [each.received for each in at_once] == [each.received for each in in_two]


def test_a_clock_that_was_wrong_for_a_moment_does_not_stop_the_time_of_a_machine() -> None:
    year = 365 * 24 * 3_600_000
    late, soon = reading(NOW), reading(NOW)

    assert put_in_order([late], NOW + year, NOW) == late.received == NOW
    # The clocks of two workers may differ a little.
    assert put_in_order([soon], NOW + 60_000, NOW) == soon.received == NOW + 60_000
