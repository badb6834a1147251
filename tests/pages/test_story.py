"""The first steps of a new user, from an empty list of machines to a rollback.

The test uses only the visible controls. The readings are those of a real machine, sent with the tool for
devices. On the way it takes the pictures in the docs.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from pipeline.store.tokens import Tokens
from tests.pages.browser import ROOT, Watch, sign_in, write
from tests.pages.images import IMAGES, LARGEST, check, outline, picture
from tests.support.installation import Installation
from tests.support.waiting import wait_until
from web.access.roles import Role

DATA: Final = ROOT / "tests" / "data" / "machine_temperature_system_failure.csv"

#: A morning on which the machine became too hot.
FIRST: Final = slice(2300, 2320)
MORNING: Final = slice(2320, 2440)

LOGIC: Final = '''\
def process(data, state):
    """The temperature, smoothed, and an alarm when it is too hot."""
    value = data["value"]
    mean = state.get("mean", value)
    state["mean"] = mean + (value - mean) / 12
    result = {"mean": state["mean"]}
    if value > 100:
        result["alarm"] = "too hot"
    return result
'''

#: The colon is missing.
MISTAKE: Final = LOGIC.replace("100:", "100")

ALARMS: Final = """\
def process(data, state):
    if data["celsius"] > 220:
        severity = "critical" if data["celsius"] > 250 else "major"
        raise_alarm("too-hot", severity, message=f"{data['celsius']} °C in the oven", celsius=data["celsius"])
    if data["door"] == "open":
        raise_alarm("door", "minor", message="The door is open")
"""

#: A sensor that sends no value leaves an empty cell.
MENDED: Final = LOGIC.replace(
    "    mean = state.get",
    '    if value == "":\n        return None  # The sensor drops out at times.\n    mean = state.get',
)

DOCS: Final = ROOT / "docs"
_IMAGE: Final = re.compile(r"!\[([^\]]*)\]\(([^)\s]+\.png)\)")


@pytest.fixture(autouse=True)
def known_answers(watch: Watch) -> None:
    """Allow a 404 for things that do not exist yet, and for a deleted dead letter."""
    watch.allow("404")


def replay(plant: Installation, folder: Path, rows: Iterable[str], rate: str = "max") -> None:
    """Send rows of the recording as the machine does, and wait until RabbitMQ has confirmed them."""
    recording = folder / "furnace.csv"
    recording.write_text("\n".join(["timestamp,value", *rows, ""]))
    arguments = ("--machine", "furnace", "--rate", rate, "--via", "mqtt")
    replaying = plant.start("iot-devices", "replay", str(recording), *arguments)
    assert replaying.process.wait(60) == 0, replaying.log


def part(page: Page, name: str) -> None:
    """Open a tab of the machine's page."""
    page.get_by_role("navigation", name="Machine tabs").get_by_role("link", name=name, exact=True).click()


def view(page: Page, name: str) -> None:
    """Open a view with the navigation."""
    views = page.get_by_role("navigation", name="Views", exact=True)
    views.get_by_role("link", name=name, exact=True).click()


def test_a_new_user_gets_from_an_empty_list_to_a_fixed_logic_and_rolls_back(
    page: Page, origin: str, plant: Installation, tmp_path: Path
) -> None:
    rows = DATA.read_text().splitlines()
    page.goto(origin)
    expect(page.get_by_role("heading", name="No machines yet")).to_be_visible()
    page.get_by_label("Machine id", exact=True).fill("furnace")
    picture(page, "fleet-empty")
    page.get_by_role("button", name="Write its logic").click()

    # A first logic, with a mistake.
    editor = page.get_by_role("textbox", name="Logic of furnace", exact=True)
    expect(editor).to_contain_text("def process(data, state):")
    write(page, editor, MISTAKE)
    wrong = page.get_by_label("Errors", exact=True).get_by_role("listitem")
    expect(wrong).to_contain_text("Line 7")
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    picture(page, "logic-mistake")
    write(page, editor, LOGIC)
    expect(page.get_by_text("No errors found.")).to_be_visible()

    # A trial on the machine's own readings.
    replay(plant, tmp_path, rows[FIRST])
    wait_until(lambda: plant.client.get("/machines/furnace").json().get("readings") == 20, 60)
    page.get_by_role("button", name="Reload the last readings").click()
    page.get_by_role("button", name="Try on 20 readings").click()
    expect(page.get_by_text("20 readings tried.")).to_be_visible()
    expect(page.get_by_role("listitem", name="Reading 1", exact=True)).to_contain_text("added mean")
    page.get_by_role("region", name="Try it").scroll_into_view_if_needed()
    picture(page, "logic")
    page.get_by_label("Comment (optional)").fill("Smooth it, and tell when it is too hot")
    page.get_by_role("button", name="Save and deploy").click()
    expect(
        page.get_by_text("Version 1 is deployed. It runs from the next reading on.", exact=True)
    ).to_be_visible()

    # The readings received before the logic are not lost.
    page.get_by_role("link", name="Open them to send them again").click()
    early = page.get_by_role("region").filter(has_text="No logic")
    early.get_by_role("button", name="Send 20 again").click()
    page.get_by_role("dialog").get_by_role("button", name="Send 20 again").click()
    expect(page.get_by_role("status").filter(has_text="sent again")).to_contain_text("None failed again.")
    expect(early).to_have_count(0)

    # The readings of the morning arrive while the page is open.
    view(page, "Machines")
    page.get_by_role("link", name="furnace", exact=True).click()
    page.get_by_text("Show as a table").click()
    mean = page.get_by_role("row", name="result.mean")
    before = mean.inner_text()
    page.get_by_label("Show", exact=True).select_option("the last minute")
    replay(plant, tmp_path, rows[MORNING], rate="20")
    expect(mean).not_to_have_text(before)
    expect(page.get_by_role("figure", name="Numbers of furnace")).to_contain_text("reading.value 95.7")
    expect(page.get_by_role("list").filter(has_text="Alarm of reading").first).to_contain_text("too hot")
    page.get_by_text("Show as a table").click()
    page.evaluate("scrollTo(0, 0)")
    picture(page, "machine")

    # The sensor sends no value.
    replay(plant, tmp_path, ["2013-12-11 08:45:00,"])
    view(page, "Dead letters")
    cause = page.get_by_role("region", name="TypeError")
    expect(cause).to_contain_text("Line 5 of version 1")
    picture(page, "dead-letters")
    cause.get_by_role("link", name="Open the dead letters of furnace").click()
    page.get_by_role("row", name="of furnace").get_by_role("link").first.click()
    expect(page.get_by_role("region", name="Where it failed").locator("mark")).to_contain_text(
        "(value - mean) / 12"
    )
    picture(page, "dead-letter")
    page.get_by_role("link", name="Try this reading in the editor").click()
    page.get_by_role("button", name="Try on 1 reading").click()
    tried = page.get_by_role("region", name="Try it").get_by_role("listitem").first
    expect(tried).to_contain_text("Line 5")
    write(page, editor, MENDED)
    page.keyboard.press("Control+Enter")
    expect(tried).to_contain_text("no result")
    page.get_by_label("Comment (optional)").fill("Leave out what the sensor does not say")
    page.keyboard.press("Control+s")
    expect(
        page.get_by_text("Version 2 is deployed. It runs from the next reading on.", exact=True)
    ).to_be_visible()

    # The dead letter is sent again, and disappears.
    page.get_by_role("link", name="Back to the dead letter").click()
    page.get_by_role("button", name="Send again …").click()
    page.get_by_role("dialog").get_by_role("button", name="Send 1 again").click()
    expect(page.get_by_text("The reading was sent again and processed.")).to_be_visible()
    page.get_by_role("link", name="All dead letters").click()
    expect(page.get_by_role("heading", name="No dead letters")).to_be_visible()

    # Roll back to the previous version.
    view(page, "Machines")
    page.get_by_role("link", name="furnace", exact=True).click()
    part(page, "Versions")
    page.get_by_role("button", name="Compare version 1 with the deployed version").click()
    expect(
        page.get_by_role("region", name="From version 1 to version 2").locator("ins").first
    ).to_be_visible()
    picture(page, "versions")
    page.get_by_role("button", name="Deploy version 1").click()
    page.get_by_role("dialog").get_by_role("button", name="Deploy version 1").click()
    expect(page.get_by_role("row", name="Smooth it")).to_contain_text("deployed")
    page.reload()
    expect(page.get_by_role("row", name="Smooth it")).to_contain_text("deployed")


def test_the_other_views_match_the_pictures_in_the_docs(
    page: Page, origin: str, plant: Installation, watch: Watch, tokens: Tokens
) -> None:
    watch.allow("401")
    plant.client.put("/profiles/presses", json={"description": "All presses of hall 2"}).raise_for_status()
    for name in ("press-1", "press-2", "press-3"):
        plant.client.put(f"/machines/{name}/profile", json={"profile": "presses"}).raise_for_status()
    for limit, comment in (("90", "Tell when the pressure is high"), ("80", "Tell earlier")):
        logic = f"def process(data, state):\n    return {{'alarm': data['pressure'] > {limit}}}\n"
        plant.client.post(
            "/profiles/presses/logic", json={"logic": logic, "comment": comment}
        ).raise_for_status()
    plant.send(
        (name, {"n": each, "pressure": 60 + each}) for name in ("press-1", "press-2") for each in range(12)
    )
    plant.send([("press-2", {"n": 12, "pressure": None})])
    for bound in (70, 75):
        plant.client.put("/machines/press-3/config", json={"limit": bound}).raise_for_status()
    plant.client.post("/machines/press-3/pause").raise_for_status()
    wait_until(lambda: plant.client.get("/machines/press-2").json()["readings"] == 13)

    page.goto(f"{origin}/#/machines?q=press")
    expect(page.get_by_role("row", name="press-2")).to_contain_text("failing")
    picture(page, "fleet")
    page.goto(f"{origin}/#/profiles/presses")
    expect(page.get_by_text("deployed on 3 machines at once")).to_be_visible()
    picture(page, "profile")
    page.goto(f"{origin}/#/system")
    expect(page.get_by_role("status", name="System status")).to_contain_text("no readings are waiting")
    expect(page.get_by_role("figure", name="Readings per second")).to_contain_text(re.compile("[2-9] points"))
    picture(page, "system", "dark")
    page.goto(f"{origin}/#/audit?machine=press-3")
    expect(page.get_by_role("row", name="Paused the machine")).to_be_visible()
    picture(page, "audit")
    for name in ("oven-1", "oven-2"):
        plant.upload(name, ALARMS)
    plant.send([("oven-1", {"celsius": 231, "door": "open"}), ("oven-2", {"celsius": 266, "door": "closed"})])
    wait_until(lambda: len(plant.client.get("/alarms").json()["alarms"]) == 3)
    plant.client.post(
        "/machines/oven-1/alarms/too-hot/acknowledge", json={"comment": "I open the flaps"}
    ).raise_for_status()
    plant.client.post(
        "/machines/oven-1/alarms/door/shelve", json={"minutes": 60, "comment": "The lock is being repaired"}
    ).raise_for_status()
    page.goto(f"{origin}/#/alarms")
    expect(page.get_by_role("row", name="The lock is being repaired")).to_be_visible()
    expect(page.get_by_role("link", name="Alarms 1 not acknowledged")).to_be_visible()
    picture(page, "alarms")

    boss = tokens.create("anna", Role.ADMIN)
    tokens.create("night-shift", Role.OPERATOR)
    page.reload()
    page.get_by_label("Token", exact=True).wait_for()
    picture(page, "sign-in")
    sign_in(page, boss)
    page.goto(f"{origin}/#/tokens")
    expect(page.get_by_role("row", name="anna (yours)")).to_be_visible()
    picture(page, "tokens")


def test_a_changed_page_is_noticed_and_the_error_says_what_to_do(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/nowhere")
    page.get_by_role("heading", name="Page not found").wait_for()

    assert outline(page) == "heading: Page not found\nlink: Go to Machines\n"
    with pytest.raises(AssertionError, match="make screenshots"):
        check(page, IMAGES / "machine.txt", patience=1)


def test_each_picture_is_small_and_has_an_alternative_text() -> None:
    shown = [
        (found[1], (path.parent / found[2]).resolve())
        for path in [*DOCS.rglob("*.md"), ROOT / "README.md"]
        for found in _IMAGE.finditer(path.read_text())
    ]

    assert {image for _, image in shown} == set(IMAGES.glob("*.png"))
    assert {each.stem for each in IMAGES.glob("*.txt")} == {each.stem for each in IMAGES.glob("*.png")}
    assert [image.name for alternative, image in shown if len(alternative.split()) < 4] == []
    assert [each.name for each in IMAGES.glob("*.png") if each.stat().st_size > LARGEST] == []
