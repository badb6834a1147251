"""The route of the audit trail: the author, time, old and new value of each change."""

from itertools import islice
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from pipeline.store.audit import AuditEntry
from web.access.roles import Role, access
from web.services import Services


class Changes(Struct):
    """A page of the audit trail. `next` is the cursor of the next page (`?before=`), null on the last."""

    changes: list[AuditEntry]
    next: str | None


class AuditController(Controller):
    """`/audit`."""

    path = "/audit"

    @get(sync_to_thread=True, **access(Role.ADMIN))
    def list_changes(
        self,
        services: NamedDependency[Services],
        machine: FromQuery[str | None] = None,
        who: FromQuery[str | None] = None,
        before: FromQuery[str] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> Changes:
        """List changes, the newest first: all, or those of one machine or one token."""
        try:
            found = list(islice(services.trail.read(before, machine=machine, who=who), limit + 1))
        except ValueError as e:
            raise ClientException(detail=f"{e}. Take `before` from the `next` of the previous page.") from e
        page = found[:limit]
        return Changes(page, page[-1].id if len(found) > limit else None)
