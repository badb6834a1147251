"""How a machine is doing, in one word: the first that fits, in the order of `Health`.

What it depends on but the time of day is its `Condition`: that is what the directory of all machines is kept
by (`pipeline.directory`), for it changes only when something happens to the machine.
"""

from enum import StrEnum

from pipeline.records import Stored


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
    """A machine's health. `SILENT`: it has sent nothing for longer than the setting `silent_after` says."""

    PAUSED = "paused"
    QUARANTINED = "quarantined"
    NEW = "new"
    SILENT = "silent"
    FAILING = "failing"
    RUNNING = "running"


def condition_of(stored: Stored) -> Condition:
    """The condition of a machine as it was read."""
    if stored.setup.paused:
        return Condition.PAUSED
    if stored.quarantined:
        return Condition.QUARANTINED
    if not stored.record.tally.seen:
        return Condition.NEW
    return Condition.FAILING if stored.record.failed else Condition.FINE


def health_of(stored: Stored, silent_since: int) -> Health:
    """The health of a machine as it was read.

    Who was last seen before `silent_since` (milliseconds since 1970) is silent.
    """
    condition = condition_of(stored)
    if condition in (Condition.FAILING, Condition.FINE) and stored.record.tally.seen < silent_since:
        return Health.SILENT
    return Health.RUNNING if condition is Condition.FINE else Health(condition)
