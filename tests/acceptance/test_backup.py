"""A backup of a running system, and another system that continues from it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
import redis
from msgspec.structs import replace

from pipeline.local.servers import LocalRabbitmq, LocalRedis
from pipeline.model.machine_settings import MachineSettings
from pipeline.model.notification import AppriseService, NotificationRoute
from pipeline.model.record import Record
from pipeline.model.topic_source import TopicSource
from pipeline.store.deployments import MachineDeployments, ProfileDeployments
from pipeline.store.keys import MACHINES_SILENT_AFTER_KEY
from pipeline.store.notification_routes import NotificationRoutes
from pipeline.store.profiles import ProfileStore
from pipeline.store.records import Records, Update
from pipeline.store.topic_sources import KeptSource, SourceList, TopicSources
from tests.conftest import amqp_url_of, emptied, own_vhost
from tests.support.installation import Installation
from tests.support.waiting import wait_until
from web.cli import main
from web.cli.commands import OK, UNABLE
from web.cli.parser import new_parser

COUNT = """
def process(data, state):
    state["count"] = state.get("count", 0) + config.get("step", 1)
    return {"n": data["n"], "count": state["count"]}
"""
LATER = COUNT.replace("data[", "-data[")
YEARLY = {"schedules": [{"name": "new-year", "cron": "0 0 1 1 *", "timezone": "Europe/Berlin"}]}

#: Written by the first release, and never again: see `test_a_backup_of_the_first_release_can_be_read`.
FIRST_RELEASE = Path(__file__).parents[1] / "data" / "first-release.backup"


class Commands:
    """Runs the commands on one Redis."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.client = redis.Redis.from_url(url)
        self.records = Records(self.client)
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.use(url)

    def use(self, url: str, signing_key: str = "a key for tests") -> None:
        """Use this Redis, with this key."""
        self.client.close()
        self.client = redis.Redis.from_url(url)
        self.records = Records(self.client)
        self._monkeypatch.setenv("IOT_LOGIC_REDIS_URL", url)
        self._monkeypatch.setenv("IOT_LOGIC_SIGNING_KEY", signing_key)

    def run(self, *arguments: object, status: int = OK) -> Any:
        """Run a command. Return its output, as JSON, or its error message."""
        assert main.run(new_parser().parse_args([*map(str, arguments), "--json"])) == status
        said = self._capsys.readouterr()
        return json.loads(said.out) if status == OK else said.err

    def record(self, machine_id: str) -> Record:
        """Return a machine's record."""
        return self.records.read([machine_id])[machine_id].record


@pytest.fixture
def commands(
    shared_redis: LocalRedis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Commands]:
    """The commands on an empty Redis."""
    commands = Commands(emptied(shared_redis), monkeypatch, capsys)
    yield commands
    commands.client.close()


def ask(plant: Installation, method: str, path: str, body: object = None) -> Any:
    response = plant.client.request(method, path, json=body)
    assert response.is_success, response.text
    return response.json() if response.content else None


def test_a_restored_system_continues_where_it_was(
    rabbitmq: LocalRabbitmq, shared_redis: LocalRedis, commands: Commands, tmp_path: Path
) -> None:
    file, readings = tmp_path / "plant.backup", [("alone", {"n": n}) for n in range(50)]
    with own_vhost(rabbitmq) as vhost, Installation(amqp_url_of(rabbitmq, vhost), shared_redis.url) as plant:
        plant.start_api()
        plant.start_worker()
        plant.upload("alone", COUNT)
        plant.upload("alone", LATER)
        ask(plant, "PUT", "/machines/alone/config", {"step": 1})
        ask(plant, "PUT", "/machines/alone/config?comment=Twice", {"step": 2})
        card = ask(plant, "PUT", "/machines/alone/about", {"name": "Big press", "tags": ["old"]})
        ask(plant, "POST", "/profiles/pumps/logic", {"logic": COUNT})
        ask(plant, "PUT", "/machines/pump/profile", {"profile": "pumps"})
        ask(plant, "PUT", "/profiles/pumps/settings", YEARLY)
        ask(plant, "PUT", "/profiles/pumps/config", {"limit": 1})
        ask(plant, "PUT", "/profiles/pumps/config", {"limit": 2})
        plant.send([("pump", {"n": 1}), ("pump", {"broken": 1}), *readings])
        wait_until(lambda: commands.record("alone").number == 50 and commands.record("pump").number == 2)

        # A backup of a running system contains the data at some moment during the backup.
        plant.send(readings)
        written = commands.run("export", file)

    assert written | {"machines": 2, "profiles": 1, "sources": 2} == written
    assert file.stat().st_mode & 0o777 == 0o600
    url = f"{shared_redis.url.rpartition('/')[0]}/1"
    commands.use(url, "another key")
    restored = commands.run("import", file)
    assert restored == {
        "machines": 2,
        "profiles": 1,
        "topic_sources": 0,
        "notification_routes": 0,
        "refused": [],
    }
    before = commands.record("alone").number
    assert 50 <= before <= 100

    with own_vhost(rabbitmq) as vhost, Installation(amqp_url_of(rabbitmq, vhost), url) as plant:
        plant.environ["IOT_LOGIC_SIGNING_KEY"] = "another key"
        plant.start_api()
        with plant.collect() as results:
            plant.start_worker()
            plant.send([("alone", {"n": 7}), ("pump", {"n": 8}), ("alone", {"n": 9})])
            wait_until(lambda: len(results.messages) == 3)

        alone, pump = results.by_machine()["alone"], results.by_machine()["pump"]
        assert [event["id"] for event in alone] == [f"{before + 1}", f"{before + 2}"]
        assert [event["data"] for event in alone] == [
            {"n": -7, "count": 2 * before + 2},
            {"n": -9, "count": 2 * before + 4},
        ]
        assert [(event["id"], event["data"]) for event in pump] == [("3", {"n": 8, "count": 2})]
        assert [event["logicversion"] for event in (*alone, *pump)] == [2, 2, 1]
        assert ask(plant, "GET", "/machines/alone/config") == {"step": 2}
        configs = ask(plant, "GET", "/machines/alone/config/versions")["versions"]
        assert [(each["version"], each["comment"]) for each in configs] == [(2, "Twice"), (1, None)]
        assert ask(plant, "POST", "/machines/alone/config/versions/1/restore") == {"step": 1}
        assert ask(plant, "GET", "/machines/alone/about") == card
        assert ask(plant, "GET", "/profiles/pumps/settings") == YEARLY
        assert ask(plant, "GET", "/machines/pump/config/effective")["config"] == {"limit": 2}
        assert ask(plant, "GET", "/profiles/pumps/config/versions/1")["config"] == {"limit": 1}
        ids = [each["id"] for each in ask(plant, "GET", "/machines?profile=pumps")["machines"]]
        assert ids == ["pump"]
        commands.run("rollback", "alone", "--api", str(plant.client.base_url))
        assert ask(plant, "GET", "/machines/alone/logic")["version"] == 1
        assert plant.upload("alone", LATER + "\n") == 3


def test_restored_schedules_run_before_the_next_reading(
    rabbitmq: LocalRabbitmq, shared_redis: LocalRedis, commands: Commands, tmp_path: Path
) -> None:
    file, scheduled = tmp_path / "plant.backup", "schedule:new-year"
    logic = COUNT + "def on_timer(timer, state):\n    pass\n"
    with own_vhost(rabbitmq) as vhost, Installation(amqp_url_of(rabbitmq, vhost), shared_redis.url) as plant:
        plant.start_api()
        plant.start_worker()
        ask(plant, "POST", "/profiles/pumps/logic", {"logic": logic})
        ask(plant, "PUT", "/machines/pump/profile", {"profile": "pumps"})
        ask(plant, "PUT", "/profiles/pumps/settings", YEARLY)
        plant.send([("pump", {"n": 1})])
        wait_until(lambda: scheduled in commands.record("pump").timers, 90)
        commands.run("export", file)
        ask(plant, "PUT", "/profiles/pumps/settings", {})
        wait_until(lambda: scheduled not in commands.record("pump").timers, 30)

        # The machine is as it was in the backup. A later one only follows the profile.
        ask(plant, "PUT", "/machines/later/profile", {"profile": "pumps"})
        plant.send([("later", {"n": 1})])
        wait_until(lambda: commands.record("later").number == 1, 30)
        commands.run("import", file, "--force")

        wait_until(lambda: scheduled in commands.record("pump").timers, 30)
        wait_until(lambda: scheduled in commands.record("later").timers, 30)


def keep(commands: Commands, machine_id: str, record: Record) -> None:
    """Store a machine with this record."""
    read = commands.records.read([machine_id])[machine_id]
    assert not commands.records.write({machine_id: Update(read, record)})


def test_the_marks_of_readings_are_not_part_of_a_restored_record(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "plant.backup"
    known = Record(
        number=9, state=b'{"a":1}', session=b"session1", tag=7, marks=((7, bytes(16)),), moved=4, taken=3
    )
    keep(commands, "there", known)
    keep(commands, "gone", known)
    commands.run("export", file)
    commands.client.flushdb()
    here = Record(number=20, state=b"{}", session=b"session2", tag=1, moved=1, taken=1)
    keep(commands, "there", here)

    commands.run("import", file, "--force", "--ahead", 100)

    assert commands.record("gone") == Record(
        number=109, state=b'{"a":1}', moved=104, taken=3, timer_runs=100, alarm_changes=100
    )
    assert commands.record("there") == Record(
        number=109,
        state=b'{"a":1}',
        session=b"session2",
        tag=1,
        moved=1,
        taken=1,
        timer_runs=100,
        alarm_changes=100,
    )
    assert commands.client.zcard("machines") == 2


def test_the_newest_time_of_readings_is_restored_with_the_state(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "plant.backup"
    known = Record(number=9, state=b'{"a":1}', newest=5_000, newest_field="time")
    keep(commands, "there", known)
    keep(commands, "gone", known)
    commands.run("export", file)
    commands.client.flushdb()
    keep(commands, "there", Record(number=20, newest=9_000, newest_field="at"))

    commands.run("import", file, "--force")

    for machine_id in ("there", "gone"):
        record = commands.record(machine_id)
        assert (record.state, record.newest, record.newest_field) == (b'{"a":1}', 5_000, "time")


def test_restored_settings_of_a_profile_say_when_all_its_machines_are_silent(
    commands: Commands, tmp_path: Path
) -> None:
    file = tmp_path / "plant.backup"
    profiles, deployments = ProfileDeployments(commands.client), MachineDeployments(commands.client)
    store = ProfileStore(commands.client, deployments, commands.records)

    def configure(seconds: int | None) -> None:
        settings = MachineSettings(silent_after_seconds=seconds)
        profiles.change("pumps", lambda before: (replace(before, settings=settings), None))
        store.reenter("pumps")

    def seconds_of(machine_id: str) -> float | None:
        return commands.client.zscore(MACHINES_SILENT_AFTER_KEY, machine_id)

    store.make("pumps")
    configure(60)
    store.follow("there", "pumps")
    commands.run("export", file)
    configure(None)
    store.follow("later", "pumps")
    assert (seconds_of("there"), seconds_of("later")) == (None, None)

    commands.run("import", file, "--force")

    assert (seconds_of("there"), seconds_of("later")) == (60, 60)


def test_a_system_with_machines_is_overwritten_only_on_request(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "plant.backup"
    for name in ("a", "b"):
        keep(commands, name, Record(number=1, state=b'{"from":"backup"}'))
    commands.run("export", file)
    for name in ("a", "b", "c"):
        keep(commands, name, Record(number=5, state=b"{}"))

    refused = commands.run("import", file, status=UNABLE)
    unknown = commands.run("import", file, "--replace", "z", status=UNABLE)
    untouched = [commands.record(name).state for name in "abc"]
    commands.run("import", file, "--replace", "a")
    only_a = [commands.record(name).state for name in "abc"]
    commands.run("import", file, "--force")

    assert "already" in refused
    assert "--replace" in refused
    assert "does not contain the machine z" in unknown
    assert untouched == [b"{}"] * 3
    assert only_a == [b'{"from":"backup"}', b"{}", b"{}"]
    assert [commands.record(name).state for name in "abc"] == [b'{"from":"backup"}'] * 2 + [b"{}"]
    assert [commands.record(name).number for name in "abc"] == [5, 5, 5], "numbers have gone back"


def test_a_file_that_is_not_a_complete_backup_changes_nothing(commands: Commands, tmp_path: Path) -> None:
    whole, file = FIRST_RELEASE.read_bytes(), tmp_path / "plant.backup"
    for damaged in (b"", b"no backup", whole[:-20], whole[: len(whole) // 2], whole + whole):
        file.write_bytes(damaged)

        assert "plant.backup" in commands.run("import", file, status=UNABLE)
        assert commands.client.dbsize() == 0


def test_a_backup_of_the_first_release_can_be_read(commands: Commands, tmp_path: Path) -> None:
    file = shutil.copy(FIRST_RELEASE, tmp_path)

    restored = commands.run("import", file)

    assert restored == {
        "machines": 2,
        "profiles": 1,
        "topic_sources": 0,
        "notification_routes": 0,
        "refused": [],
    }
    [alone, pump] = commands.records.read(["alone", "pump"]).values()
    assert (alone.record.number, json.loads(alone.record.state)) == (50, {"count": 100})
    assert (alone.deployment.version, alone.deployment.versions, alone.deployment.config) == (
        2,
        2,
        b'{"step":2}',
    )
    assert (pump.deployment.profile, pump.profile and pump.profile.version) == ("pumps", 1)
    assert pump.record.counters.dead_letters == {"error": 1}


def test_sources_are_restored_and_read_the_queues_that_rabbitmq_still_has(
    rabbitmq: LocalRabbitmq, shared_redis: LocalRedis, commands: Commands, tmp_path: Path
) -> None:
    file = tmp_path / "plant.backup"
    with own_vhost(rabbitmq) as vhost:
        url = amqp_url_of(rabbitmq, vhost)
        with Installation(url, shared_redis.url) as plant:
            plant.start_api()
            ask(plant, "PUT", "/sources/hall", {"filter": "hall/{machine}"})
            floor = ask(plant, "PUT", "/sources/floor", {"filter": "floor/{machine}", "case": "lower"})
            assert commands.run("export", file)["topic_sources"] == 2
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            connection.channel().basic_publish("amq.topic", "floor.PRESS", b"{}")
        commands.use(emptied(shared_redis))

        assert commands.run("import", file)["topic_sources"] == 2
        with Installation(url, shared_redis.url) as plant:
            plant.start_api()
            wait_until(lambda: ask(plant, "GET", "/sources/floor")["state"] == "active")
            plant.start_worker()
            wait_until(lambda: commands.record("press").number == 1)
            assert ask(plant, "GET", "/sources/floor") == floor


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (("hall", 1000, "floor/{machine}/#"), "the source 'hall' can match the same topic"),
        (("floor", 0, "floor/{machine}"), "the number of its partition is invalid"),
        (("flo.or", 1000, "floor/{machine}"), "its name or the number"),
    ],
    ids=["conflict", "partition", "name"],
)
def test_a_source_that_cannot_be_restored_stops_an_import_before_anything_is_changed(
    commands: Commands, tmp_path: Path, there: tuple[str, int, str], said: str
) -> None:
    file = tmp_path / "plant.backup"
    name, partition, topics = there
    is_conflict = name == "hall"
    keep(commands, "press", Record(number=1, state=b"{}"))
    source = TopicSource(filter="floor/{machine}" if is_conflict else topics)
    kept = KeptSource(*(("floor", 1000) if is_conflict else (name, partition)), "active", 1, source)
    assert TopicSources(commands.client).write(SourceList(), kept)
    assert commands.run("export", file)["topic_sources"] == 1
    commands.client.flushdb()
    if is_conflict:
        TopicSources(commands.client).restore(name, TopicSource(filter=topics), partition)
    before = sorted(commands.client.keys())

    assert said in commands.run("import", file, status=UNABLE)

    assert sorted(commands.client.keys()) == before


def test_notification_routes_are_restored_with_their_secrets(commands: Commands, tmp_path: Path) -> None:
    file, routes = tmp_path / "plant.backup", NotificationRoutes(commands.client)
    chat = AppriseService(url="ntfys://user:secret@ntfy.example.com/alarms")
    routes.put("a-last", NotificationRoute(apprise=chat, scope="escalations"))
    first = NotificationRoute(apprise=chat, escalate_to="a-last", escalate_after_minutes=5)
    routes.put("b-first", first)
    routes.put("a-last", NotificationRoute(apprise=chat, severity="major"))
    before = routes.list().plain
    commands.run("export", file)
    commands.client.flushdb()

    assert commands.run("import", file)["notification_routes"] == 2
    assert routes.list().plain == before
    assert commands.run("import", file)["notification_routes"] == 2
