"""Schedules in the settings of machines, profiles and sources, and the route that tries one, over REST."""

from typing import Any

import pytest

from tests.support.installation import Installation

SHIFTS = {"name": "shift-end", "cron": "0 6,14,22 * * MON-FRI", "timezone": "Europe/Berlin"}
QUARTERS = {"name": "quarter", "every_seconds": 900}


@pytest.fixture(scope="module")
def plant(module_installation: Installation) -> Installation:
    """An API without a worker."""
    module_installation.start_api()
    return module_installation


def configure(plant: Installation, path: str, schedules: Any) -> None:
    answer = plant.client.put(f"{path}/settings", json={"schedules": schedules})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"schedules": schedules}


def applying(plant: Installation, machine: str) -> Any:
    """Return the schedules that apply to a machine."""
    return plant.client.get(f"/machines/{machine}").json()["settings"].get("schedules")


def test_the_list_of_a_machine_replaces_that_of_its_profile(plant: Installation) -> None:
    plant.upload("m1", "def process(data, state):\n    return data\n")
    configure(plant, "/profiles/p1", [SHIFTS, QUARTERS])
    plant.client.put("/machines/m1/profile", json={"profile": "p1"}).raise_for_status()
    assert applying(plant, "m1") == [SHIFTS, QUARTERS]

    configure(plant, "/machines/m1", [QUARTERS])
    assert applying(plant, "m1") == [QUARTERS]
    configure(plant, "/machines/m1", "off")
    assert applying(plant, "m1") == "off"
    configure(plant, "/machines/m1", [])
    assert applying(plant, "m1") == []
    plant.client.put("/machines/m1/settings", json={"format": "json"}).raise_for_status()
    assert applying(plant, "m1") == [SHIFTS, QUARTERS]


def test_a_source_has_schedules(plant: Installation) -> None:
    source = {"filter": "floor/{machine}", "settings": {"schedules": [SHIFTS]}}
    plant.client.put("/sources/floor", json=source).raise_for_status()
    assert plant.client.get("/sources/floor").json()["settings"] == {"schedules": [SHIFTS]}

    source["settings"] = {"schedules": [SHIFTS | {"timezone": "Mars/Olympus"}]}
    refused = plant.client.put("/sources/floor", json=source)
    assert refused.status_code == 422
    assert "There is no time zone 'Mars/Olympus'." in refused.json()["detail"]
    assert plant.client.get("/sources/floor").json()["settings"] == {"schedules": [SHIFTS]}


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        (
            {"cron": "61 * * * *"},
            "The schedule 'a' is invalid. '61 * * * *': minutes are 0 to 59, and not 61.",
        ),
        ({"cron": "0 0 30 2 *"}, "'0 0 30 2 *' never comes"),
        ({"cron": "@daily"}, "Write '0 0 * * *' instead."),
        ({"cron": "R R * * *"}, "R is not supported in the minute."),
        ({"cron": "\u0661 * * * *"}, "has characters that a cron expression cannot have."),
        ({"cron": "*" * 500_000}, "at most 200 characters, and this one has 500,000."),
        ({"cron": "0 6 * * *", "timezone": "Europe/Berln"}, "Did you mean 'Europe/Berlin'?"),
        ({"cron": "0 6 * * *", "timezone": "../../../etc/passwd"}, "There is no time zone"),
        ({"cron": "0 6 * * *", "timezone": "Z" * 500_000}, "has at most 64 characters"),
        ({"every_seconds": 0}, "every_seconds is 1 to 604,800 (a week), and not 0."),
        ({"every_seconds": 60, "timezone": "UTC"}, "An interval has no time zone."),
        ({"every_seconds": 60, "cron": "0 6 * * *"}, "and this one has both."),
        ({}, "has either cron or every_seconds, and this one has none of them."),
    ],
    ids=range(13),
)
def test_an_invalid_schedule_is_refused_with_the_reason(
    plant: Installation, schedule: dict[str, Any], reason: str
) -> None:
    configure(plant, "/profiles/strict", [SHIFTS])
    for path in ("/profiles/strict", "/machines/strict"):
        answer = plant.client.put(
            f"{path}/settings", json={"schedules": [QUARTERS, {"name": "a"} | schedule]}
        )
        assert answer.status_code == 422, answer.text
        assert reason in answer.json()["detail"]
    assert plant.client.get("/profiles/strict/settings").json() == {"schedules": [SHIFTS]}
    tried = plant.client.post("/schedules/try", json=schedule)
    assert tried.status_code == 422
    assert reason.removeprefix("The schedule 'a' is invalid. ") in tried.json()["detail"]


def test_names_are_unique_and_a_list_has_an_end(plant: Installation) -> None:
    def refused(schedules: Any) -> str:
        answer = plant.client.put("/machines/m2/settings", json={"schedules": schedules})
        assert answer.status_code == 422, answer.text
        detail: str = answer.json()["detail"]
        return detail

    assert refused([QUARTERS, QUARTERS]) == "Two schedules have the name 'quarter'. Give each its own."
    many = [QUARTERS | {"name": f"s{n}"} for n in range(17)]
    assert refused(many) == "There are 17 schedules. At most 16 are possible."
    assert "'a b' is not a valid name of a schedule." in refused([QUARTERS | {"name": "a b"}])
    configure(plant, "/machines/m2", many[:16])
    for wrong in ("on", {"name": "a"}, [QUARTERS | {"seconds": 5}], [QUARTERS | {"every_seconds": 1.5}], [1]):
        answer = plant.client.put("/machines/m2/settings", json={"schedules": wrong})
        assert answer.status_code == 400, answer.text


def test_the_next_times_are_shown_also_when_the_clock_changes(plant: Installation) -> None:
    def tried(**schedule: Any) -> list[tuple[str, str]]:
        answer = plant.client.post("/schedules/try", json=schedule)
        assert answer.status_code == 200, answer.text
        return [(each["time"], each["local"]) for each in answer.json()["times"]]

    assert tried(cron="30 2 * * *", timezone="Europe/Berlin", after="2026-03-27T12:00:00Z") == [
        ("2026-03-28T01:30:00.000Z", "2026-03-28T02:30:00+01:00"),
        ("2026-03-29T01:00:00.000Z", "2026-03-29T03:00:00+02:00"),
        ("2026-03-30T00:30:00.000Z", "2026-03-30T02:30:00+02:00"),
    ]
    assert tried(every_seconds=900, after="2026-03-27T12:00:00+01:00") == [
        (f"2026-03-27T11:{minute}:00.000Z", f"2026-03-27T11:{minute}:00+00:00") for minute in (15, 30, 45)
    ]
    assert len(tried(cron="* * * * *")) == 3
    assert tried(cron="0 0 1 1 *", after="9999-06-01T00:00:00Z") == []
    for after in ("now", "2026-03-27T12:00:00", "", "2026-03-27"):
        answer = plant.client.post("/schedules/try", json={"cron": "* * * * *", "after": after})
        assert answer.status_code == 400
        assert "`$.after`" in answer.json()["detail"]
