"""A machine as clients see it: short in the list of all, and whole by itself."""

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from pipeline.clock import rfc3339
from pipeline.model.counters import LastError
from pipeline.model.machine import Health, Stored
from pipeline.model.recent import KeptReading
from sandbox.job import OutcomeKind
from web.schemas import reading
from web.schemas.reading import RecentReading, RecentResult, shown_results


class MachineSummary(Struct, kw_only=True):
    """A machine. Times are in RFC 3339, UTC; `last_seen` is null before its first reading.

    `quarantined`: its logic had to be stopped by force so often that its readings go to the dead letters,
    until a new one is uploaded or the quarantine is lifted. `paused`: they do so until it is resumed.
    """

    id: str
    health: Annotated[
        Health,
        Meta(
            description="The first that fits: paused; quarantined; new, it has sent nothing yet; silent, it "
            "has sent nothing for a while; failing, its last reading became a dead letter; running."
        ),
    ]
    last_seen: Annotated[str | None, Meta(description="When a reading of its own was last taken up.")]
    readings: Annotated[
        int, Meta(description="Readings that were processed, also those that were dead letters, sent again.")
    ]
    results: Annotated[int, Meta(description="Results that they led to.")]
    errors: Annotated[int, Meta(description="Readings that became dead letters.")]
    profile: Annotated[str | None, Meta(description="The profile that it follows.")]
    logicversion: Annotated[int | None, Meta(description="The version in force; null without a logic.")]
    logicprofile: Annotated[
        str | None, Meta(description="The profile whose version that is; null where it is its own.")
    ]
    quarantined: bool
    paused: bool


class MachineError(Struct):
    """Why a reading failed: `line` is the logic's line, where there is one, and `text` what stands there.

    `number` is the reading's. `limit` names the limit that was exceeded. `logicversion` is null where there
    was no logic, `logicprofile` where it was the machine's own.
    """

    number: int
    kind: OutcomeKind
    time: str
    message: str
    line: int | None
    text: str
    limit: str | None
    logicversion: int | None
    logicprofile: str | None


class WholeMachine(MachineSummary, kw_only=True):
    """A machine with all that is counted of it, exactly: each reading once, whatever crashed meanwhile."""

    resent: Annotated[
        int, Meta(description="Of its readings, those that had been dead letters and were sent again.")
    ]
    errors_by_kind: dict[str, int]
    limits: Annotated[dict[str, int], Meta(description="Errors of kind limit, by the limit exceeded.")]
    last_reading: Annotated[RecentReading | None, Meta(description="With what became of it.")]
    last_result: Annotated[
        RecentResult | None, Meta(description="Null where none of its last twenty readings has led to one.")
    ]
    last_error: MachineError | None


def shown(machine_id: str, stored: Stored, health: Health) -> MachineSummary:
    """A machine in the list."""
    return MachineSummary(**_shown(machine_id, stored, health))


def shown_whole(
    machine_id: str, stored: Stored, health: Health, recents: Sequence[KeptReading]
) -> WholeMachine:
    """A machine by itself. `recents` are its last readings, the oldest first."""
    counters = stored.record.counters
    results = [each for recent in recents for each in shown_results(machine_id, recent)]
    return WholeMachine(
        **_shown(machine_id, stored, health),
        resent=counters.resent,
        errors_by_kind=counters.dead_letters,
        limits=counters.limits,
        last_reading=reading.shown(machine_id, recents[-1]) if recents else None,
        last_result=results[-1] if results else None,
        last_error=_error(counters.last_error) if counters.last_error else None,
    )


def _shown(machine_id: str, stored: Stored, health: Health) -> dict[str, Any]:
    counters = stored.record.counters
    return {
        "id": machine_id,
        "health": health,
        "last_seen": rfc3339(counters.seen / 1000) if counters.seen else None,
        "readings": counters.readings,
        "results": counters.results,
        "errors": sum(counters.dead_letters.values()),
        "profile": stored.deployment.profile,
        "logicversion": stored.active.version if stored.active else None,
        "logicprofile": stored.active.profile if stored.active else None,
        "quarantined": stored.quarantined,
        "paused": stored.deployment.paused,
    }


def _error(error: LastError) -> MachineError:
    return MachineError(
        error.number,
        error.kind,
        rfc3339(error.time / 1000),
        error.message,
        error.line,
        error.text,
        error.limit,
        error.logicversion,
        error.logicprofile,
    )
