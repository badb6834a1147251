"""The routes that pause a machine and resume it."""

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from pipeline.errors import RedriveStopped
from pipeline.store.audit import Audit
from web.access.roles import Role, access
from web.http.problems import checked_id, unknown_machine
from web.services import Services


class Resume(Struct):
    """How to resume. With `redrive`, the readings received during the pause are sent again, in order."""

    redrive: bool = False


class Paused(Struct):
    """Whether a machine is paused.

    `sent` is the number of its readings that were sent again. `waiting` is the number of readings received
    during the pause that could not be sent again because they are not stored as dead letters yet.
    """

    machine: str
    paused: bool
    sent: int = 0
    waiting: int = 0


class PausesController(Controller):
    """`/machines/<id>/pause` and `/machines/<id>/resume`."""

    path = "/machines/{machine_id:str}"

    @post("/pause", status_code=200, sync_to_thread=True, **access(Role.OPERATOR, 404))
    def post_pause(
        self, services: NamedDependency[Services], audit: NamedDependency[Audit], machine_id: FromPath[str]
    ) -> Paused:
        """Pause a machine. Its logic does not run, and its readings become dead letters of kind `paused`."""
        _known(services, machine_id)
        services.machines.pause(machine_id)
        audit.record("machine.pause", machine_id, machine=machine_id)
        return Paused(machine_id, paused=True)

    @post("/resume", status_code=200, sync_to_thread=True, **access(Role.OPERATOR, 404, 413))
    def post_resume(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        machine_id: FromPath[str],
        data: JSONBody[Resume],
    ) -> Paused:
        """Resume a machine. Its logic runs again from the next batch on.

        With `redrive`, the readings received during the pause are sent again in order, behind the other
        readings of the machine. If `waiting` is not 0, some of them are not stored as dead letters yet;
        these and later ones are not sent again. Repeat the request after a moment.
        """
        _known(services, machine_id)
        try:
            sent, waiting = services.machines.resume(machine_id, redrive=data.redrive)
            services.reschedule([machine_id])
        except RedriveStopped as e:
            services.metrics.redriven.inc(e.sent)
            audit.record("machine.resume", machine_id, machine=machine_id, after=e.sent)
            raise
        services.metrics.redriven.inc(sent)
        audit.record("machine.resume", machine_id, machine=machine_id, after=sent)
        return Paused(machine_id, paused=False, sent=sent, waiting=waiting)


def _known(services: Services, machine_id: str) -> None:
    stored = services.machines.read(checked_id(machine_id))
    if not stored.known:
        raise unknown_machine(machine_id, "logic and has not sent a reading")
