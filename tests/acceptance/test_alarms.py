"""Alarms over real servers: raised, acknowledged, shelved, cleared, and published under one id each."""

from typing import Any

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
