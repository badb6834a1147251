"""Settings that say after how many seconds a machine is silent, over real servers."""

from typing import Any

from tests.acceptance.test_timers import publish
from tests.support.installation import Installation
from tests.support.logics import COUNT
from tests.support.sources import create, device, has_counted, put
from tests.support.waiting import wait_until

#: Seconds that no test takes.
LONG = 86_400


def configure(plant: Installation, path: str, silent_after: int | None) -> None:
    settings = {} if silent_after is None else {"silent_after_seconds": silent_after}
    plant.client.put(f"{path}/settings", json=settings).raise_for_status()


def listed(plant: Installation, health: str, **query: str) -> list[str]:
    page = plant.client.get("/machines", params={"health": health, **query}).json()
    return [each["id"] for each in page["machines"]]


def silent(plant: Installation) -> list[str]:
    """Return the silent machines, after a check that the list, the counts and the machines agree."""
    found = listed(plant, "silent")
    assert sorted(listed(plant, "silent", sort="last_seen")) == found
    running = listed(plant, "running")
    counts = plant.client.get("/fleet").json()["health"]
    assert (counts["silent"], counts["running"]) == (len(found), len(running))
    for name in (*found, *running):
        health = plant.client.get(f"/machines/{name}").json()["health"]
        assert health == ("silent" if name in found else "running"), name
    return found


def are_silent(plant: Installation, *names: str) -> None:
    """Check that these machines become silent, and no others."""
    wait_until(lambda: listed(plant, "silent") == [*names])
    assert silent(plant) == [*names]


def test_the_machines_setting_comes_before_its_profiles_which_comes_before_the_installations(
    installation: Installation,
) -> None:
    installation.environ["IOT_LOGIC_SILENT_AFTER"] = str(LONG)
    installation.start_api()
    installation.start_worker()
    installation.client.put("/profiles/pumps").raise_for_status()
    names = [f"p{n}" for n in range(3)]
    for name in names:
        installation.upload(name, COUNT)
        installation.client.put(f"/machines/{name}/profile", json={"profile": "pumps"}).raise_for_status()
    installation.upload("other", COUNT)
    for name in (*names, "other"):
        publish(installation, name, {})
    for name in (*names, "other"):
        wait_until(lambda name=name: has_counted(installation, name, 1), 90)  # type: ignore[misc]
    wait_until(lambda: listed(installation, "running") == ["other", *names])
    assert silent(installation) == []

    configure(installation, "/machines/p0", LONG)
    configure(installation, "/profiles/pumps", 1)
    are_silent(installation, "p1", "p2")
    configure(installation, "/machines/p0", None)
    are_silent(installation, "p0", "p1", "p2")
    # A reading of one of them, and the other settings of the profile, which apply at once.
    configure(installation, "/profiles/pumps", 3)

    def only_p1_runs() -> bool:
        publish(installation, "p1", {})
        return listed(installation, "silent") == ["p0", "p2"]

    wait_until(only_p1_runs)
    are_silent(installation, "p0", "p1", "p2")
    configure(installation, "/profiles/pumps", None)
    assert silent(installation) == []
    # A machine that no longer follows the profile.
    configure(installation, "/profiles/pumps", 1)
    assert len(silent(installation)) == 3
    installation.client.delete("/machines/p0/profile").raise_for_status()
    assert silent(installation) == ["p1", "p2"]


def test_the_setting_of_a_source_applies_to_the_machines_that_send_by_it(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    source: dict[str, Any] = {"filter": "hall/{machine}"}
    create(installation, "hall", source["filter"])
    for name in ("a", "b", "c"):
        installation.upload(name, COUNT)
    with device(installation) as send:
        send((f"hall/{name}", {}) for name in ("a", "b"))
    publish(installation, "c", {})
    for name in ("a", "b", "c"):
        wait_until(lambda name=name: has_counted(installation, name, 1), 90)  # type: ignore[misc]
    wait_until(lambda: listed(installation, "running") == ["a", "b", "c"])

    assert put(installation, "hall", source | {"settings": {"silent_after_seconds": 1}}).status_code == 200
    are_silent(installation, "a", "b")
    configure(installation, "/machines/b", LONG)
    assert silent(installation) == ["a"]
    assert installation.client.get("/machines/a").json()["settings"]["silent_after_seconds"] == 1
    installation.client.delete("/sources/hall").raise_for_status()
    wait_until(lambda: silent(installation) == [], 30)
