"""The works: whether the pipeline keeps up is told in a sentence, and what does not with what to do."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.installation import Installation
from tests.pages.browser import Watch, axe, screenshot
from tests.waiting import wait_until

LOGIC = "def process(data, state):\n    return {'n': data['n']}\n"


@pytest.fixture(scope="module")
def plant(module_installation: Installation) -> Installation:
    """Broker, Redis and an API that knows where other pages are; a worker is started by who needs one."""
    module_installation.environ |= {
        "IOT_LOGIC_RABBITMQ_PAGE": "http://127.0.0.1:15672",
        "IOT_LOGIC_DOCS_PAGE": "http://docs.example/iot-logic/",
    }
    module_installation.start_api()
    module_installation.upload("press", LOGIC)
    return module_installation


def test_without_a_worker_it_says_so_how_many_wait_and_how_to_start_one(
    page: Page, origin: str, plant: Installation
) -> None:
    plant.send(("press", {"n": each}) for each in range(12))
    page.goto(f"{origin}/#/works")
    says = page.get_by_role("status", name="How the pipeline does")

    expect(says).to_contain_text("No worker is there: nothing is processed, and 12 readings wait.")
    expect(says).to_contain_text("dramatiq pipeline.actors")
    expect(says.get_by_role("link", name="All that can be done")).to_have_attribute(
        "href", "http://docs.example/iot-logic/alerts/no-worker.html"
    )
    expect(page.get_by_role("heading", name="No worker")).to_be_visible()
    assert axe(page) == []
    screenshot(page, "works-no-worker")


def test_with_a_worker_all_partitions_are_served_and_nothing_waits(
    page: Page, origin: str, plant: Installation
) -> None:
    plant.start_worker(1, 2)
    page.goto(f"{origin}/#/works")

    expect(page.get_by_role("status", name="How the pipeline does")).to_contain_text(
        "All 8 partitions are served, nothing waits."
    )
    workers = page.get_by_role("table", name="Workers")
    expect(workers.get_by_role("row")).to_have_count(2)
    expect(workers).to_contain_text("0–7")
    expect(workers.get_by_role("row").nth(1)).to_contain_text(re.compile(r"process \d+"))
    partitions = page.get_by_role("table", name="Partitions")
    expect(partitions.get_by_role("row")).to_have_count(9)
    expect(page.get_by_role("link", name="RabbitMQ’s page")).to_have_attribute(
        "href", "http://127.0.0.1:15672"
    )
    expect(page.get_by_role("figure")).to_have_count(3)
    expect(page.get_by_role("figure", name="Readings a second")).to_contain_text(
        re.compile("[2-9] points. Last values: done a second")
    )
    assert axe(page) == []
    screenshot(page, "works")


def test_the_queues_are_asked_for_only_when_somebody_looks(page: Page, watch: Watch, origin: str) -> None:
    page.goto(f"{origin}/#/works")
    page.get_by_role("table", name="Partitions").wait_for()
    assert not any("/queues" in url for url in watch.requests)
    page.get_by_text("Queues, by their names in RabbitMQ").click()

    queues = page.get_by_role("table", name="Queues")
    expect(queues.get_by_role("row")).to_have_count(18)
    expect(queues).to_contain_text("readings.7")
    assert axe(page) == []


def test_what_was_seen_is_there_when_one_comes_back(page: Page, origin: str) -> None:
    figure = page.get_by_role("figure", name="Readings a second")
    page.goto(f"{origin}/#/works")
    expect(figure).to_contain_text(re.compile("[2-9] points"))
    page.get_by_role("link", name="Profiles").click()
    page.get_by_role("heading", name="Profiles").wait_for()
    page.go_back()

    expect(figure).to_contain_text(re.compile("([3-9]|[1-9][0-9]) points"))


def test_a_worker_that_vanishes_is_told_with_its_partitions(
    page: Page, origin: str, plant: Installation
) -> None:
    plant.commands[-1].kill()
    wait_until(lambda: plant.client.get("/workers").json()["vanished"] != [], timeout=30)
    page.goto(f"{origin}/#/works")

    expect(page.get_by_role("status", name="How the pipeline does")).to_contain_text(
        "A worker has vanished without saying why"
    )
    expect(page.get_by_role("table", name="Workers that vanished")).to_contain_text("0–7")
    assert axe(page) == []


def test_a_tablet_needs_no_scrolling_to_the_side(page: Page, origin: str, plant: Installation) -> None:
    plant.start_worker(1, 2)
    page.set_viewport_size({"width": 768, "height": 1024})
    page.goto(f"{origin}/#/works")
    expect(page.get_by_role("table", name="Partitions")).to_contain_text("process")

    assert page.evaluate("document.documentElement.scrollWidth") <= 768


@pytest.mark.parametrize(
    ("service", "sentence", "page_name"),
    [
        ("redis", "Redis is unavailable: it is gone", "redis-faults"),
        ("rabbitmq", "RabbitMQ is unavailable: it is gone", "broker-down"),
    ],
)
def test_what_it_stands_on_is_told_where_it_is_missing(
    page: Page, watch: Watch, origin: str, service: str, sentence: str, page_name: str
) -> None:
    watch.allow("503")
    problem = {
        "title": "Service Unavailable",
        "status": 503,
        "detail": sentence,
        "errors": [{"service": service, "message": sentence}],
    }
    page.route(
        re.compile("/health/ready|/partitions|/workers|/dead-letters"),
        lambda route: route.fulfill(status=503, json=problem),
    )
    page.goto(f"{origin}/#/works")
    says = page.get_by_role("status", name="How the pipeline does")

    expect(says).to_contain_text(sentence)
    expect(says.get_by_role("link").first).to_have_attribute("href", re.compile(f"alerts/{page_name}.html"))
    expect(page.get_by_role("definition").filter(has_text="does not answer")).to_have_count(1)
    assert axe(page) == []


def test_readings_that_wait_are_told_with_how_long_and_what_to_do(page: Page, origin: str) -> None:
    state = {
        "assigned_to": None,
        "held_by": ["w"],
        "ready": 1_500,
        "overflow": 0,
        "held": 0,
        "rate": 50.0,
        "seconds_behind": 30.0,
    }
    page.route(
        re.compile("/partitions"),
        lambda route: route.fulfill(
            json={"partitions": [{"partition": each, **state} for each in range(8)], "next": None}
        ),
    )
    page.goto(f"{origin}/#/works")

    says = page.get_by_role("status", name="How the pipeline does")
    expect(says).to_contain_text("Readings wait: 12,000.")
    expect(says).to_contain_text("At the present rate they are done in 30 s.")
    expect(says.get_by_role("link").first).to_have_attribute("href", re.compile("alerts/lag.html"))
