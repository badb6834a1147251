"""Timers when servers and workers fail, when machines and sources change, and when many are due at once."""

import json
import os
import signal
import time
from pathlib import Path

import httpx
import pika
import pytest
import redis

from pipeline import wire
from pipeline.store.keys import timers_key
from tests.acceptance.test_timers import SILENCE, of, publish
from tests.support.event_stream import EventStream
from tests.support.installation import Installation
from tests.support.servers import OwnServers
from tests.support.sources import create, letters
from tests.support.waiting import wait_until
from web.cli import main
from web.cli.parser import new_parser

#: Sets the next timer in each run, and counts. A run that was lost or repeated breaks the chain.
CHAIN = """
def process(data, state):
    set_timer("next", seconds=1)
    return {"n": data["n"]}

def on_timer(timer, state):
    state["runs"] = state.get("runs", 0) + 1
    if state["runs"] < RUNS:
        set_timer("next", seconds=1)
    return {"timer": timer["name"], "run": state["runs"]}
"""

NO_TIMERS = "def process(data, state):\n    return {'n': data['n']}\n"


def send(plant: Installation, key: str, body: object) -> None:
    """Publish a reading under a routing key."""
    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        properties = pika.BasicProperties(delivery_mode=2)
        channel.basic_publish(wire.INGEST_EXCHANGE, key, json.dumps(body).encode(), properties)


def profile(plant: Installation, name: str, source: str) -> None:
    """Create a profile with a logic."""
    plant.client.post(f"/profiles/{name}/logic", json={"logic": source}).raise_for_status()


def test_timers_of_many_machines_run_once_while_workers_join_stop_and_die(
    installation: Installation,
) -> None:
    """200 machines, each with a chain of timers. Workers are killed, stopped for a while, and join."""
    installation.start_api()
    profile(installation, "chains", CHAIN.replace("RUNS", "12"))
    machines = [f"m{n}" for n in range(200)]
    for machine in machines:
        installation.client.put(f"/machines/{machine}/profile", json={"profile": "chains"}).raise_for_status()
    first = installation.start_worker()
    with installation.collect() as results:
        installation.send([(machine, {"n": 1}) for machine in machines])
        wait_until(lambda: sum("timer" in each["data"] for each in results.events) > 200, 60)
        second = installation.start_worker()
        wait_until(lambda: sum("timer" in each["data"] for each in results.events) > 700, 60)
        first.kill()
        wait_until(lambda: sum("timer" in each["data"] for each in results.events) > 1000, 60)
        os.killpg(second.process.pid, signal.SIGSTOP)
        third = installation.start_worker()
        wait_until(lambda: sum("timer" in each["data"] for each in results.events) > 1300, 90)
        os.killpg(second.process.pid, signal.SIGCONT)
        third.stop()
        expected = [1, *(f"timer-{n}" for n in range(1, 13))]
        wait_until(lambda: all(of(results.events, each) == expected for each in machines), 90)
        wait_until(lambda: all(installation.state(each) == {"runs": 12} for each in machines), 30)
    for machine in machines:
        runs = {each["id"]: each["data"].get("run") for each in results.by_machine()[machine]}
        assert runs == {"1": None} | {f"timer-{n}": n for n in range(1, 13)}


def test_timers_survive_a_crash_of_redis_and_of_rabbitmq(own_servers: OwnServers) -> None:
    rabbitmq, redis_server = own_servers.rabbitmq, own_servers.redis
    with Installation(rabbitmq.amqp_url, redis_server.url) as plant:
        plant.start_api()
        profile(plant, "chains", CHAIN.replace("RUNS", "25"))
        machines = [f"m{n}" for n in range(20)]
        for machine in machines:
            plant.client.put(f"/machines/{machine}/profile", json={"profile": "chains"}).raise_for_status()
        plant.start_worker()
        plant.send([(machine, {"n": 1}) for machine in machines])
        wait_until(lambda: _runs(plant, "m0") >= 3, 60)
        redis_server.kill()
        time.sleep(2)
        redis_server.start()
        wait_until(lambda: _runs(plant, "m0") >= 8, 60)
        rabbitmq.kill()
        rabbitmq.start()
        wait_until(lambda: all(_runs(plant, each) == 25 for each in machines), 120)
        with plant.collect() as results:
            plant.send([(machine, {"n": 2}) for machine in machines])
            wait_until(lambda: all("timer-26" in of(results.events, each) for each in machines), 60)


def _runs(plant: Installation, machine: str) -> int:
    try:
        return int(plant.state(machine).get("runs", 0))
    except (httpx.HTTPError, KeyError, AssertionError):
        return 0


def test_timers_are_live_events_between_the_readings(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    installation.upload("lamp", SILENCE)
    base = installation.environ["IOT_LOGIC_API_URL"]
    with EventStream(base, "/machines/lamp/events") as stream, EventStream(base, "/events") as everything:
        for n in range(1, 4):
            publish(installation, "lamp", {"n": 2 * n - 1}, {"n": 2 * n, "wait": 1})
            stream.wait_for(3 * n)
        shown = [(each.type, each.data["timer"], each.data["number"]) for each in stream.events]
        assert shown == [
            ("reading", None, 1),
            ("reading", None, 2),
            ("reading", "silence", 1),
            ("reading", None, 3),
            ("reading", None, 4),
            ("reading", "silence", 2),
            ("reading", None, 5),
            ("reading", None, 6),
            ("reading", "silence", 3),
        ]
        assert [each.data["sequence"] for each in stream.events] == list(range(1, 10))
        everything.wait_for(9)
    with EventStream(base, "/machines/lamp/events", "5") as stream:
        assert [each.data["sequence"] for each in stream.wait_for(4)] == [6, 7, 8, 9]

    client = installation.client
    page = client.get("/machines/lamp/readings", params={"limit": 4}).json()
    rest = client.get("/machines/lamp/readings", params={"before": page["next"]}).json()
    assert [each["sequence"] for each in (*page["readings"], *rest["readings"])] == list(range(9, 0, -1))
    page = client.get("/machines/lamp/results", params={"limit": 4}).json()
    rest = client.get("/machines/lamp/results", params={"before": page["next"]}).json()
    ids = ["timer-3", "6", "5", "timer-2", "4", "3", "timer-1", "2", "1"]
    assert [each["id"] for each in (*page["results"], *rest["results"])] == ids


def test_a_deleted_machine_is_not_created_again_by_its_timer(installation: Installation) -> None:
    """Its source would let it follow a profile."""
    installation.start_api()
    installation.start_worker()
    profile(installation, "pumps", SILENCE)
    create(installation, "hall", "hall/{machine}", profile="pumps")
    with installation.collect() as results:
        send(installation, "hall.old", {"n": 1, "wait": 3})
        wait_until(lambda: of(results.events, "old") == [1], 90)
        installation.client.delete("/machines/old").raise_for_status()
        send(installation, "hall.other", {"n": 1, "wait": 5})
        wait_until(lambda: of(results.events, "other") == [1, "timer-1"], 60)
    assert installation.client.get("/machines/old").status_code == 404


def test_a_paused_machine_of_a_deleted_source_keeps_its_timer(
    installation: Installation, redis_url: str
) -> None:
    installation.start_api()
    installation.start_worker()
    create(installation, "hall", "hall/{machine}")
    installation.upload("pump", SILENCE)
    with installation.collect() as results:
        send(installation, "hall.pump", {"n": 1, "wait": 6})
        wait_until(lambda: of(results.events, "pump") == [1], 90)
        installation.client.post("/machines/pump/pause").raise_for_status()
        assert installation.client.delete("/sources/hall").json()["done"]
        with redis.Redis.from_url(redis_url) as client:
            due = client.zscore(timers_key(0), "pump")
            assert due is not None
            wait_until(lambda: client.zscore(timers_key(0), "pump") not in (None, due), 60)
        installation.client.post("/machines/pump/resume", json={}).raise_for_status()
        wait_until(lambda: of(results.events, "pump") == [1, "timer-1"], 60)


def test_timers_are_restored_with_their_machines(
    installation: Installation, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.start_api()
    worker = installation.start_worker()
    create(installation, "hall", "hall/{machine}")
    installation.upload("pump", SILENCE)
    installation.upload("press", SILENCE)
    file = tmp_path / "plant.backup"
    monkeypatch.setenv("IOT_LOGIC_REDIS_URL", redis_url)
    monkeypatch.setenv("IOT_LOGIC_SIGNING_KEY", installation.environ.get("IOT_LOGIC_SIGNING_KEY", ""))
    with installation.collect() as results:
        send(installation, "hall.pump", {"n": 1, "wait": 8})
        publish(installation, "press", {"n": 1, "wait": 8})
        wait_until(lambda: len(results.events) == 2, 90)
        assert main.run(new_parser().parse_args(["export", str(file)])) == 0
        worker.stop()
        # One machine is lost, and the source of the other is deleted.
        with redis.Redis.from_url(redis_url) as client:
            client.delete("machine:{press}:record", *(timers_key(n) for n in range(8)), timers_key(1000))
        assert installation.client.delete("/sources/hall").json()["done"]
        assert main.run(new_parser().parse_args(["import", str(file), "--force"])) == 0
        installation.start_worker()
        wait_until(lambda: of(results.events, "pump") == [1, "timer-1"], 60)
        wait_until(lambda: of(results.events, "press") == [1, "timer-1"], 60)
        send(installation, "hall.pump", {"n": 2, "wait": 600})
        publish(installation, "press", {"n": 2, "wait": 600})
        wait_until(lambda: of(results.events, "press") == [1, "timer-1", 2], 60)


def test_a_timer_of_a_logic_that_has_no_on_timer_any_more_is_a_dead_letter(
    installation: Installation,
) -> None:
    installation.start_api()
    installation.start_worker()
    installation.upload("oven", SILENCE)
    with installation.collect() as results:
        publish(installation, "oven", {"n": 1, "wait": 3})
        wait_until(lambda: of(results.events, "oven") == [1], 90)
        installation.upload("oven", NO_TIMERS)
        wait_until(lambda: [each["id"] for each in letters(installation)] == ["oven/timer-1"], 60)
        [letter] = letters(installation)
        assert "on_timer" in letter["message"]
        causes = installation.client.get("/dead-letters/causes").json()["causes"]
        assert [each["letters"] for each in causes] == [1]
        # The machine has a new timer of the same name when the old one is sent again.
        installation.upload("oven", SILENCE)
        publish(installation, "oven", {"n": 2, "wait": 6})
        wait_until(lambda: of(results.events, "oven") == [1, 2], 60)
        installation.client.post("/dead-letters/redrive", json={"machine": "oven"}).raise_for_status()
        wait_until(lambda: of(results.events, "oven") == [1, 2, "timer-2", "timer-3"], 60)
    assert installation.state("oven") == {"n": 2, "silent": 2}
    assert letters(installation) == []
    assert installation.client.delete("/dead-letters/oven/timer-1").status_code == 404


def test_a_flooding_machine_runs_its_timers_in_order(installation: Installation) -> None:
    """Its readings wait in the overflow, and so do its timers."""
    installation.environ["IOT_LOGIC_PARTITIONS"] = "1"
    installation.start_api()
    slow = SILENCE.replace('return {"n"', 'sum([n for n in range(10_000)])\n    return {"n"')
    installation.upload("loud", slow)
    installation.upload("quiet", SILENCE)
    installation.send(
        [("quiet", {"n": 0, "wait": 2}), *(("loud", {"n": n, "wait": 2}) for n in range(4_000))]
    )
    with installation.collect() as results:
        worker = installation.start_worker()
        wait_until(lambda: "floods" in worker.log, 60)
        wait_until(lambda: "timer-1" in of(results.events, "quiet"), 60)
        wait_until(lambda: "timer-1" in of(results.events, "loud"), 120)
    assert of(results.events, "loud") == [*range(4_000), "timer-1"]
    assert installation.state("loud") == {"n": 4_000, "silent": 1}
