"""The machines over REST: they are found by id and health, counted, and deleted."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from pipeline.store.records import Records, Update
from tests.support.installation import Installation
from tests.support.waiting import wait_until

LOGIC = """
def process(data, state):
    state["count"] = state.get("count", 0) + 1
    return {"ratio": 1 / data["n"]}
"""


def machines(plant: Installation, **query: Any) -> dict[str, Any]:
    """Return a page of the list."""
    response = plant.client.get("/machines", params=query)
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


def ids(plant: Installation, **query: Any) -> list[str]:
    return [each["id"] for each in machines(plant, **query)["machines"]]


def machine(plant: Installation, machine_id: str) -> dict[str, Any]:
    response = plant.client.get(f"/machines/{machine_id}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def send(plant: Installation, machine_id: str, *numbers: int) -> None:
    """Send readings, and wait until they are processed."""
    before = machine(plant, machine_id)["readings"]
    plant.send((machine_id, {"n": n}) for n in numbers)
    wait_until(lambda: machine(plant, machine_id)["readings"] == before + len(numbers))


def test_a_machine_is_found_by_its_health_while_that_changes(plant: Installation) -> None:
    def is_found(health: str) -> None:
        assert machine(plant, "health-1")["health"] == health
        wait_until(lambda: ids(plant, prefix="health-", health=health) == ["health-1"])

    plant.upload("health-1", LOGIC)
    is_found("new")
    send(plant, "health-1", 1)
    is_found("running")
    send(plant, "health-1", 0)
    is_found("failing")
    assert plant.client.post("/machines/health-1/pause").status_code == 200
    is_found("paused")
    assert ids(plant, prefix="health-", health="failing") == []
    assert plant.client.post("/machines/health-1/resume", json={}).status_code == 200
    is_found("failing")
    send(plant, "health-1", 2)
    is_found("running")


def test_a_machine_shows_its_counts_and_its_last_error(plant: Installation) -> None:
    plant.upload("counted", LOGIC)
    send(plant, "counted", 1, 0, 2, 4)

    shown = machine(plant, "counted")

    assert (shown["readings"], shown["results"], shown["errors"], shown["resent"]) == (4, 3, 1, 0)
    assert shown["errors_by_kind"] == {"error": 1}
    assert shown["limits"] == {}
    assert shown["last_seen"].endswith("Z")
    error = shown["last_error"]
    assert (error["number"], error["kind"], error["line"], error["logicversion"]) == (2, "error", 4, 1)
    assert error["text"] == 'return {"ratio": 1 / data["n"]}'
    assert "zero" in error["message"]
    assert (shown["last_reading"]["number"], shown["last_reading"]["reading"]) == (4, {"n": 4})
    assert shown["last_result"]["data"] == {"ratio": 0.25}

    send(plant, "counted", 0)

    shown = machine(plant, "counted")
    assert (shown["last_reading"]["outcome"], shown["last_reading"]["error"]["line"]) == ("error", 4)
    assert shown["last_result"]["id"] == "4"


def test_pages_continue_in_either_order(plant: Installation) -> None:
    for n in range(5):
        plant.upload(f"page-{n}", LOGIC)
    for n in (3, 0, 4):
        send(plant, f"page-{n}", 1)
    wait_until(lambda: ids(plant, prefix="page-", sort="last_seen")[:3] == ["page-4", "page-0", "page-3"])

    for sort, order in (("id", [0, 1, 2, 3, 4]), ("last_seen", [4, 0, 3, 2, 1])):
        page = machines(plant, prefix="page-", sort=sort, limit=3)
        rest = machines(plant, prefix="page-", sort=sort, limit=3, after=page["next"])
        found = [each["id"] for each in page["machines"] + rest["machines"]]
        assert found == [f"page-{n}" for n in order]
        assert rest["next"] is None


@pytest.mark.parametrize(
    "query",
    [{"after": "no id!"}, {"sort": "last_seen", "after": "page-1"}, {"health": "fine"}, {"sort": "size"}],
)
def test_an_invalid_page_is_refused(plant: Installation, query: dict[str, str]) -> None:
    response = plant.client.get("/machines", params=query)

    assert response.status_code == 400
    assert response.headers["content-type"].startswith("application/problem+json")


def test_later_readings_of_a_deleted_machine_belong_to_a_new_one(plant: Installation) -> None:
    plant.upload("deleted", LOGIC)
    send(plant, "deleted", 1, 0)
    wait_until(lambda: plant.dead_letters(machine="deleted"))

    assert plant.client.delete("/machines/deleted").status_code == 204

    assert plant.client.delete("/machines/deleted").status_code == 404
    for path in ("", "/state", "/logic", "/readings", "/results"):
        assert plant.client.get(f"/machines/deleted{path}").status_code == 404
    assert ids(plant, prefix="deleted") == []
    assert plant.dead_letters(machine="deleted") == []
    [change] = plant.client.get("/audit", params={"machine": "deleted"}).json()["changes"][:1]
    assert (change["action"], change["before"]) == ("machine.delete", 1)

    plant.send([("deleted", {"n": 1})])

    wait_until(lambda: ids(plant, prefix="deleted", health="failing") == ["deleted"])
    shown = machine(plant, "deleted")
    assert (shown["readings"], shown["errors_by_kind"], shown["logicversion"]) == (1, {"no-logic": 1}, None)
    wait_until(lambda: [said["id"] for said, _ in plant.dead_letters(machine="deleted")] == ["deleted/3"])


def test_the_machines_are_counted_by_their_health(plant: Installation) -> None:
    before = plant.client.get("/fleet").json()
    plant.upload("census-1", LOGIC)
    plant.upload("census-2", LOGIC)
    send(plant, "census-2", 0)

    def counted() -> bool:
        census = plant.client.get("/fleet").json()
        health = census["health"]
        return bool(
            census["machines"] == before["machines"] + 2
            and health["new"] == before["health"]["new"] + 1
            and health["failing"] == before["health"]["failing"] + 1
            and sum(health.values()) == census["machines"]
        )

    wait_until(counted)


def test_lists_of_machines_with_large_states_take_little_memory(plant: Installation) -> None:
    ids_ = [f"large-{number}" for number in range(300)]
    with redis.Redis.from_url(plant.redis_url) as client:
        records = Records(client)
        records.register(ids_)
        for machine_id in ids_:
            [stored] = records.read([machine_id]).values()
            edited = stored.record.edited(b'{"text":"%s"}' % (b"x" * 65_000))
            records.write({machine_id: Update(stored, edited)})
    before = peak_of_memory(plant)

    with ThreadPoolExecutor(32) as pool:
        pages = list(pool.map(lambda _: ids(plant, prefix="large-", limit=300), range(64)))

    assert pages == [sorted(ids_)] * 64
    # The states of 32 pages take 600 MB.
    assert peak_of_memory(plant) - before < 150 << 20


def peak_of_memory(plant: Installation) -> int:
    """Return the most bytes of memory that the API has had so far."""
    status = Path(f"/proc/{plant.commands[0].process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10
