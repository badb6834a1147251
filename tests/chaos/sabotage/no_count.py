"""Has a session go on when the broker gives its readings back to it: rule 6 of `pipeline.model.record`."""

import pipeline.actors  # noqa: F401  Dramatiq runs what it has set up
from pipeline.worker.partition import Partition
from tests.chaos.trap import arm

Partition._is_given_back = lambda *_: False  # type: ignore[method-assign]
arm()
