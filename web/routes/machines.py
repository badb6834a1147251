"""The routes of the machines: how many there are, their list, and their readings."""

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, delete, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct

from pipeline.errors import PublishError
from pipeline.model.machine import Health
from pipeline.store.audit import Audit
from pipeline.store.health_counts import HealthCounts
from pipeline.store.search import Sort
from pipeline.store.search_script import MachineFilter
from pipeline.wire import MACHINE_ID_PATTERN
from web.access.roles import Role, access
from web.http.problems import checked_id, unknown_machine
from web.schemas.machine import MachineSummary, WholeMachine, shown, shown_whole
from web.services import Services

#: Seconds that the broker may take to confirm a reading before the sender is told to try again.
_CONFIRM_SECONDS = 10


class MachineList(Struct):
    """A page of the list. `next` is where the next page starts (`?after=`), or null on the last."""

    machines: list[MachineSummary]
    next: str | None


class Taken(Struct):
    """The answer to a reading that the broker has confirmed."""

    machine: str
    message_id: str


class FleetController(Controller):
    """`/fleet`. Below `/machines` any name could be a machine's."""

    path = "/fleet"

    @get(sync_to_thread=True, **access(Role.VIEWER))
    def get_census(self, services: NamedDependency[Services]) -> HealthCounts:
        """How many machines there are, and how many of each health.

        The counts are of one moment, and exact but for changes of the last seconds. A count is null where
        it would take too long to find out: where thousands of machines are silent, and as many others are
        in trouble.
        """
        return services.machines.count_by_health()


class MachinesController(Controller):
    """`/machines` and what is below it; a logic and a state have files of their own."""

    path = "/machines"

    @get(sync_to_thread=True, **access(Role.VIEWER))
    def list_machines(
        self,
        services: NamedDependency[Services],
        prefix: Annotated[
            str, QueryParameter(description="Of ids that begin so.", pattern=r"^[A-Za-z0-9_-]{0,128}$")
        ] = "",
        health: Annotated[Health | None, QueryParameter(description="Of this health.")] = None,
        profile: Annotated[
            str | None,
            QueryParameter(description="That follow this profile.", pattern=f"^{MACHINE_ID_PATTERN}$"),
        ] = None,
        sort: Annotated[Sort, QueryParameter(description="By id, or those seen last first.")] = Sort.ID,
        after: FromQuery[str] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> MachineList:
        """The machines that fit all that is given, a page at a time.

        What is looked at for a page is bounded, so one may have fewer machines than `limit`, or none, though
        there is a next one. Sorted by id, pages have each machine once that is there all the time. Sorted by
        when they were last seen, one that sends meanwhile goes to the front: it may be missed, and comes no
        second time. A change of a machine's health is found within some seconds.
        """
        try:
            found = services.machines.find(
                MachineFilter(prefix=prefix, health=health, profile=profile), sort, after, limit
            )
        except ValueError as e:
            raise ClientException(detail=f"{e}; `after` is the `next` of another page.") from e
        return MachineList([shown(*each) for each in found.machines], found.next)

    @get("/{machine_id:str}", sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_machine(self, services: NamedDependency[Services], machine_id: FromPath[str]) -> WholeMachine:
        """One machine, with all that is counted of it, its last reading, result and error."""
        stored = services.machines.read(checked_id(machine_id))
        if not stored.known:
            raise unknown_machine(machine_id, "logic, and has sent no reading")
        recents = services.recents.read(machine_id, services.settings.recent)
        return shown_whole(machine_id, stored, services.machines.health(stored), recents)

    @delete("/{machine_id:str}", sync_to_thread=True, **access(Role.AUTHOR, 404))
    def delete_machine(
        self, services: NamedDependency[Services], audit: NamedDependency[Audit], machine_id: FromPath[str]
    ) -> None:
        """Delete a machine with all that belongs to it: state, versions, counts, last readings, dead letters.

        Its readings that still wait in queues, and those that it sends after this, are processed for a new
        machine of this id, which has no logic. Their numbers go on. The audit trail stays.
        """
        removed = services.machines.remove(checked_id(machine_id))
        if removed is None:
            raise unknown_machine(machine_id, "logic, and has sent no reading: there is nothing to delete")
        version = removed.active.version if removed.active else None
        audit.record("machine.delete", machine_id, machine=machine_id, before=version)

    @delete("/{machine_id:str}/quarantine", sync_to_thread=True, **access(Role.OPERATOR, 404))
    def delete_quarantine(
        self, services: NamedDependency[Services], audit: NamedDependency[Audit], machine_id: FromPath[str]
    ) -> None:
        """Lift a machine's quarantine, so that its logic is run on its next readings again."""
        if not services.machines.release(checked_id(machine_id)):
            raise unknown_machine(machine_id, "quarantine to be lifted")
        audit.record("quarantine.lift", machine_id, machine=machine_id)

    # A reading is no change of anybody's: it is in the machine's own count.
    @post("/{machine_id:str}/data", status_code=202, **access(Role.OPERATOR, 413, changes=False))
    async def post_data(
        self, services: NamedDependency[Services], machine_id: FromPath[str], request: Request[Any, Any, Any]
    ) -> Taken:
        """Take a reading: any JSON value. The answer comes when the broker has it safely."""
        body = await request.body()
        try:
            message_id, confirmed = services.ingest.send(checked_id(machine_id), body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
            raise ClientException(detail=f"The reading is not JSON: {e}.") from e
        try:
            async with asyncio.timeout(_CONFIRM_SECONDS):
                await asyncio.wrap_future(confirmed)
        except TimeoutError as e:
            raise PublishError(f"RabbitMQ did not confirm it within {_CONFIRM_SECONDS} s") from e
        return Taken(machine_id, message_id)
