"""Notification routes, and the messages that could not be delivered."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from pipeline.store.tokens import Tokens
from tests.pages.browser import Watch, axe, screenshot, sign_in, wait_until_it_fits
from tests.support.installation import Installation
from tests.support.targets import WebTarget, web_target
from tests.support.waiting import wait_until
from web.access.roles import Role

SECRET = "whsec_bm90IGEgcmVhbCBzZWNyZXQsIG1ha2UgeW91ciBvd24="
LOGIC = "def process(data, state):\n    raise_alarm(data['name'], 'critical', message='<b>too hot</b>')\n"


@pytest.fixture
def target() -> Iterator[WebTarget]:
    with web_target() as target:
        yield target


def test_a_route_is_created_tried_changed_and_deleted(
    page: Page, origin: str, plant: Installation, target: WebTarget, watch: Watch
) -> None:
    watch.allow("422")
    page.goto(f"{origin}/#/alarms")
    page.get_by_role("link", name="Notifications").click()
    expect(page.get_by_role("heading", name="No routes yet")).to_be_visible()
    assert axe(page) == []
    page.get_by_label("Name of the route").fill("shift")
    page.get_by_label("Address", exact=True).fill(target.url)
    page.get_by_label("Secret").fill("too short")
    page.get_by_label("Severity").select_option("major")
    page.get_by_role("button", name="Create route").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Secret").fill(SECRET)
    page.get_by_text("Only some machines or alarms").click()
    page.get_by_label("Machine", exact=True).fill("press-*")
    page.get_by_text("Reminders, escalation and quiet hours").click()
    page.get_by_label("Minutes between reminders").fill("30")
    page.get_by_label("Quiet hours").check()
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_label("Allow private addresses").check()
    assert axe(page) == []
    page.get_by_role("button", name="Create route").click()
    route = page.get_by_role("row").filter(has_text="shift")
    expect(route).to_contain_text("major and higher, machine press-*")
    expect(route).to_contain_text("again every 30 min, quiet 22:00 to 06:00 (Europe/Berlin)")
    assert plant.client.get("/notification-routes/shift").json()["webhook"]["has_secret"]

    page.get_by_role("button", name="Try shift").click()
    expect(page.get_by_role("status").filter(has_text="was delivered")).to_be_visible()
    assert len(target.posted) == 1
    target.statuses.append(404)
    page.get_by_role("button", name="Try shift").click()
    expect(page.get_by_role("status").filter(has_text="was not delivered")).to_contain_text("404")
    screenshot(page, "notifications")
    assert axe(page) == []

    page.get_by_role("button", name="Edit shift").click()
    expect(page.get_by_role("heading", name="Edit the route shift")).to_be_visible()
    expect(page.get_by_label("Secret")).to_have_value("")
    page.get_by_label("Severity").select_option("critical")
    page.get_by_label("Quiet hours").uncheck()
    page.get_by_role("button", name="Save route").click()
    expect(route).to_contain_text("critical, machine press-*")
    changed = plant.client.get("/notification-routes/shift").json()
    assert (changed["quiet_hours"], changed["remind_minutes"]) == (None, 30)
    assert changed["webhook"]["has_secret"]
    page.set_viewport_size({"width": 390, "height": 844})
    wait_until_it_fits(page)

    page.get_by_role("button", name="Delete shift").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete 1 route").click()
    expect(page.get_by_role("heading", name="No routes yet")).to_be_visible()


def test_each_kind_of_target_has_its_fields_and_one_route_escalates_to_another(
    page: Page, origin: str, plant: Installation, watch: Watch
) -> None:
    watch.allow("422")
    page.goto(f"{origin}/#/notifications")
    page.get_by_label("Name of the route").fill("manager")
    page.get_by_label("Send by").select_option("email")
    page.get_by_label("E-mail addresses").fill("boss@example.com\nother@example.com")
    expect(page.get_by_text("This installation cannot send e-mail yet")).to_be_visible()
    page.get_by_label("Alarms of").select_option("escalations")
    page.get_by_role("button", name="Create route").click()
    # This installation has no mail server.
    expect(page.get_by_role("alert")).to_contain_text("This installation sends no e-mail.")
    page.get_by_label("Send by").select_option("apprise")
    expect(page.get_by_label("Address of the service")).to_be_visible()
    assert axe(page) == []
    page.get_by_label("Send by").select_option("webhook")
    page.get_by_label("Address", exact=True).fill("https://manager.example.com/")
    page.get_by_label("Secret").fill(SECRET)
    page.get_by_role("button", name="Create route").click()
    expect(page.get_by_role("row").filter(has_text="manager.example.com")).to_contain_text(
        "only what another"
    )
    page.get_by_label("Name of the route").fill("night")
    page.get_by_label("Address", exact=True).fill("https://night.example.com/")
    page.get_by_label("Secret").fill(SECRET)
    page.get_by_text("Reminders, escalation and quiet hours").click()
    page.get_by_label("Escalate to the route").select_option("manager")
    page.get_by_label("Minutes until the escalation").fill("20")
    page.get_by_role("button", name="Create route").click()

    expect(page.get_by_role("row").filter(has_text="night.example.com")).to_contain_text(
        "to manager after 20 min"
    )
    for name in ("night", "manager"):
        plant.client.delete(f"/notification-routes/{name}").raise_for_status()


def test_a_failed_message_is_sent_again_or_discarded(
    page: Page, origin: str, plant: Installation, target: WebTarget
) -> None:
    plant.client.put(
        "/notification-routes/shift",
        json={"webhook": {"url": target.url, "secret": SECRET}, "allow_private": True, "per_minute": 60},
    ).raise_for_status()
    plant.upload("oven", LOGIC)
    page.goto(f"{origin}/#/notifications")
    expect(page.get_by_text("All messages are delivered, or none was sent.")).to_be_visible()
    for name in ("door", "hot"):
        target.statuses.append(404)
        plant.send([("oven", {"name": name})])
        failed = page.get_by_role("table", name="Messages that are not delivered").get_by_role("row")
        expect(failed.filter(has_text=f"{name} of oven")).to_contain_text("404", timeout=60_000)
    expect(failed.filter(has_text="hot of oven")).to_contain_text("raised")
    screenshot(page, "notifications-failed")
    assert axe(page) == []
    failed.filter(has_text="hot of oven").get_by_role("button", name="Send again").click()
    expect(failed.filter(has_text="hot of oven")).to_have_count(0)
    wait_until(lambda: len(target.posted) == 3, 30)
    failed.filter(has_text="door of oven").get_by_role("button", name="Discard").click()
    page.get_by_role("dialog").get_by_role("button", name="Discard 1").click()

    expect(page.get_by_text("All messages are delivered, or none was sent.")).to_be_visible()
    assert json.loads(target.posted[-1].body)[0]["notification"] == "raised"


def test_an_operator_sees_the_routes_and_cannot_change_them(
    page: Page, watch: Watch, origin: str, plant: Installation, tokens: Tokens
) -> None:
    watch.allow("401")
    plant.client.put(
        "/notification-routes/shift", json={"webhook": {"url": "https://example.com/", "secret": SECRET}}
    ).raise_for_status()
    page.goto(f"{origin}/#/notifications")
    page.get_by_role("heading", name="Notifications", level=1).wait_for()
    token = tokens.create("anna", Role.OPERATOR)
    page.reload()
    sign_in(page, token)

    expect(page.get_by_role("row").filter(has_text="shift")).to_contain_text("https://example.com/")
    for words in ("Try", "Edit", "Delete", "Create route"):
        expect(page.locator("main").get_by_role("button", name=words)).to_have_count(0)
