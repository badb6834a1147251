"""The routes of the works: the workers that are there, and the partitions between them."""

from litestar import Controller, get
from litestar.di import NamedDependency
from msgspec import Struct

from pipeline.backlog import PartitionState
from pipeline.membership import Report
from web.plant import Plant
from web.roles import Role, access


class Workers(Struct):
    """The worker processes that are there, by id."""

    workers: list[Report]


class Partitions(Struct):
    """All partitions, in order."""

    partitions: list[PartitionState]


class WorksController(Controller):
    """`/workers` and `/partitions`."""

    @get("/workers", sync_to_thread=True, **access(Role.VIEWER))
    def list_workers(self, plant: NamedDependency[Plant]) -> Workers:
        """The worker processes, each as it reported itself within the last seconds."""
        return Workers(plant.workers())

    @get("/partitions", sync_to_thread=True, **access(Role.VIEWER))
    def list_partitions(self, plant: NamedDependency[Plant]) -> Partitions:
        """How the partitions are assigned, who serves them, and how far behind each is."""
        return Partitions(plant.partitions())
