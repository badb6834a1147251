"""The counters of a machine are exact, whatever happens to its readings."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from pipeline.model.counters import Counters
from pipeline.store.dead_letters import LetterFilter
from tests.support.dead_letter_desk import DeadLetterDesk
from tests.support.logics import COUNT_AND_TELL


@pytest.fixture
def desk(broker_url: str, redis_url: str) -> Iterator[DeadLetterDesk]:
    desk = DeadLetterDesk(broker_url, redis_url)
    yield desk
    desk.close()


def counters(desk: DeadLetterDesk) -> Counters:
    return desk.partition.records.read(["m1"])["m1"].record.counters


def test_readings_that_are_moved_redelivered_or_sent_again_are_counted_once_each(
    desk: DeadLetterDesk,
) -> None:
    desk.fail(("m1", 1), ("m1", 2))
    desk.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    desk.redriver.send_all(LetterFilter(machine="m1"))
    resent = desk.arrivals(2)
    seen = counters(desk).seen

    # Sent again, and moved to the overflow: nothing is counted yet, and the machine has sent nothing.
    desk.process([replace(reading, move=True) for reading in resent])
    assert counters(desk) == Counters(2, 0, 0, {"no-logic": 2}, {}, seen, counters(desk).last_error)
    for reading in desk.overflow(2):
        desk.process([reading])
    assert (counters(desk).readings, counters(desk).resent, counters(desk).results) == (4, 2, 2)
    assert counters(desk).seen == seen

    # Sent by the machine, and delivered again to another session after they were counted.
    desk.partition.process([("m1", b'{"n": 3}')], session=b"before__")
    desk.partition.process([("m1", b'{"n": 3}'), ("m1", b'{"n": 4}')], session=b"after___", redelivered=1)
    assert (counters(desk).readings, counters(desk).resent, counters(desk).results) == (6, 2, 4)
    assert counters(desk).dead_letters == {"no-logic": 2}
    assert counters(desk).seen >= seen


def test_the_last_error_is_stored_with_its_line_and_version(desk: DeadLetterDesk) -> None:
    desk.partition.logics.upload("m1", "def process(data, state):\n    return {'n': 1 / data['n']}", b"")

    desk.process([("m1", b'{"n": 1}'), ("m1", b'{"n": 0}'), ("m1", b'{"n": 2}'), ("m1", b"no json")])
    desk.process([("m1", b'{"n": 0}'), ("m1", b'{"n": 2}')])

    assert counters(desk).dead_letters == {"error": 2, "not-json": 1}
    error = counters(desk).last_error
    assert error is not None
    assert (error.number, error.kind, error.line, error.logicversion) == (5, "error", 2, 1)
    assert error.text == "return {'n': 1 / data['n']}"
