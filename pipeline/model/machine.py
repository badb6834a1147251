"""The health of a machine, in one word: the first that applies, in the order of `Health`.

The `Condition` is the part of it that does not depend on the time of day. The machine index is organised by
it (`pipeline.store.machine_index`), because it changes only when something happens to the machine.
"""

from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from pipeline.model.config_values import merged
from pipeline.model.deployment import Active, Deployment
from pipeline.model.machine_settings import MachineSettings
from pipeline.model.record import Record


class Stored(Struct, frozen=True):
    """A machine as it was read from Redis.

    It has the machine's record, the token needed to write over it (empty if the machine is new), its
    deployment, and the deployment of its profile if it follows one.
    """

    record: Record
    token: bytes
    deployment: Deployment
    profile: Deployment | None = None

    @property
    def active(self) -> Active | None:
        """The logic that the machine runs: its own if one is deployed, otherwise its profile's."""
        if self.deployment.version or self.profile is None or not self.profile.version:
            return self.deployment.active
        return Active(self.profile.version, self.profile.digest, self.deployment.profile)

    @property
    def settings(self) -> MachineSettings:
        """The settings that apply: its own, then those of its profile."""
        own = self.deployment.settings
        return own.over(self.profile.settings) if self.profile is not None else own

    @property
    def config(self) -> bytes:
        """The config that its logic reads: its own over its profile's."""
        own = self.deployment.config
        return merged(self.profile.config, own) if self.profile is not None else own

    @property
    def quarantined(self) -> bool:
        """Whether its logic is in quarantine and no longer run on this machine."""
        return self.active is not None and self.record.strikes.against(self.active.digest).quarantined

    @property
    def recorded(self) -> bool:
        """Whether the machine has a record: it has sent a reading, or a user has set its state."""
        return bool(self.token) and not self.record.gone

    @property
    def known(self) -> bool:
        """Whether Redis keeps anything of the machine."""
        return self.recorded or self.deployment != Deployment()


class Condition(StrEnum):
    """A machine's health, ignoring how long ago it was last seen."""

    #: Its readings become dead letters until it is resumed.
    PAUSED = "paused"
    #: Its logic is no longer run, because it had to be stopped too often.
    QUARANTINED = "quarantined"
    #: It has sent nothing yet.
    NEW = "new"
    #: Its last reading became a dead letter.
    FAILING = "failing"
    #: None of these.
    FINE = "fine"


class Health(StrEnum):
    """A machine's health. A machine is silent if it has sent no reading for long enough (`Silence`)."""

    PAUSED = "paused"
    QUARANTINED = "quarantined"
    NEW = "new"
    SILENT = "silent"
    FAILING = "failing"
    RUNNING = "running"


class Silence(NamedTuple):
    """When machines are silent at the time `now`: in milliseconds since 1970.

    They are silent after `after` seconds without a reading, unless their settings say otherwise.
    """

    now: int
    after: int

    def since(self, own: int | None = None) -> int:
        """Return before which time a machine was last seen if it is silent.

        `own` is the number of seconds in its settings.
        """
        return self.now - 1000 * (own or self.after)


def condition_of(stored: Stored) -> Condition:
    """Return the condition of a machine as it was read."""
    if stored.deployment.paused:
        return Condition.PAUSED
    if stored.quarantined:
        return Condition.QUARANTINED
    if not stored.record.counters.seen:
        return Condition.NEW
    return Condition.FAILING if stored.record.failed else Condition.FINE


def health_of(stored: Stored, silence: Silence, settings: MachineSettings) -> Health:
    """Return the health of a machine as it was read. `settings` are those that apply."""
    condition, since = condition_of(stored), silence.since(settings.silent_after_seconds)
    if condition in (Condition.FAILING, Condition.FINE) and stored.record.counters.seen < since:
        return Health.SILENT
    return Health.RUNNING if condition is Condition.FINE else Health(condition)
