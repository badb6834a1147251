"""`/metrics`, for Prometheus: the dead letters, what waits for the workers, and the API's own requests.

Each worker process has metrics of its own (`pipeline.worker.metrics`); `/metrics/targets` says where they
are.

Alert before the bound of the dead letters, and at the latest when letters have begun to wait in RabbitMQ;
where a partition stands still; and where workers or sandboxes do not stay alive::

    iot_logic_dead_letters / iot_logic_dead_letters_max > 0.8
    iot_logic_dead_letters_waiting > 0
    iot_logic_partitions_unserved > 0
    iot_logic_oldest_held_seconds > 60 or iot_logic_oldest_waiting_seconds > 60
    iot_logic_workers_vanished > 0
    rate(iot_logic_sandbox_restarts_total[5m]) > 0.1

for some minutes each. Every API process answers the same for the plant; its counters are its own, so add them
up over the processes.
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

    @get(sync_to_thread=True, media_type="text/plain", **access(Role.VIEWER))
    def metrics(self, services: NamedDependency[Services]) -> Response[bytes]:
        """Return the metrics of this API process, in Prometheus' text format."""
        return Response(generate_latest(services.metrics.registry), media_type=CONTENT_TYPE_LATEST)
