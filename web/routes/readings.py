"""The routes of a machine's recent readings and results, stored in Redis (`pipeline.store.recents`)."""

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from pipeline.model.recent import KeptReading
from pipeline.wire import LARGEST_INTEGER
from web.access.roles import Role, access
from web.http.problems import checked_id, unknown_machine
from web.schemas.reading import RecentReading, RecentResult, shown, shown_results
from web.services import Services

_Before = Annotated[int, QueryParameter(ge=1, le=LARGEST_INTEGER)]
_Limit = Annotated[int, QueryParameter(ge=1, le=1000)]


class RecentReadings(Struct):
    """A page of readings. `next` is the cursor of the next page (`?before=`), null on the last page."""

    readings: list[RecentReading]
    next: int | None


class RecentResults(Struct):
    """The results of a page of readings.

    `next` is the cursor of the next page (`?before=`), null on the last page. A page can be empty even if
    there is a next page.
    """

    results: list[RecentResult]
    next: int | None


class ReadingsController(Controller):
    """`/machines/<id>/readings` and `/machines/<id>/results`."""

    path = "/machines/{machine_id:str}"

    @get("/readings", sync_to_thread=True, **access(Role.VIEWER, 404))
    def list_readings(
        self,
        services: NamedDependency[Services],
        machine_id: FromPath[str],
        before: _Before = LARGEST_INTEGER,
        limit: _Limit = 100,
    ) -> RecentReadings:
        """List the recent readings of a machine with their outcomes, the newest first.

        The setting `recent` says how many are stored.
        """
        readings, following = _page(services, machine_id, before, limit)
        settings = services.topic_sources.settings_of(services.machines.read(machine_id))
        return RecentReadings([shown(machine_id, each, settings) for each in readings], following)

    @get("/results", sync_to_thread=True, **access(Role.VIEWER, 404))
    def list_results(
        self,
        services: NamedDependency[Services],
        machine_id: FromPath[str],
        before: _Before = LARGEST_INTEGER,
        limit: _Limit = 100,
    ) -> RecentResults:
        """List the results of a machine's recent readings, the newest first. `limit` counts readings."""
        readings, following = _page(services, machine_id, before, limit)
        return RecentResults(
            [each for reading in readings for each in shown_results(machine_id, reading)[::-1]], following
        )


def _page(
    services: Services, machine_id: str, before: int, limit: int
) -> tuple[list[KeptReading], int | None]:
    """Return the readings of a page, the newest first, and the start of the next page."""
    kept = services.recents.read(checked_id(machine_id), 1000)
    if not kept and not services.machines.read(machine_id).known:
        raise unknown_machine(machine_id, "logic and has not sent a reading")
    found = [each for each in reversed(kept) if each.sequence < before]
    page = found[:limit]
    return page, page[-1].sequence if len(found) > limit else None
