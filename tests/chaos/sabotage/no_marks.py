"""Takes the marks out: no reading is recognised that is delivered again."""

import pipeline.actors  # noqa: F401  Dramatiq runs what it has set up
from pipeline.model.reading import Reading
from pipeline.model.record import Record, Split
from tests.chaos.trap import arm


def _all_fresh(_record: Record, _session: bytes, readings: list[Reading]) -> Split:
    return Split(fresh=readings)


Record.split = _all_fresh  # type: ignore[method-assign, assignment]
arm()
