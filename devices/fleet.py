"""A fleet of simulated machines that all send at the same rate, evenly spread over time."""

import string
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from devices.machine import SimulatedMachine
from devices.shipment import Shipment


def machine_ids(count: int, prefix: str = "machine_") -> list[str]:
    """Return `machine_A` to `machine_Z`, then `machine_27` and so on."""
    letters = string.ascii_uppercase
    return [f"{prefix}{letters[n] if n < len(letters) else n + 1}" for n in range(count)]


class Fleet:
    """The shipments of a fleet.

    `rate` is the number of readings per second of each machine. `step` is the simulated time in seconds
    between two readings (default: 1 / rate, which is real time). The fleet ends after `count` readings of
    each machine or after `duration` seconds, if one of them is given; otherwise it never ends.
    """

    def __init__(
        self,
        ids: Sequence[str],
        rate: float,
        seed: int,
        start: datetime,
        *,
        step: float | None = None,
        count: int | None = None,
        duration: float | None = None,
    ) -> None:
        self._machines = [SimulatedMachine(each, seed, start, step or 1 / rate) for each in ids]
        self._rate = rate
        self._count = count
        self._duration = duration
        # With a duration the total is unknown, because machines send nothing during drop-outs.
        self.total = len(ids) * count if count is not None else None

    def __iter__(self) -> Iterator[Shipment]:
        left = {machine.machine_id: self._count for machine in self._machines}
        encode = msgspec.json.Encoder().encode
        slot = 0
        while left:
            for position, machine in enumerate(self._machines):
                due = (slot + position / len(self._machines)) / self._rate
                if self._duration is not None and due >= self._duration:
                    return
                machine_id = machine.machine_id
                if machine_id not in left or (reading := machine.next_reading()) is None:
                    continue
                yield Shipment(due, machine_id, encode(reading))
                if (count := left[machine_id]) is not None:
                    left[machine_id] = count - 1
                    if count == 1:
                        del left[machine_id]
            slot += 1
