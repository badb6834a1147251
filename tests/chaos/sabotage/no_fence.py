"""Takes the fence out: a session that another one has replaced may still write."""

import pipeline.actors  # noqa: F401  Dramatiq runs what it has set up
from pipeline.store import records
from tests.chaos.trap import arm

records._WRITE = records._WRITE.replace("return {0}", "break")
arm()
