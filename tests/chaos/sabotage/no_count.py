"""Lets a session continue after a redelivery of its readings, against rule 6 of `pipeline.model.record`."""

import pipeline.actors  # noqa: F401  Dramatiq runs the objects that it sets up
from pipeline.worker.partition import Partition
from tests.chaos.trap import arm

Partition._is_given_back = lambda *_: False  # type: ignore[method-assign]
arm()
