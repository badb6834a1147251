"""Alarms over real servers: raised, acknowledged, shelved, cleared, and published under one id each."""

from typing import Any

from pipeline.clock import milliseconds_now
from pipeline.model.alarm import Alarms
from pipeline.plant.alarms import AlarmDesk
from pipeline.settings import Settings
from pipeline.store.client import connect
from pipeline.store.records import Records, Update
from sandbox.job import Raised, Severity
from tests.acceptance.test_timers import publish
from tests.support.installation import Installation
from tests.support.waiting import wait_until

HOT = """
def process(data, state):
    if data["t"] > 90:
        severity = "critical" if data["t"] > 95 else "major"
        raise_alarm("hot", severity, message=f"{data['t']} °C", t=data["t"])
    else:
        clear_alarm("hot")
    return {"n": data["t"]}
"""


def alarms(plant: Installation, **where: Any) -> list[dict[str, Any]]:
    answer = plant.client.get("/alarms", params=where)
    answer.raise_for_status()
    return list(answer.json()["alarms"])


def states(plant: Installation, **where: Any) -> list[tuple[str | None, str, str]]:
    return [(each["machine"], each["name"], each["state"]) for each in alarms(plant, **where)]


def test_the_life_of_an_alarm(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    installation.upload("furnace", HOT)
    with installation.collect("alarms") as events:
        publish(installation, "furnace", {"t": 20}, {"t": 91}, {"t": 92})
        wait_until(lambda: [each["times"] for each in alarms(installation)] == [2], 90)
        [alarm] = alarms(installation)
        assert (alarm["machine"], alarm["severity"], alarm["state"]) == ("furnace", "major", "unacknowledged")
        assert (alarm["message"], alarm["details"]) == ("92 °C", {"t": 92})
        assert (alarm["logicversion"], alarm["logicprofile"]) == (1, None)

        path = "/machines/furnace/alarms/hot"
        answer = installation.client.post(
            f"{path}/acknowledge", json={"comment": "I look at it", "raised": alarm["raised"]}
        )
        assert (answer.status_code, answer.json()["state"]) == (200, "acknowledged")
        assert answer.json()["acknowledged"]["comment"] == "I look at it"
        assert (
            installation.client.post(f"{path}/acknowledge", json={}).json()["acknowledged"]["comment"]
            == "I look at it"
        )

        publish(installation, "furnace", {"t": 99})
        wait_until(lambda: states(installation) == [("furnace", "hot", "unacknowledged")])
        stale = installation.client.post(f"{path}/acknowledge", json={"raised": "2020-01-01T00:00:00Z"})
        assert stale.status_code == 409
        assert installation.client.post(f"{path}/acknowledge", json={"severity": "major"}).status_code == 409

        publish(installation, "furnace", {"t": 20})
        wait_until(lambda: states(installation) == [("furnace", "hot", "returned")])
        assert installation.client.post(f"{path}/acknowledge", json={}).json()["state"] == "normal"
        assert states(installation) == []
        assert installation.client.post(f"{path}/acknowledge", json={}).status_code == 404
        wait_until(lambda: len(events.events) == 5)

    assert [(each["id"], each["data"]["action"], each["data"]["state"]) for each in events.events] == [
        ("alarm-1", "raised", "unacknowledged"),
        ("alarm-2", "acknowledged", "acknowledged"),
        ("alarm-3", "raised", "unacknowledged"),
        ("alarm-4", "cleared", "returned"),
        ("alarm-5", "acknowledged", "normal"),
    ]
    assert [each["data"]["cause"] for each in events.events] == ["2", None, "4", "5", None]
    journal = installation.client.get("/alarms/journal", params={"machine": "furnace"}).json()["changes"]
    assert [each["action"] for each in reversed(journal)] == [
        each["data"]["action"] for each in events.events
    ]


def test_a_shelved_alarm_returns_by_itself(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    installation.upload("furnace", HOT)
    with installation.collect("alarms") as events:
        publish(installation, "furnace", {"t": 91})
        wait_until(lambda: states(installation) == [("furnace", "hot", "unacknowledged")], 90)
        path = "/machines/furnace/alarms/hot"
        shelved = installation.client.post(f"{path}/shelve", json={"minutes": 60, "comment": "new sensor"})
        assert shelved.json()["shelved"]["comment"] == "new sensor"
        assert states(installation, shelved="false") == []
        assert len(states(installation, shelved="true")) == 1
        # Cleared and acknowledged, it stays in the list while it is shelved.
        publish(installation, "furnace", {"t": 20})
        wait_until(lambda: states(installation) == [("furnace", "hot", "returned")])
        installation.client.post(f"{path}/acknowledge", json={}).raise_for_status()
        assert states(installation) == [("furnace", "hot", "normal")]

        shelve(installation, "furnace", "hot", until=milliseconds_now() + 1_000)
        wait_until(lambda: states(installation) == [])
        wait_until(lambda: len(events.events) == 6)
    last = events.events[-1]["data"]
    assert (last["action"], last["state"], last["shelved"], last["who"]) == ("unshelved", "normal", None, "")


def test_alarms_end_with_the_state_and_with_the_machine(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    for machine in ("one", "two"):
        installation.upload(machine, HOT)
    with installation.collect("alarms") as events:
        publish(installation, "one", {"t": 91})
        publish(installation, "two", {"t": 96})
        wait_until(lambda: len(states(installation)) == 2, 90)
        installation.client.delete("/machines/one/state").raise_for_status()
        installation.client.delete("/machines/two").raise_for_status()
        assert states(installation) == []
        wait_until(lambda: len(events.events) == 4)
        # A new machine of the same id continues the numbers, so that no id stands for two changes.
        installation.upload("two", HOT)
        publish(installation, "two", {"t": 96})
        wait_until(lambda: len(events.events) == 5)
    ended = [
        (each["subject"], each["id"], each["data"]["action"], each["data"]["comment"])
        for each in events.events
    ]
    assert sorted(ended[2:4]) == [
        ("one", "alarm-2", "ended", "the state was reset"),
        ("two", "alarm-2", "ended", "the machine was deleted"),
    ]
    assert ended[4] == ("two", "alarm-3", "raised", "")


def test_after_a_worker_is_killed_each_reading_has_raised_and_cleared_once(
    installation: Installation,
) -> None:
    """Each machine raises or clears with each reading, so all its changes are known."""
    installation.start_api()
    worker = installation.start_worker()
    machines = [f"m{n}" for n in range(10)]
    for machine in machines:
        installation.upload(machine, HOT)
    readings = [{"n": n, "t": 91 if n % 2 else 20} for n in range(1, 61)]
    with installation.collect("alarms") as events:
        for start in range(0, 60, 20):
            for machine in machines:
                publish(installation, machine, *(dict(each) for each in readings[start : start + 20]))
            wait_until(lambda: len(events.events) > 10 * start, 90)  # noqa: B023
            worker.kill()
            worker = installation.start_worker()
        wait_until(lambda: len({(each["subject"], each["id"]) for each in events.events}) == 10 * 60, 90)
    for machine in machines:
        first = dict[str, dict[str, Any]]()
        for each in events.events:
            if each["subject"] == machine:
                first.setdefault(each["id"], each["data"])
        assert list(first) == [f"alarm-{n}" for n in range(1, 61)]
        assert [each["action"] for each in first.values()] == ["raised", "cleared"] * 30
        assert [each["cause"] for each in first.values()] == [str(n) for n in range(1, 61)]
    journal = installation.client.get("/alarms/journal", params={"limit": 1000}).json()["changes"]
    assert len(journal) == 10 * 60


def test_an_acknowledgement_survives_the_kill_of_the_api_and_is_published(installation: Installation) -> None:
    api = installation.start_api()
    installation.start_worker()
    installation.upload("furnace", HOT)
    publish(installation, "furnace", {"t": 91})
    wait_until(lambda: len(states(installation)) == 1, 90)
    with installation.collect("alarms") as events:
        answer = installation.client.post(
            "/machines/furnace/alarms/hot/acknowledge", json={"comment": "seen"}
        )
        api.kill()
        assert answer.status_code == 200
        installation.start_api()
        assert states(installation) == [("furnace", "hot", "acknowledged")]
        wait_until(lambda: "acknowledged" in [each["data"]["action"] for each in events.events], 30)


def test_alarms_are_filtered_and_paged(installation: Installation) -> None:
    installation.start_api()
    records = Records(connect(Settings(redis_url=installation.redis_url)))
    for n in range(25):
        raise_alarm(
            records, f"press-{n % 5}", f"a{n}", ("warning", "minor", "major", "critical")[n % 4], n // 2
        )
    raise_alarm(records, "oven", "hot", "critical", 99)
    found, after = list[str](), ""
    while True:
        page = installation.client.get(
            "/alarms", params={"limit": 4, "after": after, "machine": "press-"}
        ).json()
        found += [each["name"] for each in page["alarms"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert sorted(found) == sorted(f"a{n}" for n in range(25))
    assert len(states(installation, severity="critical")) == 7
    assert [name for _, name, _ in states(installation, machine="press-3", severity="major")] == [
        "a23",
        "a18",
        "a3",
    ]
    assert len(states(installation, name="a1")) == 11
    assert states(installation, state="returned") == []
    refused = installation.client.get("/alarms", params={"state": "open"})
    assert (refused.status_code, refused.json()["errors"][0]["key"]) == (400, "state")
    installation.client.post("/machines/press-3/alarms/a3/shelve", json={"minutes": 5}).raise_for_status()
    counts = installation.client.get("/alarms/counts").json()["counts"]
    assert (sum(each["count"] for each in counts), sum(each["shelved"] for each in counts)) == (26, 1)
    assert installation.client.get("/alarms", params={"after": "x"}).status_code == 400
    assert installation.client.get("/alarms/journal", params={"before": "x"}).status_code == 400
    for bad in ({"minutes": 0}, {"minutes": 10**9}, {"minutes": 5, "comment": "x" * 1_001}):
        answer = installation.client.post("/machines/oven/alarms/hot/shelve", json=bad)
        assert answer.status_code in (400, 422), answer.text


def raise_alarm(records: Records, machine: str, name: str, severity: Severity, time: int) -> None:
    """Raise an alarm as the machine's logic does."""
    stored = records.read([machine])[machine]
    alarms = Alarms(stored.record.alarms, stored.record.alarm_changes)
    alarms.raise_(name, Raised(severity, "", b"{}"), time)
    assert not records.write({machine: Update(stored, stored.record.alarmed(alarms), alarms=alarms)})


def shelve(plant: Installation, machine: str, name: str, until: int) -> None:
    """Shelve an alarm for less than a minute, which nobody can do over the API."""
    records = Records(connect(Settings(redis_url=plant.redis_url)))
    AlarmDesk(records).shelve(machine, name, until, "", "")


def test_the_plant_has_alarms_of_its_own(installation: Installation) -> None:
    installation.environ["IOT_LOGIC_ALARM_DEAD_LETTERS"] = "2"
    installation.environ["IOT_LOGIC_ALARM_LAG_SECONDS"] = "5"
    installation.start_api()
    with installation.collect("alarms") as events:
        wait_until(lambda: (None, "no-worker", "unacknowledged") in states(installation), 60)
        answer = installation.client.post(
            "/plant-alarms/no-worker/acknowledge", json={"comment": "I start one"}
        )
        assert answer.json()["state"] == "acknowledged"
        publish(installation, "unknown", {"n": 1}, {"n": 2})
        installation.start_worker()
        wait_until(lambda: (None, "dead-letters", "unacknowledged") in states(installation), 90)
        wait_until(lambda: "no-worker" not in [name for _, name, _ in states(installation)], 60)
        installation.client.delete("/dead-letters?machine=unknown").raise_for_status()
        wait_until(lambda: (None, "dead-letters", "returned") in states(installation), 60)
        wait_until(lambda: {"dead-letters": "returned"}.items() <= last_states(events.events).items(), 20)
    assert last_states(events.events)["no-worker"] == "normal"
    assert {each["source"] for each in events.events} == {"/plant"}


def last_states(events: list[dict[str, Any]]) -> dict[str, str]:
    return {each["data"]["name"]: each["data"]["state"] for each in events}
