"""The routes of machines' configs. A logic reads its machine's one as `config`, to serve many machines."""

from typing import Any

import msgspec
from litestar import Controller, Response, get, put
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, HTTPException
from litestar.params import FromPath, RawBody
from msgspec.structs import replace

from pipeline.model.deployment import Deployment
from pipeline.store.audit import Audit
from sandbox.errors import LogicError
from sandbox.limits import Limits
from sandbox.runtime.values import encode_config
from web.access.roles import Role, access
from web.http.etag import IfMatch, check_tag, tag_of, tagged
from web.http.problems import checked_id, unknown_machine
from web.services import Services


class ConfigsController(Controller):
    """`/machines/<id>/config`."""

    path = "/machines/{machine_id:str}/config"

    @get(sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_config(
        self, services: NamedDependency[Services], machine_id: FromPath[str]
    ) -> Response[msgspec.Raw]:
        """Return a machine's config, a JSON object that its logic reads as `config`. The default is `{}`."""
        stored = services.machines.read(checked_id(machine_id))
        if not stored.known:
            raise unknown_machine(machine_id, "logic and has not sent a reading")
        return tagged(stored.deployment.config)

    @put(sync_to_thread=True, **access(Role.AUTHOR, 412, 413, 422))
    def put_config(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        machine_id: FromPath[str],
        body: RawBody,
        if_match: IfMatch = None,
    ) -> Response[msgspec.Raw]:
        """Replace a machine's config with a JSON object.

        The new config applies from the machine's next batch on. You can set it before the machine has a
        logic or has sent a reading.
        """
        config = _kept(body, services.settings.limits)
        before = b""

        def step(deployment: Deployment) -> tuple[Deployment, None]:
            nonlocal before
            before = deployment.config
            check_tag("config", tag_of(before), if_match)
            return replace(deployment, config=config), None

        services.deployments.change(checked_id(machine_id), step)
        if config != before:
            audit.record(
                "machine.config",
                machine_id,
                machine=machine_id,
                before=tag_of(before),
                after=tag_of(config),
            )
        return tagged(config)


def _kept(body: RawBody, limits: Limits) -> bytes:
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
