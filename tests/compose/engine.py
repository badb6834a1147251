"""A Docker engine: a running one, or our own. Our own needs root, and dockerd is installed for it.

Our own engine has its own socket, image folder and process, so that it affects no other, and its images stay
in `folder` for the next run. It changes no rule of the machine's firewall: its proxy publishes ports, and
containers reach nothing outside their networks. Stand-ins are built in the network of the machine.
"""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import docker
import docker.errors
import requests

from pipeline.local import packages
from pipeline.local.errors import Unavailable
from pipeline.local.packages import Package
from tests.support.waiting import wait_until

_DOCKER = Package("docker.io", "moby-engine", "docker", "docker")

#: The bridge of containers without their own network.
_BRIDGE = Path("/sys/class/net/docker0")

#: Timeout in seconds for the engine to answer and to end; it first ends its containers.
_START_SECONDS = 60
_STOP_SECONDS = 120


def answers(url: str | None) -> bool:
    """Return whether an engine answers."""
    address = url or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    # Docker's SDK leaves a socket open if nothing listens.
    if address.startswith("unix://") and not _listens(address.removeprefix("unix://")):
        return False
    with suppress(docker.errors.DockerException, requests.RequestException), closing(_client(url)) as client:
        return bool(client.ping())
    return False


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as end:
        try:
            end.connect(path)
        except OSError:
            return False
    return True


def _client(url: str | None) -> docker.DockerClient:
    return docker.DockerClient(base_url=url, timeout=10) if url else docker.from_env(timeout=10)


def _ensure_dockerd() -> None:
    assert os.geteuid() == 0, "No Docker engine answers, and only root can start one: start it, or be root."
    if shutil.which("dockerd") is not None:
        return
    try:
        packages.install(_DOCKER)
    except Unavailable as e:
        raise AssertionError(
            f"No Docker engine answers, and dockerd is missing: {e}. Install it with {_DOCKER.advice()}."
        ) from e


@contextmanager
def engine(folder: Path) -> Iterator[str | None]:
    """Yield the address of an engine while the block runs; None: the address in the environment."""
    if answers(None):
        yield None
        return
    _ensure_dockerd()
    bridge_was_there = _BRIDGE.exists()
    folder.mkdir(parents=True, exist_ok=True)
    url = f"unix://{folder}/docker.sock"
    with (folder / "dockerd.log").open("wb") as log:
        process = subprocess.Popen(
            [
                "dockerd",
                f"--host={url}",
                f"--data-root={folder}/data",
                f"--exec-root={folder}/exec",
                f"--pidfile={folder}/docker.pid",
                "--iptables=false",
                "--ip6tables=false",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )

    def up() -> bool:
        assert process.poll() is None, (folder / "dockerd.log").read_text()[-2000:]
        return answers(url)

    try:
        wait_until(up, timeout=_START_SECONDS)
        yield url
    finally:
        process.terminate()
        process.wait(_STOP_SECONDS)
        # Remove what it leaves behind: a mount, without which the folder could not be removed, and an unused
        # bridge.
        subprocess.run(["umount", folder / "exec" / "netns" / "default"], capture_output=True)
        if not bridge_was_there and shutil.which("ip") is not None:
            subprocess.run(["ip", "link", "delete", _BRIDGE.name], capture_output=True)
