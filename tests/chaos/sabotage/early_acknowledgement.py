"""Acknowledges a batch when it is taken, before anything is done with it."""

import pipeline.actors  # noqa: F401  Dramatiq runs what it has set up
from pipeline.consumer import BatchConsumer, BatchMessage
from pipeline.reading import Batch
from tests.chaos.trap import arm

_next = BatchConsumer.__next__


def _acknowledged(self: BatchConsumer) -> BatchMessage | None:
    message = _next(self)
    if message is not None:
        self.channel.basic_ack(message.batch.last_tag, multiple=True)
    return message


def _settle(self: BatchConsumer, batch: Batch) -> None:
    assert self._in_flight is batch
    self._in_flight = None


BatchConsumer.__next__ = _acknowledged  # type: ignore[method-assign]
BatchConsumer._settle = _settle  # type: ignore[method-assign]
arm()
