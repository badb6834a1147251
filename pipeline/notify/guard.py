"""Refuses private addresses: a route must not reach the plant's own servers, or the cloud's metadata.

The check is made where a connection is opened, on the address itself and not on the name. So it does not
matter what a name stands for when a route is saved, and later. It is an audit hook of Python. A library that
opens its connections with Python's own sockets cannot go around it. A hook cannot be removed, so it is only
set in a process that makes one delivery (`pipeline.notify.deliver`).

This module imports only the standard library.
"""

import ipaddress
import os
import socket
import sys
from collections.abc import Collection
from typing import Any, Final

#: The network whose addresses contain an IPv4 address that a gateway connects to (NAT64, RFC 6052).
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

#: Networks that `ipaddress` takes for public ones, in some versions of Python: those of IANA's registries of
#: special addresses, those that stand for IPv4 addresses, old private ones, and servers of clouds.
_NOT_PUBLIC: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",
            "192.88.99.0/24",
            "168.63.129.16/32",  # the host of a virtual machine in Azure
            "::/96",
            "::ffff:0:0:0/96",
            "64:ff9b:1::/48",
            "3fff::/20",
            "5f00::/16",
            "fec0::/10",
        ),
    )
)

#: Where a library may read files: its own, and the certificates and names of the system.
_READABLE: Final = (
    "/etc/ssl/",
    "/etc/pki/",
    "/etc/ca-certificates/",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/localtime",
    "/etc/mime.types",
    "/usr/share/ca-certificates/",
    "/usr/share/zoneinfo/",
    "/usr/local/share/ca-certificates/",
    "/dev/null",
    "/dev/urandom",
)

#: What no delivery needs: other programs, and a server of its own.
_REFUSED: Final = frozenset(
    (
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.startfile",
        "os.system",
        "pty.spawn",
        "subprocess.Popen",
    )
)

_CONNECTING: Final = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg"))


class AddressRefused(OSError):
    """A connection to this address is refused. Libraries treat it as an address that does not answer."""


class AccessRefused(OSError):
    """A delivery must not open this file, or start a program."""


def refusal(address: str) -> str | None:
    """Return why a connection to an IP address is refused; None if the address is public."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return f"{address[:255]!r} is not an IP address"
    every: list[ipaddress.IPv4Address | ipaddress.IPv6Address | None] = [found]
    if isinstance(found, ipaddress.IPv6Address):
        every += [found.ipv4_mapped, found.sixtofour, *(found.teredo or ())]
        if found in _NAT64:
            every.append(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF))
        if found.ipv4_mapped is not None:
            every.remove(found)
    for each in every:
        if each is not None and (
            not each.is_global or each.is_multicast or any(each in network for network in _NOT_PUBLIC)
        ):
            return f"the address {address} is not a public one"
    return None


def install(*, allow_private: bool, files: Collection[str] = ()) -> list[str]:
    """Guard this process from now on. Return a list to which each refusal is added.

    Connections go only to public addresses, unless `allow_private`. Files are only read, and only those of
    Python, the certificates of the system, and `files`.
    """
    refused = list[str]()
    readable = (
        *_READABLE,
        *(f"{os.path.realpath(each)}/" for each in {sys.prefix, sys.base_prefix, sys.exec_prefix}),
        *(f"{os.path.realpath(each)}/" for each in sys.path if os.path.isdir(each)),
        *map(os.path.realpath, filter(None, files)),  # an empty path would stand for the whole disk
    )

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _CONNECTING:
            if not allow_private:
                _check_connection(arguments[0], arguments[1], refused)
        elif event == "open":
            _check_open(arguments[0], arguments[1], arguments[2], readable)
        elif event in _REFUSED:
            raise AccessRefused(f"a delivery must not start a program ({event})")

    sys.addaudithook(hook)
    return refused


def _check_connection(connection: Any, address: Any, refused: list[str]) -> None:
    family = getattr(connection, "family", None)
    if family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(address, tuple):
        if address is None:
            return  # sendmsg on a connection that was checked when it was opened
        reason: str | None = "only connections over IP are allowed"
    else:
        reason = refusal(str(address[0]))
    if reason is not None:
        if len(refused) < 10:
            refused.append(reason)
        raise AddressRefused(reason)


def _check_open(path: Any, mode: Any, flags: Any, readable: tuple[str, ...]) -> None:
    if isinstance(path, int):
        return
    writes = (isinstance(mode, str) and any(each in mode for each in "wax+")) or (
        isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    )
    found = os.path.realpath(os.fsdecode(path))
    if (writes and found != os.devnull) or not found.startswith(readable):
        raise AccessRefused(f"a delivery must not open {found}")
