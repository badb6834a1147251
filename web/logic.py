"""The routes of the machines' logic: its versions, which of them is in force, and pausing a machine.

Whoever changes what is in force may send the `ETag` of what he has read as `If-Match`. Where another was
faster he is refused (412) and nothing is changed; the comparison and the change are one step.
"""

from typing import Annotated, Any

from litestar import Controller, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct
from msgspec.structs import asdict

from pipeline.errors import RedriveStopped
from pipeline.logics import Version
from pipeline.setup import Active
from web.difference import unified_diff
from web.etag import IfMatch, IfNoneMatch, check_tag
from web.example import EXAMPLES, Example, decoded
from web.plant import Plant
from web.problems import checked_id, unknown_machine
from web.roles import Role, access
from web.trail import Audit

#: Where a page of versions starts that names no other: above all of them.
_ABOVE_ALL = 2**53


class Upload(Struct):
    """A logic as it is uploaded."""

    logic: Annotated[str, Meta(description="Python source with one function `process(data, state)`.")]
    examples: (
        Annotated[
            list[Example],
            Meta(max_length=EXAMPLES, description="What it is to do: each is run before it is accepted."),
        ]
        | None
    ) = None
    comment: (
        Annotated[str, Meta(max_length=500, description="What is new in this version, and why.")] | None
    ) = None


class Accepted(Struct):
    """Which version is in force from the machine's next batch on."""

    machine: str
    version: int
    digest: str


class MachineVersion(Struct, kw_only=True):
    """A version: an accepted upload. `time` is when it was accepted (RFC 3339, UTC).

    `author` is empty where nobody had to say who he is.
    """

    machine: str
    version: int
    digest: str
    time: str
    author: str
    comment: str | None
    in_force: bool


class WholeVersion(MachineVersion, kw_only=True):
    """A version with its source and its examples."""

    logic: str
    examples: list[Example]


class LogicInForce(WholeVersion, kw_only=True):
    """The version in force. `previous` is the one that was in force before it, null where none was."""

    previous: int | None


class Versions(Struct):
    """A page of the list. `next` is where the next page starts (`?before=`), or null on the last."""

    versions: list[MachineVersion]
    next: int | None


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


class LogicController(Controller):
    """`/machines/<id>/logic` and all below it, `/machines/<id>/pause` and `/machines/<id>/resume`."""

    path = "/machines/{machine_id:str}"

    @get("/logic", sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_logic(self, plant: NamedDependency[Plant], machine_id: FromPath[str]) -> Response[LogicInForce]:
        """The logic in force for a machine."""
        setup = plant.logics.setup(checked_id(machine_id))
        if setup.active is None:
            raise unknown_machine(machine_id, "logic in force")
        whole = asdict(_whole(plant, machine_id, setup.version))
        logic = LogicInForce(**whole, previous=setup.previous or None)
        return Response(logic, headers={"ETag": _tag_of(setup.active)})

    @post("/logic", sync_to_thread=True, **access(Role.AUTHOR, 412, 413, 422))
    def post_logic(
        self,
        plant: NamedDependency[Plant],
        audit: NamedDependency[Audit],
        machine_id: FromPath[str],
        data: JSONBody[Upload],
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response[Accepted]:
        """Check a logic and put it in force for a machine, from its next batch of readings on.

        Its examples are run first, and one that fails refuses it. Where the machine has a version with the
        same source and the same examples, that one is in force again and no new one is made; where no
        examples are sent, it is the last one with the source.
        """
        return _upload(plant, audit, machine_id, data, _Comparison(if_match, if_none_match), 201)

    @put("/logic", sync_to_thread=True, **access(Role.AUTHOR, 412, 413, 422))
    def put_logic(
        self,
        plant: NamedDependency[Plant],
        audit: NamedDependency[Audit],
        machine_id: FromPath[str],
        data: JSONBody[Upload],
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response[Accepted]:
        """The same as `POST`."""
        return _upload(plant, audit, machine_id, data, _Comparison(if_match, if_none_match), 200)

    @delete("/logic", sync_to_thread=True, **access(Role.AUTHOR, 404, 412))
    def delete_logic(
        self,
        plant: NamedDependency[Plant],
        audit: NamedDependency[Audit],
        machine_id: FromPath[str],
        if_match: IfMatch = None,
    ) -> None:
        """Put no logic in force any more: the machine's readings become dead letters of kind `no-logic`.

        Its versions stay, and each can be put in force again.
        """
        compare = _Comparison(if_match)

        def check_there(active: Active | None) -> None:
            compare(active)
            if active is None:
                raise unknown_machine(machine_id, "logic in force")

        plant.logics.remove(checked_id(machine_id), check_there)
        compare.record(audit, "logic.remove", machine_id, None)

    @get("/logic/versions", sync_to_thread=True, **access(Role.VIEWER, 404))
    def list_versions(
        self,
        plant: NamedDependency[Plant],
        machine_id: FromPath[str],
        before: Annotated[int, QueryParameter(ge=1, le=_ABOVE_ALL)] = _ABOVE_ALL,
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> Versions:
        """All versions of a machine's logic, the last first, a page at a time."""
        setup = plant.logics.setup(checked_id(machine_id))
        if not setup.versions:
            raise unknown_machine(machine_id, "logic yet")
        found = plant.logics.versions(machine_id, min(before, setup.versions + 1), limit)
        versions = [
            MachineVersion(**_shown(machine_id, number, version, setup.active)) for number, version in found
        ]
        more = bool(versions) and versions[-1].version > 1
        return Versions(versions, versions[-1].version if more else None)

    @get("/logic/versions/{number:int}", sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_version(
        self, plant: NamedDependency[Plant], machine_id: FromPath[str], number: FromPath[int]
    ) -> WholeVersion:
        """One version of a machine's logic."""
        return _whole(plant, checked_id(machine_id), number)

    @get(
        "/logic/versions/{number:int}/diff",
        media_type="text/x-diff",
        sync_to_thread=True,
        **access(Role.VIEWER, 404),
    )
    def get_diff(
        self,
        plant: NamedDependency[Plant],
        machine_id: FromPath[str],
        number: FromPath[int],
        to: FromQuery[int],
    ) -> str:
        """What leads from one version of a machine's logic to another, as a unified diff.

        Where very many lines differ, all between the first and the last are shown as replaced.
        """
        one, other = (_whole(plant, checked_id(machine_id), each) for each in (number, to))
        name, other_name = (f"version {each.version}\t{each.time}" for each in (one, other))
        return "".join(unified_diff(one.logic, other.logic, name, other_name))

    @post(
        "/logic/versions/{number:int}/activate",
        status_code=200,
        sync_to_thread=True,
        **access(Role.AUTHOR, 404, 412),
    )
    def post_activate(
        self,
        plant: NamedDependency[Plant],
        audit: NamedDependency[Audit],
        machine_id: FromPath[str],
        number: FromPath[int],
        if_match: IfMatch = None,
    ) -> Response[Accepted]:
        """Put a version in force again: roll back, or forward."""
        compare = _Comparison(if_match)
        active = plant.logics.activate(checked_id(machine_id), number, compare)
        if active is None:
            raise _no_version(machine_id, number)
        compare.record(audit, "logic.activate", machine_id, active)
        return _accepted(machine_id, active, 200)

    @post("/pause", status_code=200, sync_to_thread=True, **access(Role.OPERATOR, 404))
    def post_pause(
        self, plant: NamedDependency[Plant], audit: NamedDependency[Audit], machine_id: FromPath[str]
    ) -> Paused:
        """Run a machine's logic on none of its readings: they become dead letters of kind `paused`."""
        _known(plant, machine_id)
        plant.pause(machine_id)
        audit.record("machine.pause", machine_id, machine=machine_id)
        return Paused(machine_id, paused=True)

    @post("/resume", status_code=200, sync_to_thread=True, **access(Role.OPERATOR, 404, 413))
    def post_resume(
        self,
        plant: NamedDependency[Plant],
        audit: NamedDependency[Audit],
        machine_id: FromPath[str],
        data: JSONBody[Resume],
    ) -> Paused:
        """Run a machine's logic again from its next batch on, also on what came meanwhile where it is asked.

        That goes to the end of the machine's line, by number. Where some of it is on its way to the dead
        letters still, it is `waiting`, and what came after it is not sent: do this again.
        """
        _known(plant, machine_id)
        try:
            sent, waiting = plant.resume(machine_id, redrive=data.redrive)
        except RedriveStopped as e:
            audit.record("machine.resume", machine_id, machine=machine_id, after=e.sent)
            raise
        audit.record("machine.resume", machine_id, machine=machine_id, after=sent)
        return Paused(machine_id, paused=False, sent=sent, waiting=waiting)


def _known(plant: Plant, machine_id: str) -> None:
    stored = plant.machine(checked_id(machine_id))
    if not stored.known:
        raise unknown_machine(machine_id, "logic, and has sent no reading")


class _Comparison:
    """Compares what is in force with what the client has read, in one step with the change, and remembers
    what it was."""

    def __init__(self, if_match: str | None, if_none_match: str | None = None) -> None:
        self._if_match, self._if_none_match = if_match, if_none_match
        self._before: Active | None = None

    def __call__(self, active: Active | None) -> None:
        self._before = active
        tag = _tag_of(active) if active else None
        check_tag("logic in force", tag, self._if_match, self._if_none_match)

    def record(self, audit: Audit, action: str, machine_id: str, after: Active | None) -> None:
        """Write down the change, if it was one."""
        before = self._before
        if before == after:
            return
        audit.record(
            action,
            machine_id,
            machine=machine_id,
            before=before.version if before else None,
            after=after.version if after else None,
        )


def _upload(
    plant: Plant, audit: Audit, machine_id: str, data: Upload, compare: "_Comparison", status: int
) -> Response[Accepted]:
    active = plant.upload(
        checked_id(machine_id),
        data.logic,
        examples=data.examples,
        author=audit.author,
        comment=data.comment,
        check=compare,
    )
    compare.record(audit, "logic.upload", machine_id, active)
    return _accepted(machine_id, active, status)


def _accepted(machine_id: str, active: Active, status: int) -> Response[Accepted]:
    accepted = Accepted(machine_id, active.version, active.digest)
    return Response(accepted, status_code=status, headers={"ETag": _tag_of(active)})


def _tag_of(active: Active) -> str:
    return f'"{active.version}-{active.digest}"'


def _whole(plant: Plant, machine_id: str, number: int) -> WholeVersion:
    version = plant.logics.version(machine_id, number)
    if version is None:
        raise _no_version(machine_id, number)
    active = plant.logics.setup(machine_id).active
    logic = plant.logics.source(version.digest)
    examples = decoded(plant.logics.examples(version))
    return WholeVersion(**_shown(machine_id, number, version, active), logic=logic, examples=examples)


def _shown(machine_id: str, number: int, version: Version, active: Active | None) -> dict[str, Any]:
    return {
        "machine": machine_id,
        "version": number,
        "digest": version.digest,
        "time": version.time,
        "author": version.author,
        "comment": version.comment,
        "in_force": active is not None and active.version == number,
    }


def _no_version(machine_id: str, number: int) -> NotFoundException:
    return unknown_machine(machine_id, f"version {number} of its logic")
