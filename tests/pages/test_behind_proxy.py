"""The pages behind a real proxy, below a path of its own. The watch refuses a request to any other path."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from pipeline.store.tokens import Tokens
from tests.pages.browser import Watch, sign_in
from tests.support.haproxy import haproxy
from tests.support.installation import Installation
from tests.support.waiting import wait_until
from web.access.roles import Role

LOGIC = 'def process(data, state):\n    return {"doubled": data["n"] * 2}\n'


@pytest.fixture(scope="module")
def proxied(plant: Installation) -> Iterator[str]:
    """The address of a proxy in front of the API."""
    plant.upload("press", LOGIC)
    plant.send([("press", {"n": 1})])
    wait_until(lambda: plant.client.get("/machines/press").json().get("readings") == 1)
    port = urlsplit(plant.environ["IOT_LOGIC_API_URL"]).port
    assert port
    with haproxy(port, port) as url:
        yield url


@pytest.fixture
def origin(proxied: str) -> str:
    """The address of the pages behind the proxy."""
    return proxied


def test_a_machine_is_watched_and_its_logic_edited(
    page: Page, watch: Watch, origin: str, tokens: Tokens, plant: Installation
) -> None:
    watch.allow("401")
    token = tokens.create("boss", Role.ADMIN)
    page.goto(f"{origin}/")
    sign_in(page, token)
    page.get_by_role("link", name="press", exact=True).click()
    page.get_by_text("Show as a table").click()
    plant.send([("press", {"n": 21})])

    expect(page.get_by_role("row", name="result.doubled")).to_contain_text("42")
    page.goto(f"{origin}/#/machines/press?tab=logic")
    expect(page.get_by_role("textbox", name="Logic")).to_contain_text("doubled")


def test_the_description_of_the_api_is_styled(page: Page, origin: str) -> None:
    for address in (f"{origin}/schema", f"{origin}/schema/"):
        with page.expect_response("**/style.css") as style:
            page.goto(address)
        assert style.value.ok
