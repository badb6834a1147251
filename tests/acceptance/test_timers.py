"""Timers over real servers: when nothing comes, after a crash, with a backlog, and sent again."""

import json
import time
from datetime import datetime
from typing import Any

import pika
import pytest

from pipeline import wire
from pipeline.clock import milliseconds_now
from tests.support.installation import Installation
from tests.support.sources import create, letters
from tests.support.waiting import wait_until

SILENCE = """
def process(data, state):
    state["n"] = state.get("n", 0) + 1
    set_timer("silence", seconds=data.get("wait", 2))
    return {"n": data["n"]}

def on_timer(timer, state):
    state["silent"] = state.get("silent", 0) + 1
    return {"timer": timer["name"], "late": timer["late"], "n": state["n"]}
"""

FAILS = SILENCE.replace('state["silent"]', 'state["silent"] = 1 / 0  #')


def publish(plant: Installation, machine: str, *readings: dict[str, Any], sent: int | None = None) -> None:
    """Publish readings. `sent` is when the first was sent, in milliseconds since 1970, or else its `at`."""
    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for reading in readings:
            stamp = reading.pop("at", sent)
            headers = None if stamp is None else {wire.SENT_AT_HEADER: stamp}
            channel.basic_publish(
                wire.INGEST_EXCHANGE,
                wire.data_key(machine),
                json.dumps(reading).encode(),
                pika.BasicProperties(delivery_mode=2, headers=headers),
            )


def of(events: list[dict[str, Any]], machine: str) -> list[Any]:
    """Return what the results of a machine say: the number of a reading, or the id of a timer.

    A result that was published again has the same id, and counts once.
    """
    results = dict[str, Any]()
    for each in events:
        if each["subject"] == machine:
            results.setdefault(each["id"], each["id"] if "timer" in each["data"] else each["data"]["n"])
    return list(results.values())


def test_a_timer_runs_when_nothing_comes_and_is_shown(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    installation.upload("furnace", SILENCE)
    with installation.collect() as results:
        publish(installation, "furnace", {"n": 1})
        wait_until(lambda: of(results.events, "furnace") == [1, "timer-1"], 90)
        publish(installation, "furnace", {"n": 2}, {"n": 3})
        wait_until(lambda: of(results.events, "furnace") == [1, "timer-1", 2, 3, "timer-2"])

    [first, second] = [each for each in results.events if "timer" in each["data"]]
    assert first["data"]["timer"] == "silence"
    assert 0 <= first["data"]["late"] < 20
    assert [each["data"]["n"] for each in (first, second)] == [1, 3]
    assert installation.state("furnace") == {"n": 3, "silent": 2}
    recent = installation.client.get("/machines/furnace/readings").json()["readings"]
    shown = [(each["timer"], each["number"]) for each in reversed(recent)]
    assert shown == [(None, 1), ("silence", 1), (None, 2), (None, 3), ("silence", 2)]
    assert json.dumps(recent[0]["reading"]).startswith('{"timer": "silence", "due": "20')
    machine = installation.client.get("/machines/furnace").json()
    assert (machine["readings"], machine["results"]) == (3, 5)


def test_a_machine_that_keeps_sending_has_no_silence(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    installation.upload("busy", SILENCE)
    with installation.collect() as results:
        publish(installation, "busy", {"n": 0, "wait": 60})
        wait_until(lambda: of(results.events, "busy") == [0], 90)
        for n in range(1, 9):
            publish(installation, "busy", {"n": n, "wait": 3})
            time.sleep(0.5)
        publish(installation, "busy", {"n": 9, "wait": 600})
        wait_until(lambda: len(of(results.events, "busy")) == 10)
    assert of(results.events, "busy") == list(range(10))


def test_a_backlog_is_run_as_if_no_worker_had_been_away(installation: Installation) -> None:
    """Readings that waited for hours: silence is found where there was some, and nowhere else."""
    installation.start_api()
    installation.upload("press", SILENCE)
    start = milliseconds_now() - 3 * 3_600_000
    minute = 60_000
    # Every ten minutes, with a gap of an hour; silence is 45 minutes.
    times = [start + minute * each for each in (0, 10, 20, 80, 90, 100)]
    readings = [{"n": n, "wait": 45 * 60, "at": at} for n, at in enumerate(times)]
    publish(installation, "press", *readings)
    with installation.collect() as results:
        installation.start_worker()
        # The last reading was more than 45 minutes ago too.
        wait_until(lambda: "timer-2" in of(results.events, "press"), 90)
    assert of(results.events, "press") == [0, 1, 2, "timer-1", 3, 4, 5, "timer-2"]


def test_after_a_worker_is_killed_each_timer_runs_once(installation: Installation) -> None:
    installation.start_api()
    worker = installation.start_worker()
    machines = [f"m{n}" for n in range(40)]
    for machine in machines:
        installation.upload(machine, SILENCE)
    with installation.collect() as results:
        for machine in machines:
            publish(installation, machine, {"n": 1, "wait": 4})
        wait_until(lambda: len(results.events) >= 40, 90)
        worker.kill()
        time.sleep(5)  # All timers become due while nobody is there.
        worker = installation.start_worker()
        wait_until(lambda: any("timer" in each["data"] for each in results.events), 90)
        worker.kill()  # In the middle of them, or shortly after.
        installation.start_worker()
        ids = {(machine, name) for machine in machines for name in ("1", "timer-1")}
        wait_until(lambda: {(each["subject"], each["id"]) for each in results.events} == ids, 90)
        wait_until(lambda: all(installation.state(each) == {"n": 1, "silent": 1} for each in machines))


def test_a_timer_that_fails_is_a_dead_letter_that_can_be_sent_again(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    installation.upload("kiln", FAILS)
    with installation.collect() as results:
        publish(installation, "kiln", {"n": 1})
        wait_until(lambda: bool(letters(installation, machine="kiln")), 90)
        [letter] = letters(installation, machine="kiln")
        assert (letter["id"], letter["number"], letter["timer"]) == ("kiln/timer-1", None, "silence")
        assert letter["kind"] == "error"
        assert "division by zero" in letter["message"]
        assert letter["line"] == 8
        whole = installation.client.get("/dead-letters/kiln/timer-1").json()
        assert set(whole["reading"]) == {"timer", "due"}
        assert installation.client.get("/machines/kiln").json()["health"] == "failing"

        # Still broken: it fails again, as another letter.
        sent = installation.client.post("/dead-letters/kiln/timer-1/redrive")
        assert sent.is_success, sent.text
        wait_until(lambda: [each["id"] for each in letters(installation, machine="kiln")] == ["kiln/timer-2"])
        assert letters(installation, machine="kiln")[0]["sent_before"] == "timer-1"

        installation.upload("kiln", SILENCE)
        sent = installation.client.post("/dead-letters/redrive", json={"machine": "kiln"})
        assert sent.is_success, sent.text
        wait_until(lambda: of(results.events, "kiln") == [1, "timer-3"])
        wait_until(lambda: letters(installation, machine="kiln") == [])
    assert installation.state("kiln") == {"n": 1, "silent": 1}
    [event] = [each for each in results.events if "timer" in each["data"]]
    assert datetime.fromisoformat(whole["reading"]["due"]) < datetime.fromisoformat(event["time"])
    assert event["data"]["late"] > 0
    assert installation.client.get("/machines/kiln").json()["readings"] == 1


def test_a_device_cannot_invent_a_timer(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    installation.upload("fake", SILENCE)
    body = b'{"timer": "silence", "due": "2026-01-01T00:00:00Z", "n": 7, "wait": 600}'
    claim = {wire.CLAIM_HEADER: f"timer-1.{'0' * 64}"}
    with installation.collect() as results:
        with pika.BlockingConnection(pika.URLParameters(installation.amqp_url)) as connection:
            properties = pika.BasicProperties(headers=claim, delivery_mode=2)
            connection.channel().basic_publish(wire.INGEST_EXCHANGE, wire.data_key("fake"), body, properties)
        wait_until(lambda: of(results.events, "fake") == [7], 90)
    assert installation.state("fake") == {"n": 1}


@pytest.mark.parametrize("how", ["deleted", "reset"])
def test_a_machine_that_is_deleted_or_reset_has_no_timers(installation: Installation, how: str) -> None:
    installation.start_api()
    installation.start_worker()
    installation.upload("old", SILENCE)
    installation.upload("other", SILENCE)
    with installation.collect() as results:
        publish(installation, "old", {"n": 1, "wait": 3})
        wait_until(lambda: of(results.events, "old") == [1], 90)
        path = "/machines/old" if how == "deleted" else "/machines/old/state"
        installation.client.delete(path).raise_for_status()
        publish(installation, "other", {"n": 1, "wait": 4})
        wait_until(lambda: of(results.events, "other") == [1, "timer-1"])
    assert of(results.events, "old") == [1]


def test_timers_of_a_paused_machine_wait_until_it_is_resumed(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    installation.upload("rest", SILENCE)
    installation.upload("other", SILENCE)
    with installation.collect() as results:
        publish(installation, "rest", {"n": 1, "wait": 2})
        wait_until(lambda: of(results.events, "rest") == [1], 90)
        installation.client.post("/machines/rest/pause").raise_for_status()
        publish(installation, "other", {"n": 1, "wait": 3})
        wait_until(lambda: of(results.events, "other") == [1, "timer-1"])
        assert of(results.events, "rest") == [1]
        installation.client.post("/machines/rest/resume", json={}).raise_for_status()
        wait_until(lambda: of(results.events, "rest") == [1, "timer-1"])
    assert installation.state("rest") == {"n": 1, "silent": 1}


def test_timers_of_a_source_that_is_deleted_still_run(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    create(installation, "hall", "hall/{machine}")
    installation.upload("pump", SILENCE)
    with installation.collect() as results:
        with pika.BlockingConnection(pika.URLParameters(installation.amqp_url)) as connection:
            properties = pika.BasicProperties(delivery_mode=2)
            body = b'{"n": 1, "wait": 12}'
            connection.channel().basic_publish(wire.INGEST_EXCHANGE, "hall.pump", body, properties)
        wait_until(lambda: of(results.events, "pump") == [1], 90)
        assert installation.client.delete("/sources/hall").is_success
        wait_until(lambda: of(results.events, "pump") == [1, "timer-1"], 60)
        # Its readings may come another way now, and its timers go on.
        publish(installation, "pump", {"n": 2, "wait": 2})
        wait_until(lambda: of(results.events, "pump") == [1, "timer-1", 2, "timer-2"], 60)
