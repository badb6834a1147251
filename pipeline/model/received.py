"""When the system received a reading: a clock that is data, so the same readings give the same results.

It is the time that RabbitMQ, the API or the device's client wrote into the message
(`pipeline.broker.sent_at`), or else the time when it arrived in the worker. Two rules make a clock of it:

- It is not after the worker's own time. A device that writes a time of the future gains nothing by it.
- It never goes back from one reading of a machine to the next, although messages may be stamped by hosts
  whose clocks differ. The record keeps the last one. But if that is minutes after the worker's own time, the
  clock of another worker was wrong, and the last one does not count.
"""

from collections.abc import Sequence
from typing import Final

from pipeline.model.reading import Reading

#: By how many milliseconds the clocks of two workers may differ.
_AHEAD: Final = 5 * 60_000


def received_at(sent: int | None, now: int) -> int:
    """Return when a reading was received. All times are in milliseconds since 1970."""
    return now if sent is None else min(sent, now)


def put_in_order(readings: Sequence[Reading], last: int | None, now: int) -> int | None:
    """Set back no reading behind the one before, `last` for the first. Return the time of the last one."""
    if last is not None and last > now + _AHEAD:
        last = None
    for reading in readings:
        if last is not None and reading.received < last:
            reading.received = last
        last = reading.received
    return last
