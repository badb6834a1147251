"""`iot-api`: the API as a process."""

import asyncio
import logging
import resource
import socket
import sys
from contextlib import suppress
from ipaddress import ip_network
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

#: Files that the process opens in addition to its clients' connections.
_OTHER_FILES: Final = 200

#: Headers of every response. A browser trusts the stated media type, runs and shows nothing from other sites
#: in it, and does not show it in their pages.
_HEADERS: Final = [
    ("X-Content-Type-Options", "nosniff"),
    (
        "Content-Security-Policy",
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
]

#: Seconds that clients have to read their responses at shutdown.
_GRACE_SECONDS: Final = 10
#: ... and seconds for a client that reads nothing.
_STUCK_SECONDS: Final = 1.0


class Server(uvicorn.Server):
    """Uvicorn's server, which at shutdown waits for every response in progress. Some here never end.

    So streams are ended first. A stuck client would never notice the end; its connection is cut.
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
                # Uvicorn warns about requests of clients: each client could fill the disk with such warnings.
                log_level="error",
                log_config=None,
                # Only our own proxies say in a header whom they forward for.
                proxy_headers=bool(settings.api_proxies),
                forwarded_allow_ips=proxies_of(settings),
                server_header=False,
                headers=_HEADERS,
                # Ignore the variable WEB_CONCURRENCY, which uvicorn reads by default.
                workers=1,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._services = services

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more requests, and end after all responses are sent."""
        self._services.hub.end()
        cutting = asyncio.get_running_loop().call_later(_STUCK_SECONDS, self._cut_stuck)
        await super().shutdown(sockets)
        cutting.cancel()

    def _cut_stuck(self) -> None:
        for connection in list(self.server_state.connections):
            if connection.transport.get_write_buffer_size():
                connection.transport.abort()


def main() -> None:
    """Serve the API on the configured address until SIGTERM or Ctrl-C."""
    logging.getLogger("pika").setLevel(logging.ERROR)
    try:
        settings = Settings.from_environ()
        logs.configure(settings.log_level, settings.log_format)
        tracing.start("iot-logic-api")
        proxies_of(settings)
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


def proxies_of(settings: Settings) -> list[str]:
    """Return the addresses and networks of the proxies in front of the API. Raises `SettingsError`."""
    proxies = [each.strip() for each in settings.api_proxies.split(",") if each.strip()]
    for proxy in proxies:
        try:
            ip_network(proxy)
        except ValueError as e:
            raise SettingsError(
                f"IOT_LOGIC_API_PROXIES has {proxy!r}, which is no address and no network: {e}. Write it as "
                "10.0.0.5 or 10.0.0.0/24."
            ) from e
    return proxies


def _allow_files(count: int) -> None:
    """Raise this process's limit of open files, as far as the operating system permits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        count = min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def _check_closed(services: Services) -> None:
    """Raise `SettingsError` if other hosts can reach the API but there is no token.

    Without Redis this cannot be checked, and is harmless: on an address other than loopback each request
    needs a token.
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
