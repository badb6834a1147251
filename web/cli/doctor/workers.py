"""Checks of the workers, based on their latest reports."""

from collections.abc import Iterator
from typing import Final

from pipeline.model.topic_source import is_source
from pipeline.settings import Settings
from pipeline.store.client import Client, RedisError
from pipeline.store.workers import WorkerStatus, list_workers
from pipeline.version import VERSION
from web.cli.doctor.finding import Finding

_AREA: Final = "workers"


def check_workers(client: Client, settings: Settings) -> Iterator[Finding]:
    """Check the workers. Yields nothing if Redis is unavailable: another finding reports that already."""
    try:
        workers = list_workers(client)
    except RedisError:
        return
    for worker in workers.vanished:
        yield Finding(
            _AREA,
            "note",
            f"{worker.id} vanished {worker.heard:.0f} s ago without shutting down.",
            f"If you did not kill it, look at its log on {worker.host}.",
        )
    if not workers.present:
        yield Finding(_AREA, "wrong", "There is no worker.", "Start one: dramatiq pipeline.actors")
        return
    wrong = [
        *_versions(workers.present),
        *_disconnected(workers.present),
        *_partitions(workers.present, settings),
    ]
    yield from wrong
    if not wrong:
        count = len(workers.present)
        many = "1 worker process is" if count == 1 else f"{count} worker processes are"
        yield Finding(_AREA, "ok", f"{many} running, with the same version as this command ({VERSION}).")


def _versions(workers: list[WorkerStatus]) -> Iterator[Finding]:
    for worker in workers:
        if worker.version != VERSION:
            yield Finding(
                _AREA,
                "wrong",
                f"{worker.id} has the version {worker.version or 'unknown'}, but this command has {VERSION}.",
                "Upgrade the older one and restart it.",
            )


def _disconnected(workers: list[WorkerStatus]) -> Iterator[Finding]:
    for worker in workers:
        if not worker.connected:
            yield Finding(
                _AREA,
                "wrong",
                f"{worker.id} has no connection to RabbitMQ, so it processes no readings.",
                f"If RabbitMQ is well, check the network between it and {worker.host}.",
            )


def _partitions(workers: list[WorkerStatus], settings: Settings) -> Iterator[Finding]:
    for worker in workers:
        if any(
            settings.partitions <= partition and not is_source(partition) for partition in worker.assigned
        ):
            yield Finding(
                _AREA,
                "wrong",
                f"{worker.id} uses more partitions than the {settings.partitions} of this command.",
                "Set IOT_LOGIC_PARTITIONS to the same value for the API, all workers and this command.",
            )
