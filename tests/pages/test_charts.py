"""The chart of a machine's page: its time span, its zoom, its fields, axes and lines."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.pages.browser import Watch, axe, screenshot, wait_until_it_fits
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


def field(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name="Fields of readings").get_by_role("checkbox", name=name, exact=True)


def test_measured_values_are_suggested_before_counters_times_and_constants(
    page: Page, plant: Installation, origin: str, press: str
) -> None:
    for each in range(6):
        send(
            plant,
            press,
            {
                "msg_id": each % 2,
                "sent": 1_790_000_000.5 + each,
                "pieces": 100 + each,
                "nominal": 50,
                "pressure": 3 + each % 2,
            },
        )
    page.goto(f"{origin}/#/machines/{press}")
    expect(chart(page)).to_contain_text(
        re.compile(r"Last values: reading\.temperature \d+, reading\.pressure 4\.")
    )
    page.get_by_text("Choose fields").click()
    offered = page.get_by_role("group", name="Fields of readings").get_by_role("checkbox")
    names = [each.evaluate("input => input.labels[0].innerText") for each in offered.all()]

    assert names == ["temperature", "pressure", "nominal", "msg_id", "sent", "pieces"]
    page.get_by_label("Field contains").fill("PIE")
    expect(offered).to_have_count(1)
    field(page, "pieces").check()
    expect(chart(page).first).to_contain_text("reading.temperature")
    expect(page.get_by_role("figure", name="Numbers").filter(has_text="reading.pieces 105")).to_have_count(1)
    assert axe(page) == []


def test_this_browser_remembers_the_fields_of_each_machine(
    page: Page, plant: Installation, origin: str, press: str
) -> None:
    send(plant, press, {"pressure": 4}, {"pressure": 3})
    other = f"{press}-other"
    plant.upload(other, ECHO)
    send(plant, other, {"temperature": 1, "pressure": 2})
    page.goto(f"{origin}/#/machines/{press}")
    page.get_by_text("Choose fields").click()
    field(page, "pressure").uncheck()
    expect(chart(page)).not_to_contain_text("pressure")
    page.goto(f"{origin}/#/machines/{other}")
    expect(chart(page)).to_contain_text("reading.temperature 1, reading.pressure 2")
    page.goto(f"{origin}/#/machines/{press}")
    expect(chart(page)).to_contain_text("reading.temperature")
    expect(chart(page)).not_to_contain_text("pressure")
    page.get_by_text("Choose fields").click()
    page.get_by_role("button", name="Select the suggested fields").click()

    expect(chart(page)).to_contain_text("pressure 3")


def test_units_and_lines_belong_to_the_machines_of_a_profile_and_to_a_shared_address(
    page: Page, plant: Installation, origin: str, press: str
) -> None:
    second = f"{press}-second"
    plant.client.put(f"/profiles/{press}").raise_for_status()
    send(plant, second, {"temperature": 50})
    for each in (press, second):
        plant.client.put(f"/machines/{each}/profile", json={"profile": press}).raise_for_status()
    send(plant, press, {"temperature": 91.25, "speed": 1500})
    page.goto(f"{origin}/#/machines/{press}")
    values = page.get_by_label("Current values")
    expect(values).to_contain_text("91.25")
    page.get_by_text("Units and lines").click()
    group = page.get_by_role("group", name="reading.temperature")
    group.get_by_label("Unit").fill("°C")
    group.get_by_label("High line").fill("90")
    group.get_by_label("High line").press("Tab")

    expect(values).to_contain_text("91.25 °C")
    expect(values).to_contain_text("above 90")
    # The speed has its own axis.
    expect(chart(page)).to_contain_text("speed, right axis")
    expect(chart(page)).to_contain_text("reading.temperature 91.3 °C (lines at 90)")
    address = page.get_by_role("region", name="Address of this chart").inner_text()
    assert axe(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    wait_until_it_fits(page)
    chart(page).scroll_into_view_if_needed()
    screenshot(page, "chart-phone")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{origin}/#/machines/{second}")
    expect(chart(page)).to_contain_text("reading.temperature 50 °C (lines at 90)")
    page.goto("about:blank")
    page.goto(f"{origin}/#/machines")
    page.evaluate("localStorage.clear()")
    page.goto(address)
    expect(chart(page)).to_contain_text("reading.temperature 91.3 °C (lines at 90)")


def test_fields_of_more_than_two_sizes_have_more_charts_with_the_same_zoom(
    page: Page, plant: Installation, origin: str, press: str
) -> None:
    for each in range(6):
        send(plant, press, {"small": each % 2, "large": 5000 - each, "huge": 9e6 - each})
    fields = "reading.small,reading.large,reading.huge"
    page.goto(f"{origin}/#/machines/{press}?fields={fields}")
    expect(chart(page)).to_have_count(2)
    expect(chart(page).first).to_contain_text("reading.large 5,000")
    expect(chart(page).last).to_contain_text("reading.huge 9,000,000")
    page.locator("canvas").last.wait_for()
    drag(page)
    expect(page.get_by_text(re.compile("^Zoomed: "))).to_have_count(1)
    screenshot(page, "chart-several")
    assert axe(page) == []
    page.get_by_role("button", name="Follow live").click()
    expect(page.get_by_text(re.compile("^Zoomed: "))).to_have_count(0)


@pytest.mark.parametrize(
    "look", ['{"reading.temperature":7}', "[", '{"reading.temperature":{"high":"x","unit":[1]}}']
)
def test_an_address_with_invalid_parameters_shows_the_chart(
    page: Page, origin: str, press: str, look: str
) -> None:
    page.goto(f"{origin}/#/machines/{press}?zoom=9~1&span=x&look={look}")

    expect(chart(page)).to_contain_text("reading.temperature 22.")


def test_readings_over_four_kilobytes_take_part(
    page: Page, plant: Installation, origin: str, press: str
) -> None:
    long = {"spectrum": "x" * 20_000, "motor": {"rpm": 1480}, "temperature": 31}
    send(plant, press, long)
    page.goto(f"{origin}/#/machines/{press}")
    expect(chart(page)).to_contain_text("temperature 31")
    expect(page.get_by_label("Current values")).to_contain_text("1,480")
    send(plant, press, long | {"temperature": 33})

    expect(chart(page)).to_contain_text("temperature 33")


def test_several_machines_are_compared_in_one_chart(
    page: Page, watch: Watch, plant: Installation, origin: str, press: str
) -> None:
    watch.allow("404")
    second = f"{press}-second"
    plant.upload(second, ECHO)
    send(plant, second, {"temperature": 40, "pressure": 2})
    page.goto(f"{origin}/#/machines/{press}")
    page.get_by_text("Compare with other machines").click()
    machine = page.get_by_label("Machine", exact=True)
    machine.fill(second)
    page.get_by_role("button", name="Add").click()
    compared = page.get_by_role("figure", name="reading.temperature of several machines")

    expect(compared).to_contain_text(f"Last values: {press} 22, {second} 40.")
    send(plant, press, {"temperature": 23})
    send(plant, second, {"temperature": 41})
    expect(compared).to_contain_text(f"Last values: {press} 23, {second} 41.")
    machine.fill("unknown-one")
    machine.press("Enter")
    item = page.get_by_role("listitem").filter(has_text="unknown-one")
    expect(item).to_contain_text("has no logic and has not sent a reading")
    page.set_viewport_size({"width": 390, "height": 844})
    wait_until_it_fits(page)
    assert axe(page) == []
    compared.scroll_into_view_if_needed()
    screenshot(page, "chart-compared")
    page.get_by_role("button", name="Remove unknown-one").click()
    expect(item).to_have_count(0)
    page.reload()
    expect(compared).to_contain_text(f"{second} 41.")
    page.goto(f"{origin}/#/machines/{press}?machines=a,b,c,d,e,f,g")
    expect(page.get_by_role("button", name=re.compile("^Remove "))).to_have_count(5)
    expect(page.get_by_role("button", name="Add")).to_be_disabled()
