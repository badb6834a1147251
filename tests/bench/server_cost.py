"""The cost of RabbitMQ and Redis during a measurement: CPU, and bytes written to disk.

The servers are found among the processes that the bench has started. A server that runs elsewhere, for
example in a container, is not found and its cost is 0.
"""

from typing import Self

import psutil
from msgspec import Struct


class Spent(Struct, frozen=True):
    """Microseconds of user and system time, and bytes written to disk."""

    cpu_us: float
    written: float

    @classmethod
    def a_reading(cls, before: Self, after: Self, readings: int) -> Self:
        """Return the cost per reading between two measurements."""
        return cls(
            (after.cpu_us - before.cpu_us) / readings,
            (after.written - before.written) / readings,
        )


def spent(name: str) -> Spent:
    """Return the cost so far of the server with this process name."""
    cpu_us, written = 0.0, 0.0
    for process in psutil.Process().children(recursive=True):
        if process.name() == name:
            times = process.cpu_times()
            cpu_us += (times.user + times.system) * 1e6
            written += process.io_counters().write_bytes
    return Spent(cpu_us, written)
