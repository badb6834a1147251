"""Quarantine: a logic that costs the other machines of its partition too much is no longer run on a machine.

If a logic must be killed, a sandbox child is lost with it, and all machines in its batch wait for a new one.
A logic that runs out of fuel or time, for a reading or for its batch, does so again. After several of these
readings, the worker stops running the logic on that machine until somebody uploads a new logic or lifts the
quarantine. Kills count regardless of the readings between them, because each kill costs the other machines a
second. Exhaustions count only in a row.
"""

from typing import Final, Self

from msgspec import Struct

from sandbox.job import EXHAUSTIONS, KILLS, Outcome, OutcomeKind

#: The outcomes of readings that say nothing about the logic, because it was not meant to run on them.
_NOT_RUN: Final[frozenset[OutcomeKind]] = frozenset({"paused", "late"})


class Strikes(Struct, frozen=True, array_like=True):
    """The strikes against the logic with this digest on one machine."""

    digest: str = ""
    kills: int = 0
    exhaustions: int = 0

    def against(self, digest: str) -> Self:
        """Return the strikes against the logic with this digest: none if it is another logic."""
        return self if self.digest == digest else type(self)(digest)

    def after(self, outcome: Outcome) -> Self:
        """Return the strikes after this outcome of a reading."""
        if outcome.kind in _NOT_RUN:
            return self
        if outcome.kind == "quarantined":
            # If there are no strikes on this machine, the logic was stopped on another machine of the same
            # batch.
            return self if self.quarantined else type(self)(self.digest, KILLS, self.exhaustions)
        if outcome.killed:
            return type(self)(self.digest, self.kills + 1, self.exhaustions)
        if outcome.exhausted or self.exhaustions:
            return type(self)(self.digest, self.kills, self.exhaustions + 1 if outcome.exhausted else 0)
        return self

    @property
    def quarantined(self) -> bool:
        """Whether the logic is in quarantine."""
        return self.kills >= KILLS or self.exhaustions >= EXHAUSTIONS

    @property
    def reason(self) -> str:
        """The reason of the quarantine, as the end of a sentence."""
        if self.kills >= KILLS:
            return f"it was killed {self.kills} times"
        return f"it ran out of fuel or time on {self.exhaustions} readings in a row"
