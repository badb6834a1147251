"""`iot-logic doctor` on real servers, and its findings if something is wrong."""

import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pika
import pytest
import redis

from pipeline.broker import topology
from pipeline.broker.sent_at import RABBITMQ_KNOWS, RABBITMQ_LINE
from pipeline.local.ports import free_port
from pipeline.local.rabbitmq import script, version_of
from pipeline.local.redis import PrivateRedis
from pipeline.local.servers import LocalRabbitmq, LocalRedis
from pipeline.settings import Settings
from pipeline.store.keys import WORKER_REPORTS_KEY
from pipeline.store.workers import WorkerStatus, list_workers
from pipeline.wire import SENT_AT_HEADER
from tests.conftest import amqp_url_of
from tests.sandbox.probes import no_filter
from tests.support.installation import Installation
from tests.support.waiting import wait_until
from web.cli import main
from web.cli.commands import OK, WRONG
from web.cli.doctor.host import check_sandbox
from web.cli.doctor.management import Node, QueueInfo, alarms, copies
from web.cli.doctor.rabbitmq import check_mqtt
from web.cli.doctor.redis import check_redis
from web.cli.parser import new_parser


@pytest.fixture(scope="module")
def running(module_installation: Installation) -> Installation:
    """A system whose API and worker run, and whose worker holds all partitions."""
    module_installation.start_api()
    module_installation.start_worker()

    def held() -> bool:
        partitions = module_installation.client.get("/partitions").json()["partitions"]
        return all(each["held_by"] for each in partitions)

    wait_until(held)
    return module_installation


class Doctor:
    """Runs the command on a system."""

    def __init__(self, capsys: pytest.CaptureFixture[str], management: str) -> None:
        self.capsys, self.management = capsys, management
        self.status = OK

    def ask(self) -> list[dict[str, str]]:
        """Return its findings."""
        self.status, answer = self._run()
        findings: list[dict[str, str]] = answer["findings"]
        assert answer["well"] == (self.status == OK)
        assert all(each["todo"] for each in findings if each["level"] != "ok")
        return findings

    def wrong(self) -> str:
        """Return the problems that it finds."""
        found = [each["what"] for each in self.ask() if each["level"] == "wrong"]
        assert self.status == (WRONG if found else OK)
        return "\n".join(found)

    def _run(self) -> tuple[int, Any]:
        arguments = new_parser().parse_args(["doctor", "--json", "--management", self.management])
        status = main.run(arguments)
        return status, json.loads(self.capsys.readouterr().out)


@pytest.fixture
def doctor(
    running: Installation,
    rabbitmq: LocalRabbitmq,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Doctor:
    """Return the command, in the environment of the running system."""
    for name, value in running.environ.items():
        monkeypatch.setenv(name, value)
    assert rabbitmq.management_url
    return Doctor(capsys, rabbitmq.management_url)


@pytest.fixture
def client(running: Installation) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(running.redis_url) as client:
        yield client


def test_a_running_system_has_no_problems(doctor: Doctor) -> None:
    wrong, findings = doctor.wrong(), doctor.ask()

    assert wrong == ""
    assert {each["area"] for each in findings} == {
        "RabbitMQ", "MQTT", "Redis", "clock", "workers", "sandbox", "ports",
    }  # fmt: skip
    assert "The API answers" in str(findings)
    assert "No alarm is raised" in str(findings)
    assert "seccomp" in str(findings)


@pytest.mark.usefixtures("doctor")
def test_each_finding_is_shown_as_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    status = main.run(new_parser().parse_args(["doctor", "--management", "http://127.0.0.1:1"]))

    assert status == OK
    assert "✓ RabbitMQ" in (shown := capsys.readouterr().out)
    assert "• RabbitMQ  Alarms and bindings were not checked" in shown
    assert "→ Run: rabbitmq-plugins enable rabbitmq_management" in shown


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("appendfsync", "everysec", "confirms changes before they are on disk (appendfsync everysec)"),
        ("no-appendfsync-on-rewrite", "yes", "while it rewrites its file"),
        ("maxmemory-policy", "allkeys-lru", "Redis evicts keys (maxmemory-policy allkeys-lru)"),
        ("maxmemory", "1mb", "of its maxmemory"),
    ],
)
def test_a_redis_that_may_lose_data_is_a_problem(
    doctor: Doctor, client: "redis.Redis", name: str, value: str, said: str
) -> None:
    before = str(client.config_get(name)[name])
    client.config_set(name, value)
    try:
        wrong = doctor.wrong()
    finally:
        client.config_set(name, before)

    assert said in wrong
    assert doctor.wrong() == ""


@pytest.fixture
def closed_redis(shared_redis: LocalRedis) -> Iterator[PrivateRedis]:
    """Start a Redis whose user `default` is off and has no permissions.

    The user `app` has all permissions, `pipeline` all but the administrative and the dangerous commands.
    """
    assert shared_redis, "so there is a binary"
    server = PrivateRedis()
    with (server.folder / "redis.conf").open("a") as config:
        config.write(
            "user default off resetpass resetkeys -@all\n"
            "user app on >app ~* &* +@all\n"
            "user pipeline on >pipeline ~* &* +@all -@admin -@dangerous +info +config|get\n"
        )
    server.url = f"redis://app:app@127.0.0.1:{server.port}/0"
    with server:
        yield server


def test_a_redis_that_is_not_permitted_to_replay_its_file_is_a_problem(closed_redis: PrivateRedis) -> None:
    with redis.Redis.from_url(closed_redis.url) as client:
        before = list(check_redis(client))
        client.acl_setuser("default", enabled=False, keys=["*"], categories=["+@all"])
        after = list(check_redis(client))

    assert [each.what for each in before if "user default may not write" in each.what]
    assert [each.level for each in after] == ["ok"] * 3


def test_a_redis_that_hides_the_permissions_of_its_default_user_is_noted(closed_redis: PrivateRedis) -> None:
    with redis.Redis.from_url(closed_redis.url.replace("app", "pipeline")) as client:
        [note] = [each for each in check_redis(client) if each.level != "ok"]

    assert note.level == "note"
    assert "permissions of the Redis user default cannot be read" in note.what


@pytest.mark.parametrize(("rights", "kept"), [("resetkeys -@all", 1), ("~* &* +@all", 3)])
def test_redis_skips_transactions_that_its_default_user_is_not_permitted_to_replay(
    closed_redis: PrivateRedis, rights: str, kept: int
) -> None:
    """The doctor warns of this. If this test fails with a newer Redis, the warning is no longer needed."""
    with redis.Redis.from_url(closed_redis.url) as client:
        client.execute_command("ACL", "SETUSER", "default", *rights.split())
        client.config_rewrite()
        client.set("alone", 1)
        with client.pipeline(transaction=True) as transaction:
            transaction.set("one", 1).set("two", 1).execute()
        closed_redis.kill()
        closed_redis.start()

        assert client.dbsize() == kept


def test_a_wrong_clock_is_a_problem(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    monkeypatch.setattr("web.cli.doctor.redis.time.time", lambda: real() - 3600)

    assert "differ by 3600 s" in doctor.wrong()


def test_a_worker_with_another_version_or_other_settings_is_a_problem(
    doctor: Doctor, client: "redis.Redis"
) -> None:
    [worker] = list_workers(client).present
    other = msgspec.structs.replace(worker, id="other", version="0.0.9", assigned=[8])
    client.hset(WORKER_REPORTS_KEY, "other", msgspec.json.encode(other))
    client.zadd("{workers}:seen", {"other": client.time()[0] + 60})
    try:
        wrong = doctor.wrong()
    finally:
        client.zrem("{workers}:seen", "other")
        client.hdel(WORKER_REPORTS_KEY, "other")

    assert isinstance(other, WorkerStatus)
    assert "other has the version 0.0.9" in wrong
    assert "other uses more partitions than the 8 of this command" in wrong


def test_a_worker_without_rabbitmq_is_a_problem(doctor: Doctor, client: "redis.Redis") -> None:
    [worker] = list_workers(client).present
    other = msgspec.structs.replace(worker, id="other", connected=False)
    client.hset(WORKER_REPORTS_KEY, "other", msgspec.json.encode(other))
    client.zadd("{workers}:seen", {"other": client.time()[0] + 60})
    try:
        wrong = doctor.wrong()
    finally:
        client.zrem("{workers}:seen", "other")
        client.hdel(WORKER_REPORTS_KEY, "other")

    assert "other has no connection to RabbitMQ, so it processes no readings." in wrong


def test_a_broker_with_more_partitions_than_the_settings_is_a_problem(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOT_LOGIC_PARTITIONS", "4")

    assert "There are more partitions than IOT_LOGIC_PARTITIONS says: the queue readings.4" in doctor.wrong()


def test_a_system_that_is_not_set_up_yet_is_told_the_next_steps(
    doctor: Doctor, rabbitmq: LocalRabbitmq, vhost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOT_LOGIC_AMQP_URL", amqp_url_of(rabbitmq, vhost))

    findings = doctor.ask()

    assert doctor.status == OK
    assert "RabbitMQ knows the exchange type x-modulus-hash" in str(findings)
    assert "There is no exchange readings, results, alarms, dead-letters and 3 more yet" in str(findings)
    assert "and 15 more yet" in str(findings)
    assert "There is no exchange readings" in str(doctor.ask()), "it has made one"


def test_queues_with_other_properties_and_no_consumer_are_a_problem(
    doctor: Doctor, rabbitmq: LocalRabbitmq, vhost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = amqp_url_of(rabbitmq, vhost)
    topology.ensure(Settings(amqp_url=url))
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.queue_delete("readings.0")
        channel.queue_declare("readings.0", durable=True)
        channel.queue_unbind("readings.1", "readings", "readings.1")
    monkeypatch.setenv("IOT_LOGIC_AMQP_URL", url)

    wrong = doctor.wrong()

    assert "The queue 'readings.0' exists with other properties" in wrong
    assert "No consumer for readings.0, overflow.0, readings.1, overflow.1 and 14 more" in wrong
    assert "'readings.1' is not bound to 'readings'" in wrong


def test_it_notes_that_rabbitmq_does_not_add_the_time_of_arrival(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = [each for each in doctor.ask() if re.search("timestamps? readings", each["what"])]
    monkeypatch.setattr("web.cli.doctor.rabbitmq._SAMPLE", pika.BasicProperties(headers={SENT_AT_HEADER: 1}))
    written = [each for each in doctor.ask() if "timestamps readings" in each["what"]]

    known = version_of(script()) >= RABBITMQ_KNOWS
    assert [each["level"] for each in notes] == ["ok" if known else "note"]
    assert known or RABBITMQ_LINE in notes[0]["todo"]
    assert [each["level"] for each in written] == ["ok"]


def test_unreachable_servers_are_reported_and_the_other_checks_still_run(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOT_LOGIC_AMQP_URL", f"amqp://127.0.0.1:{free_port()}")
    monkeypatch.setenv("IOT_LOGIC_REDIS_URL", f"redis://127.0.0.1:{free_port()}")

    wrong, findings = doctor.wrong(), doctor.ask()

    assert "RabbitMQ is unavailable" in wrong
    assert "Redis is unavailable" in wrong
    assert "Logic is confined by" in str(findings)


def test_a_port_that_another_program_uses_is_a_problem(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setenv("IOT_LOGIC_API_PORT", str(other.getsockname()[1]))

        assert "Another program uses the API's port" in doctor.wrong()


def test_a_host_that_cannot_confine_logic_is_a_problem(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.parent.process.filter_program", no_filter)

    assert "Logic cannot run on this host" in doctor.wrong()
    [unconfined, *_] = check_sandbox(Settings(allow_unconfined_sandbox=True))
    assert unconfined.level == "wrong"
    assert "Only the policy" in unconfined.what


def test_each_node_of_a_cluster_is_checked_for_mqtt() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ports = listener.getsockname()[1], free_port()
        addresses = ",".join(f"mqtt://devices:secret@127.0.0.1:{port}" for port in ports)

        first, second = check_mqtt(Settings(mqtt_url=addresses))

    assert (first.level, second.level) == ("ok", "note")
    assert f"127.0.0.1:{ports[0]}" in first.what
    assert f"127.0.0.1:{ports[1]}" in second.what
    assert "secret" not in first.what + second.what


def test_each_alarm_of_a_node_is_a_problem() -> None:
    nodes = [
        Node("a", mem_alarm=True),
        Node("b", running=False),
        Node("c", disk_free_alarm=True),
        Node("d", partitions=["a"]),
    ]

    assert [each.level for each in alarms(nodes)] == ["wrong"] * 4
    assert list(alarms([Node("a")])) == []


def test_queues_without_copies_on_a_cluster_and_leaders_on_one_node_are_found() -> None:
    nodes = [Node("a"), Node("b"), Node("c")]

    def queue(name: str, leader: str, *members: str, online: tuple[str, ...] | None = None) -> QueueInfo:
        return QueueInfo(
            name, leader=leader, members=[*members], online=[*(members if online is None else online)]
        )

    alone = list(copies([queue("readings.0", "a", "a"), queue("dead-letters", "a", "a")], nodes))
    assert [each.todo for each in alone] == [
        "Run: rabbitmq-queues grow b all",
        "Run: rabbitmq-queues grow c all",
        "Run: rabbitmq-queues rebalance quorum",
    ]
    whole = [queue("readings.0", "a", "a", "b", "c"), queue("readings.1", "b", "a", "b", "c")]
    assert [each.level for each in copies(whole, nodes)] == ["ok"]
    down = [*whole, queue("readings.2", "c", "a", "b", "c", online=("a", "c"))]
    assert ["readings.2" in each.what for each in copies(down, nodes)] == [True]
    assert list(copies([queue("another", "a", "a")], nodes)) == []
    assert list(copies([queue("readings.0", "a", "a")], nodes[:1])) == []
