"""The application: routes, errors, and what is opened and closed with it."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from web.dead_letters import DeadLettersController
from web.health import HealthController
from web.logic import LogicController
from web.machines import MachinesController
from web.metrics import MetricsController
from web.plant import Plant
from web.problems import HANDLERS
from web.states import StatesController
from web.trying import TryingController
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
            plant.close()

    def provide_plant() -> Plant:
        return plant

    return Litestar(
        [
            MachinesController,
            LogicController,
            StatesController,
            TryingController,
            DeadLettersController,
            WorksController,
            HealthController,
            MetricsController,
        ],
        dependencies={"plant": Provide(provide_plant, sync_to_thread=False)},
        exception_handlers=HANDLERS,
        lifespan=[lifespan],
        openapi_config=OpenAPIConfig(
            title="IoT Logic Processor",
            version="1",
            path="/schema",
            # The other plug-ins load their scripts from other hosts.
            render_plugins=[JsonRenderPlugin()],
        ),
        request_max_body_size=_BODY_BYTES,
    )
