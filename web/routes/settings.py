"""The routes of settings: of a machine, and of the machines of a profile."""

from collections.abc import Callable

import msgspec
from litestar import Controller, Response, get, put
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, JSONBody
from msgspec.structs import replace

from pipeline.model.deployment import Deployment
from pipeline.model.machine_settings import MachineSettings
from pipeline.model.new_settings import NewSettings
from pipeline.store.audit import Audit
from pipeline.store.deployments import Deployments
from web.access.roles import Role, access
from web.http.etag import IfMatch, check_tag, tag_of, tagged
from web.http.problems import checked_id, checked_name, unknown_machine
from web.schemas.settings import checked_settings
from web.services import Services


class MachineSettingsController(Controller):
    """`/machines/<id>/settings`."""

    path = "/machines/{machine_id:str}/settings"

    @get(sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_machine_settings(
        self, services: NamedDependency[Services], machine_id: FromPath[str]
    ) -> Response[msgspec.Raw]:
        """Return the settings of a machine: how its readings are taken, and its schedules.

        What is missing is as its profile sets it, or as it is by default. The default is `{}`.
        """
        stored = services.machines.read(checked_id(machine_id))
        if not stored.known:
            raise unknown_machine(machine_id, "logic and has not sent a reading")
        return tagged(_encoded(stored.deployment))

    @put(sync_to_thread=True, **access(Role.AUTHOR, 412, 413, 422))
    def put_machine_settings(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        machine_id: FromPath[str],
        data: JSONBody[NewSettings],
        if_match: IfMatch = None,
    ) -> Response[msgspec.Raw]:
        """Replace the settings of a machine.

        The new settings apply from the machine's next batch on, also to readings that already wait. You can
        set them before the machine has a logic or has sent a reading.
        """
        settings = checked_settings(data, services.settings.limits)
        before, after = _change(services.deployments, checked_id(machine_id), settings, if_match)
        if _has_schedules(before, after):
            services.reschedule([machine_id])
        if before != after:
            audit.record(
                "machine.settings",
                machine_id,
                machine=machine_id,
                before=tag_of(before),
                after=tag_of(after),
            )
        return tagged(after)


class ProfileSettingsController(Controller):
    """`/profiles/<name>/settings`."""

    path = "/profiles/{name:str}/settings"

    @get(sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_profile_settings(
        self, services: NamedDependency[Services], name: FromPath[str]
    ) -> Response[msgspec.Raw]:
        """Return the settings of a profile. They apply to its machines, unless they have other ones."""
        found = services.profiles.read([checked_name(name)])
        if name not in found:
            raise _unknown(name)
        return tagged(_encoded(found[name][0]))

    @put(sync_to_thread=True, **access(Role.AUTHOR, 412, 413, 422))
    def put_profile_settings(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        name: FromPath[str],
        data: JSONBody[NewSettings],
        if_match: IfMatch = None,
    ) -> Response[msgspec.Raw]:
        """Replace the settings of a profile, which is created if it does not exist.

        They apply from the next batch of each of its machines on. `silent_after_seconds` applies to all of
        its machines when the API answers.
        """
        settings = checked_settings(data, services.settings.limits)
        before, after = _change(services.profile_deployments, checked_name(name), settings, if_match)
        if _has_schedules(before, after):
            services.reschedule_profile(name)
        if _say_when_silent(before, after):
            services.profiles.reenter(name)
        if before != after:
            audit.record("profile.settings", name, before=tag_of(before), after=tag_of(after))
        return tagged(after)


def _change(
    deployments: Deployments, name: str, settings: MachineSettings, if_match: str | None
) -> tuple[bytes, bytes]:
    """Replace settings. Return the previous ones and the new ones, as JSON."""
    before = b""

    def step(deployment: Deployment) -> tuple[Deployment, None]:
        nonlocal before
        before = _encoded(deployment)
        check_tag("settings", tag_of(before), if_match)
        return replace(deployment, settings=settings), None

    after = _encoded(deployments.change(name, step))
    return before, after


def _has_schedules(*settings: bytes) -> bool:
    """Return whether there are schedules in some settings. Also if these are the same: a repeat completes."""
    return any(b'"schedules"' in each for each in settings)


def _say_when_silent(*settings: bytes) -> bool:
    """Return whether some settings say when a machine is silent. Also if these are the same, see above."""
    return any(b'"silent_after_seconds"' in each for each in settings)


_encode: Callable[[MachineSettings], bytes] = msgspec.json.Encoder().encode


def _encoded(deployment: Deployment) -> bytes:
    return _encode(deployment.settings)


def _unknown(name: str) -> NotFoundException:
    return NotFoundException(detail=f"There is no profile {name!r}.")
