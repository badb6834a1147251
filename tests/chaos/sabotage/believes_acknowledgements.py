"""Considers acknowledged readings settled, against rule 5 of `pipeline.model.record`."""

import pipeline.actors  # noqa: F401  Dramatiq runs the objects that it sets up
from pipeline.worker.proof import Proof
from tests.chaos.trap import arm


def _acknowledge(self: Proof, delivery: int) -> None:
    self.acknowledged = self.settled = max(self.acknowledged, delivery)


Proof.acknowledge = _acknowledge  # type: ignore[method-assign]
arm()
