"""Checks of the compose file's promises, on the real stack. They share one stack, and run in this order."""

import json
import logging
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pika
import pika.exceptions
import pytest

from pipeline import wire
from tests.compose.closed import check_closed
from tests.compose.engine import engine
from tests.compose.numbered import LOGIC, Numbered
from tests.compose.prometheus import Prometheus
from tests.compose.report import note
from tests.compose.stack import SERVICES, Stack, dashboard_queries, metric_names
from tests.compose.stand_in import ROOT, compose_command, images
from tests.support.installation import SCRIPTS
from tests.support.waiting import wait_until

# These checks cause the errors that it logs.
logging.getLogger("pika").setLevel(logging.CRITICAL)

#: The folder in which our own engine keeps its images for the next run.
FOLDER = ROOT / "build" / "compose"

#: The machines that the user of the simulated machines may send for, by the prefix of their ids.
MACHINES = [f"machine_nr-{number}" for number in range(1, 7)]

OURS = ("api", "worker", "devices")

#: Reads the counters of a worker, in its container.
SCRAPE = """
from urllib.request import urlopen
print(urlopen("http://127.0.0.1:8101/metrics", timeout=10).read().decode())
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """The stack, built and started as the README says, with the available images."""
    import docker

    with engine(FOLDER) as url:
        client = docker.DockerClient(base_url=url, timeout=1200) if url else docker.from_env(timeout=1200)
        found = images(client, "compose.yaml")
        command = compose_command(client, FOLDER)
        if url:
            # In our own engine, remove unnamed images that earlier runs have built.
            client.images.prune()
        client.close()
        with Stack(url, found, command) as it:
            it.start("--build")
            it.let_in()
            _note_what_is_tested(it, found)
            yield it


def _note_what_is_tested(stack: Stack, images: dict[str, str]) -> None:
    version = stack.docker.version()
    note("Docker engine", f"{version['Version']}, Linux {version['KernelVersion']}")
    note("Compose", stack.compose("version", "--short").strip())
    note("images", ", ".join(images.values()))
    note("Python", stack.run("worker", "python", "--version").split()[1])
    note("RabbitMQ", stack.run("rabbitmq", "rabbitmqctl", "-q", "version").strip())
    note("Redis", stack.run("redis", "redis-server", "--version").split()[2].removeprefix("v="))
    ours, base = (stack.docker.images.get(name) for name in ("iot-logic-processor", images["PYTHON_IMAGE"]))
    added = [each["Size"] for each in ours.history()[: len(ours.history()) - len(base.history())]]
    note(
        "our image",
        f"{sum(added) / 1e6:.0f} MB in {sum(size > 0 for size in added)} layers on a base of "
        f"{base.attrs['Size'] / 1e6:.0f} MB",
    )


@pytest.fixture(scope="module")
def devices_password(stack: Stack) -> str:
    """The password of the simulated machines' user."""
    found = re.search(r"//devices:([^@]+)@", stack.run("devices", "cat", "/run/keys/mqtt_url"))
    assert found
    return found[1]


def amqp(stack: Stack, user: str, password: str) -> str:
    return f"amqp://{user}:{password}@127.0.0.1:{stack.ports['AMQP']}/%2F?socket_timeout=30"


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_has_only_the_permissions_it_needs(stack: Stack, service: str) -> None:
    check_closed(stack, service)


@pytest.mark.parametrize("service", OURS)
def test_our_containers_are_one_image_of_an_unprivileged_user(stack: Stack, service: str) -> None:
    container = stack.container(service)

    assert container.attrs["Config"]["User"] == "10001:10001"
    assert container.attrs["HostConfig"]["PidsLimit"] == 256
    assert container.attrs["Image"] == stack.container("api").attrs["Image"]


def test_only_the_intended_ports_are_published(stack: Stack) -> None:
    published = {
        (service, inside): [(each["HostIp"], int(each["HostPort"])) for each in outside]
        for service in SERVICES
        for inside, outside in stack.container(service).attrs["NetworkSettings"]["Ports"].items()
        if outside
    }

    assert published == {
        ("api", "8001/tcp"): [("127.0.0.1", stack.ports["API"])],
        ("rabbitmq", "5672/tcp"): [("127.0.0.1", stack.ports["AMQP"])],
        ("rabbitmq", "1883/tcp"): [("127.0.0.1", stack.ports["MQTT"])],
        ("rabbitmq", "15672/tcp"): [("127.0.0.1", stack.ports["MANAGEMENT"])],
    }


def test_only_api_and_workers_reach_redis_and_each_sees_only_its_own_secrets(stack: Stack) -> None:
    networks = {
        service: {name.rpartition("_")[2] for name in container.attrs["NetworkSettings"]["Networks"]}
        for service in SERVICES
        for container in stack.containers(service)
    }
    secrets = {service: stack.run(service, "ls", "/run/keys").split() for service in SERVICES}

    assert networks == {
        "api": {"plant", "store"},
        "worker": {"plant", "store"},
        "devices": {"plant"},
        "rabbitmq": {"plant"},
        "redis": {"store"},
    }
    assert secrets == {
        "api": ["amqp_url", "redis_url", "signing_key"],
        "worker": ["amqp_url", "redis_url", "signing_key"],
        "devices": ["mqtt_url"],
        "rabbitmq": ["definitions.json"],
        "redis": ["users.acl"],
    }
    for service in SERVICES:
        environ = "\n".join(stack.container(service).attrs["Config"]["Env"])
        assert not re.search(r"//[^/\s]*@", environ)


def test_the_sandbox_is_confined_under_the_engines_own_filter(stack: Stack) -> None:
    code = (
        "from sandbox import Limits, Sandbox; s = Sandbox(Limits()); print(*sorted(s.confinement)); s.close()"
    )

    confinement = set(stack.run("worker", "python", "-c", code).split())
    note("sandbox confined by", ", ".join(sorted(confinement)))

    assert confinement >= {"seccomp", "no-new-privileges", "no-capabilities", "resource-limits"}


def test_the_first_token_is_printed_once_and_required_from_then_on(stack: Stack) -> None:
    stack.compose("restart", "api")
    wait_until(stack.is_healthy, timeout=120)

    assert len(re.findall("iot_admin_", stack.logs("api"))) == 1
    assert stack.get("/whoami")["role"] == "admin"
    assert httpx.get(stack.client.base_url.join("/machines"), timeout=30).status_code == 401


def test_no_client_is_admitted_without_a_password_of_this_stack(stack: Stack) -> None:
    with pytest.raises(pika.exceptions.AMQPError):
        pika.BlockingConnection(pika.URLParameters(amqp(stack, "guest", "guest")))
    redis = """
import redis
try:
    redis.Redis("redis").ping()
except redis.AuthenticationError:
    print("no")
"""
    anonymous = _mqtt(stack, "", "press-7")

    assert stack.run("worker", "python", "-c", redis).strip() == "no"
    assert anonymous != 0
    assert "guest" not in stack.run("rabbitmq", "rabbitmqctl", "-q", "list_users")


def test_the_api_serves_the_pages_with_all_that_they_load(stack: Stack) -> None:
    with httpx.Client(base_url=stack.client.base_url, timeout=30) as anybody:
        page = anybody.get("/")
        loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        found = {address: anybody.get(address).status_code for address in loaded}

    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert any(address.endswith(".js") for address in found)
    assert set(found.values()) == {200}
    # They are relative, so that the pages also work below a path, and none names a host.
    assert all(address.startswith("./") for address in found), found


def test_the_operator_can_read_rabbitmqs_page_and_change_nothing(stack: Stack) -> None:
    (password,) = re.findall("with the password\n(.+)\n", stack.logs("keys"))
    page = f"http://127.0.0.1:{stack.ports['MANAGEMENT']}"

    with (
        httpx.Client(base_url=page, timeout=30) as guest,
        httpx.Client(base_url=page, timeout=30, auth=("operator", password)) as operator,
    ):
        assert guest.get("/").status_code == 200
        assert guest.get("/api/overview", auth=("guest", "guest")).status_code == 401
        assert operator.get("/api/overview").status_code == 200
        queues = operator.get("/api/nodes").json()
        assert queues[0]["running"] is True
        assert operator.put("/api/users/mallory", json={"password": "x", "tags": ""}).status_code == 401
        assert operator.put("/api/queues/%2F/of-its-own", json={}).status_code == 401


def test_the_pipeline_cannot_empty_or_configure_redis(stack: Stack) -> None:
    code = """
import redis
from pipeline.settings import Settings
client = redis.Redis.from_url(Settings.from_environ().redis_url)
for command in ("FLUSHALL",), ("CONFIG", "SET", "appendonly", "no"), ("SHUTDOWN",), ("KEYS", "*"):
    try:
        client.execute_command(*command)
    except redis.exceptions.NoPermissionError:
        print("no")
print(*client.config_get("append*").values())
"""

    said = stack.run("worker", "python", "-c", code).split()

    assert said[:4] == ["no"] * 4
    assert {"yes", "always"} <= set(said[4:])


def test_a_device_may_publish_its_own_readings_and_nothing_else(stack: Stack) -> None:
    before = stack.run("rabbitmq", "add-user", "device", "press-7").strip()
    password = stack.run("rabbitmq", "add-user", "device", "press-7").strip()
    url = amqp(stack, "press-7", password)
    own, other = wire.data_key("press-7"), wire.data_key("press-8")

    _publish(url, wire.INGEST_EXCHANGE, own)

    with pytest.raises(pika.exceptions.AMQPError):
        _publish(amqp(stack, "press-7", before), wire.INGEST_EXCHANGE, own)
    for exchange, key in (
        (wire.INGEST_EXCHANGE, other),
        (wire.INGEST_EXCHANGE, wire.result_key("press-7")),
        (wire.READINGS_EXCHANGE, own),
        (wire.RESULTS_EXCHANGE, wire.result_key("press-7")),
        ("", wire.readings_queue(0)),
    ):
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"):
            _publish(url, exchange, key)
    for forbidden in (
        lambda channel: channel.queue_declare("of-its-own"),
        lambda channel: channel.basic_get(wire.readings_queue(0)),
        lambda channel: channel.queue_purge(wire.readings_queue(0)),
        lambda channel: channel.queue_delete(wire.readings_queue(0)),
        lambda channel: channel.exchange_delete(wire.READINGS_EXCHANGE),
    ):
        with (
            pika.BlockingConnection(pika.URLParameters(url)) as connection,
            pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"),
        ):
            forbidden(connection.channel())  # type: ignore[no-untyped-call]
    assert _mqtt(stack, f"press-7:{password}@", "press-7") == 0
    assert _mqtt(stack, f"press-7:{password}@", "press-8") != 0


def test_a_reader_gets_all_results_and_sends_nothing(stack: Stack) -> None:
    password = stack.run("rabbitmq", "add-user", "reader", "historian").strip()
    url = amqp(stack, "historian", password)
    stack.upload("machine_A", LOGIC.replace('data["n"]', "len(data)"))

    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.queue_declare("results.historian", durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind("results.historian", wire.RESULTS_EXCHANGE, "#")
        event = next(channel.consume("results.historian", inactivity_timeout=60))
        channel.cancel()
        channel.queue_delete("results.historian")

    assert event[2] is not None
    assert json.loads(event[2])["subject"] == "machine_A"
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"):
        _publish(url, wire.INGEST_EXCHANGE, wire.data_key("machine_A"))


def test_no_reading_is_lost_whatever_is_scaled_killed_restarted_or_stopped(
    stack: Stack, devices_password: str
) -> None:
    for machine in MACHINES:
        stack.upload(machine, LOGIC)

    with Numbered([amqp(stack, "devices", devices_password)], MACHINES) as publisher:

        def more() -> None:
            """Wait until the broker has received more readings."""
            before = publisher.confirmed
            wait_until(lambda: publisher.confirmed > before + 20, timeout=120)

        more()
        stack.start("--no-recreate", "--scale", "worker=3")
        wait_until(lambda: stack.all_held_by(3), timeout=60)
        more()
        stack.containers("worker")[0].kill()
        wait_until(lambda: stack.all_held_by(2), timeout=60)
        more()
        stack.compose("restart", "rabbitmq")
        more()
        stack.compose("restart", "redis")
        more()
        # A worker that is asked to end finishes its batches.
        stack.compose("stop", "worker")
        ends = sorted(each.attrs["State"]["ExitCode"] for each in stack.containers("worker", ended=True))
        more()
        stack.start("--no-recreate", "--scale", "worker=1")
        more()
        sent = publisher.confirmed
    wait_until(
        lambda: all(_state(stack, machine).get("last", 0) >= sent for machine in MACHINES), timeout=120
    )
    repeated = re.findall(
        r'iot_logic_readings_set_aside_total\{cause="repeated"\} (\S+)',
        stack.run("worker", "python", "-c", SCRAPE),
    )

    states = [_state(stack, machine) for machine in MACHINES]
    for state in states:
        assert "missing" not in state
        assert state["count"] == state["last"]
    # The publisher sends a reading again if its connection ends before the confirm. Nothing else repeats one.
    assert sum(state.get("again", 0) for state in states) <= publisher.repeated
    note("readings counted", f"{sent} of each of {len(MACHINES)} machines, through a kill and two restarts")
    # 137 is the killed one.
    assert ends == [0, 0, 137]
    # Readings processed before the stop are not delivered again after it.
    assert repeated == ["0.0"]


def test_the_doctor_finds_no_problem(stack: Stack) -> None:
    said = stack.run("api", "iot-logic", "doctor")
    print("\n" + said)

    assert re.search("✓ MQTT +Something listens at rabbitmq:1883", said)


def test_a_stopped_stack_ends_in_order_and_continues_where_it_was(stack: Stack) -> None:
    before = {machine: _state(stack, machine) for machine in MACHINES}

    stack.compose("stop")
    ends = {
        service: stack.containers(service, ended=True)[0].attrs["State"]["ExitCode"] for service in SERVICES
    }
    stack.compose("down")
    stack.start()

    # Each ends by itself, and none is killed (137). uvicorn ends with the signal that it received, and the
    # devices report that they were interrupted.
    assert ends == {"api": 143, "worker": 0, "devices": 130, "rabbitmq": 0, "redis": 0}
    assert {machine: _state(stack, machine) for machine in MACHINES} == before
    # The token of the first start is still valid, and no other was created.
    assert "iot_admin_" not in stack.logs("api")


def test_every_service_is_declared_closed_and_published_on_loopback_only(stack: Stack) -> None:
    """This includes services that cannot be started here because there is no image: Grafana."""
    services = stack.declared()
    note("services", ", ".join(sorted(services)))

    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["mem_limit"]) >= 128 * 1024**2, name
        assert not {"cap_add", "privileged", "pid", "ipc", "devices"} & set(service), name
        assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", [])), name
        for mount in service.get("volumes", []):
            assert mount["type"] == "volume" or mount["read_only"] is True, (name, mount)
    assert [name for name, service in services.items() if "build" in service] == ["keys"]


def test_a_stack_published_in_a_network_publishes_only_what_devices_and_clients_need(
    stack: Stack,
) -> None:
    services = stack.declared(PUBLISH_ADDRESS="192.0.2.7")

    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert {port["target"] for port in ports if port["host_ip"] == "192.0.2.7"} == {8001, 5672, 1883}
    assert {port["host_ip"] for port in ports} == {"192.0.2.7", "127.0.0.1"}


def test_grafana_is_configured_with_the_dashboard_and_its_source(stack: Stack) -> None:
    grafana = stack.declared()["grafana"]
    places = {each["target"]: each["source"] for each in grafana["volumes"] if each["type"] == "bind"}
    here = ROOT / "deploy" / "grafana"
    dashboard = json.loads((here / "dashboards" / "iot-logic.json").read_text())
    sources = (here / "provisioning" / "datasources" / "prometheus.yml").read_text()
    panels = dashboard["panels"]

    assert places == {
        "/etc/grafana/provisioning": str(here / "provisioning"),
        "/etc/grafana/dashboards": str(here / "dashboards"),
    }
    assert (
        "path: /etc/grafana/dashboards"
        in (here / "provisioning" / "dashboards" / "iot-logic.yml").read_text()
    )
    assert grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == (
        "/etc/grafana/dashboards/iot-logic.json"
    )
    assert "url: http://prometheus:9090" in sources
    assert {"uid", "title", "schemaVersion", "time", "refresh"} <= set(dashboard)
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set[tuple[int, int]]()
    for panel in panels:
        assert panel["type"] in ("stat", "timeseries")
        assert f"uid: {panel['datasource']['uid']}\n" in sources
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        ids = [target["refId"] for target in panel["targets"]]
        assert len(ids) == len(set(ids)) > 0


@pytest.fixture(scope="module")
def prometheus(stack: Stack) -> Iterator[Prometheus]:
    """Prometheus, as the profile `observability` starts it."""
    port = stack.choose_port("PROMETHEUS")
    stack.compose("--profile", "observability", "up", "-d", "prometheus")
    with Prometheus(f"http://127.0.0.1:{port}") as it:
        wait_until(it.is_ready, timeout=120)
        note("Prometheus", it.version())
        yield it


def test_prometheus_finds_all_targets_and_every_metric_of_the_alerts_and_the_dashboard(
    stack: Stack, prometheus: Prometheus
) -> None:
    expected = {"iot-logic-api": ["up"], "iot-logic-worker": ["up"], "rabbitmq": ["up"]}
    wait_until(lambda: prometheus.targets() == expected, timeout=120)
    known = prometheus.metrics()
    rules = prometheus.rules()
    panels = dashboard_queries(ROOT / "deploy" / "grafana" / "dashboards" / "iot-logic.json")
    queries = [rule["query"] for rule in rules] + panels
    asked = set[str]().union(*(metric_names(query) for query in queries))
    note("Prometheus has", f"{len(rules)} alerts, and the {len(panels)} queries of the dashboard")

    # For a counter and a histogram, Prometheus knows the name without the suffixes of its samples.
    assert {re.sub("_(bucket|total)$", "", name) for name in asked} <= {
        name.removesuffix("_total") for name in known
    }
    assert len(rules) == len(list((ROOT / "docs" / "alerts").glob("[!i]*.md")))
    for query in queries:
        prometheus.ask("query", query=query)
    check_closed(stack, "prometheus")
    published = stack.container("prometheus").attrs["NetworkSettings"]["Ports"]["9090/tcp"]
    assert [each["HostIp"] for each in published] == ["127.0.0.1"]


def test_an_alert_fires_when_the_workers_are_gone_and_ends_when_they_are_back(
    stack: Stack, prometheus: Prometheus
) -> None:
    assert "IotLogicNoWorker" not in prometheus.alerts("pending", "firing")

    stack.compose("stop", "worker")
    wait_until(lambda: "IotLogicNoWorker" in prometheus.alerts("firing"), timeout=300)
    stack.compose("start", "worker")
    wait_until(lambda: "IotLogicNoWorker" not in prometheus.alerts("pending", "firing"), timeout=300)


def _state(stack: Stack, machine: str) -> dict[str, Any]:
    state: dict[str, Any] = stack.get(f"/machines/{machine}/state")
    return state


def _publish(url: str, exchange: str, key: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish(exchange, key, b'{"n": 1}', pika.BasicProperties(delivery_mode=2))


def _mqtt(stack: Stack, login: str, machine: str) -> int:
    """Send a reading of a machine over MQTT. Return the exit status of `iot-devices`; 0: it is confirmed."""
    return subprocess.run(
        [
            *(SCRIPTS / "iot-devices", "simulate", "--machine-ids", machine, "--count", "1"),
            *("--via", "mqtt", "--url", f"mqtt://{login}127.0.0.1:{stack.ports['MQTT']}", "--patience", "5"),
        ],
        capture_output=True,
        timeout=60,
    ).returncode
