"""Profiles: one logic for many machines."""

import pytest
from playwright.sync_api import Page, expect

from tests.pages.browser import Watch, axe, screenshot, write
from tests.pages.test_editor import open_logic, send, tried
from tests.support.installation import Installation

DOUBLE = 'def process(data, state):\n    return {"double": data["n"] * 2}\n'


@pytest.fixture(autouse=True)
def known_answers(watch: Watch) -> None:
    """Allow a 404 for profiles and machines without a logic."""
    watch.allow("404")


def follow(plant: Installation, profile: str, *machines: str) -> None:
    """Set the profile of machines."""
    for machine in machines:
        plant.client.put(f"/machines/{machine}/profile", json={"profile": profile}).raise_for_status()


def test_a_profile_is_created_and_its_logic_is_tried_on_one_machine_and_deployed_on_all(
    page: Page, origin: str, plant: Installation
) -> None:
    page.goto(f"{origin}/#/profiles")
    expect(page.get_by_role("heading", name="No profiles yet")).to_be_visible()
    page.get_by_label("Name of the new profile").fill("presses")
    page.get_by_role("button", name="Create profile").click()
    expect(page.get_by_role("heading", name="presses")).to_be_visible()
    follow(plant, "presses", "press-1", "press-2")
    send(plant, "press-1", {"n": 1})
    send(plant, "press-2", {"n": 2}, {"n": 3})
    page.reload()

    editor = page.get_by_role("textbox", name="Logic of presses")
    expect(editor).to_contain_text('data["n"]')
    expect(page.get_by_text("deployed on 2 machines at once")).to_be_visible()
    write(page, editor, DOUBLE)
    page.get_by_label("Use the readings, state and config of").select_option("press-2")
    page.get_by_role("button", name="Try on 2 readings").click()
    expect(tried(page, "Reading 2")).to_contain_text('{"double":6}')
    assert axe(page) == []
    page.set_viewport_size({"width": 1280, "height": 1500})
    screenshot(page, "profile")
    page.get_by_role("button", name="Save and deploy").click()
    expect(
        page.get_by_text("Version 1 is deployed. It runs from the next reading on.", exact=True)
    ).to_be_visible()
    send(plant, "press-1", {"n": 21})
    assert plant.client.get("/machines/press-1").json()["last_result"]["data"] == {"double": 42}

    page.get_by_role("link", name="Settings", exact=True).last.click()
    page.get_by_label("Format of the readings").select_option("binary")
    page.get_by_label("Fuel of a reading").fill("50000")
    page.get_by_label("Silent after seconds").fill("90000")
    page.get_by_label("Duplicates, not run again").select_option("field")
    page.get_by_label("Field", exact=True).fill("seq")
    page.get_by_label("Of the last minutes").fill("5")
    page.get_by_label("Late readings").select_option("dead-letter")
    page.get_by_label("Field with the time").fill("at")
    page.get_by_label("Seconds after which").fill("60")
    page.get_by_role("button", name="Save the settings").click()
    expect(page.get_by_text("Saved the settings of presses.")).to_be_visible()
    stored = {
        "format": "binary",
        "fuel": 50_000,
        "duplicates": {"field": "seq", "minutes": 5},
        "late": {"field": "at", "seconds": 60, "action": "dead-letter"},
        "silent_after_seconds": 90_000,
    }
    assert plant.client.get("/profiles/presses/settings").json() == stored
    assert axe(page) == []
    page.get_by_label("Format of the readings").select_option("")
    page.get_by_role("button", name="Save the settings").click()
    expect(page.get_by_text("Saved the settings of presses.")).to_have_count(2)

    page.get_by_role("link", name="Machines", exact=True).last.click()
    table = page.get_by_role("table", name="Machines that follow")
    expect(table.get_by_role("row")).to_have_count(3)
    expect(table).to_contain_text("version 1")
    assert axe(page) == []
    expect(page.get_by_role("button", name="Delete the profile")).to_have_count(0)


def test_a_machine_with_a_profile_says_so_and_can_have_its_own_logic(
    page: Page, origin: str, plant: Installation
) -> None:
    plant.client.put("/profiles/belts/logic", json={"logic": DOUBLE}).raise_for_status()
    follow(plant, "belts", "belt-1")
    editor = open_logic(page, origin, "belt-1")
    expect(
        page.get_by_text(
            "This machine runs version 1 of the profile belts, because it has no logic of its own. "
            "1 machine follows this profile."
        )
    ).to_be_visible()
    expect(page.get_by_role("link", name="Edit the profile's logic for all machines")).to_be_visible()
    expect(page.get_by_role("button", name="Save and deploy")).to_have_count(0)
    assert axe(page) == []
    page.get_by_role("button", name="Write a logic for this machine only").click()
    write(page, editor, DOUBLE.replace("2", "3"))
    page.get_by_role("button", name="Save and deploy").click()

    expect(
        page.get_by_text("Version 1 is deployed. It runs from the next reading on.", exact=True)
    ).to_be_visible()
    assert plant.client.get("/machines/belt-1").json()["logicprofile"] is None
    assert plant.client.get("/profiles/belts/logic").json()["logic"] == DOUBLE


def test_a_profile_without_machines_can_be_deleted(page: Page, origin: str, plant: Installation) -> None:
    plant.client.put("/profiles/old/logic", json={"logic": DOUBLE}).raise_for_status()
    page.goto(f"{origin}/#/profiles/old?tab=machines")
    expect(page.get_by_role("heading", name="No machine follows this profile")).to_be_visible()
    page.get_by_role("button", name="Delete the profile").click()
    expect(page.get_by_role("dialog")).to_contain_text("its only version")
    page.get_by_role("dialog").get_by_role("button", name="Delete the profile").click()

    expect(page.get_by_role("table", name="Profiles")).not_to_contain_text("old")
    assert plant.client.get("/profiles/old").status_code == 404


def test_a_machine_turns_off_the_duplicates_of_its_profile(
    page: Page, origin: str, plant: Installation
) -> None:
    plant.client.put("/profiles/presses").raise_for_status()
    plant.client.put("/profiles/presses/settings", json={"duplicates": {}}).raise_for_status()
    plant.client.put("/machines/press-9/profile", json={"profile": "presses"}).raise_for_status()
    page.goto(f"{origin}/#/machines/press-9?tab=settings")
    page.get_by_label("Duplicates, not run again").select_option("None")
    expect(page.get_by_label("Among the last readings")).to_have_count(0)
    page.get_by_role("button", name="Save the settings").click()
    expect(page.get_by_text("Saved the settings of press-9.")).to_be_visible()

    assert plant.client.get("/machines/press-9/settings").json() == {"duplicates": "off"}
    page.reload()
    expect(page.get_by_label("Duplicates, not run again")).to_have_value("off")


def test_a_machine_shows_which_values_of_its_config_come_from_the_profile(
    page: Page, plant: Installation, origin: str
) -> None:
    plant.client.put("/profiles/kilns").raise_for_status()
    plant.client.put("/machines/kiln-1/profile", json={"profile": "kilns"}).raise_for_status()
    plant.client.put("/machines/kiln-1/config", json={"limit": 80}).raise_for_status()
    page.goto(f"{origin}/#/profiles/kilns?tab=settings")
    page.get_by_role("button", name="Edit the config").click()
    write(page, page.get_by_role("textbox", name="Config of kilns"), '{"limit": 90, "unit": "C"}')
    page.get_by_role("button", name="Review and save").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved the config of kilns.")).to_be_visible()
    versions = page.get_by_role("table", name="Versions of the config")
    expect(versions.get_by_role("row").nth(1)).to_contain_text("current")
    assert axe(page) == []
    screenshot(page, "profile-config")

    page.goto(f"{origin}/#/machines/kiln-1?tab=settings")
    facts = page.locator("dl.facts", has_text="Replaced by the machine")
    expect(facts.locator("div", has_text="From the profile").locator("dd")).to_have_text("unit")
    expect(facts.locator("div", has_text="Replaced by the machine").locator("dd")).to_have_text("limit")
    read = page.get_by_role("region", name="Config that the logic reads")
    expect(read).to_contain_text('"limit": 80')
    expect(read).to_contain_text('"unit": "C"')
    read.scroll_into_view_if_needed()
    assert axe(page) == []
    screenshot(page, "machine-config-effective")
    page.set_viewport_size({"width": 390, "height": 844})
    read.scroll_into_view_if_needed()
    screenshot(page, "machine-config-effective-narrow")
