"""A plant with the pages on it, and a browser that looks at them.

`page` fails its test on any error in the browser's console, on anything that the Content-Security-Policy
refuses, and on any request to another host; `watch.allow("401")` lets pass what a test asks for on purpose.
"""

from collections.abc import Iterator

import pytest
import redis
from playwright.sync_api import Browser, Page, expect

from pipeline.store.tokens import Tokens
from tests.installation import Installation
from tests.pages.browser import Watch, started

#: Milliseconds that Playwright waits for what a test expects.
_PATIENCE = 15_000

expect.set_options(timeout=_PATIENCE)


@pytest.fixture(scope="module")
def plant(module_installation: Installation) -> Installation:
    """Broker, Redis, API and a worker, for all tests of a file."""
    module_installation.start_api()
    module_installation.start_worker()
    return module_installation


# Of a module, not of the session: while Playwright is there, no other test could use asyncio.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with started() as browser:
        yield browser


@pytest.fixture
def origin(plant: Installation) -> str:
    """Where the pages are, without a slash at the end: `page.goto(f"{origin}/#/machines")`."""
    return plant.environ["IOT_LOGIC_API_URL"]


@pytest.fixture
def tokens(plant: Installation) -> Iterator[Tokens]:
    """Makes tokens, which are gone after the test: without any, nobody needs one."""
    with redis.Redis.from_url(plant.redis_url) as client:
        tokens = Tokens(client)
        yield tokens
        for each in tokens.list():
            tokens.revoke(each.name)


@pytest.fixture
def tab(browser: Browser, origin: str) -> Iterator[tuple[Page, Watch]]:
    """A tab of a browser that remembers nothing, and who watches it. Ask for `page` or `watch`."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(_PATIENCE)
    watch = Watch(context, origin)
    page = context.new_page()
    yield page, watch
    context.close()
    watch.check()


@pytest.fixture
def page(tab: tuple[Page, Watch]) -> Page:
    """A tab, in which nothing may go wrong."""
    return tab[0]


@pytest.fixture
def watch(tab: tuple[Page, Watch]) -> Watch:
    """Who watches the tab."""
    return tab[1]
