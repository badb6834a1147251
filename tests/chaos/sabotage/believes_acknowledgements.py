"""Takes what was acknowledged for settled: rule 5 of `pipeline.model.record`."""

import pipeline.actors  # noqa: F401  Dramatiq runs what it has set up
from pipeline.worker.proof import Proof
from tests.chaos.trap import arm


def _acknowledge(self: Proof, delivery: int) -> None:
    self.acknowledged = self.settled = max(self.acknowledged, delivery)


Proof.acknowledge = _acknowledge  # type: ignore[method-assign]
arm()
