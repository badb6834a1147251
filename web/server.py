"""`iot-api`: the API as a process."""

import asyncio
import logging
import resource
import socket
import sys
from contextlib import suppress
from typing import Final

import uvicorn

from pipeline.errors import SettingsError
from pipeline.settings import Settings
from pipeline.store.client import RedisError
from pipeline.telemetry import logs, tracing
from sandbox.errors import SandboxUnavailable
from web.access.guard import is_loopback
from web.app import create_app
from web.http.connection import bounded
from web.services import Services

#: Files that the process has open beside the connections of its clients.
_OTHER_FILES: Final = 200

#: Headers of every answer: a browser takes it for what it says that it is, and runs and shows nothing in it
#: that is from elsewhere, nor it elsewhere.
_HEADERS: Final = [
    ("X-Content-Type-Options", "nosniff"),
    (
        "Content-Security-Policy",
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
]

#: Seconds that clients have to take in their answers when it ends.
_GRACE_SECONDS: Final = 10
#: ... and that one has which takes in nothing.
_STUCK_SECONDS: Final = 1.0


class Server(uvicorn.Server):
    """Uvicorn's, which waits when it ends for every answer that is under way. Some here have no end.

    So streams are ended first. A client that is stuck would never see that; its connection is cut.
    """

    def __init__(self, services: Services) -> None:
        settings = services.settings
        super().__init__(
            uvicorn.Config(
                create_app(services),
                host=settings.api_host,
                port=settings.api_port,
                http=bounded(settings.api_patience, settings.api_connections),
                ws="none",
                # Its warnings are about what clients send: each of them could fill a disk.
                log_level="error",
                log_config=None,
                # No header of a request changes the address that it comes from.
                proxy_headers=False,
                server_header=False,
                headers=_HEADERS,
                # Not the variable that uvicorn reads of itself (WEB_CONCURRENCY).
                workers=1,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._services = services

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more requests, and end when all answers are out."""
        self._services.hub.end()
        cutting = asyncio.get_running_loop().call_later(_STUCK_SECONDS, self._cut_stuck)
        await super().shutdown(sockets)
        cutting.cancel()

    def _cut_stuck(self) -> None:
        for connection in list(self.server_state.connections):
            if connection.transport.get_write_buffer_size():
                connection.transport.abort()


def main() -> None:
    """Serve the API on the address of the settings until SIGTERM or Ctrl-C."""
    logging.getLogger("pika").setLevel(logging.ERROR)
    try:
        settings = Settings.from_environ()
        logs.configure(settings.log_level, settings.log_format)
        tracing.start("iot-logic-api")
        services = Services(settings)
        _check_closed(services)
    except (SettingsError, SandboxUnavailable) as e:
        sys.exit(f"The API could not start: {e}")
    _allow_files(settings.api_connections + _OTHER_FILES)
    server = Server(services)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(1)


def _allow_files(count: int) -> None:
    """Have the operating system let this process open so many files, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        count = min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def _check_closed(services: Services) -> None:
    """Raise `SettingsError` where all the network could do everything, and nobody in it could be let in.

    Without Redis the question is open, and harmless: elsewhere than on loopback each request needs a token.
    """
    host = services.settings.api_host
    if is_loopback(host):
        return
    try:
        closed = services.tokens.exist()
    except RedisError:
        return
    if not closed:
        services.close()
        raise SettingsError(
            f"IOT_LOGIC_API_HOST is {host}, which other hosts can reach, but there is no token yet. "
            "Create one first: iot-logic token create NAME --role admin"
        )
