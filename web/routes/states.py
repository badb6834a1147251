"""The routes of the machines' states: read one, replace it, reset it.

A state may be edited while readings arrive. The edit and a running batch each write only if the record has
not changed since they read it, so neither undoes the other: the batch continues from the edited state. An
edit replaces the whole state, however. A client that reads a state, changes it and writes it back sends the
`ETag` it read as `If-Match`, and gets 412 if a reading or another client has changed the state meanwhile.
"""

from typing import Any

import msgspec
from litestar import Controller, Response, delete, get, put
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, HTTPException
from litestar.params import FromPath, RawBody

from pipeline.model.machine import Stored
from pipeline.store.audit import Audit
from sandbox.errors import LogicError
from sandbox.limits import Limits
from sandbox.runtime.values import encode_state
from web.access.roles import Role, access
from web.http.etag import IfMatch, check_tag, tag_of, tagged
from web.http.problems import checked_id, unknown_machine
from web.services import Services


class StatesController(Controller):
    """`/machines/<id>/state`."""

    path = "/machines/{machine_id:str}/state"

    @get(sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_state(
        self, services: NamedDependency[Services], machine_id: FromPath[str]
    ) -> Response[msgspec.Raw]:
        """Return a machine's state after its last reading."""
        stored = services.machines.read(checked_id(machine_id))
        if not stored.recorded:
            raise unknown_machine(machine_id, "state: it has not sent a reading yet")
        return tagged(stored.record.state)

    @put(sync_to_thread=True, **access(Role.OPERATOR, 404, 412, 413, 422))
    def put_state(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        machine_id: FromPath[str],
        body: RawBody,
        if_match: IfMatch = None,
    ) -> Response[msgspec.Raw]:
        """Replace a machine's state with a JSON object. The answer is the stored state.

        You can set the state of a machine before its first reading if it has a logic.
        """
        state = _kept(body, services.settings.limits)

        def check(stored: Stored) -> None:
            if not stored.recorded and stored.active is None:
                raise unknown_machine(
                    machine_id, "logic and has not sent a reading, so there is no state to edit"
                )
            _check_tag(stored, if_match)

        replaced = services.machines.edit_state(checked_id(machine_id), state, check)
        _record(audit, "state.replace", machine_id, replaced, state)
        return tagged(state)

    @delete(sync_to_thread=True, **access(Role.OPERATOR, 404, 412))
    def delete_state(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        machine_id: FromPath[str],
        if_match: IfMatch = None,
    ) -> None:
        """Reset a machine's state to `{}`. Its reading numbers continue."""

        def check(stored: Stored) -> None:
            if not stored.recorded:
                raise unknown_machine(machine_id, "state to reset")
            _check_tag(stored, if_match)

        replaced = services.machines.edit_state(checked_id(machine_id), b"{}", check, reset=True)
        _record(audit, "state.reset", machine_id, replaced, b"{}")


def _record(audit: Audit, action: str, machine_id: str, before: bytes, after: bytes) -> None:
    audit.record(action, machine_id, machine=machine_id, before=tag_of(before), after=tag_of(after))


def _check_tag(stored: Stored, if_match: str | None) -> None:
    check_tag("state", tag_of(stored.record.state) if stored.recorded else None, if_match)


def _kept(body: bytes, limits: Limits) -> bytes:
    """Return a state in its stored form. Raises the error to answer with."""
    try:
        state = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise ClientException(detail=f"The state must be a JSON object: {e}.") from e
    return encoded_state(state, limits)


def encoded_state(state: dict[str, Any], limits: Limits) -> bytes:
    """Return a state in its stored form, if a logic could have left it. Raises the error to answer with."""
    try:
        return encode_state(state, limits)
    except LogicError as e:
        raise HTTPException(status_code=422, detail=f"The state was refused: {e}.") from e
