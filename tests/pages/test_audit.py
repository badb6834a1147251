"""The audit page: who changed what."""

import pytest
from playwright.sync_api import Page, expect

from tests.pages.browser import axe, screenshot
from tests.support.installation import Installation

COUNT = "def process(data, state):\n    state['n'] = data['n']\n"


def test_an_empty_audit_says_what_the_page_will_list(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/audit")

    expect(page.get_by_role("heading", name="No changes yet")).to_be_visible()
    assert axe(page) == []


@pytest.fixture(scope="module")
def changed(plant: Installation) -> None:
    """60 changes of one machine, and some changes of other objects."""
    for number in range(60):
        plant.upload("press", f"{COUNT}# {number}\n")
    plant.client.put("/profiles/presses").raise_for_status()
    plant.client.put("/machines/press/profile", json={"profile": "presses"}).raise_for_status()
    plant.client.delete("/dead-letters", params={"kind": "error", "machine": "other"}).raise_for_status()


@pytest.mark.usefixtures("changed")
def test_a_change_shows_its_token_action_target_and_values(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/audit")
    rows = page.get_by_role("row")

    expect(rows.nth(1)).to_contain_text("Discarded dead letters")
    expect(rows.nth(1)).to_contain_text("machine other, kind error")
    expect(rows.nth(1)).to_contain_text("0 discarded")
    expect(rows.nth(2)).to_contain_text("Changed the machine's profile")
    last = page.get_by_role("row", name="version 60")
    expect(last).to_contain_text("(no token)")
    expect(last).to_contain_text("Saved a version of the logic")
    expect(last).to_contain_text("version 59")
    expect(last.get_by_role("link", name="press")).to_have_attribute("href", "#/machines/press")
    screenshot(page, "audit")
    assert axe(page) == []
    page.set_viewport_size({"width": 768, "height": 1024})
    assert page.evaluate("document.documentElement.scrollWidth") <= 768


@pytest.mark.usefixtures("changed")
def test_the_list_has_pages_and_filters_that_are_in_the_address(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/audit")
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("row", name="version 1", exact=False).last).to_be_visible()
    expect(page.get_by_role("link", name="Older")).to_have_count(0)
    page.get_by_role("link", name="Newest").click()
    page.get_by_label("Machine").fill("other")
    expect(page.get_by_role("row")).to_have_count(2)
    page.reload()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_label("Token", exact=True).fill("nobody")
    expect(page.get_by_role("heading", name="No change matches")).to_be_visible()
    page.get_by_role("button", name="Show all").click()

    expect(page.get_by_role("row")).to_have_count(51)
