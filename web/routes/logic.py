"""The routes of logic, the same for machines and profiles: versions, and which of them is deployed."""

from typing import Annotated

from litestar import Controller, Response, delete, get, post, put
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec.structs import asdict

from pipeline.model.deployment import Active
from pipeline.plant.uploads import AcceptedLogic, Uploads
from pipeline.store.audit import Audit
from pipeline.wire import LARGEST_INTEGER
from web.access.admission import SandboxUse
from web.access.roles import Role, access
from web.http.etag import IfMatch, IfNoneMatch
from web.http.problems import checked_id, checked_name
from web.routes.owner import Comparison, Owner, tag_of
from web.schemas.logic import Accepted, DeployedLogic, OneVersion, Upload, Uploaded, Versions, WholeVersion
from web.schemas.unified_diff import unified_diff
from web.services import Services


class LogicController(Controller):
    """`/logic` and all below it, of the `owner` that a subclass provides."""

    @get("/logic", sync_to_thread=True, **access(Role.VIEWER, 404, 500))
    def get_logic(self, owner: NamedDependency[Owner]) -> Response[DeployedLogic]:
        """Return the deployed logic of a machine or profile.

        A machine without a deployed logic of its own runs the logic of the profile that it follows. This
        route does not return that one.
        """
        deployment = owner.logics.deployment(owner.name)
        if deployment.active is None:
            follows = (
                f" of its own deployed; it follows the profile {deployment.profile!r}"
                if deployment.profile
                else ""
            )
            raise owner.lacks(f"logic{follows or ' deployed'}")
        logic = DeployedLogic(**asdict(owner.whole(deployment.version)), previous=deployment.previous or None)
        return Response(logic, headers={"ETag": tag_of(deployment.active)})

    @post("/logic", **access(Role.AUTHOR, 412, 413, 422))
    async def post_logic(
        self,
        owner: NamedDependency[Owner],
        audit: NamedDependency[Audit],
        uploads: NamedDependency[SandboxUse[Uploads]],
        data: JSONBody[Upload],
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response[Uploaded]:
        """Check a logic and deploy it. It applies from the next batch of readings on.

        The API runs the examples first and refuses the logic if one fails. If a version with the same source
        and the same examples exists, that version is deployed again and no new one is created. Without
        `examples`, this is the last version with the same source. A profile that does not exist is created.
        """
        return await _upload(owner, audit, uploads, data, Comparison(if_match, if_none_match), 201)

    @put("/logic", **access(Role.AUTHOR, 412, 413, 422))
    async def put_logic(
        self,
        owner: NamedDependency[Owner],
        audit: NamedDependency[Audit],
        uploads: NamedDependency[SandboxUse[Uploads]],
        data: JSONBody[Upload],
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response[Uploaded]:
        """Check a logic and deploy it, the same as `POST`."""
        return await _upload(owner, audit, uploads, data, Comparison(if_match, if_none_match), 200)

    @delete("/logic", sync_to_thread=True, **access(Role.AUTHOR, 404, 412))
    def delete_logic(
        self, owner: NamedDependency[Owner], audit: NamedDependency[Audit], if_match: IfMatch = None
    ) -> None:
        """Stop running the deployed logic. Its versions stay, and you can deploy each of them again.

        A machine that follows a profile then runs the profile's logic. Without any logic, readings become
        dead letters of kind `no-logic`.
        """
        compare = Comparison(if_match)

        def check_there(active: Active | None) -> None:
            compare(active)
            if active is None:
                raise owner.lacks("logic deployed")

        owner.logics.remove(owner.name, check_there)
        compare.record(audit, "logic.remove", owner, None)

    @get("/logic/versions", sync_to_thread=True, **access(Role.VIEWER, 404))
    def list_versions(
        self,
        owner: NamedDependency[Owner],
        before: Annotated[int, QueryParameter(ge=1, le=LARGEST_INTEGER)] = LARGEST_INTEGER,
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> Versions:
        """List the versions of a logic, the newest first."""
        deployment = owner.logics.deployment(owner.name)
        if not deployment.versions:
            raise owner.lacks("logic yet")
        found = owner.logics.versions(owner.name, min(before, deployment.versions + 1), limit)
        versions = [
            OneVersion(**owner.shown(number, version, deployment.active)) for number, version in found
        ]
        more = bool(versions) and versions[-1].version > 1
        return Versions(versions, versions[-1].version if more else None)

    @get("/logic/versions/{number:int}", sync_to_thread=True, **access(Role.VIEWER, 404, 500))
    def get_version(self, owner: NamedDependency[Owner], number: FromPath[int]) -> WholeVersion:
        """Return a version of a logic."""
        return owner.whole(number)

    @get(
        "/logic/versions/{number:int}/diff",
        media_type="text/x-diff",
        sync_to_thread=True,
        **access(Role.VIEWER, 404, 500),
    )
    def get_diff(self, owner: NamedDependency[Owner], number: FromPath[int], to: FromQuery[int]) -> str:
        """Compare two versions of a logic, as a unified diff.

        If too many lines differ, the diff replaces everything between the first and the last difference.
        """
        one, other = (owner.whole(each) for each in (number, to))
        name, other_name = (f"version {each.version}\t{each.time}" for each in (one, other))
        return "".join(unified_diff(one.logic, other.logic, name, other_name))

    @post(
        "/logic/versions/{number:int}/activate",
        status_code=200,
        sync_to_thread=True,
        **access(Role.AUTHOR, 404, 412, 500),
    )
    def post_activate(
        self,
        owner: NamedDependency[Owner],
        audit: NamedDependency[Audit],
        number: FromPath[int],
        if_match: IfMatch = None,
    ) -> Response[Accepted]:
        """Deploy a version again: roll back, or forward."""
        compare = Comparison(if_match)
        active = owner.logics.activate(owner.name, number, compare)
        if active is None:
            raise owner.lacks(f"version {number} of its logic")
        compare.record(audit, "logic.activate", owner, active)
        return owner.accepted(active, 200)


def _machine(services: NamedDependency[Services], machine_id: FromPath[str]) -> Owner:
    return Owner(services, "machine", checked_id(machine_id))


def _profile(services: NamedDependency[Services], name: FromPath[str]) -> Owner:
    return Owner(services, "profile", checked_name(name))


class MachineLogicController(LogicController):
    """`/machines/<id>/logic` and all below it."""

    path = "/machines/{machine_id:str}"
    dependencies = {"owner": Provide(_machine, sync_to_thread=False)}  # noqa: RUF012 - as Litestar's


class ProfileLogicController(LogicController):
    """`/profiles/<name>/logic` and all below it."""

    path = "/profiles/{name:str}"
    dependencies = {"owner": Provide(_profile, sync_to_thread=False)}  # noqa: RUF012 - as Litestar's


async def _upload(
    owner: Owner,
    audit: Audit,
    use: SandboxUse[Uploads],
    data: Upload,
    compare: Comparison,
    status: int,
) -> Response[Uploaded]:
    async def work(uploads: Uploads) -> Response[Uploaded]:
        accepted = await uploads.check(data.logic, data.examples)
        return await use.call(lambda: deploy(accepted))

    # One step, so that no version is deployed without an entry in the audit trail.
    def deploy(accepted: AcceptedLogic) -> Response[Uploaded]:
        active = owner.logics.upload(
            owner.name,
            accepted.source,
            accepted.code,
            examples=accepted.examples,
            author=audit.author,
            comment=data.comment,
            check=compare,
        )
        compare.record(audit, "logic.upload", owner, active)
        notes = accepted.notes
        uploaded = Uploaded(**owner.named, version=active.version, digest=active.digest, notes=notes)
        return Response(uploaded, status_code=status, headers={"ETag": tag_of(active)})

    return await use.run(work)
