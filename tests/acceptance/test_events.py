"""Live events and recent readings, with the real API and a worker: readers delay nobody."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest
import redis

from pipeline import wire
from tests.support.event_stream import Event, EventStream
from tests.support.installation import Installation
from tests.support.waiting import wait_until

ECHO = """
def process(data, state):
    state["count"] = state.get("count", 0) + 1
    return {"count": state["count"], "data": data}
"""

#: The maximum number of streams of these tests' API.
READERS = 20

#: Each test has its own machine.
_numbers = count(1)


@pytest.fixture(scope="module")
def plant(module_installation: Installation) -> Installation:
    """An installation with its API and one running worker."""
    module_installation.environ["IOT_LOGIC_EVENTS_READERS"] = str(READERS)
    module_installation.environ["IOT_LOGIC_EVENTS_RATE"] = "10000"
    module_installation.start_api()
    module_installation.start_worker()
    return module_installation


@pytest.fixture
def machine(plant: Installation) -> str:
    """Return the id of a machine with a logic that no other test uses."""
    machine_id = f"m{next(_numbers)}"
    plant.upload(machine_id, ECHO)
    return machine_id


@pytest.fixture
def streams() -> Iterator[ExitStack]:
    """Opens streams that are closed when the test ends."""
    with ExitStack() as stack:
        yield stack


def base_url(plant: Installation) -> str:
    return plant.environ["IOT_LOGIC_API_URL"]


def watch(plant: Installation, machine: str, last_event_id: str | None = None) -> EventStream:
    return EventStream(base_url(plant), f"/machines/{machine}/events", last_event_id)


def watch_all(plant: Installation, last_event_id: str | None = None) -> EventStream:
    return EventStream(base_url(plant), "/events", last_event_id)


def numbers(events: list[Event]) -> list[int]:
    return [each.data["number"] for each in events if each.type in ("reading", "dead-letter")]


def readers(plant: Installation) -> float:
    [line] = [
        line
        for line in plant.client.get("/metrics").text.splitlines()
        if line.startswith("iot_logic_event_readers ")
    ]
    return float(line.split()[1])


def count_of(plant: Installation, machine: str) -> Any:
    """Return the number of readings that a machine's logic has counted."""
    response = plant.client.get(f"/machines/{machine}/state")
    return response.json()["count"] if response.status_code == 200 else 0


def published(plant: Installation) -> Any:
    """Return the number of messages ever published over Redis's pub/sub."""
    with redis.Redis.from_url(plant.redis_url) as client:
        return client.info("commandstats").get("cmdstat_publish", {"calls": 0})["calls"]


def test_without_readers_nothing_is_announced(plant: Installation, machine: str) -> None:
    before = published(plant)
    plant.send((machine, {"n": n}) for n in range(50))
    wait_until(lambda: count_of(plant, machine) == 50)
    assert published(plant) == before

    with watch(plant, machine) as stream:
        plant.send([(machine, {"n": 50})])
        stream.wait_for(1)
    assert published(plant) == before + 1


def test_readings_and_dead_letters_arrive_live_and_in_order(
    plant: Installation, machine: str, streams: ExitStack
) -> None:
    stream = streams.enter_context(watch(plant, machine))
    everything = streams.enter_context(watch_all(plant))

    plant.send([(machine, {"n": 1}), (machine, b"no json"), (machine, {"n": 2})])

    first, failed, second = stream.wait_for(3)
    assert stream.headers["Content-Type"].startswith("text/event-stream")
    assert [first.type, failed.type, second.type] == ["reading", "dead-letter", "reading"]
    assert first.data["reading"] == {"n": 1}
    assert first.data["results"] == [{"count": 1, "data": {"n": 1}}]
    assert (failed.data["encoding"], failed.data["reading"], failed.data["outcome"]) == (
        "text",
        "no json",
        "not-json",
    )
    assert failed.data["error"]["message"]
    assert second.data["number"] == 3
    assert [each.data for each in everything.wait_for(3)] == [each.data for each in stream.events]


def test_the_last_readings_and_results_can_be_read_page_by_page(plant: Installation, machine: str) -> None:
    plant.send((machine, {"n": n}) for n in range(1, 31))
    wait_until(lambda: count_of(plant, machine) == 30)

    page = plant.client.get(f"/machines/{machine}/readings", params={"limit": 15}).json()
    rest = plant.client.get(f"/machines/{machine}/readings", params={"before": page["next"]}).json()
    results = plant.client.get(f"/machines/{machine}/results", params={"limit": 2}).json()

    assert [each["number"] for each in page["readings"]] == list(range(30, 15, -1))
    assert [each["number"] for each in rest["readings"]] == list(range(15, 10, -1))
    assert (page["next"], rest["next"]) == (16, None)
    assert [each["data"]["count"] for each in results["results"]] == [30, 29]
    assert [results["results"][0]["id"], results["next"]] == ["30", 29]
    assert plant.client.get("/machines/nobody/readings").status_code == 404


def test_a_machine_with_a_logic_that_has_sent_nothing_has_an_empty_list(plant: Installation) -> None:
    plant.upload("silent", "def process(data, state):\n    return {}\n")
    for what in ("readings", "results"):
        answer = plant.client.get(f"/machines/silent/{what}")
        assert (answer.status_code, answer.json()) == (200, {what: [], "next": None})


def test_a_client_that_reconnects_continues_where_it_was(
    plant: Installation, machine: str, streams: ExitStack
) -> None:
    with watch(plant, machine) as stream:
        plant.send((machine, {"n": n}) for n in range(3))
        last = stream.wait_for(3)[-1].id
    plant.send((machine, {"n": n}) for n in range(2))

    resumed = streams.enter_context(watch(plant, machine, last)).wait_for(2)
    by_number = streams.enter_context(watch(plant, machine, "3")).wait_for(2)
    of_another_api = streams.enter_context(watch(plant, machine, "4-0123abcd-17")).wait_for(1)

    assert numbers(resumed) == numbers(by_number) == [4, 5]
    assert numbers(of_another_api) == [5]


def test_a_client_that_reconnects_too_late_is_told_how_many_events_are_missing(
    plant: Installation, machine: str, streams: ExitStack
) -> None:
    plant.send((machine, {"n": n}) for n in range(30))
    wait_until(lambda: count_of(plant, machine) == 30)

    late = streams.enter_context(watch(plant, machine, "1")).wait_for(21)
    unknown = streams.enter_context(watch_all(plant, "0123abcd-17")).wait_for(1)
    from_the_future = streams.enter_context(watch(plant, machine, "31")).wait_for(1)

    assert (late[0].type, late[0].data) == ("lagged", {"missed": 9})
    assert numbers(late) == list(range(11, 31))
    assert unknown[0][:2] == from_the_future[0][:2] == ("lagged", {"missed": None})


HOSTILE = [
    "\n\ndata: {}\n\nevent: reading\r\r",
    "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e\x00",
    "x" * 20_000,
]


def test_no_reading_can_break_the_stream(plant: Installation, machine: str, streams: ExitStack) -> None:
    stream = streams.enter_context(watch(plant, machine))
    pretty = json.dumps({"texts": HOSTILE[:2]}, indent=2, ensure_ascii=False).encode()
    bodies = [json.dumps(text).encode() for text in HOSTILE] + [
        pretty,
        b"\n\n: \xff\xfe\n\nevent: x\n\n",
        b"{" * 1_000_000,
        b"\n\ndata: x\n\n",
    ]

    plant.send((machine, body) for body in bodies)

    events = stream.wait_for(len(bodies))
    assert numbers(events) == list(range(1, len(bodies) + 1))
    assert [each.data["reading"] for each in events[:2]] == HOSTILE[:2]
    assert events[0].data["results"][0]["data"] == HOSTILE[0]
    assert (events[2].data["whole"], events[2].data["bytes"]) == (False, 20_002)
    assert events[2].data["results"] == [None]
    assert events[3].data["reading"] == {"texts": HOSTILE[:2]}
    assert [each.data["encoding"] for each in events[3:]] == ["json", "base64", "text", "text"]


def test_changes_are_in_the_streams_of_the_machine_and_of_all_machines(
    plant: Installation, machine: str, streams: ExitStack
) -> None:
    stream = streams.enter_context(watch(plant, machine))
    everything = streams.enter_context(watch_all(plant))

    version = plant.upload(machine, ECHO + "\n\n")
    plant.client.post(f"/machines/{machine}/pause").raise_for_status()

    uploaded, paused = stream.wait_for(2)
    assert uploaded.type == paused.type == "change"
    assert (uploaded.data["what"], uploaded.data["after"]) == ("logic.upload", version)
    assert (paused.data["what"], paused.data["machine"]) == ("machine.pause", machine)
    assert "who" not in paused.data
    assert [each.data for each in everything.wait_for(2)] == [uploaded.data, paused.data]


def test_a_change_of_a_notification_route_does_not_say_who_is_told(
    plant: Installation, streams: ExitStack
) -> None:
    everything = streams.enter_context(watch_all(plant))
    webhook = {"url": "http://127.0.0.1:9/x", "secret": "whsec_" + "a" * 44}
    route = {"severity": "major", "allow_private": True, "webhook": webhook}

    plant.client.put("/notification-routes/shift", json=route).raise_for_status()

    (changed,) = everything.wait_for(1)
    assert (changed.data["what"], changed.data["target"]) == ("notification-route.put", "shift")
    assert "127.0.0.1" not in str(changed.data)
    assert plant.client.get("/audit").json()["changes"][0]["after"]["webhook"] == "http://127.0.0.1:9"


def test_after_a_machine_is_deleted_its_stream_continues_and_reports_nothing_missing(
    plant: Installation, machine: str, streams: ExitStack
) -> None:
    stream = streams.enter_context(watch(plant, machine))
    plant.send([(machine, {"n": 1}), (machine, {"n": 2})])
    stream.wait_for(2)

    assert plant.client.delete(f"/machines/{machine}").status_code < 300
    stream.wait_for(3)
    plant.send([(machine, {"n": 3})])

    *_, deleted, again = stream.wait_for(4)
    assert (deleted.type, deleted.data["what"]) == ("change", "machine.delete")
    assert (again.type, again.data["number"]) == ("dead-letter", 3)


class Stuck:
    """A client that requests a stream but does not read it until it is told to."""

    def __init__(self, plant: Installation) -> None:
        url = urlsplit(base_url(plant))
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect((url.hostname, url.port))
        self._socket.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert self._socket.recv(12) == b"HTTP/1.1 200"

    def read_until(self, text: bytes) -> bytes:
        found = b""
        while text not in found:
            received = self._socket.recv(65536)
            assert received, "the stream has ended"
            found += received
        return found

    def close(self) -> None:
        self._socket.close()


def test_a_stuck_reader_is_told_how_much_it_missed_and_delays_nobody(
    plant: Installation, streams: ExitStack
) -> None:
    machines = ["stuck1", "stuck2", "stuck3"]
    for machine in machines:
        plant.upload(machine, "def process(data, state): return data")
    stuck = Stuck(plant)
    streams.callback(stuck.close)
    stream = streams.enter_context(watch_all(plant))
    # Keep the channel open until all readings are there: unconfirmed messages are lost if it closes too soon.
    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        channel = connection.channel()
        for place in range(18):
            body = json.dumps({"n": place, "text": "x" * 4_000}).encode()
            for machine in machines * 17:
                channel.basic_publish(wire.INGEST_EXCHANGE, wire.data_key(machine), body)
            stream.wait_for(51 * (place + 1))
    assert [each.type for each in stream.events] == ["reading"] * 918

    missed = stuck.read_until(b'"missed"')
    plant.send([(machines[0], {"n": "last"})])
    stuck.read_until(b'"last"')
    assert b"event: lagged" in missed


def test_readers_that_vanish_make_room_and_the_number_of_readers_is_limited(
    plant: Installation,
) -> None:
    wait_until(lambda: readers(plant) == 0)
    with ExitStack() as streams:
        for _ in range(READERS):
            assert streams.enter_context(watch_all(plant)).status == 200
        refused = plant.client.get("/events")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
        assert readers(plant) == READERS

    wait_until(lambda: readers(plant) == 0)
    with watch_all(plant) as stream:
        assert stream.status == 200


def test_after_a_cut_between_redis_and_the_api_streams_recover_and_report_it(
    plant: Installation, machine: str, streams: ExitStack
) -> None:
    stream = streams.enter_context(watch(plant, machine))
    everything = streams.enter_context(watch_all(plant))
    plant.send([(machine, {"n": 1})])
    stream.wait_for(1)

    with redis.Redis.from_url(plant.redis_url) as client:
        assert client.client_kill_filter(_type="pubsub") == 1
    plant.send((machine, {"n": n}) for n in range(2, 5))

    assert numbers(stream.wait_for(4)) == [1, 2, 3, 4]
    wait_until(lambda: ("lagged", {"missed": None}) in [each[:2] for each in everything.events])
    plant.send([(machine, {"n": 5})])
    wait_until(lambda: numbers(everything.events)[-1] == 5)
    assert [each.type for each in stream.wait_for(5)] == ["reading"] * 5


def test_the_api_stops_while_streams_are_open_and_clients_continue_with_the_next_one(
    plant: Installation, machine: str, streams: ExitStack
) -> None:
    stream = streams.enter_context(watch(plant, machine))
    stuck = Stuck(plant)
    streams.callback(stuck.close)
    plant.send([(machine, {"n": 1})])
    last = stream.wait_for(1)[-1].id

    api = next(command for command in plant.commands if command.name == "iot-api")
    api.stop()
    wait_until(lambda: stream.ended)
    plant.send((machine, {"n": n}) for n in range(2, 5))
    plant.start_api()

    resumed = streams.enter_context(watch(plant, machine, last))
    assert numbers(resumed.wait_for(3)) == [2, 3, 4]
    assert "Traceback" not in api.log
