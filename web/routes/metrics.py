"""`/metrics`, for Prometheus: the dead letters, the queues of the workers, and the API's own requests.

Each worker process has its own metrics (`pipeline.worker.metrics`); `/metrics/targets` lists their addresses.

Alert if one of these expressions holds for some minutes. They say that dead letters are near their maximum or
wait in RabbitMQ, that a partition makes no progress, and that workers or sandboxes keep failing::

    iot_logic_dead_letters / iot_logic_dead_letters_max > 0.8
    iot_logic_dead_letters_waiting > 0
    iot_logic_partitions_unserved > 0
    iot_logic_oldest_held_seconds > 60 or iot_logic_oldest_waiting_seconds > 60
    iot_logic_workers_vanished > 0
    rate(iot_logic_sandbox_restarts_total[5m]) > 0.1

Every API process reports the same values for the plant. Its counters are its own, so add them up over the
processes.
"""

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from web.access.roles import Role, access
from web.services import Services


class MetricsController(Controller):
    """`/metrics`."""

    path = "/metrics"

    @get(media_type="text/plain", **access(Role.VIEWER))
    async def metrics(self, services: NamedDependency[Services]) -> Response[bytes]:
        """Return the metrics of this API process, in Prometheus' text format."""
        text = await services.counted(lambda: generate_latest(services.metrics.registry))
        return Response(text, media_type=CONTENT_TYPE_LATEST)
