"""The age of a queue's oldest reading, compared with a queue whose readings carry their arrival time."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from pipeline.worker.queue_age import QueueAge

#: For each second: the number of readings that arrive, and the number that are delivered.
SECONDS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=60)


@given(SECONDS)
def test_the_age_is_that_of_the_oldest_reading_within_a_second(seconds: list[tuple[int, int]]) -> None:
    age, queue = QueueAge(), deque[float]()
    for now, (coming, delivered) in enumerate(seconds):
        queue.extend([now - 0.5] * coming)
        age.note(len(queue), now)
        for _ in range(min(delivered, len(queue))):
            queue.popleft()
            age.delivered += 1
        found, real = age.seconds(now), now - queue[0] if queue else 0.0

        assert found <= real <= found + 1


def test_the_age_is_exact_within_a_tenth_if_a_queue_stands_still_for_long() -> None:
    age = QueueAge()
    for now in range(5_000):
        age.note(10 + now, now)

    assert age.seconds(5_000) == 5_000
    age.delivered += 11
    assert 4_500 <= age.seconds(5_000) <= 4_999


def test_the_age_starts_again_after_a_queue_is_purged() -> None:
    age = QueueAge()
    age.note(100, 0.0)
    age.note(3, 60.0)

    assert age.seconds(61.0) == 1.0


def test_an_empty_queue_has_no_age() -> None:
    age = QueueAge()
    assert age.seconds(10.0) == 0

    age.note(2, 10.0)
    age.note(0, 11.0)

    assert age.seconds(20.0) == 0
