"""The routes of settings: how the readings of a machine, or of a profile's machines, are taken."""

from collections.abc import Callable
from typing import Annotated

import msgspec
from litestar import Controller, Response, get, put
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, NotFoundException
from litestar.params import FromPath, JSONBody
from msgspec import Meta
from msgspec.structs import replace

from pipeline.model.deployment import Deployment
from pipeline.model.duplicates import DuplicateRule
from pipeline.model.late import LateRule
from pipeline.model.machine_settings import MachineSettings, Off
from pipeline.store.audit import Audit
from pipeline.store.deployments import Deployments
from sandbox.limits import Limits
from web.access.roles import Role, access
from web.http.etag import IfMatch, check_tag, tag_of, tagged
from web.http.problems import checked_id, checked_name, unknown_machine
from web.services import Services


class NewDuplicateRule(DuplicateRule, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How the duplicates of a machine are recognised: by the `message_id` of AMQP, or by a field.

    A duplicate has the same value as one of the last `readings`, in the last `minutes` if that is set.
    """


class NewLateRule(LateRule, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which readings of a machine are late, and what happens to them."""


class NewSettings(MachineSettings, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The new settings of a machine or a profile.

    What you omit is as the profile of the machine sets it, or as it is by default: JSON, without compression,
    and with the fuel of the installation.
    """

    duplicates: Annotated[
        NewDuplicateRule | Off | None,
        Meta(
            description="How readings are recognised that the device sends again; they are counted and not "
            "run. Without it, or if it is off, each message is a reading of its own. off also turns off the "
            "rule of the profile."
        ),
    ] = None
    late: Annotated[
        NewLateRule | Off | None,
        Meta(
            description="Which readings are late, by their own time, and what happens to them. Only for "
            "readings in JSON. Without it, or if it is off, readings are run as they arrive."
        ),
    ] = None


class MachineSettingsController(Controller):
    """`/machines/<id>/settings`."""

    path = "/machines/{machine_id:str}/settings"

    @get(sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_machine_settings(
        self, services: NamedDependency[Services], machine_id: FromPath[str]
    ) -> Response[msgspec.Raw]:
        """Return the settings of a machine: the format, compression and fuel of its readings.

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
        settings = _checked(data, services.settings.limits)
        before, after = _change(services.deployments, checked_id(machine_id), settings, if_match)
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

        They apply from the next batch of each of its machines on.
        """
        settings = _checked(data, services.settings.limits)
        before, after = _change(services.profile_deployments, checked_name(name), settings, if_match)
        if before != after:
            audit.record("profile.settings", name, before=tag_of(before), after=tag_of(after))
        return tagged(after)


def _checked(settings: NewSettings, limits: Limits) -> MachineSettings:
    """Return settings as they are stored.

    Raises the error to answer with if they ask for more than the installation allows.
    """
    if settings.fuel is not None and settings.fuel > limits.fuel_max:
        raise HTTPException(
            status_code=422,
            detail=f"The fuel {settings.fuel:,} exceeds the maximum of this installation, "
            f"{limits.fuel_max:,} (IOT_LOGIC_LIMIT_FUEL_MAX).",
        )
    return msgspec.convert(settings, MachineSettings, from_attributes=True)


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


_encode: Callable[[MachineSettings], bytes] = msgspec.json.Encoder().encode


def _encoded(deployment: Deployment) -> bytes:
    return _encode(deployment.settings)


def _unknown(name: str) -> NotFoundException:
    return NotFoundException(detail=f"There is no profile {name!r}.")
