"""The routes of the system page: the worker processes, the partitions and the queues of the broker.

They show the same as Flower does for a Celery cluster: the workers with their partitions and rates, the
queues with their lengths, and lost workers. Readings are not listed here but with their machines.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.params import FromQuery, QueryParameter
from msgspec import Meta, Struct

from pipeline.plant.lag import PartitionState, QueueState
from pipeline.plant.outages import OutageList
from pipeline.store.workers import WorkerStatus
from web.access.roles import Role, access
from web.services import Services

_T = TypeVar("_T")
_C = TypeVar("_C")


class Workers(Struct):
    """A page of the running worker processes, sorted by id, and all that vanished recently.

    `next` is the cursor of the next page (`?after=`), null on the last page. `vanished` lists the workers
    that stopped reporting within the last minutes without shutting down, the most recent first. `heard` is
    the number of seconds since a worker's last report.
    """

    workers: list[WorkerStatus]
    vanished: list[WorkerStatus]
    next: str | None


class Partitions(Struct):
    """A page of the partitions, in order. `next` is the cursor of the next page (`?after=`), or null."""

    partitions: list[PartitionState]
    next: int | None


class Queues(Struct):
    """A page of the queues. `next` is the cursor of the next page (`?after=`), null on the last page."""

    queues: list[QueueState]
    next: str | None


class Links(Struct):
    """The addresses of RabbitMQ's own page and of the docs, null if the settings do not name them."""

    rabbitmq: str | None
    docs: str | None


class Targets(Struct):
    """Addresses for Prometheus to scrape, and their labels."""

    targets: Annotated[list[str], Meta(description="Each as host:port.")]
    labels: dict[str, str]


class SystemController(Controller):
    """`/outages`, `/workers`, `/partitions`, `/queues`, other pages, and the targets for Prometheus."""

    @get("/outages", sync_to_thread=False, **access(Role.VIEWER, without_redis=True))
    def list_outages(self, services: NamedDependency[Services]) -> OutageList:
        """List the parts of the plant that are down, each with the time since when.

        Without any of them no readings are processed. The API looks every two seconds, and a request only
        returns what it last saw. While Redis does not answer, tokens cannot be checked: then the API answers
        without a token too.
        """
        return services.outages()

    @get("/workers", sync_to_thread=True, **access(Role.VIEWER))
    def list_workers(
        self,
        services: NamedDependency[Services],
        after: FromQuery[str] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> Workers:
        """List the worker processes with their latest reports."""
        workers = services.workers()
        page, following = _page(
            [each for each in workers.present if each.id > after], limit, lambda each: each.id
        )
        return Workers(page, workers.vanished, following)

    @get("/partitions", **access(Role.VIEWER))
    async def list_partitions(
        self,
        services: NamedDependency[Services],
        after: Annotated[int, QueryParameter(ge=-1)] = -1,
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> Partitions:
        """List the partitions: which worker is assigned, which worker consumes, and how far behind it is."""
        numbers = await services.counted(services.partition_numbers)
        page, following = _page(
            [number for number in numbers if number > after], limit, lambda number: number
        )
        return Partitions(await services.counted(lambda: services.partitions(page)), following)

    @get("/queues", **access(Role.VIEWER))
    async def list_queues(
        self,
        services: NamedDependency[Services],
        after: FromQuery[str] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> Queues:
        """List the queues in RabbitMQ: dead letters, partitions and their overflows.

        RabbitMQ does not report the age of the oldest message. The worker that consumes a queue measures how
        long the oldest message has waited since that worker began. It also reports how long the last reading
        waited in total, if the reading says when it was sent.
        """
        names = await services.counted(services.queue_names)
        if after and after not in names:
            raise ClientException(
                detail=f"There is no queue {after!r}. Take `after` from the `next` of the previous page."
            )
        start = names.index(after) + 1 if after else 0
        page, following = _page(names[start:], limit, str)
        return Queues(await services.counted(lambda: services.queues(page)), following)

    @get("/links", sync_to_thread=False, **access(Role.VIEWER))
    def get_links(self, services: NamedDependency[Services]) -> Links:
        """Return the addresses of RabbitMQ's own page and of the docs."""
        return Links(services.settings.rabbitmq_page or None, services.settings.docs_page or None)

    @get("/metrics/targets", sync_to_thread=True, **access(Role.VIEWER))
    def list_targets(self, services: NamedDependency[Services]) -> list[Targets]:
        """List the metrics addresses of the worker processes, for Prometheus' HTTP service discovery.

        The answer has no pages, because Prometheus needs all addresses at once. Workers without a metrics
        port are omitted. Prometheus drops the labels, so its series have no worker id.
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
    """Return the first `limit` items, and the start of the next page."""
    page = list(items[:limit])
    return page, cursor(page[-1]) if len(items) > limit else None
