"""How a machine is doing, in one word: the first that fits, in the order of `Health`.

What it depends on but the time of day is its `Condition`: that is what the index of all machines is kept
by (`pipeline.store.machine_index`), for it changes only when something happens to the machine.
"""

from enum import StrEnum

from msgspec import Struct

from pipeline.model.deployment import Active, Deployment
from pipeline.model.record import Record


class Stored(Struct, frozen=True):
    """A machine as it was read: its record, the token to write over it (empty: it is new), its setup, and
    that of its profile, where it runs that one's logic."""

    record: Record
    token: bytes
    deployment: Deployment
    profile: Deployment | None = None

    @property
    def active(self) -> Active | None:
        """The logic that it is set up to run: its own, else that of its profile."""
        if self.deployment.version or self.profile is None or not self.profile.version:
            return self.deployment.active
        return Active(self.profile.version, self.profile.digest, self.deployment.profile)

    @property
    def quarantined(self) -> bool:
        """Whether its logic is not run here any more."""
        return self.active is not None and self.record.strikes.against(self.active.digest).quarantined

    @property
    def recorded(self) -> bool:
        """Whether it has a state: it has sent a reading, or was given one."""
        return bool(self.token) and not self.record.gone

    @property
    def known(self) -> bool:
        """Whether anything is kept of it."""
        return self.recorded or self.deployment != Deployment()


class Condition(StrEnum):
    """A machine's health without regard to how long ago it was seen."""

    #: Its readings become dead letters, until it is resumed.
    PAUSED = "paused"
    #: Its logic is not run any more, for it had to be stopped too often.
    QUARANTINED = "quarantined"
    #: It has sent nothing yet.
    NEW = "new"
    #: Its last reading became a dead letter.
    FAILING = "failing"
    #: None of these.
    FINE = "fine"


class Health(StrEnum):
    """A machine's health. A machine is silent after `silent_after` seconds without a reading."""

    PAUSED = "paused"
    QUARANTINED = "quarantined"
    NEW = "new"
    SILENT = "silent"
    FAILING = "failing"
    RUNNING = "running"


def condition_of(stored: Stored) -> Condition:
    """The condition of a machine as it was read."""
    if stored.deployment.paused:
        return Condition.PAUSED
    if stored.quarantined:
        return Condition.QUARANTINED
    if not stored.record.counters.seen:
        return Condition.NEW
    return Condition.FAILING if stored.record.failed else Condition.FINE


def health_of(stored: Stored, silent_since: int) -> Health:
    """The health of a machine as it was read.

    Who was last seen before `silent_since` (milliseconds since 1970) is silent.
    """
    condition = condition_of(stored)
    if condition in (Condition.FAILING, Condition.FINE) and stored.record.counters.seen < silent_since:
        return Health.SILENT
    return Health.RUNNING if condition is Condition.FINE else Health(condition)
