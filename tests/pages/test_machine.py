"""A machine's page: live readings, versions, state and settings."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from pipeline.store.tokens import Tokens
from tests.pages.browser import Watch, axe, screenshot, sign_in, write
from tests.support.installation import Installation
from tests.support.waiting import wait_until
from web.access.roles import Role

#: Raises an alarm above a temperature, fails without a temperature, and stores the last one.
LOGIC = """
def process(data, state):
    warm = data["motor"]["temperature"]
    state["last"] = warm
    result = {"doubled": warm * 2}
    if warm > 90:
        result["alarm"] = "too hot"
    return result
"""

HALVES = LOGIC.replace('"doubled": warm * 2', '"half": warm / 2')

#: The maximum number of elements on a machine's page, at any rate of readings.
MOST_ELEMENTS = 1500


#: Sets a timer that runs, and then one that fails.
TIMERS = """
def process(data, state):
    set_timer("silence", seconds=1)
    set_timer("broken", seconds=1.5)

def on_timer(timer, state):
    if timer["name"] == "broken":
        raise ValueError("as told")
    return {"alarm": "silence"}
"""

#: Parts of the page, and the last text of each.
PARTS = {
    "Overview": "Last errors",
    "Versions": "Compare version",
    "State": '"last": 70',
    "Readings": "Outcome",
    "Settings": "Values that the logic reads from",
}


@pytest.fixture(scope="module")
def press(plant: Installation) -> str:
    """A machine that has had an alarm and an error, and now runs."""
    plant.upload("press", LOGIC)
    plant.send(("press", {"n": each, "motor": {"temperature": 60 + each}}) for each in range(8))
    plant.send([("press", {"n": 8, "motor": {"temperature": 95}}), ("press", {"n": 9, "motor": {}})])
    plant.send([("press", {"n": 10, "motor": {"temperature": 70}})])
    plant.wait_for_dead_letters(1)
    wait_until(lambda: plant.client.get("/machines/press").json().get("readings") == 11)
    return "press"


@pytest.fixture
def fresh(plant: Installation, request: pytest.FixtureRequest) -> str:
    """A machine that only this test uses, with one reading."""
    name = f"m-{abs(hash(request.node.name)) % 10**9}"
    plant.upload(name, LOGIC)
    send(plant, name, 70)
    wait_until(lambda: plant.client.get(f"/machines/{name}").json().get("readings") == 1)
    return name


def send(plant: Installation, machine: str, *temperatures: Any) -> None:
    plant.send(
        (machine, {"n": each, "motor": {"temperature": value}}) for each, value in enumerate(temperatures)
    )


def figures(page: Page, field: str) -> Locator:
    """Return the row of a field in the table beside the chart."""
    return page.get_by_role("row", name=field)


def test_the_overview_shows_what_the_machine_does(page: Page, origin: str, press: str) -> None:
    page.goto(f"{origin}/#/machines/{press}")
    page.get_by_text("Show as a table").click()

    expect(
        page.get_by_text("The machine sends readings, and its last reading was processed.")
    ).to_be_visible()
    expect(page.get_by_role("figure", name="Numbers of press")).to_contain_text(
        "reading.motor.temperature 70"
    )
    expect(figures(page, "result.doubled")).to_contain_text("140")
    expect(figures(page, "result.doubled")).to_contain_text("190")
    expect(page.get_by_role("list").filter(has_text="Alarm of reading")).to_contain_text("too hot")
    expect(page.get_by_role("table", name="Last readings").get_by_role("row")).to_have_count(6)
    page.locator("canvas").wait_for()
    assert axe(page) == []
    screenshot(page, "machine")
    page.set_viewport_size({"width": 768, "height": 1024})
    # The chart is redrawn with its new width.
    wait_until(lambda: page.evaluate("document.documentElement.scrollWidth") <= 768)


def test_timers_that_ran_are_shown_between_the_readings(page: Page, plant: Installation, origin: str) -> None:
    """One that ran, and one that failed, with its dead letter."""
    plant.upload("oven", TIMERS)
    send(plant, "oven", 70)
    wait_until(lambda: plant.client.get("/dead-letters/oven/timer-2").status_code == 200, 60)
    page.goto(f"{origin}/#/machines/oven?tab=readings")
    table = page.get_by_role("table", name="Last readings")

    expect(table.get_by_role("row")).to_have_count(4)
    ran = table.get_by_role("row", name="timer silence")
    expect(ran).to_contain_text('{"alarm":"silence"}')
    expect(ran.get_by_role("link")).to_have_count(0)
    table.get_by_role("link", name="Dead letter of timer broken").click()
    expect(page.get_by_role("heading", name="Failed timer of oven")).to_be_visible()
    expect(page.get_by_text("broken", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Send again")).to_be_visible()
    expect(page.get_by_role("link", name="Try this reading")).to_have_count(0)

    page.goto(f"{origin}/#/machines/oven?tab=readings")
    table.get_by_role("link", name="Try it").click()
    expect(page.get_by_text("Reading 1", exact=True).first).to_be_visible()


def test_live_results_arrive_in_the_chart(page: Page, plant: Installation, origin: str, fresh: str) -> None:
    page.goto(f"{origin}/#/machines/{fresh}")
    page.get_by_text("Show as a table").click()
    expect(figures(page, "result.doubled")).to_contain_text("140")
    send(plant, fresh, 33, 44)

    expect(figures(page, "result.doubled")).to_contain_text("66")
    expect(page.get_by_role("figure")).to_contain_text("result.doubled 88")
    expect(page.get_by_role("row", name="ok").first).to_contain_text('{"doubled":88}')


def test_numbers_are_shown_as_they_were_sent(page: Page, plant: Installation, origin: str) -> None:
    """JavaScript has no integers beyond 53 bits, and writes 21.0 as 21."""
    reading = {"large": 18446744073709551615, "odd": 9007199254740993, "float": 21.0}
    shown = '{"large":18446744073709551615,"odd":9007199254740993,"float":21.0}'
    logic = "def process(data, state):\n    state['last'] = data\n    return data\n"
    example = {"name": "odd", "readings": [reading], "results": [reading]}
    uploaded = plant.client.post("/machines/exact/logic", json={"logic": logic, "examples": [example]})
    assert uploaded.status_code == 201, uploaded.text
    plant.send([("exact", reading)])
    wait_until(lambda: plant.client.get("/machines/exact").json().get("readings") == 1)

    page.goto(f"{origin}/#/machines/exact?tab=readings")
    table = page.get_by_role("table", name="Last readings")
    expect(table.get_by_text(shown)).to_have_count(2)  # the reading and its result
    plant.send([("exact", reading | {"live": True})])
    expect(table.get_by_text(shown.replace("}", ',"live":true}'))).to_have_count(2)
    page.goto(f"{origin}/#/machines/exact?tab=state")
    for number in ("18446744073709551615", "9007199254740993", "21.0"):
        expect(page.get_by_role("main")).to_contain_text(number)
    page.goto(f"{origin}/#/machines/exact")
    page.get_by_text("Show as a table").click()
    expect(figures(page, "reading.odd")).to_be_visible()

    page.goto(f"{origin}/#/machines/exact?tab=logic")
    editor = page.get_by_role("textbox", name="Logic of exact", exact=True)
    page.get_by_role("button", name=re.compile("^Try on")).click()
    expect(page.get_by_role("main").get_by_text(shown).first).to_be_visible()
    write(page, editor, logic.replace("return data", "return data | {'odd': data['odd'] - 1, 'float': 21}"))
    examples = page.get_by_role("region", name="Examples")
    expect(examples).to_contain_text(f"Expected {shown}")
    expect(examples).to_contain_text(
        'Actual {"large":18446744073709551615,"odd":9007199254740992,"float":21}'
    )


def test_the_fields_of_the_chart_are_selected_and_are_in_the_address(
    page: Page, origin: str, press: str
) -> None:
    page.goto(f"{origin}/#/machines/{press}")
    page.get_by_text("Choose fields").click()
    page.get_by_role("checkbox", name="doubled").uncheck()
    page.get_by_role("group", name="Fields of readings").get_by_role("checkbox", name="n", exact=True).check()
    figure = page.get_by_role("figure")

    expect(figure).to_contain_text("reading.motor.temperature 70, reading.n 10")
    page.reload()
    expect(figure).to_contain_text("reading.motor.temperature 70, reading.n 10")
    page.go_back()
    expect(figure).not_to_contain_text("reading.n")
    expect(figure).not_to_contain_text("doubled")


def test_the_live_page_is_paused_and_resumed(
    page: Page, plant: Installation, origin: str, fresh: str
) -> None:
    page.goto(f"{origin}/#/machines/{fresh}?tab=readings")
    rows = page.get_by_role("table", name="Last readings").get_by_role("row")
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Pause this page").click()
    send(plant, fresh, 1, 2, 3)
    expect(page.get_by_text("3 readings received meanwhile.")).to_be_visible()
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Resume").click()

    expect(rows).to_have_count(5)
    assert axe(page) == []


def test_an_error_is_marked_at_its_line_and_its_reading_can_be_tried(
    page: Page, origin: str, press: str
) -> None:
    page.goto(f"{origin}/#/machines/{press}")
    failure = page.get_by_role("article", name="Reading 10 failed")

    expect(failure.locator("mark")).to_have_text('    warm = data["motor"]["temperature"]')
    expect(failure.locator("pre")).to_contain_text("def process(data, state):")
    expect(failure.locator("pre")).to_contain_text('state["last"] = warm')
    expect(failure.get_by_role("link", name="dead letter")).to_have_attribute(
        "href", "#/dead-letters/press/10"
    )
    failure.get_by_role("link", name="Try this reading").click()
    assert page.url.endswith("#/machines/press?tab=logic&try=letter%3A10")


def test_five_hundred_results_per_second_do_not_make_the_page_grow(
    page: Page, plant: Installation, origin: str, fresh: str
) -> None:
    elements = "document.querySelectorAll('*').length"
    page.goto(f"{origin}/#/machines/{fresh}")
    page.get_by_text("Show as a table").click()
    figures(page, "result.doubled").wait_for()
    sizes = list[int]()
    for burst in range(5):
        send(plant, fresh, *(burst * 500 + each for each in range(500)))
        sizes.append(page.evaluate(elements))
    expect(figures(page, "result.doubled")).to_contain_text("5,000", timeout=30_000)
    wait_until(lambda: plant.client.get(f"/machines/{fresh}").json()["readings"] == 2501, timeout=60)
    expect(page.get_by_role("figure")).to_contain_text("reading.motor.temperature 2,500")

    points = re.search(r"([\d,]+) points", page.get_by_role("figure").inner_text())
    assert points is not None
    assert int(points[1].replace(",", "")) <= 801
    assert max(*sizes, page.evaluate(elements)) < MOST_ELEMENTS


def test_a_version_is_shown_compared_and_deployed_again(
    page: Page, plant: Installation, origin: str, fresh: str
) -> None:
    plant.client.post(f"/machines/{fresh}/logic", json={"logic": HALVES, "comment": "Half of it"})
    page.goto(f"{origin}/#/machines/{fresh}?tab=versions")
    expect(page.get_by_role("row", name="Half of it")).to_contain_text("deployed")
    page.get_by_role("button", name="Show version 1").click()
    expect(page.get_by_role("textbox", name="Version 1")).to_contain_text("doubled")
    page.get_by_role("button", name="Compare version 1 with the deployed version").click()
    diff = page.get_by_role("region", name="From version 1 to version 2")
    expect(diff.locator("ins")).to_have_text('+    result = {"half": warm / 2}')
    expect(diff.locator("del")).to_have_text('−    result = {"doubled": warm * 2}')
    assert axe(page) == []
    screenshot(page, "machine-versions")
    page.get_by_role("button", name="Deploy version 1").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("from the machine's next batch of readings on instead of version 2")
    assert axe(page) == []
    dialog.get_by_role("button", name="Deploy version 1").click()

    expect(page.get_by_text("Version 1 is deployed.")).to_be_visible()
    expect(page.get_by_role("button", name="Deploy version 2")).to_be_visible()
    assert plant.client.get(f"/machines/{fresh}").json()["logicversion"] == 1


def test_a_deployment_is_rejected_if_someone_else_deployed_another_version(
    page: Page, watch: Watch, plant: Installation, origin: str, fresh: str
) -> None:
    watch.allow("412")
    plant.upload(fresh, HALVES)
    page.goto(f"{origin}/#/machines/{fresh}?tab=versions")
    page.get_by_role("button", name="Deploy version 1").click()
    plant.upload(fresh, HALVES + "\n")
    page.get_by_role("dialog").get_by_role("button", name="Deploy version 1").click()

    expect(page.get_by_role("alert")).to_contain_text("has deployed version 3 meanwhile")
    assert plant.client.get(f"/machines/{fresh}").json()["logicversion"] == 3


def test_a_version_of_a_profile_is_deployed_again(page: Page, plant: Installation, origin: str) -> None:
    for logic in (LOGIC, HALVES):
        plant.client.post("/profiles/ovens/logic", json={"logic": logic}).raise_for_status()
    page.goto(f"{origin}/#/profiles/ovens?tab=versions")
    page.get_by_role("button", name="Deploy version 1").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("on all machines that follow the profile")
    dialog.get_by_role("button", name="Deploy version 1").click()

    expect(page.get_by_role("button", name="Deploy version 2")).to_be_visible()
    assert plant.client.get("/profiles/ovens").json()["logicversion"] == 1


def test_a_logic_is_undeployed(page: Page, plant: Installation, origin: str, fresh: str) -> None:
    page.goto(f"{origin}/#/machines/{fresh}?tab=versions")
    page.get_by_role("button", name="Undeploy the logic").click()
    page.get_by_role("dialog").get_by_role("button", name="Undeploy the logic").click()

    expect(page.get_by_text(f"The logic of {fresh} is undeployed.")).to_be_visible()
    expect(page.get_by_role("button", name="Deploy version 1")).to_be_visible()
    assert plant.client.get(f"/machines/{fresh}").json()["logicversion"] is None


def test_a_state_is_edited_and_its_draft_survives_a_reload(
    page: Page, plant: Installation, origin: str, fresh: str
) -> None:
    page.goto(f"{origin}/#/machines/{fresh}?tab=state")
    shown = page.get_by_role("region", name=f"State of {fresh}")
    expect(shown).to_contain_text('"last": 70')
    send(plant, fresh, 71)
    expect(shown).to_contain_text('"last": 71')
    page.get_by_role("button", name="Edit the state").click()
    editor = page.get_by_role("textbox", name=f"State of {fresh}")
    write(page, editor, '{"last": 12345678901234567890}')
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.get_by_text("Your unsaved changes were restored.")).to_be_visible()
    expect(editor).to_contain_text("12345678901234567890")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(shown).to_contain_text("12345678901234567890")
    assert plant.client.get(f"/machines/{fresh}/state").text == '{"last":12345678901234567890}'
    assert page.evaluate("Object.keys(sessionStorage).filter(key => key.includes('draft'))") == []


def test_a_changed_state_is_shown_beside_the_draft(
    page: Page, watch: Watch, plant: Installation, origin: str, fresh: str
) -> None:
    watch.allow("412")
    page.goto(f"{origin}/#/machines/{fresh}?tab=state")
    page.get_by_role("button", name="Edit the state").click()
    write(page, page.get_by_role("textbox", name=f"State of {fresh}"), '{"mine": 1}')
    send(plant, fresh, 72)
    wait_until(lambda: plant.state(fresh) == {"last": 72})
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved, because the state has changed")
    expect(page.get_by_role("region", name="Current state")).to_contain_text('"last": 72')
    expect(page.get_by_role("textbox", name=f"State of {fresh}")).to_contain_text('"mine": 1')
    assert axe(page) == []
    screenshot(page, "machine-conflict")
    page.get_by_role("button", name="Overwrite the state").click()

    expect(page.get_by_text(f"Saved the state of {fresh}.")).to_be_visible()
    assert plant.state(fresh) == {"mine": 1}


def test_a_state_is_reset_after_a_confirmation(
    page: Page, plant: Installation, origin: str, fresh: str
) -> None:
    page.goto(f"{origin}/#/machines/{fresh}?tab=state")
    page.get_by_role("button", name="Reset the state").click()
    page.get_by_role("dialog").get_by_role("button", name="Reset the state").click()

    expect(page.get_by_text(f"Reset the state of {fresh}.")).to_be_visible()
    assert plant.state(fresh) == {}


def test_a_machine_is_paused_and_then_processes_the_readings_received_meanwhile(
    page: Page, plant: Installation, origin: str, fresh: str
) -> None:
    page.goto(f"{origin}/#/machines/{fresh}?tab=settings")
    page.get_by_role("button", name="Pause the machine").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause the machine").click()
    expect(page.get_by_text("Readings become dead letters until the machine is resumed.")).to_be_visible()
    send(plant, fresh, 50, 51)
    page.get_by_role("button", name="Resume and process 2 readings").click()

    expect(page.get_by_text("2 readings received meanwhile are processed now")).to_be_visible()
    wait_until(lambda: plant.state(fresh) == {"last": 51})
    assert axe(page) == []


def test_the_config_and_the_profile_are_set(page: Page, plant: Installation, origin: str, fresh: str) -> None:
    plant.client.put("/profiles/presses")
    page.goto(f"{origin}/#/machines/{fresh}?tab=settings")
    page.get_by_role("combobox", name="Profile").select_option("presses")
    page.get_by_role("button", name="Follow").click()
    expect(page.get_by_text(f"{fresh} now follows the profile presses.")).to_be_visible()
    page.get_by_role("button", name="Edit the config").click()
    write(page, page.get_by_role("textbox", name=f"Config of {fresh}"), '{"limit": 80}')
    page.get_by_role("button", name="Review and save").click()
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text(f"Saved the config of {fresh}.")).to_be_visible()
    assert plant.client.get(f"/machines/{fresh}/config").json() == {"limit": 80}
    assert plant.client.get(f"/machines/{fresh}").json()["profile"] == "presses"
    assert axe(page) == []
    screenshot(page, "machine-settings")


def test_a_config_is_compared_before_it_is_saved_and_an_earlier_one_is_restored(
    page: Page, plant: Installation, origin: str, fresh: str
) -> None:
    path = f"/machines/{fresh}/config"
    plant.client.put(path, json={"limit": 80, "unit": "bar"}).raise_for_status()
    page.goto(f"{origin}/#/machines/{fresh}?tab=settings")
    page.get_by_role("button", name="Edit the config").click()
    write(page, page.get_by_role("textbox", name=f"Config of {fresh}"), '{"limit": 90, "unit": "bar"}')
    page.get_by_role("button", name="Review and save").click()
    changes = page.get_by_role("region", name="Changes of the config")
    expect(changes.get_by_role("deletion")).to_have_text('−  "limit": 80,')
    expect(changes.get_by_role("insertion")).to_have_text('+  "limit": 90,')
    page.get_by_label("Comment (optional)").fill("Hot weather")
    assert axe(page) == []
    screenshot(page, "machine-config-review")
    assert plant.client.get(path).json()["limit"] == 80
    page.get_by_role("button", name="Save", exact=True).click()

    versions = page.get_by_role("table", name="Versions of the config")
    expect(versions.get_by_role("row").filter(has_text="Hot weather")).to_contain_text("current")
    page.get_by_role("button", name="Show version 1 of the config").click()
    expect(page.get_by_role("region", name="Config, version 1")).to_contain_text("80")
    page.get_by_role("button", name="Compare version 1 of the config with the current one").click()
    expect(page.get_by_role("region", name="From version 1 to version 2")).to_contain_text('"limit": 90')
    assert axe(page) == []
    screenshot(page, "machine-config-versions")
    page.get_by_role("button", name="Restore version 1 of the config").click()
    page.get_by_role("dialog").get_by_role("button", name="Restore version 1").click()

    expect(page.get_by_text(f"Restored version 1 of the config of {fresh}.")).to_be_visible()
    expect(versions.get_by_role("row").filter(has_text="Restored version 1")).to_contain_text("current")
    assert plant.client.get(path).json() == {"limit": 80, "unit": "bar"}


def test_a_changed_config_is_tried_on_the_last_readings_before_it_is_saved(
    page: Page, plant: Installation, origin: str
) -> None:
    plant.upload(
        "kiln", "def process(data, state):\n    return {'hot': data['t'] > config['limit'], **config}\n"
    )
    plant.client.put("/profiles/ovens/config", json={"limit": 70, "unit": "C"}).raise_for_status()
    plant.client.put("/machines/kiln/profile", json={"profile": "ovens"}).raise_for_status()
    plant.client.put("/machines/kiln/config", json={"limit": 80}).raise_for_status()
    plant.send([("kiln", {"t": 75}), ("kiln", {"t": 85})])
    wait_until(lambda: plant.client.get("/machines/kiln").json()["readings"] == 2)
    page.goto(f"{origin}/#/machines/kiln?tab=settings")
    page.get_by_role("button", name="Edit the config").click()
    write(page, page.get_by_role("textbox", name="Config of kiln"), "{}")
    page.get_by_role("button", name="Review and save").click()
    page.get_by_role("button", name="Try on the last readings").click()

    trial = page.get_by_role("region", name="Try the config")
    expect(trial.get_by_role("status")).to_contain_text("2 of 2 readings would have a different outcome")
    first = trial.get_by_role("listitem", name="Reading 1")
    expect(first).to_contain_text('New config {"hot":true,"limit":70,"unit":"C"}')
    expect(first).to_contain_text('Current config {"hot":false,"limit":80,"unit":"C"}')
    assert axe(page) == []
    trial.scroll_into_view_if_needed()
    screenshot(page, "machine-config-trial")
    page.set_viewport_size({"width": 390, "height": 844})
    first.scroll_into_view_if_needed()
    screenshot(page, "machine-config-trial-narrow")

    # A limit that is missing or wrong makes readings fail, and is seen before it is saved.
    page.get_by_role("button", name="Continue editing").click()
    write(page, page.get_by_role("textbox", name="Config of kiln"), '{"limit": "80"}')
    page.get_by_role("button", name="Review and save").click()
    page.get_by_role("button", name="Try on the last readings").click()
    expect(trial.get_by_role("status")).to_contain_text("2 readings would become dead letters")
    assert plant.client.get("/machines/kiln/config").json() == {"limit": 80}


def test_a_restored_config_does_not_replace_a_change_that_nobody_has_seen(
    page: Page, watch: Watch, plant: Installation, origin: str, fresh: str
) -> None:
    path = f"/machines/{fresh}/config"
    for limit in (80, 90):
        plant.client.put(path, json={"limit": limit}).raise_for_status()
    watch.allow("412")
    page.goto(f"{origin}/#/machines/{fresh}?tab=settings")
    page.get_by_role("button", name="Restore version 1 of the config").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    plant.client.put(path, json={"limit": 100}).raise_for_status()
    dialog.get_by_role("button", name="Restore version 1").click()

    expect(page.get_by_text("Nothing was restored, because someone else has changed")).to_be_visible()
    assert plant.client.get(path).json() == {"limit": 100}


def test_a_machine_is_deleted_only_after_typing_its_id(
    page: Page, plant: Installation, origin: str, fresh: str
) -> None:
    page.goto(f"{origin}/#/machines/{fresh}?tab=settings")
    delete = page.get_by_role("button", name=f"Delete {fresh}")
    expect(delete).to_be_disabled()
    page.get_by_label(f"Type {fresh} to delete it").fill(fresh)
    delete.click()

    expect(page.get_by_role("heading", name="Machines", level=1)).to_be_visible()
    assert plant.client.get(f"/machines/{fresh}").status_code == 404


def test_a_machine_without_readings_shows_how_to_send_one(
    page: Page, watch: Watch, plant: Installation, origin: str
) -> None:
    watch.allow("404")
    page.goto(f"{origin}/#/machines/newcomer")
    expect(page.get_by_role("heading", name="No readings yet")).to_be_visible()
    command = page.get_by_role("region", name="Send a reading over HTTP").inner_text()
    expect(page.get_by_role("region", name="over MQTT")).to_contain_text("machines/newcomer/data")
    expect(page.get_by_role("region", name="over AMQP")).to_contain_text("machines.newcomer.data")
    assert axe(page) == []
    screenshot(page, "machine-new")
    address, data = re.fullmatch(r"curl (\S+) -d '(.*)'", command).groups()  # type: ignore[union-attr]
    plant.client.post(address, json=json.loads(data)).raise_for_status()

    expect(page.get_by_role("article", name="Reading 1 failed")).to_be_visible()


def test_a_viewer_sees_no_actions(page: Page, watch: Watch, origin: str, press: str, tokens: Tokens) -> None:
    watch.allow("401")
    page.goto(f"{origin}/#/machines/{press}")
    sign_in(page, tokens.create("watcher", Role.VIEWER))
    parts = page.get_by_role("navigation", name="Machine tabs")

    for part, there in PARTS.items():
        parts.get_by_role("link", name=part).click()
        page.get_by_text(there).first.wait_for()
        expect(
            page.get_by_role(
                "button", name=re.compile("^Deploy|Undeploy|Edit|Reset|Pause the machine|Delete|Follow")
            )
        ).to_have_count(0)
        expect(page.get_by_role("link", name=re.compile("^Try"))).to_have_count(0)
    assert axe(page) == []


def test_the_overview_shows_late_readings_and_those_that_came_again(
    page: Page, origin: str, plant: Installation
) -> None:
    plant.upload("clock", "def process(data, state):\n    return {'late': meta['late']}")
    settings = {"late": {"field": "at"}, "duplicates": {"field": "n"}}
    plant.client.put("/machines/clock/settings", json=settings).raise_for_status()
    times = ["2026-11-30T06:05:00Z", "2026-11-30T06:01:00Z"]
    plant.send(("clock", {"n": n, "at": at}) for n, at in [*enumerate(times), (1, times[1])])
    wait_until(lambda: plant.client.get("/machines/clock").json()["duplicates"] == 1)

    page.goto(f"{origin}/#/machines/clock")

    expect(page.get_by_text("1 reading came again and was not run again.")).to_be_visible()
    expect(
        page.get_by_text(re.compile("The newest time of a reading is .* 1 reading was late"))
    ).to_be_visible()
    assert axe(page) == []


SILENCE = """
def process(data, state):
    set_timer("silence", minutes=45)
    set_timer("soon", seconds=1)
    return {"n": data["n"]}

def on_timer(timer, state):
    return {"alarm": f"{timer['name']} is over"}
"""


def test_the_overview_shows_timers_that_are_set_and_have_run(
    page: Page, origin: str, plant: Installation
) -> None:
    plant.upload("silent", SILENCE)
    schedules = [{"name": "shift-end", "cron": "0 6 * * *", "timezone": "Europe/Berlin"}]
    plant.client.put("/machines/silent/settings", json={"schedules": schedules}).raise_for_status()
    plant.send([("silent", {"n": 1})])
    wait_until(lambda: plant.client.get("/machines/silent").json().get("timers_run") == 1, 60)

    page.goto(f"{origin}/#/machines/silent")

    timers = page.get_by_role("region", name="Timers")
    expect(timers.get_by_role("listitem")).to_have_count(2)
    expect(timers).to_contain_text("Timer silence")
    expect(timers).to_contain_text("Schedule shift-end")
    expect(page.get_by_role("region", name="Last alarms")).to_contain_text("soon is over")
    expect(page.get_by_role("table", name="Last readings")).to_contain_text("soon")
    axe(page)
    screenshot(page, "machine-timers")
