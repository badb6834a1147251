"""The application: routes, errors, and what is opened and closed with it."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request
from litestar.di import Provide

from web.audit import AuditController
from web.configs import ConfigsController
from web.dead_letters import DeadLettersController
from web.events import EventsController
from web.gate import CALLER, Admission, Gate
from web.health import HealthController
from web.incoming import before_request
from web.logic import MachineLogicController, ProfileLogicController
from web.machines import MachinesController
from web.metrics import MetricsController
from web.pauses import PausesController
from web.plant import Plant
from web.problems import HANDLERS
from web.profiles import FollowingController, ProfilesController
from web.recents import RecentsController
from web.requests import RequestMeter
from web.schema import openapi_config
from web.states import StatesController
from web.token_routes import TokensController, WhoAmIController
from web.trail import Audit
from web.trying import TryingController
from web.turns import Turns
from web.works import WorksController

#: Bytes of a request's body at the most: the longest logic, with every character of it escaped, and more
#: than the largest reading.
_BODY_BYTES = 1024**2

#: Handlers that run at once. Far more than trials may (`web.trials.PLACES`), which take seconds each; asyncio
#: alone would have six threads on two cores.
_THREADS = 32


def create_app(plant: Plant) -> Litestar:
    """The API of this plant, which it closes when it ends."""

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "handler"))
        plant.keeper.start()
        try:
            yield
        finally:
            await plant.feeds.close()
            plant.close()

    def provide_plant() -> Plant:
        return plant

    def provide_audit(request: Request[Any, Any, Any]) -> Audit:
        return Audit(plant.trail, plant.events, request.state[CALLER].name)

    def provide_admission(request: Request[Any, Any, Any]) -> Admission:
        return Admission(gate, request.state[CALLER])

    turns = Turns()
    gate = Gate(plant.tokens, plant.settings, turns)
    return Litestar(
        [
            MachinesController,
            MachineLogicController,
            PausesController,
            ConfigsController,
            FollowingController,
            ProfilesController,
            ProfileLogicController,
            StatesController,
            RecentsController,
            EventsController,
            TryingController,
            DeadLettersController,
            WorksController,
            HealthController,
            MetricsController,
            WhoAmIController,
            TokensController,
            AuditController,
        ],
        dependencies={
            "plant": Provide(provide_plant, sync_to_thread=False),
            "audit": Provide(provide_audit, sync_to_thread=False),
            "admission": Provide(provide_admission, sync_to_thread=False),
        },
        guards=[gate.guard],
        before_request=before_request,
        exception_handlers=HANDLERS,
        lifespan=[lifespan],
        middleware=[RequestMeter(plant.metrics), turns],
        openapi_config=openapi_config(plant.settings),
        request_max_body_size=_BODY_BYTES,
        # The process logs as `web.server` says; and no variable that Litestar reads by itself shows strangers
        # the inside of an error.
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )
