"""The routes of machines' cards: what people call a machine, and where it stands."""

import msgspec
from litestar import Controller, Response, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from pipeline.model.about import About, checked_about, encode_about
from pipeline.store.audit import Audit
from web.access.roles import Role, access
from web.http.etag import IfMatch, check_tag, tag_of, tagged
from web.http.problems import checked_id, unknown_machine
from web.services import Services


class AboutsController(Controller):
    """`/machines/<id>/about`."""

    path = "/machines/{machine_id:str}/about"

    @get(sync_to_thread=True, **access(Role.VIEWER, 404))
    def get_about(
        self, services: NamedDependency[Services], machine_id: FromPath[str]
    ) -> Response[msgspec.Raw]:
        """Return the card of a machine: its plain name, description, tags, line and location."""
        stored = services.machines.read(checked_id(machine_id))
        if not stored.known:
            raise unknown_machine(machine_id, "logic and has not sent a reading")
        return tagged(encode_about(services.machines.abouts.read([machine_id])[machine_id]))

    @put(sync_to_thread=True, **access(Role.OPERATOR, 412, 413, 422))
    def put_about(
        self,
        services: NamedDependency[Services],
        audit: NamedDependency[Audit],
        machine_id: FromPath[str],
        data: JSONBody[About],
        if_match: IfMatch = None,
    ) -> Response[msgspec.Raw]:
        """Replace the card of a machine. What you omit becomes empty.

        A card has no effect on the logic. You can write it before the machine has a logic or has sent a
        reading. Tags are kept in lower case.
        """
        new = checked_about(data)

        def step(before: About) -> About:
            check_tag("card", tag_of(encode_about(before)), if_match)
            return new

        before, after = services.machines.describe(checked_id(machine_id), step)
        if before != after:
            audit.record(
                "machine.about",
                machine_id,
                machine=machine_id,
                before=tag_of(encode_about(before)),
                after=tag_of(encode_about(after)),
            )
        return tagged(encode_about(after))
