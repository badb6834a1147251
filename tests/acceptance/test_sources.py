"""Sources: devices that choose their own topics, with real clients."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import httpx
import pika

from pipeline import wire
from pipeline.local.servers import LocalRabbitmq
from pipeline.model.source_presets import PRESETS
from tests.support.installation import Installation
from tests.support.logics import CHECK_ORDER, COUNT, COUNT_AND_TELL
from tests.support.sources import counted, create, device, has_counted, letters, put
from tests.support.waiting import wait_until

#: Readings, and the devices that send them, while a worker is killed.
READINGS, DEVICES = 6_000, 20


def test_each_preset_reads_its_devices_topic(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    known = installation.client.get("/source-presets").json()["presets"]
    assert [each["name"] for each in known] == [preset.name for preset in PRESETS]
    machines = dict[str, str]()
    for preset in known:
        assert put(installation, preset["name"], preset["source"]).status_code == 200
        tried = installation.client.post("/sources/try", json={"topic": preset["topic"]}).json()
        assert tried["source"] == preset["name"]
        machines[preset["topic"]] = tried["machine"]
        installation.upload(tried["machine"], COUNT)

    with device(installation) as publish:
        publish((topic, {"n": n}) for topic in machines for n in range(3))

    for machine_id in machines.values():
        wait_until(partial(has_counted, installation, machine_id, 3))
        assert installation.state(machine_id) == {"count": 3}
    assert letters(installation) == []


def test_a_device_is_one_machine_whatever_the_case_of_its_id(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    create(
        installation,
        "lora",
        "application/+/device/{machine}/event/up",
        case="lower",
        prefix="lora-",
        rename={"00000000000000FF": "furnace"},
    )
    with device(installation) as publish:
        publish((f"application/7/device/{eui}/event/up", {}) for eui in ("00AB", "00ab", "00000000000000ff"))

    wait_until(lambda: counted(installation, "lora-00ab") == 2)
    wait_until(lambda: counted(installation, "furnace") == 1)


def test_a_topic_that_names_no_valid_machine_becomes_a_dead_letter_that_names_the_source(
    installation: Installation,
) -> None:
    installation.start_api()
    installation.start_worker()
    create(installation, "floor", "tele/{machine}/SENSOR")

    with device(installation) as publish:
        publish([(f"tele/{'x' * 129}/SENSOR", {})])

    ((headers, _),) = installation.wait_for_dead_letters(1)
    assert headers["kind"] == "machine-id"
    assert f"the topic 'tele/{'x' * 129}/SENSOR' names no machine by the rules of the source 'floor'" in str(
        headers["message"]
    )


def test_readings_of_a_second_way_in_become_dead_letters_and_can_be_sent_again(
    installation: Installation,
) -> None:
    installation.start_api()
    installation.start_worker()
    create(installation, "floor", "tele/{machine}/SENSOR")
    installation.upload("press", COUNT_AND_TELL)

    with device(installation) as publish:
        publish([("tele/press/SENSOR", {"n": 1})])
        wait_until(lambda: counted(installation, "press") == 1)
        publish([("machines/press/data", {"n": 2}), ("machines/press/data", {"n": 3})])
        wait_until(lambda: len(letters(installation, machine="press")) == 2)
        publish([("tele/press/SENSOR", {"n": 4})])
        wait_until(lambda: counted(installation, "press") == 2)

    first, _ = letters(installation, machine="press")
    assert first["kind"] == "other-source"
    assert "machines/<id>/data, topic machines/press/data" in first["message"]
    assert "come by the source 'floor'" in first["message"]

    with installation.collect() as results:
        sent = installation.client.post("/dead-letters/redrive", json={"machine": "press"})
        assert sent.is_success, sent.text
        wait_until(lambda: counted(installation, "press") == 4)
        wait_until(lambda: len(results.events) == 2)
    assert {event["data"]["n"] for event in results.events} == {2, 3}
    assert letters(installation) == []


def test_a_reading_of_a_source_that_expires_becomes_a_dead_letter_of_its_machine(
    installation: Installation,
) -> None:
    installation.start_api()
    create(installation, "floor", "tele/{machine}/SENSOR")
    installation.upload("press", COUNT_AND_TELL)
    with pika.BlockingConnection(pika.URLParameters(installation.amqp_url)) as connection:
        properties = pika.BasicProperties(expiration="1", delivery_mode=2)
        connection.channel().basic_publish(wire.INGEST_EXCHANGE, "tele.press.SENSOR", b'{"n":1}', properties)
    wait_until(lambda: [each["kind"] for each in letters(installation, machine="press")] == ["expired"])

    installation.start_worker()
    sent = installation.client.post("/dead-letters/redrive", json={"machine": "press"})
    assert sent.is_success, sent.text
    wait_until(lambda: counted(installation, "press") == 1)
    assert letters(installation) == []


def test_after_a_source_is_deleted_its_machines_may_send_in_another_way(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    queue = create(installation, "floor", "tele/{machine}/SENSOR")["queue"]
    installation.upload("press", COUNT)
    with device(installation) as publish:
        publish(("tele/press/SENSOR", {"n": n}) for n in range(100))
        removal = installation.client.delete("/sources/floor").json()

        assert removal == {"name": "floor", "done": True, "readings": 0, "consumers": 0}
        assert counted(installation, "press") == 100
        assert not has_queue(installation, queue)
        publish(("machines/press/data", {"n": n}) for n in range(5))
        wait_until(lambda: counted(installation, "press") == 105)
        create(installation, "floor", "tele/{machine}/SENSOR")
    assert letters(installation) == []


def test_a_source_with_waiting_readings_is_deleted_when_they_are_processed(
    installation: Installation,
) -> None:
    installation.start_api()
    queue = create(installation, "floor", "tele/{machine}/SENSOR")["queue"]
    installation.upload("press", COUNT)
    with device(installation) as publish:
        publish(("tele/press/SENSOR", {"n": n}) for n in range(10))
        removal = installation.client.delete("/sources/floor").json()

        assert (removal["done"], removal["readings"]) == (False, 10)
        assert installation.client.get("/sources/floor").json()["state"] == "draining"
        refused = put(installation, "floor", {"filter": "tele/{machine}/SENSOR"})
        assert (refused.status_code, "is being deleted" in refused.json()["detail"]) == (409, True)
        publish([("tele/press/SENSOR", {"n": 10})])  # nobody reads it any more

    installation.start_worker()
    wait_until(lambda: counted(installation, "press") == 10)
    wait_until(lambda: installation.client.get("/sources/floor").status_code == 404, timeout=40)
    assert not has_queue(installation, queue)


def has_queue(plant: Installation, queue: str) -> bool:
    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        try:
            connection.channel().queue_declare(queue, passive=True)
        except pika.exceptions.ChannelClosedByBroker:
            return False
        return True


def test_a_worker_killed_under_load_loses_and_repeats_no_reading_of_a_source(
    installation: Installation,
) -> None:
    installation.start_api()
    create(installation, "floor", "tele/{machine}/SENSOR")
    machine_ids = [f"m{place}" for place in range(DEVICES)]
    for machine_id in machine_ids:
        installation.upload(machine_id, CHECK_ORDER)
    readings = [(f"tele/m{n % DEVICES}/SENSOR", {"n": n // DEVICES}) for n in range(READINGS)]
    with installation.collect() as results, device(installation) as publish:
        worker = installation.start_worker()
        publish(readings[: READINGS // 2])
        wait_until(lambda: len(results.messages) > READINGS // 20, timeout=60)
        worker.kill()
        publish(readings[READINGS // 2 :])
        worker = installation.start_worker()
        wait_until(lambda: len(results.messages) > READINGS // 2, timeout=60)
        worker.kill()
        installation.start_worker()
        wait_until(
            lambda: sum(counted(installation, machine_id) for machine_id in machine_ids) >= READINGS,
            timeout=120,
        )

    each = READINGS // DEVICES
    for machine_id in machine_ids:
        assert installation.state(machine_id) == {"count": each, "last": each - 1}
    assert letters(installation) == []


def test_while_a_source_changes_no_reading_is_lost_or_doubled(installation: Installation) -> None:
    """A device sends all the time, while its filter changes and it gets another id, several times."""
    installation.start_api()
    installation.start_worker()
    create(installation, "floor", "tele/{machine}/SENSOR")
    for machine_id in ("press", "a", "b"):
        installation.upload(machine_id, COUNT)
    sent, done = 0, Event()

    def send() -> None:
        nonlocal sent
        with device(installation) as publish:
            while not done.is_set():
                publish([("tele/press/SENSOR", {"n": sent})])
                sent += 1

    sender = Thread(target=send)
    sender.start()
    try:
        for rename, topics in (
            ({"press": "a"}, "tele/{machine}/SENSOR"),
            ({"press": "a"}, "tele/{machine}/#"),
            ({"press": "b"}, "tele/{machine}/+"),
            ({}, "tele/{machine}/SENSOR"),
        ):
            machine_id = rename.get("press", "press")
            before = counted(installation, machine_id)
            create(installation, "floor", topics, rename=rename)
            wait_until(partial(has_counted, installation, machine_id, before + 5), timeout=30)
    finally:
        done.set()
        sender.join()

    def total() -> int:
        return sum(counted(installation, each) for each in ("press", "a", "b"))

    wait_until(lambda: total() >= sent)
    assert total() == sent
    assert letters(installation) == []
    assert installation.client.get("/sources/floor").json()["pattern"] == "tele.*.SENSOR"


def test_a_machine_without_logic_follows_the_profile_of_its_source(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    assert put(installation, "floor", {"filter": "tele/{machine}/SENSOR", "profile": "p"}).status_code == 422
    answer = installation.client.post("/profiles/p/logic", json={"logic": COUNT})
    assert answer.is_success
    installation.upload("own", "def process(data, state):\n    state['own'] = 1\n")
    create(installation, "floor", "tele/{machine}/SENSOR", profile="p")

    with device(installation) as publish:
        publish([("tele/press/SENSOR", {}), ("tele/press/SENSOR", {}), ("tele/own/SENSOR", {})])

    wait_until(lambda: counted(installation, "press") == 2 and counted(installation, "own") == 1)
    assert installation.state("press") == {"count": 2}
    assert installation.state("own") == {"own": 1}
    assert installation.client.get("/machines/press").json()["profile"] == "p"
    assert letters(installation) == []


def test_sources_are_read_changed_and_audited_like_other_settings(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    made = put(installation, "floor", {"filter": "tele/{machine}/SENSOR"})
    again = put(installation, "floor", {"filter": "tele/{machine}/SENSOR"})
    assert made.headers["ETag"] == again.headers["ETag"]

    overlapping = put(installation, "other", {"filter": "tele/+/{machine}"})
    assert overlapping.status_code == 409
    assert "the source 'floor' can match the same topic" in overlapping.json()["detail"]
    invalid = put(installation, "other", {"filter": "machines/{machine}/state"})
    assert (invalid.status_code, "below machines/" in invalid.json()["detail"]) == (422, True)
    assert put(installation, "other", {"filter": "x/{machine}", "case": "mixed"}).status_code == 400
    assert put(installation, "a.b", {"filter": "x/{machine}"}).status_code == 400
    assert put(installation, "floor", {"filter": "x/{machine}"}, **{"If-None-Match": "*"}).status_code == 412

    changed = put(installation, "floor", {"filter": "tele/{machine}/#"}, **{"If-Match": made.headers["ETag"]})
    assert changed.status_code == 200
    stale = put(installation, "floor", {"filter": "x/{machine}"}, **{"If-Match": made.headers["ETag"]})
    assert stale.status_code == 412
    assert [each["name"] for each in installation.client.get("/sources").json()["sources"]] == ["floor"]

    states = installation.client.get("/partitions").json()["partitions"]
    assert [each["source"] for each in states if each["partition"] >= 1000] == ["floor"]
    queues = installation.client.get("/queues").json()["queues"]
    assert {each["name"] for each in queues if each["source"] == "floor"} == {
        "readings.1000",
        "overflow.1000",
    }

    assert installation.client.delete("/sources/floor").json()["done"]
    assert installation.client.delete("/sources/floor").status_code == 404
    changes = installation.client.get("/audit").json()["changes"]
    assert [each["action"] for each in changes if each["action"].startswith("source.")] == [
        "source.delete",
        "source.put",
        "source.put",
    ]


@contextmanager
def refused_by_rabbitmq(rabbitmq: LocalRabbitmq, vhost: str) -> Iterator[None]:
    """RabbitMQ refuses new connections while the block runs."""
    assert rabbitmq.management_url
    path = f"/api/permissions/{vhost}/{urlsplit(rabbitmq.amqp_url).username}"
    with httpx.Client(base_url=rabbitmq.management_url, timeout=30) as management:
        management.delete(path).raise_for_status()
        yield
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        management.put(path, json=everything).raise_for_status()


def test_a_change_while_rabbitmq_is_unavailable_is_audited_and_completed_later(
    installation: Installation, rabbitmq: LocalRabbitmq, vhost: str
) -> None:
    installation.start_api()
    for name in ("floor", "hall"):
        create(installation, name, f"{name}/{{machine}}")
    with refused_by_rabbitmq(rabbitmq, vhost):
        changed = put(installation, "floor", {"filter": "floor/{machine}/#"})
        deleted = installation.client.delete("/sources/hall")
        again = installation.client.delete("/sources/hall")
        unknown = put(installation, "other", {"filter": "other/{machine}"})
    assert [each.status_code for each in (changed, deleted, again, unknown)] == [503] * 4
    assert changed.json()["detail"].startswith("The change is stored, and the API completes it when RabbitMQ")
    assert deleted.json()["detail"].startswith("The deletion is stored, and the API completes it when")
    assert unknown.json()["detail"].startswith("RabbitMQ is unavailable")

    wait_until(lambda: [each["name"] for each in listed(installation)] == ["floor"])
    wait_until(lambda: listed(installation)[0]["state"] == "active")
    assert listed(installation)[0]["pattern"] == "floor.*.#"
    changes = installation.client.get("/audit").json()["changes"]
    assert [(each["action"], each["target"]) for each in changes] == [
        ("source.delete", "hall"),
        ("source.put", "floor"),
        ("source.put", "hall"),
        ("source.put", "floor"),
    ]


def listed(plant: Installation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = plant.client.get("/sources").json()["sources"]
    return found


TELL_TOPIC = (
    "def process(data, state):\n    if data.get('fail'):\n        raise ValueError('not yet')\n"
    "    return {'topic': meta['topic'], 'n': data['n']}"
)


def test_a_logic_reads_the_topic_of_each_reading_also_when_it_is_sent_again(
    installation: Installation,
) -> None:
    installation.start_api()
    installation.start_worker()
    create(installation, "shelly", "shellies/{machine}/status/#")
    installation.upload("plug", TELL_TOPIC)
    installation.upload("press", TELL_TOPIC)

    with installation.collect() as results, device(installation) as publish:
        publish([("shellies/plug/status/switch:0", {"n": 1}), ("machines/press/data", {"n": 2})])
        publish([("shellies/plug/status/em:0", {"n": 3, "fail": True})])
        # The worker may still be starting.
        wait_until(lambda: len(results.events) == 2 and bool(letters(installation, machine="plug")), 90)
        installation.upload("plug", TELL_TOPIC.replace("data.get('fail')", "False"))
        sent = installation.client.post("/dead-letters/redrive", json={"machine": "plug"})
        assert sent.is_success, sent.text
        wait_until(lambda: len(results.events) == 3)

    assert sorted((each["data"]["n"], each["data"]["topic"]) for each in results.events) == [
        (1, "shellies/plug/status/switch:0"),
        (2, "machines/press/data"),
        (3, "shellies/plug/status/em:0"),
    ]
    recent = installation.client.get("/machines/plug/readings").json()["readings"]
    assert {each["topic"] for each in recent} == {
        "shellies/plug/status/switch:0",
        "shellies/plug/status/em:0",
    }
    assert installation.client.get("/machines/press/readings").json()["readings"][0]["topic"] is None

    tried = installation.client.post("/machines/plug/logic/test", json={"logic": TELL_TOPIC}).json()
    assert [each["results"][0]["topic"] for each in tried["readings"] if each["results"]] == [
        "shellies/plug/status/switch:0"
    ]
    given = {"readings": [{"n": 9}], "meta": {"topic": "a/b"}}
    tried = installation.client.post("/machines/plug/logic/test", json=given).json()
    assert tried["readings"][0]["results"] == [{"n": 9, "topic": "a/b"}]


def test_a_source_names_the_format_of_machines_that_name_none(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    created = create(installation, "floor", "raw/{machine}", settings={"format": "binary"})
    assert created["settings"] == {"format": "binary"}
    sizes = "def process(data, state):\n    return {'type': str(type(data) is bytes), 'size': len(data)}"
    installation.upload("sensor", sizes)
    installation.upload("talker", sizes)
    installation.client.put("/machines/talker/settings", json={"format": "text"}).raise_for_status()

    with installation.collect() as results:
        with pika.BlockingConnection(pika.URLParameters(installation.amqp_url)) as connection:
            for name in ("sensor", "talker"):
                properties = pika.BasicProperties(delivery_mode=2)
                connection.channel().basic_publish(
                    wire.INGEST_EXCHANGE, f"raw.{name}", b"\x01\x02", properties
                )
        wait_until(lambda: len(results.events) == 2, 90)

    assert {each["subject"]: each["data"] for each in results.events} == {
        "sensor": {"type": "True", "size": 2},
        "talker": {"type": "False", "size": 2},
    }
    trial = installation.client.post("/machines/sensor/logic/test", json={"readings": ["01 02 03"]}).json()
    assert trial["readings"][0]["results"] == [{"type": "True", "size": 3}]
