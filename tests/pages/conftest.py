"""Fixtures: a plant that serves the pages, and a browser.

`page` fails its test on any error in the browser's console, on any violation of the Content-Security-Policy,
and on any request to another host. `watch.allow("401")` allows an error that a test provokes.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from pipeline.store.tokens import Tokens
from tests.pages.browser import Watch, started
from tests.support.installation import Installation
from tests.support.tokens import own_tokens
from tests.support.waiting import wait_until

#: Milliseconds that Playwright waits for an expectation.
_PATIENCE = 15_000

expect.set_options(timeout=_PATIENCE)


@pytest.fixture(scope="module")
def plant(module_installation: Installation) -> Installation:
    """Broker, Redis, API and a worker, shared by the tests of a file."""
    module_installation.start_api()
    module_installation.start_worker()
    wait_until_it_works(module_installation)
    return module_installation


def wait_until_it_works(plant: Installation) -> None:
    """Wait until a worker runs, and the API has seen it: then no page says that the plant is down."""
    wait_until(lambda: plant.client.get("/workers").json()["workers"] != [], timeout=60)
    wait_until(lambda: plant.client.get("/outages").json()["outages"] == [], timeout=60)


# Per module, not per session: while Playwright runs, no other test can use asyncio.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with started() as browser:
        yield browser


@pytest.fixture
def origin(plant: Installation) -> str:
    """The address of the pages, without a slash at its end: `page.goto(f"{origin}/#/machines")`."""
    return plant.environ["IOT_LOGIC_API_URL"]


@pytest.fixture
def tokens(plant: Installation) -> Iterator[Tokens]:
    """Creates tokens, and revokes them after the test."""
    with own_tokens(plant.redis_url) as tokens:
        yield tokens


@pytest.fixture
def tab(browser: Browser, origin: str) -> Iterator[tuple[Page, Watch]]:
    """A tab with an empty profile, and its watch. Use `page` or `watch` instead."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(_PATIENCE)
    watch = Watch(context, origin)
    page = context.new_page()
    yield page, watch
    context.close()
    watch.check()


@pytest.fixture
def page(tab: tuple[Page, Watch]) -> Page:
    """A tab in which no error may occur."""
    return tab[0]


@pytest.fixture
def watch(tab: tuple[Page, Watch]) -> Watch:
    """The watch of the tab."""
    return tab[1]
