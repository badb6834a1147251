"""The parts of views: the editor, the chart, text from outside, and the watch that records errors."""

import pytest
from playwright.sync_api import Page, expect

from tests.pages.browser import Watch, axe, screenshot, write
from tests.support.installation import Installation
from tests.support.waiting import wait_until

LOGIC = '''
def process(data, state):
    """Count the readings."""
    state["count"] = state.get("count", 0) + 1
    state["last"] = data
    return {"count": state["count"]}
'''

#: Text that would have an effect if it were not shown as text.
HOSTILE = (
    '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    "{@html 1}\u202eright to left\u202c\u0000\u0007\u200b\ufeff"
)


@pytest.fixture(scope="module")
def machine(plant: Installation) -> str:
    """A machine that has a logic, readings and a state."""
    plant.upload("press", LOGIC)
    plant.send(("press", {"temperature": 20 + each % 7, "pressure": each}) for each in range(30))
    wait_until(lambda: plant.client.get("/machines/press").json().get("readings") == 30)
    return "press"


@pytest.fixture(scope="module")
def hostile(plant: Installation) -> str:
    """A machine whose readings, states and errors are hostile."""
    plant.upload(
        "hostile", 'def process(data, state):\n    state["last"] = data\n    return data["missing"]\n'
    )
    plant.send([("hostile", {"text": HOSTILE}), ("hostile", {HOSTILE: "<b>" * 33_333})])
    plant.wait_for_dead_letters(2)
    plant.upload("hostile", 'def process(data, state):\n    state["last"] = data\n')
    # A state cannot contain NUL.
    plant.send([("hostile", {"text": HOSTILE.replace("\0", ""), "long": "<b>" * 20_000})])
    wait_until(lambda: plant.client.get("/machines/hostile").json().get("health") == "running")
    return "hostile"


def test_the_editor_works_under_the_policy_and_is_loaded_only_if_needed(
    page: Page, watch: Watch, origin: str, machine: str
) -> None:
    page.goto(f"{origin}/#/machines/{machine}")
    page.get_by_role("link", name="Logic", exact=True).wait_for()
    before = [url for url in watch.requests if "/code-" in url]
    page.get_by_role("link", name="Logic", exact=True).click()
    editor = page.get_by_role("textbox", name="Logic of press")

    expect(editor).to_contain_text("def process(data, state):")
    assert before == []
    # The editor's own styles and ours apply: the policy allows style sheets adopted in its shadow root.
    assert page.locator(".cm-scroller").evaluate("node => getComputedStyle(node).display") == "flex"
    assert page.locator(".cm-gutters").first.evaluate(
        "node => getComputedStyle(node).backgroundColor"
    ) != page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert axe(page) == []
    screenshot(page, "machine-logic")


def test_the_keyboard_enters_and_leaves_the_editor(page: Page, origin: str, machine: str) -> None:
    page.goto(f"{origin}/#/machines/{machine}?tab=state")
    page.get_by_role("button", name="Edit the state").click()
    editor = page.get_by_role("textbox", name="State of press")
    editor.focus()
    page.keyboard.press("Control+End")
    page.keyboard.press("Tab")
    inside = page.evaluate("document.activeElement.shadowRoot !== null")
    page.keyboard.press("Control+z")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")

    assert inside
    expect(page.get_by_role("button", name="Save")).to_be_focused()


def test_an_error_in_the_editor_is_listed_and_a_state_keeps_its_long_numbers(
    page: Page, plant: Installation, origin: str
) -> None:
    plant.upload("counter", LOGIC)
    plant.client.put("/machines/counter/state", content=b'{"n": 12345678901234567890, "count": 1.50}')
    page.goto(f"{origin}/#/machines/counter?tab=state")
    page.get_by_role("button", name="Edit the state").click()
    editor = page.get_by_role("textbox", name="State of counter")
    expect(editor).to_contain_text('"n": 12345678901234567890')
    write(page, editor, '{"n": 12345678901234567891')
    wrong = page.get_by_role("list", name="Errors")
    expect(wrong).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    assert axe(page) == []
    write(page, editor, '{"n": 12345678901234567891}')
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("Saved the state of counter.")).to_be_visible()
    assert plant.client.get("/machines/counter/state").text.replace(" ", "") == '{"n":12345678901234567891}'


def test_the_chart_is_drawn_and_follows_the_colours(page: Page, origin: str, machine: str) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(f"{origin}/#/machines/{machine}")
    chart = page.get_by_role("figure", name="Numbers of press")
    drawn = (
        "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size"
    )
    page.locator("canvas").wait_for()

    expect(chart).to_contain_text("Last values: reading.temperature")
    assert page.locator("canvas").evaluate(drawn) > 10
    assert axe(page) == []
    screenshot(page, "machine-readings")


@pytest.mark.parametrize(
    ("view", "there"),
    [
        ("machines/hostile", "right to left"),
        ("machines/hostile?tab=state", "right to left"),
        ("dead-letters", "hostile"),
    ],
)
@pytest.mark.usefixtures("hostile")
def test_hostile_text_is_shown_as_text(page: Page, origin: str, view: str, there: str) -> None:
    page.goto(f"{origin}/#/{view}")
    page.get_by_text(there, exact=False).first.wait_for()

    assert page.locator("main img[onerror], main b").count() == 0
    assert "IoT Logic Processor" in page.title()
    for scalar in ("\u202e", "\u202c", "\u0000", "\u0007", "\u200b", "\ufeff"):
        assert scalar not in page.locator("main").inner_text()


def test_invisible_characters_are_shown_and_long_text_is_shortened(
    page: Page, origin: str, hostile: str
) -> None:
    page.goto(f"{origin}/#/machines/{hostile}")
    newest, oldest = (page.get_by_role("row", name="right to left").nth(each) for each in (0, -1))

    expect(oldest).to_contain_text("⟨U+202E⟩right to left⟨U+202C⟩")
    expect(oldest).to_contain_text('<img src=x onerror=\\"document.title=1\\">')
    newest.get_by_role("button", name="Show all").click()
    expect(newest).to_contain_text("<b><b><b>")


@pytest.mark.parametrize(
    "script",
    [
        "document.head.append(Object.assign(document.createElement('style'), {textContent: 'p{color:red}'}))",
        "document.body.setAttribute('style', 'color: red')",
        "document.head.append(Object.assign(document.createElement('script'), {textContent: '1'}))",
        "document.body.insertAdjacentHTML('beforeend', '<p>markup</p>')",
        "document.body.append(Object.assign(document.createElement('img'), {src: 'http://127.0.0.2/'}))",
        "fetch('http://127.0.0.2:9/').catch(() => undefined)",
        "console.error('out of place')",
        "setTimeout(() => { throw new Error('nobody catches it') })",
    ],
)
def test_every_error_in_the_browser_is_noticed(page: Page, watch: Watch, origin: str, script: str) -> None:
    page.goto(origin)
    page.get_by_role("heading", name="Machines", level=1).wait_for()
    # Over the debugging protocol, which does not wait for the effects, as if the page did it.
    page.context.new_cdp_session(page).send("Runtime.evaluate", {"expression": script})
    page.evaluate("new Promise(resolve => setTimeout(resolve))")
    wait_until(lambda: page.title() and watch.noted)

    with pytest.raises(AssertionError):
        watch.check()
    watch.noted.clear()
