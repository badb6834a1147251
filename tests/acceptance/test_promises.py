"""The main task, with the real commands: readings arrive, logic runs, state is kept, results leave."""

import pytest

from tests.support.installation import Installation
from tests.support.waiting import wait_until

COUNTER = """
def process(data, state):
    state["count"] = state.get("count", 0) + 1
    state["last"] = data["n"]
    return {"n": data["n"], "count": state["count"]}
"""

#: Logics that users of similar systems start from, by the machine that runs them here.
ONE_LINERS = {
    "signal": 'state["status"] = "running" if data["signal"] == 1 else "stopped"; return state',
    "parity": 'state["status"] = "even" if data["timestamp"] % 2 == 0 else "odd"; return state',
    "last": 'state["last_signal"] = data["timestamp"]; return {"last": state["last_signal"]}',
}


@pytest.fixture
def plant(installation: Installation) -> Installation:
    """An installation with its API and one running worker."""
    installation.start_api()
    installation.start_worker()
    return installation


def test_a_dict_is_one_result_a_list_is_several_and_none_is_no_result(plant: Installation) -> None:
    plant.upload("m1", 'def process(data, state): return data["back"]')

    with plant.collect() as results:
        plant.send(
            [("m1", {"back": {"a": 1}}), ("m1", {"back": [{"b": 1}, {"b": 2}]}), ("m1", {"back": None})]
        )
        plant.send([("m1", {"back": {"last": True}})])
        wait_until(lambda: len(results.messages) == 4)

    assert [(event["id"], event["data"]) for event in results.events] == [
        ("1", {"a": 1}),
        ("2.1", {"b": 1}),
        ("2.2", {"b": 2}),
        ("4", {"last": True}),
    ]


def test_a_result_is_a_cloud_event_with_the_machines_routing_key(plant: Installation) -> None:
    plant.upload("press-7", 'def process(data, state): return {"twice": data["value"] * 2}')

    with plant.collect() as results:
        plant.send([("press-7", {"value": 21})])
        wait_until(lambda: len(results.messages) == 1)

    [(key, properties, _)] = results.messages
    [event] = results.events
    assert key == "machines.press-7.result"
    assert properties.content_type == "application/cloudevents+json"
    assert properties.delivery_mode == 2
    time = event.pop("time")
    assert time.endswith("Z")
    assert event == {
        "specversion": "1.0",
        "id": "1",
        "source": "/machines/press-7",
        "type": "iot-logic.result",
        "subject": "press-7",
        "datacontenttype": "application/json",
        "logicversion": 1,
        "data": {"twice": 42},
    }


def test_the_state_is_kept_between_readings_and_a_failed_one_does_not_change_it(plant: Installation) -> None:
    plant.upload(
        "m1",
        "def process(data, state):\n"
        '    state["sum"] = state.get("sum", 0) + data["value"]\n'
        '    return {"inverse": 1 / data["value"]}\n',
    )

    with plant.collect() as results:
        plant.send([("m1", {"value": 2}), ("m1", {"value": 0}), ("m1", {"value": 4})])
        wait_until(lambda: len(results.messages) == 2)

    assert plant.state("m1") == {"sum": 6}
    [(headers, body)] = plant.dead_letters()
    assert body == b'{"value": 0}'
    assert headers["kind"] == "error"
    assert "ZeroDivisionError" in headers["message"]
    assert (headers["machine"], headers["number"], headers["line"]) == ("m1", 2, 3)
    assert headers["logicversion"] == 1


def test_a_reading_that_is_not_json_becomes_a_dead_letter_with_its_bytes_unchanged(
    plant: Installation,
) -> None:
    plant.upload("m1", COUNTER)
    bad = [b"", b"{", b"\xff\xfe", b'{"n": NaN}', b"\x00" * 10]

    with plant.collect() as results:
        plant.send([*(("m1", body) for body in bad), ("m1", {"n": 6})])
        wait_until(lambda: len(results.messages) == 1)

    letters = plant.dead_letters()
    assert [body for _, body in letters] == bad
    assert {headers["kind"] for headers, _ in letters} == {"not-json"}
    assert plant.state("m1") == {"count": 1, "last": 6}


def test_a_routing_key_that_names_no_machine_becomes_a_dead_letter(plant: Installation) -> None:
    plant.send([("no such id!", {"n": 1}), ("x" * 129, {"n": 2})])

    letters = plant.wait_for_dead_letters(2)

    assert {headers["kind"] for headers, _ in letters} == {"machine-id"}
    assert {headers["routing_key"] for headers, _ in letters} == {
        "machines.no such id!.data",
        f"machines.{'x' * 129}.data",
    }


def test_readings_of_a_machine_without_logic_can_be_sent_again_after_one_is_deployed(
    plant: Installation,
) -> None:
    plant.send(("newcomer", {"n": n}) for n in range(3))
    letters = plant.wait_for_dead_letters(3)
    assert {headers["kind"] for headers, _ in letters} == {"no-logic"}

    plant.upload("newcomer", COUNTER)
    with plant.collect() as results:
        response = plant.client.post("/dead-letters/redrive", json={"machine": "newcomer"})
        assert (response.status_code, response.json()["sent"]) == (202, 3)
        wait_until(lambda: len(results.messages) == 3)

    assert [event["data"]["n"] for event in results.events] == [0, 1, 2]
    assert [event["id"] for event in results.events] == ["4", "5", "6"]


def test_refused_logic_changes_nothing(plant: Installation) -> None:
    plant.upload("m1", COUNTER)

    response = plant.client.post(
        "/machines/m1/logic", json={"logic": "import os\ndef process(data, state): pass"}
    )

    assert response.status_code == 422
    assert response.headers["content-type"].startswith("application/problem+json")
    problem = response.json()
    assert problem["status"] == 422
    assert problem["errors"][0]["line"] == 1
    assert problem["errors"][0]["column"] >= 1
    assert "os" in problem["errors"][0]["message"]
    assert problem["errors"][0]["hint"]
    assert plant.client.get("/machines/m1/logic").json()["logic"] == COUNTER
    with plant.collect() as results:
        plant.send([("m1", {"n": 1})])
        wait_until(lambda: len(results.messages) == 1)
    assert results.events[0]["logicversion"] == 1


def test_typical_first_logics_run_as_one_liners(plant: Installation) -> None:
    for machine_id, body in ONE_LINERS.items():
        plant.upload(machine_id, f"def process(data, state): {body}")

    with plant.collect() as results:
        plant.send(
            [
                ("signal", {"signal": 1}),
                ("signal", {"signal": 0}),
                ("parity", {"timestamp": 1700000000}),
                ("parity", {"timestamp": 1700000001}),
                ("last", {"timestamp": 1700000000}),
                ("last", {"timestamp": 1700000007}),
            ]
        )
        wait_until(lambda: len(results.messages) == 6)

    data = {machine: [each["data"] for each in events] for machine, events in results.by_machine().items()}
    assert data["signal"] == [{"status": "running"}, {"status": "stopped"}]
    assert data["parity"] == [{"status": "even"}, {"status": "odd"}]
    assert data["last"] == [{"last": 1700000000}, {"last": 1700000007}]
    assert plant.state("signal") == {"status": "stopped"}
    assert plant.state("parity") == {"status": "odd"}
    assert plant.state("last") == {"last_signal": 1700000007}


def test_readings_can_be_sent_over_http_too(plant: Installation) -> None:
    plant.upload("m1", COUNTER)

    with plant.collect() as results:
        for n in range(20):
            response = plant.client.post("/machines/m1/data", json={"n": n})
            assert response.status_code == 202, response.text
        wait_until(lambda: len(results.messages) == 20)

    assert [event["data"]["n"] for event in results.events] == list(range(20))


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{nonsense", 400, "not JSON: a name in double quotes is missing (byte 1): {nonsense"),
        (b"", 400, "not JSON: it is empty"),
        (b'{"n": NaN}', 400, 'not JSON: JSON has no NaN; send null (byte 6): {"n": NaN}'),
        (b'"' + b"a" * 262_143 + b'"', 413, "has 262,145 bytes; the limit reading_bytes is 262,144"),
        (b"[" * 65 + b"]" * 65, 400, "nested too deeply; the limit reading_depth is 64 levels"),
        (b"[" * 100_000, 400, "not JSON: it is nested too deeply"),
        (b"1" + b"0" * 400, 400, "a whole number that exceeds the limit int_bits"),
        (b'{"n": 1e400}', 400, "a number that is too large (byte 6)"),
    ],
)
def test_what_a_worker_would_refuse_is_refused_over_http_at_once(
    plant: Installation, body: bytes, status: int, said: str
) -> None:
    response = plant.client.post("/machines/m1/data", content=body)

    assert response.status_code == status
    assert said in response.json()["detail"]


def test_machines_are_listed_with_the_logic_they_run(plant: Installation) -> None:
    plant.upload("b", COUNTER)
    plant.upload("a", COUNTER)
    with plant.collect() as results:
        plant.send([("b", {"n": 1}), ("c", {"n": 1})])
        wait_until(lambda: len(results.messages) == 1)
    wait_until(lambda: len(plant.client.get("/machines").json()["machines"]) == 3)

    page = plant.client.get("/machines", params={"limit": 2}).json()
    rest = plant.client.get("/machines", params={"after": page["next"]}).json()

    assert [
        (machine["id"], machine["readings"], machine["logicversion"]) for machine in page["machines"]
    ] == [
        ("a", 0, 1),
        ("b", 1, 1),
    ]
    assert [(machine["id"], machine["logicversion"]) for machine in rest["machines"]] == [("c", None)]
    assert rest["next"] is None
