"""Starting a logic from a template, up to the result of a reading."""

import pytest
from playwright.sync_api import Page, expect

from tests.pages.browser import Watch, axe, write
from tests.support.installation import Installation
from tests.support.waiting import wait_until

#: A payload of a Milesight sensor, and its result.
PAYLOAD = bytes.fromhex("01755c03673401046865")
RESULT = {"battery": 92, "temperature": 30.8, "humidity": 50.5}


@pytest.fixture(autouse=True)
def known_answers(watch: Watch, page: Page) -> None:
    """Allow a 404 for machines without a logic, and accept the dialog on leaving the page."""
    watch.allow("404")
    page.on("dialog", lambda dialog: dialog.accept())


def test_a_template_fills_the_editor_sets_the_format_and_decodes_a_binary_reading(
    page: Page, origin: str, plant: Installation
) -> None:
    page.goto(f"{origin}/#/machines/sensor-1?tab=logic")
    # With the keyboard only.
    page.get_by_role("button", name="Start from a template").press("Enter")
    dialog = page.get_by_role("dialog", name="Start from a template")
    milesight = dialog.get_by_role("button", name="Milesight sensor")
    expect(milesight).to_have_accessible_description(
        "Decodes the payload of Milesight's LoRaWAN sensors, such as the EM300 and AM100 series: "
        "temperature, humidity, CO2 and more. Needs the format binary."
    )
    expect(dialog.get_by_role("listitem")).to_have_count(10)
    assert axe(page) == []
    milesight.press("Enter")

    expect(dialog).to_be_hidden()
    editor = page.get_by_role("textbox", name="Logic of sensor-1", exact=True)
    expect(editor).to_contain_text("Milesight sensor")
    examples = page.get_by_role("region", name="Examples")
    expect(examples.get_by_text("passes")).to_have_count(4)
    note = page.get_by_role("region", name="Format of the readings")
    expect(note).to_contain_text("This logic needs the format binary, which its examples have.")
    expect(note).to_contain_text("The format in the settings of sensor-1 is json.")
    assert axe(page) == []
    assert plant.client.get("/machines/sensor-1/logic").status_code == 404
    note.get_by_role("button", name="Set the format to binary").click()
    expect(note).to_be_hidden()
    assert plant.client.get("/machines/sensor-1/settings").json() == {"format": "binary"}

    # A typed reading is in hex now, and can be kept as an example.
    page.get_by_role("button", name="Add a reading").click()
    page.get_by_label("Reading (JSON)", exact=True).fill('"03 67 f6 ff"')
    page.get_by_role("button", name="Add", exact=True).click()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("listitem", name="Typed reading 1", exact=True)).to_contain_text(
        '{"temperature":-1.0}'
    )
    page.get_by_role("button", name="Keep as example: Typed reading 1").click()
    expect(examples.get_by_text("passes")).to_have_count(5)

    page.keyboard.press("Control+s")
    expect(
        page.get_by_text("Version 1 is deployed. It runs from the next reading on.", exact=True)
    ).to_be_visible()
    plant.send([("sensor-1", PAYLOAD)])
    wait_until(lambda: plant.client.get("/machines/sensor-1").json()["last_result"])
    page.get_by_role("link", name="Readings", exact=True).click()
    expect(page.get_by_text("30.8").first).to_be_visible()
    assert plant.client.get("/machines/sensor-1").json()["last_result"]["data"] == RESULT


def test_a_template_for_a_profile_sets_the_format_of_the_profile_and_keeps_its_other_settings(
    page: Page, origin: str, plant: Installation
) -> None:
    plant.client.put("/profiles/meters/settings", json={"fuel": 50_000}).raise_for_status()
    page.goto(f"{origin}/#/profiles/meters?tab=logic")
    page.get_by_role("button", name="Start from a template").click()
    page.get_by_role("dialog").get_by_role("button", name="P1 telegram of a smart meter").click()
    page.get_by_role("button", name="Set the format to text").click()
    expect(page.get_by_role("region", name="Format of the readings")).to_be_hidden()

    assert plant.client.get("/profiles/meters/settings").json() == {"format": "text", "fuel": 50_000}
    # A machine of the profile has its format, and the page of a machine knows it.
    plant.client.put("/machines/meter-1/profile", json={"profile": "meters"}).raise_for_status()
    page.goto(f"{origin}/#/machines/meter-1?tab=logic")
    page.get_by_role("button", name="Start from a template").click()
    page.get_by_role("dialog").get_by_role("button", name="P1 telegram of a smart meter").click()
    expect(page.get_by_role("region", name="Examples").get_by_text("passes")).to_have_count(3)
    expect(page.get_by_role("region", name="Format of the readings")).to_have_count(0)


def test_the_dialog_says_that_unsaved_changes_are_lost_and_escape_closes_it(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/machines/sensor-2?tab=logic")
    editor = page.get_by_role("textbox", name="Logic of sensor-2", exact=True)
    write(page, editor, "def process(data, state):\n    return {'mine': 1}")
    button = page.get_by_role("button", name="Start from a template")
    button.click()
    dialog = page.get_by_role("dialog", name="Start from a template")
    expect(dialog).to_contain_text("your unsaved changes are lost")
    page.keyboard.press("Escape")

    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()
    expect(editor).to_contain_text("'mine': 1")
