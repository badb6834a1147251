"""The list of machines: searched, filtered, sorted and scrolled while it is live."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from pipeline.store.tokens import Tokens
from tests.pages.browser import Watch, axe, screenshot, sign_in
from tests.support.installation import Installation
from tests.support.waiting import wait_until
from web.access.roles import Role

LOGIC = "def process(data, state):\n    return {'ratio': 1 / data['n']}\n"

#: Machines in addition to the presses: more than the first request returns, and far more than are visible.
MANY = 700

#: Rows that may be in the document at a time, however many machines there are.
ROWS = 80


@pytest.fixture(scope="module")
def fleet(plant: Installation) -> Installation:
    """Presses in each state of health, and many other machines."""
    plant.client.put("/profiles/pump", json={"description": ""})
    for name in ("press-1", "press-2", "press-3"):
        plant.upload(name, LOGIC)
    plant.client.post("/profiles/pump/logic", json={"logic": LOGIC})
    plant.client.put("/machines/pump-1/profile", json={"profile": "pump"}).raise_for_status()
    plant.client.post("/machines/press-3/pause").raise_for_status()
    plant.send([("press-1", {"n": 1}), ("press-2", {"n": 0}), ("pump-1", {"n": 2})])
    plant.send((f"valve-{each:04}", {"n": 1}) for each in range(MANY))
    wait_until(lambda: plant.client.get("/fleet").json()["machines"] == MANY + 4)
    wait_until(lambda: plant.client.get("/fleet").json()["health"]["failing"] == MANY + 1)
    return plant


def rows(page: Page) -> Locator:
    """Return the rows of machines in the document."""
    return page.locator("tbody tr:not([aria-hidden])")


def row(page: Page, name: str) -> Locator:
    return rows(page).filter(has=page.get_by_role("link", name=name, exact=True))


def search(page: Page) -> Locator:
    return page.get_by_role("searchbox", name="Search ids, names, lines and tags")


def test_an_empty_list_shows_the_first_steps_and_opens_the_editor(
    page: Page, watch: Watch, origin: str
) -> None:
    watch.allow("404")
    page.goto(origin)
    expect(page.get_by_role("heading", name="No machines yet")).to_be_visible()
    name = page.get_by_label("Machine id", exact=True)
    name.fill("furnace 4")
    expect(page.get_by_role("alert")).to_contain_text("letters, digits, _ or -")
    name.fill("furnace-4")
    expect(page.get_by_text(f"curl -X POST {origin}/machines/furnace-4/data")).to_be_visible()
    expect(page.get_by_text("machines/furnace-4/data", exact=True)).to_be_visible()
    assert axe(page) == []
    screenshot(page, "fleet-empty")
    name.press("Enter")

    expect(page).to_have_url(f"{origin}/#/machines/furnace-4?tab=logic")


def test_the_first_steps_name_the_role_that_may_write_logic(
    page: Page, watch: Watch, origin: str, tokens: Tokens
) -> None:
    watch.allow("401")
    page.goto(origin)
    sign_in(page, tokens.create("watcher", Role.VIEWER))

    expect(page.get_by_text("This requires the role author.")).to_be_visible()
    expect(page.get_by_label("Machine id", exact=True)).to_have_count(0)
    expect(page.get_by_text("Authorization: Bearer $IOT_LOGIC_API_TOKEN")).to_be_visible()


@pytest.mark.usefixtures("fleet")
def test_machines_are_shown_with_their_health(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/machines?q=press")

    expect(rows(page)).to_have_count(3)
    expect(row(page, "press-1")).to_contain_text(re.compile(r"running.*1"))
    expect(row(page, "press-2")).to_contain_text("failing")
    expect(row(page, "press-3")).to_contain_text(re.compile(r"paused.*never"))
    expect(page.get_by_role("status")).to_contain_text("3 machines match.")
    assert axe(page) == []
    screenshot(page, "fleet")


@pytest.mark.usefixtures("fleet")
def test_the_health_counts_filter_the_list_and_back_undoes_it(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/machines")
    totals = page.get_by_role("navigation", name="Machines by health")
    expect(totals.get_by_role("link")).to_have_text(
        [
            f"all {MANY + 4}",
            f"■ failing {MANY + 1}",
            *("■ quarantined 0", "▲ silent 0", "○ paused 1", "○ new 0", "● running 2"),
        ]
    )
    totals.get_by_role("link", name="paused").click()
    expect(page).to_have_url(f"{origin}/#/machines?health=paused")
    expect(rows(page)).to_have_count(1)
    page.go_back()

    expect(page).to_have_url(f"{origin}/#/machines")
    expect(row(page, "press-1")).to_be_visible()


@pytest.mark.usefixtures("fleet")
def test_search_and_filters_are_in_the_address_and_back_undoes_a_choice(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/machines")
    search(page).press_sequentially("pu")
    expect(rows(page)).to_have_count(1)
    expect(page).to_have_url(f"{origin}/#/machines?q=pu")
    page.get_by_label("Profile").select_option("pump")
    expect(page).to_have_url(f"{origin}/#/machines?q=pu&profile=pump")
    page.go_back()
    expect(page.get_by_label("Profile")).to_have_value("")
    page.reload()

    expect(search(page)).to_have_value("pu")
    expect(rows(page)).to_have_count(1)


@pytest.mark.usefixtures("fleet")
def test_hostile_text_is_searched_as_text(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/machines")
    search(page).fill("<script>%.*")

    expect(page.get_by_role("heading", name="No machine matches")).to_be_visible()


@pytest.mark.usefixtures("fleet")
def test_a_view_is_saved_in_the_browser_opened_and_deleted(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/machines?q=press&health=failing")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Save this view").click()
    page.get_by_label("Name of the view").fill("Presses <b>that fail</b>")
    assert axe(page) == []
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(f"{origin}/#/machines")
    page.reload()
    view = page.get_by_role("navigation", name="Saved views").get_by_role("link")
    expect(view).to_have_text("Presses <b>that fail</b>")
    view.click()

    expect(page).to_have_url(f"{origin}/#/machines?health=failing&q=press")
    expect(rows(page)).to_have_count(1)
    expect(view).to_have_attribute("aria-current", "true")
    assert axe(page) == []
    screenshot(page, "fleet-views")
    page.get_by_role("button", name="Delete this view").click()
    expect(view).to_have_count(0)
    page.reload()
    expect(search(page)).to_be_visible()
    expect(view).to_have_count(0)


@pytest.mark.usefixtures("fleet")
def test_damaged_saved_views_are_ignored(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/machines")
    damaged = '[null, 7, {"name": "a"}, {"name": "b", "query": {"q": 7}}, {"name": "c", "query": {"q": "x"}}]'
    page.evaluate("text => localStorage.setItem('iot-logic-machine-views', text)", damaged)
    page.reload()

    expect(page.get_by_role("navigation", name="Saved views").get_by_role("link")).to_have_text("c")


def test_cards_are_edited_searched_filtered_and_grouped(page: Page, origin: str, fleet: Installation) -> None:
    page.goto(f"{origin}/#/machines/press-2?tab=settings")
    page.get_by_role("button", name="Edit the card").click()
    page.get_by_label("Name", exact=True).fill("Große Presse")
    page.get_by_label("Line", exact=True).fill("Line 3")
    page.get_by_label("Tags, separated by commas").fill("Hydraulic, old")
    page.get_by_label("Description").fill("Replaced in May.")
    assert axe(page) == []
    page.get_by_role("button", name="Save", exact=True).first.click()
    expect(page.get_by_text("Große Presse · Line 3 · hydraulic, old")).to_be_visible()
    screenshot(page, "machine-card")
    fleet.client.put("/machines/press-1/about", json={"line": "Line 3"}).raise_for_status()

    page.goto(f"{origin}/#/machines")
    search(page).fill("große pr")
    expect(rows(page)).to_have_count(1)
    expect(row(page, "press-2")).to_contain_text("Große Presse")
    expect(row(page, "press-2")).to_contain_text("Line 3 · hydraulic, old")
    search(page).fill("")
    page.get_by_label("Line", exact=True).select_option("Line 3")
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Tag", exact=True).select_option("old")
    expect(page).to_have_url(f"{origin}/#/machines?line=Line+3&tag=old")
    expect(rows(page)).to_have_count(1)

    page.get_by_label("Group by").select_option("Line")
    expect(search(page)).to_have_count(0)
    groups = page.get_by_role("table", name="Machines by line")
    expect(groups.locator("tbody tr")).to_have_count(1)
    expect(groups).to_contain_text(re.compile(r"Line 3\s*2\s*■ failing\s*1\s*● running\s*1"))
    assert axe(page) == []
    screenshot(page, "fleet-groups")
    groups.get_by_role("link", name="failing").click()
    expect(page).to_have_url(f"{origin}/#/machines?line=Line+3&health=failing")
    expect(rows(page)).to_have_count(1)
    fleet.client.put("/machines/press-1/about", json={}).raise_for_status()
    fleet.client.put("/machines/press-2/about", json={}).raise_for_status()


@pytest.mark.usefixtures("fleet")
def test_if_no_machine_matches_a_link_shows_all(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/machines?q=nothing-like-it")
    expect(page.get_by_role("heading", name="No machine matches")).to_be_visible()
    assert axe(page) == []
    page.get_by_role("link", name="Show all machines").click()

    expect(row(page, "press-1")).to_be_visible()
    expect(search(page)).to_have_value("")


def test_machines_can_be_sorted_by_the_time_last_seen(page: Page, origin: str, fleet: Installation) -> None:
    page.goto(f"{origin}/#/machines")
    page.get_by_role("button", name="Last seen").click()
    expect(page).to_have_url(f"{origin}/#/machines?sort=last_seen")
    expect(page.get_by_role("columnheader", name="Last seen")).to_have_attribute("aria-sort", "descending")
    fleet.send([("press-1", {"n": 1})])

    expect(rows(page).first).to_contain_text("press-1")
    page.get_by_role("button", name="Machine", exact=True).click()
    expect(page).to_have_url(f"{origin}/#/machines")


def test_visible_rows_are_live_and_show_the_rate(page: Page, origin: str, fleet: Installation) -> None:
    page.goto(f"{origin}/#/machines?q=press-1")
    before = int(row(page, "press-1").locator("td").nth(7).inner_text())
    fleet.send(("press-1", {"n": 1 - each % 2}) for each in range(10))
    expect(row(page, "press-1").locator("td").nth(7)).to_have_text(str(before + 10))
    expect(row(page, "press-1")).to_contain_text("failing")

    expect(row(page, "press-1").get_by_role("img")).to_be_visible()
    expect(row(page, "press-1").get_by_role("img")).to_have_attribute(
        "aria-label", re.compile("^Readings per second, from ")
    )


@pytest.mark.usefixtures("fleet")
def test_only_visible_rows_are_in_the_document_at_any_scroll_position(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/machines")
    row(page, "press-1").wait_for()
    nodes, listeners = _counters(page)
    expect(page.get_by_role("status")).to_contain_text("The first 100 machines are shown")
    for _ in range(40):
        page.mouse.wheel(0, 1_000)
        assert rows(page).count() < ROWS
        if row(page, f"valve-{MANY - 1:04}").count():
            break
    expect(row(page, f"valve-{MANY - 1:04}")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text(f"All {MANY + 4} machines are shown")
    nodes_then, listeners_then = _counters(page)

    assert nodes_then < 2 * nodes
    assert listeners_then < 2 * listeners


def test_a_new_machine_does_not_move_the_others(page: Page, origin: str, fleet: Installation) -> None:
    page.goto(f"{origin}/#/machines?q=valve-00")
    expect(row(page, "valve-0004")).to_be_visible()
    fleet.send([("valve-0004-b", {"n": 1})])
    expect(row(page, "valve-0004-b")).to_be_visible()
    names = [each.split("\n")[0] for each in rows(page).locator("td:first-child").all_inner_texts()]

    assert names == sorted(set(names))
    assert names[3:7] == ["valve-0003", "valve-0004", "valve-0004-b", "valve-0005"]


@pytest.mark.usefixtures("fleet")
def test_coming_back_restores_the_scroll_position(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/machines?q=valve")
    row(page, "valve-0000").wait_for()
    page.mouse.wheel(0, 2_500)
    link = row(page, "valve-0070").get_by_role("link")
    link.click()
    page.get_by_role("heading", name="valve-0070").wait_for()
    page.go_back()

    expect(row(page, "valve-0070").get_by_role("link")).to_be_in_viewport()


@pytest.mark.usefixtures("fleet")
def test_the_arrow_keys_move_between_rows_and_enter_opens_one(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/machines?q=valve-01")
    row(page, "valve-0100").get_by_role("link").focus()
    for _ in range(60):
        page.keyboard.press("ArrowDown", delay=20)
    expect(row(page, "valve-0160").get_by_role("link")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="valve-0159")).to_be_visible()


@pytest.mark.usefixtures("fleet")
def test_no_requests_are_sent_while_the_tab_is_hidden(page: Page, watch: Watch, origin: str) -> None:
    page.goto(f"{origin}/#/machines?q=press")
    row(page, "press-1").wait_for()
    page.evaluate(
        "Object.defineProperty(document, 'hidden', { get: () => window.isHidden ?? true });"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    # Wait until a poll that was waiting has noticed that the tab is hidden.
    page.wait_for_timeout(5_500)
    before = len(watch.requests)
    page.wait_for_timeout(6_000)
    assert watch.requests[before:] == []
    page.evaluate("window.isHidden = false; document.dispatchEvent(new Event('visibilitychange'))")

    wait_until(lambda: _waited(page) and len(watch.requests) > before)


@pytest.mark.usefixtures("fleet")
def test_a_tablet_needs_no_scrolling_to_the_side(page: Page, origin: str) -> None:
    page.set_viewport_size({"width": 768, "height": 1024})
    page.goto(f"{origin}/#/machines")
    row(page, "press-1").wait_for()

    assert page.evaluate("document.documentElement.scrollWidth") <= 768
    assert axe(page) == []


@pytest.mark.usefixtures("fleet")
def test_a_new_machine_opens_its_editor(page: Page, watch: Watch, origin: str) -> None:
    watch.allow("404")
    page.goto(f"{origin}/#/machines")
    page.get_by_role("button", name="New machine").click()
    page.get_by_label("Machine id", exact=True).fill("furnace-5")
    assert axe(page) == []
    page.get_by_role("button", name="Write its logic").click()

    expect(page).to_have_url(f"{origin}/#/machines/furnace-5?tab=logic")


@pytest.mark.usefixtures("fleet")
def test_if_the_api_does_not_answer_the_page_says_so_and_keeps_the_rows(
    page: Page, watch: Watch, origin: str
) -> None:
    watch.allow("Failed to load resource")
    page.goto(f"{origin}/#/machines?q=press")
    row(page, "press-1").wait_for()
    page.route("**/machines?*", lambda route: route.abort())
    expect(page.get_by_role("alert").filter(has_text="cannot be reached")).to_be_visible()
    expect(row(page, "press-1")).to_be_visible()
    page.unroute("**/machines?*")
    page.get_by_role("button", name="Try again").click()

    expect(page.get_by_role("alert").filter(has_text="cannot be reached")).to_have_count(0)


def _counters(page: Page) -> tuple[int, int]:
    """Return the number of live nodes and listeners of the page after a garbage collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    counters = session.send("Memory.getDOMCounters")
    session.detach()
    return counters["nodes"], counters["jsEventListeners"]


def _waited(page: Page) -> bool:
    """Let the browser continue: while Python waits, Playwright receives no events."""
    page.wait_for_timeout(100)
    return True
