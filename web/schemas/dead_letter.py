"""The JSON of dead letters and their causes."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from pipeline.dead_letters.causes import FoundCause
from pipeline.model.dead_letter import KINDS, STRAY, number_of
from pipeline.store.dead_letters import KeptLetter
from pipeline.wire import MACHINE_ID_PATTERN

#: The maximum number of machines listed for a cause.
_MACHINES = 20

#: The values that a selection may have, for the OpenAPI document.
_MACHINE = Meta(extra_json_schema={"pattern": f"^({MACHINE_ID_PATTERN}|{STRAY})$"})

_KIND = Meta(extra_json_schema={"enum": KINDS})

_CAUSE = Meta(extra_json_schema={"pattern": "^[0-9a-f]{16}$"})


class DeadLetter(Struct, kw_only=True):
    """A dead letter: a reading or a timer that failed, and the reason.

    `number` is the running number of the reading on its machine. `machine` and `number` are null if the
    routing key names no machine. `number` is also null if the reading expired before a worker took it (kind
    `expired`), and if it is a timer, whose name is `timer` then. Times are RFC 3339, UTC: `time` is when the
    reading failed, and `received` when the system received it, null if that is not known; `sent_again` is
    when it was last sent again, null if it was not or has been processed since. `bytes` is the size of the
    reading. `cause` is the same for all dead letters that failed for the same reason. If the reading was sent
    again from an earlier dead letter and failed again, `sent_before` is the number of that dead letter, or
    the second part of its id if it has no number.
    """

    id: str
    machine: str | None
    number: int | None
    kind: str
    message: str
    time: str
    received: str | None
    timer: str | None
    line: int | None
    limit: str | None
    logicversion: int | None
    logicprofile: str | None
    bytes: int
    sent_again: str | None
    cause: str
    sent_before: int | str | None


class WholeDeadLetter(DeadLetter, kw_only=True):
    """A dead letter with its reading: the JSON value, or its bytes in base64 if it is not JSON.

    `text` is the line of the logic that failed. `routing_key`, `message_id` and `content_type` are the
    reading's own. `written` is the reading as a trial of its machine takes it, if the machine's settings name
    another format than JSON: a text, or its bytes in hex.
    """

    text: str
    routing_key: str
    message_id: str | None
    content_type: str | None
    encoding: Literal["json", "base64"]
    reading: Any
    written: str | None


class DeadLetterPage(Struct):
    """A page of dead letters. `next` is the cursor of the next page (`?after=`), null on the last page.

    `kept` is the number of dead letters in Redis, `kinds` the number by kind, and `max` the maximum.
    `waiting` is the number of dead letters that wait in RabbitMQ to be stored, null if RabbitMQ is
    unavailable. `warning` says what to do if the maximum is nearly reached.
    """

    dead_letters: list[DeadLetter]
    next: str | None
    kept: int
    kinds: dict[str, int]
    waiting: int | None
    max: int
    warning: str | None


class MachineOfCause(Struct):
    """The dead letters of a cause on one machine. `machine` is null if the routing keys name no machine."""

    machine: str | None
    letters: int
    sent_again: int
    newest: str


class CauseSummary(Struct, kw_only=True):
    """Dead letters with the same kind, the same line of logic and the same message, apart from numbers.

    `letters` is their number. Of these, `sent_again` were sent again and are not processed yet;
    `sent_before` had been sent again and failed again. `oldest` and `newest` are the times of the first and
    the last failure (RFC 3339, UTC). `message`, `line`, `text`, `limit`, `logicversion` and `logicprofile`
    are those of the newest dead letter. `machines` is the number of machines; `on` lists up to 20 of them,
    those with the most dead letters first.
    """

    cause: str
    kind: str
    message: str
    line: int | None
    text: str
    limit: str | None
    logicversion: int | None
    logicprofile: str | None
    letters: int
    sent_again: int
    sent_before: int
    oldest: str
    newest: str
    machines: int
    on: list[MachineOfCause]


class Causes(Struct):
    """Up to 100 causes, those with the most dead letters first.

    `counted` is the number of dead letters that were counted, `all_causes` the number of causes found.
    `complete` is false if only the newest dead letters were counted because there are too many.
    """

    causes: list[CauseSummary]
    all_causes: int
    counted: int
    complete: bool


class Selection(Struct):
    """The dead letters to send again: those that match all given conditions."""

    machine: Annotated[str, _MACHINE, Meta(description="Only dead letters of this machine.")] | None = None
    kind: Annotated[str, _KIND, Meta(description="Only dead letters of this kind.")] | None = None
    cause: Annotated[str, _CAUSE, Meta(description="Only dead letters with this cause.")] | None = None
    since: (
        Annotated[datetime, Meta(tz=True, description="Only failures at or after this time (RFC 3339).")]
        | None
    ) = None
    until: (
        Annotated[datetime, Meta(tz=True, description="Only failures before this time (RFC 3339).")] | None
    ) = None


class Sent(Struct):
    """The number of dead letters sent again. Each stays in the list until its reading is processed.

    `time` is when sending began (RFC 3339, UTC). Readings that fail again have a later `time`.
    """

    sent: int
    time: str


class Discarded(Struct):
    """The number of dead letters deleted."""

    discarded: int


def shown_letter(kept: KeptLetter) -> dict[str, Any]:
    """Return the fields of a dead letter, as `DeadLetter` has them."""
    letter = kept.letter
    stray = letter.machine == STRAY
    return {
        "id": letter.id,
        "machine": None if stray else letter.machine,
        "number": letter.number,
        "kind": letter.kind,
        "message": letter.message,
        "time": letter.time,
        "received": letter.received,
        "timer": letter.timer,
        "line": letter.line,
        "limit": letter.limit,
        "logicversion": letter.logicversion,
        "logicprofile": letter.logicprofile,
        "bytes": letter.size,
        "sent_again": kept.sent,
        "cause": letter.cause,
        "sent_before": (number_of(before) or before) if (before := letter.sent_before) else None,
    }


def shown_cause(found: FoundCause) -> CauseSummary:
    """Return a cause as the API shows it."""
    newest = found.newest
    machines = sorted(found.machines.items(), key=lambda each: (-each[1].letters, each[0]))
    return CauseSummary(
        cause=newest.cause,
        kind=newest.kind,
        message=newest.message,
        line=newest.line,
        text=newest.text,
        limit=newest.limit,
        logicversion=newest.logicversion,
        logicprofile=newest.logicprofile,
        letters=found.letters,
        sent_again=sum(each.sent_again for _, each in machines),
        sent_before=found.sent_before,
        oldest=found.oldest.time,
        newest=newest.time,
        machines=len(machines),
        on=[
            MachineOfCause(None if machine == STRAY else machine, each.letters, each.sent_again, each.newest)
            for machine, each in machines[:_MACHINES]
        ],
    )
