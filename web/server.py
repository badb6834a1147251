"""`iot-api`: the API as a process."""

import logging
import sys

import uvicorn

from pipeline.errors import SettingsError
from pipeline.settings import Settings
from web.app import create_app


def main() -> None:
    """Serve the API on the address of the settings until SIGTERM or Ctrl-C."""
    try:
        settings = Settings.from_environ()
    except SettingsError as e:
        sys.exit(f"The API cannot start: {e}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("pika").setLevel(logging.ERROR)
    uvicorn.run(create_app(settings), host=settings.api_host, port=settings.api_port, log_level="warning")
