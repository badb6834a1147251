"""Removes compare-and-set: a write of a record overwrites any other."""

import pipeline.actors  # noqa: F401  Dramatiq runs the objects that it sets up
from pipeline.store import records
from tests.chaos.trap import arm

records._WRITE = records._WRITE.replace("redis.call('GETRANGE', KEYS[key], 0, 7) == ARGV[at]", "true")
arm()
