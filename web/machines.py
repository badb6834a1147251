"""The routes of the machines: their list and their readings."""

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, delete, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct

from pipeline.errors import PublishError
from pipeline.records import Stored
from web.plant import Plant
from web.problems import checked_id, unknown_machine
from web.roles import Role, access
from web.trail import Audit

#: Seconds that the broker may take to confirm a reading before the sender is told to try again.
_CONFIRM_SECONDS = 10


class Machine(Struct):
    """A machine. `readings` counts all that came; `logicversion` is null without a logic.

    `quarantined`: its logic had to be stopped by force so often that its readings go to the dead letters,
    until a new one is uploaded or the quarantine is lifted. `paused`: they do so until it is resumed.
    """

    id: str
    readings: int
    logicversion: int | None
    quarantined: bool
    paused: bool


class Machines(Struct):
    """A page of the list. `next` is where the next page starts (`?after=`), or null on the last."""

    machines: list[Machine]
    next: str | None


class Taken(Struct):
    """The answer to a reading that the broker has confirmed."""

    machine: str
    message_id: str


class MachinesController(Controller):
    """`/machines` and what is below it but their logic (`web.logic`) and states (`web.states`)."""

    path = "/machines"

    @get(sync_to_thread=True, **access(Role.VIEWER))
    def list_machines(
        self,
        plant: NamedDependency[Plant],
        after: FromQuery[str] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> Machines:
        """All machines that have a logic or have sent a reading, sorted by id, a page at a time."""
        machines = [
            _machine(machine_id, stored) for machine_id, stored in plant.machines(after, limit + 1).items()
        ]
        page = machines[:limit]
        return Machines(page, page[-1].id if len(machines) > limit else None)

    @get("/{machine_id:str}", sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_machine(self, plant: NamedDependency[Plant], machine_id: FromPath[str]) -> Machine:
        """One machine."""
        stored = plant.machine(checked_id(machine_id))
        if not stored.known:
            raise unknown_machine(machine_id, "logic, and has sent no reading")
        return _machine(machine_id, stored)

    @delete("/{machine_id:str}/quarantine", sync_to_thread=True, **access(Role.OPERATOR, 404))
    def delete_quarantine(
        self, plant: NamedDependency[Plant], audit: NamedDependency[Audit], machine_id: FromPath[str]
    ) -> None:
        """Lift a machine's quarantine, so that its logic is run on its next readings again."""
        if not plant.release(checked_id(machine_id)):
            raise unknown_machine(machine_id, "quarantine to be lifted")
        audit.record("quarantine.lift", machine_id, machine=machine_id)

    # A reading is no change of anybody's: it is in the machine's own count.
    @post("/{machine_id:str}/data", status_code=202, **access(Role.OPERATOR, 413, changes=False))
    async def post_data(
        self, plant: NamedDependency[Plant], machine_id: FromPath[str], request: Request[Any, Any, Any]
    ) -> Taken:
        """Take a reading: any JSON value. The answer comes when the broker has it safely."""
        body = await request.body()
        try:
            message_id, confirmed = plant.send(checked_id(machine_id), body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
            raise ClientException(detail=f"The reading is not JSON: {e}.") from e
        try:
            async with asyncio.timeout(_CONFIRM_SECONDS):
                await asyncio.wrap_future(confirmed)
        except TimeoutError as e:
            raise PublishError(f"RabbitMQ did not confirm it within {_CONFIRM_SECONDS} s") from e
        return Taken(machine_id, message_id)


def _machine(machine_id: str, stored: Stored) -> Machine:
    return Machine(
        id=machine_id,
        readings=stored.record.number,
        logicversion=stored.active.version if stored.active else None,
        quarantined=stored.quarantined,
        paused=stored.setup.paused,
    )
