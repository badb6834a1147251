"""The counters of a machine are exact, whatever happens to its readings."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from pipeline.model.counters import Counters
from pipeline.store.dead_letters import LetterFilter
from tests.support.logics import COUNT_AND_TELL
from tests.support.office import Office


@pytest.fixture
def office(broker_url: str, redis_url: str) -> Iterator[Office]:
    office = Office(broker_url, redis_url)
    yield office
    office.close()


def counters(office: Office) -> Counters:
    return office.partition.records.read(["m1"])["m1"].record.counters


def test_readings_that_are_moved_redelivered_or_sent_again_are_counted_once_each(office: Office) -> None:
    office.fail(("m1", 1), ("m1", 2))
    office.partition.logics.upload("m1", COUNT_AND_TELL, b"")
    office.redriver.send_all(LetterFilter(machine="m1"))
    resent = office.arrivals(2)
    seen = counters(office).seen

    # Sent again, and moved to the overflow: nothing is counted yet, and the machine has sent nothing.
    office.process([replace(reading, move=True) for reading in resent])
    assert counters(office) == Counters(2, 0, 0, {"no-logic": 2}, {}, seen, counters(office).last_error)
    for reading in office.overflow(2):
        office.process([reading])
    assert (counters(office).readings, counters(office).resent, counters(office).results) == (4, 2, 2)
    assert counters(office).seen == seen

    # Sent by the machine, and delivered again to another session after they were counted.
    office.partition.process([("m1", b'{"n": 3}')], session=b"before__")
    office.partition.process([("m1", b'{"n": 3}'), ("m1", b'{"n": 4}')], session=b"after___", redelivered=1)
    assert (counters(office).readings, counters(office).resent, counters(office).results) == (6, 2, 4)
    assert counters(office).dead_letters == {"no-logic": 2}
    assert counters(office).seen >= seen


def test_the_last_error_is_stored_with_its_line_and_version(office: Office) -> None:
    office.partition.logics.upload("m1", "def process(data, state):\n    return {'n': 1 / data['n']}", b"")

    office.process([("m1", b'{"n": 1}'), ("m1", b'{"n": 0}'), ("m1", b'{"n": 2}'), ("m1", b"no json")])
    office.process([("m1", b'{"n": 0}'), ("m1", b'{"n": 2}')])

    assert counters(office).dead_letters == {"error": 2, "not-json": 1}
    error = counters(office).last_error
    assert error is not None
    assert (error.number, error.kind, error.line, error.logicversion) == (5, "error", 2, 1)
    assert error.text == "return {'n': 1 / data['n']}"
