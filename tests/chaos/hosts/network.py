"""Hosts as network namespaces on one bridge, whose links can be cut. Needs root, or user namespaces.

How a link is cut: each end gets a wrong hardware address for the other one, so all its packets get lost
silently, as behind a broken switch. When the entry is removed, the ends find each other again, and TCP
repeats what was lost.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Final

from tests.support.host import Host

#: The network. The bridge's own address is that of this process.
_PREFIX: Final = "10.77"
OUTSIDE: Final = Host(f"{_PREFIX}.255.254")

#: A hardware address that no host has.
_NOWHERE: Final = "02:00:00:00:00:ff"

#: Set in the process that `enter` has started.
_INSIDE: Final = "CHAOS_INSIDE"


def enter() -> None:
    """Run this process again in a network namespace of its own, unless it runs in one already."""
    if os.environ.get(_INSIDE):
        return
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    os.environ[_INSIDE] = "1"
    os.execvp("unshare", ["unshare", *user, "--net", "--mount", "--", *sys.orig_argv])  # noqa: S606


class Network:
    """Creates hosts. Everything ends with the namespace of this process (`enter`)."""

    def __init__(self) -> None:
        # Other processes of the machine do not see the names of these namespaces.
        os.makedirs("/run/netns", exist_ok=True)
        _run("mount", "-t", "tmpfs", "tmpfs", "/run/netns")
        _ip(
            "link set lo up",
            "link add hosts type bridge",
            f"addr add {OUTSIDE.address}/16 dev hosts",
            "link set hosts up",
        )
        self._cut = set[tuple[Host, Host]]()

    def host(self, name: str, group: int, number: int) -> Host:
        """Create a host. `group` and `number`, from 1 to 254, make its address."""
        host = Host(f"{_PREFIX}.{group}.{number}", name)
        _ip(
            f"netns add {name}",
            f"link add {name} type veth peer name eth0 netns {name}",
            f"link set {name} master hosts up",
        )
        _ip("link set lo up", f"addr add {host.address}/16 dev eth0", "link set eth0 up", at=host)
        return host

    def cut(self, ones: Iterable[Host], others: Collection[Host]) -> None:
        """Cut the links between each of some hosts and each of others, in both directions."""
        for one in ones:
            for other in others:
                if one != other:
                    self._cut |= {(one, other), (other, one)}
        self._each("neigh replace {} lladdr " + _NOWHERE + " dev {} nud permanent")

    def heal(self) -> None:
        """Restore all links."""
        self._each("neigh del {} dev {}")
        self._cut.clear()

    def _each(self, command: str) -> None:
        for near in {near for near, _ in self._cut}:
            device = "eth0" if near.namespace else "hosts"
            _ip(*(command.format(far.address, device) for each, far in self._cut if each == near), at=near)


def processes(host: Host) -> list[int]:
    """Return the ids of the processes on a host, without sandboxes, which have networks of their own."""
    return [int(line) for line in _run("ip", "netns", "pids", host.namespace).split()]


def freeze(hosts: Collection[Host]) -> None:
    """SIGSTOP all processes on these hosts: they are silent, but their connections stay open."""
    _signal(hosts, signal.SIGSTOP)
    _signal(hosts, signal.SIGSTOP)  # those that were started meanwhile


def thaw(hosts: Collection[Host]) -> None:
    """Let all processes on these hosts run again."""
    _signal(hosts, signal.SIGCONT)


def _signal(hosts: Collection[Host], number: signal.Signals) -> None:
    for pid in [pid for host in hosts for pid in processes(host)]:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _ip(*commands: str, at: Host = OUTSIDE) -> None:
    where = ["-n", at.namespace] if at.namespace else []
    _run("ip", *where, "-batch", "-", said="\n".join(commands))


def _run(*command: str, said: str = "") -> str:
    ran = subprocess.run(command, input=said, capture_output=True, text=True)
    if ran.returncode:
        raise RuntimeError(f"{' '.join(command)} {said}: {ran.stderr}")
    return ran.stdout
