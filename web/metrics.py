"""`/metrics`, for Prometheus: how full the dead letters are, and what became of them.

Alert before the bound, and at the latest when letters have begun to wait in RabbitMQ::

    iot_logic_dead_letters / iot_logic_dead_letters_max > 0.8
    iot_logic_dead_letters_waiting > 0

for some minutes each. Every API process answers the same for these; its counters are its own, so add them
up over the processes.
"""

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from web.plant import Plant
from web.roles import Role, access


class MetricsController(Controller):
    """`/metrics`."""

    path = "/metrics"

    @get(sync_to_thread=True, media_type="text/plain", **access(Role.VIEWER))
    def metrics(self, plant: NamedDependency[Plant]) -> Response[bytes]:
        """All metrics of this process, in Prometheus' text format."""
        return Response(generate_latest(plant.metrics.registry), media_type=CONTENT_TYPE_LATEST)
