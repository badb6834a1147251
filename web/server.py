"""`iot-api`: the API as a process."""

import logging
import sys

import redis
import uvicorn

from pipeline.errors import SettingsError
from pipeline.settings import Settings
from sandbox.errors import SandboxUnavailable
from web.app import create_app
from web.gate import is_loopback
from web.plant import Plant


def main() -> None:
    """Serve the API on the address of the settings until SIGTERM or Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("pika").setLevel(logging.ERROR)
    try:
        settings = Settings.from_environ()
        plant = Plant(settings)
        _check_closed(plant)
    except (SettingsError, SandboxUnavailable) as e:
        sys.exit(f"The API cannot start: {e}")
    uvicorn.run(
        create_app(plant),
        host=settings.api_host,
        port=settings.api_port,
        log_level="warning",
        # No header of a request changes the address that it comes from.
        proxy_headers=False,
        server_header=False,
    )


def _check_closed(plant: Plant) -> None:
    """Raise `SettingsError` where all the network could do everything, and nobody in it could be let in.

    Without Redis the question is open, and harmless: elsewhere than on loopback each request needs a token.
    """
    host = plant.settings.api_host
    if is_loopback(host):
        return
    try:
        closed = plant.tokens.exist()
    except redis.RedisError:
        return
    if not closed:
        plant.close()
        raise SettingsError(
            f"IOT_LOGIC_API_HOST is {host}, which others can reach, and there is no token yet. "
            "Make one first: iot-logic token create NAME --role admin"
        )
