"""Takes nothing out: what the other modules are compared with."""

import pipeline.actors  # noqa: F401  Dramatiq runs what it has set up
from tests.chaos.trap import arm

arm()
