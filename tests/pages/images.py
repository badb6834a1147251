"""The pictures in the docs: taken by the tests, and what was on the page when they were.

A picture is never compared: fonts and times differ. Beside each stands, as text, what there is on the page to
read and to press. While that is so, the picture is right; when it is not, the test says to take them anew.
"""

import os
import re
import time
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Page

from tests.pages.browser import ROOT, SCREENSHOTS

IMAGES: Final = ROOT / "docs" / "pages" / "images"

#: `make screenshots` sets it: the pictures in the docs are taken anew.
_ANEW: Final = "SCREENSHOTS"

#: Seconds that a page may take to show what it shows.
_PATIENCE: Final = 15.0

#: Looks at a page that is at rest, a fifth of a second after each other.
_SAME: Final = 15

#: Bytes of a picture: whoever clones the repository has all that ever were.
LARGEST: Final = 150_000

#: What has a name, in a line of Playwright's snapshot of the accessible tree. One with a colon is in quotes.
_NAMED: Final = re.compile(
    r"""^\s*-\ '?(heading|tab|button|columnheader|link|textbox|searchbox|spinbutton|combobox|checkbox|radio
        |group|region|figure|table|form|search|navigation)\ "((?:[^"\\]|\\.)+)\"""",
    re.VERBOSE,
)


def outline(page: Page) -> str:
    """What there is to read and to press: a role and a name a line, each once, as they stand on the page."""
    # The tests' servers have another port each time, and what is counted goes on.
    lines = page.locator("main").aria_snapshot().splitlines()
    named = (
        f"{found[1]}: {re.sub(r'[0-9][0-9.,]*', '#', found[2])}"
        for found in map(_NAMED.match, lines)
        if found
    )
    return "".join(f"{each}\n" for each in dict.fromkeys(named))


def picture(page: Page, name: str, scheme: Literal["light", "dark"] = "light") -> None:
    """Take a picture of what is in sight, as `<name>.png`; fail where the docs show another page."""
    for message in page.get_by_role("button", name="Dismiss this message").all():
        message.click()
    page.emulate_media(color_scheme=scheme)
    page.mouse.move(0, 0)
    anew = _ANEW in os.environ
    folder = IMAGES if anew else SCREENSHOTS
    folder.mkdir(parents=True, exist_ok=True)
    written = IMAGES / f"{name}.txt"
    if anew:
        written.write_text(_at_rest(page))
    else:
        check(page, written)
    page.screenshot(path=folder / f"{name}.png", animations="disabled", caret="hide")
    page.emulate_media(color_scheme="light")


def _looks(page: Page, patience: float = _PATIENCE) -> Iterator[str]:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        yield outline(page)
        page.wait_for_timeout(200)


def _at_rest(page: Page) -> str:
    """What is on the page, once it stays the same for longer than the page takes to ask anew."""
    last, same = "", 0
    for seen in _looks(page):
        last, same = seen, same + 1 if seen == last else 0
        if same == _SAME:
            return seen
    raise AssertionError("the page does not come to rest")


def check(page: Page, written: Path, patience: float = _PATIENCE) -> None:
    """Fail where the page does not come to be what is written down, within some seconds."""
    expected = written.read_text() if written.is_file() else ""
    seen = ""
    for seen in _looks(page, patience):
        if seen == expected:
            return
    difference = "".join(unified_diff(expected.splitlines(True), seen.splitlines(True), written.name, "now"))
    raise AssertionError(f"The page is not what docs/pages/images shows. Run: make screenshots\n{difference}")
