"""What RabbitMQ and Redis spend while something is measured: CPU, and bytes written to disk.

They are found among the processes that the bench has started. One that runs elsewhere, in a container, is
not among them and shows as 0.
"""

from typing import Self

import psutil
from msgspec import Struct


class Spent(Struct, frozen=True):
    """Microseconds of user and system time, and bytes that went to the disk."""

    cpu_us: float
    written: float

    @classmethod
    def a_reading(cls, before: Self, after: Self, readings: int) -> Self:
        """What was spent between two looks, on each reading."""
        return cls(
            (after.cpu_us - before.cpu_us) / readings,
            (after.written - before.written) / readings,
        )


def spent(name: str) -> Spent:
    """What the server with this process name has spent until now."""
    cpu_us, written = 0.0, 0.0
    for process in psutil.Process().children(recursive=True):
        if process.name() == name:
            times = process.cpu_times()
            cpu_us += (times.user + times.system) * 1e6
            written += process.io_counters().write_bytes
    return Spent(cpu_us, written)
