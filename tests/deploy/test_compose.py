"""compose.cluster.yaml, read as it is: as closed as compose.yaml, valid settings, and addresses that exist.

`make test-compose` starts it.
"""

import re
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import yaml

from pipeline.settings import FILE_SUFFIX, PREFIX, Settings, addresses_of
from pipeline.store.address import RedisAddress
from tests.deploy.manifests import ROOT
from web.server import proxies_of

Service = dict[str, Any]

#: What a service of compose.yaml may have more of, or differently, when it is one of several.
_OF_ITS_OWN: Final = {
    "command",
    "depends_on",
    "entrypoint",
    "environment",
    "extra_hosts",
    "hostname",
    "networks",
    "ports",
    "scale",
    "volumes",
}


def services(name: str) -> dict[str, Service]:
    """The services of a compose file, with the defaults of its variables."""
    found: dict[str, Service] = filled(yaml.safe_load((ROOT / name).read_text()))["services"]
    return found


def filled(value: Any) -> Any:
    """Return a value with the defaults of all variables in it, as in ${NAME:-default}."""
    if isinstance(value, dict):
        return {key: filled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each) for each in value]
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) if isinstance(value, str) else value


CLUSTER: Final = services("compose.cluster.yaml")
SINGLE: Final = services("compose.yaml")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the secrets of the cluster."""
    folder = tmp_path_factory.mktemp("keys")
    for volume in CLUSTER["keys"]["volumes"]:
        (folder / Path(volume.partition(":")[2]).name).mkdir()
    subprocess.run([sys.executable, "-I", ROOT / "deploy" / "keys.py", folder, "cluster"], check=True)
    return folder


def single(name: str) -> Service | None:
    """The service of compose.yaml of which this is one of several."""
    return SINGLE.get(re.sub(r"-\d$", "", name))


def test_there_are_as_many_as_may_lose_one() -> None:
    kinds = [re.sub(r"-\d$", "", name) for name in CLUSTER for _ in range(CLUSTER[name].get("scale", 1))]

    assert {kind: kinds.count(kind) for kind in kinds} == {
        "keys": 1,
        "haproxy": 1,
        "api": 2,
        "worker": 3,
        "devices": 1,
        "rabbitmq": 3,
        "redis": 3,
        "sentinel": 3,
    }


@pytest.mark.parametrize("name", CLUSTER)
def test_each_service_is_as_closed_as_in_compose(name: str) -> None:
    service, closed = CLUSTER[name], SINGLE["redis"]

    for key in ("init", "read_only", "cap_drop", "security_opt", "logging"):
        assert service[key] == closed[key], key
    assert service["restart"] == {"keys": "no", "devices": "on-failure"}.get(name, "unless-stopped")
    assert not {"cap_add", "privileged", "pid", "ipc", "devices", "network_mode"} & set(service) - (
        {"network_mode"} if name == "keys" else set()
    )
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert name in ("keys", "devices") or service["healthcheck"]["test"]
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:"), port
    for volume in service.get("volumes", []):
        source, inside, *mode = volume.split(":")
        kept = inside in ("/data", "/var/lib/rabbitmq") or name == "keys"
        assert mode == ([] if kept else ["ro"]), volume
        # Files of this repository, and volumes of the service's own or with its secrets.
        assert (ROOT / source).is_file() if source.startswith("./") else source in volumes(), volume


def volumes() -> set[str]:
    return set(yaml.safe_load((ROOT / "compose.cluster.yaml").read_text())["volumes"])


@pytest.mark.parametrize("name", [name for name in CLUSTER if single(name)])
def test_each_of_several_is_like_the_only_one(name: str) -> None:
    one = single(name)
    assert one is not None
    service = CLUSTER[name]

    for key in (one.keys() | service.keys()) - _OF_ITS_OWN:
        assert service.get(key) == one.get(key), key
    if name.startswith(("api", "worker", "devices")):
        assert service["command"] == one["command"]
    assert set(service.get("networks", [])) - {"edge"} == set(one.get("networks", []))
    assert {volume.partition(":")[2] for volume in one.get("volumes", [])} <= {
        volume.partition(":")[2] for volume in service.get("volumes", [])
    }


def test_no_two_servers_share_their_data() -> None:
    data = [
        volume.partition(":")[0]
        for service in CLUSTER.values()
        for volume in service.get("volumes", [])
        if volume.endswith((":/data", ":/var/lib/rabbitmq"))
    ]

    assert len(data) == len(set(data)) == 9


@pytest.mark.parametrize("name", ["api-1", "api-2", "worker", "devices"])
def test_the_settings_of_each_service_are_valid(name: str, keys: Path) -> None:
    service = CLUSTER[name]
    (volume,) = [each.partition(":")[0] for each in service["volumes"]]
    folder = keys / volume.removeprefix("keys-")
    environ = {
        key: value.replace("/run/keys", str(folder)) if key.endswith(FILE_SUFFIX) else value
        for key, value in service["environment"].items()
        if key.startswith(PREFIX)
    }

    settings = Settings.from_environ(environ)

    hosts = {
        "amqp_url": [urlsplit(each).hostname for each in addresses_of(settings.amqp_url)],
        "mqtt_url": [urlsplit(each).hostname for each in addresses_of(settings.mqtt_url)],
        "redis_url": [host for host, _ in RedisAddress.parse(settings.redis_url).sentinels],
    }
    if name == "devices":
        assert hosts["mqtt_url"] == kind("rabbitmq")
        return
    assert hosts == {
        "amqp_url": kind("rabbitmq"),
        "mqtt_url": kind("rabbitmq"),
        "redis_url": kind("sentinel"),
    }
    assert set(service["depends_on"]) == {*kind("rabbitmq"), *kind("redis"), *kind("sentinel")}
    if name.startswith("api"):
        assert proxies_of(settings) == [CLUSTER["haproxy"]["networks"]["edge"]["ipv4_address"]]


def kind(name: str) -> list[str]:
    """The names of the services of a kind."""
    return [each for each in CLUSTER if re.fullmatch(rf"{name}-\d", each)]


def test_each_container_knows_the_fixed_addresses_of_the_servers() -> None:
    servers = [*kind("rabbitmq"), *kind("redis"), *kind("sentinel")]
    fixed = {name: next(iter(CLUSTER[name]["networks"].values()))["ipv4_address"] for name in servers}
    networks = filled(yaml.safe_load((ROOT / "compose.cluster.yaml").read_text()))["networks"]
    configs = [each["ipam"]["config"][0] for each in networks.values()]

    for name, service in CLUSTER.items():
        if name != "haproxy":
            assert dict(each.split(":") for each in service["extra_hosts"]) == fixed, name
    assert len(set(fixed.values())) == len(fixed)
    # Docker gives none of them to another container.
    for address in fixed.values():
        assert any(ip_address(address) in ip_network(each["subnet"]) for each in configs)
        assert not any(ip_address(address) in ip_network(each["ip_range"]) for each in configs)


def test_haproxy_has_the_addresses_of_the_apis() -> None:
    config = (ROOT / "deploy" / "haproxy" / "haproxy.cfg").read_text()
    proxy = CLUSTER["haproxy"]

    assert set(re.findall(r"\$\{(\w+)\}", config)) == set(proxy["environment"])
    for number in (1, 2):
        address = CLUSTER[f"api-{number}"]["networks"]["edge"]["ipv4_address"]
        assert proxy["environment"][f"API_{number}"] == f"{address}:8001"
    assert proxy["environment"]["LISTEN"].endswith(":" + proxy["ports"][0].rpartition(":")[2])


def test_the_servers_know_each_others_names(keys: Path) -> None:
    rabbitmq = (ROOT / "deploy" / "rabbitmq" / "cluster.conf").read_text()
    sentinel = (ROOT / "deploy" / "redis" / "sentinel.conf").read_text()
    service = RedisAddress.parse((keys / "pipeline" / "redis_url").read_text().strip()).service

    assert re.findall(
        r"^cluster_formation\.classic_config\.nodes\.\d = rabbit@(.+)$", rabbitmq, re.MULTILINE
    ) == [CLUSTER[name]["hostname"] for name in kind("rabbitmq")]
    assert [CLUSTER[name]["hostname"] for name in kind("rabbitmq")] == kind("rabbitmq")
    for name in (*kind("redis"), *kind("sentinel")):
        assert CLUSTER[name]["command"] == [name]
    assert re.findall(r"^sentinel monitor (\S+) (\S+) 6379 2$", sentinel, re.MULTILINE) == [
        (service, kind("redis")[0])
    ]
    # All lines of Sentinel name the same service.
    text = sentinel + (keys / "sentinel" / "passwords.conf").read_text()
    named = re.findall(r"^sentinel (?:monitor|auth-\w+|down-\S+|failover-\S+) (\S+)", text, re.MULTILINE)
    assert set(named) == {service}


def test_each_server_gets_only_the_secrets_it_needs(keys: Path) -> None:
    files = {path.name: sorted(each.name for each in path.iterdir()) for path in keys.iterdir()}

    assert files == {
        "pipeline": ["amqp_url", "redis_url", "signing_key"],
        "devices": ["mqtt_url"],
        "rabbitmq": ["definitions.json", "erlang_cookie"],
        "redis": ["replication.conf", "users.acl"],
        "sentinel": ["passwords.conf", "users.acl"],
    }
    for name, service in CLUSTER.items():
        mounted = [each for each in service.get("volumes", []) if each.startswith("keys-")]
        expected = {"api": "pipeline", "worker": "pipeline"}.get(
            re.sub(r"-\d$", "", name), re.sub(r"-\d$", "", name)
        )
        if name not in ("keys", "haproxy"):
            assert mounted == [f"keys-{expected}:/run/keys:ro"], name
    # Passwords are stored as hashes where the server allows it.
    for name in ("redis", "sentinel"):
        assert " >" not in (keys / name / "users.acl").read_text()
