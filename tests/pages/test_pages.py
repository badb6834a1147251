"""The pages as a whole: how they are served, sign-in, and navigation."""

import gzip
import re

import pytest
from playwright.sync_api import Page, expect

from pipeline.store.tokens import Tokens
from tests.pages.browser import Watch, axe, screenshot, sign_in
from tests.support.installation import Installation
from tests.support.waiting import wait_until
from web.access.roles import Role
from web.http.assets import built_pages

#: The maximum compressed bytes that are loaded before the first view is shown.
FIRST_VIEW_BYTES = 200_000

#: Every view that needs no machine or profile, with its title.
VIEWS = {
    "machines": "Machines",
    "alarms": "Alarms",
    "profiles": "Profiles",
    "dead-letters": "Dead letters",
    "system": "System",
    "audit": "Audit",
    "tokens": "Tokens",
}


def test_the_page_is_revalidated_and_its_assets_are_cached_indefinitely(plant: Installation) -> None:
    index = plant.client.get("/")
    again = plant.client.get("/", headers={"If-None-Match": index.headers["ETag"]})
    name = re.search(r'src="\.(/pages/[^"]+\.js)"', index.text)
    assert name is not None
    script = plant.client.get(name[1])
    head = plant.client.head(name[1])
    none = plant.client.get("/pages/nothing.js")

    assert index.headers["Content-Type"] == "text/html; charset=utf-8"
    assert index.headers["Cache-Control"] == "no-cache"
    assert index.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert index.headers["Referrer-Policy"] == "no-referrer"
    assert again.status_code == 304
    assert again.content == b""
    assert script.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert script.headers["Content-Encoding"] == "gzip"
    assert script.headers["X-Content-Type-Options"] == "nosniff"
    assert script.content == built_pages()[name[1].removeprefix("/pages/")].content
    assert head.headers["Content-Length"] == script.headers["Content-Length"]
    assert none.status_code == 404
    assert none.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("accepted", "sent"),
    [("gzip, deflate, br", True), ("br;q=1.0, gzip;q=0.5", True), ("gzip;q=0", False), ("identity", False)],
)
def test_clients_that_do_not_accept_gzip_get_none(plant: Installation, accepted: str, sent: bool) -> None:
    with plant.client.stream("GET", "/", headers={"Accept-Encoding": accepted}) as answer:
        raw = b"".join(answer.iter_raw())

    content = built_pages()["index.html"].content
    assert (gzip.decompress(raw) if sent else raw) == content


def test_the_policy_allows_no_inline_code_and_no_other_hosts(plant: Installation) -> None:
    policy = plant.client.get("/").headers["Content-Security-Policy"]

    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert "data:" not in policy


def test_the_first_view_loads_little(page: Page, watch: Watch, origin: str) -> None:
    page.goto(origin)
    page.get_by_role("heading", name="Machines", level=1).wait_for()
    page.wait_for_load_state("networkidle")
    names = {url.removeprefix(f"{origin}/pages/") for url in watch.requests if "/pages/" in url}
    sizes = {name: len(built_pages()[name].compressed) for name in {"index.html", *names}}

    assert len(sizes) > 3
    assert sum(sizes.values()) < FIRST_VIEW_BYTES


def test_without_tokens_no_sign_in_is_required(page: Page, origin: str) -> None:
    page.goto(origin)

    expect(page.get_by_role("heading", name="No machines yet")).to_be_visible()
    expect(page.get_by_text("no token required · admin")).to_be_visible()
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
    expect(page).to_have_title("Machines · IoT Logic Processor")


def test_a_wrong_token_is_reported_and_a_valid_one_opens_the_requested_page(
    page: Page, watch: Watch, origin: str, tokens: Tokens
) -> None:
    watch.allow("401")
    token = tokens.create("anna", Role.OPERATOR)
    page.goto(f"{origin}/#/dead-letters")
    page.get_by_label("Token", exact=True).fill("iot_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not valid")
    assert axe(page) == []
    screenshot(page, "sign-in")
    sign_in(page, token)

    expect(page.get_by_role("heading", name="Dead letters", level=1)).to_be_visible()
    expect(page.get_by_text("anna · operator")).to_be_visible()
    assert page.url == f"{origin}/#/dead-letters"
    # The token is deleted with the tab, and stored nowhere else.
    assert page.evaluate("Object.keys(localStorage)") == []
    assert page.context.cookies() == []


def test_pages_that_the_role_does_not_allow_are_hidden(
    page: Page, watch: Watch, origin: str, tokens: Tokens
) -> None:
    watch.allow("401")
    page.goto(f"{origin}/#/tokens")
    sign_in(page, tokens.create("watcher", Role.VIEWER))

    expect(
        page.get_by_text("This page requires the role admin. Your token has the role viewer.")
    ).to_be_visible()
    expect(page.get_by_role("navigation", name="Views", exact=True).get_by_role("link")).to_have_text(
        ["Machines", "Alarms", "Profiles", "Sources", "Dead letters", "System"]
    )


def test_a_revoked_token_ends_the_session_and_the_address_stays(
    page: Page, watch: Watch, origin: str, tokens: Tokens
) -> None:
    watch.allow("401")
    tokens.create("boss", Role.ADMIN)
    page.goto(f"{origin}/#/system")
    sign_in(page, tokens.create("anna", Role.VIEWER))
    page.get_by_role("heading", name="System", level=1).wait_for()
    tokens.revoke("anna")
    expect(page.get_by_role("alert")).to_contain_text("no longer valid")
    sign_in(page, tokens.create("ben", Role.VIEWER))

    expect(page.get_by_role("heading", name="System", level=1)).to_be_visible()


def test_signing_out_leaves_nothing_behind(page: Page, watch: Watch, origin: str, tokens: Tokens) -> None:
    watch.allow("401")
    page.goto(origin)
    sign_in(page, tokens.create("anna", Role.VIEWER))
    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_label("Token", exact=True)).to_be_visible()
    assert page.evaluate("Object.keys(sessionStorage)") == []


def test_back_leads_back(page: Page, origin: str) -> None:
    page.goto(origin)
    page.get_by_role("link", name="Profiles").click()
    expect(page.get_by_role("heading", name="Profiles", level=1)).to_be_visible()
    page.go_back()

    expect(page.get_by_role("heading", name="Machines", level=1)).to_be_visible()


def test_an_unknown_address_shows_page_not_found(page: Page, origin: str) -> None:
    page.goto(f"{origin}/#/nowhere")

    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()


def test_the_keyboard_can_skip_the_navigation(page: Page, origin: str) -> None:
    page.goto(origin)
    page.get_by_role("heading", name="Machines", level=1).wait_for()
    page.get_by_role("link", name="Skip to content").focus()
    page.keyboard.press("Enter")

    assert page.evaluate("document.activeElement.id") == "main"


def test_the_browser_remembers_the_colour_theme(page: Page, origin: str) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(origin)
    switch = page.get_by_role("button", name="Colour theme")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    switch.click()
    switch.click()
    dark = page.evaluate(paper)
    page.reload()
    switch.wait_for()

    assert dark != light
    assert page.evaluate(paper) == dark


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_opens_passes_axe_and_fits_a_tablet(page: Page, origin: str, name: str) -> None:
    page.goto(f"{origin}/#/{name}")
    page.get_by_role("heading", name=VIEWS[name], level=1).wait_for()
    page.wait_for_load_state("networkidle")

    screenshot(page, name)
    assert axe(page) == []
    # An upright tablet: nothing is wider than the page.
    page.set_viewport_size({"width": 768, "height": 1024})
    # Not `wait_for_function`: it evaluates text in the page, which the page's policy forbids.
    wait_until(lambda: page.evaluate("document.documentElement.scrollWidth <= 768"))
