"""The stack as its users run it: started by the compose command, and inspected with Docker's SDK."""

import json
import os
import re
import resource
import subprocess
import time
from itertools import chain
from pathlib import Path
from typing import Any, Self

import docker
import httpx
from docker.models.containers import Container

from pipeline.local.ports import free_port
from tests.compose.stand_in import ROOT
from tests.support.waiting import wait_until

#: Timeout in seconds for the slowest step of the compose command: building the image.
_COMMAND_SECONDS = 1200
#: ... and until the containers are healthy.
_HEALTHY_SECONDS = 300

#: RabbitMQ's limit of open files if the machine allows no more.
_FILES = 65_536

SERVICES = ("api", "worker", "devices", "rabbitmq", "redis")

#: The variables of compose.yaml that name ports, without _PORT.
_PORTS = ("API", "AMQP", "MQTT", "MANAGEMENT")


class Stack:
    """One project of the compose command, with its own ports. Its volumes are removed at the end."""

    def __init__(
        self,
        engine: str | None,
        images: dict[str, str],
        command: list[str],
        file: str = "compose.yaml",
        ports: tuple[str, ...] = _PORTS,
        path: str = "",
    ) -> None:
        """Take the engine's address, the replacements of the file's images, and the Compose command.

        `ports` are the variables that name ports, `path` is the API's path.
        """
        self.docker = docker.DockerClient(base_url=engine, timeout=120) if engine else docker.from_env()
        self._command = command
        self.name = f"iot-logic-test-{os.getpid()}"
        self.ports = {name: free_port() for name in ports}
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        self.environ = (
            os.environ
            | images
            | {
                "COMPOSE_FILE": file,
                "COMPOSE_PROJECT_NAME": self.name,
                "RABBITMQ_FILES": str(_FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)),
                **{_port_variable(name): str(port) for name, port in self.ports.items()},
                **({"DOCKER_HOST": engine} if engine else {}),
            }
        )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.ports['API']}{path}", timeout=60)

    def choose_port(self, name: str) -> int:
        """Publish a service on a port that is free now."""
        self.ports[name] = free_port()
        self.environ[_port_variable(name)] = str(self.ports[name])
        return self.ports[name]

    def compose(self, *arguments: str, environ: dict[str, str] | None = None) -> str:
        """Run the compose command. Return its output."""
        done = self._compose(*arguments, environ=environ)
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{' '.join(arguments)}:\n{said[-8000:]}\n{self.logs()[-8000:]}"
        return done.stdout

    def _compose(
        self, *arguments: str, environ: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *arguments],
            cwd=ROOT,
            env=self.environ | (environ or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
        )

    def declared(self, **environ: str) -> dict[str, Any]:
        """Return the services of the compose file, as Compose parses it, with all profiles."""
        said = self.compose("--profile", "*", "config", "--format", "json", environ=environ)
        services: dict[str, Any] = json.loads(said)["services"]
        return services

    def logs(self, service: str | None = None) -> str:
        """Return the output of the containers."""
        found = self.docker.containers.list(all=True, filters={"label": self._labels(service)})
        return "\n".join(f"== {each.name}\n{_log(each, service is not None)}" for each in found)

    def _labels(self, service: str | None) -> list[str]:
        labels = [f"com.docker.compose.project={self.name}"]
        return labels if service is None else [*labels, f"com.docker.compose.service={service}"]

    def containers(self, service: str | None = None, *, ended: bool = False) -> list[Container]:
        """Return the running containers of a service, or of all services; `ended`: also those that ended."""
        return self.docker.containers.list(all=ended, filters={"label": self._labels(service)})

    def container(self, service: str) -> Container:
        """Return the only container of a service."""
        (found,) = self.containers(service)
        return found

    def run(self, service: str, *command: str) -> str:
        """Run a command in a container of a service. Return its standard output."""
        done = self.try_to_run(service, *command)
        assert done.returncode == 0, f"{command} in {service}: {done.stdout}{done.stderr}"
        return done.stdout

    def try_to_run(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a container of a service. Return its result, even if it fails."""
        return self._compose("--profile", "*", "exec", "-T", service, *command)

    def start(self, *arguments: str) -> None:
        """Run `up`, and wait until all services with a health check are healthy."""
        # Compose of 2021 fails if a container starts slowly; Docker does not.
        deadline = time.monotonic() + _HEALTHY_SECONDS
        while True:
            try:
                self.compose("up", "-d", *arguments)
                break
            except AssertionError as e:
                if "unhealthy" not in str(e) or time.monotonic() > deadline:
                    raise
        wait_until(self.is_healthy, timeout=_HEALTHY_SECONDS)

    def is_healthy(self) -> bool:
        """Return whether each container with a health check is healthy."""
        for container in self.containers():
            container.reload()
            health = container.attrs["State"].get("Health")
            if health is not None and health["Status"] != "healthy":
                return False
        return True

    def first_token(self) -> str:
        """Return the admin's token, from the log of the API that created it."""
        apis = [name for name in self.declared() if name.startswith("api")]
        (token,) = re.findall(r"iot_admin_[0-9a-f]{64}", "".join(self.logs(api) for api in apis))
        assert isinstance(token, str)
        return token

    def let_in(self) -> None:
        """Send the first token with every request from now on."""
        self.client.headers["Authorization"] = f"Bearer {self.first_token()}"

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the API's response."""
        response = self.client.get(path, params=parameters)
        assert response.status_code == 200, response.text
        return response.json()

    def upload(self, machine: str, source: str) -> None:
        """Upload a logic."""
        response = self.client.post(f"/machines/{machine}/logic", json={"logic": source})
        assert response.status_code == 201, response.text

    def holders(self) -> dict[str, list[int]]:
        """Return the partitions that each worker holds."""
        return {
            worker["id"]: [each["partition"] for each in worker["holding"]]
            for worker in self.get("/workers")["workers"]
        }

    def all_held_by(self, number: int) -> bool:
        """Return whether this many workers hold all partitions together."""
        holders = self.holders()
        return len(holders) == number and sorted(chain(*holders.values())) == list(range(8))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.compose("--profile", "observability", "down", "--volumes", "--remove-orphans")
        self.docker.close()


def _port_variable(name: str) -> str:
    """Return the variable of a port: AMQP_PORT, or AMQP_PORT_1 for AMQP_1."""
    kind, _, number = name.partition("_")
    return f"{kind}_PORT_{number}" if number else f"{kind}_PORT"


def _log(container: Container, everything: bool) -> str:
    return bytes(container.logs(tail="all" if everything else 60)).decode(errors="replace")


def metric_names(text: str) -> set[str]:
    """Return the names of our metrics in a rule or a dashboard, as a metrics endpoint shows them."""
    return set(re.findall(r"\biot_logic_[a-z_]+", text))


def dashboard_queries(path: Path) -> list[str]:
    """Return the queries of a dashboard's panels."""
    panels = json.loads(path.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]
