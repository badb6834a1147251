"""The web pages under load, in a real browser: how long they block the user, and how much memory they keep.

Two tabs: the list of ten thousand machines, and a machine with 500 results per second. A task of the browser
that takes 50 ms or more is long (the Long Tasks API): until it ends, nothing moves and no key has an effect.
The Event Timing API measures the time from a key press until its effect is on the screen. Memory is the
JavaScript heap after garbage collection, of each tab, while both continue.
"""

import re
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import cycle
from statistics import median
from typing import Any, Final

from msgspec import Struct
from playwright.sync_api import Browser, Page

from tests.bench.figure import Figure, number
from tests.bench.fleet import installation
from tests.bench.latency import LOGIC, Sending, percentile
from tests.bench.machines import make
from tests.bench.progress import announce
from tests.bench.size import Size
from tests.pages.browser import started

#: Machines in the list, and results per second of the machine on the other page.
MACHINES: Final = 10_000
RATE: Final = 500
LIVE: Final = "live"

#: Pixels of one turn of the wheel, and the number of turns.
_WHEEL: Final = 600
_TURNS: Final = 1_200

#: Seconds for which the machine's page is only open, and seconds between two measurements of the memory.
_LOOKED_AT: Final = 10
_STEP: Final = 5

#: Typed texts, and the milliseconds between two keys.
_SEARCH: Final = "near-12"
_DRAFT: Final = "limit = config.get('limit', 90)  # degrees"
_KEYS_MS: Final = 80

#: Records long tasks, and the time from a key press until its effect is visible.
_WATCH: Final = """
window.longTasks = []; window.pressed = [];
new PerformanceObserver(list => window.longTasks.push(...list.getEntries().map(each => each.duration)))
    .observe({ type: 'longtask' });
new PerformanceObserver(list => window.pressed.push(...list.getEntries()
    .filter(each => each.name === 'keydown').map(each => each.duration)))
    .observe({ type: 'event', durationThreshold: 16 });
"""


class Smoothness(Struct, frozen=True):
    """The measurements while a user did something for `seconds`.

    They are the durations of the long tasks, and of the keys that took 16 ms or more until their effect was
    visible (milliseconds, rounded to 8).
    """

    seconds: float
    long_ms: list[float]
    keys_ms: list[float]

    def __str__(self) -> str:
        if not self.long_ms:
            return f"no long task in {number(self.seconds)} s"
        count, together = len(self.long_ms), number(sum(self.long_ms))
        long = f"{count} long task{'s' if count > 1 else ''} in {number(self.seconds)} s"
        return f"{long}, p50 {number(median(self.long_ms))} ms, together {together} ms"

    @property
    def longest_ms(self) -> float:
        """The longest task; 0 if none was long."""
        return max(self.long_ms, default=0)


class Pages(Struct, frozen=True):
    """`heaps` are the MiB of each tab, over `minutes`; `rows` is the maximum of rows in the document."""

    machines: int
    listed: int
    rows: int
    scrolling: Smoothness
    searching: Smoothness
    looking: Smoothness
    writing: Smoothness
    minutes: float
    heaps: dict[str, list[float]]

    def figures(self) -> list[Figure]:
        return [
            _longest(f"scrolling through {self.listed:,} of {self.machines:,} machines", self.scrolling),
            Figure(name="rows in the document at the most", value=self.rows, at_most=100),
            _longest("typing into the search beside them", self.searching),
            _key("a key in the search until it is seen", self.searching),
            _longest(f"looking at a machine with {RATE} results/s", self.looking),
            _longest("writing logic beside them", self.writing),
            _key("a key in the editor until it is seen", self.writing),
            *(self._heap(name, heap) for name, heap in self.heaps.items()),
        ]

    def _heap(self, name: str, heap: Sequence[float]) -> Figure:
        quarter = max(len(heap) // 4, 1)
        second, last = median(heap[quarter : 2 * quarter] or heap), median(heap[-quarter:])
        return Figure(
            name=f"memory of {name} over {number(self.minutes)} minutes, last quarter to second",
            value=last / second,
            at_most=1.05,
            against=f"second quarter: {number(second)} MiB, last: {number(last)} MiB",
        )


def _longest(what: str, seen: Smoothness) -> Figure:
    return Figure(
        name=f"{what}, the longest task", value=seen.longest_ms, unit="ms", at_most=200, against=str(seen)
    )


def _key(what: str, seen: Smoothness) -> Figure:
    slow = sorted(seen.keys_ms)
    return Figure(
        name=f"{what}, at the longest",
        value=max(slow, default=0),
        unit="ms",
        # The authors of the Event Timing API call this good for an interaction.
        at_most=200,
        against=f"p50 {number(percentile(slow, 50))} ms" if slow else "none took 16 ms",
    )


def measure(size: Size) -> Pages:
    """Use the list and a machine's page for a while, and then leave both open for a long time."""
    with ExitStack() as stack:
        plant = stack.enter_context(installation())
        plant.environ["IOT_LOGIC_EVENTS_RATE"] = str(2 * RATE)
        announce(f"pages: {MACHINES:,} machines are made")
        make(plant, MACHINES)
        plant.start_api()
        plant.upload(LIVE, LOGIC)
        plant.start_worker(1, 4)
        browser = stack.enter_context(started())
        stack.enter_context(Sending(plant, [LIVE], RATE))
        origin = plant.environ["IOT_LOGIC_API_URL"]
        announce("pages: the list")
        fleet, (scrolling, rows, listed), searching = _fleet(browser, origin)
        announce("pages: a machine")
        machine, looking, writing = _machine(browser, origin)
        announce(f"pages: memory, {number(size.page_minutes)} minutes")
        heaps = _memory({"the list": fleet, "the machine's page": machine}, size.page_minutes * 60)
    return Pages(MACHINES, listed, rows, scrolling, searching, looking, writing, size.page_minutes, heaps)


def _fleet(browser: Browser, origin: str) -> tuple[Page, tuple[Smoothness, int, int], Smoothness]:
    page = _open(browser, f"{origin}/#/machines")
    page.get_by_role("link", name="far-0", exact=True).wait_for()
    search = page.get_by_role("searchbox")
    search.focus()
    began = _begin(page)
    for _ in range(3):
        page.keyboard.type(_SEARCH, delay=_KEYS_MS)
        for _ in _SEARCH:
            page.keyboard.press("Backspace", delay=_KEYS_MS)
    page.wait_for_timeout(1_000)
    searching = _end(page, began)
    page.get_by_role("link", name="far-0", exact=True).wait_for()
    page.mouse.move(600, 600)
    rows, began = 0, _begin(page)
    for turn in range(_TURNS):
        page.mouse.wheel(0, _WHEEL)
        page.wait_for_timeout(40)
        if turn % 20 == 0:
            rows = max(rows, page.locator("tbody tr").count())
            if page.get_by_text(re.compile("All [0-9,]+ machines are shown")).count() and _is_at_end(page):
                break
    scrolling = _end(page, began)
    listed = round(page.evaluate("document.querySelector('tbody').getBoundingClientRect().height / 40"))
    return page, (scrolling, rows, listed), searching


def _is_at_end(page: Page) -> bool:
    return bool(page.evaluate("scrollY + innerHeight >= document.documentElement.scrollHeight - 2"))


def _machine(browser: Browser, origin: str) -> tuple[Page, Smoothness, Smoothness]:
    page = _open(browser, f"{origin}/#/machines/{LIVE}")
    page.get_by_role("heading", name=LIVE, level=1).wait_for()
    began = _begin(page)
    page.wait_for_timeout(_LOOKED_AT * 1_000)
    looking = _end(page, began)
    page.goto(f"{origin}/#/machines/{LIVE}?tab=logic")
    editor = page.get_by_role("textbox", name=f"Logic of {LIVE}")
    editor.focus()
    page.keyboard.press("Control+End")
    began = _begin(page)
    for _ in range(3):
        page.keyboard.press("Enter")
        page.keyboard.type(_DRAFT, delay=_KEYS_MS)
    page.wait_for_timeout(1_000)
    writing = _end(page, began)
    # Undo the typing, so that the page does not ask for confirmation before it is left.
    for _ in range(200):
        page.keyboard.press("Control+z")
    page.goto(f"{origin}/#/machines/{LIVE}")
    return page, looking, writing


def _memory(pages: dict[str, Page], seconds: float) -> dict[str, list[float]]:
    """Return the MiB of each page's heap, every few seconds, in turn."""
    heaps: dict[str, list[float]] = {name: [] for name in pages}
    sessions = {name: page.context.new_cdp_session(page) for name, page in pages.items()}
    until = time.monotonic() + seconds
    for name in cycle(pages):
        sessions[name].send("HeapProfiler.collectGarbage")
        used: dict[str, Any] = sessions[name].send("Runtime.getHeapUsage")
        heaps[name].append(used["usedSize"] / 1024**2)
        if time.monotonic() > until and all(len(heap) >= 4 for heap in heaps.values()):
            return heaps
        pages[name].wait_for_timeout(_STEP * 1_000 / len(pages))
    return heaps


def _open(browser: Browser, address: str) -> Page:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    context.add_init_script(_WATCH)
    page = context.new_page()
    page.goto(address)
    return page


def _begin(page: Page) -> float:
    page.evaluate("longTasks.length = 0, pressed.length = 0")
    return time.monotonic()


def _end(page: Page, began: float) -> Smoothness:
    seen: dict[str, list[float]] = page.evaluate("({ long: [...longTasks], keys: [...pressed] })")
    return Smoothness(time.monotonic() - began, seen["long"], seen["keys"])
