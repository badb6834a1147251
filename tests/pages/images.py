"""The pictures in the docs, which the tests take, and outlines of their pages.

Pictures are never compared, because fonts and times differ. Beside each picture is an outline of the page as
text: its headings and controls. If the page's outline differs, the test says to take the pictures again.
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

#: The variable that `make screenshots` sets to retake the pictures in the docs.
_RETAKE: Final = "SCREENSHOTS"

#: Seconds within which a page must be complete.
_PATIENCE: Final = 15.0

#: Equal outlines in a row, a fifth of a second apart, after which a page counts as complete.
_SAME: Final = 15

#: The largest size of a picture in bytes: every clone of the repository contains all of them.
LARGEST: Final = 150_000

#: A named node in a line of Playwright's snapshot of the accessibility tree. A name with a colon is quoted.
_NAMED: Final = re.compile(
    r"""^\s*-\ '?(heading|tab|button|columnheader|link|textbox|searchbox|spinbutton|combobox|checkbox|radio
        |group|region|figure|table|form|search|navigation)\ "((?:[^"\\]|\\.)+)\"""",
    re.VERBOSE,
)


def outline(page: Page) -> str:
    """Return the page's headings and controls, in their order: a role and a name per line, each once."""
    # The servers' ports and all counts differ from run to run.
    lines = page.locator("main").aria_snapshot().splitlines()
    named = (
        f"{found[1]}: {re.sub(r'[0-9][0-9.,]*', '#', found[2])}"
        for found in map(_NAMED.match, lines)
        if found
    )
    return "".join(f"{each}\n" for each in dict.fromkeys(named))


def picture(page: Page, name: str, scheme: Literal["light", "dark"] = "light") -> None:
    """Take a picture of the visible page, as `<name>.png`. Fail if the docs show another page."""
    for message in page.get_by_role("button", name="Dismiss this message").all():
        message.click()
    page.emulate_media(color_scheme=scheme)
    page.mouse.move(0, 0)
    retake = _RETAKE in os.environ
    folder = IMAGES if retake else SCREENSHOTS
    folder.mkdir(parents=True, exist_ok=True)
    written = IMAGES / f"{name}.txt"
    if retake:
        written.write_text(_complete(page))
    else:
        check(page, written)
    page.screenshot(path=folder / f"{name}.png", animations="disabled", caret="hide")
    page.emulate_media(color_scheme="light")


def _looks(page: Page, patience: float = _PATIENCE) -> Iterator[str]:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        yield outline(page)
        page.wait_for_timeout(200)


def _complete(page: Page) -> str:
    """Return the outline once it has not changed for longer than an update of the page takes."""
    last, same = "", 0
    for seen in _looks(page):
        last, same = seen, same + 1 if seen == last else 0
        if same == _SAME:
            return seen
    raise AssertionError("the page does not stop changing")


def check(page: Page, written: Path, patience: float = _PATIENCE) -> None:
    """Fail unless the page's outline is the written one within some seconds."""
    expected = written.read_text() if written.is_file() else ""
    seen = ""
    for seen in _looks(page, patience):
        if seen == expected:
            return
    difference = "".join(unified_diff(expected.splitlines(True), seen.splitlines(True), written.name, "now"))
    raise AssertionError(
        f"The page differs from its picture in docs/pages/images. Run: make screenshots\n{difference}"
    )
