"""Acknowledges readings when they are taken, before they are processed."""

import pipeline.actors  # noqa: F401  Dramatiq runs the objects that it sets up
from pipeline.worker.batch import Share
from pipeline.worker.partition import Partition
from tests.chaos.trap import arm

_take = Partition.take


def _acknowledged(self: Partition, readings: int, size: int, timers: int = 0) -> Share:
    share = _take(self, readings, size, timers)
    assert self._proof is not None
    if share.readings:
        self._proof.acknowledge(max(reading.delivery for reading in share.readings))
        self._channel.basic_ack(share.readings[-1].tag, multiple=True)
    return share


def _settle(self: Partition) -> None:
    """Settle without acknowledging, because the readings are acknowledged already."""
    assert self.in_flight is not None
    self.acknowledged += len(self.in_flight.readings)
    self.in_flight = None
    self._finish()


Partition.take = _acknowledged  # type: ignore[method-assign]
Partition.settle = _settle  # type: ignore[method-assign]
arm()
