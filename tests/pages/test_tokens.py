"""The page of tokens: created, shown once, and revoked."""

import pytest
from playwright.sync_api import Page, expect

from pipeline.store.tokens import Tokens
from tests.installation import Installation
from tests.pages.browser import Watch, axe, screenshot, sign_in
from web.access.roles import Role


@pytest.mark.usefixtures("tokens")
def test_the_creator_of_the_first_token_is_signed_in_with_it(page: Page, watch: Watch, origin: str) -> None:
    watch.allow("401")
    page.goto(f"{origin}/#/tokens")
    expect(page.get_by_role("heading", name="No tokens yet")).to_be_visible()
    assert axe(page) == []
    page.get_by_label("Name").fill("boss")
    page.get_by_role("button", name="Create token").click()

    shown = page.get_by_role("region", name="Token boss with the role admin")
    expect(shown).to_contain_text("Copy the token now. It is not shown again.")
    expect(shown.get_by_text("iot_boss_")).to_be_visible()
    expect(page.get_by_text("boss · admin")).to_be_visible()
    expect(page.get_by_role("row", name="boss (yours)")).to_be_visible()


def test_a_token_is_created_for_a_role_copied_and_accepted(
    page: Page, watch: Watch, plant: Installation, origin: str, tokens: Tokens
) -> None:
    watch.allow("401")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{origin}/#/tokens")
    sign_in(page, tokens.create("boss", Role.ADMIN))
    page.get_by_label("Name").fill("line-4")
    page.get_by_role("radio", name="operator").check()
    expect(page.get_by_role("radio", name="operator")).to_be_checked()
    page.get_by_label("Days").fill("30")
    page.get_by_role("button", name="Create token").click()
    shown = page.get_by_role("region", name="Token line-4 with the role operator")
    token = shown.get_by_text("iot_line-4_").inner_text()
    shown.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == token
    assert axe(page) == []
    page.set_viewport_size({"width": 768, "height": 1024})
    assert page.evaluate("document.documentElement.scrollWidth") <= 768

    shown.get_by_role("button", name="Done").click()
    expect(shown).to_have_count(0)
    assert token not in page.content()
    who = plant.client.get("/whoami", headers={"Authorization": f"Bearer {token}"}).json()
    assert (who["name"], who["role"]) == ("line-4", "operator")
    expect(page.get_by_role("row", name="line-4")).to_contain_text("in 30 days")
    screenshot(page, "tokens")


def test_an_existing_name_is_reported_and_stays_in_the_form(
    page: Page, watch: Watch, origin: str, tokens: Tokens
) -> None:
    watch.allow("401")
    watch.allow("409")
    page.goto(f"{origin}/#/tokens")
    sign_in(page, tokens.create("boss", Role.ADMIN))
    page.get_by_label("Name").fill("boss")
    page.get_by_role("button", name="Create token").click()

    expect(page.get_by_role("alert")).to_contain_text("A token 'boss' already exists")
    expect(page.get_by_label("Name")).to_have_value("boss")
    assert axe(page) == []


def test_revoking_asks_first_and_states_the_consequence(
    page: Page, watch: Watch, plant: Installation, origin: str, tokens: Tokens
) -> None:
    watch.allow("401")
    token = tokens.create("line-4", Role.VIEWER)
    page.goto(f"{origin}/#/tokens")
    sign_in(page, tokens.create("boss", Role.ADMIN))
    page.get_by_role("button", name="Revoke line-4").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The token stops working at once")
    assert axe(page) == []
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Revoke line-4")).to_be_focused()
    page.get_by_role("button", name="Revoke line-4").click()
    dialog.get_by_role("button", name="Revoke 1 token").click()

    expect(page.get_by_role("row", name="line-4")).to_have_count(0)
    assert plant.client.get("/whoami", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_revoking_your_own_token_signs_you_out(page: Page, watch: Watch, origin: str, tokens: Tokens) -> None:
    watch.allow("401")
    tokens.create("watcher", Role.VIEWER)
    page.goto(f"{origin}/#/tokens")
    sign_in(page, tokens.create("boss", Role.ADMIN))
    page.get_by_role("button", name="Revoke boss").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It is your own token, so you are signed out.")
    expect(dialog).to_contain_text("It is the last token of an admin.")
    dialog.get_by_role("button", name="Revoke my own token").click()

    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert page.evaluate("Object.keys(sessionStorage)") == []
