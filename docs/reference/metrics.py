"""The tables of the metrics, from the registries of an idle worker process and an idle API process."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from docs.reference.markdown import code, table
from pipeline.dead_letters.collector import DeadLetterCollector
from pipeline.plant.lag import QueueState
from pipeline.settings import Settings
from pipeline.store.dead_letters import LetterStore
from pipeline.store.workers import WorkerList
from pipeline.telemetry.registry import SandboxRestarts, SourcesInvalid
from pipeline.worker.membership import Membership
from pipeline.worker.metrics import WorkerMetrics
from web.metrics import Metrics, SystemGauges

#: The prefix of the metrics that every Prometheus client exposes.
_PROCESS = "process_"


def metrics() -> str:
    """Return every metric of the workers and of the API."""
    return (
        "## Worker processes\n\n"
        + table("metric | type | meaning", _rows(worker_registry()))
        + "\n## API processes\n\n"
        + table("metric | type | meaning", _rows(api_registry()))
    )


def worker_registry() -> CollectorRegistry:
    """Return the registry of a worker without partitions."""
    worker = WorkerMetrics()
    worker.watch(cast(Membership, SimpleNamespace(holding=[], assigned=())))
    return worker.registry


def api_registry() -> CollectorRegistry:
    """Return the registry of an API in a plant without machines."""
    letters = cast(LetterStore, SimpleNamespace(count=lambda: 0))
    api = Metrics(Settings(), letters, cast(DeadLetterCollector, SimpleNamespace(waiting=0)))
    api.registry.register(SandboxRestarts(dict))
    api.registry.register(SourcesInvalid(int))
    api.registry.register(SystemGauges(lambda: range(0), lambda: WorkerList([], []), list[QueueState]))
    return api.registry


def exposed(metric: Metric) -> str:
    """Return the name of a metric as Prometheus receives it."""
    return metric.name + {"counter": "_total", "info": "_info"}.get(metric.type, "")


def _rows(registry: CollectorRegistry) -> Iterator[list[str]]:
    for metric in sorted(registry.collect(), key=lambda each: (each.name.startswith(_PROCESS), each.name)):
        yield [code(exposed(metric)), metric.type, metric.documentation]
