"""Base images: those that compose.yaml names, or, where they cannot be had, stand-ins from Debian's packages.

A stand-in is the same server, in Debian's version, under the same user names and paths. What is only in the
real ones (RabbitMQ 4, their entry points) it cannot show. They are made once and kept by the engine. Where
Debian's packages are, this machine's apt says; the wheels that our image needs are put into the stand-in of
Python, with this Python's pip.
"""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import docker
import docker.errors

ROOT = Path(__file__).parents[2]

#: The images of compose.yaml, by the variable that replaces each.
IMAGES = {
    "PYTHON_IMAGE": "python:3.13-slim",
    "RABBITMQ_IMAGE": "rabbitmq:4.3-management",
    "REDIS_IMAGE": "redis:8",
    "PROMETHEUS_IMAGE": "prom/prometheus:v3.5.0",
}

_BASE = "iot-logic-stand-in/base"
_SUITE = "bookworm"
_INSTALL = (
    "RUN printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d "
    "&& apt-get update -qq && apt-get install -y -qq --no-install-recommends"
)

_DOCKERFILES = {
    "PYTHON_IMAGE": f"""
FROM {_BASE}
{_INSTALL} python3 python3-venv && ln -s /usr/bin/python3 /usr/local/bin/python
COPY wheels /wheels
RUN printf '[global]\\nno-index = true\\nfind-links = /wheels\\n' >/etc/pip.conf
""",
    "RABBITMQ_IMAGE": f"""
FROM {_BASE}
{_INSTALL} rabbitmq-server && rm -rf /var/lib/rabbitmq/* /var/lib/rabbitmq/.erlang.cookie
ENV PATH=/usr/lib/rabbitmq/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
VOLUME /var/lib/rabbitmq
""",
    "REDIS_IMAGE": f"""
FROM {_BASE}
{_INSTALL} redis-server && install -d -o redis -g redis /data
VOLUME /data
""",
    "PROMETHEUS_IMAGE": f"""
FROM {_BASE}
{_INSTALL} prometheus && install -d -o nobody -g nogroup /prometheus
VOLUME /prometheus
USER nobody
ENTRYPOINT ["/usr/bin/prometheus"]
""",
}


def images(client: docker.DockerClient) -> dict[str, str]:
    """What `PYTHON_IMAGE` and so on are to be, so that each image is there."""
    return {variable: _image(client, variable, name) for variable, name in IMAGES.items()}


def _image(client: docker.DockerClient, variable: str, name: str) -> str:
    if _is_there(client, name):
        return name
    stand_in = f"iot-logic-stand-in/{variable.removesuffix('_IMAGE').lower()}"
    if variable != "PYTHON_IMAGE" and _is_there(client, stand_in):
        return stand_in
    try:
        client.images.pull(name)
    except docker.errors.APIError:
        print(f"{name} cannot be pulled: a stand-in is made from Debian's packages.", flush=True)
    else:
        return name
    _ensure_base(client)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Dockerfile").write_text(_DOCKERFILES[variable])
        if variable == "PYTHON_IMAGE":
            _download_wheels(Path(folder) / "wheels")
        client.images.build(path=folder, tag=stand_in, network_mode="host", rm=True)
    return stand_in


def _is_there(client: docker.DockerClient, name: str) -> bool:
    try:
        client.images.get(name)
    except docker.errors.ImageNotFound:
        return False
    return True


def _ensure_base(client: docker.DockerClient) -> None:
    """A small Debian. Needs root and debootstrap."""
    if _is_there(client, _BASE):
        return
    sites = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", f"Codename: {_SUITE}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    with tempfile.TemporaryDirectory() as folder:
        root, archive = Path(folder) / "root", Path(folder) / "base.tar"
        subprocess.run(["debootstrap", "--variant=minbase", _SUITE, root, sites[0]], check=True)
        subprocess.run(["tar", "-C", root, "-cf", archive, "."], check=True)
        client.api.import_image(str(archive), repository=_BASE, tag="latest")


def _download_wheels(folder: Path) -> None:
    """What our image needs, for the Python of the stand-in, which has to be of this one's version."""
    assert sys.version_info[:2] == (3, 11), (
        f"The stand-in of Python is {_SUITE}'s: run this with Python 3.11."
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    # The last is needed by the oldest Pythons only, of which the stand-in's may be.
    needed = ["hatchling", *project["dependencies"], "async-timeout"]
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "-c",
            ROOT / "constraints.txt",
            "-d",
            folder,
            *needed,
        ],
        check=True,
    )
