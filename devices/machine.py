"""A simulated machine: a press that warms up, works in cycles, wears, breaks down and is repaired.

The model counts in simulated seconds. It must look right to a person who knows machines; it does not predict
the behaviour of a real one.

- *Cycles.* It runs for a batch of parts, stops to change over, and runs again. While it runs, each cycle
  makes a part.
- *Warm-up.* Temperature and pressure follow their targets with a lag, so a start shows as a slow rise.
- *Wear.* Vibration, rejects and faults grow with the running time since the last repair. This is the drift.
- *Noise.* Every sensor has its own noise.
- *Faults.* A fault stops the machine until it is repaired. The repair also removes the wear.
- *Drop-outs.* Sometimes the machine sends nothing for a while. The sequence number still counts, so a gap
  shows.

The same seed, id, start and step give the same readings, byte for byte, on every computer and in every
process. Each machine has its own random generator, so its readings do not depend on the number of machines.
"""

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from msgspec import Struct

FaultCode = Literal["E01_OVERHEAT", "E02_PRESSURE_LOSS", "E03_JAM", "E04_VIBRATION"]

#: °C of the hall, and of a machine that runs for a long time.
_AMBIENT: Final = 21.0
_HOT: Final = 68.0
#: °C that an overheating machine approaches.
_OVERHEATED: Final = 96.0
#: Bar in the hydraulics while it runs, and while it rests.
_PRESSURE: Final = 6.2
_RESTING_PRESSURE: Final = 2.0
#: Bar in the hydraulics when they leak.
_LEAKING_PRESSURE: Final = 0.6
#: Time constants in seconds: after this time a value has covered 63 % of the way to a new target.
_THERMAL_LAG: Final = 90.0
_PRESSURE_LAG: Final = 2.5
#: mm/s RMS of a machine without wear, and the increase per hour of running. ISO 10816 calls a small machine
#: good below 0.7 and unacceptable above 4.5.
_VIBRATION: Final = 0.6
_VIBRATION_PER_HOUR: Final = 1.4
#: kW while it runs, and in standby.
_POWER: Final = 7.5
_STANDBY_POWER: Final = 0.4
#: Seconds for one part.
_CYCLE: Final = 4.0
#: Average seconds of a batch of parts and of a change-over.
_BATCH: Final = 120.0
_CHANGE_OVER: Final = 25.0
#: Average seconds of running between two faults, without wear, and of a repair; then the same for drop-outs.
#: These events are more frequent than in a real plant, so that a user sees all of them within minutes.
_BETWEEN_FAULTS: Final = 300.0
_REPAIR: Final = 30.0
_BETWEEN_DROP_OUTS: Final = 400.0
_DROP_OUT: Final = 8.0
#: Share of parts rejected without wear, and the increase per hour of running.
_REJECTED: Final = 0.01
_REJECTED_PER_HOUR: Final = 0.05

_FAULTS: Final[tuple[FaultCode, ...]] = ("E01_OVERHEAT", "E02_PRESSURE_LOSS", "E03_JAM", "E04_VIBRATION")


class MachineReading(Struct, frozen=True):
    """A reading of a machine, sent as a JSON object.

    `timestamp` is ISO 8601 in UTC, to the microsecond; `sequence` counts from 1, and its gaps show the
    readings that were not sent; `signal` is 1 while the machine runs and 0 while it is stopped; `temperature`
    is in °C, `vibration` in mm/s RMS, `pressure` in bar, `power` in kW; `produced` and `rejected` count parts
    since the start; `fault` is the code of the fault that stopped the machine, or null.
    """

    machine: str
    timestamp: str
    sequence: int
    signal: int
    temperature: float
    vibration: float
    pressure: float
    power: float
    produced: int
    rejected: int
    fault: FaultCode | None


class SimulatedMachine:
    """One simulated machine. `step` is the machine's seconds between two readings."""

    def __init__(self, machine_id: str, seed: int, start: datetime, step: float) -> None:
        self.machine_id = machine_id
        # Not for secrets: the numbers must be reproducible. Python hashes a text seed alike in every process.
        self._random = random.Random(f"{seed}/{machine_id}")  # noqa: S311
        self._start = start.astimezone(UTC)
        self._step = step
        self._sequence = 0
        self._temperature = _AMBIENT + self._random.gauss(0, 1)
        self._pressure = _RESTING_PRESSURE
        self._worn = 0.0
        self._part = 0.0
        self._produced = 0
        self._rejected = 0
        self._fault: FaultCode | None = None
        self._running = False
        #: Seconds until it starts, stops or is repaired. The machines of a fleet do not all start at once.
        self._until_change = self._random.uniform(0, 3)
        self._silent = 0.0

    def next_reading(self) -> MachineReading | None:
        """Advance by one step and return the sensors' reading, or None during a drop-out."""
        step = self._step
        self._sequence += 1
        self._change(step)
        self._follow(step)
        if self._running:
            self._produce(step)
        if self._silent > 0:
            self._silent -= step
            return None
        if self._happens(step, _BETWEEN_DROP_OUTS):
            self._silent = self._random.expovariate(1 / _DROP_OUT)
        return self._read()

    def _change(self, step: float) -> None:
        """Start, stop, break down or be repaired when it is time."""
        self._until_change -= step
        hours = self._worn / 3600
        if self._running and self._happens(step, _BETWEEN_FAULTS / (1 + hours)):
            self._fault = self._random.choice(_FAULTS)
            self._running = False
            self._until_change = self._lasts(_REPAIR)
        elif self._until_change <= 0:
            if self._fault is not None:
                self._fault = None
                self._worn = 0.0
            self._running = not self._running
            self._until_change = self._lasts(_BATCH if self._running else _CHANGE_OVER)

    def _follow(self, step: float) -> None:
        """Move temperature and pressure towards their targets."""
        hot, pressed = (_HOT, _PRESSURE) if self._running else (_AMBIENT, _RESTING_PRESSURE)
        if self._fault == "E01_OVERHEAT":
            hot = _OVERHEATED
        elif self._fault == "E02_PRESSURE_LOSS":
            pressed = _LEAKING_PRESSURE
        self._temperature += (hot - self._temperature) * -math.expm1(-step / _THERMAL_LAG)
        self._pressure += (pressed - self._pressure) * -math.expm1(-step / _PRESSURE_LAG)

    def _produce(self, step: float) -> None:
        self._worn += step
        self._part += step / _CYCLE
        while self._part >= 1:
            self._part -= 1
            self._produced += 1
            if self._random.random() < _REJECTED + _REJECTED_PER_HOUR * self._worn / 3600:
                self._rejected += 1

    def _read(self) -> MachineReading:
        """Return the sensors' values with their noise, rounded to the resolution of such sensors."""
        gauss = self._random.gauss
        if self._running:
            # A part is pressed in the middle of its cycle, so the power peaks there.
            power = _POWER + 2.5 * math.sin(math.pi * self._part) + gauss(0, 0.15)
            vibration = _VIBRATION + _VIBRATION_PER_HOUR * self._worn / 3600 + abs(gauss(0, 0.08))
        else:
            power = _STANDBY_POWER + gauss(0, 0.02)
            vibration = 0.05 + abs(gauss(0, 0.02))
        if self._fault == "E03_JAM":
            power = 1.6 * _POWER + gauss(0, 0.4)
        elif self._fault == "E04_VIBRATION":
            vibration = 7.0 + abs(gauss(0, 1.2))
        moment = self._start + timedelta(seconds=(self._sequence - 1) * self._step)
        return MachineReading(
            machine=self.machine_id,
            timestamp=moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            sequence=self._sequence,
            signal=int(self._running),
            temperature=round(self._temperature + gauss(0, 0.2), 2),
            vibration=round(vibration, 3),
            pressure=round(max(0.0, self._pressure + gauss(0, 0.03)), 3),
            power=round(max(0.0, power), 3),
            produced=self._produced,
            rejected=self._rejected,
            fault=self._fault,
        )

    def _happens(self, step: float, mean: float) -> bool:
        """Return whether an event that occurs every `mean` seconds on average occurs in this step."""
        return self._random.random() < -math.expm1(-step / mean)

    def _lasts(self, mean: float) -> float:
        """Return a random duration in seconds around `mean`, never less than a fifth of it."""
        return max(mean / 5, self._random.gauss(mean, mean / 3))
