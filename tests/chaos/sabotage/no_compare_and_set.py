"""Takes compare-and-set out: a record is written over whatever is there."""

import pipeline.actors  # noqa: F401  Dramatiq runs what it has set up
from pipeline.store import records
from tests.chaos.trap import arm

records._WRITE = records._WRITE.replace("redis.call('GETRANGE', KEYS[key], 0, 7) == ARGV[at]", "true")
arm()
