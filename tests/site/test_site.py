"""The site of the docs: it builds without warnings, loads nothing from other hosts, and is complete."""

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import pytest
from litestar.routes import HTTPRoute
from msgspec.structs import fields

from docs import reference
from docs.reference.command import parsers
from docs.reference.metrics import api_registry, exposed, worker_registry
from docs.reference.rest import application
from docs.reference.wire import document as wire_document
from pipeline.model.dead_letter import KINDS
from pipeline.settings import limit_variable, setting_fields, variable
from pipeline.telemetry.otel_settings import trace_fields, trace_variable
from sandbox.limits import Limits
from web.http.problems import MEANINGS

DOCS: Final = Path(__file__).parents[2] / "docs"

#: The attributes of elements that a browser loads by itself; for a link, its purpose.
_FETCHED: Final = {"img": "src", "script": "src", "iframe": "src", "source": "src", "object": "data"}
_LINKS: Final = {"stylesheet", "icon", "preload", "prefetch", "modulepreload", "manifest"}


class Page(HTMLParser):
    """The files that a page loads, its links, and its anchors."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.fetched, self.links, self.places = list[str](), list[str](), {""}
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.places |= {attributes.get("id", "")}
        if source := attributes.get(_FETCHED.get(tag, "")):
            self.fetched.append(source)
        if tag == "link" and _LINKS & set(attributes.get("rel", "").split()):
            self.fetched.append(attributes.get("href", ""))
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """The pages of the site, as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", str(DOCS)]
    done = subprocess.run(
        [*command, str(folder)], cwd=DOCS.parent, capture_output=True, text=True, timeout=240
    )
    assert (done.returncode, done.stderr) == (0, "")
    return {path: Page(path) for path in folder.rglob("*.html")}


def test_no_page_loads_from_another_host(site: dict[Path, Page]) -> None:
    assert [
        (path.name, url) for path, page in site.items() for url in page.fetched if is_elsewhere(url)
    ] == []
    assert any(page.fetched for page in site.values())


def test_no_stylesheet_or_drawing_loads_from_another_host(site: dict[Path, Page]) -> None:
    folder = common_folder(site)
    files = [each for each in folder.rglob("*") if each.suffix in {".css", ".svg"}]
    asked = [(each.name, url) for each in files for url in fetched_by(each.read_text()) if is_elsewhere(url)]

    assert asked == []
    assert {".css", ".svg"} <= {each.suffix for each in files}


def test_an_address_on_another_host_is_detected(tmp_path: Path) -> None:
    html = tmp_path / "page.html"
    html.write_text(
        '<link rel="stylesheet" href="//fonts.example/a.css"><script src="https://x.example/a.js">'
    )

    assert all(is_elsewhere(url) for url in Page(html).fetched)
    assert len(Page(html).fetched) == 2
    assert list(
        fetched_by("@import 'https://x.example/a.css'; b { background: url(//x.example/b.png) }")
    ) == [
        "https://x.example/a.css",
        "//x.example/b.png",
    ]


def test_no_link_inside_the_site_is_broken(site: dict[Path, Page]) -> None:
    dead = [
        (path.name, link) for path, page in site.items() for link in page.links if is_dead(path, link, site)
    ]

    assert dead == []


def test_every_page_is_in_the_contents(site: dict[Path, Page]) -> None:
    index = site[common_folder(site) / "index.html"]

    assert {f"{page.stem}.html" for page in DOCS.glob("*.md")} - {"index.html"} <= set(index.links)


def test_every_generated_table_is_on_a_page() -> None:
    used = [name for page in DOCS.glob("*.md") for name in reference.markers(page.read_text())]

    assert sorted(used) == sorted(reference.TABLES)


def test_every_setting_and_limit_is_in_the_reference() -> None:
    variables = [variable(each) for each in setting_fields()]
    limits = [limit_variable(each) for each in fields(Limits)]

    assert missing(variables, "settings.md") == []
    assert missing([trace_variable(each) for each in trace_fields()], "settings.md") == []
    assert missing(limits, "limits.md") == []


def test_every_route_is_in_the_reference() -> None:
    # The web pages are not part of the API.
    routes = [
        f"### {method} {route.path_format}\n"
        for route in application().routes
        if isinstance(route, HTTPRoute) and not route.path.startswith("/schema")
        for method, (handler, _) in route.route_handler_map.items()
        if method != "OPTIONS" and handler.resolve_include_in_schema()
    ]

    assert len(routes) > 40
    assert missing(routes, "rest.md") == []


def test_every_address_and_message_is_in_the_reference() -> None:
    wire = wire_document()
    addresses = [f"`{each['address']}`" for each in wire["channels"].values()]
    queues = [f"`{each['name']}`" for each in wire["x-topology"]["queues"]]
    messages = [f"### {name}\n" for name in wire["components"]["messages"]]

    assert missing([*addresses, *queues, *messages], "wire.md") == []


def test_every_metric_is_in_the_reference() -> None:
    metrics = [
        f"`{exposed(metric)}`" for each in (worker_registry(), api_registry()) for metric in each.collect()
    ]

    assert len(metrics) > 30
    assert missing(metrics, "metrics.md") == []


def test_every_command_and_option_is_in_the_reference() -> None:
    found = [
        text
        for parser in parsers()
        for text in (
            f"## {parser.prog}\n",
            *(option for action in parser._actions for option in action.option_strings),
        )
    ]

    assert {"## iot-logic push\n", "## iot-devices replay\n", "--dry-run"} <= set(found)
    assert missing(found, "commands.md") == []


def test_every_command_is_on_the_page_about_its_purpose() -> None:
    headings = re.findall(r"^## (.+)$", (DOCS / "command.md").read_text(), re.MULTILINE)
    placed = {name for heading in headings for name in heading.split(" and ")}
    names = {parser.prog.split()[1] for parser in parsers() if parser.prog.startswith("iot-logic ")}

    assert names - placed == set()


def test_every_kind_of_dead_letter_and_every_status_is_in_the_reference() -> None:
    kinds = [f"| `{kind}` |" for kind in KINDS]
    statuses = [f"| `{status}` |" for status in MEANINGS]

    assert missing([*kinds, *statuses], "errors.md") == []


def test_a_missing_name_is_detected() -> None:
    assert missing(["IOT_LOGIC_NO_SUCH_SETTING"], "settings.md") == ["IOT_LOGIC_NO_SUCH_SETTING"]


def missing(texts: list[str], page: str) -> list[str]:
    """Return the names that a page, with its tables, does not contain."""
    text = reference.filled((DOCS / page).read_text())
    return [each for each in texts if each not in text]


def fetched_by(text: str) -> Iterator[str]:
    """Return the files that a stylesheet or a drawing loads."""
    for found in re.finditer(
        r"""@import\s+["']([^"']+)|url\(\s*["']?([^"')]+)|(?:xlink:href|<image[^>]+href|src)="([^"]+)""", text
    ):
        yield next(each for each in found.groups() if each)


def is_elsewhere(url: str) -> bool:
    """Return whether an address is on another host."""
    return urlsplit(url).scheme in {"http", "https"} or url.startswith("//")


def is_dead(path: Path, link: str, site: dict[Path, Page]) -> bool:
    """Return whether a link inside the site is broken."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return False
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target in site:
        return unquote(parts.fragment) not in site[target].places
    return not target.is_file()


def common_folder(site: dict[Path, Page]) -> Path:
    """Return the folder of the site."""
    return min((path.parent for path in site), key=lambda each: len(each.parts))
