"""A machine as clients see it: short in a list, complete on its own."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from pipeline.clock import rfc3339
from pipeline.model.about import About
from pipeline.model.counters import LastError
from pipeline.model.machine import Health, Stored
from pipeline.model.machine_settings import MachineSettings
from pipeline.model.recent import KeptReading
from pipeline.model.schedule import own_timers, scheduled_times
from sandbox.job import OutcomeKind
from web.schemas import reading
from web.schemas.alarm import AlarmDetails
from web.schemas.reading import RecentReading, RecentResult, shown_results


class MachineSummary(Struct, kw_only=True):
    """A machine. Times are RFC 3339, UTC. `last_seen` is null before its first reading.

    `quarantined`: the logic was killed so often that it does not run any more; readings become dead letters
    until a new logic is deployed or the quarantine is lifted. `paused`: readings become dead letters until
    the machine is resumed.
    """

    id: str
    health: Annotated[
        Health,
        Meta(
            description="The first of these that applies: paused; quarantined; new: no reading yet; silent: "
            "no reading for `silent_after_seconds` of its settings; failing: the last reading became a dead "
            "letter; running."
        ),
    ]
    last_seen: Annotated[
        str | None, Meta(description="When a worker last received a reading from the machine.")
    ]
    readings: Annotated[
        int, Meta(description="Readings processed, including dead letters that were sent again.")
    ]
    results: Annotated[int, Meta(description="Results published.")]
    errors: Annotated[int, Meta(description="Readings that became dead letters.")]
    profile: Annotated[str | None, Meta(description="The profile that the machine follows.")]
    logicversion: Annotated[int | None, Meta(description="The deployed version; null without a logic.")]
    logicprofile: Annotated[
        str | None,
        Meta(description="The profile that the version belongs to; null if the logic is the machine's own."),
    ]
    quarantined: bool
    paused: bool
    about: Annotated[About, Meta(description="The card of the machine, which people write.")]


class MachineError(Struct):
    """The error of a reading. `line` is the line number in the logic, if there is one, and `text` that line.

    `number` is the number of the reading, or of the last reading before a timer that failed. `limit` names
    the exceeded limit. `logicversion` is null if there was no logic; `logicprofile` is null if the logic was
    the machine's own.
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
    """A machine with its counts. They are exact: each reading counts once, even after a crash."""

    resent: Annotated[
        int, Meta(description="Readings that were sent again from dead letters; part of `readings`.")
    ]
    duplicates: Annotated[
        int, Meta(description="Readings that the machine sent twice, not run again; see its settings.")
    ]
    late: Annotated[
        int, Meta(description="Readings that were late, whether they were run or not; see its settings.")
    ]
    newest: Annotated[
        str | None,
        Meta(description="The newest time of a reading, by which the others are late; null without a rule."),
    ]
    settings: Annotated[
        MachineSettings,
        Meta(description="The settings that apply: its own, then those of its profile, then of its source."),
    ]
    timers: Annotated[
        dict[str, str],
        Meta(description="The timers that are set, each with the time at which it is due (RFC 3339, UTC)."),
    ]
    schedules: Annotated[
        dict[str, str],
        Meta(description="The next time of each schedule (RFC 3339, UTC); empty before the first reading."),
    ]
    alarms: Annotated[list[AlarmDetails], Meta(description="The open alarms, those raised last first.")]
    timers_run: Annotated[int, Meta(description="Timers and schedules that ran.")]
    errors_by_kind: dict[str, int]
    limits: Annotated[dict[str, int], Meta(description="Errors of kind limit, by exceeded limit.")]
    last_reading: Annotated[RecentReading | None, Meta(description="The last reading, with its outcome.")]
    last_result: Annotated[
        RecentResult | None,
        Meta(description="The last result; null if none of the recent readings led to a result."),
    ]
    last_error: MachineError | None


def shown(machine_id: str, stored: Stored, health: Health, about: About) -> MachineSummary:
    """Return a machine as the list shows it."""
    return MachineSummary(**_shown(machine_id, stored, health, about))


def shown_whole(
    machine_id: str,
    stored: Stored,
    health: Health,
    recents: Sequence[KeptReading],
    settings: MachineSettings,
    about: About,
) -> WholeMachine:
    """Return a complete machine. `recents` are its recent readings, the oldest first.

    `settings` are those that apply.
    """
    counters = stored.record.counters
    results = [each for recent in recents for each in shown_results(machine_id, recent)]
    readings = [recent for recent in recents if recent.timer is None]
    return WholeMachine(
        **_shown(machine_id, stored, health, about),
        resent=counters.resent,
        duplicates=counters.duplicates,
        late=counters.late,
        newest=rfc3339(stored.record.newest / 1000) if stored.record.newest is not None else None,
        settings=settings,
        timers=_times(own_timers(stored.record.timers)),
        schedules=_times(scheduled_times(stored.record.timers)),
        alarms=[
            AlarmDetails.shown(machine_id, each)
            for each in sorted(stored.record.alarms.values(), key=lambda each: each.raised, reverse=True)
        ],
        timers_run=counters.timers,
        errors_by_kind=counters.dead_letters,
        limits=counters.limits,
        last_reading=reading.shown(machine_id, readings[-1], settings) if readings else None,
        last_result=results[-1] if results else None,
        last_error=_error(counters.last_error) if counters.last_error else None,
    )


def _shown(machine_id: str, stored: Stored, health: Health, about: About) -> dict[str, Any]:
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
        "about": about,
    }


def _times(timers: Mapping[str, int]) -> dict[str, str]:
    return {name: rfc3339(due / 1000) for name, due in sorted(timers.items())}


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
