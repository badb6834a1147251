"""Checks of compose.cluster.yaml: any one container dies, and nothing is lost. They share one stack."""

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.compose.check_stack import FOLDER, MACHINES
from tests.compose.closed import check_closed
from tests.compose.engine import engine
from tests.compose.numbered import LOGIC, Numbered
from tests.compose.report import note
from tests.compose.stack import Stack
from tests.compose.stand_in import compose_command, images
from tests.support.waiting import wait_until

# These checks cause the errors that it logs.
logging.getLogger("pika").setLevel(logging.CRITICAL)

FILE = "compose.cluster.yaml"

NODES = ("rabbitmq-1", "rabbitmq-2", "rabbitmq-3")
REDIS = ("redis-1", "redis-2", "redis-3")
SENTINELS = ("sentinel-1", "sentinel-2", "sentinel-3")
APIS = ("api-1", "api-2")
SERVICES = (*NODES, *REDIS, *SENTINELS, *APIS, "haproxy", "worker", "devices")

#: Seconds until readings flow again after a kill: generous, because one machine runs everything.
_AGAIN_SECONDS = 180

#: Asks the Sentinels for the primary, and it for its replicas, with the settings of the container.
PRIMARY = """
import json
from pipeline.settings import Settings
from pipeline.store.address import RedisAddress
import redis.sentinel
address = RedisAddress.parse(Settings.from_environ().redis_url)
sentinels = redis.sentinel.Sentinel(address.sentinels, sentinel_kwargs=address.sentinel_options(2))
host, _ = sentinels.discover_master(address.service)
client = sentinels.master_for(address.service, **address.options, socket_timeout=2)
info = client.info("replication")
print(json.dumps({"host": host, "replicas": info["connected_slaves"]}))
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Stack]:
    """The stack of the cluster, built and started, with the available images."""
    import docker

    with engine(FOLDER) as url:
        client = docker.DockerClient(base_url=url, timeout=1200) if url else docker.from_env(timeout=1200)
        found = images(client, FILE)
        command = compose_command(client, FOLDER)
        client.close()
        ports = (
            "API",
            "MANAGEMENT",
            *(f"{kind}_{number}" for kind in ("AMQP", "MQTT") for number in (1, 2, 3)),
        )
        with Stack(url, found, command, FILE, ports, "/iot") as it:
            it.compose("build")
            started = time.monotonic()
            it.start()
            it.let_in()
            note("cluster started in", f"{time.monotonic() - started:.0f} s")
            note("HAProxy", it.run("haproxy", "haproxy", "-v").split()[2])
            yield it


def addresses(stack: Stack) -> list[str]:
    """The addresses of RabbitMQ's nodes for the simulated machines' user."""
    found = re.search(r"//devices:([^@]+)@", stack.run("devices", "cat", "/run/keys/mqtt_url"))
    assert found
    return [
        f"amqp://devices:{found[1]}@127.0.0.1:{stack.ports[f'AMQP_{number}']}/%2F?socket_timeout=10"
        for number in (1, 2, 3)
    ]


def primary(stack: Stack, api: str = "api-2") -> dict[str, Any]:
    """The name of Redis's primary, and the number of its replicas; empty if the Sentinels do not know it."""
    done = stack.try_to_run(api, "python", "-c", PRIMARY)
    found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_of_the_cluster_has_only_the_permissions_it_needs(cluster: Stack, service: str) -> None:
    check_closed(cluster, service)


def test_only_haproxy_and_rabbitmq_publish_ports(cluster: Stack) -> None:
    published = {
        service
        for service in SERVICES
        for container in cluster.containers(service)
        for outside in container.attrs["NetworkSettings"]["Ports"].values()
        for each in outside or []
        if each["HostIp"] == "127.0.0.1"
    }

    assert published == {"haproxy", *NODES}


def test_each_queue_has_a_member_on_each_node_and_the_leaders_are_spread(cluster: Stack) -> None:
    queues = json.loads(
        cluster.run(
            "rabbitmq-1",
            "rabbitmqctl",
            "-q",
            "list_queues",
            "--formatter",
            "json",
            "name",
            "leader",
            "members",
        )
    )
    members = {each["name"]: len(each["members"]) for each in queues}
    note("queues with 3 members", f"{list(members.values()).count(3)} of {len(members)}")

    assert {name for name in members if name.startswith("readings.")} == {f"readings.{n}" for n in range(8)}
    assert set(members.values()) == {3}
    assert len({each["leader"] for each in queues}) == 3


def test_the_doctor_finds_no_problem_in_the_cluster(cluster: Stack) -> None:
    print("\n" + cluster.run("api-1", "iot-logic", "doctor"))


def test_no_reading_is_lost_or_counted_twice_whatever_container_dies(cluster: Stack) -> None:
    for machine in MACHINES:
        cluster.upload(machine, LOGIC)
    wait_until(lambda: primary(cluster).get("replicas") == 2, timeout=60)

    with Numbered(addresses(cluster), MACHINES) as publisher:

        def results() -> int:
            """The number up to which all machines' readings are processed. -1: no API answers."""
            try:
                return min(int(state(cluster, machine).get("last", 0)) for machine in MACHINES)
            except (httpx.HTTPError, AssertionError):
                return -1

        def more() -> None:
            """Wait until readings are confirmed that are sent from now on, and processed."""
            sent = publisher.confirmed + 20
            wait_until(lambda: results() >= sent, timeout=_AGAIN_SECONDS)

        def kill(service: str, back: Callable[[], bool] = lambda: True) -> None:
            """Kill a container, wait until readings flow without it, and start it again."""
            container = cluster.containers(service)[0]
            killed = time.monotonic()
            container.kill()
            more()
            note(
                f"{service} killed",
                f"20 more readings of each machine after {time.monotonic() - killed:.1f} s",
            )
            container.start()
            wait_until(cluster.is_healthy, timeout=_AGAIN_SECONDS)
            wait_until(back, timeout=_AGAIN_SECONDS)

        more()
        first = primary(cluster)["host"]
        kill(first, lambda: primary(cluster).get("replicas") == 2)
        second = primary(cluster)["host"]
        kill(second, lambda: primary(cluster).get("replicas") == 2)
        # The first node, which the publisher and many others are connected to, and another one.
        kill("rabbitmq-1")
        kill("rabbitmq-2")
        kill("sentinel-1")
        kill("api-1")
        kill("api-2")
        kill("worker", lambda: cluster.all_held_by(3))
        more()
        sent = publisher.confirmed
    wait_until(lambda: results() >= sent, timeout=_AGAIN_SECONDS)
    states = [state(cluster, machine) for machine in MACHINES]
    again = sum(each.get("again", 0) for each in states)
    note("readings in the cluster", f"{sent} of each of {len(MACHINES)} machines, through 8 kills")
    note("sent again, counted again", f"{publisher.repeated}, {again}")

    assert second != first
    for each in states:
        assert "missing" not in each
        assert each["count"] == each["last"]
    # The publisher sends a reading again if its connection ends before the confirm. Nothing else repeats one.
    assert again <= publisher.repeated


def test_a_stopped_cluster_continues_where_it_was(cluster: Stack) -> None:
    before = {machine: state(cluster, machine) for machine in MACHINES}
    leader = primary(cluster)["host"]

    cluster.compose("stop")
    cluster.compose("down")
    cluster.start()
    wait_until(lambda: primary(cluster).get("replicas") == 2, timeout=_AGAIN_SECONDS)

    assert primary(cluster)["host"] in REDIS
    note("primary before and after a stop of everything", f"{leader}, {primary(cluster)['host']}")
    assert {machine: state(cluster, machine) for machine in MACHINES} == before
    assert "iot_admin_" not in cluster.logs("api-1") + cluster.logs("api-2")


def state(stack: Stack, machine: str) -> dict[str, Any]:
    found: dict[str, Any] = stack.get(f"/machines/{machine}/state")
    return found
