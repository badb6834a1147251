"""Changes of alarms as they come from the journal, and a clock that tests set."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from pipeline.model.alarm import Alarms, KeptChange
from sandbox.job import Raised, Severity

#: 2026-03-10 12:00 UTC.
NOON = 1_773_144_000_000


@dataclass
class TestClock:
    """A clock that only tests move. In milliseconds since 1970."""

    __test__ = False

    now: int = NOON

    def __call__(self) -> int:
        """Return the time."""
        return self.now

    def forward(self, *, minutes: float = 0, seconds: float = 0) -> None:
        """Move the clock forward."""
        self.now += round(minutes * 60_000 + seconds * 1_000)


@dataclass
class Journal:
    """The alarms of a few machines, whose changes it returns as the journal keeps them."""

    clock: TestClock
    machines: dict[str | None, Alarms] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def raised(
        self,
        machine: str | None,
        alarm: str = "hot",
        severity: Severity = "major",
        message: str = "too hot",
        details: bytes = b"{}",
    ) -> list[KeptChange]:
        """Raise an alarm."""
        self._of(machine).raise_(alarm, Raised(severity, message, details), self.clock.now, cause="17")
        return self._changes(machine)

    def cleared(self, machine: str | None, alarm: str = "hot") -> list[KeptChange]:
        """Clear an alarm."""
        self._of(machine).clear(alarm, self.clock.now, cause="18")
        return self._changes(machine)

    def acknowledged(self, machine: str | None, alarm: str = "hot") -> list[KeptChange]:
        """Acknowledge an alarm."""
        assert self._of(machine).acknowledge(alarm, "anna", "on my way", self.clock.now)
        return self._changes(machine)

    def shelved(self, machine: str | None, alarm: str = "hot", minutes: int = 60) -> list[KeptChange]:
        """Shelve an alarm."""
        assert self._of(machine).shelve(alarm, self.clock.now + minutes * 60_000, "anna", "", self.clock.now)
        return self._changes(machine)

    def unshelved(self, machine: str | None, alarm: str = "hot") -> list[KeptChange]:
        """End the shelving of an alarm."""
        assert self._of(machine).unshelve(alarm, "anna", self.clock.now)
        return self._changes(machine)

    def ended(self, machine: str | None, alarm: str = "hot") -> list[KeptChange]:
        """End an alarm."""
        self._of(machine).end([alarm], self.clock.now)
        return self._changes(machine)

    def _of(self, machine: str | None) -> Alarms:
        return self.machines.setdefault(machine, Alarms({}, 0))

    def _changes(self, machine: str | None) -> list[KeptChange]:
        found, alarms = self._of(machine).changes, self._of(machine)
        alarms.changes = []
        return [KeptChange(f"{NOON}-{next(self.ids)}", machine, each) for each in found]
