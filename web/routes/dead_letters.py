"""The routes of the dead letters: find them, look at one, send them again, discard them.

A letter's id is `<machine>/<number>`, so its address is `/dead-letters/<id>`. A reading that expired has no
number: its id is `<machine>/expired-<hash>`.
"""

from base64 import b64encode
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, HTTPException, NotFoundException
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct, structs

from pipeline.clock import now
from pipeline.dead_letters.causes import FoundCause, count_causes
from pipeline.errors import RedriveStopped
from pipeline.model.dead_letter import KINDS, STRAY, Letter, is_cause, number_of, parse_id
from pipeline.store.audit import Audit
from pipeline.store.dead_letters import CHUNK, KeptLetter, LetterFilter
from pipeline.wire import MACHINE_ID_PATTERN, data_key, is_machine_id
from web.access.roles import Role, access
from web.services import Services

#: Which part of the letters that may be kept is worth a warning.
_WARNING = 0.8

#: Causes that are listed, and machines of each.
_CAUSES = 100
_MACHINES = 20

#: What `_where` refuses otherwise, for the OpenAPI document.
_MACHINE = Meta(extra_json_schema={"pattern": f"^({MACHINE_ID_PATTERN}|{STRAY})$"})
_KIND = Meta(extra_json_schema={"enum": KINDS})
_CAUSE = Meta(extra_json_schema={"pattern": "^[0-9a-f]{16}$"})


class DeadLetter(Struct, kw_only=True):
    """A dead letter: a reading that failed, and why.

    `machine` and `number`, the reading's on its machine, are null where its routing key named no machine.
    `number` is null too if the reading expired before a worker took it (kind `expired`), for it was never
    run. `time` is when it failed, `sent_again` when it was last sent again and is not processed yet (RFC
    3339, UTC). `bytes` is the size of the reading. `cause` is what it has in common with all that failed for
    the same. `sent_before` is the number of the letter that its reading was sent again from, and failed
    again; if that letter has none, what stands behind the machine in its id.
    """

    id: str
    machine: str | None
    number: int | None
    kind: str
    message: str
    time: str
    line: int | None
    limit: str | None
    logicversion: int | None
    logicprofile: str | None
    bytes: int
    sent_again: str | None
    cause: str
    sent_before: int | str | None


class WholeDeadLetter(DeadLetter, kw_only=True):
    """A dead letter with its reading: the JSON value itself, or where it is none its bytes in base64.

    `text` is the line of the logic that failed; `routing_key`, `message_id` and `content_type` are what
    the reading came with.
    """

    text: str
    routing_key: str
    message_id: str | None
    content_type: str | None
    encoding: Literal["json", "base64"]
    reading: Any


class DeadLetterPage(Struct):
    """A page of the list. `next` is where the next page starts (`?after=`), or null on the last.

    `kept` counts all that can be listed, by kind in `kinds`; `waiting` those that wait in RabbitMQ to be
    kept, null where that is not known at the moment. `max` is how many may be kept; `warning` says what to
    do when it is nearly reached.
    """

    dead_letters: list[DeadLetter]
    next: str | None
    kept: int
    kinds: dict[str, int]
    waiting: int | None
    max: int
    warning: str | None


class MachineOfCause(Struct):
    """How many letters of a cause a machine has; `machine` is null where routing keys named none."""

    machine: str | None
    letters: int
    sent_again: int
    newest: str


class CauseSummary(Struct, kw_only=True):
    """Letters that failed for the same: of one kind, at the same line, with the same message but for numbers.

    Of its `letters`, `sent_again` were sent again and are not processed yet, and `sent_before` had been sent
    again before they failed. `oldest` and `newest` are when they failed (RFC 3339, UTC). `message`, `line`,
    `text`, `limit`, `logicversion` and `logicprofile` are those of the newest. `machines` is on how many
    machines they are, `on` says on which, those with most letters first, 20 at most.
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
    """The causes, those of most letters first, 100 at most.

    `counted` letters have been counted for them, of `all_causes` causes. They are all that there are where
    `complete`; else they are the newest, and there are more.
    """

    causes: list[CauseSummary]
    all_causes: int
    counted: int
    complete: bool


class Selection(Struct):
    """Which letters to send again: those that fit all that is given, of a machine, a kind or a cause."""

    machine: Annotated[str, _MACHINE, Meta(description="All of this machine.")] | None = None
    kind: Annotated[str, _KIND, Meta(description="All of this kind.")] | None = None
    cause: Annotated[str, _CAUSE, Meta(description="All of this cause.")] | None = None
    since: Annotated[datetime, Meta(tz=True, description="That failed then or later (RFC 3339).")] | None = (
        None
    )
    until: Annotated[datetime, Meta(tz=True, description="That failed before (RFC 3339).")] | None = None


class Sent(Struct):
    """How many letters were sent again, and stay here until they are processed.

    `time` is when that began (RFC 3339, UTC): what fails again of them fails later.
    """

    sent: int
    time: str


class Discarded(Struct):
    """How many letters were deleted."""

    discarded: int


class DeadLettersController(Controller):
    """`/dead-letters` and all below it."""

    path = "/dead-letters"

    @get(sync_to_thread=True, **access(Role.VIEWER))
    def list_dead_letters(
        self,
        services: NamedDependency[Services],
        machine: FromQuery[str | None] = None,
        kind: FromQuery[str | None] = None,
        since: FromQuery[str | None] = None,
        until: FromQuery[str | None] = None,
        cause: FromQuery[str | None] = None,
        after: FromQuery[str] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> DeadLetterPage:
        """The dead letters that fit all that is given, a page at a time.

        Those of one machine are sorted by number, and those that expired come last; else they are sorted by
        time.
        """
        where = _where(machine, kind, _moment(since), _moment(until), cause)
        found = list[KeptLetter]()
        try:
            for chunk in services.letters.find(where, after, min(limit + 1, CHUNK)):
                found += chunk
                if len(found) > limit:
                    break
        except ValueError as e:
            raise ClientException(detail=f"{e}; `after` is the `next` of another page.") from e
        kept, most = services.letters.count(), services.settings.dead_letters_max
        return DeadLetterPage(
            dead_letters=[DeadLetter(**_shown(each)) for each in found[:limit]],
            next=found[limit - 1].cursor if len(found) > limit else None,
            kept=kept,
            kinds=services.letters.count_kinds(),
            waiting=services.collector.waiting,
            max=most,
            warning=_warning(kept, most),
        )

    @get("/causes", sync_to_thread=True, **access(Role.VIEWER))
    def list_causes(
        self,
        services: NamedDependency[Services],
        machine: FromQuery[str | None] = None,
        kind: FromQuery[str | None] = None,
        since: FromQuery[str | None] = None,
        until: FromQuery[str | None] = None,
        cause: FromQuery[str | None] = None,
    ) -> Causes:
        """What the dead letters that fit all that is given failed for, and on which machines.

        Of very many letters the newest 10,000 are counted.
        """
        where = _where(machine, kind, _moment(since), _moment(until), cause)
        counted = count_causes(services.letters, where)
        found = sorted(counted.causes.values(), key=lambda each: (-each.letters, each.newest.id))
        return Causes(
            causes=[_cause(each) for each in found[:_CAUSES]],
            all_causes=len(found),
            counted=sum(each.letters for each in found),
            complete=counted.complete,
        )

    @get("/{machine:str}/{number:str}", sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_dead_letter(
        self, services: NamedDependency[Services], machine: FromPath[str], number: FromPath[str]
    ) -> WholeDeadLetter:
        """One dead letter with its reading."""
        kept = _found(services, machine, number)
        [body] = services.letters.bodies([kept.letter])
        if body is None:
            raise _gone(machine, number)
        encoding: Literal["json", "base64"] = "json" if _is_json(body) else "base64"
        return WholeDeadLetter(
            **_shown(kept),
            text=kept.letter.text,
            routing_key=_came_with(kept.letter),
            message_id=kept.letter.message_id,
            content_type=kept.letter.content_type,
            encoding=encoding,
            reading=msgspec.Raw(body) if encoding == "json" else b64encode(body).decode(),
        )

    @post(
        "/{machine:str}/{number:str}/redrive",
        status_code=202,
        sync_to_thread=True,
        **access(Role.OPERATOR, 404, 409),
    )
    def post_redrive(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        machine: FromPath[str],
        number: FromPath[str],
    ) -> Sent:
        """Send one dead letter again: its reading goes to the end of its machine's line.

        The letter is there until the reading is processed. Sent several times, it is processed once.
        """
        letter = _found(services, machine, number).letter
        if letter.machine == STRAY:
            raise HTTPException(
                status_code=409,
                detail=f"It cannot be sent again: its routing key {letter.key!r} names no machine. Send its "
                "reading to a machine, and discard it.",
            )
        time = now()
        if not services.redriver.send_one(letter):
            raise _gone(machine, number)
        services.metrics.redriven.inc()
        audit.record("dead-letter.redrive", letter.id, machine=letter.machine)
        return Sent(1, time)

    @post("/redrive", status_code=202, sync_to_thread=True, **access(Role.OPERATOR, 413, 422))
    def post_redrive_all(
        self, services: NamedDependency[Services], audit: NamedDependency[Audit], data: JSONBody[Selection]
    ) -> Sent:
        """Send again all dead letters of a machine, of a kind, or of a cause, each machine's by number.

        Those whose routing key names no machine stay. Where it stops half way, do it again.
        """
        if data.machine is None and data.kind is None and data.cause is None:
            raise HTTPException(
                status_code=422, detail="Say which: a machine, a kind, a cause, or more of these."
            )
        where = _where(data.machine, data.kind, data.since, data.until, data.cause)
        time = now()
        try:
            sent = services.redriver.send_all(where)
        except RedriveStopped as e:
            services.metrics.redriven.inc(e.sent)
            _record(audit, "dead-letters.redrive", where, e.sent)
            raise
        services.metrics.redriven.inc(sent)
        _record(audit, "dead-letters.redrive", where, sent)
        return Sent(sent, time)

    @delete("/{machine:str}/{number:str}", sync_to_thread=True, **access(Role.OPERATOR, 404))
    def delete_dead_letter(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        machine: FromPath[str],
        number: FromPath[str],
    ) -> None:
        """Discard one dead letter for ever, also where it was sent again and is not processed yet."""
        letter = _found(services, machine, number).letter
        if not services.letters.discard([letter]):
            raise _gone(machine, number)
        services.metrics.discarded.inc()
        audit.record("dead-letter.discard", letter.id, machine=letter.machine)

    @delete(status_code=200, sync_to_thread=True, **access(Role.OPERATOR, 422))
    def delete_dead_letters(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        machine: FromQuery[str | None] = None,
        kind: FromQuery[str | None] = None,
        since: FromQuery[str | None] = None,
        until: FromQuery[str | None] = None,
        cause: FromQuery[str | None] = None,
    ) -> Discarded:
        """Discard for ever all dead letters that fit all that is given, which must be something."""
        where = _where(machine, kind, _moment(since), _moment(until), cause)
        if where == LetterFilter():
            raise HTTPException(
                status_code=422, detail="Say which: a machine, a kind, a cause, since or until."
            )
        discarded = 0
        try:
            for chunk in services.letters.find(where):
                count = services.letters.discard([each.letter for each in chunk])
                services.metrics.discarded.inc(count)
                discarded += count
        finally:
            # Also where Redis went away half way: what is gone is gone.
            _record(audit, "dead-letters.discard", where, discarded)
        return Discarded(discarded)


def _record(audit: Audit, action: str, where: LetterFilter, count: int) -> None:
    asked = {name: value for name, value in structs.asdict(where).items() if value is not None}
    audit.record(action, "dead-letters", machine=where.machine, before=asked, after=count)


def _came_with(letter: Letter) -> str:
    """The routing key that the reading came with. The letter has it where it names no machine."""
    return letter.key if letter.machine == STRAY else data_key(letter.machine)


def _where(
    machine: str | None,
    kind: str | None,
    since: datetime | None,
    until: datetime | None,
    cause: str | None,
) -> LetterFilter:
    if machine is not None and machine != STRAY and not is_machine_id(machine):
        raise ClientException(detail=f"{machine!r} cannot be a machine's id.")
    if kind is not None and kind not in KINDS:
        raise ClientException(detail=f"There is no kind {kind!r}. The kinds are {', '.join(KINDS)}.")
    if cause is not None and not is_cause(cause):
        raise ClientException(detail=f"{cause!r} cannot be a cause: take it from a dead letter.")
    return LetterFilter(
        machine=machine, kind=kind, since=_milliseconds(since), until=_milliseconds(until), cause=cause
    )


def _moment(text: str | None) -> datetime | None:
    """A time of a query. Litestar alone would take a number too."""
    if text is None:
        return None
    try:
        return msgspec.convert(text, datetime)
    except msgspec.ValidationError as e:
        raise ClientException(detail=f"{text!r} is no time: write it as 2026-11-23T08:15:30Z.") from e


def _milliseconds(time: datetime | None) -> int | None:
    if time is None:
        return None
    if time.tzinfo is None:
        raise ClientException(detail=f"{time.isoformat()} names no time zone: append Z for UTC.")
    return round(time.timestamp() * 1000)


def _found(services: Services, machine: str, number: str) -> KeptLetter:
    ids = parse_id(f"{machine}/{number}")
    kept = services.letters.get(*ids) if ids else None
    if kept is None:
        raise _gone(machine, number)
    return kept


def _gone(machine: str, number: str) -> NotFoundException:
    return NotFoundException(
        detail=f"There is no dead letter {f'{machine}/{number}'!r}. "
        "It may have been sent again and processed, or discarded."
    )


def _shown(kept: KeptLetter) -> dict[str, Any]:
    letter = kept.letter
    stray = letter.machine == STRAY
    return {
        "id": letter.id,
        "machine": None if stray else letter.machine,
        "number": letter.number,
        "kind": letter.kind,
        "message": letter.message,
        "time": letter.time,
        "line": letter.line,
        "limit": letter.limit,
        "logicversion": letter.logicversion,
        "logicprofile": letter.logicprofile,
        "bytes": letter.size,
        "sent_again": kept.sent,
        "cause": letter.cause,
        "sent_before": (number_of(before) or before) if (before := letter.sent_before) else None,
    }


def _cause(found: FoundCause) -> CauseSummary:
    newest = found.newest
    places = sorted(found.places.items(), key=lambda each: (-each[1].letters, each[0]))
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
        sent_again=sum(place.sent_again for _, place in places),
        sent_before=found.sent_before,
        oldest=found.oldest.time,
        newest=newest.time,
        machines=len(places),
        on=[
            MachineOfCause(
                None if machine == STRAY else machine, place.letters, place.sent_again, place.newest
            )
            for machine, place in places[:_MACHINES]
        ],
    )


def _warning(kept: int, most: int) -> str | None:
    if kept >= most:
        return (
            f"As many dead letters are kept as may be ({most}): the rest wait in RabbitMQ. When its queue is "
            "full too, readings wait. Send some again or discard them."
        )
    if kept > _WARNING * most:
        return f"{kept} dead letters are kept, of {most} that may be. Send some again or discard them."
    return None


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
