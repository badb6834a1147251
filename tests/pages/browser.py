"""The browser of the tests: Debian's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, sync_playwright

from pipeline.local.packages import Package, install
from tests.support.waiting import wait_until

ROOT: Final = Path(__file__).parents[2]
SCREENSHOTS: Final = ROOT / "build" / "screenshots"

CHROMIUM: Final = Package("chromium", "chromium", "chromium", "chromium")

#: It runs as root, and sends no requests of its own.
_ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: The rules of axe-core: WCAG 2.2 AA, and its best practices.
_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def chromium() -> str:
    """Return the path of Chromium, which is installed if it is missing. Raises `Unavailable`."""
    if shutil.which("chromium") is None:
        install(CHROMIUM)
    found = shutil.which("chromium")
    assert found is not None
    return found


@contextmanager
def started() -> Iterator[Browser]:
    """Run a browser for the duration of the block."""
    environ: dict[str, str | float | bool] = {**os.environ, "HOME": "/tmp"}  # noqa: S108  no user has a profile there
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=_ARGUMENTS, env=environ)
        try:
            yield browser
        finally:
            browser.close()


class Watch:
    """Records what no page may do: errors, blocked loads, requests to other hosts."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.noted = list[str]()
        self.requests = list[str]()
        self._allowed = list[str]()
        self._origin = origin
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self.noted.append(f"error: {error.error}"))
        context.on("request", lambda request: self._on_request(request.url))

    def allow(self, text: str) -> None:
        """Allow messages with this text, such as the status of an answer that the test provokes."""
        self._allowed.append(text)

    def check(self) -> None:
        """Fail if anything was recorded that is not allowed."""
        wrong = [each for each in self.noted if not any(allowed in each for allowed in self._allowed)]
        assert not wrong, "\n".join(wrong)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.noted.append(f"{message.type}: {message.text} ({message.location})")

    def _on_request(self, url: str) -> None:
        self.requests.append(url)
        if not url.startswith((f"{self._origin}/", "blob:", "data:")):
            self.noted.append(f"request to {url}")


def sign_in(page: Page, token: str) -> None:
    """Sign in on a page that asks for a token, and wait for the navigation."""
    page.get_by_label("Token", exact=True).fill(token)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation", name="Views", exact=True).wait_for()


def write(page: Page, editor: Locator, text: str) -> None:
    """Replace the text of an editor by keyboard: `fill` sets inline styles, which the policy blocks."""
    editor.focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(text)


def axe(page: Page) -> list[str]:
    """Return the violations that axe-core finds on the page, in light and dark."""
    return [f"{scheme}: {each}" for scheme in ("light", "dark") for each in _axe_in(page, scheme)]


def _axe_in(page: Page, scheme: Any) -> list[str]:
    page.emulate_media(color_scheme=scheme)
    # Over the debugging protocol, which the Content-Security-Policy does not block.
    session = page.context.new_cdp_session(page)
    source = (ROOT / "web" / "pages" / "node_modules" / "axe-core" / "axe.min.js").read_text()
    options = msgspec.json.encode({"runOnly": _RULES, "resultTypes": ["violations"]}).decode()
    session.send("Runtime.evaluate", {"expression": f"if (!window.axe) {{ {source} }}"})
    answer = session.send(
        "Runtime.evaluate",
        {"expression": f"axe.run(document, {options})", "awaitPromise": True, "returnByValue": True},
    )
    session.detach()
    assert "exceptionDetails" not in answer, answer["exceptionDetails"]
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:300]}: {node['failureSummary']}"
        for violation in answer["result"]["value"]["violations"]
        for node in violation["nodes"]
    ]


def wait_until_it_fits(page: Page) -> None:
    """Wait until the page fits its width: charts are resized a moment later."""
    wait_until(lambda: page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def screenshot(page: Page, name: str) -> None:
    """Save screenshots of the page, in light and dark, in build/screenshots."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=SCREENSHOTS / f"{name}-{scheme}.png")
