"""The manifests of deploy/kubernetes: valid for Kubernetes and the operators, consistent, as in compose."""

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from deploy import kubernetes_secrets
from tests.deploy.consistency import OUR_IMAGE, of, problems
from tests.deploy.crds import strict
from tests.deploy.manifests import FOLDER, ROOT, Manifest, manifests, read
from tests.deploy.schemas import VERSIONS, errors

#: A change of one object that someone could make by mistake.
Mistake = Callable[[Manifest], object]


def compose() -> dict[str, Any]:
    """The services of compose.yaml."""
    services: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    return services


def container(manifest: Manifest) -> dict[str, Any]:
    """The only container of a Deployment."""
    (found,) = manifest["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def deployment(name: str) -> Manifest:
    (found,) = [each for each in of(manifests(), "Deployment") if each["metadata"]["name"] == name]
    return found


def test_every_file_is_part_of_the_installation() -> None:
    named = set(read("kustomization.yaml")[0]["resources"])

    assert named == {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}


def test_all_objects_are_valid_and_fit_together() -> None:
    assert problems(manifests()) == []


def test_no_object_is_declared_twice() -> None:
    names = [(each["apiVersion"], each["kind"], each["metadata"]["name"]) for each in manifests()]

    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("kind", "name", "mistake", "expected"),
    [
        # A misspelt field, of Kubernetes and of each operator.
        ("Deployment", "api", lambda it: container(it).update(livenesProbe={}), "livenesProbe"),
        ("RabbitmqCluster", "rabbitmq", lambda it: it["spec"].update(replica=3), "replica"),
        ("RedisReplication", "redis", lambda it: it["spec"].update(size=3), "size"),
        ("RedisSentinel", "redis", lambda it: it["spec"]["redisSentinelConfig"].update(qorum="2"), "qorum"),
        (
            "RabbitmqCluster",
            "rabbitmq",
            lambda it: it["spec"]["affinity"]["podAntiAffinity"].update(requiredDuringScheduling=[]),
            "requiredDuringScheduling",
        ),
        # A wrong type or value, and a missing field.
        ("Deployment", "worker", lambda it: it["spec"].update(replicas="3"), "spec.replicas"),
        ("RedisSentinel", "redis", lambda it: it["spec"]["redisSentinelConfig"].update(quorum=2), "quorum"),
        ("RabbitmqCluster", "rabbitmq", lambda it: it["spec"]["service"].update(type="Cluster"), "service"),
        ("RedisReplication", "redis", lambda it: it["spec"].pop("clusterSize"), "clusterSize"),
        ("PodDisruptionBudget", "api", lambda it: it.update(apiVersion="policy/v1beta1"), "has no"),
        # A port that no container names.
        ("Service", "api", lambda it: it["spec"]["ports"][0].update(targetPort="web"), "no port named web"),
        (
            "Deployment",
            "worker",
            lambda it: container(it)["livenessProbe"]["httpGet"].update(port="http"),
            "livenessProbe asks the port http",
        ),
        ("NetworkPolicy", "redis", lambda it: it["spec"]["ingress"][0]["ports"].pop(), "it allows the ports"),
        # A selector that matches nothing.
        ("Service", "worker", lambda it: it["spec"].update(selector={"app": "worker"}), "matches no pod"),
        (
            "PodDisruptionBudget",
            "rabbitmq",
            lambda it: it["spec"]["selector"].update(matchLabels={"app": "rabbitmq"}),
            "matches no pod",
        ),
        (
            "RedisReplication",
            "redis",
            lambda it: it["spec"]["affinity"]["podAntiAffinity"][
                "requiredDuringSchedulingIgnoredDuringExecution"
            ][0]["labelSelector"].update(matchLabels={"app": "reddis"}),
            "matches no pod",
        ),
        (
            "Deployment",
            "api",
            lambda it: it["spec"]["template"]["metadata"].update(labels={"app": "api"}),
            "does not match its own pods",
        ),
        # A setting that does not exist, or has an invalid value.
        (
            "Deployment",
            "api",
            lambda it: container(it)["env"].append({"name": "IOT_LOGIC_API_ADDRESS", "value": "x"}),
            "IOT_LOGIC_API_ADDRESS is not a setting",
        ),
        (
            "ConfigMap",
            "settings",
            lambda it: it["data"].update(IOT_LOGIC_PARTITION="8"),
            "IOT_LOGIC_PARTITION",
        ),
        ("ConfigMap", "settings", lambda it: it["data"].update(IOT_LOGIC_PARTITIONS="0"), "invalid value"),
        # Something that is not there.
        (
            "Deployment",
            "worker",
            lambda it: it["spec"]["template"]["spec"]["volumes"][0]["projected"]["sources"][0]["secret"][
                "items"
            ][0].update(key="uri"),
            "no secret rabbitmq-default-user with uri",
        ),
        (
            "Deployment",
            "worker",
            lambda it: container(it)["volumeMounts"][0].update(mountPath="/keys"),
            "cannot be read",
        ),
        (
            "RedisReplication",
            "redis",
            lambda it: it["spec"]["redisConfig"].update(additionalRedisConfig="redis-conf"),
            "no ConfigMap redis-conf",
        ),
        (
            "RedisSentinel",
            "redis",
            lambda it: it["spec"]["redisSentinelConfig"].update(masterGroupName="mymaster"),
            "not that of these Sentinels",
        ),
        (
            "RedisSentinel",
            "redis",
            lambda it: it["spec"].update(clusterSize=5),
            "not that of these Sentinels",
        ),
        (
            "RedisSentinel",
            "redis",
            lambda it: it["spec"]["redisSentinelConfig"].update(redisReplicationName="plant"),
            "no RedisReplication plant",
        ),
    ],
)
def test_a_mistake_is_found(kind: str, name: str, mistake: Mistake, expected: str) -> None:
    changed = copy.deepcopy(manifests())
    (one,) = [each for each in changed if (each["kind"], each["metadata"]["name"]) == (kind, name)]

    mistake(one)

    assert any(expected in each for each in problems(changed)), problems(changed)


def test_a_pod_without_a_disruption_budget_is_found() -> None:
    without = [
        each
        for each in manifests()
        if (each["kind"], each["metadata"]["name"]) != ("PodDisruptionBudget", "worker")
    ]

    assert problems(without) == ["Deployment worker: 0 PodDisruptionBudgets select its pods"]


def test_an_operators_definition_is_made_strict() -> None:
    definition = {
        "type": "object",
        "properties": {
            "metadata": {"type": "object"},
            "kind": {"type": "string"},
            "spec": {
                "type": "object",
                "properties": {
                    "port": {
                        "anyOf": [{"type": "integer"}, {"type": "string"}],
                        "x-kubernetes-int-or-string": True,
                    },
                    "properties": {"type": "object", "additionalProperties": {"type": "string"}},
                    "free": {
                        "type": "object",
                        "properties": {},
                        "x-kubernetes-preserve-unknown-fields": True,
                    },
                },
            },
        },
    }
    validator = jsonschema_rs.validator_for(strict(definition))

    assert validator.is_valid({"metadata": {"name": "x"}, "spec": {"port": "http", "properties": {"a": "b"}}})
    assert validator.is_valid({"spec": {"port": 80, "free": {"a": 1}}})
    assert not validator.is_valid({"spec": {"prot": 80}})
    assert not validator.is_valid({"spec": {"properties": {"a": 1}}})
    assert not validator.is_valid({"spec": {"port": []}})


def test_our_pods_have_only_the_permissions_they_need() -> None:
    (user,) = re.findall(r"^USER (\d+):\1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    for manifest in of(manifests(), "Deployment"):
        pod, security = manifest["spec"]["template"]["spec"], container(manifest)["securityContext"]
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": int(user),
            "runAsGroup": int(user),
            "fsGroup": int(user),
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert security == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        # Only memory is writable, and only the owner's group reads the secrets.
        keys, tmp = pod["volumes"]
        assert keys["projected"]["defaultMode"] == 0o440
        assert tmp["emptyDir"]["medium"] == "Memory"
    for manifest in [*of(manifests(), "RedisReplication"), *of(manifests(), "RedisSentinel")]:
        assert manifest["spec"]["podSecurityContext"]["runAsNonRoot"] is True
        assert manifest["spec"]["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("name", ["api", "worker"])
def test_our_pods_are_as_in_compose(name: str) -> None:
    service, pod = compose()[name], deployment(name)["spec"]["template"]["spec"]
    here = container(deployment(name))
    environ = {each["name"]: each["value"] for each in here["env"]}
    there = {key: value for key, value in service["environment"].items() if key in environ}
    # The sizes and times of both are powers of the same units.
    size = {"1g": "1Gi"}[service["mem_limit"]]
    seconds = {"30s": 30, "5m": 300}[service["stop_grace_period"]]

    assert here["image"] == service["image"] == OUR_IMAGE
    assert here["command"] == service["command"]
    assert there == environ
    assert here["resources"]["limits"]["memory"] == size
    assert pod["terminationGracePeriodSeconds"] == seconds
    # The port is the one that compose's health check asks.
    (asked,) = re.findall(r"127\.0\.0\.1:(\d+)", service["healthcheck"]["test"][-1])
    assert [each["containerPort"] for each in here["ports"]] == [int(asked)]
    (tmp,) = [each["emptyDir"] for each in pod["volumes"] if "emptyDir" in each]
    assert tmp["sizeLimit"].removesuffix("Mi") == re.findall(r"size=(\d+)m", service["tmpfs"][0])[0]


def test_liveness_does_not_depend_on_servers() -> None:
    asked = {
        (each["metadata"]["name"], probe): container(each)[probe]["httpGet"]["path"]
        for each in of(manifests(), "Deployment")
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }

    # test_silent_servers has an API that is alive without servers; a worker serves its metrics without them.
    assert asked == {
        ("api", "startupProbe"): "/health/live",
        ("api", "livenessProbe"): "/health/live",
        ("api", "readinessProbe"): "/health/ready",
        ("worker", "startupProbe"): "/metrics",
        ("worker", "livenessProbe"): "/metrics",
        ("worker", "readinessProbe"): "/metrics",
    }


def test_the_servers_are_three_on_hosts_of_their_own() -> None:
    rabbitmq, redis, sentinel = (
        of(manifests(), kind)[0]["spec"] for kind in ("RabbitmqCluster", "RedisReplication", "RedisSentinel")
    )

    assert rabbitmq["replicas"] == redis["clusterSize"] == sentinel["clusterSize"] == 3
    for spec in (rabbitmq, redis, sentinel):
        (rule,) = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert rule["topologyKey"] == "kubernetes.io/hostname"


def test_rabbitmq_has_the_same_image_plugins_and_settings_as_in_compose() -> None:
    spec = of(manifests(), "RabbitmqCluster")[0]["spec"]
    folder = ROOT / "deploy" / "rabbitmq"
    plugins = set(re.findall(r"\w+", (folder / "enabled_plugins").read_text()))
    settings = _lines((folder / "rabbitmq.conf").read_text() + (folder / "cluster.conf").read_text())
    here = _lines(spec["rabbitmq"]["additionalConfig"])
    # The operator creates the users, finds the nodes, logs to the console, and knows the limit of memory.
    operators = re.compile(r"definitions\.|cluster_formation\.|log\.|total_memory_available_override_value")

    assert spec["image"] in compose()["rabbitmq"]["image"]
    assert {*spec["rabbitmq"]["additionalPlugins"], "rabbitmq_management", "rabbitmq_prometheus"} == plugins
    assert here == {line for line in settings if not operators.match(line)}
    advanced = (folder / "advanced.config").read_text().splitlines()
    assert spec["rabbitmq"]["advancedConfig"].splitlines() == [
        line for line in advanced if not line.startswith("%")
    ]


def test_redis_has_the_same_settings_as_in_compose() -> None:
    (config,) = [each for each in of(manifests(), "ConfigMap") if each["metadata"]["name"] == "redis"]
    folder = ROOT / "deploy" / "redis"
    settings = _lines((folder / "redis.conf").read_text() + (folder / "cluster.conf").read_text())
    # The operator chooses the folder, the users and the addresses.
    operators = re.compile(r"dir |aclfile |protected-mode |replica-announce-|include ")
    sentinel = of(manifests(), "RedisSentinel")[0]["spec"]["redisSentinelConfig"]
    sentinels = _lines((folder / "sentinel.conf").read_text())

    assert _lines(config["data"]["redis-additional.conf"]) == {
        line for line in settings if not operators.match(line)
    }
    assert f"sentinel down-after-milliseconds plant {sentinel['downAfterMilliseconds']}" in sentinels
    assert f"sentinel failover-timeout plant {sentinel['failoverTimeout']}" in sentinels


def _lines(text: str) -> set[str]:
    return {line for line in text.splitlines() if line and not line.startswith("#")}


def test_the_secrets_are_valid_and_never_the_same() -> None:
    command = [sys.executable, "-I", str(ROOT / "deploy" / "kubernetes_secrets.py")]
    first, second = (
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for _ in range(2)
    )

    for secret, other in zip(first["items"], second["items"], strict=True):
        assert [error for version in VERSIONS for error in errors(secret, version)] == []
        assert secret["metadata"]["namespace"] == kubernetes_secrets.NAMESPACE
        assert all(len(value) >= 43 for value in secret["stringData"].values())
        assert secret["stringData"].keys() == other["stringData"].keys()
        assert not set(secret["stringData"].values()) & set(other["stringData"].values())
    assert read("kustomization.yaml")[0]["namespace"] == kubernetes_secrets.NAMESPACE
    assert of(manifests(), "Namespace")[0]["metadata"]["name"] == kubernetes_secrets.NAMESPACE


def test_no_manifest_contains_a_secret() -> None:
    text = "".join(path.read_text() for path in Path(FOLDER).glob("*.yaml"))

    assert of(manifests(), "Secret") == []
    assert not re.search(r"//[^/\s]*@", text)
