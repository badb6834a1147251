"""Loopback ports for local servers."""

import secrets
import socket
from pathlib import Path
from typing import Final

from pipeline.local.errors import Unavailable

#: The lowest port to try. Well-known services listen on ports below it.
_LOWEST: Final = 10_000

#: The file in which Linux gives the range of ports for outgoing connections.
_EPHEMERAL: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")

_ATTEMPTS: Final = 100


def free_port() -> int:
    """Return a free port on 127.0.0.1 that the kernel does not give to outgoing connections.

    Binding to port 0 would return a port that the kernel does give to them. While a server is down, a client
    that tries to reconnect to such a port can get that same port for its own end of the connection, and then
    the server cannot listen on it again. Raises `Unavailable` if no port is free.
    """
    try:
        highest = int(_EPHEMERAL.read_text().split()[0]) - 1
    except (OSError, ValueError, IndexError):
        highest = 32_767
    if highest - _LOWEST < 1000:
        # This system gives nearly all ports to outgoing connections, so there are no better ones.
        highest = 65_535
    for _ in range(_ATTEMPTS):
        port = _LOWEST + secrets.randbelow(highest - _LOWEST + 1)
        if is_free(port):
            return port
    raise Unavailable(f"no free port on 127.0.0.1 between {_LOWEST} and {highest}")


def is_free(port: int) -> bool:
    """Return whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        # Servers set this option too. Without it, the last connections of an ended server would count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Return whether a server accepts connections on 127.0.0.1:`port`."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
