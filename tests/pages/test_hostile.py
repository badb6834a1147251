"""All input from outside is shown as text, on every view and in every place.

Readings, results, states, errors, sources, comments, names, headers of dead letters and addresses contain
markup, scripts, links that run code, characters that change the direction of writing, invisible characters,
and very long words and texts. The test asks the browser: nothing runs, nothing is loaded, nothing is wider
than the page, and the page has no more elements than a person can read.
"""

import json
from urllib.parse import quote

import pika
import pytest
import redis
from playwright.sync_api import Page, expect

from pipeline import wire
from pipeline.store.tokens import Tokens
from tests.pages.browser import Watch, wait_until_it_fits
from tests.support.installation import Installation
from tests.support.waiting import wait_until
from web.access.roles import Role

MARKUP = (
    '<img src=x onerror="window.ran=1"><script>window.ran=2</script><svg onload="window.ran=3">'
    '<iframe srcdoc="<script>parent.ran=4</script>"></iframe><a href="javascript:window.ran=5">here</a>'
    "'\"><style>*{display:none}</style><!-- {@html 1} ${window.ran=6} </script></title></textarea>"
)
UNSEEN = "\u202eturned\u202c\u2067\u200b\ufeff\u0007\u001b[31m\u2028"
WORD = "W" * 5_000
HOSTILE = f"{MARKUP}{UNSEEN}{WORD}"

#: The longest possible id, without a place to break it; and a name that every JavaScript object has.
LONG, PROTO = "W" * 128, "__proto__"

#: A logic that copies the reading into its result, its state and its error.
LOGIC = (
    "def process(data, state):\n"
    f"    # {MARKUP}\n"
    "    state['said'] = data['text'][:20000]\n"
    "    state[data['text'][:200]] = 1\n"
    "    raise_alarm('W' * 64, 'critical', message=data['text'][:500], said=data['text'][:500])\n"
    "    if data.get('fail'):\n"
    f"        raise ValueError(data['text'][:300])  # {MARKUP}\n"
    "    return {'n': data['n'], data['text'][:200]: data['text'][:20000]}\n"
)

#: Characters that can reorder or hide the text around them. The page must show none of them.
NOT_SHOWN = ("\u202e", "\u202c", "\u2067", "\u200b", "\ufeff", "\u0007", "\u001b", "\u2028")

#: Returns the state of the page in the browser, including its shadow roots.
LOOK = """() => {
  const all = [], roots = [document];
  for (const root of roots)
    for (const each of root.querySelectorAll("*")) {
      all.push(each);
      if (each.shadowRoot) roots.push(each.shadowRoot);
    }
  return {
    ran: window.ran ?? null,
    elements: all.length,
    loads: all.filter((each) => each.matches("img:not(.cm-widgetBuffer), iframe, main script")).length,
    links: all.filter((each) => each.matches("a[href]") && !/^[#/]/.test(each.getAttribute("href"))).length,
    characters: document.body.innerText.length,
    title: document.title.length,
  };
}"""


@pytest.fixture(scope="module")
def hostile(plant: Installation) -> Installation:
    """A plant in which all input is hostile."""
    with redis.Redis.from_url(plant.redis_url) as client:
        tokens = Tokens(client)
        boss = tokens.create("constructor", Role.ADMIN)
        tokens.create("T" * 64, Role.VIEWER, 1)
    plant.client.headers["Authorization"] = f"Bearer {boss}"
    for machine in (LONG, PROTO):
        upload = {"logic": LOGIC, "comment": HOSTILE[:500]}
        plant.client.post(f"/machines/{machine}/logic", json=upload).raise_for_status()
        plant.client.put(
            f"/machines/{machine}/config", json={HOSTILE[:500]: [HOSTILE[:1500]]}
        ).raise_for_status()
        plant.client.put(f"/profiles/{machine}").raise_for_status()
        plant.client.post(f"/profiles/{machine}/logic", json=upload).raise_for_status()
    webhook = {"url": f"http://127.0.0.1:9/{quote(MARKUP)}", "secret": "whsec_" + "a" * 44}
    route = {"severity": "warning", "allow_private": True, "webhook": webhook}
    for name in (LONG, PROTO):
        plant.client.put(f"/notification-routes/{name}", json=route).raise_for_status()
    plant.client.put("/machines/follower/profile", json={"profile": LONG}).raise_for_status()
    deep = "[" * 30 + "]" * 30
    for machine in (PROTO, LONG):
        plant.send(
            [
                *((machine, {"n": n, "text": HOSTILE, MARKUP: n, WORD: n}) for n in range(5)),
                (machine, {"n": 1, "text": "<b>" * 300_000}),
                (machine, {"n": 1, "text": HOSTILE, "fail": True}),
                (machine, {"text": HOSTILE, **{f"<i>{n}": n for n in range(5_000)}}),
                (machine, f'{{"deep": {deep}, "nul": "\\u0000", "lone": "\\ud800"}}'.encode()),
                (machine, f"no JSON: {HOSTILE}".encode()),
                (machine, b"\xff\xfe\x00<script>window.ran=7</script>"),
            ]
        )
    plant.send([(f"<img src=x onerror=alert(8)>{WORD[:100]}", {"text": HOSTILE})])
    forged(plant)
    wait_until(lambda: plant.client.get("/dead-letters").json()["kept"] >= 13, timeout=60)
    wait_until(lambda: plant.client.get(f"/machines/{LONG}").json().get("readings", 0) >= 11, timeout=60)
    wait_until(lambda: plant.client.get("/notifications").json()["waiting"], timeout=60)
    return plant


def forged(plant: Installation) -> None:
    """Publish a dead letter that no worker has written, with hostile headers."""
    said = HOSTILE[:3_000]
    headers = dict.fromkeys(("kind", "message", "text", "limit", "message_id", "logicprofile", "time"), said)
    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        channel = connection.channel()
        channel.basic_publish(
            wire.DEAD_LETTERS_EXCHANGE,
            wire.dead_letter_key(PROTO),
            json.dumps({"text": HOSTILE}).encode(),
            pika.BasicProperties(
                headers={**headers, "line": 2**62, "logicversion": -1},
                message_id=f"{PROTO}/999",
                content_type=HOSTILE[:200],
            ),
        )


#: Every view, and a text that it must show before it is checked.
VIEWS = [
    ("/machines", LONG[:20]),
    ("/machines?q=" + quote(MARKUP), "achine"),
    (f"/machines/{LONG}", LONG[:20]),
    *(
        (f"/machines/{PROTO}?tab={tab}", "window.ran")
        for tab in ("overview", "logic", "versions", "state", "readings", "settings")
    ),
    (f"/machines/{PROTO}?tab=logic&try=letter:7", PROTO),
    (f"/machines/{quote(MARKUP, safe='')}", "<img"),
    ("/alarms", "window.ran"),
    ("/alarms?tab=journal", "window.ran"),
    (f"/alarms?q={quote(MARKUP)}&severity=constructor&state=__proto__&shelved=%3Cb%3E", "No alarm matches"),
    (
        f"/alarms?tab=journal&machine={quote(MARKUP)}&name={quote(MARKUP)}&action=__proto__",
        "No change matches",
    ),
    ("/notifications", LONG[:20]),
    ("/profiles", LONG[:20]),
    *((f"/profiles/{LONG}?tab={tab}", LONG[:20]) for tab in ("logic", "versions", "machines")),
    (f"/profiles/{quote(MARKUP, safe='')}", "<img"),
    ("/dead-letters", "window.ran"),
    ("/dead-letters?tab=list", "window.ran"),
    (
        f"/dead-letters?machine={quote(MARKUP)}&kind=__proto__&cause=%3Cb%3E&time=constructor",
        "is not a valid machine",
    ),
    *((f"/dead-letters/{PROTO}/{number}", "reading") for number in (7, 8, 10, 11, 999)),
    (f"/dead-letters/{quote(MARKUP, safe='')}/1", "Dead letter not found"),
    ("/system", "artition"),
    ("/audit", "constructor"),
    (f"/audit?who={quote(MARKUP)}&machine={quote(MARKUP)}", "No change matches"),
    ("/tokens", "T" * 20),
    (f"/{quote(MARKUP)}", "Page not found"),
]


@pytest.mark.parametrize(("view", "there"), VIEWS, ids=[view[:60] for view, _ in VIEWS])
def test_hostile_text_does_not_run_break_the_page_or_make_it_endless(
    page: Page, watch: Watch, origin: str, hostile: Installation, view: str, there: str
) -> None:
    # Machines that do not exist, and ids that are invalid.
    for status in ("400", "404"):
        watch.allow(status)
    dialogs = list[str]()
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    signed_in(page, hostile)
    page.goto(f"{origin}/#{view}")
    page.locator("main").get_by_text(there).first.wait_for(state="attached")
    expect(page.locator("main").get_by_text("Loading …")).to_have_count(0)

    for width in (1280, 768):
        page.set_viewport_size({"width": width, "height": 1024})
        wait_until_it_fits(page)
    look = page.evaluate(LOOK)
    assert (look["ran"], dialogs, look["loads"], look["links"]) == (None, [], 0, 0)
    assert look["elements"] < 6_000
    assert look["characters"] < 150_000
    assert look["title"] < 300
    shown = page.locator("body").inner_text()
    assert [hex(ord(each)) for each in NOT_SHOWN if each in shown] == []


def test_the_check_notices_markup_that_runs_or_breaks_the_page(
    page: Page, origin: str, hostile: Installation
) -> None:
    signed_in(page, hostile)
    page.goto(f"{origin}/#/audit")
    page.get_by_role("table").wait_for()
    page.evaluate(
        """() => {
          const main = document.querySelector("main");
          const add = (name, more) => main.append(Object.assign(document.createElement(name), more));
          add("a", { href: "javascript:1" });
          add("iframe", {});
          add("nobr", { textContent: "W".repeat(1000) });
        }"""
    )
    look = page.evaluate(LOOK)

    assert (look["loads"], look["links"]) == (1, 1)
    assert page.evaluate("document.documentElement.scrollWidth") > 1280


def signed_in(page: Page, plant: Installation) -> None:
    """Store the token before the page loads, as after a reload."""
    token = plant.client.headers["Authorization"].removeprefix("Bearer ")
    page.add_init_script(f"sessionStorage.setItem('iot-logic-token', {json.dumps(token)})")
