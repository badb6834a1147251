"""A Docker engine: the one that answers, or one of our own, which needs root and Debian's docker.io.

Our own has a socket, a folder for its images and a process of its own, so that it meets no other, and its
images are kept in `folder` for the next time. It changes no rule of the machine's firewall: ports are
published by its proxy, and containers reach nothing beyond their networks. Stand-ins are built in the network
of the machine.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
import docker.errors
import requests

from tests.waiting import wait_until

#: Seconds that the engine may take to answer and to end; an engine that has containers ends them first.
_START_SECONDS = 60
_STOP_SECONDS = 120


def answers(url: str | None) -> bool:
    """Whether an engine is there."""
    try:
        client = docker.DockerClient(base_url=url, timeout=10) if url else docker.from_env(timeout=10)
    except (docker.errors.DockerException, requests.RequestException):
        return False
    with suppress(docker.errors.DockerException, requests.RequestException):
        return bool(client.ping())
    return False


@contextmanager
def engine(folder: Path) -> Iterator[str | None]:
    """The address of an engine while the block runs; None: where the environment says."""
    if answers(None):
        yield None
        return
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        raise AssertionError(
            "No Docker engine answers, and none can be started: that needs root and dockerd. "
            "On Debian: apt-get install docker.io docker-compose debootstrap"
        )
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
