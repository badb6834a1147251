"""Alarms: their list, what operators do with them, and the journal."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from pipeline.store.tokens import Tokens
from tests.pages.browser import Watch, axe, screenshot, sign_in, wait_until_it_fits
from tests.support.installation import Installation
from tests.support.waiting import wait_until
from web.access.roles import Role

#: Raises and clears the alarms that a reading names.
LOGIC = """
def process(data, state):
    for name, alarm in data["alarms"].items():
        if alarm is None:
            clear_alarm(name)
        else:
            raise_alarm(name, alarm["severity"], message=alarm["message"], said=alarm.get("said"))
"""

#: Texts that would change the page if they were not shown as text.
MARKUP = "<img src=x onerror='window.ran=1'><script>window.ran=2</script><b>bold</b>"
TURNED = "\u202eturned\u202c\u200b"
HOSTILE = f"{MARKUP}{TURNED}{'W' * 500}"[:500]


def alarm(severity: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {"severity": severity, "message": message, **more}


def send(plant: Installation, machine: str, *readings: dict[str, Any]) -> None:
    """Send readings that raise and clear alarms, and wait until they are processed."""
    before = plant.client.get(f"/machines/{machine}").json().get("readings", 0)
    plant.send((machine, {"alarms": each}) for each in readings)
    wanted = before + len(readings)
    wait_until(lambda: plant.client.get(f"/machines/{machine}").json().get("readings") == wanted, 60)


def row(page: Page, name: str) -> Locator:
    """Return the row of an alarm in the list, or of a change in the journal."""
    return page.get_by_role("row").filter(has_text=name)


def names(plant: Installation, **where: Any) -> list[str]:
    return [each["name"] for each in plant.client.get("/alarms", params=where).json()["alarms"]]


def test_an_empty_page_says_how_a_logic_raises_an_alarm(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/alarms")
    expect(page.get_by_role("heading", name="No open alarms")).to_be_visible()
    expect(page.get_by_text('raise_alarm("too-hot", "critical"')).to_be_visible()
    expect(page.get_by_role("link", name="Alarms", exact=True)).to_have_text("Alarms")
    assert axe(page) == []
    page.get_by_role("link", name="Journal").click()

    expect(page.get_by_role("heading", name="No alarms yet")).to_be_visible()
    assert axe(page) == []


def test_the_life_of_an_alarm(page: Page, origin: str, plant: Installation) -> None:
    plant.upload("furnace", LOGIC)
    send(plant, "furnace", {"hot": alarm("major", "91 °C", said=12345678901234567890)})
    page.goto(f"{origin}/#/alarms?q=furnace")
    hot = row(page, "hot")
    expect(hot).to_contain_text("major")
    expect(hot).to_contain_text("unacknowledged")
    expect(hot).to_contain_text("91 °C")
    expect(hot.get_by_role("link", name="furnace")).to_have_attribute("href", "#/machines/furnace")
    expect(hot.get_by_role("link", name="version 1")).to_have_attribute(
        "href", "#/machines/furnace?tab=versions&version=1"
    )
    hot.get_by_text("Details").click()
    # More digits than a number in the browser can have.
    expect(page.get_by_role("region", name="Details of hot of furnace")).to_contain_text(
        '"said": 12345678901234567890'
    )

    # The list follows what the readings do.
    send(plant, "furnace", {"hot": alarm("major", "92 °C")}, {"hot": alarm("major", "93 °C")})
    expect(hot).to_contain_text("93 °C")
    expect(hot).to_contain_text("raised 3 times")
    count = page.get_by_role("link", name="Alarms 1 not acknowledged, the highest severity is major")
    expect(count).to_be_visible()

    hot.get_by_role("button", name="Acknowledge").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("Acknowledge hot of furnace")
    dialog.get_by_label("Comment").fill("I look at it")
    assert axe(page) == []
    dialog.get_by_role("button", name="Acknowledge 1 alarm").click()
    expect(page.get_by_text("Acknowledged hot of furnace.")).to_be_visible()
    expect(hot).to_contain_text("I look at it")
    expect(hot.get_by_role("button", name="Acknowledge")).to_have_count(0)
    expect(page.get_by_role("link", name="Alarms", exact=True)).to_have_text("Alarms")

    hot.get_by_role("button", name="Shelve").click()
    dialog.get_by_label("8 hours").check()
    dialog.get_by_label("Comment").fill("The door is repaired")
    assert axe(page) == []
    dialog.get_by_role("button", name="Shelve 1 alarm").click()
    expect(page.get_by_text("Shelved hot of furnace for 8 hours.")).to_be_visible()
    expect(hot).to_contain_text("shelved until")
    expect(hot).to_contain_text("The door is repaired")

    send(plant, "furnace", {"hot": None})
    expect(hot).to_contain_text("normal")
    expect(hot).to_contain_text("cleared")
    assert axe(page) == []
    hot.get_by_role("button", name="Unshelve").click()
    expect(page.get_by_role("heading", name="No alarm matches")).to_be_visible()

    page.get_by_role("link", name="Journal").click()
    journal = page.get_by_role("table", name="Journal").get_by_role("row")
    expect(journal).to_have_count(6)
    for number, words in enumerate(("unshelved", "cleared", "shelved", "acknowledged", "raised"), 1):
        expect(journal.nth(number)).to_contain_text(words)
    expect(journal.nth(2)).to_contain_text("the logic")
    expect(journal.nth(3)).to_contain_text("The door is repaired")
    expect(journal.nth(4)).to_contain_text("I look at it")
    expect(journal.nth(5).get_by_role("link", name="furnace")).to_be_visible()
    assert axe(page) == []
    screenshot(page, "alarms-journal")
    page.goto(f"{origin}/#/audit?machine=furnace")
    expect(row(page, "Acknowledged an alarm")).to_contain_text("furnace/hot")
    expect(row(page, "Shelved an alarm").filter(has_text="until 2")).to_have_count(1)


def test_an_alarm_that_was_raised_again_is_shown_before_it_is_acknowledged(
    page: Page, origin: str, plant: Installation, watch: Watch
) -> None:
    watch.allow("409")
    plant.upload("oven", LOGIC)
    send(plant, "oven", {"door": alarm("minor", "open at 7")})
    page.goto(f"{origin}/#/alarms?q=oven")
    row(page, "door").get_by_role("button", name="Acknowledge").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Comment").fill("On my way")
    send(plant, "oven", {"door": None}, {"door": alarm("critical", "open at 8")})
    dialog.get_by_role("button", name="Acknowledge 1 alarm").click()

    expect(dialog.get_by_role("alert")).to_contain_text("was raised again meanwhile")
    expect(dialog.get_by_role("list", name="Alarms")).to_contain_text("open at 8")
    expect(dialog.get_by_label("Comment")).to_have_value("On my way")
    assert axe(page) == []
    screenshot(page, "alarms-conflict")
    assert plant.client.get("/machines/oven").json()["alarms"][0]["state"] == "unacknowledged"
    dialog.get_by_role("button", name="Acknowledge 1 alarm").click()
    expect(row(page, "door")).to_contain_text("On my way")
    expect(row(page, "door")).to_contain_text("critical")


def test_an_alarm_that_is_over_meanwhile_leaves_the_dialog(
    page: Page, origin: str, plant: Installation, watch: Watch
) -> None:
    watch.allow("404")
    plant.upload("boiler", LOGIC)
    send(plant, "boiler", {"low": alarm("minor")})
    page.goto(f"{origin}/#/alarms?q=boiler")
    row(page, "low").get_by_role("button", name="Shelve").click()
    send(plant, "boiler", {"low": None})
    plant.client.post("/machines/boiler/alarms/low/acknowledge", json={}).raise_for_status()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Shelve 1 alarm").click()

    expect(dialog.get_by_role("alert")).to_contain_text("It is no longer open.")
    expect(dialog.get_by_role("button", name="Shelve 1 alarm")).to_have_count(0)
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_role("heading", name="No alarm matches")).to_be_visible()


@pytest.fixture(scope="module")
def presses(plant: Installation) -> Installation:
    """Four alarms of three presses, which follow a profile; one is acknowledged, and one is shelved."""
    plant.client.put("/profiles/presses").raise_for_status()
    plant.client.post("/profiles/presses/logic", json={"logic": LOGIC}).raise_for_status()
    for number in (1, 2, 3):
        plant.client.put(f"/machines/press-{number}/profile", json={"profile": "presses"}).raise_for_status()
    send(plant, "press-1", {"oil-low": alarm("warning", "2 litres"), "oil-hot": alarm("major", "81 °C")})
    send(plant, "press-2", {"oil-hot": alarm("critical", "99 °C")})
    send(plant, "press-3", {"door": alarm("minor", "open")})
    plant.client.post(
        "/machines/press-2/alarms/oil-hot/acknowledge", json={"comment": "Coolant ordered"}
    ).raise_for_status()
    plant.client.post("/machines/press-3/alarms/door/shelve", json={"minutes": 60}).raise_for_status()
    return plant


@pytest.mark.usefixtures("presses")
def test_filters_are_in_the_address(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/alarms")
    rows = page.get_by_role("table", name="Open alarms").get_by_role("row")
    page.get_by_label("Machine starts with").fill("press")
    expect(rows).to_have_count(5)
    assert page.url.endswith("#/alarms?q=press")
    page.get_by_label("Severity").select_option("major")
    expect(rows).to_have_count(3)
    page.get_by_label("Severity").select_option("")
    page.get_by_label("State").select_option("acknowledged")
    expect(rows).to_have_count(2)
    expect(row(page, "press-2")).to_contain_text("Coolant ordered")
    page.reload()
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Show all").click()
    page.get_by_label("Shelved").select_option("yes")
    expect(row(page, "press-3")).to_contain_text("shelved until")
    expect(rows).to_have_count(2)
    page.get_by_label("Shelved").select_option("no")
    page.get_by_label("Profile").fill("presses")
    page.get_by_label("Name starts with").fill("oil")
    expect(rows).to_have_count(4)
    expect(row(page, "oil-low").get_by_role("link", name="version 1")).to_have_attribute(
        "href", "#/profiles/presses?tab=versions&version=1"
    )
    screenshot(page, "alarms-open")
    assert axe(page) == []
    page.get_by_label("Name starts with").fill("nothing")
    expect(page.get_by_role("heading", name="No alarm matches")).to_be_visible()

    page.goto(f"{origin}/#/alarms?tab=journal&machine=press-2&severity=constructor")
    changes = page.get_by_role("table", name="Journal").get_by_role("row")
    expect(changes).to_have_count(3)
    page.get_by_label("Change").select_option("acknowledged")
    expect(changes).to_have_count(2)
    page.get_by_role("button", name="Show all").click()
    page.get_by_label("Machine").fill("press")
    expect(page.get_by_role("heading", name="No change matches")).to_be_visible()


def test_the_lists_have_pages(page: Page, origin: str, plant: Installation) -> None:
    for number in range(4):
        plant.upload(f"many-{number}", LOGIC)
        send(plant, f"many-{number}", {f"a-{each}": alarm("warning") for each in range(15)})
    page.goto(f"{origin}/#/alarms?q=many")
    rows = page.get_by_role("table", name="Open alarms").get_by_role("row")
    expect(rows).to_have_count(51)
    page.get_by_role("link", name="Next page").click()
    expect(rows).to_have_count(11)
    page.get_by_role("link", name="First page").click()
    expect(rows).to_have_count(51)
    page.goto(f"{origin}/#/alarms?tab=journal&name=a-")
    changes = page.get_by_role("table", name="Journal").get_by_role("row")
    expect(changes).to_have_count(51)
    page.get_by_role("link", name="Older").click()
    expect(changes).to_have_count(11)
    page.get_by_role("link", name="Newest").click()
    expect(changes).to_have_count(51)


def test_several_alarms_are_acknowledged_at_once(
    page: Page, origin: str, plant: Installation, watch: Watch
) -> None:
    watch.allow("409")
    plant.upload("mill", LOGIC)
    send(plant, "mill", {name: alarm("minor", name) for name in ("belt", "dust", "noise")})
    page.goto(f"{origin}/#/alarms?q=mill")
    belt = "/machines/mill/alarms/belt"
    count = page.get_by_role("link", name=re.compile("Alarms [0-9]+ not acknowledged"))
    expect(count).to_be_visible()
    before = count.inner_text()
    plant.client.post(f"{belt}/shelve", json={"minutes": 60}).raise_for_status()
    expect(count).not_to_have_text(before)
    plant.client.post(f"{belt}/unshelve").raise_for_status()
    page.get_by_label("Choose belt of mill").check()
    page.get_by_label("Choose noise of mill").check()
    expect(page.get_by_text("2 chosen")).to_be_visible()
    page.get_by_role("button", name="Acknowledge 2 …").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("list", name="Alarms").get_by_role("listitem")).to_have_count(2)
    dialog.get_by_label("Comment").fill("Seen on the round")
    send(plant, "mill", {"noise": None}, {"noise": alarm("minor", "noise again")})
    dialog.get_by_role("button", name="Acknowledge 2 alarms").click()

    # One was raised again meanwhile.
    expect(dialog.get_by_role("alert")).to_contain_text("1 alarm is acknowledged. 1 alarm is not")
    dialog.get_by_role("button", name="Acknowledge 1 alarm").click()
    expect(dialog).to_have_count(0)
    for name in ("belt", "noise"):
        expect(row(page, name)).to_contain_text("Seen on the round")
    expect(row(page, "dust")).to_contain_text("unacknowledged")

    page.get_by_role("button", name="Choose all 3").click()
    expect(page.get_by_role("button", name="Acknowledge 1 …")).to_be_visible()
    page.get_by_role("button", name="Shelve 3 …").click()
    dialog.get_by_label("15 minutes").check()
    dialog.get_by_role("button", name="Shelve 3 alarms").click()
    expect(page.get_by_text("Shelved 3 alarms for 15 minutes.")).to_be_visible()
    expect(page.get_by_role("button", name="Unshelve")).to_have_count(3)
    assert axe(page) == []


def test_hostile_texts_are_shown_as_text_and_do_not_break_the_page(
    page: Page, origin: str, plant: Installation
) -> None:
    machine = "W" * 128
    plant.upload(machine, LOGIC)
    longest = "n" * 64
    send(plant, machine, {longest: alarm("critical", HOSTILE, said={HOSTILE: [HOSTILE]})})
    plant.client.post(f"/machines/{machine}/alarms/{longest}/shelve", json={"minutes": 9, "comment": HOSTILE})
    plant.client.post(f"/machines/{machine}/alarms/{longest}/acknowledge", json={"comment": HOSTILE})
    for address in ("alarms?q=WWW", f"alarms?tab=journal&name={longest}", f"machines/{machine}"):
        page.goto(f"{origin}/#/{address}")
        page.get_by_text("Details").first.click()
        expect(page.get_by_role("region", name="Details of").first).to_contain_text("<b>bold</b>")
        for width in (1280, 768, 390):
            page.set_viewport_size({"width": width, "height": 1024})
            wait_until_it_fits(page)
        screenshot(page, "alarms-hostile-narrow")
        page.set_viewport_size({"width": 1280, "height": 1024})
        screenshot(page, "alarms-hostile")
        assert page.evaluate("window.ran ?? null") is None
        assert page.locator("main img, main b, main script").count() == 0
        shown = page.locator("body").inner_text()
        assert [hex(ord(each)) for each in TURNED if each in shown and not each.isalpha()] == []
        assert len(shown) < 20_000
    page.goto(f"{origin}/#/alarms?q=WWW")
    page.get_by_role("button", name="Unshelve").click()
    page.get_by_role("button", name="Shelve").click()
    page.set_viewport_size({"width": 390, "height": 844})
    wait_until_it_fits(page)
    dialog = page.get_by_role("dialog")
    assert dialog.evaluate("node => node.scrollWidth <= node.clientWidth")
    assert axe(page) == []


@pytest.mark.usefixtures("presses")
def test_a_viewer_sees_no_actions(page: Page, watch: Watch, origin: str, tokens: Tokens) -> None:
    watch.allow("401")
    page.goto(f"{origin}/#/alarms?q=press")
    page.get_by_role("heading", name="Alarms", level=1).wait_for()
    token = tokens.create("anna", Role.VIEWER)
    page.reload()
    sign_in(page, token)

    expect(row(page, "press-2")).to_contain_text("Coolant ordered")
    for words in ("cknowledge", "helve", "Choose"):
        expect(page.locator("main").get_by_role("button", name=words)).to_have_count(0)
    expect(page.get_by_role("checkbox")).to_have_count(0)
    expect(page.get_by_role("columnheader", name="Actions")).to_have_count(0)
    page.goto(f"{origin}/#/machines/press-1")
    expect(page.get_by_role("region", name="Open alarms")).to_contain_text("81 °C")
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)


@pytest.mark.usefixtures("presses")
def test_on_a_phone_each_alarm_is_a_card_with_its_actions(page: Page, origin: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{origin}/#/alarms?q=press")
    card = page.get_by_role("list", name="Open alarms").get_by_role("listitem", name="oil-low of press-1")
    expect(card).to_contain_text("2 litres")
    expect(card.get_by_role("link", name="press-1")).to_be_visible()
    wait_until_it_fits(page)
    assert axe(page) == []
    screenshot(page, "alarms-narrow")
    card.get_by_role("button", name="Shelve").click()
    wait_until_it_fits(page)
    screenshot(page, "alarms-narrow-dialog")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.goto(f"{origin}/#/alarms?tab=journal&machine=press-2")
    page.get_by_role("list", name="Journal").get_by_text("Coolant ordered").wait_for()
    assert axe(page) == []
    screenshot(page, "alarms-journal-narrow")
    wait_until_it_fits(page)


def test_a_machine_shows_its_open_alarms_with_their_actions(
    page: Page, origin: str, plant: Installation
) -> None:
    plant.upload("pump", LOGIC)
    send(plant, "pump", {})
    page.goto(f"{origin}/#/machines/pump")
    page.get_by_role("heading", name="Last readings").wait_for()
    section = page.get_by_role("region", name="Open alarms")
    expect(section).to_have_count(0)
    send(plant, "pump", {"dry": alarm("critical", "no water"), "worn": alarm("warning")})
    expect(section).to_contain_text("no water")
    assert axe(page) == []
    screenshot(page, "machine-alarms")
    section.get_by_role("button", name="Acknowledge dry of pump").click()
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge 1 alarm").click()
    expect(section).to_contain_text(re.compile(r"acknowledged\s+(now|\d+ sec)"))
    section.get_by_role("link", name="Journal of its alarms").click()

    expect(page.get_by_role("table", name="Journal").get_by_role("row")).to_have_count(4)


def test_without_an_answer_the_page_does_not_claim_that_there_are_no_alarms(
    page: Page, watch: Watch, origin: str
) -> None:
    watch.allow("Failed to load resource")
    page.route("**/alarms**", lambda route: route.abort() if "/#" not in route.request.url else None)
    page.goto(f"{origin}/#/alarms")

    expect(page.get_by_role("alert")).to_contain_text("The API cannot be reached.")
    expect(page.get_by_role("heading", name="No open alarms")).to_have_count(0)
    expect(page.get_by_role("link", name="Alarms")).to_contain_text("The number is unknown.")
    assert axe(page) == []


def test_a_trial_shows_the_alarms_that_a_reading_raises_and_clears(
    page: Page, origin: str, plant: Installation
) -> None:
    plant.upload("kiln", LOGIC)
    send(plant, "kiln", {"hot": alarm("major", "91 °C")}, {"hot": None})
    page.goto(f"{origin}/#/machines/kiln?tab=logic")
    page.get_by_role("button", name="Try on 2 readings").click()
    tried = page.get_by_role("region", name="Try it").get_by_role("listitem")

    expect(tried.first).to_contain_text("Alarm hot raised: ▲ major 91 °C")
    expect(tried.first).to_contain_text('{"said":null}')
    expect(tried.nth(1)).to_contain_text("Alarm hot cleared")
    assert axe(page) == []
    assert plant.client.get("/machines/kiln").json()["alarms"] != []


def test_alarms_of_the_plant_have_no_machine(page: Page, origin: str, plant: Installation) -> None:
    """The last test of the file, because it stops the worker."""
    worker = plant.commands[-1]
    worker.stop()
    page.goto(f"{origin}/#/alarms?severity=critical")
    lacking = row(page, "no-worker")
    expect(lacking).to_contain_text("Plant", timeout=60_000)
    expect(lacking).to_contain_text("No worker runs")
    expect(lacking.get_by_role("link")).to_have_count(0)
    assert axe(page) == []
    lacking.get_by_role("button", name="Acknowledge").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("Acknowledge no-worker of the plant")
    dialog.get_by_label("Comment").fill("I start one")
    dialog.get_by_role("button", name="Acknowledge 1 alarm").click()
    expect(lacking).to_contain_text("I start one")
    lacking.get_by_role("button", name="Shelve").click()
    dialog.get_by_role("button", name="Shelve 1 alarm").click()
    lacking.get_by_role("button", name="Unshelve").click()
    expect(lacking.get_by_role("button", name="Shelve")).to_be_visible()

    plant.start_worker()
    expect(lacking).to_have_count(0, timeout=60_000)
    page.goto(f"{origin}/#/alarms?tab=journal&name=no-worker")
    expect(row(page, "cleared")).to_contain_text("the system")
    page.goto(f"{origin}/#/audit")
    expect(
        row(page, "Acknowledged an alarm").filter(has_text="no-worker").get_by_role("link")
    ).to_have_attribute("href", "#/alarms")
