"""The registry of one process's metrics, a worker's or an API's. Each process has one.

From the start it contains the metrics that every process has: its version, CPU, memory, open files and start
time.
"""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Info, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.version import VERSION
from sandbox.parent.loss import LOSS_CAUSES


def new_registry() -> CollectorRegistry:
    """Return a registry for this process."""
    # Prometheus does not need a second series for each counter with its creation time.
    disable_created_metrics()
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    Info("iot_logic_build", "The version of the program.", registry=registry).info({"version": VERSION})
    return registry


class SourcesInvalid(Collector):
    """The invalid sources that a process has read, read at each scrape."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count

    def collect(self) -> Iterator[Metric]:
        """Yield the current counter."""
        yield CounterMetricFamily(
            "iot_logic_sources_invalid",
            "Sources read from Redis that did not match their digest, counted each time.",
            value=self._count(),
        )


class SandboxRestarts(Collector):
    """The restarts of a process's sandboxes, read at each scrape."""

    def __init__(self, restarts: Callable[[], Mapping[str, int]]) -> None:
        self._restarts = restarts

    def collect(self) -> Iterator[Metric]:
        """Yield the current counter."""
        restarts = self._restarts()
        counter = CounterMetricFamily(
            "iot_logic_sandbox_restarts",
            "Sandbox children replaced because they were lost or killed, by cause.",
            labels=["cause"],
        )
        for cause in LOSS_CAUSES:
            counter.add_metric([cause], restarts.get(cause, 0))
        yield counter
