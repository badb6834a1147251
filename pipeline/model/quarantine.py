"""When a logic is no longer run on a machine, because it costs the other machines of its partition too much.

A logic that has to be killed takes a sandbox child with it, and everybody in its batch waits for another.
One that runs out of fuel or time does so on each reading anew. After some such readings it is not run on
that machine any more, until a new logic is uploaded or somebody lifts the quarantine. Kills count whatever
happens between them, because each costs the others a second; exhaustions count in a row.
"""

from typing import Self

from msgspec import Struct

from sandbox.job import EXHAUSTIONS, KILLS, Outcome


class Strikes(Struct, frozen=True, array_like=True):
    """What stands against the logic with this digest on one machine."""

    digest: str = ""
    kills: int = 0
    exhaustions: int = 0

    def against(self, digest: str) -> Self:
        """What stands against this logic: nothing, if it is another one."""
        return self if self.digest == digest else type(self)(digest)

    def after(self, outcome: Outcome) -> Self:
        """What stands against it after this outcome of a reading."""
        if outcome.kind == "paused":
            return self
        if outcome.kind == "quarantined":
            # Where nothing stands against it here, it was stopped on another machine of the same batch.
            return self if self.quarantined else type(self)(self.digest, KILLS, self.exhaustions)
        if outcome.killed:
            return type(self)(self.digest, self.kills + 1, self.exhaustions)
        if outcome.exhausted or self.exhaustions:
            return type(self)(self.digest, self.kills, self.exhaustions + 1 if outcome.exhausted else 0)
        return self

    @property
    def quarantined(self) -> bool:
        """Whether it is not to be run any more."""
        return self.kills >= KILLS or self.exhaustions >= EXHAUSTIONS

    @property
    def reason(self) -> str:
        """Why it is in quarantine, as the end of a sentence."""
        if self.kills >= KILLS:
            return f"it was killed {self.kills} times"
        return f"it ran out of fuel or time on {self.exhaustions} readings in a row"
