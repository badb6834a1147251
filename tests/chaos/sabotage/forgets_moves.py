"""Keeps no moved readings while readings from the overflow are run: rule 7 of `pipeline.model.record`."""

from typing import Any

from msgspec.structs import replace

import pipeline.actors  # noqa: F401  Dramatiq runs what it has set up
from pipeline.model.record import Record, Split
from tests.chaos.trap import arm

_advance = Record.advance


def _forgetful(self: Record, session: bytes, settled: int, split: Split, *rest: Any, **named: Any) -> Record:
    record = _advance(self, session, settled, split, *rest, **named)
    if any(reading.place is None for reading in (*split.applied, *split.recognised, *split.fresh)):
        return record
    return replace(record, outgoing=tuple(each for each in record.outgoing if each.move is None))


Record.advance = _forgetful  # type: ignore[method-assign, assignment]
arm()
