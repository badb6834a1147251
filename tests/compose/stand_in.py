"""Base images: those that a compose file names or, if they are not available, stand-ins from Debian.

A stand-in is the same server, from a package of Debian 13, with the same user names and paths: RabbitMQ 4.0,
Redis 8.0, HAProxy 3.0, Prometheus 2.53, and Python 3.13, as in `python:3.13-slim`. It cannot show the parts
that only the real images have (newer versions, their entry points). Stand-ins are built once and kept by the
engine.

This machine's apt, pip and npm determine the sources of packages. The packages of pip and npm that our image
needs are put into the stand-in of Python, so that the image can be built without a network.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import docker
import docker.errors

from tests.compose.debian import SUITE, bootstrap

ROOT = Path(__file__).parents[2]

#: The images of the compose files, by the variable that replaces each.
IMAGES = {
    "PYTHON_IMAGE": "python:3.13-slim",
    "RABBITMQ_IMAGE": "rabbitmq:4.3-management",
    "REDIS_IMAGE": "redis:8",
    "HAPROXY_IMAGE": "haproxy:3.2",
    "PROMETHEUS_IMAGE": "prom/prometheus:v3.13.2",
}

#: The Python version of the suite.
_PYTHON = "3.13"
_BASE = f"iot-logic-stand-in/{SUITE}"

_INSTALL = (
    "RUN printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d "
    "&& apt-get update -qq && apt-get install -y -qq --no-install-recommends"
)

_DOCKERFILES = {
    "PYTHON_IMAGE": f"""
FROM {_BASE}
{_INSTALL} python3 python3-venv && ln -s /usr/bin/python3 /usr/local/bin/python
COPY wheels /stand-in/wheels
RUN printf '[global]\\nno-index = true\\nfind-links = /stand-in/wheels\\n' >/etc/pip.conf
COPY npm /stand-in/npm
COPY npmrc /root/.npmrc
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
    "HAPROXY_IMAGE": f"""
FROM {_BASE}
{_INSTALL} haproxy
USER haproxy
""",
    "PROMETHEUS_IMAGE": f"""
FROM {_BASE}
{_INSTALL} prometheus && install -d -o nobody -g nogroup /prometheus
VOLUME /prometheus
USER nobody
ENTRYPOINT ["/usr/bin/prometheus"]
""",
}

_COMPOSE_DOCKERFILE = f"""
FROM {_BASE}
{_INSTALL} docker-compose
"""
#: The path of Docker's plugin in Debian's package. It also runs as a separate command.
_PLUGIN = "/usr/libexec/docker/cli-plugins/docker-compose"


def images(client: docker.DockerClient, file: str) -> dict[str, str]:
    """Return the values of `PYTHON_IMAGE` and the other variables of a file, with available images."""
    text = (ROOT / file).read_text()
    return {
        variable: _image(client, variable, name)
        for variable, name in IMAGES.items()
        if f"${{{variable}:-{name}}}" in text
    }


def compose_command(client: docker.DockerClient, folder: Path) -> list[str]:
    """Return the command for Compose: Docker's plugin or, if it is missing, Debian's, copied from an image.

    The command of 2021, `docker-compose` 1, is not used.
    """
    if shutil.which("docker") is not None:
        found = subprocess.run(["docker", "compose", "version"], capture_output=True)
        if found.returncode == 0:
            return ["docker", "compose"]
    plugin = folder / "docker-compose"
    if not plugin.exists():
        print("Docker's plugin Compose is not here: it is taken from Debian's package.", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        image = _build(client, "compose", _COMPOSE_DOCKERFILE)
        made = client.containers.create(image, "true")
        try:
            archive = folder / "docker-compose.tar"
            with archive.open("wb") as file:
                for chunk in made.get_archive(_PLUGIN)[0]:
                    file.write(chunk)
            subprocess.run(["tar", "-C", folder, "-xf", archive], check=True)
            archive.unlink()
        finally:
            made.remove()
    return [str(plugin)]


def _image(client: docker.DockerClient, variable: str, name: str) -> str:
    if _is_there(client, name):
        return name
    short = variable.removesuffix("_IMAGE").lower()
    stand_in = _tag(short)
    if variable != "PYTHON_IMAGE" and _is_there(client, stand_in):
        return stand_in
    try:
        client.images.pull(name)
    except docker.errors.APIError:
        print(f"{name} cannot be pulled: a stand-in is made from Debian's packages.", flush=True)
    else:
        return name
    return _build(client, short, _DOCKERFILES[variable])


def _tag(short: str) -> str:
    return f"iot-logic-stand-in/{short}:{SUITE}"


def _build(client: docker.DockerClient, short: str, dockerfile: str) -> str:
    """Build a stand-in in the network of this machine. Return its name."""
    _ensure_base(client)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Dockerfile").write_text(dockerfile)
        if "COPY wheels" in dockerfile:
            _download_wheels(Path(folder) / "wheels")
            _fill_npm_cache(Path(folder))
        client.images.build(path=folder, tag=_tag(short), network_mode="host", rm=True)
    return _tag(short)


def _is_there(client: docker.DockerClient, name: str) -> bool:
    try:
        client.images.get(name)
    except docker.errors.ImageNotFound:
        return False
    return True


def _ensure_base(client: docker.DockerClient) -> None:
    """Create the image of a small Debian, if it is missing. Needs root."""
    if _is_there(client, _BASE):
        return
    with tempfile.TemporaryDirectory() as folder:
        root, archive = Path(folder) / "root", Path(folder) / "base.tar"
        bootstrap(root)
        subprocess.run(["tar", "-C", root, "-cf", archive, "."], check=True)
        client.api.import_image(str(archive), repository=_BASE, tag="latest")


def _download_wheels(folder: Path) -> None:
    """Download the packages that our image needs, for the Python of the stand-in."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "-q", "-c", ROOT / "constraints.txt", "-d", folder),
            *("--python-version", _PYTHON, "--only-binary", ":all:"),
            *("hatchling", *project["dependencies"], *extras["otel"], *extras["apprise"], *extras["pages"]),
        ],
        check=True,
    )


def _fill_npm_cache(folder: Path) -> None:
    """Store the packages that build the pages in `npm`; `npmrc` makes npm find them without a network."""
    with tempfile.TemporaryDirectory() as pages:
        for name in ("package.json", "package-lock.json", ".npmrc", "npm.py"):
            shutil.copy(ROOT / "web" / "pages" / name, pages)
        npm: list[str | Path] = [sys.executable, Path(pages) / "npm.py"]
        subprocess.run([*npm, "ci", "--silent", "--cache", folder / "npm"], check=True)
        # The cache is keyed by address, so it must be used with the address from which it was filled.
        found = subprocess.run(
            [*npm, "config", "get", "registry"], check=True, capture_output=True, text=True
        )
    (folder / "npmrc").write_text(f"cache=/stand-in/npm\noffline=true\nregistry={found.stdout.strip()}\n")
