"""Schedules in the settings, with the next times that the API computes."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.pages.browser import Watch, axe
from tests.support.installation import Installation


@pytest.fixture(autouse=True)
def known_answers(watch: Watch) -> None:
    """Allow a 404 for a profile without a logic."""
    watch.allow("404")


def test_schedules_are_added_shown_with_their_next_times_and_removed(
    page: Page, origin: str, plant: Installation, watch: Watch
) -> None:
    watch.allow("422")
    plant.client.put("/profiles/night/settings", json={"fuel": 5000}).raise_for_status()
    page.goto(f"{origin}/#/profiles/night?tab=settings")
    page.get_by_label("Schedules").select_option("list")
    first = page.get_by_role("group", name="Schedule 1")
    first.get_by_label("Name").fill("night")
    first.get_by_label("Time zone").fill("Europe/Berlin")
    first.get_by_role("textbox", name="Cron expression").fill("30 22 * * 8")
    expect(first.get_by_role("status")).to_contain_text(
        "days of the week are 0 to 7 or SUN to SAT, and not 8."
    )
    first.get_by_role("textbox", name="Cron expression").fill("30 22 * * *")
    three = re.compile(r"Next: (\d{4}-\d\d-\d\d 22:30:00\+0[12]:00(, )?){3}$")
    expect(first.get_by_role("status")).to_have_text(three)

    page.get_by_role("button", name="Add a schedule").click()
    second = page.get_by_role("group", name="Schedule 2")
    second.get_by_label("Name").fill("quarter")
    second.get_by_label("Times").select_option("interval")
    second.get_by_label("Interval in seconds").fill("900")
    expect(second.get_by_role("status")).to_contain_text("Next: ")
    assert axe(page) == []
    page.get_by_role("button", name="Save the settings").click()
    expect(page.get_by_text("Saved the settings of night.")).to_be_visible()
    night = {"name": "night", "cron": "30 22 * * *", "timezone": "Europe/Berlin"}
    quarter = {"name": "quarter", "every_seconds": 900}
    settings = "/profiles/night/settings"
    assert plant.client.get(settings).json() == {"fuel": 5000, "schedules": [night, quarter]}

    page.reload()
    page.get_by_role("button", name="Remove schedule 1").click()
    expect(page.get_by_role("group", name="Schedule 1").get_by_label("Name")).to_have_value("quarter")
    page.get_by_role("button", name="Save the settings").click()
    expect(page.get_by_text("Saved the settings of night.")).to_be_visible()
    assert plant.client.get(settings).json() == {"fuel": 5000, "schedules": [quarter]}


def test_a_machine_turns_off_the_schedules_of_its_profile(
    page: Page, origin: str, plant: Installation
) -> None:
    plant.upload("quiet", "def process(data, state):\n    return data\n")
    page.goto(f"{origin}/#/machines/quiet?tab=settings")
    page.get_by_label("Schedules").select_option("off")
    page.get_by_role("button", name="Save the settings").click()
    expect(page.get_by_text("Saved the settings of quiet.")).to_be_visible()
    assert plant.client.get("/machines/quiet/settings").json() == {"schedules": "off"}
