"""The routes of the works: the worker processes, and the partitions and queues between them and the broker.

What Flower shows of a Celery cluster is here in the terms of this system: who works, on what, how fast, what
waits, and what was lost. Tasks have no pages: a reading is one of a machine, and is found there.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.params import FromQuery, QueryParameter
from msgspec import Meta, Struct

from pipeline.plant.lag import PartitionState, QueueState, queue_names
from pipeline.store.workers import WorkerStatus
from web.access.roles import Role, access
from web.services import Services

_T = TypeVar("_T")
_C = TypeVar("_C")


class Workers(Struct):
    """A page of the worker processes that are there, sorted by id, and all that vanished lately.

    `next` is where the next page starts (`?after=`), or null on the last. `vanished` are those that fell
    silent within the last minutes without having said that they stop, the last one first; `heard` is for how
    many seconds they have been silent.
    """

    workers: list[WorkerStatus]
    vanished: list[WorkerStatus]
    next: str | None


class Partitions(Struct):
    """A page of the partitions, in order. `next` is where the next page starts (`?after=`), or null."""

    partitions: list[PartitionState]
    next: int | None


class Queues(Struct):
    """A page of the queues. `next` is where the next page starts (`?after=`), or null on the last."""

    queues: list[QueueState]
    next: str | None


class Links(Struct):
    """Pages elsewhere that belong to this system, null where the settings name none: RabbitMQ's own, and the
    docs."""

    rabbitmq: str | None
    docs: str | None


class Targets(Struct):
    """Addresses that Prometheus is to scrape, and what it may label them with."""

    targets: Annotated[list[str], Meta(description="Each as host:port.")]
    labels: dict[str, str]


class SystemController(Controller):
    """`/workers`, `/partitions`, `/queues`, pages elsewhere, and where Prometheus finds the workers."""

    @get("/workers", sync_to_thread=True, **access(Role.VIEWER))
    def list_workers(
        self,
        services: NamedDependency[Services],
        after: FromQuery[str] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> Workers:
        """The worker processes, each as it reported itself within the last seconds."""
        roll = services.workers()
        page, following = _page(
            [each for each in roll.present if each.id > after], limit, lambda each: each.id
        )
        return Workers(page, roll.vanished, following)

    @get("/partitions", sync_to_thread=True, **access(Role.VIEWER))
    def list_partitions(
        self,
        services: NamedDependency[Services],
        after: Annotated[int, QueryParameter(ge=-1)] = -1,
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> Partitions:
        """How the partitions are assigned, who serves them, and how far behind each is."""
        page, following = _page(range(after + 1, services.settings.partitions), limit, lambda number: number)
        return Partitions(services.partitions(page), following)

    @get("/queues", sync_to_thread=True, **access(Role.VIEWER))
    def list_queues(
        self,
        services: NamedDependency[Services],
        after: FromQuery[str] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> Queues:
        """What waits in RabbitMQ, queue by queue: the dead letters, the partitions, their overflows.

        How old the oldest message is RabbitMQ does not say. The worker that serves a queue finds out since
        when it has waited, for as long as it serves it; and how long the reading that it took last had
        waited in all, where that says when it was sent.
        """
        names = queue_names(services.settings)
        if after and after not in names:
            raise ClientException(detail=f"{after!r} is no queue; `after` is the `next` of another page.")
        start = names.index(after) + 1 if after else 0
        page, following = _page(names[start:], limit, str)
        return Queues(services.queues(page), following)

    @get("/links", sync_to_thread=False, **access(Role.VIEWER))
    def get_links(self, services: NamedDependency[Services]) -> Links:
        """Pages elsewhere that belong to this system."""
        return Links(services.settings.rabbitmq_page or None, services.settings.docs_page or None)

    @get("/metrics/targets", sync_to_thread=True, **access(Role.VIEWER))
    def list_targets(self, services: NamedDependency[Services]) -> list[Targets]:
        """Where the metrics of each worker process are, for Prometheus' HTTP service discovery.

        All of them in one answer, as Prometheus needs it; those that offer none are left out. The labels are
        gone after relabelling: what is kept of a worker does not carry its id.
        """
        return [
            Targets(
                [urlsplit(worker.metrics).netloc],
                {"__meta_iot_logic_worker": worker.id, "__meta_iot_logic_host": worker.host},
            )
            for worker in services.workers().present
            if worker.metrics is not None
        ]


def _page(items: Sequence[_T], limit: int, cursor: Callable[[_T], _C]) -> tuple[list[_T], _C | None]:
    """The first `limit` items, and where the next page starts."""
    page = list(items[:limit])
    return page, cursor(page[-1]) if len(items) > limit else None
