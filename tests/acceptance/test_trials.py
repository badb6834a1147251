"""Checking and trying logic over REST: the answers, the limits, and that they have no effect."""

import json
import re
from typing import Any

import pytest

from pipeline.trials.runner import BYTES, READINGS
from tests.support.installation import Installation
from tests.support.waiting import wait_until

COUNTER = """
def process(data, state):
    state["count"] = state.get("count", 0) + data["n"]
    return {"count": state["count"]}
"""
ENDLESS = "def process(data, state):\n    while True:\n        pass\n"
GREEDY = """
def process(data, state):
    kept = []
    while True:
        kept.append([0] * 20000)
"""
#: Leaves a state and returns a result of the maximum size.
CHATTY = """
def process(data, state):
    state["text"] = "x" * 65000
    return state
"""


@pytest.fixture(scope="module")
def plant(module_installation: Installation) -> Installation:
    # So that an endless logic runs long enough for the test to wait for it.
    module_installation.environ["IOT_LOGIC_LIMIT_FUEL"] = "500000"
    module_installation.start_api()
    return module_installation


def post(plant: Installation, path: str, **body: Any) -> Any:
    response = plant.client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


def test_all_problems_of_a_logic_are_reported_and_a_good_one_is_accepted(plant: Installation) -> None:
    bad = post(plant, "/logic/validate", logic="import os\ndef process(data, state):\n    state._x\n")
    good = post(plant, "/logic/validate", logic=COUNTER)

    assert not bad["accepted"]
    assert {error["line"] for error in bad["errors"]} == {1, 3}
    assert good == {"accepted": True, "errors": [], "examples": [], "notes": []}


def test_notes_about_a_logic_are_in_every_answer_about_it(plant: Installation) -> None:
    logic = COUNTER + 'if __name__ == "__main__":\n    pass\n'
    line = len(COUNTER.splitlines()) + 1

    checked = post(plant, "/logic/validate", logic=logic)
    tried = post(plant, "/logic/test", logic=logic, readings=[{"n": 1}])
    uploaded = plant.client.put("/machines/noted/logic", json={"logic": logic}).raise_for_status().json()
    activated = plant.client.post("/machines/noted/logic/versions/1/activate").raise_for_status().json()

    for answer in (checked, tried, uploaded):
        [note] = answer["notes"]
        assert (note["line"], note["text"]) == (line, '__name__ == "__main__"')
        assert "ignored" in note["message"]
    assert checked["accepted"]
    assert tried["accepted"]
    assert (uploaded["version"], activated["version"]) == (1, 1)


def test_each_reading_of_a_trial_shows_its_results_state_and_error(plant: Installation) -> None:
    report = post(plant, "/logic/test", logic=COUNTER, readings=[{"n": 2}, {"m": 1}, {"n": 3}])

    first, failed, last = report["readings"]
    assert (report["accepted"], report["not_run"], report["stopped"]) == (True, 0, None)
    assert (first["outcome"], first["results"], first["state"]) == ("ok", [{"count": 2}], {"count": 2})
    assert first["fuel"] > 0
    assert first["seconds"] > 0
    assert (failed["outcome"], failed["state"], failed["reading"]) == ("error", {"count": 2}, '{"m":1}')
    assert failed["error"]["line"] == 3
    assert failed["error"]["text"].strip() == 'state["count"] = state.get("count", 0) + data["n"]'
    assert last["results"] == [{"count": 5}]


def test_the_language_is_listed_with_the_limits_of_the_settings(plant: Installation) -> None:
    language = plant.client.get("/logic/language").raise_for_status().json()

    names = {(each["kind"], each["of"]): each["names"] for each in language["sections"]}
    limits = {each["name"]: each["value"] for each in language["limits"]}
    assert {"name": "abs", "what": "size of a number, without its sign"} in names["function", ""]
    assert "sqrt" in [each["name"] for each in names["module", "math"]]
    assert "get" in [each["name"] for each in names["method", "dict"]]
    assert "fromisoformat" in [each["name"] for each in names["type", "datetime"]]
    # This installation sets it.
    assert limits["fuel"] == 500_000
    assert limits["soft_seconds"] == 0.5


def test_a_refused_logic_does_not_run(plant: Installation) -> None:
    report = post(plant, "/logic/test", logic="import os", readings=[1, 2])

    assert not report["accepted"]
    assert report["errors"]
    assert (report["readings"], report["not_run"]) == ([], 2)
    assert "refused" in report["stopped"]


@pytest.mark.parametrize(
    ("state", "readings", "status"),
    [
        ("[1]", "[]", 400),
        ('{"x": "%s"}' % ("y" * 70_000), "[]", 422),
        ('{"x": "\\ud800"}', "[]", 400),
        ("[" * 50_000, "[]", 400),
        ("{}", '["\\ud800"]', 400),
        ("{}", "[" * 50_000 + "]" * 50_000, 400),
    ],
)
def test_an_invalid_state_or_reading_is_refused(
    plant: Installation, state: str, readings: str, status: int
) -> None:
    body = f'{{"logic": {json.dumps(COUNTER)}, "readings": {readings}, "state": {state}}}'
    response = plant.client.post("/logic/test", content=body, headers={"Content-Type": "application/json"})

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


def test_a_trial_has_at_most_a_thousand_readings(plant: Installation) -> None:
    report = post(plant, "/logic/test", logic=COUNTER, readings=[{"n": 1}] * READINGS)
    one_more = plant.client.post("/logic/test", json={"logic": COUNTER, "readings": [1] * (READINGS + 1)})

    assert (len(report["readings"]), report["not_run"]) == (READINGS, 0)
    assert report["readings"][-1]["state"] == {"count": READINGS}
    assert one_more.status_code == 400


def test_a_trial_ends_when_its_output_is_too_large(plant: Installation) -> None:
    response = plant.client.post("/logic/test", json={"logic": CHATTY, "readings": [1] * READINGS})

    report = response.json()
    assert len(response.content) < 1.1 * BYTES
    assert report["not_run"] > 0
    assert " exceed " in report["stopped"]


@pytest.mark.parametrize("logic", [ENDLESS, GREEDY])
def test_a_logic_that_has_to_be_stopped_is_stopped_and_the_next_trial_is_fine(
    plant: Installation, logic: str
) -> None:
    report = post(plant, "/logic/test", logic=logic, readings=[1] * 20)
    after = post(plant, "/logic/test", logic=COUNTER, readings=[{"n": 1}])

    limits = {each["error"]["limit"] for each in report["readings"]}
    assert limits <= {"fuel", "soft_seconds", "hard_seconds", "memory_bytes"}
    assert report["not_run"] == 20 - len(report["readings"]) >= 10
    assert re.search("quarantine|longer than 5 seconds", report["stopped"])
    assert after["readings"][0]["outcome"] == "ok"


def test_a_trial_on_a_machine_uses_its_state_and_recent_readings_and_changes_nothing(
    plant: Installation,
) -> None:
    plant.upload("m1", COUNTER)
    plant.start_worker()
    with plant.collect() as results:
        plant.send([("m1", {"n": 7}), ("m1", {"n": 1, "long": "x" * 5000}), ("m1", b"not JSON")])
        wait_until(lambda: plant.client.get("/machines/m1").json().get("readings") == 3)
        wait_until(lambda: len(results.messages) == 2)  # they are published after the record is written

        in_force = post(plant, "/machines/m1/logic/test")
        draft = COUNTER.replace("+ data", "- data")
        tried = post(plant, "/machines/m1/logic/test", logic=draft, readings=[{"n": 5}], state={"count": 1})
        plant.send([("m1", {"n": 10})])
        wait_until(lambda: len(results.messages) > 2)

    assert (in_force["state"], in_force["logicversion"], in_force["left_out"]) == ({"count": 8}, 1, 1)
    assert [each["reading"] for each in in_force["readings"]] == ['{"n": 7}', "not JSON"]
    assert in_force["readings"][0]["state"] == {"count": 15}
    assert "JSON" in in_force["readings"][1]["error"]["message"]
    assert tried["logicversion"] is None
    assert tried["readings"][0]["state"] == {"count": -4}
    assert [event["data"] for event in results.events] == [{"count": 7}, {"count": 8}, {"count": 18}]
    assert plant.client.get("/machines/m1").json()["readings"] == 4


def test_a_trial_on_a_machine_with_a_profile_uses_the_profiles_logic_and_its_own_config(
    plant: Installation,
) -> None:
    limited = "def process(data, state):\n    return {'over': data['n'] > config['limit']}\n"
    plant.client.put("/profiles/limited/logic", json={"logic": limited}).raise_for_status()
    plant.client.put("/machines/m4/profile", json={"profile": "limited"}).raise_for_status()
    plant.client.put("/machines/m4/config", json={"limit": 5}).raise_for_status()

    own = post(plant, "/machines/m4/logic/test", readings=[{"n": 7}])
    other = post(plant, "/machines/m4/logic/test", readings=[{"n": 7}], config={"limit": 9})

    assert (own["profile"], own["logicversion"], own["config"]) == ("limited", 1, {"limit": 5})
    assert [each["results"] for each in own["readings"] + other["readings"]] == [
        [{"over": True}],
        [{"over": False}],
    ]


def test_a_trial_on_a_machine_without_logic_needs_a_logic_in_the_request(plant: Installation) -> None:
    without = plant.client.post("/machines/m2/logic/test", json={"readings": [{"n": 1}]})
    given = post(plant, "/machines/m2/logic/test", logic=COUNTER, readings=[{"n": 1}])

    assert without.status_code == 404
    assert given["readings"][0]["results"] == [{"count": 1}]


SILENCE = """
def process(data, state):
    if data.get("stop"):
        cancel_timer("silence")
    else:
        set_timer("silence", minutes=45)

def on_timer(timer, state):
    state["silent"] = timer["due"]
    return {"alarm": "silent"}
"""


def test_a_trial_shows_timers_that_are_set_cancelled_and_run(plant: Installation) -> None:
    order = {"logic": SILENCE, "meta": {"received": "2026-11-23T08:00:00Z"}}

    quiet = post(plant, "/logic/test", **order, readings=[{}], wait=2699.5)
    silent = post(plant, "/logic/test", **order, readings=[{}], wait=2700)
    stopped = post(plant, "/logic/test", **order, readings=[{}, {"stop": True}], wait=2700)
    none = post(plant, "/logic/test", logic=SILENCE, readings=[], wait=2700)

    due = "2026-11-23T08:45:00.000Z"
    [first, alarm] = silent["readings"]
    assert first["timers"] == {"silence": due}
    assert alarm["timer"] == {"name": "silence", "due": due}
    assert (alarm["results"], alarm["state"]) == ([{"alarm": "silent"}], {"silent": due})
    assert (silent["not_run"], silent["stopped"], silent["timers_after"]) == (0, None, {})
    assert len(quiet["readings"]) == 1
    assert quiet["timers_after"] == {"silence": due}
    assert [each["timers"] for each in stopped["readings"]] == [{"silence": due}, {"silence": None}]
    assert (none["readings"], none["not_run"], none["stopped"]) == ([], 0, None)


def test_a_trial_can_start_with_timers(plant: Installation) -> None:
    timers = {"silence": "2026-11-23T08:45:00+01:00", "report": "2026-11-23T09:00:00Z"}
    meta = {"received": "2026-11-23T08:00:00Z"}

    report = post(plant, "/logic/test", logic=SILENCE, readings=[{"stop": True}], meta=meta, timers=timers)

    # The first one is due before the reading, so there is nothing to cancel.
    assert [each.get("timer", {}).get("name") for each in report["readings"]] == ["silence", None]
    assert report["readings"][0]["timer"]["due"] == "2026-11-23T07:45:00.000Z"
    assert report["timers_after"] == {"report": "2026-11-23T09:00:00.000Z"}


def test_timers_run_between_readings_that_were_received_at_different_times(plant: Installation) -> None:
    received = ["2026-11-23T08:00:00Z", "2026-11-23T09:00:00Z", None]

    report = post(plant, "/logic/test", logic=SILENCE, readings=[{}, {}, {}], received=received)

    due = "2026-11-23T08:45:00.000Z"
    assert [each.get("timer", {}).get("due") for each in report["readings"]] == [None, due, None, None]
    assert report["timers_after"] == {"silence": "2026-11-23T09:45:00.000Z"}
    on_machine = post(
        plant, "/machines/m9/logic/test", logic=SILENCE, readings=[{}, {}, {}], received=received
    )
    assert on_machine["timers_after"] == report["timers_after"]


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"received": ["2026-11-23T09:00:00Z"]}, 422, "`received` has 1 times for 0 readings"),
        ({"readings": [1], "received": ["now"]}, 422, "received[0] is 'now', which is not a time"),
        ({"timers": {"silence": "soon"}}, 422, "timers.silence is 'soon', which is not a time in RFC 3339"),
        ({"timers": {"a b": "2026-11-23T09:00:00Z"}}, 400, "matching regex"),
        ({"timers": {f"t{n}": "2026-11-23T09:00:00Z" for n in range(17)}}, 422, "a machine can have 16"),
        ({"meta": {"received": "today"}}, 422, "meta.received is 'today', which is not a time in RFC 3339"),
        ({"wait": -1}, 400, ">= 0"),
        ({"wait": 1e9}, 400, "<="),
    ],
)
def test_an_invalid_time_in_a_trial_is_refused(
    plant: Installation, fields: dict[str, Any], status: int, message: str
) -> None:
    response = plant.client.post("/logic/test", json={"logic": SILENCE, "readings": []} | fields)

    assert response.status_code == status
    assert message in response.text


def test_a_trial_on_a_machine_starts_with_the_timers_of_the_machine(plant: Installation) -> None:
    plant.upload("m5", SILENCE)
    plant.start_worker()
    plant.send([("m5", {})])
    wait_until(lambda: plant.client.get("/machines/m5").json().get("readings") == 1)

    live = post(plant, "/machines/m5/logic/test", readings=[], wait=2700)
    own = post(plant, "/machines/m5/logic/test", readings=[], wait=2700, state={})
    again = post(plant, "/machines/m5/logic/test", readings=[], wait=2700, state={}, timers=live["timers"])
    recent = post(plant, "/machines/m5/logic/test", wait=2700)

    assert [*live["timers"]] == ["silence"]
    assert live["readings"][0]["timer"] == {"name": "silence", "due": live["timers"]["silence"]}
    assert (own["timers"], own["readings"]) == ({}, [])
    assert again["readings"][0]["timer"] == live["readings"][0]["timer"]
    # The reading was received when the worker processed it, so it sets the timer again for the same time.
    assert [each.get("timer") for each in recent["readings"]] == [None, live["readings"][0]["timer"]]
    assert recent["readings"][0]["timers"] == live["timers"]


def test_schedules_run_in_a_trial(plant: Installation) -> None:
    schedules = [{"name": "hour", "cron": "0 * * * *"}]
    meta = {"received": "2026-11-23T08:30:00Z"}

    given = post(plant, "/logic/test", logic=SILENCE, readings=[], meta=meta, schedules=schedules, wait=5400)
    refused = plant.client.post(
        "/logic/test",
        json={"logic": SILENCE, "readings": [], "schedules": [{"name": "x", "cron": "0 0 30 2 *"}]},
    )
    plant.client.put("/profiles/hourly/settings", json={"schedules": schedules}).raise_for_status()
    plant.client.put("/machines/m10/profile", json={"profile": "hourly"}).raise_for_status()
    received = ["2026-11-23T08:59:00Z", "2026-11-23T09:00:00Z"]
    on_machine = post(
        plant,
        "/machines/m10/logic/test",
        logic=SILENCE,
        readings=[{"stop": 1}, {}],
        received=received,
        wait=3600,
    )

    nine = {"name": "hour", "due": "2026-11-23T09:00:00.000Z", "schedule": True}
    assert [each["timer"] for each in given["readings"]] == [
        nine,
        {**nine, "due": "2026-11-23T10:00:00.000Z"},
    ]
    assert given["timers_after"] == {}
    assert refused.status_code == 422
    assert "The schedule 'x' is invalid" in refused.json()["detail"]
    silence = {"name": "silence", "due": "2026-11-23T09:45:00.000Z"}
    assert [each.get("timer") for each in on_machine["readings"]] == [
        *(None, nine, None, silence),
        {**nine, "due": "2026-11-23T10:00:00.000Z"},
    ]
    assert (on_machine["timers"], on_machine["timers_after"]) == ({}, {})


def test_an_upload_runs_the_schedules_of_its_examples(plant: Installation) -> None:
    example = {
        "name": "each quarter of an hour",
        "schedules": [{"name": "quarter", "every_seconds": 900}],
        "steps": [{"after": "14 min"}, {"after": "1 min"}],
        "results": [None, {"alarm": "silent"}],
    }
    path = "/machines/m11/logic"
    plant.client.put(path, json={"logic": SILENCE, "examples": [example]}).raise_for_status()

    assert plant.client.get(path).json()["examples"] == [example]
    wrong = [example | {"results": [None, None]}, example | {"schedules": [{"name": "x"}]}]
    failed, unfit = [plant.client.put(path, json={"logic": SILENCE, "examples": [each]}) for each in wrong]
    assert "This timer ran: quarter." in failed.json()["examples"][0]["message"]
    assert unfit.status_code == 422
    assert "the example 'each quarter of an hour': The schedule 'x' is invalid." in unfit.json()["detail"]


def test_an_upload_runs_the_steps_of_its_examples(plant: Installation) -> None:
    steps = [{"reading": {}}, {"after": "45 min"}]
    example = {"name": "it", "steps": steps, "results": [None, {"alarm": "silent"}]}
    wrong = {**example, "results": [None, None]}

    refused = plant.client.put("/machines/m6/logic", json={"logic": SILENCE, "examples": [wrong]})
    plant.client.put("/machines/m6/logic", json={"logic": SILENCE, "examples": [example]}).raise_for_status()

    assert refused.status_code == 422
    [mismatch] = refused.json()["examples"]
    assert (mismatch["step"], mismatch["reading"], mismatch["got"]) == (2, None, {"alarm": "silent"})
    assert plant.client.get("/machines/m6/logic").json()["examples"] == [example]
