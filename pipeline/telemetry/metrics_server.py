"""The HTTP server for the metrics of a worker process, on the process's own port.

Several processes share a host, and nobody assigns ports to them: each takes the first free port from
`IOT_LOGIC_METRICS_PORT` on and reports it (`pipeline.store.workers`). The server needs no token, because it
listens on loopback unless the settings say otherwise.
"""

import logging
import socket
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

#: Maximum ports that are tried.
PORTS: Final = 256

#: Seconds that a client may take for its request.
_PATIENCE_SECONDS: Final = 10

_logger = logging.getLogger(__name__)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    #: Otherwise a second process could listen on the same port, and each would get every other request.
    allow_reuse_port = False

    def server_bind(self) -> None:
        """Bind without asking the name service for our own name, unlike the library's HTTP servers."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "", self.server_address[1]
        self.setup_environ()


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE_SECONDS

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing for each request."""


class MetricsServer:
    """Serves the metrics of `registry` until it is closed. `url` is its address, or None without a server.

    `port` is the first port to try, 0 for none. If no port is available, it only logs a warning: readings
    come first.
    """

    def __init__(self, registry: CollectorRegistry, host: str, port: int) -> None:
        self.url: str | None = None
        self._server: WSGIServer | None = None
        if port == 0:
            return
        kind = _Server6 if ":" in host else _Server
        application, reason = make_wsgi_app(registry), ""
        for each in range(port, min(port + PORTS, 65536)):
            try:
                self._server = make_server(host, each, application, kind, _Handler)
            except OSError as e:
                reason = str(e)
            else:
                self.url = f"http://{_reachable(host)}:{each}/metrics"
                Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()
                _logger.info("serving metrics at %s", self.url)
                return
        _logger.warning(
            "no metrics: no port from %s on is free: %s. Set IOT_LOGIC_METRICS_PORT.", port, reason
        )

    def close(self) -> None:
        """Stop the server."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


def _reachable(host: str) -> str:
    """Return the host as others reach it: its name, if the address stands for all its addresses."""
    if host in ("0.0.0.0", "::"):  # noqa: S104
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
