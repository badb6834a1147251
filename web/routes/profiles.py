"""The routes of profiles: their list, and the profile that a machine follows."""

from typing import Annotated

from litestar import Controller, delete, get, put
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, NotFoundException
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct

from pipeline.model.deployment import Deployment
from pipeline.store.audit import Audit
from pipeline.wire import MACHINE_ID_PATTERN
from web.access.roles import Role, access
from web.http.problems import checked_id, checked_name, unknown_machine
from web.services import Services


class ProfileSummary(Struct):
    """A profile: one logic for many machines.

    `machines` is the number of machines that follow it, including those that run a logic of their own.
    `logicversion` is the deployed version, null if there is none. `versions` is the number of versions.
    """

    name: str
    machines: int
    logicversion: int | None
    versions: int


class ProfileList(Struct):
    """A page of profiles. `next` is the cursor of the next page (`?after=`), null on the last page."""

    profiles: list[ProfileSummary]
    next: str | None


class Following(Struct):
    """The profile that a machine follows."""

    profile: Annotated[str, Meta(pattern=f"^{MACHINE_ID_PATTERN}$", description="The name of a profile.")]


class ProfilesController(Controller):
    """`/profiles` and the paths below it, except those of logic (`web.routes.logic`)."""

    path = "/profiles"

    @get(sync_to_thread=True, **access(Role.VIEWER))
    def list_profiles(
        self,
        services: NamedDependency[Services],
        after: FromQuery[str] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> ProfileList:
        """List the profiles, sorted by name."""
        names = services.profiles.names(after, limit + 1)
        found = services.profiles.read(names[:limit])
        page = [_shown(name, *each) for name, each in found.items()]
        return ProfileList(page, names[limit - 1] if len(names) > limit else None)

    @get("/{name:str}", sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_profile(self, services: NamedDependency[Services], name: FromPath[str]) -> ProfileSummary:
        """Return a profile."""
        return _found(services, checked_name(name))

    @put("/{name:str}", sync_to_thread=True, **access(Role.AUTHOR, 404))
    def put_profile(
        self, services: NamedDependency[Services], audit: NamedDependency[Audit], name: FromPath[str]
    ) -> ProfileSummary:
        """Create a profile without a logic, for machines to follow. An existing profile does not change."""
        if services.profiles.make(checked_name(name)):
            audit.record("profile.make", name)
        return _found(services, name)

    @delete("/{name:str}", sync_to_thread=True, **access(Role.AUTHOR, 404, 409))
    def delete_profile(
        self, services: NamedDependency[Services], audit: NamedDependency[Audit], name: FromPath[str]
    ) -> None:
        """Delete a profile with all its versions.

        The API answers 409 if machines follow it, or if new machines of a source would.
        """
        sources = [each.name for each in services.topic_sources.offering(checked_name(name))]
        if sources and services.profiles.read([name]):
            raise HTTPException(
                status_code=409,
                detail=f"The profile {name!r} cannot be deleted: new machines of the source "
                f"{', '.join(map(repr, sources))} follow it. Change the profile of the source first.",
            )
        there, machines = services.profiles.delete(name)
        if not there:
            raise _unknown(name)
        if machines:
            follow = "1 machine follows it" if machines == 1 else f"{machines} machines follow it"
            raise HTTPException(
                status_code=409,
                detail=f"The profile {name!r} cannot be deleted: {follow}. List them with "
                f"GET /machines?profile={name}.",
            )
        audit.record("profile.delete", name)


class FollowingController(Controller):
    """`/machines/<id>/profile`."""

    path = "/machines/{machine_id:str}/profile"

    @put(sync_to_thread=True, **access(Role.AUTHOR, 404, 413))
    def put_following(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        machine_id: FromPath[str],
        data: JSONBody[Following],
    ) -> Following:
        """Set the profile that a machine follows.

        The machine runs the profile's logic unless it has a deployed logic of its own. You can set the
        profile before the machine has sent a reading.
        """
        before = services.profiles.follow(checked_id(machine_id), data.profile)
        services.reschedule([machine_id])
        if before is None:
            raise _unknown(data.profile)
        _record(audit, machine_id, before.profile, data.profile)
        return data

    @delete(sync_to_thread=True, **access(Role.AUTHOR, 404))
    def delete_following(
        self, services: NamedDependency[Services], audit: NamedDependency[Audit], machine_id: FromPath[str]
    ) -> None:
        """Remove the profile of a machine, so that it follows none."""
        before = services.profiles.follow(checked_id(machine_id), None)
        services.reschedule([machine_id])
        if before is None or before.profile is None:
            raise unknown_machine(machine_id, "profile")
        _record(audit, machine_id, before.profile, None)


def _record(audit: Audit, machine_id: str, before: str | None, after: str | None) -> None:
    if before != after:
        audit.record("machine.profile", machine_id, machine=machine_id, before=before, after=after)


def _found(services: Services, name: str) -> ProfileSummary:
    found = services.profiles.read([name])
    if name not in found:
        raise _unknown(name)
    return _shown(name, *found[name])


def _shown(name: str, deployment: Deployment, machines: int) -> ProfileSummary:
    return ProfileSummary(name, machines, deployment.version or None, deployment.versions)


def _unknown(name: str) -> NotFoundException:
    return NotFoundException(detail=f"There is no profile {name!r}.")
