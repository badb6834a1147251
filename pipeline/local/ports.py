"""Ports on loopback for servers of our own."""

import secrets
import socket
from pathlib import Path
from typing import Final

from pipeline.local.errors import Unavailable

#: The lowest port that is looked at; below it are those that well-known services listen on.
_LOWEST: Final = 10_000

#: Where Linux says which ports it gives to connections that go out.
_EPHEMERAL: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")

_ATTEMPTS: Final = 100


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on, and that nobody is given by chance.

    Not one that the kernel gives to outgoing connections, as binding to port 0 would return: while a server
    is down, a client that tries to reconnect to such a port can get that same port as its own end, and then
    the server cannot come back to it.
    """
    try:
        highest = int(_EPHEMERAL.read_text().split()[0]) - 1
    except (OSError, ValueError, IndexError):
        highest = 32_767
    if highest - _LOWEST < 1000:
        # Somebody gave nearly all ports to outgoing connections: then there are no better ones.
        highest = 65_535
    for _ in range(_ATTEMPTS):
        port = _LOWEST + secrets.randbelow(highest - _LOWEST + 1)
        if is_free(port):
            return port
    raise Unavailable(f"no free port on 127.0.0.1 between {_LOWEST} and {highest}")


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        # As servers do; without it the last connections of one that has just ended would count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether somebody takes connections on 127.0.0.1:`port`."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
