"""Liveness and readiness, for orchestrators and load balancers."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from msgspec import Struct

from web.access.roles import public
from web.http.problems import ProblemDetails, respond
from web.services import Services


class Readiness(Struct):
    """`status` is `live` or `ready`."""

    status: str


class HealthController(Controller):
    """`/health/live` and `/health/ready`."""

    path = "/health"

    @get("/live", sync_to_thread=False, **public())
    def live(self) -> Readiness:
        """Return 200 if the API process is running."""
        return Readiness("live")

    @get("/ready", sync_to_thread=True, **public(503))
    def ready(self, services: NamedDependency[Services]) -> Response[Readiness] | Response[ProblemDetails]:
        """Return 200 if Redis and RabbitMQ are available, so that the API accepts uploads and readings.

        Otherwise the answer is 503, and `errors` has an entry for each unavailable `service`: `redis` or
        `rabbitmq`.
        """
        missing = services.missing()
        if not missing:
            return Response(Readiness("ready"))
        errors = [{"service": service, "message": message} for service, message in missing.items()]
        return respond(503, " ".join(missing.values()), errors)
