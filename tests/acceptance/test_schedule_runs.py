"""Schedules that workers run, over real servers."""

from datetime import UTC, datetime
from typing import Any

from pipeline.clock import milliseconds, milliseconds_now
from tests.acceptance.test_timers import of, publish
from tests.support.installation import Installation
from tests.support.sources import letters
from tests.support.waiting import wait_until

REPORT = """
def process(data, state):
    state["n"] = state.get("n", 0) + 1
    return {"n": data["n"]}

def on_timer(timer, state):
    state["reports"] = state.get("reports", 0) + 1
    return {"timer": timer["name"], "due": timer["due"], "n": state["n"]}
"""
SECONDS = {"name": "tick", "every_seconds": 2}


def configure(plant: Installation, path: str, *schedules: dict[str, Any]) -> None:
    plant.client.put(f"{path}/settings", json={"schedules": schedules}).raise_for_status()


def dues(events: list[dict[str, Any]], machine: str) -> list[int]:
    """Return when the schedules of a machine were due, in seconds since 1970."""
    return [
        milliseconds(each["data"]["due"]) // 1000
        for each in events
        if each["subject"] == machine and "timer" in each["data"]
    ]


def test_a_schedule_runs_again_and_again_without_a_reading(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    installation.upload("press", REPORT)
    configure(installation, "/machines/press", SECONDS)
    with installation.collect() as results:
        publish(installation, "press", {"n": 1})
        wait_until(lambda: len(dues(results.events, "press")) == 3, 90)
        configure(installation, "/machines/press", {"name": "slow", "every_seconds": 3_600})
        wait_until(lambda: installation.client.get("/machines/press").json()["settings"]["schedules"][0])
    found = dues(results.events, "press")
    assert found == sorted(set(found))
    assert all(time % 2 == 0 for time in found)
    assert of(results.events, "press")[:4] == [1, "timer-1", "timer-2", "timer-3"]
    assert {each["data"]["timer"] for each in results.events if "timer" in each["data"]} == {"tick"}


def test_silent_machines_of_a_profile_follow_its_new_schedules(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    installation.client.put("/profiles/presses/logic", json={"logic": REPORT}).raise_for_status()
    names = [f"p{n}" for n in range(5)]
    for name in names:
        installation.client.put(f"/machines/{name}/profile", json={"profile": "presses"}).raise_for_status()
    with installation.collect() as results:
        for name in names:
            publish(installation, name, {"n": 1})
        wait_until(lambda: len(results.events) == 5, 90)
        configure(installation, "/profiles/presses", SECONDS)
        wait_until(lambda: all(len(dues(results.events, name)) >= 2 for name in names), 60)
        # A machine's own list replaces that of the profile.
        configure(installation, "/machines/p0")
        configure(installation, "/profiles/presses", {"name": "tock", "every_seconds": 1})
        wait_until(lambda: all("tock" in told(results.events, name) for name in names[1:]), 60)
    assert "tock" not in told(results.events, "p0")


def told(events: list[dict[str, Any]], machine: str) -> set[str]:
    return {each["data"].get("timer", "") for each in events if each["subject"] == machine}


def test_schedules_that_were_missed_run_once_between_the_readings_of_a_backlog(
    installation: Installation,
) -> None:
    """An hourly schedule, and readings that waited: it runs once in each gap, for the last hour in it."""
    installation.start_api()
    worker = installation.start_worker()
    installation.upload("kiln", REPORT)
    configure(
        installation, "/machines/kiln", {"name": "hour", "cron": "0 * * * *", "timezone": "Asia/Kolkata"}
    )
    hour = 3_600_000
    now = milliseconds_now()
    with installation.collect() as results:
        # The schedules count from the first reading, which says that it comes from long ago.
        publish(installation, "kiln", {"n": 0, "at": now - 10 * hour})
        wait_until(lambda: of(results.events, "kiln")[:1] == [0], 90)
        worker.stop()
        publish(
            installation,
            "kiln",
            *({"n": n, "at": now + at} for n, at in enumerate((-5 * hour, -3 * hour, -hour // 2), start=1)),
        )
        installation.start_worker()
        wait_until(lambda: of(results.events, "kiln")[-1] == 3, 90)
    # The list was set now, so its first time is in the future: nothing was missed.
    assert of(results.events, "kiln") == [0, 1, 2, 3]
    assert letters(installation, machine="kiln") == []


def test_a_missed_schedule_runs_once_and_late(installation: Installation) -> None:
    installation.start_api()
    worker = installation.start_worker()
    installation.upload("oven", REPORT)
    configure(installation, "/machines/oven", {"name": "tick", "every_seconds": 3})
    with installation.collect() as results:
        publish(installation, "oven", {"n": 1})
        wait_until(lambda: len(dues(results.events, "oven")) == 1, 90)
        worker.stop()
        before = len(dues(results.events, "oven"))
        stopped = datetime.now(UTC).timestamp()
        wait_until(lambda: datetime.now(UTC).timestamp() > stopped + 13, 30)
        installation.start_worker()
        wait_until(lambda: len(dues(results.events, "oven")) >= before + 2, 90)
    first = dues(results.events, "oven")[before]
    assert first > stopped + 6, "it must run for the latest of the missed times"


def test_schedules_of_a_logic_without_on_timer_become_dead_letters(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    installation.upload("plain", "def process(data, state):\n    return {'n': data['n']}")
    configure(installation, "/machines/plain", SECONDS)
    publish(installation, "plain", {"n": 1})
    wait_until(lambda: len(letters(installation, machine="plain")) >= 1, 90)
    letter = letters(installation, machine="plain")[-1]
    assert letter["timer"] == "tick"
    assert "no function on_timer" in letter["message"]


def test_a_reset_of_the_state_keeps_the_schedules(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    installation.upload("reset", REPORT)
    configure(installation, "/machines/reset", SECONDS)
    with installation.collect() as results:
        publish(installation, "reset", {"n": 1})
        wait_until(lambda: len(dues(results.events, "reset")) >= 1, 90)
        installation.client.delete("/machines/reset/state").raise_for_status()
        before = len(dues(results.events, "reset"))
        # A logic that needs its state fails after the reset, so the runs are counted in the letters too.
        wait_until(
            lambda: (
                len(dues(results.events, "reset")) + len(letters(installation, machine="reset")) >= before + 2
            ),
            60,
        )
    assert list(installation.client.get("/machines/reset").json()["schedules"]) == ["tick"]


def test_a_setting_that_is_no_schedule_publishes_nothing_again(installation: Installation) -> None:
    installation.start_api()
    installation.start_worker()
    installation.upload("quiet", REPORT)
    installation.upload("other", REPORT)
    installation.client.put("/machines/quiet/profile", json={"profile": "calm"})
    configure(installation, "/machines/quiet", {"name": "far", "every_seconds": 86_400})
    configure(installation, "/machines/other", SECONDS)
    with installation.collect() as results:
        publish(installation, "quiet", {"n": 1})
        wait_until(lambda: 1 in of(results.events, "quiet"), 90)
        settings = {"schedules": [{"name": "far", "every_seconds": 86_400}], "fuel": 5_000}
        for fuel in (5_000, 6_000):
            installation.client.put(
                "/machines/quiet/settings", json=settings | {"fuel": fuel}
            ).raise_for_status()
        publish(installation, "other", {"n": 1})
        wait_until(lambda: len(dues(results.events, "other")) >= 3, 60)
        assert len([each for each in results.events if each["subject"] == "quiet"]) == 1
