"""What a schema cannot say: whether the objects of deploy/kubernetes fit together and our settings are valid.

`problems` returns each finding as a sentence, so that a test can check that it finds a mistake.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pipeline.errors import SettingsError
from pipeline.settings import FILE_SUFFIX, PREFIX, Settings
from pipeline.store.address import RedisAddress
from tests.deploy.manifests import Manifest, Pods, name_of, pods, secrets
from tests.deploy.schemas import VERSIONS, errors

#: The image of API and workers.
OUR_IMAGE: Final = "iot-logic-processor"


def problems(all_manifests: list[Manifest]) -> list[str]:
    """Return everything that is wrong with these objects; if one is invalid, only that."""
    return list(_invalid(all_manifests)) or list(_unconnected(all_manifests))


def _invalid(all_manifests: list[Manifest]) -> Iterator[str]:
    for manifest in all_manifests:
        for version in VERSIONS:
            for error in errors(manifest, version):
                yield f"{name_of(manifest)}, Kubernetes {version}: {error}"


def _unconnected(all_manifests: list[Manifest]) -> Iterator[str]:
    every_pod = list(pods(all_manifests))
    kept = _kept(all_manifests)
    yield from _unmatched_selectors(all_manifests, every_pod)
    for manifest in all_manifests:
        match manifest["kind"]:
            case "Deployment":
                yield from _unnamed_ports(manifest)
                yield from _missing_volumes(manifest)
                yield from _invalid_settings(manifest, kept)
            case "Service":
                yield from _closed_ports(manifest, every_pod)
            case "NetworkPolicy":
                yield from _unused_ports(manifest, every_pod)
            case "RedisReplication" | "RedisSentinel":
                yield from _missing_references(manifest, kept)
    yield from _other_sentinels(all_manifests, every_pod)


def _kept(all_manifests: list[Manifest]) -> dict[tuple[str, str], dict[str, str]]:
    """Return the contents of ConfigMaps and secrets, by kind and name."""
    maps = {("ConfigMap", each["metadata"]["name"]): each["data"] for each in of(all_manifests, "ConfigMap")}
    return maps | {("Secret", name): values for name, values in secrets().items()}


def of(all_manifests: list[Manifest], kind: str) -> list[Manifest]:
    """Return the objects of a kind."""
    return [each for each in all_manifests if each["kind"] == kind]


# Selectors


def _unmatched_selectors(all_manifests: list[Manifest], every_pod: list[Pods]) -> Iterator[str]:
    for manifest in all_manifests:
        for place, selector in _selectors(manifest):
            if not any(_selects(selector, each.labels) for each in every_pod):
                yield f"{name_of(manifest)}: the selector {place} matches no pod"
        if manifest["kind"] == "Deployment":
            labels = manifest["spec"]["template"]["metadata"]["labels"]
            if not _selects(manifest["spec"]["selector"], labels):
                yield f"{name_of(manifest)}: the selector does not match its own pods"
    budgets = [each["spec"]["selector"] for each in of(all_manifests, "PodDisruptionBudget")]
    for each in every_pod:
        count = sum(_selects(selector, each.labels) for selector in budgets)
        if count != 1:
            yield f"{each.owner}: {count} PodDisruptionBudgets select its pods"


def _selectors(value: Any, place: str = "") -> Iterator[tuple[str, Manifest]]:
    """Yield all selectors of pods in an object, with their places."""
    if isinstance(value, list):
        for each in value:
            yield from _selectors(each, place)
    elif isinstance(value, dict):
        if place == "" and value.get("kind") == "Service":
            yield "spec.selector", {"matchLabels": value["spec"]["selector"]}
            return
        for key, each in value.items():
            if key in ("selector", "labelSelector", "podSelector"):
                yield f"{place}.{key}".lstrip("."), each
            else:
                yield from _selectors(each, f"{place}.{key}".lstrip("."))


def _selects(selector: Manifest, labels: dict[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        labels.get(each["key"]) in each["values"]
        for each in selector.get("matchExpressions", [])
        if each["operator"] == "In"
    )


# Ports


def _closed_ports(service: Manifest, every_pod: list[Pods]) -> Iterator[str]:
    selector = {"matchLabels": service["spec"]["selector"]}
    open_ports = [each.ports for each in every_pod if _selects(selector, each.labels)]
    for port in service["spec"]["ports"]:
        if any(port["targetPort"] not in each for each in open_ports):
            yield f"{name_of(service)}: its pods have no port named {port['targetPort']}"


def _unnamed_ports(deployment: Manifest) -> Iterator[str]:
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        named = {port["name"] for port in container["ports"]}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            port = container[probe]["httpGet"]["port"]
            if port not in named:
                yield f"{name_of(deployment)}: {probe} asks the port {port}, which has no name"


def _unused_ports(policy: Manifest, every_pod: list[Pods]) -> Iterator[str]:
    chosen = [each for each in every_pod if _selects(policy["spec"]["podSelector"], each.labels)]
    used = {port for each in chosen for port in each.ports.values()}
    allowed = {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
    if used != allowed:
        yield f"{name_of(policy)}: it allows the ports {sorted(allowed)}, and its pods have {sorted(used)}"


# Settings, secrets and references


def _missing_volumes(deployment: Manifest) -> Iterator[str]:
    pod = deployment["spec"]["template"]["spec"]
    declared = {each["name"] for each in pod["volumes"]}
    mounted = {each["name"] for container in pod["containers"] for each in container["volumeMounts"]}
    if declared != mounted:
        yield f"{name_of(deployment)}: declared or mounted only: the volumes {sorted(declared ^ mounted)}"


def _invalid_settings(deployment: Manifest, kept: dict[tuple[str, str], dict[str, str]]) -> Iterator[str]:
    pod = deployment["spec"]["template"]["spec"]
    for container in pod["containers"]:
        if container["image"] != OUR_IMAGE:
            continue
        environ = dict[str, str]()
        for each in container["envFrom"]:
            reference = ("ConfigMap", each["configMapRef"]["name"])
            if reference not in kept:
                yield f"{name_of(deployment)}: there is no {' '.join(reference)}"
            environ |= kept.get(reference, {})
        environ |= {each["name"]: each["value"] for each in container["env"]}
        if strange := sorted(name for name in environ if not name.startswith(PREFIX)):
            yield f"{name_of(deployment)}: {strange} are not our settings"
        with tempfile.TemporaryDirectory() as folder:
            yield from _mount_keys(deployment, kept, Path(folder))
            in_files = {
                name: f"{folder}/{value}" if name.endswith(FILE_SUFFIX) else value
                for name, value in environ.items()
            }
            try:
                settings = Settings.from_environ(in_files)
                RedisAddress.parse(settings.redis_url)
            except SettingsError as e:
                yield f"{name_of(deployment)}: {e}"


def _mount_keys(
    deployment: Manifest, kept: dict[tuple[str, str], dict[str, str]], folder: Path
) -> Iterator[str]:
    """Write the files of all projected secrets into a folder, at their places in the container."""
    pod = deployment["spec"]["template"]["spec"]
    places = {each["name"]: each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
    for volume in pod["volumes"]:
        for source in volume.get("projected", {}).get("sources", []):
            secret = source["secret"]
            for item in secret["items"]:
                value = kept.get(("Secret", secret["name"]), {}).get(item["key"])
                if value is None:
                    yield f"{name_of(deployment)}: there is no secret {secret['name']} with {item['key']}"
                    continue
                path = folder / f"{places.get(volume['name'], 'unmounted')}/{item['path']}".lstrip("/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(value)


def _missing_references(manifest: Manifest, kept: dict[tuple[str, str], dict[str, str]]) -> Iterator[str]:
    spec = manifest["spec"]
    password = spec["kubernetesConfig"]["redisSecret"]
    wanted = [("Secret", password["name"], password["key"])]
    if manifest["kind"] == "RedisReplication":
        # The operator's bootstrap reads the file of this name.
        wanted.append(("ConfigMap", spec["redisConfig"]["additionalRedisConfig"], "redis-additional.conf"))
    else:
        reference = spec["redisSentinelConfig"]["redisReplicationPassword"]["secretKeyRef"]
        wanted.append(("Secret", reference["name"], reference["key"]))
    for kind, name, key in wanted:
        if key not in kept.get((kind, name), {}):
            yield f"{name_of(manifest)}: there is no {kind} {name} with {key}"


def _other_sentinels(all_manifests: list[Manifest], every_pod: list[Pods]) -> Iterator[str]:
    """Yield differences between the address in the secret and the Sentinels that exist."""
    address = RedisAddress.parse(secrets()["pipeline"]["redis_url"])
    replications = {each["metadata"]["name"] for each in of(all_manifests, "RedisReplication")}
    for manifest in of(all_manifests, "RedisSentinel"):
        config, name = manifest["spec"]["redisSentinelConfig"], manifest["metadata"]["name"]
        number = next(each.number for each in every_pod if each.owner == name_of(manifest))
        # A StatefulSet's pods have these names in the Service of their own.
        hosts = [(f"{name}-sentinel-{each}.{name}-sentinel-headless", 26379) for each in range(number)]
        if config["redisReplicationName"] not in replications:
            yield f"{name_of(manifest)}: there is no RedisReplication {config['redisReplicationName']}"
        if address.sentinels != hosts or address.service != config["masterGroupName"]:
            yield f"{name_of(manifest)}: the address in the secret is not that of these Sentinels"
        if int(config["quorum"]) != number // 2 + 1:
            yield f"{name_of(manifest)}: the quorum is not a majority"
