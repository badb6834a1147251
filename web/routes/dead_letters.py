"""The routes of the dead letters: list them, show one, send them again, delete them.

A dead letter's id is `<machine>/<number>`, so its address is `/dead-letters/<id>`. An expired reading has no
number: its id is `<machine>/expired-<hash>`.
"""

from base64 import b64encode
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, HTTPException, NotFoundException
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import structs

from pipeline.clock import now
from pipeline.dead_letters.causes import count_causes
from pipeline.errors import RedriveStopped
from pipeline.model.dead_letter import KINDS, STRAY, Letter, is_cause, parse_id
from pipeline.model.machine_settings import NO_SETTINGS
from pipeline.model.topic_source import key_of
from pipeline.store.audit import Audit
from pipeline.store.dead_letters import CHUNK, KeptLetter, LetterFilter
from pipeline.trials.written import written_reading
from pipeline.wire import data_key, is_machine_id
from web.access.roles import Role, access
from web.schemas.dead_letter import (
    Causes,
    DeadLetter,
    DeadLetterPage,
    Discarded,
    Selection,
    Sent,
    WholeDeadLetter,
    shown_cause,
    shown_letter,
)
from web.schemas.reading import is_json
from web.services import Services

#: The share of the maximum number of dead letters above which there is a warning.
_WARNING = 0.8

#: The maximum number of causes in the list.
_CAUSES = 100


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
        """List the dead letters that match all given conditions.

        With `machine` they are sorted by number, and expired readings come last. Without it they are sorted
        by time.
        """
        where = _where(machine, kind, _moment(since), _moment(until), cause)
        found = list[KeptLetter]()
        try:
            for chunk in services.letters.find(where, after, min(limit + 1, CHUNK)):
                found += chunk
                if len(found) > limit:
                    break
        except ValueError as e:
            raise ClientException(detail=f"{e}. Take `after` from the `next` of the previous page.") from e
        kept, most = services.letters.count(), services.settings.dead_letters_max
        return DeadLetterPage(
            dead_letters=[DeadLetter(**shown_letter(each)) for each in found[:limit]],
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
        """List the causes of the dead letters that match all given conditions, with their machines.

        At most the newest 10,000 dead letters are counted.
        """
        where = _where(machine, kind, _moment(since), _moment(until), cause)
        counted = count_causes(services.letters, where)
        found = sorted(counted.causes.values(), key=lambda each: (-each.letters, each.newest.id))
        return Causes(
            causes=[shown_cause(each) for each in found[:_CAUSES]],
            all_causes=len(found),
            counted=sum(each.letters for each in found),
            complete=counted.complete,
        )

    @get("/{machine:str}/{number:str}", sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_dead_letter(
        self, services: NamedDependency[Services], machine: FromPath[str], number: FromPath[str]
    ) -> WholeDeadLetter:
        """Return a dead letter with its reading."""
        kept = _found(services, machine, number)
        [body] = services.letters.bodies([kept.letter])
        if body is None:
            raise _gone(machine, number)
        settings = NO_SETTINGS
        if machine != STRAY:
            settings = services.topic_sources.settings_of(services.machines.read(machine))
        encoding: Literal["json", "base64"] = "json" if is_json(body) else "base64"
        return WholeDeadLetter(
            **shown_letter(kept),
            text=kept.letter.text,
            routing_key=_came_with(kept.letter),
            message_id=kept.letter.message_id,
            content_type=kept.letter.content_type,
            encoding=encoding,
            reading=msgspec.Raw(body) if encoding == "json" else b64encode(body).decode(),
            written=written_reading(body, settings) if kept.letter.timer is None else None,
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
        """Send a dead letter again.

        Its reading goes to the end of the queue, behind the other readings of its machine. The dead letter
        stays until the reading is processed. You can repeat the request: the reading is processed once.
        """
        letter = _found(services, machine, number).letter
        if letter.machine == STRAY:
            raise HTTPException(
                status_code=409,
                detail=f"The dead letter cannot be sent again: its routing key {letter.key!r} names no "
                "machine. Send its reading to a machine yourself, then discard the dead letter.",
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
        """Send again all dead letters of a machine, a kind or a cause, in the order of each machine's
        readings.

        Dead letters whose routing key names no machine stay. If the request fails halfway, repeat it.
        """
        if data.machine is None and data.kind is None and data.cause is None:
            raise HTTPException(
                status_code=422,
                detail="No condition was given. Send machine, kind, cause, or several of them.",
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
        """Delete a dead letter permanently.

        If it was sent again and is not processed yet, its reading is not processed any more.
        """
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
        """Delete permanently all dead letters that match all given conditions. At least one is required."""
        where = _where(machine, kind, _moment(since), _moment(until), cause)
        if where == LetterFilter():
            raise HTTPException(
                status_code=422,
                detail="No condition was given. Send machine, kind, cause, since, until, or several of them.",
            )
        discarded = 0
        try:
            for chunk in services.letters.find(where):
                count = services.letters.discard([each.letter for each in chunk])
                services.metrics.discarded.inc(count)
                discarded += count
        finally:
            # Record the deletion even if Redis became unavailable halfway: deleted dead letters stay deleted.
            _record(audit, "dead-letters.discard", where, discarded)
        return Discarded(discarded)


def _record(audit: Audit, action: str, where: LetterFilter, count: int) -> None:
    asked = {name: value for name, value in structs.asdict(where).items() if value is not None}
    audit.record(action, "dead-letters", machine=where.machine, before=asked, after=count)


def _came_with(letter: Letter) -> str:
    """Return the routing key of the reading. The dead letter contains it if it is not its machine's."""
    if letter.topic is not None:
        return key_of(letter.topic)
    return letter.key if letter.machine == STRAY else data_key(letter.machine)


def _where(
    machine: str | None,
    kind: str | None,
    since: datetime | None,
    until: datetime | None,
    cause: str | None,
) -> LetterFilter:
    if machine is not None and machine != STRAY and not is_machine_id(machine):
        raise ClientException(
            detail=f"{machine!r} is not a valid machine id. Use 1 to 128 letters, digits, _ or -."
        )
    if kind is not None and kind not in KINDS:
        raise ClientException(detail=f"{kind!r} is not a kind of dead letter. Use one of {', '.join(KINDS)}.")
    if cause is not None and not is_cause(cause):
        raise ClientException(detail=f"{cause!r} is not a valid cause. Take it from a dead letter.")
    return LetterFilter(
        machine=machine, kind=kind, since=_milliseconds(since), until=_milliseconds(until), cause=cause
    )


def _moment(text: str | None) -> datetime | None:
    """Return a time of a query. Litestar alone would accept a number too."""
    if text is None:
        return None
    try:
        return msgspec.convert(text, datetime)
    except msgspec.ValidationError as e:
        raise ClientException(detail=f"{text!r} is not a time. Write it as 2026-11-23T08:15:30Z.") from e


def _milliseconds(time: datetime | None) -> int | None:
    if time is None:
        return None
    if time.tzinfo is None:
        raise ClientException(detail=f"{time.isoformat()} has no time zone. Append Z for UTC.")
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


def _warning(kept: int, most: int) -> str | None:
    if kept >= most:
        return (
            f"The maximum of {most} dead letters is reached; more wait in RabbitMQ. When that queue is full, "
            "partitions stop. Send dead letters again or discard them."
        )
    if kept > _WARNING * most:
        return f"{kept} of at most {most} dead letters are stored. Send dead letters again or discard them."
    return None
