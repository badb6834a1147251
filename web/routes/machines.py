"""The routes of the machines: their counts, their list, and their readings."""

import asyncio
from typing import Annotated, Any

from litestar import Controller, Request, delete, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.params import FromPath, FromQuery, HeaderParameter, QueryParameter
from msgspec import Struct

from pipeline.errors import PublishError
from pipeline.model.about import LINE_CHARS, TAG_CHARS
from pipeline.model.machine import Health
from pipeline.store.audit import Audit
from pipeline.store.groups import GroupKind, MachineGroup
from pipeline.store.health_counts import HealthCounts
from pipeline.store.search import Sort
from pipeline.store.search_script import MachineFilter
from pipeline.wire import MACHINE_ID_PATTERN
from sandbox.errors import NotJson, TooLong
from web.access.roles import Role, access
from web.http.problems import checked_id, unknown_machine
from web.schemas.machine import MachineSummary, WholeMachine, shown, shown_whole
from web.services import Services

#: Maximum characters of a content type that is passed on with a reading.
_CONTENT_TYPE_CHARS = 200

#: Seconds that the broker may take to confirm a reading before the sender is told to try again.
_CONFIRM_SECONDS = 4


_IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern="^[!-~]+$",
        description="The `message_id` of the reading. Without it, the API makes one.",
    ),
]


class MachineList(Struct):
    """A page of machines. `next` is the cursor of the next page (`?after=`), null on the last page."""

    machines: list[MachineSummary]
    next: str | None


class GroupList(Struct):
    """A page of groups of machines. `next` is the cursor of the next page, null on the last page."""

    groups: list[MachineGroup]
    next: str | None


class Taken(Struct):
    """A reading that RabbitMQ has confirmed."""

    machine: str
    message_id: str


class FleetController(Controller):
    """`/fleet`. Below `/machines` any name could be a machine's."""

    path = "/fleet"

    @get(sync_to_thread=True, **access(Role.VIEWER))
    def get_census(self, services: NamedDependency[Services]) -> HealthCounts:
        """Count the machines, in total and by health.

        The counts can lag a few seconds behind. A count is null if counting takes too long: this happens if
        thousands of machines are silent and thousands of others have problems.
        """
        return services.machines.count_by_health()

    @get("/groups", sync_to_thread=True, **access(Role.VIEWER))
    def list_groups(
        self,
        services: NamedDependency[Services],
        by: Annotated[GroupKind, QueryParameter(description="What the machines of a group share.")],
        after: Annotated[str, QueryParameter(max_length=128)] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=100)] = 50,
    ) -> GroupList:
        """List the profiles, tags or lines that have machines, each with its counts by health.

        The counts can lag a few seconds behind. `health` is null for a group of more than 4,000 machines. A
        page can have fewer groups than `limit` even if there is a next page.
        """
        return GroupList(*services.machines.groups(by, after, limit))


class MachinesController(Controller):
    """`/machines` and the paths below it, except those of logic and states, which have their own files."""

    path = "/machines"

    @get(sync_to_thread=True, **access(Role.VIEWER))
    def list_machines(
        self,
        services: NamedDependency[Services],
        prefix: Annotated[
            str,
            QueryParameter(
                description="Only machines whose id starts with this.", pattern=r"^[A-Za-z0-9_-]{0,128}$"
            ),
        ] = "",
        health: Annotated[
            Health | None, QueryParameter(description="Only machines with this health.")
        ] = None,
        profile: Annotated[
            str | None,
            QueryParameter(
                description="Only machines that follow this profile.", pattern=f"^{MACHINE_ID_PATTERN}$"
            ),
        ] = None,
        text: Annotated[
            str,
            QueryParameter(
                description="Only machines whose id, plain name, line or tags have this text, in any case.",
                max_length=128,
            ),
        ] = "",
        tag: Annotated[
            str | None,
            QueryParameter(description="Only machines with this tag.", min_length=1, max_length=TAG_CHARS),
        ] = None,
        line: Annotated[
            str | None,
            QueryParameter(description="Only machines of this line.", min_length=1, max_length=LINE_CHARS),
        ] = None,
        sort: Annotated[
            Sort, QueryParameter(description="Sort by id, or by last_seen with the newest first.")
        ] = Sort.ID,
        after: FromQuery[str] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> MachineList:
        """List the machines that match all given conditions.

        A page can have fewer machines than `limit`, or none, even if there is a next page, because the API
        checks at most 4,000 machines for a page. Sorted by id, the pages list each machine exactly once.
        Sorted by `last_seen`, a machine that sends a reading while you page through moves to the front, so
        you can miss it. The list can lag a few seconds behind a machine's health.
        """
        try:
            found = services.machines.find(
                MachineFilter(prefix=prefix, text=text, health=health, profile=profile, tag=tag, line=line),
                sort,
                after,
                limit,
                shown,
            )
        except ValueError as e:
            raise ClientException(detail=f"{e}. Take `after` from the `next` of the previous page.") from e
        return MachineList(found.machines, found.next)

    @get("/{machine_id:str}", sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_machine(self, services: NamedDependency[Services], machine_id: FromPath[str]) -> WholeMachine:
        """Return a machine with its counts, its last reading, its last result and its last error."""
        stored = services.machines.read(checked_id(machine_id))
        if not stored.known:
            raise unknown_machine(machine_id, "logic and has not sent a reading")
        recents = services.recents.read(machine_id, services.settings.recent)
        settings = services.topic_sources.settings_of(stored)
        about = services.machines.abouts.read([machine_id])[machine_id]
        health = services.machines.health(stored, settings)
        return shown_whole(machine_id, stored, health, recents, settings, about)

    @delete("/{machine_id:str}", sync_to_thread=True, **access(Role.AUTHOR, 404))
    def delete_machine(
        self, services: NamedDependency[Services], audit: NamedDependency[Audit], machine_id: FromPath[str]
    ) -> None:
        """Delete a machine with its state, versions, counts, recent readings and dead letters.

        Readings that still wait in queues, and readings that it sends later, belong to a new machine with the
        same id and no logic. Its reading numbers continue. The audit trail stays.
        """
        removed = services.machines.remove(checked_id(machine_id))
        if removed is None:
            raise unknown_machine(
                machine_id, "logic and has not sent a reading, so there is nothing to delete"
            )
        version = removed.active.version if removed.active else None
        audit.record("machine.delete", machine_id, machine=machine_id, before=version)

    @delete("/{machine_id:str}/quarantine", sync_to_thread=True, **access(Role.OPERATOR, 404))
    def delete_quarantine(
        self, services: NamedDependency[Services], audit: NamedDependency[Audit], machine_id: FromPath[str]
    ) -> None:
        """Lift a machine's quarantine. Its logic runs again on the next readings."""
        if not services.machines.release(checked_id(machine_id)):
            raise unknown_machine(machine_id, "quarantine to lift")
        audit.record("quarantine.lift", machine_id, machine=machine_id)

    # A reading is not audited: the machine's own counter includes it.
    @post("/{machine_id:str}/data", status_code=202, **access(Role.OPERATOR, 413, changes=False))
    async def post_data(
        self,
        services: NamedDependency[Services],
        machine_id: FromPath[str],
        request: Request[Any, Any, Any],
        key: _IdempotencyKey = None,
    ) -> Taken:
        """Send a reading, any JSON value. The API answers after RabbitMQ has confirmed it.

        It refuses a reading at once if a worker would: 413 if the reading is too long, 400 if it is not JSON,
        is nested too deeply, or has a number that is too large. If the machine's settings say another format
        than JSON, send its bytes; a worker decodes them.

        If you send a reading again after a 503, send the same `Idempotency-Key`. It becomes the reading's
        `message_id`, by which the machine's settings can recognise duplicates.
        """
        body, ingest = await request.body(), services.ingest
        settings = ingest.settings.remembered(checked_id(machine_id))
        if settings is None:
            settings = await asyncio.to_thread(ingest.settings.read, machine_id)
        content_type: str | None = "application/json"
        if not settings.is_plain_json:
            content_type = request.headers.get("Content-Type", "")[:_CONTENT_TYPE_CHARS] or None
        try:
            message_id, confirmed = ingest.send(machine_id, body, settings, content_type, message_id=key)
        except TooLong as e:
            raise RequestEntityTooLarge(detail=f"The reading was refused: {e}.") from e
        except NotJson as e:
            raise ClientException(detail=f"The reading was refused: {e}.") from e
        try:
            async with asyncio.timeout(_CONFIRM_SECONDS):
                await asyncio.wrap_future(confirmed)
        except TimeoutError as e:
            raise PublishError(f"RabbitMQ did not confirm it within {_CONFIRM_SECONDS} seconds") from e
        return Taken(machine_id, message_id)
