"""The routes of a machine's last readings and last results, which are kept in Redis (`pipeline.recents`)."""

from typing import Annotated, Any

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from pipeline.recents import Recent
from pipeline.result import event_ids
from web.plant import Plant
from web.problems import checked_id, unknown_machine
from web.reading import RecentReading, shown, shown_result
from web.roles import Role, access

#: Where a page starts that names no other: above all numbers.
_ABOVE_ALL = 2**53

_Before = Annotated[int, QueryParameter(ge=1, le=_ABOVE_ALL)]
_Limit = Annotated[int, QueryParameter(ge=1, le=1000)]


class RecentReadings(Struct):
    """A page of the list. `next` is where the next page starts (`?before=`), or null on the last."""

    readings: list[RecentReading]
    next: int | None


class RecentResult(Struct):
    """A result: its `id` as it was published, and `data`, what `process` returned.

    `number` is that of its reading. `data` is null where it is too long to be kept.
    """

    machine: str
    id: str
    number: int
    time: str
    logicversion: int | None
    data: Any


class RecentResults(Struct):
    """The results of a page of readings. `next` is where the next page starts (`?before=`), null on the last.

    A page may have no results and a next page.
    """

    results: list[RecentResult]
    next: int | None


class RecentsController(Controller):
    """`/machines/<id>/readings` and `/machines/<id>/results`."""

    path = "/machines/{machine_id:str}"

    @get("/readings", sync_to_thread=True, **access(Role.VIEWER, 404))
    def list_readings(
        self,
        plant: NamedDependency[Plant],
        machine_id: FromPath[str],
        before: _Before = _ABOVE_ALL,
        limit: _Limit = 100,
    ) -> RecentReadings:
        """The last readings of a machine with their outcomes, the newest first; the last twenty are kept."""
        readings, following = _page(plant, machine_id, before, limit)
        return RecentReadings([shown(machine_id, each) for each in readings], following)

    @get("/results", sync_to_thread=True, **access(Role.VIEWER, 404))
    def list_results(
        self,
        plant: NamedDependency[Plant],
        machine_id: FromPath[str],
        before: _Before = _ABOVE_ALL,
        limit: _Limit = 100,
    ) -> RecentResults:
        """The results of a machine's last readings, the newest first; `limit` counts readings."""
        readings, following = _page(plant, machine_id, before, limit)
        return RecentResults(
            [each for reading in readings for each in _results(machine_id, reading)], following
        )


def _page(plant: Plant, machine_id: str, before: int, limit: int) -> tuple[list[Recent], int | None]:
    """The readings of a page, the newest first, and where the next page starts."""
    kept = plant.recents.read(checked_id(machine_id), 1000)
    if not kept and not plant.machine(machine_id).token:
        raise unknown_machine(machine_id, "readings yet")
    found = [each for each in reversed(kept) if each.number < before]
    page = found[:limit]
    return page, page[-1].number if len(found) > limit else None


def _results(machine_id: str, recent: Recent) -> list[RecentResult]:
    ids = event_ids(recent.number, list(recent.results))
    found = [
        RecentResult(
            machine_id, event_id, recent.number, recent.time, recent.logicversion, shown_result(data)
        )
        for event_id, data in zip(ids, recent.results, strict=True)
    ]
    return found[::-1]
