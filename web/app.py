"""The application: its routes, its error handlers, and the resources that it opens and closes."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request
from litestar.di import Provide

from pipeline.plant.uploads import Uploads
from pipeline.store.audit import Audit
from pipeline.telemetry import tracing
from pipeline.trials.runner import Trials
from web.access.admission import Admission, Entrance, Kind, SandboxUse
from web.access.bodies import Bodies
from web.access.fair_share import FairShare
from web.access.guard import CALLER, Admitted, Guard, client_of
from web.http.assets import built_pages
from web.http.problems import HANDLERS
from web.http.request_checks import before_request
from web.http.request_metrics import RequestMeter
from web.http.request_spans import RequestSpans
from web.routes.abouts import AboutsController
from web.routes.alarms import AlarmsController, MachineAlarmsController, PlantAlarmsController
from web.routes.audit import AuditController
from web.routes.configs import MachineConfigController, ProfileConfigController
from web.routes.dead_letters import DeadLettersController
from web.routes.events import EventsController
from web.routes.health import HealthController
from web.routes.language import LanguageController
from web.routes.logic import MachineLogicController, ProfileLogicController
from web.routes.machines import FleetController, MachinesController
from web.routes.metrics import MetricsController
from web.routes.notifications import NotificationRoutesController, NotificationsController
from web.routes.pages import PagesController
from web.routes.pauses import PausesController
from web.routes.profiles import FollowingController, ProfilesController
from web.routes.readings import ReadingsController
from web.routes.schedules import SchedulesController
from web.routes.schema import openapi_config
from web.routes.settings import MachineSettingsController, ProfileSettingsController
from web.routes.sources import SourcePresetsController, SourcesController
from web.routes.states import StatesController
from web.routes.system import SystemController
from web.routes.templates import TemplatesController
from web.routes.tokens import TokensController, WhoAmIController
from web.routes.trials import TrialsController
from web.services import Services

#: The maximum size of a request's body in bytes: enough for the longest logic with every character escaped,
#: and for more than the largest reading.
_BODY_BYTES = 1024**2

#: The maximum number of handlers that run at the same time. With asyncio's default there would be six threads
#: on two cores. Uploads and trials, which take seconds each, do not use these threads
#: (`web.access.admission`).
_THREADS = 32


def create_app(services: Services) -> Litestar:
    """Return the API that uses these services and closes them when it ends."""

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "handler"))
        built_pages()
        services.start()
        try:
            yield
        finally:
            await services.hub.close()
            services.close()
            tracing.close()

    def provide_services() -> Services:
        return services

    def provide_audit(request: Request[Any, Any, Any]) -> Audit:
        return Audit(services.trail, services.events, request.state[CALLER].name)

    def provide_uploads(request: Request[Any, Any, Any]) -> SandboxUse[Uploads]:
        return SandboxUse(services.uploads, client_of(request.scope), request.receive)

    def provide_trials(request: Request[Any, Any, Any]) -> SandboxUse[Trials]:
        return SandboxUse(services.trials, client_of(request.scope), request.receive)

    def provide_admission(request: Request[Any, Any, Any]) -> Admitted:
        return Admitted(guard, request.state[CALLER])

    fair_share = FairShare(services.settings.api_connections)
    admission: dict[Kind, Admission[Any]] = {"uploads": services.uploads, "trials": services.trials}
    guard = Guard(services.tokens, services.settings, fair_share, admission)
    return Litestar(
        [
            PagesController,
            FleetController,
            MachinesController,
            MachineLogicController,
            PausesController,
            MachineConfigController,
            ProfileConfigController,
            AboutsController,
            MachineSettingsController,
            ProfileSettingsController,
            SchedulesController,
            AlarmsController,
            MachineAlarmsController,
            PlantAlarmsController,
            FollowingController,
            ProfilesController,
            ProfileLogicController,
            SourcesController,
            SourcePresetsController,
            NotificationRoutesController,
            NotificationsController,
            StatesController,
            ReadingsController,
            EventsController,
            LanguageController,
            TemplatesController,
            TrialsController,
            DeadLettersController,
            SystemController,
            HealthController,
            MetricsController,
            WhoAmIController,
            TokensController,
            AuditController,
        ],
        dependencies={
            "services": Provide(provide_services, sync_to_thread=False),
            "audit": Provide(provide_audit, sync_to_thread=False),
            "uploads": Provide(provide_uploads, sync_to_thread=False),
            "trials": Provide(provide_trials, sync_to_thread=False),
            "admission": Provide(provide_admission, sync_to_thread=False),
        },
        guards=[guard.check],
        before_request=before_request,
        exception_handlers=HANDLERS,
        lifespan=[lifespan],
        middleware=[
            *([RequestSpans()] if tracing.on() else []),
            RequestMeter(services.metrics),
            Bodies(_BODY_BYTES),
            Entrance(),
            fair_share,
        ],
        openapi_config=openapi_config(services.settings),
        request_max_body_size=_BODY_BYTES,
        # `web.server` configures logging. `debug` is off whatever an environment variable of Litestar says,
        # so that no client sees the internals of an error.
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )
