"""Sources: topics that devices choose themselves."""

from playwright.sync_api import Page, expect

from tests.pages.browser import Watch, axe
from tests.support.installation import Installation


def test_a_source_is_created_from_a_preset_tried_edited_and_deleted(
    page: Page, origin: str, plant: Installation
) -> None:
    page.goto(f"{origin}/#/sources")
    expect(page.get_by_role("heading", name="No sources yet")).to_be_visible()
    page.get_by_label("Preset").select_option("tasmota")
    expect(page.get_by_label("Topics")).to_have_value("tele/{machine}/SENSOR")
    page.get_by_label("Name of the source").fill("hall-2")
    page.get_by_label("Renamed devices").fill("tasmota_1AC3D4 = furnace")
    page.get_by_role("button", name="Create source").click()
    table = page.get_by_role("table", name="Sources")
    expect(table).to_contain_text("tele/{machine}/SENSOR")
    expect(table).to_contain_text("1 renamed")
    expect(table).to_contain_text("active")
    assert plant.client.get("/sources/hall-2").json()["rename"] == {"tasmota_1AC3D4": "furnace"}

    page.get_by_label("Topic of a device").fill("tele/tasmota_1AC3D4/SENSOR")
    page.get_by_role("button", name="Try topic").click()
    expect(page.get_by_text("It is a reading of the machine furnace, by the source hall-2.")).to_be_visible()
    assert axe(page) == []

    page.get_by_role("button", name="Edit hall-2").click()
    page.get_by_label("Letters of the ids").select_option("lower")
    page.get_by_text("Settings of the readings").click()
    page.get_by_label("Format of the readings").select_option("cbor")
    page.get_by_label("Late readings").select_option("mark")
    page.get_by_label("Field with the time").fill("at")
    assert axe(page) == []
    page.get_by_role("button", name="Save source").click()
    expect(table).to_contain_text("lower case")
    settings = {"format": "cbor", "late": {"field": "at", "seconds": 0}}
    assert plant.client.get("/sources/hall-2").json()["settings"] == settings
    page.get_by_role("button", name="Delete hall-2").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete 1 source").click()
    expect(page.get_by_role("heading", name="No sources yet")).to_be_visible()


def test_a_source_that_overlaps_or_renames_nothing_is_not_created(
    page: Page, origin: str, plant: Installation, watch: Watch
) -> None:
    watch.allow("409")
    plant.client.put("/sources/floor", json={"filter": "floor/{machine}/#"}).raise_for_status()
    page.goto(f"{origin}/#/sources")
    page.get_by_label("Name of the source").fill("other")
    page.get_by_label("Topics").fill("floor/+/{machine}")
    page.get_by_label("Renamed devices").fill("furnace")
    page.get_by_role("button", name="Create source").click()
    expect(page.get_by_role("alert")).to_contain_text("renames no device")
    page.get_by_label("Renamed devices").fill("")
    page.get_by_role("button", name="Create source").click()

    expect(page.get_by_role("alert")).to_contain_text("the source 'floor' can match the same topic")
    expect(page.get_by_label("Name of the source")).to_have_value("other")


def test_an_edit_does_not_undo_another_change(
    page: Page, origin: str, plant: Installation, watch: Watch
) -> None:
    watch.allow("412")
    plant.client.put("/sources/floor", json={"filter": "floor/{machine}"}).raise_for_status()
    page.goto(f"{origin}/#/sources")
    page.get_by_role("button", name="Edit floor").click()
    expect(page.get_by_role("heading", name="Edit the source floor")).to_be_visible()
    page.get_by_label("Renamed devices").fill("a = press\na = oven")
    page.get_by_role("button", name="Save source").click()
    expect(page.get_by_role("alert")).to_contain_text("“a” has two ids")

    plant.client.put("/sources/floor", json={"filter": "floor/{machine}", "prefix": "x-"}).raise_for_status()
    page.get_by_label("Renamed devices").fill("a = press")
    page.get_by_role("button", name="Save source").click()

    expect(page.get_by_role("alert")).to_contain_text("has changed since you read it")
    assert plant.client.get("/sources/floor").json()["prefix"] == "x-"
