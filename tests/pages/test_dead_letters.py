"""The pages of dead letters: by cause, one by one, sent again, and discarded."""

import json

import pytest
from playwright.sync_api import Page, expect

from pipeline.store.tokens import Tokens
from tests.pages.browser import Watch, axe, screenshot, sign_in
from tests.support.installation import Installation
from tests.support.waiting import wait_until
from web.access.roles import Role

DIVIDES = '''
def process(data, state):
    """What each piece took."""
    took = data["time"] / data["pieces"]
    return {"took": took}
'''
MENDED = DIVIDES.replace('data["pieces"]', 'max(data["pieces"], 1)')


@pytest.fixture(scope="module")
def failed(plant: Installation) -> Installation:
    """12 dead letters of press-4 with one cause, 1 with another, 3 of press-5, 1 not JSON, 1 stray."""
    plant.upload("press-4", DIVIDES)
    plant.upload("press-5", DIVIDES)
    plant.send(
        [
            *(("press-4", {"time": 12345678901234567890, "pieces": 0}) for _ in range(12)),
            ("press-4", {"pieces": 2}),
            *(("press-5", {"time": 5, "pieces": 0}) for _ in range(3)),
            ("press-5", "no JSON, but säge".encode() + b"{"),
            ("no machine", {"lost": True}),
        ]
    )
    plant.wait_for_dead_letters(18)
    return plant


def test_an_empty_page_says_that_nothing_has_failed(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/dead-letters")

    expect(page.get_by_role("heading", name="No dead letters")).to_be_visible()
    assert axe(page) == []


@pytest.mark.usefixtures("failed")
def test_dead_letters_with_one_cause_are_grouped_with_the_reason_and_what_to_do(
    page: Page, origin: str
) -> None:
    page.goto(f"{origin}/#/dead-letters")
    most = page.get_by_role("region", name="ZeroDivisionError")

    expect(most).to_contain_text("15 dead letters")
    expect(most).to_contain_text('Line 4 of version 1: took = data["time"] / data["pieces"]')
    expect(most).to_contain_text("Try the reading in the editor")
    expect(most.get_by_role("row", name="press-4")).to_contain_text("12")
    expect(page.get_by_text("18 dead letters stored; the limit is 100,000.")).to_be_visible()
    screenshot(page, "dead-letters")
    assert axe(page) == []
    page.set_viewport_size({"width": 768, "height": 1024})
    assert page.evaluate("document.documentElement.scrollWidth") <= 768

    most.get_by_role("link", name="Open the dead letters of press-5").click()
    expect(page.get_by_role("row", name="of press-5")).to_have_count(3)
    assert axe(page) == []
    page.go_back()
    expect(most).to_be_visible()


@pytest.mark.usefixtures("failed")
def test_filters_are_in_the_address_and_the_page_says_if_none_matches(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/dead-letters")
    page.get_by_label("Kind").select_option("not-json")
    expect(page.get_by_role("heading", level=2)).to_have_count(1)
    page.get_by_label("Machine").fill("press-4")
    expect(page.get_by_role("heading", name="No dead letter matches")).to_be_visible()
    assert page.url.endswith("?kind=not-json&machine=press-4")
    page.reload()
    expect(page.get_by_label("Kind")).to_have_value("not-json")
    page.get_by_role("button", name="Show all").click()
    page.get_by_label("Failed").select_option("between")
    page.get_by_label("Until").fill("2020-01-01T00:00")

    expect(page.get_by_role("heading", name="No dead letter matches")).to_be_visible()
    page.get_by_label("Failed").select_option("hour")
    expect(page.get_by_role("region", name="ZeroDivisionError")).to_be_visible()


def test_the_list_has_pages(page: Page, failed: Installation, origin: str) -> None:
    failed.send(("many", {"n": each}) for each in range(55))
    failed.wait_for_dead_letters(73)
    page.goto(f"{origin}/#/dead-letters?tab=list&machine=many")
    expect(page.get_by_role("row", name="of many")).to_have_count(50)
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_role("row", name="of many")).to_have_count(5)
    page.get_by_role("link", name="First page").click()

    expect(page.get_by_role("row", name="of many")).to_have_count(50)


@pytest.mark.usefixtures("failed")
def test_a_dead_letter_shows_the_failed_line_and_the_unchanged_reading(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/dead-letters/press-4/1")
    where = page.get_by_role("region", name="Where it failed")

    expect(where.locator("mark")).to_have_text('    took = data["time"] / data["pieces"]')
    expect(where).to_contain_text("def process(data, state):")
    # More digits than a number in the browser can have.
    expect(page.get_by_role("region", name="Reading as JSON")).to_contain_text('"time": 12345678901234567890')
    expect(page.get_by_role("definition").filter(has_text="machines.press-4.data")).to_be_visible()
    expect(page.get_by_role("link", name="Try this reading in the editor")).to_have_attribute(
        "href", "#/machines/press-4?tab=logic&try=letter%3A1"
    )
    screenshot(page, "dead-letter")
    assert axe(page) == []
    page.set_viewport_size({"width": 768, "height": 1024})
    assert page.evaluate("document.documentElement.scrollWidth") <= 768


@pytest.mark.usefixtures("failed")
def test_a_reading_that_is_not_json_is_shown_as_text_and_one_without_a_machine_cannot_be_sent(
    page: Page, origin: str
) -> None:
    page.goto(f"{origin}/#/dead-letters/press-5/4")
    expect(page.get_by_role("region", name="Reading as text")).to_have_text("no JSON, but säge{")
    expect(page.get_by_role("region", name="Reading as base64")).to_contain_text("bm8gSlNPTiw")

    page.goto(f"{origin}/#/dead-letters?kind=machine-id")
    expect(page.get_by_role("region", name="names no machine")).to_be_visible()
    expect(page.get_by_role("button", name="Send 1 again …")).to_have_count(0)
    page.get_by_role("link", name="Open the dead letters").first.click()
    page.get_by_role("row", name="an unknown machine").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Dead letter without a machine")).to_be_visible()
    expect(page.get_by_role("button", name="Discard …")).to_be_visible()
    expect(page.get_by_role("button", name="Send again …")).to_have_count(0)


def test_all_dead_letters_with_a_fixed_cause_are_sent_again_after_a_confirmation(
    page: Page, failed: Installation, origin: str
) -> None:
    failed.upload("press-4", MENDED)
    page.goto(f"{origin}/#/dead-letters")
    page.get_by_role("region", name="ZeroDivisionError").get_by_role("button", name="Send 15 again").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This sends 15 dead letters with this cause.")
    expect(dialog).to_contain_text("to the end of its machine's queue and is processed once")
    assert axe(page) == []
    dialog.get_by_role("button", name="Cancel").click()
    assert failed.client.get("/dead-letters", params={"machine": "press-4"}).json()["dead_letters"]

    page.get_by_role("region", name="ZeroDivisionError").get_by_role("button", name="Send 15 again").click()
    dialog.get_by_role("button", name="Send 15 again").click()
    told = page.get_by_role("status").filter(has_text="15 dead letters sent again.")
    # The readings of press-5 fail again, because its logic has not changed.
    expect(told).to_contain_text("All are processed. 3 failed again. Open them")
    expect(page.get_by_role("region", name="ZeroDivisionError")).to_contain_text(
        "3 of them were sent again before and failed again."
    )
    assert axe(page) == []
    assert failed.client.get("/machines/press-4").json()["results"] == 12


def test_a_dead_letter_is_sent_again_and_its_outcome_is_shown(
    page: Page, watch: Watch, failed: Installation, origin: str
) -> None:
    watch.allow("404")
    failed.upload("single", DIVIDES)
    failed.send([("single", {"time": 1, "pieces": 0})])
    wait_until(lambda: failed.client.get("/dead-letters/single/1").status_code == 200)
    page.goto(f"{origin}/#/dead-letters/single/1")
    page.get_by_role("button", name="Send again …").click()
    page.get_by_role("dialog").get_by_role("button", name="Send 1 again").click()
    page.get_by_role("link", name="Open the new dead letter").click()
    expect(page.get_by_role("heading", name="Dead letter 2 of single")).to_be_visible()
    expect(page.get_by_text("This reading was sent again before and failed again.")).to_be_visible()
    failed.upload("single", MENDED)
    page.get_by_role("button", name="Send again …").click()
    page.get_by_role("dialog").get_by_role("button", name="Send 1 again").click()

    expect(page.get_by_text("The reading was sent again and processed.")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Dead letter not found")).to_be_visible()


def test_discarding_asks_with_the_number_and_says_that_it_cannot_be_undone(
    page: Page, failed: Installation, origin: str
) -> None:
    failed.send([("waste", b"x"), ("waste", b"y")])
    wait_until(lambda: failed.client.get("/dead-letters/waste/2").status_code == 200)
    page.goto(f"{origin}/#/dead-letters?machine=waste")
    page.get_by_role("button", name="Discard all").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(
        "This deletes 2 dead letters of waste and their readings. It cannot be undone."
    )
    dialog.get_by_role("button", name="Discard 2").click()

    expect(page.get_by_text("2 dead letters discarded.")).to_be_visible()
    expect(page.get_by_role("heading", name="No dead letter matches")).to_be_visible()


@pytest.mark.usefixtures("failed")
def test_a_viewer_sees_no_actions(page: Page, watch: Watch, origin: str, tokens: Tokens) -> None:
    watch.allow("401")
    page.goto(f"{origin}/#/dead-letters")
    page.get_by_role("heading", name="Dead letters", level=1).wait_for()
    token = tokens.create("anna", Role.VIEWER)
    page.reload()
    sign_in(page, token)

    expect(page.get_by_role("region", name="KeyError")).to_be_visible()
    expect(page.get_by_role("button", name="again")).to_have_count(0)
    expect(page.get_by_role("button", name="Discard")).to_have_count(0)
    page.goto(f"{origin}/#/dead-letters/press-4/13")
    page.get_by_role("region", name="Reading as JSON").wait_for()
    expect(page.get_by_role("link", name="Try this reading in the editor")).to_have_count(0)


@pytest.mark.parametrize(
    ("kept", "waiting", "said"),
    [
        (90_000, 0, "90000 of at most 100000 dead letters are stored."),
        (100_000, 1200, "1,200 more wait in RabbitMQ to be stored."),
        (90_000, None, "The number waiting in RabbitMQ is unknown at the moment."),
    ],
)
def test_a_warning_is_shown_near_the_limit(
    page: Page, failed: Installation, origin: str, kept: int, waiting: int | None, said: str
) -> None:
    # Creating 100,000 dead letters would take a minute, so the test changes the answer of the API.
    answer = failed.client.get("/dead-letters", params={"limit": 1}).json()
    warning = f"{kept} of at most 100000 dead letters are stored. Send dead letters again or discard them."
    answer |= {"kept": kept, "waiting": waiting, "warning": warning}
    page.route("**/dead-letters?*", lambda route: route.fulfill(json=answer))
    causes = failed.client.get("/dead-letters/causes").json() | {"complete": False}
    page.route(
        "**/dead-letters/causes*",
        lambda route: route.fulfill(body=json.dumps(causes), content_type="application/json"),
    )
    page.goto(f"{origin}/#/dead-letters")

    expect(page.get_by_text(said)).to_be_visible()
    expect(page.get_by_text("are counted; there are more.")).to_be_visible()
    assert axe(page) == []
