"""The routes of configs and their versions.

A logic reads as `config` the config of its machine over the one of the machine's profile.
"""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, get, post, put
from litestar.di import NamedDependency, Provide
from litestar.exceptions import ClientException, HTTPException, NotFoundException
from litestar.params import FromPath, FromQuery, QueryParameter, RawBody

from pipeline import clock
from pipeline.model.config_values import changed_values, keys_of
from pipeline.model.deployment import Deployment
from pipeline.model.machine import Stored
from pipeline.store.audit import Audit
from pipeline.store.configs import VERSIONS, ConfigVersion
from pipeline.wire import LARGEST_INTEGER
from sandbox.errors import LogicError
from sandbox.limits import Limits
from sandbox.runtime.values import encode_config
from web.access.roles import Role, access
from web.http.etag import IfMatch, check_tag, tag_of, tagged
from web.http.problems import checked_id, checked_name, unknown_machine
from web.routes.owner import Owner
from web.schemas.config import ConfigVersionList, ConfigVersionSummary, EffectiveConfig, WholeConfigVersion
from web.schemas.unified_diff import unified_diff
from web.services import Services

_Comment = Annotated[
    str | None, QueryParameter(max_length=500, description="What changed in this version, and why.")
]


class ConfigController(Controller):
    """`/config` and all below it, of the `owner` that a subclass provides."""

    @get("/config", sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_config(self, owner: NamedDependency[Owner]) -> Response[msgspec.Raw]:
        """Return the config of a machine or profile, a JSON object. The default is `{}`.

        The logic of a machine reads it as `config`. If the machine follows a profile, the profile's config
        applies too, to each key that the machine's config does not have (`/config/effective`).
        """
        return tagged(_deployment(owner).config)

    @put("/config", sync_to_thread=True, **access(Role.AUTHOR, 412, 413, 422))
    def put_config(
        self,
        owner: NamedDependency[Owner],
        audit: NamedDependency[Audit],
        body: RawBody,
        comment: _Comment = None,
        if_match: IfMatch = None,
    ) -> Response[msgspec.Raw]:
        """Replace the config of a machine or profile with a JSON object. It is a new version.

        The new config applies from the next batch on, of the machine or of each machine that follows the
        profile. You can set it before the machine has a logic or has sent a reading. A profile that does not
        exist is created. Only the last 50 versions are kept.
        """
        config = _stored_form(body, owner.services.settings.limits)
        return _put(owner, audit, config, comment, if_match)

    @post(
        "/config/diff",
        status_code=200,
        media_type="text/x-diff",
        sync_to_thread=True,
        **access(Role.AUTHOR, 413, 422, changes=False),
    )
    def post_config_diff(self, owner: NamedDependency[Owner], body: RawBody) -> str:
        """Compare the current config with the one in the body, as a unified diff. Nothing is changed."""
        config = _stored_form(body, owner.services.settings.limits)
        deployment = owner.configs.deployment(owner.name)
        return _diff(deployment.config, config, f"version {deployment.configs}", "version in the request")

    @get("/config/versions", sync_to_thread=True, **access(Role.VIEWER, 404))
    def list_config_versions(
        self,
        owner: NamedDependency[Owner],
        before: Annotated[int, QueryParameter(ge=1, le=LARGEST_INTEGER)] = LARGEST_INTEGER,
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> ConfigVersionList:
        """List the versions of a config, the newest first. The last 50 are kept."""
        last = _deployment(owner).configs
        found = owner.configs.versions(owner.name, min(before, last + 1), limit + 1)
        versions = [
            ConfigVersionSummary(**_shown(owner, number, version, last)) for number, version in found[:limit]
        ]
        return ConfigVersionList(versions, versions[-1].version if len(found) > limit else None)

    @get("/config/versions/{number:int}", sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_config_version(self, owner: NamedDependency[Owner], number: FromPath[int]) -> WholeConfigVersion:
        """Return a version of a config."""
        version, last = _version(owner, number), owner.configs.deployment(owner.name).configs
        return WholeConfigVersion(**_shown(owner, number, version, last), config=msgspec.Raw(version.config))

    @get(
        "/config/versions/{number:int}/diff",
        media_type="text/x-diff",
        sync_to_thread=True,
        **access(Role.VIEWER, 404),
    )
    def get_config_diff(
        self, owner: NamedDependency[Owner], number: FromPath[int], to: FromQuery[int]
    ) -> str:
        """Compare two versions of a config, as a unified diff of JSON with sorted keys."""
        one, other = (_version(owner, each) for each in (number, to))
        return _diff(one.config, other.config, f"version {number}\t{one.time}", f"version {to}\t{other.time}")

    @post(
        "/config/versions/{number:int}/restore",
        status_code=200,
        sync_to_thread=True,
        **access(Role.AUTHOR, 404, 412, 422),
    )
    def post_config_restore(
        self,
        owner: NamedDependency[Owner],
        audit: NamedDependency[Audit],
        number: FromPath[int],
        comment: _Comment = None,
        if_match: IfMatch = None,
    ) -> Response[msgspec.Raw]:
        """Set the config of an earlier version again. This makes a new version.

        Without a comment, the comment of the new version names the earlier one. If the current config is the
        same, nothing is changed.
        """
        config = _stored_form(_version(owner, number).config, owner.services.settings.limits)
        return _put(owner, audit, config, comment or f"Restored version {number}", if_match)


def _machine(services: NamedDependency[Services], machine_id: FromPath[str]) -> Owner:
    return Owner(services, "machine", checked_id(machine_id))


def _profile(services: NamedDependency[Services], name: FromPath[str]) -> Owner:
    return Owner(services, "profile", checked_name(name))


class MachineConfigController(ConfigController):
    """`/machines/<id>/config` and all below it."""

    path = "/machines/{machine_id:str}"
    dependencies = {"owner": Provide(_machine, sync_to_thread=False)}  # noqa: RUF012 - as Litestar's

    @get("/config/effective", sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_effective_config(
        self, services: NamedDependency[Services], machine_id: FromPath[str]
    ) -> EffectiveConfig:
        """Return the config that a machine's logic reads: its own over the one of its profile, key by key."""
        stored = _known(services, checked_id(machine_id))
        profile = keys_of(stored.profile.config) if stored.profile is not None else []
        own = set(keys_of(stored.deployment.config))
        return EffectiveConfig(
            machine=machine_id,
            profile=stored.deployment.profile,
            config=msgspec.Raw(stored.config),
            inherited=[key for key in profile if key not in own],
            replaced=[key for key in profile if key in own],
        )


class ProfileConfigController(ConfigController):
    """`/profiles/<name>/config` and all below it."""

    path = "/profiles/{name:str}"
    dependencies = {"owner": Provide(_profile, sync_to_thread=False)}  # noqa: RUF012 - as Litestar's


def _deployment(owner: Owner) -> Deployment:
    """Return the deployment of an owner. Raises the error to answer with if there is no such owner."""
    if owner.kind == "machine":
        return _known(owner.services, owner.name).deployment
    found = owner.services.profiles.read([owner.name])
    if owner.name not in found:
        raise NotFoundException(detail=f"There is no profile {owner.name!r}.")
    return found[owner.name][0]


def _known(services: Services, machine_id: str) -> Stored:
    """Return a machine that is known. Raises the error to answer with."""
    stored = services.machines.read(machine_id)
    if not stored.known:
        raise unknown_machine(machine_id, "logic and has not sent a reading")
    return stored


def _version(owner: Owner, number: int) -> ConfigVersion:
    """Return a version of a config. Raises the error to answer with."""
    version = owner.configs.version(owner.name, number)
    if version is None:
        lacking = owner.lacks(f"version {number} of its config").detail
        raise NotFoundException(detail=f"{lacking} Only the last {VERSIONS} versions are kept.")
    return version


def _shown(owner: Owner, number: int, version: ConfigVersion, last: int) -> dict[str, Any]:
    """Return the fields of a version. `last` is the number of the current one."""
    return {
        **owner.named,
        "version": number,
        "time": clock.utc(version.time),
        "author": version.author,
        "comment": version.comment,
        "in_force": number == last,
    }


def _put(
    owner: Owner, audit: Audit, config: bytes, comment: str | None, if_match: str | None
) -> Response[msgspec.Raw]:
    """Replace a config, if it still has the tag."""
    before, after = owner.configs.put(
        owner.name,
        config,
        check=lambda current: check_tag("config", tag_of(current), if_match),
        author=audit.author,
        comment=comment,
    )
    if before.config != after.config:
        was, now = changed_values(before.config, after.config)
        audit.record(
            f"{owner.kind}.config",
            owner.name,
            machine=owner.name if owner.kind == "machine" else None,
            before={"version": after.configs - 1, "values": was} if after.configs > 1 else None,
            after={"version": after.configs, "values": now},
        )
    return tagged(config)


def _diff(one: bytes, other: bytes, name: str, other_name: str) -> str:
    return "".join(unified_diff(_lines(one), _lines(other), name, other_name))


def _lines(config: bytes) -> str:
    """Return a config as text with a value on each line. The order of its keys does not matter."""
    ordered = msgspec.json.encode(msgspec.json.decode(config), order="sorted")
    return msgspec.json.format(ordered, indent=2).decode() + "\n"


def _stored_form(body: bytes, limits: Limits) -> bytes:
    """Return a config in its stored form. Raises the error to answer with."""
    try:
        config = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise ClientException(detail=f"The config must be a JSON object: {e}.") from e
    return encoded_config(config, limits)


def encoded_config(config: dict[str, Any], limits: Limits) -> bytes:
    """Return a config in its stored form. Raises the error to answer with."""
    try:
        return encode_config(config, limits)
    except LogicError as e:
        raise HTTPException(status_code=422, detail=f"The config was refused: {e}.") from e
