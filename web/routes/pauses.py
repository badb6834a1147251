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
    """How to go on: with `redrive`, the readings that came while it was paused are sent again, in order."""

    redrive: bool = False


class Paused(Struct):
    """Whether a machine is paused.

    `sent`: how many of its readings were sent again. `waiting`: how many of those that came while it was
    paused have not reached the dead letters yet, and could not be sent.
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
        """Run a machine's logic on none of its readings: they become dead letters of kind `paused`."""
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
        """Run a machine's logic again from its next batch on, also on what came meanwhile where it is asked.

        That goes to the end of the machine's line, by number. Where some of it is on its way to the dead
        letters still, it is `waiting`, and what came after it is not sent: do this again.
        """
        _known(services, machine_id)
        try:
            sent, waiting = services.machines.resume(machine_id, redrive=data.redrive)
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
        raise unknown_machine(machine_id, "logic, and has sent no reading")
