"""Writing logic, from a marked error to a deployed version."""

import re
from collections import Counter
from itertools import count
from typing import Final
from urllib.parse import urlsplit

import pika
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from pipeline.store.tokens import Tokens
from tests.pages.browser import Watch, axe, screenshot, sign_in, write
from tests.support.installation import Installation
from tests.support.waiting import wait_until
from web.access.roles import Role

COUNTER = """\
def process(data, state):
    state["count"] = state.get("count", 0) + 1
    return {"count": state["count"], "double": data["n"] * 2}
"""

#: Returns where a word of an element begins on the screen, and a few pixels into it.
MIDDLE_OF = """(element, word) => {
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const at = texts.currentNode.data.indexOf(word);
    if (at < 0) continue;
    const range = document.createRange();
    range.setStart(texts.currentNode, at);
    range.setEnd(texts.currentNode, at + word.length);
    const { left, top, height } = range.getBoundingClientRect();
    return [left + 8, top + height / 2];
  }
}"""

_NUMBERS: Final = count(1)


@pytest.fixture(autouse=True)
def known_answers(watch: Watch, page: Page) -> None:
    """Allow a 404 for machines without a logic, and accept the dialog on leaving the page."""
    watch.allow("404")
    page.on("dialog", lambda dialog: dialog.accept())


@pytest.fixture
def counter(plant: Installation) -> str:
    """A separate machine for each test, which has counted two readings with version 1."""
    name = f"counter-{next(_NUMBERS)}"
    plant.upload(name, COUNTER)
    send(plant, name, {"n": 1}, {"n": 20})
    return name


def send(plant: Installation, machine: str, *readings: object) -> None:
    """Send readings, and wait until they are processed."""
    before = plant.client.get(f"/machines/{machine}")
    done = before.json()["readings"] if before.status_code == 200 else 0
    plant.send((machine, reading) for reading in readings)
    wait_until(
        lambda: plant.client.get(f"/machines/{machine}").json().get("readings") == done + len(readings)
    )


def enter(page: Page, watch: Watch, origin: str, tokens: Tokens, role: Role) -> None:
    """Sign in with this role, after creating another token for an admin."""
    watch.allow("401")
    page.goto(origin)
    tokens.create("boss", Role.ADMIN)
    page.reload()
    sign_in(page, tokens.create("anna", role))


def open_logic(page: Page, origin: str, machine: str, more: str = "") -> Locator:
    """Open the logic of a machine. Returns the editor's text."""
    page.goto(f"{origin}/#/machines/{machine}?tab=logic{more}")
    return page.get_by_role("textbox", name=f"Logic of {machine}", exact=True)


def tried(page: Page, name: str) -> Locator:
    """Return the outcome of a reading in the trial."""
    return page.get_by_role("listitem", name=name, exact=True)


def test_a_first_logic_is_written_fixed_tried_saved_and_runs_on_the_next_reading(
    page: Page, origin: str, plant: Installation
) -> None:
    send(plant, "press-4", {"pressure": 71.5}, {"pressure": 95})
    editor = open_logic(page, origin, "press-4")
    # The editor shows a logic to start from, for the fields of the machine's readings.
    expect(editor).to_contain_text('value = data["pressure"]')
    expect(page.get_by_text("No errors found.")).to_be_visible()

    write(page, editor, 'def process(data, state):\n    x = data["pressure"]\n    return open(x)')
    wrong = page.get_by_label("Errors", exact=True).get_by_role("listitem")
    expect(wrong).to_contain_text("Line 3")
    expect(wrong).to_contain_text("open")
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    expect(page.locator(".cm-lintRange-error").first).to_contain_text("open")
    assert axe(page) == []
    # A click in the list goes to the line.
    editor.press("Control+Home")
    wrong.get_by_role("button", name="Line 3").click()
    expect(page.locator(".cm-activeLine")).to_contain_text("return open(x)")

    write(
        page,
        editor,
        'def process(data, state):\n    state["seen"] = 1\n    return {"double": data["pressure"] * 2}\n'
        'if __name__ == "__main__":\n    pass',
    )
    expect(page.get_by_text("No errors found.")).to_be_visible()
    noted = page.get_by_label("Notes", exact=True).get_by_role("listitem")
    expect(noted).to_contain_text("Line 4: Note: this block is ignored")
    expect(page.locator(".cm-lint-marker-info")).to_have_count(1)
    assert axe(page) == []
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("2 readings tried.")).to_be_visible()
    expect(tried(page, "Reading 1")).to_contain_text("added seen: 1")
    expect(tried(page, "Reading 2")).to_contain_text('{"double":190}')
    expect(tried(page, "Reading 2")).to_contain_text("of the fuel limit")

    page.get_by_label("Comment (optional)").fill("Doubles the pressure")
    page.keyboard.press("Control+s")
    expect(
        page.get_by_text("Version 1 is deployed. It runs from the next reading on.", exact=True)
    ).to_be_visible()
    send(plant, "press-4", {"pressure": 10})
    assert plant.client.get("/machines/press-4").json()["last_result"]["data"] == {"double": 20}
    assert plant.client.get("/machines/press-4/logic").json()["comment"] == "Doubles the pressure"


def test_a_machine_without_readings_can_have_a_logic_and_a_typed_reading(page: Page, origin: str) -> None:
    editor = open_logic(page, origin, "new-one")
    expect(editor).to_contain_text("def process(data, state):")
    page.get_by_role("button", name="Add a reading").click()
    page.get_by_label("Reading (JSON)", exact=True).fill('{"temperature": ')
    expect(page.get_by_role("button", name="Add", exact=True)).to_be_disabled()
    page.get_by_label("Reading (JSON)", exact=True).fill(
        '{"temperature": 1e6, "serial": 12345678901234567890}'
    )
    page.get_by_role("button", name="Add", exact=True).click()
    page.keyboard.press("Control+Enter")
    # No number is rounded.
    expect(tried(page, "Typed reading 1")).to_contain_text("12345678901234567890")
    expect(tried(page, "Typed reading 1")).to_contain_text('"alarm":true')
    page.get_by_role("button", name="Save and deploy").click()
    expect(
        page.get_by_text("Version 1 is deployed. It runs from the next reading on.", exact=True)
    ).to_be_visible()


def test_different_outcomes_are_marked_beside_those_of_the_deployed_version(
    page: Page, origin: str, plant: Installation, counter: str
) -> None:
    editor = open_logic(page, origin, counter)
    changed = COUNTER.replace('data["n"] * 2', 'data["n"] * 2 if data["n"] < 10 else 1 / (data["n"] - 20)')
    write(page, editor, changed)
    page.get_by_role("button", name="Try on 2 readings").click()

    expect(page.get_by_text("1 of 2 readings would have a different outcome")).to_be_visible()
    # The trial starts from the machine's state, which includes two readings.
    expect(tried(page, "Reading 1")).to_contain_text("changed count: 2 → 3")
    expect(tried(page, "Reading 1")).to_contain_text("Version 1 same outcome")
    expect(tried(page, "Reading 2")).to_contain_text("different")
    expect(tried(page, "Reading 2")).to_contain_text("division by zero")
    expect(tried(page, "Reading 2")).to_contain_text('{"count":4,"double":40}')
    page.set_viewport_size({"width": 1280, "height": 1500})
    screenshot(page, "logic")
    assert axe(page) == []
    tried(page, "Reading 2").get_by_role("button", name="Line 3").click()
    expect(editor).to_be_focused()
    expect(page.locator(".cm-marked")).to_contain_text("return")
    page.get_by_label("Start with", exact=True).select_option("an empty state")
    page.keyboard.press("Control+Enter")
    expect(tried(page, "Reading 1")).to_contain_text("added count: 1")
    page.set_viewport_size({"width": 768, "height": 1024})
    assert page.evaluate("document.documentElement.scrollWidth") <= 768
    # The trial had no effect.
    assert plant.state(counter) == {"count": 2}
    assert plant.client.get(f"/machines/{counter}").json()["errors"] == 0


SILENCE = """\
def process(data, state):
    if data.get("stop"):
        cancel_timer("silence")
    else:
        set_timer("silence", minutes=45)

def on_timer(timer, state):
    state["silent"] = state.get("silent", 0) + 1
    return {"alarm": "silent"}
"""


def test_a_trial_lets_time_pass_and_shows_the_timers(page: Page, origin: str, plant: Installation) -> None:
    plant.upload("quiet", SILENCE)
    send(plant, "quiet", {"n": 1}, {"n": 2})
    editor = open_logic(page, origin, "quiet")
    passes = page.get_by_label("Time that passes afterwards (minutes)", exact=True)
    page.get_by_role("button", name="Try on 2 readings").click()
    expect(tried(page, "Reading 2")).to_contain_text("Timer silence set, due ")
    expect(page.get_by_text("Timers that are still set: silence, due ")).to_be_visible()
    expect(tried(page, "Timer silence")).to_have_count(0)

    # The draft has an alarm of its own, and shows the one of the deployed version beside it.
    write(page, editor, SILENCE.replace('"silent"}', '"no reading"}'))
    passes.fill("45")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("1 timer ran.")).to_be_visible()
    expect(
        page.get_by_text("With version 1, other timers would run, or with a different outcome.")
    ).to_be_visible()
    expect(tried(page, "Timer silence")).to_contain_text('{"alarm":"no reading"}')
    expect(tried(page, "Timer silence")).to_contain_text('{"alarm":"silent"}')
    expect(tried(page, "Timer silence")).to_contain_text("added silent: 1")
    expect(tried(page, "Timer silence")).to_contain_text("different")
    assert axe(page) == []
    page.set_viewport_size({"width": 768, "height": 1024})
    assert page.evaluate("document.documentElement.scrollWidth") <= 768

    page.get_by_role("button", name="Add a reading").click()
    page.get_by_label("Reading (JSON)", exact=True).fill('{"stop": true}')
    page.get_by_role("button", name="Add", exact=True).click()
    page.keyboard.press("Control+Enter")
    expect(tried(page, "Typed reading 3")).to_contain_text("Timer silence cancelled")
    expect(tried(page, "Timer silence")).to_have_count(0)
    passes.fill("-1")
    expect(page.get_by_text("Enter 0 to 527,040 minutes (366 days).")).to_be_visible()
    expect(page.get_by_role("button", name="Try on 3 readings")).to_be_disabled()
    assert plant.state("quiet") == {}


def test_a_trial_runs_the_schedules_of_the_machine_or_of_the_profile(
    page: Page, origin: str, plant: Installation
) -> None:
    settings = {"schedules": [{"name": "hour", "every_seconds": 3600}]}
    for owner in ("machines/hourly", "profiles/hours"):
        plant.client.put(f"/{owner}/logic", json={"logic": SILENCE}).raise_for_status()
        plant.client.put(f"/{owner}/settings", json=settings).raise_for_status()
    for address in ("machines/hourly?tab=logic", "profiles/hours"):
        page.goto(f"{origin}/#/{address}")
        page.get_by_label("Time that passes afterwards (minutes)", exact=True).fill("120")
        page.get_by_role("button", name="Try on 0 readings").click()
        expect(page.get_by_text("Schedules ran 2 times.")).to_be_visible()
        expect(tried(page, "Schedule hour")).to_have_count(2)
        expect(tried(page, "Schedule hour").first).to_contain_text('{"alarm":"silent"}')
    assert axe(page) == []


def test_if_the_api_is_busy_the_page_tries_again_and_at_last_shows_its_answer(
    page: Page, watch: Watch, origin: str, plant: Installation
) -> None:
    watch.allow("503")
    sent = Counter[str]()
    busy_times = 1

    def answer(route: Route) -> None:
        asked = f"{route.request.method} {urlsplit(route.request.url).path}"
        sent[asked] += 1
        if asked.startswith("POST") and sent[asked] <= busy_times:
            detail = "This client has 4 uploads that run or wait, the maximum for one. Try again in 1 s."
            problem = {"title": "Service Unavailable", "status": 503, "detail": detail}
            route.fulfill(status=503, json=problem, headers={"Retry-After": "1"})
        else:
            route.continue_()

    page.route(re.compile("/logic$|/logic/test$"), answer)
    editor = open_logic(page, origin, "busy")
    page.get_by_role("button", name="Add a reading").click()
    page.get_by_label("Reading (JSON)", exact=True).fill('{"n": 1}')
    page.get_by_role("button", name="Add", exact=True).click()
    write(page, editor, COUNTER)
    page.keyboard.press("Control+Enter")
    expect(tried(page, "Typed reading 1")).to_contain_text('"double":2')
    page.keyboard.press("Control+s")
    deployed = page.get_by_text("Version 1 is deployed. It runs from the next reading on.", exact=True)
    expect(deployed).to_be_visible()
    counts = {asked: count for asked, count in sent.items() if asked.startswith("POST")}
    busy_times = 99
    write(page, editor, COUNTER.replace("* 2", "* 3"))
    page.keyboard.press("Control+s")

    expect(page.get_by_text("This client has 4 uploads that run or wait")).to_be_visible()
    assert counts == {"POST /machines/busy/logic/test": 2, "POST /machines/busy/logic": 2}
    assert plant.client.get("/machines/busy/logic").json()["version"] == 1


def test_a_failed_reading_is_opened_in_the_editor(
    page: Page, origin: str, plant: Installation, counter: str
) -> None:
    send(plant, counter, {"m": 3})
    [(letter, _)] = plant.dead_letters(machine=counter)
    open_logic(page, origin, counter, f"&try=letter:{letter['number']}")
    name = f"Reading {letter['number']}"
    expect(page.get_by_role("button", name="Try on 1 reading")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(tried(page, name)).to_contain_text("Line 3")
    page.get_by_role("button", name="Use the last readings instead").click()
    expect(page.get_by_role("button", name="Try on 3 readings")).to_be_visible()
    # The page says so if a reading is no longer stored.
    open_logic(page, origin, counter, "&try=reading:99")
    expect(page.get_by_role("alert")).to_contain_text("no longer stored")


def test_binary_readings_are_tried_and_kept_in_hex(page: Page, origin: str, plant: Installation) -> None:
    plant.client.put("/sources/raw", json={"filter": "raw/{machine}", "settings": {"format": "binary"}})
    plant.upload(
        "scale",
        "def process(data, state):\n"
        "    raise_alarm('heavy')\n"
        "    return {'grams': int.from_bytes(data, 'big')}",
    )
    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for body in (b"\x01\x02", b"12"):  # the second one could be JSON
            channel.basic_publish("amq.topic", "raw.scale", body, pika.BasicProperties(delivery_mode=2))
    wait_until(lambda: plant.client.get("/machines/scale").json()["readings"] == 2)
    assert plant.client.get("/machines/scale").json()["settings"] == {"format": "binary"}

    open_logic(page, origin, "scale")
    page.get_by_role("button", name="Try on 2 readings").click()
    expect(tried(page, "Reading 1")).to_contain_text("258")
    expect(tried(page, "Reading 2")).to_contain_text("12594")
    page.get_by_role("button", name="Keep as example: Reading 2").click()
    expect(page.get_by_role("region", name="Examples").get_by_text("passes")).to_be_visible()
    page.keyboard.press("Control+s")
    expect(
        page.get_by_text("Version 2 is deployed. It runs from the next reading on.", exact=True)
    ).to_be_visible()
    [example] = plant.client.get("/machines/scale/logic").json()["examples"]
    assert (example["format"], example["readings"]) == ("binary", ["31 32"])
    assert example["alarms_after"] == ["heavy"]


def test_a_kept_outcome_is_an_example_that_the_next_version_must_pass(
    page: Page, watch: Watch, origin: str, plant: Installation, counter: str
) -> None:
    watch.allow("422")
    editor = open_logic(page, origin, counter)
    page.get_by_role("button", name="Try on 2 readings").click()
    page.get_by_role("button", name="Keep as example: Reading 2").click()
    examples = page.get_by_role("region", name="Examples")
    expect(examples.get_by_text("passes")).to_be_visible()
    page.keyboard.press("Control+s")
    expect(
        page.get_by_text("Version 2 is deployed. It runs from the next reading on.", exact=True)
    ).to_be_visible()
    [example] = plant.client.get(f"/machines/{counter}/logic").json()["examples"]
    assert example["results"] == [{"count": 4, "double": 40}]

    write(page, editor, COUNTER.replace("* 2", "* 3"))
    expect(examples).to_contain_text("The result differs at $.double: expected 40, got 60.")
    assert axe(page) == []
    # The API refuses it too.
    page.keyboard.press("Control+s")
    expect(page.get_by_role("alert")).to_contain_text("one of its examples fails")
    assert plant.client.get(f"/machines/{counter}/logic").json()["version"] == 2
    examples.get_by_role("button", name="Remove the example Reading 2").click()
    page.keyboard.press("Control+s")
    expect(
        page.get_by_text("Version 3 is deployed. It runs from the next reading on.", exact=True)
    ).to_be_visible()


def test_a_draft_survives_a_reload_and_is_discarded_only_after_a_confirmation(
    page: Page, origin: str, counter: str
) -> None:
    editor = open_logic(page, origin, counter)
    expect(page.get_by_text("No unsaved changes.")).to_be_visible()
    write(page, editor, "def process(data, state):\n    return {'draft': 1}")
    expect(page.get_by_text("Unsaved changes.")).to_be_visible()
    # A browser asks only after an action of the user on the page.
    editor.click()
    asked = list[str]()
    page.on("dialog", lambda dialog: asked.append(dialog.type))
    page.reload()
    assert asked == ["beforeunload"]
    expect(editor).to_contain_text("'draft': 1")
    page.get_by_role("link", name="State", exact=True).click()
    page.get_by_role("link", name="Logic", exact=True).click()
    expect(editor).to_contain_text("'draft': 1")
    page.get_by_role("button", name="Discard", exact=True).click()
    page.get_by_role("button", name="Discard my draft").click()

    expect(editor).to_contain_text('state["count"]')
    assert page.evaluate("Object.keys(sessionStorage)") == []


def test_signing_out_asks_about_drafts_and_deletes_them(
    page: Page, watch: Watch, origin: str, counter: str, tokens: Tokens
) -> None:
    enter(page, watch, origin, tokens, Role.AUTHOR)
    write(page, open_logic(page, origin, counter), "def process(data, state):\n    return {'draft': 1}")
    expect(page.get_by_text("Unsaved changes.")).to_be_visible()

    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("You have 1 unsaved draft. Signing out deletes it.")
    page.get_by_role("button", name="Cancel").click()
    assert len(page.evaluate("Object.keys(sessionStorage)")) == 2
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_role("button", name="Sign out without saving").click()

    expect(page.get_by_label("Token", exact=True)).to_be_visible()
    assert page.evaluate("Object.keys(sessionStorage)") == []


def test_a_conflict_shows_the_other_version_and_keeps_the_draft(
    page: Page, watch: Watch, origin: str, plant: Installation, counter: str
) -> None:
    watch.allow("412")
    editor = open_logic(page, origin, counter)
    write(page, editor, "def process(data, state):\n    return {'mine': 1}")
    theirs = {"logic": COUNTER.replace("* 2", "* 4"), "comment": "Four times"}
    plant.client.post(f"/machines/{counter}/logic", json=theirs).raise_for_status()
    page.keyboard.press("Control+s")
    told = page.get_by_role("alert", name="Conflict")
    expect(told).to_contain_text("has deployed version 2 meanwhile")
    expect(told).to_contain_text("Four times")
    expect(told.get_by_role("region")).to_contain_text('"double": data["n"] * 4')
    expect(editor).to_contain_text("'mine': 1")
    assert axe(page) == []
    page.get_by_role("button", name="Save and deploy my draft").click()

    expect(
        page.get_by_text("Version 3 is deployed. It runs from the next reading on.", exact=True)
    ).to_be_visible()
    expect(told).to_have_count(0)
    assert "mine" in plant.client.get(f"/machines/{counter}/logic").json()["logic"]


def test_hostile_text_is_shown_as_text(page: Page, origin: str, plant: Installation) -> None:
    hostile = "<img src=x onerror='document.title=1'>\u202e"
    plant.client.post(
        "/machines/hostile/logic",
        json={
            "logic": "def process(data, state):\n    state[data] = data\n    return {'got': data}",
            "comment": hostile,
            "examples": [{"name": hostile, "readings": [hostile]}],
        },
    ).raise_for_status()
    send(plant, "hostile", hostile)
    editor = open_logic(page, origin, "hostile")
    write(page, editor, "def process(data, state):\n    state[data] = 2\n    raise ValueError(data)")
    page.keyboard.press("Control+Enter")

    shown = hostile.replace("\u202e", "\u27e8U+202E\u27e9")
    # A message contains no such characters, but a result can.
    expect(tried(page, "Reading 1")).to_contain_text("ValueError: <img src=x")
    expect(tried(page, "Reading 1")).to_contain_text(f'{{"got":"{shown}"}}')
    expect(page.get_by_role("region", name="Examples")).to_contain_text(shown)
    expect(page.locator("main img")).to_have_count(0)


def test_the_language_reference_is_searched_and_completes_names(
    page: Page, origin: str, counter: str
) -> None:
    editor = open_logic(page, origin, counter)
    page.get_by_label("Search", exact=True).fill("square root")
    used = page.get_by_role("region", name="Names and limits")
    expect(used.get_by_text("import math")).to_be_visible()
    expect(used.get_by_text("sqrt", exact=True)).to_be_visible()
    page.get_by_label("Search", exact=True).fill("fuel")
    expect(used.get_by_text("100,000 ticks", exact=True)).to_be_visible()

    editor.focus()
    for typed, offered in (
        ("\nx = math.sq", "math.sqrt"),
        ("\ny = data['", "n"),
        ("\nz = state.se", "setdefault"),
    ):
        page.keyboard.press("Control+End")
        page.keyboard.type(typed, delay=20)
        expect(
            page.locator(".cm-tooltip-autocomplete").get_by_text(offered, exact=True).first
        ).to_be_visible()
        page.keyboard.press("Escape")


KEYED = """\
def process(data, state):
    state["peak"] = max(state.get("peak", 0), data["motor"]["rpm"])
    return {"peak": state["peak"], "limit": config.get("limit")}
"""


@pytest.fixture
def motor(plant: Installation) -> str:
    """A separate machine for each test, with nested readings, a state and a config."""
    name = f"motor-{next(_NUMBERS)}"
    plant.upload(name, KEYED)
    plant.client.put(f"/machines/{name}/config", json={"limit": 3100}).raise_for_status()
    send(plant, name, {"motor": {"rpm": 2950}, "Temp C": 71.5}, {"motor": {"rpm": 2970}, "Temp C": 72})
    return name


@pytest.mark.parametrize(
    ("typed", "key", "value"),
    [
        ('data["', "Temp C", "72"),
        ('data["motor"]["', "rpm", "2970"),
        ('state["', "peak", "2970"),
        ('config.get("', "limit", "3100"),
    ],
)
def test_keys_are_completed_and_have_their_last_values(
    page: Page, origin: str, motor: str, typed: str, key: str, value: str
) -> None:
    editor = open_logic(page, origin, motor)
    expect(page.get_by_text("No errors found.")).to_be_visible()
    editor.press("Control+End")
    page.keyboard.type(f"x = {typed}")
    page.keyboard.press("Control+Space")
    option = page.locator(".cm-tooltip-autocomplete").get_by_role("option").filter(has_text=key)
    expect(option).to_have_text(f"{key}{value}")
    option.click()
    expect(editor).to_contain_text(f"x = {typed}{key}")


def test_the_pointer_shows_the_last_value_of_a_key_and_what_a_name_means(
    page: Page, origin: str, motor: str
) -> None:
    editor = open_logic(page, origin, motor)
    about = page.locator(".cm-about")
    expect(page.get_by_text("No errors found.")).to_be_visible()
    for word, said in [('"rpm"', "rpm, last value: 2970"), ("max(", "max: ")]:
        page.mouse.move(*editor.evaluate(MIDDLE_OF, word))
        expect(about).to_contain_text(said)
        page.mouse.move(0, 0)
        expect(about).to_have_count(0)


def test_a_key_that_no_reading_has_is_noted(page: Page, origin: str, motor: str) -> None:
    editor = open_logic(page, origin, motor)
    notes = page.get_by_role("list", name="Notes")
    write(
        page,
        editor,
        "def process(data, state):\n"
        "    # data['temprature'] in a comment is no key\n"
        "    hot = data.get('temp_c', 0) > 70\n"
        "    text = \"data['x']\"\n"
        "    return {'hot': hot, 'speed': data['motor'], 'text': text, 'pressure': data[\"pressure\"]}\n",
    )
    expect(notes.get_by_role("listitem")).to_have_text(
        [
            'Line 3: Note: None of the last readings has the key "temp_c". Did you mean "Temp C"?',
            'Line 5: Note: None of the last readings has the key "pressure".',
        ]
    )
    expect(page.get_by_text("No errors found.")).to_be_visible()
    assert axe(page) == []


def test_the_changes_of_a_draft_are_shown_before_it_is_saved(page: Page, origin: str, motor: str) -> None:
    editor = open_logic(page, origin, motor)
    changes = page.get_by_role("button", name="Show changes")
    expect(page.get_by_text("No errors found.")).to_be_visible()
    expect(changes).to_have_count(0)
    write(page, editor, KEYED.replace('"limit": config', '"most": config'))
    changes.click()
    expect(page.locator(".cm-deletedChunk")).to_contain_text('"limit": config.get("limit")')
    expect(page.locator(".cm-changedLine")).to_contain_text('"most": config.get("limit")')
    assert axe(page) == []
    changes.click()
    expect(page.locator(".cm-deletedChunk")).to_have_count(0)


def test_a_long_logic_leaves_the_buttons_and_its_size_on_the_screen(
    page: Page, origin: str, plant: Installation
) -> None:
    lines = "".join(f"    # {line}\n" for line in range(2_000))
    plant.upload("long", f"def process(data, state):\n{lines}    return data\n")
    page.set_viewport_size({"width": 1280, "height": 800})
    editor = open_logic(page, origin, "long")
    expect(page.get_by_text("No errors found.")).to_be_visible()
    editor.press("Control+End")
    for shown in (
        page.get_by_role("button", name="Save and deploy"),
        page.get_by_label("Comment (optional)"),
        page.get_by_text("No errors found."),
        page.get_by_text("kB of at most 32.8 kB"),
    ):
        expect(shown).to_be_in_viewport(ratio=1)
    page.keyboard.insert_text(f"#{'x' * 20_000}")
    expect(page.get_by_text("kB of at most 32.8 kB")).to_have_class(re.compile("over"))
    expect(page.get_by_text("No errors found.")).to_have_count(0)
    editor.press("Control+Home")
    expect(page.get_by_role("button", name="Save and deploy")).to_be_in_viewport(ratio=1)


def test_a_viewer_reads_the_logic_and_sees_why_it_cannot_be_changed(
    page: Page, watch: Watch, origin: str, counter: str, tokens: Tokens
) -> None:
    enter(page, watch, origin, tokens, Role.VIEWER)
    editor = open_logic(page, origin, counter)

    expect(editor).to_contain_text('state["count"]')
    expect(
        page.get_by_text("To change it, you need the role author; your token has the role viewer.")
    ).to_be_visible()
    editor.press("x")
    expect(editor).not_to_contain_text("x")
    expect(page.get_by_role("button", name="Save and deploy")).to_have_count(0)
    expect(page.get_by_role("region", name="Try it")).to_have_count(0)
