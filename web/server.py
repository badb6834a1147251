"""`iot-api`: the API as a process."""

import logging
import sys

import uvicorn

from pipeline.errors import SettingsError
from pipeline.settings import Settings
from sandbox.errors import SandboxUnavailable
from web.app import create_app
from web.plant import Plant


def main() -> None:
    """Serve the API on the address of the settings until SIGTERM or Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("pika").setLevel(logging.ERROR)
    try:
        settings = Settings.from_environ()
        plant = Plant(settings)
    except (SettingsError, SandboxUnavailable) as e:
        sys.exit(f"The API cannot start: {e}")
    uvicorn.run(create_app(plant), host=settings.api_host, port=settings.api_port, log_level="warning")
