"""The chart of a machine's page: its time span, its zoom, its fields, axes and lines."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.pages.browser import axe, screenshot, wait_until_it_fits
from tests.support.installation import Installation
from tests.support.waiting import wait_until

ECHO = "def process(data, state):\n    return None\n"


@pytest.fixture
def press(plant: Installation, request: pytest.FixtureRequest) -> str:
    """A machine that only this test uses, with ten readings."""
    name = f"m-{abs(hash(request.node.name)) % 10**9}"
    plant.upload(name, ECHO)
    for each in range(10):
        send(plant, name, {"temperature": 20 + each % 7})
    return name


def send(plant: Installation, machine: str, *readings: dict[str, Any]) -> None:
    """Send readings, and wait until they are processed."""
    address = f"/machines/{machine}"
    before = plant.client.get(address).json().get("readings", 0)
    plant.send((machine, each) for each in readings)
    wait_until(lambda: plant.client.get(address).json().get("readings") == before + len(readings))


def chart(page: Page) -> Locator:
    return page.get_by_role("figure")


def shown(page: Page) -> str:
    """Return the times that the chart shows, as it says them to screen readers."""
    found = re.search(r"points, (.*?)\. Last", chart(page).inner_text())
    assert found is not None
    return found[1]


def points(page: Page) -> int:
    """Return the number of points of the chart."""
    found = re.search(r"(\d+) points", chart(page).inner_text())
    assert found is not None
    return int(found[1])


def drag(page: Page) -> None:
    """Select the middle of the chart."""
    box = page.locator(".u-over").first.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, y, steps=5)
    page.mouse.up()


def test_a_zoom_survives_new_readings_until_the_chart_follows_again(
    page: Page, plant: Installation, origin: str, press: str
) -> None:
    page.goto(f"{origin}/#/machines/{press}")
    page.locator("canvas").wait_for()
    drag(page)
    zoomed = page.get_by_text(re.compile("^Zoomed: .+ to .+"))
    expect(zoomed).to_be_visible()
    words, times = zoomed.inner_text(), shown(page)
    assert times in words
    send(plant, press, {"temperature": 77}, {"temperature": 78})
    # The page has them, and the chart has not moved.
    expect(page.get_by_text("2 readings came since then")).to_be_visible()
    expect(zoomed).to_have_text(words)
    assert shown(page) == times
    expect(chart(page)).not_to_contain_text("temperature 78")
    page.reload()
    expect(zoomed).to_have_text(words)
    assert axe(page) == []
    page.get_by_role("button", name="Follow live").click()

    expect(zoomed).to_have_count(0)
    expect(chart(page)).to_contain_text("temperature 78")
    assert shown(page) != times


def test_the_chart_is_zoomed_with_buttons_and_a_double_click_follows(
    page: Page, origin: str, press: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{origin}/#/machines/{press}")
    page.locator("canvas").wait_for()
    whole = shown(page)
    page.get_by_role("button", name="Zoom in").click()
    zoomed = page.get_by_text(re.compile("^Zoomed: "))
    expect(zoomed).to_be_visible()
    middle = zoomed.inner_text()
    page.get_by_role("button", name="Earlier").click()
    expect(zoomed).not_to_have_text(middle)
    wait_until_it_fits(page)
    screenshot(page, "chart-zoomed")
    page.go_back()
    expect(zoomed).to_have_text(middle)
    page.locator(".u-over").dblclick()

    expect(zoomed).to_have_count(0)
    wait_until(lambda: shown(page) == whole)


def test_a_long_time_span_shows_all_readings_and_says_what_is_known(
    page: Page, plant: Installation, origin: str, press: str
) -> None:
    page.goto(f"{origin}/#/machines/{press}")
    known = page.get_by_text("The last 10 readings of this machine were stored when you opened this page")
    expect(known).to_be_visible()
    expect(known).to_contain_text("Nothing older is known.")
    for span in ("the last day", "the last week", "all that is known"):
        page.get_by_label("Show", exact=True).select_option(span)
        assert points(page) >= 5
    expect(known).not_to_contain_text("Nothing older is known.")
    page.get_by_label("Show", exact=True).select_option("the last day")
    send(plant, press, *({"temperature": each} for each in range(50)))

    # The stream may send only a sample of so many at once.
    expect(known).to_contain_text(re.compile("[0-9]+ readings came since then; all together cover"))
    expect(chart(page)).to_contain_text("temperature 49")
    assert points(page) >= 7
