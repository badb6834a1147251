"""The manifests of deploy/kubernetes, and what the operators make of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from msgspec import Struct

from deploy import kubernetes_secrets

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "deploy" / "kubernetes"

#: One object of Kubernetes.
Manifest = dict[str, Any]


class Pods(Struct, frozen=True):
    """The pods of one object: their labels, their containers, and for an operator's pods only the ports."""

    owner: str
    number: int
    labels: dict[str, str]
    containers: list[Manifest]

    @property
    def ports(self) -> dict[str, int]:
        """The ports of all containers, by name."""
        return {
            port["name"]: port["containerPort"]
            for container in self.containers
            for port in container.get("ports", [])
        }


def manifests() -> list[Manifest]:
    """Return all objects, as Kustomize reads them: from the files that kustomization.yaml names."""
    kustomization = read("kustomization.yaml")[0]
    # The test resolves nothing else that Kustomize could do.
    assert set(kustomization) == {"apiVersion", "kind", "namespace", "resources"}
    return [each for name in kustomization["resources"] for each in read(name)]


def read(name: str) -> list[Manifest]:
    """Return the objects in a file."""
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def name_of(manifest: Manifest) -> str:
    """Return kind and name of an object."""
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def secrets() -> dict[str, dict[str, str]]:
    """Return all secrets by name: those of our script, and the one that RabbitMQ's operator makes."""
    made = {each["metadata"]["name"]: each["stringData"] for each in kubernetes_secrets.manifest()["items"]}
    operators = {
        "username": "default_user_x",
        "password": "secret",
        "connection_string": f"amqp://default_user_x:secret@rabbitmq.{kubernetes_secrets.NAMESPACE}.svc:5672/",
    }
    return made | {"rabbitmq-default-user": operators}


def pods(all_manifests: list[Manifest]) -> Iterator[Pods]:
    """Yield the pods of Deployments and of the operators' objects.

    The labels are those that the operators give: `app.kubernetes.io/name` for RabbitMQ, `app` for Redis.
    """
    for manifest in all_manifests:
        spec, name = manifest.get("spec", {}), manifest["metadata"]["name"]
        match manifest["kind"]:
            case "Deployment":
                template = spec["template"]
                yield Pods(
                    name_of(manifest),
                    spec["replicas"],
                    template["metadata"]["labels"],
                    template["spec"]["containers"],
                )
            case "RabbitmqCluster":
                labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "rabbitmq"}
                ports = {"amqp": 5672, "mqtt": 1883, "management": 15672, "prometheus": 15692}
                yield _operators(manifest, spec["replicas"], labels, ports)
            case "RedisReplication":
                labels = {"app": name, "redis_setup_type": "replication", "role": "replication"}
                yield _operators(manifest, spec["clusterSize"], labels, {"redis": 6379})
            case "RedisSentinel":
                labels = {"app": f"{name}-sentinel", "redis_setup_type": "sentinel", "role": "sentinel"}
                yield _operators(manifest, spec["clusterSize"], labels, {"sentinel": 26379})


def _operators(manifest: Manifest, number: int, labels: dict[str, str], ports: dict[str, int]) -> Pods:
    container = {"ports": [{"name": name, "containerPort": port} for name, port in ports.items()]}
    return Pods(name_of(manifest), number, labels, [container])
