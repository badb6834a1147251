"""Every page with data on it: axe-core, the widths of a tablet and a phone, and the keyboard alone."""

import pytest
from playwright.sync_api import Page, expect

from tests.pages.browser import axe, wait_until_it_fits
from tests.support.installation import Installation
from tests.support.waiting import wait_until

LOGIC = "def process(data, state):\n    state['n'] = data['n']\n    return {'twice': data['n'] * 2}\n"

PAPER = "def process(data, state):\n    raise_alarm('paper', message='no more paper')\n"

#: Returns the headings of columns that are too narrow to read their rows.
NARROW_COLUMNS = """() => [...document.querySelectorAll("main th[scope=col]")]
  .filter((each) => each.offsetWidth < 32).map((each) => each.innerText)"""

#: Every view, and a text that it must show before it is checked.
VIEWS = [
    ("/machines", "press-1"),
    *(
        (f"/machines/press-1?tab={tab}", "press-1")
        for tab in ("overview", "logic", "versions", "state", "readings", "settings")
    ),
    ("/alarms", "no more paper"),
    ("/alarms?tab=journal", "no more paper"),
    ("/notifications", "No routes yet"),
    ("/profiles", "presses"),
    *((f"/profiles/presses?tab={tab}", "presses") for tab in ("logic", "versions", "machines")),
    ("/sources", "tele/{machine}/SENSOR"),
    ("/dead-letters", "KeyError"),
    ("/dead-letters?tab=list", "KeyError"),
    ("/dead-letters/press-1/4", "def process"),
    ("/system", "artition"),
    ("/audit", "Saved a version"),
    ("/tokens", "No tokens yet"),
]


@pytest.fixture(scope="module")
def busy(plant: Installation) -> None:
    """A machine with readings, results, a state, versions and a dead letter, and a profile."""
    plant.upload("press-1", LOGIC)
    plant.upload("press-1", f"{LOGIC}# Doubled\n")
    plant.client.put("/profiles/presses").raise_for_status()
    plant.client.post("/profiles/presses/logic", json={"logic": LOGIC}).raise_for_status()
    plant.client.put("/machines/press-2/profile", json={"profile": "presses"}).raise_for_status()
    plant.upload("press-3", PAPER)
    plant.send([("press-3", {"n": 1})])
    plant.client.put("/sources/hall-2", json={"filter": "tele/{machine}/SENSOR"}).raise_for_status()
    plant.client.put("/machines/press-1/config", json={"most": 3}).raise_for_status()
    plant.send(
        [*(("press-1", {"n": each}) for each in range(3)), ("press-1", {"m": 1}), ("press-2", {"n": 1})]
    )
    plant.wait_for_dead_letters(1)
    for machine in ("press-2", "press-3"):
        wait_until(lambda: plant.client.get(f"/machines/{machine}").json().get("readings") == 1)  # noqa: B023


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize(("view", "there"), VIEWS, ids=[view for view, _ in VIEWS])
def test_every_view_passes_axe_in_light_and_dark_and_fits_a_tablet_and_a_phone(
    page: Page, origin: str, view: str, there: str
) -> None:
    page.goto(f"{origin}/#{view}")
    page.locator("main").get_by_text(there).first.wait_for(state="attached")
    expect(page.locator("main").get_by_text("Loading …")).to_have_count(0)

    assert axe(page) == []
    for width, height in ((768, 1024), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        wait_until_it_fits(page)
        assert page.evaluate(NARROW_COLUMNS) == []
    assert axe(page) == []


@pytest.mark.usefixtures("busy")
def test_the_keyboard_alone_reaches_a_dead_letter_and_cancels_the_dialog(page: Page, origin: str) -> None:
    page.goto(origin)
    page.locator("main").get_by_text("press-1").first.wait_for()
    go(page, "link", "Dead letters")
    expect(page.get_by_role("heading", name="Dead letters", level=1)).to_be_focused()
    go(page, "link", "Open the dead letters of press-1")
    go(page, "link", "4 of press-1")
    expect(page.get_by_role("heading", name="Dead letter 4 of press-1")).to_be_visible()
    go(page, "button", "Discard …")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It cannot be undone.")
    # The focus cannot leave the dialog.
    for _ in range(4):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
    page.keyboard.press("Escape")

    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Discard …")).to_be_focused()


def go(page: Page, role: str, name: str) -> None:
    """Press Tab until this is focused, check that the focus is visible, and press Enter."""
    wanted = page.get_by_role(role, name=name).first  # type: ignore[arg-type]
    wanted.wait_for()
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.evaluate("node => node === document.activeElement"):
            break
    expect(wanted).to_be_focused()
    assert wanted.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"
    page.keyboard.press("Enter")
