"""Removes nothing: the baseline for the other modules."""

import pipeline.actors  # noqa: F401  Dramatiq runs the objects that it sets up
from tests.chaos.trap import arm

arm()
