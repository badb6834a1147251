"""Checks of this host: the layers that confine logic, and whether our ports are free or already ours."""

import errno
import http.client
import socket
from collections.abc import Iterator
from typing import Final

from pipeline.settings import Settings
from pipeline.telemetry.metrics_server import PORTS
from sandbox.errors import SandboxUnavailable
from sandbox.parent.sandbox import Sandbox
from web.cli.doctor.finding import Finding

#: Additional layers of confinement besides the filter (`sandbox.child.confinement`), and what to do if one is
#: missing.
_LAYERS: Final = {
    "network-namespace": "allow user namespaces (sysctl user.max_user_namespaces, AppArmor, the container's "
    "seccomp profile)",
    "nobody": "only root can change the user of a child process; run workers as a user without files of "
    "its own",
    "landlock": "use a kernel from 5.13 on, with landlock among its security modules (lsm=…)",
}

_PATIENCE: Final = 2
_LOGIC: Final = "def process(data, state):\n    return data\n"


def check_sandbox(settings: Settings) -> Iterator[Finding]:
    """Check whether this host can confine logic, and with which layers."""
    area = "sandbox"
    try:
        with Sandbox(settings.limits, allow_unconfined=settings.allow_unconfined_sandbox) as sandbox:
            layers, problems = sandbox.confinement, sandbox.check(_LOGIC).problems
    except SandboxUnavailable as e:
        yield Finding(
            area,
            "wrong",
            f"Logic cannot run on this host: {e}",
            "Fix this first: until then, workers and API do not start on this host.",
        )
        return
    if problems:
        yield Finding(
            area,
            "wrong",
            f"The sandbox refuses a trivial logic: {problems[0].message}",
            "This is a bug. Please report it.",
        )
    if "seccomp" not in layers:
        yield Finding(
            area,
            "wrong",
            "The kernel does not filter the system calls of logic (seccomp), and the settings allow that. "
            "Only the policy protects this host from an uploaded logic.",
            "Use a kernel with seccomp, and unset IOT_LOGIC_ALLOW_UNCONFINED_SANDBOX. Never run like this in "
            "production.",
        )
    yield Finding(area, "ok", f"Logic is confined by {', '.join(sorted(layers))}.")
    for layer, todo in _LAYERS.items():
        if layer not in layers:
            yield Finding(area, "note", f"Logic is not confined by {layer}.", f"To add this layer: {todo}.")
    if not settings.signing_key:
        yield Finding(
            area,
            "note",
            "Compiled logic is not signed, so each worker compiles it itself.",
            "If compiling takes long, set IOT_LOGIC_SIGNING_KEY to the same secret for API and workers.",
        )


def check_ports(settings: Settings) -> Iterator[Finding]:
    """Check whether the ports of the API and of the metrics are free, or are already ours."""
    host, port = settings.api_host, settings.api_port
    if (taken := _taken(host, port)) is None:
        yield Finding("ports", "ok", f"The API's port {port} is free. No API is running at this address.")
    elif taken.errno != errno.EADDRINUSE:
        yield Finding(
            "ports",
            "wrong",
            f"The API cannot listen at {host}:{port}: {taken}",
            "Set IOT_LOGIC_API_HOST or IOT_LOGIC_API_PORT.",
        )
    elif _is_api(host, port):
        yield Finding("ports", "ok", f"The API answers at port {port}.")
    else:
        yield Finding(
            "ports",
            "wrong",
            f"Another program uses the API's port {port}.",
            "Set IOT_LOGIC_API_PORT to another port, or stop that program.",
        )
    first = settings.metrics_port
    if first and all(
        _taken(settings.metrics_host, each) for each in range(first, min(first + PORTS, 65_536))
    ):
        yield Finding(
            "ports",
            "wrong",
            f"No port for the metrics of a new worker is free at {settings.metrics_host}.",
            "Set IOT_LOGIC_METRICS_HOST to an address of this host, or IOT_LOGIC_METRICS_PORT to free ones.",
        )


def _taken(host: str, port: int) -> OSError | None:
    """Return why a port is not available; None if it is."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(address)
    except OSError as e:
        return e
    return None


def _is_api(host: str, port: int) -> bool:
    """Return whether our API listens on this address."""
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - all of this host's addresses
    connection = http.client.HTTPConnection(address, port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
