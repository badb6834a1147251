"""Dead letters over REST, with the real commands: find them, fix the cause, send them again, discard them."""

from datetime import UTC, datetime
from typing import Any

import pika
import pytest

from pipeline import wire
from tests.support.installation import Collector, Installation
from tests.support.logics import COUNT_AND_TELL
from tests.support.waiting import wait_until

BROKEN = """
def process(data, state):
    state["count"] = state.get("count", 0) + 1
    return {"n": data["n"] / 0}
"""


@pytest.fixture
def plant(installation: Installation) -> Installation:
    installation.start_api()
    installation.start_worker()
    return installation


def get(plant: Installation, path: str = "", **parameters: Any) -> Any:
    response = plant.client.get(f"/dead-letters{path}", params=parameters)
    assert response.status_code == 200, response.text
    return response.json()


def ids(plant: Installation, **parameters: Any) -> list[str]:
    return [letter["id"] for letter in get(plant, **parameters)["dead_letters"]]


def redrive(plant: Installation, **selection: str) -> int:
    response = plant.client.post("/dead-letters/redrive", json=selection)
    assert response.status_code == 202, response.text
    sent: int = response.json()["sent"]
    return sent


def counts(results: Collector, machine_id: str) -> list[tuple[int, int]]:
    return [
        (event["data"]["n"], event["data"]["count"]) for event in results.by_machine().get(machine_id, [])
    ]


def metric(plant: Installation, name: str) -> float:
    lines = plant.client.get("/metrics").text.splitlines()
    [value] = [line.split()[1] for line in lines if line.split()[0] == name]
    return float(value)


def test_readings_that_failed_for_three_causes_are_found_and_sent_again_once(plant: Installation) -> None:
    plant.upload("broken", BROKEN)
    plant.upload("fine", COUNT_AND_TELL)
    plant.send(
        [
            *(("newcomer", {"n": n}) for n in range(12)),
            *(("broken", {"n": n}) for n in range(3)),
            ("fine", b"\xff no json"),
            ("fine", {"n": 1}),
        ]
    )
    assert len(plant.wait_for_dead_letters(16)) == 16

    assert get(plant)["kinds"] == {"no-logic": 12, "error": 3, "not-json": 1}
    assert ids(plant, machine="newcomer") == [f"newcomer/{number}" for number in range(1, 13)]
    assert ids(plant, kind="error") == ["broken/1", "broken/2", "broken/3"]
    assert ids(plant, kind="error", machine="newcomer") == []
    page = get(plant, limit=5)
    assert len(page["dead_letters"]) == 5
    assert len(ids(plant, after=page["next"])) == 11
    first = get(plant, "/broken/1")
    assert (first["machine"], first["number"], first["kind"], first["line"]) == ("broken", 1, "error", 4)
    assert "ZeroDivisionError" in first["message"]
    assert (first["encoding"], first["reading"], first["logicversion"]) == ("json", {"n": 0}, 1)
    assert first["routing_key"] == f"machines.{first['machine']}.data"
    assert first["sent_again"] is None
    assert ids(plant, machine="broken", since=first["time"]) == ["broken/1", "broken/2", "broken/3"]
    assert ids(plant, until="2020-01-01T00:00:00Z") == []
    bad = get(plant, "/fine/1")
    assert (bad["encoding"], bad["reading"]) == ("base64", "/yBubyBqc29u")
    assert metric(plant, "iot_logic_dead_letters") == 16

    plant.upload("broken", COUNT_AND_TELL)
    plant.upload("newcomer", COUNT_AND_TELL)
    with plant.collect() as results:
        assert redrive(plant, machine="broken") == 3
        assert redrive(plant, kind="no-logic") == 12
        assert redrive(plant, kind="not-json") == 1
        plant.send([("newcomer", {"n": 100})])
        wait_until(lambda: len(results.messages) == 16)
        # It failed again and became a new dead letter with a new number.
        wait_until(lambda: ids(plant) == ["fine/3"])
        assert redrive(plant, machine="broken") == 0

    assert counts(results, "broken") == [(n, n + 1) for n in range(3)]
    assert counts(results, "newcomer") == [*((n, n + 1) for n in range(12)), (100, 13)]
    assert plant.state("newcomer") == {"count": 13}
    assert len(plant.dead_letters()) == 1
    assert metric(plant, "iot_logic_dead_letters_redriven_total") == 16


def test_a_letter_sent_again_and_again_while_no_worker_runs_counts_once(installation: Installation) -> None:
    installation.start_api()
    worker = installation.start_worker()
    installation.send([("m1", {"n": 1}), ("m1", {"n": 2})])
    installation.wait_for_dead_letters(2)
    worker.stop()
    installation.upload("m1", COUNT_AND_TELL)

    for _ in range(3):
        response = installation.client.post("/dead-letters/m1/2/redrive")
        assert (response.status_code, response.json()["sent"]) == (202, 1)
    assert redrive(installation, machine="m1") == 2
    assert get(installation, "/m1/2")["sent_again"] is not None
    with installation.collect() as results:
        installation.start_worker()
        installation.send([("m1", {"n": 3})])
        wait_until(lambda: len(results.messages) >= 3)

    assert counts(results, "m1") == [(2, 1), (1, 2), (3, 3)]
    assert installation.client.post("/dead-letters/m1/2/redrive").status_code == 404
    assert installation.dead_letters() == []


def test_letters_are_discarded_only_if_the_request_says_which(plant: Installation) -> None:
    plant.send([("m1", {"n": 1}), ("m1", {"n": 2}), ("m2", {"n": 1}), ("no such id!", {"n": 1})])
    plant.wait_for_dead_letters(4)
    [stray] = get(plant, kind="machine-id")["dead_letters"]
    assert (stray["machine"], stray["number"]) == (None, None)
    discarded = metric(plant, "iot_logic_dead_letters_discarded_total")

    assert plant.client.delete("/dead-letters").status_code == 422
    assert plant.client.post("/dead-letters/redrive", json={}).status_code == 422
    assert plant.client.delete("/dead-letters/m1/1").status_code == 204
    assert plant.client.delete("/dead-letters/m1/1").status_code == 404
    assert plant.client.post(f"/dead-letters/{stray['id']}/redrive").status_code == 409
    assert plant.client.delete(f"/dead-letters/{stray['id']}").status_code == 204
    response = plant.client.delete("/dead-letters", params={"machine": "m1"})
    assert (response.status_code, response.json()) == (200, {"discarded": 1})
    assert ids(plant) == ["m2/1"]
    assert metric(plant, "iot_logic_dead_letters_discarded_total") == discarded + 3


@pytest.mark.parametrize(
    ("method", "path", "json"),
    [
        ("GET", "?machine=no such id", None),
        ("GET", "?kind=nonsense", None),
        ("GET", "?since=yesterday", None),
        ("GET", "?since=2026-01-01T00:00:00", None),
        ("GET", "?after=nonsense", None),
        ("GET", "?limit=0", None),
        ("POST", "/redrive", {"kind": "nonsense"}),
        ("POST", "/redrive", {"machine": 7}),
    ],
)
def test_an_invalid_request_is_answered_with_a_problem(
    refusing: Installation, method: str, path: str, json: Any
) -> None:
    response = refusing.client.request(method, f"/dead-letters{path}", json=json)

    assert response.status_code == 400, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"]


@pytest.fixture
def refusing(installation: Installation) -> Installation:
    installation.start_api()
    return installation


@pytest.mark.parametrize("path", ["/m1/1", "/m1/x", "/m1/0", "/no such id/1", "/~stray/1"])
def test_a_missing_letter_is_not_found(refusing: Installation, path: str) -> None:
    response = refusing.client.get(f"/dead-letters{path}")

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_near_the_maximum_there_is_a_warning_and_beyond_it_letters_wait(installation: Installation) -> None:
    installation.environ["IOT_LOGIC_DEAD_LETTERS_MAX"] = "10"
    installation.start_api()
    installation.start_worker()

    installation.send(("m1", {"n": n}) for n in range(8))
    wait_until(lambda: get(installation)["kept"] == 8)
    assert get(installation)["warning"] is None
    installation.send([("m1", {"n": 8})])
    wait_until(lambda: get(installation)["kept"] == 9)
    assert "9 of at most 10 dead letters are stored" in get(installation)["warning"]
    assert metric(installation, "iot_logic_dead_letters") == 9
    assert metric(installation, "iot_logic_dead_letters_max") == 10

    installation.send(("m1", {"n": n}) for n in range(9, 25))
    wait_until(lambda: get(installation)["waiting"] == 15)
    assert get(installation)["kept"] == 10
    assert "wait in RabbitMQ" in get(installation)["warning"]
    assert metric(installation, "iot_logic_dead_letters_waiting") == 15

    installation.upload("m1", COUNT_AND_TELL)
    with installation.collect() as results:
        for there, done in ((10, 10), (10, 20), (5, 25)):
            # The waiting dead letters are stored as room is made.
            wait_until(lambda count=there: len(ids(installation)) == count)  # type: ignore[misc]
            assert redrive(installation, machine="m1") == there
            wait_until(lambda count=done: len(results.messages) == count)  # type: ignore[misc]
    assert sorted(n for n, _ in counts(results, "m1")) == list(range(25))
    assert [count for _, count in counts(results, "m1")] == list(range(1, 26))
    assert installation.dead_letters() == []


def test_the_routes_are_in_the_schema(refusing: Installation) -> None:
    paths = refusing.client.get("/schema/openapi.json").json()["paths"]

    assert set(paths["/dead-letters"]) == {"get", "delete"}
    assert set(paths["/dead-letters/{machine}/{number}"]) == {"get", "delete"}
    assert "post" in paths["/dead-letters/{machine}/{number}/redrive"]
    assert "post" in paths["/dead-letters/redrive"]


def test_letters_of_one_cause_are_counted_listed_sent_again_and_linked_if_they_fail_again(
    plant: Installation,
) -> None:
    plant.upload("press", 'def process(data, state):\n    return {"n": data["n"] / data["by"]}\n')
    plant.send([("press", {"n": 1, "by": 0}), ("press", {"n": 2}), ("press", {"n": 3, "by": 0})])
    plant.wait_for_dead_letters(3)
    causes = get(plant, "/causes")
    assert (causes["counted"], causes["all_causes"], causes["complete"]) == (3, 2, True)
    [divided, missing] = causes["causes"]
    assert (divided["letters"], divided["machines"], divided["line"]) == (2, 1, 2)
    assert divided["on"] == [{"machine": "press", "letters": 2, "sent_again": 0, "newest": divided["newest"]}]
    assert ids(plant, cause=divided["cause"]) == ["press/1", "press/3"]

    assert redrive(plant, cause=divided["cause"]) == 2
    # They are processed, fail again, and become other dead letters of the same cause.
    wait_until(lambda: ids(plant, cause=divided["cause"]) == ["press/4", "press/5"])
    [again] = get(plant, "/causes", cause=divided["cause"])["causes"]
    assert (again["letters"], again["sent_before"]) == (2, 2)
    assert [each["sent_before"] for each in get(plant, machine="press")["dead_letters"]] == [None, 1, 3]

    gone = plant.client.delete("/dead-letters", params={"cause": missing["cause"]})
    assert gone.json() == {"discarded": 1}
    assert plant.client.get("/dead-letters", params={"cause": "x"}).status_code == 400


def test_expired_readings_are_found_with_their_machine_and_sent_again_once(
    installation: Installation,
) -> None:
    installation.start_api()
    death = {"reason": "expired", "queue": "readings.0", "time": datetime(2020, 1, 1, tzinfo=UTC)}
    with pika.BlockingConnection(pika.URLParameters(installation.amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()

        def send(n: int, **properties: Any) -> None:
            channel.basic_publish(
                wire.INGEST_EXCHANGE,
                wire.data_key("press"),
                b'{"n": %d}' % n,
                pika.BasicProperties(delivery_mode=2, **properties),
                mandatory=True,
            )

        for n in (1, 2):
            send(n, expiration="50", content_type="application/json")
        wait_until(lambda: get(installation)["kept"] == 2)
        # Forged by a device, on a reading that does not expire: an ordinary reading.
        send(3, headers={"x-death": [death], "x-first-death-reason": "expired"})
    installation.upload("press", COUNT_AND_TELL)
    installation.start_worker()

    first, second = get(installation, machine="press", kind="expired")["dead_letters"]
    assert get(installation)["kinds"] == {"expired": 2}
    assert (first["machine"], first["number"], first["sent_before"]) == ("press", None, None)
    assert second["cause"] == first["cause"]
    whole = get(installation, f"/{first['id']}")
    assert (whole["reading"], whole["routing_key"]) == ({"n": 1}, "machines.press.data")
    assert whole["content_type"] == "application/json"
    with installation.collect("results") as results:
        wait_until(lambda: installation.client.get("/machines/press/state").text == '{"count":1}')
        assert redrive(installation, machine="press") == 2
        redrive(installation, machine="press")
        wait_until(lambda: get(installation)["kept"] == 0)
        wait_until(lambda: counts(results, "press")[-2:] == [(1, 2), (2, 3)])
    gone = installation.client.get(f"/dead-letters/{first['id']}")
    assert gone.status_code == 404
