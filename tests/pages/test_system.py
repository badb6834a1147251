"""The System page: whether the pipeline keeps up, in one sentence, and what to do if it does not."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.pages.browser import Watch, axe, screenshot
from tests.support.installation import Installation
from tests.support.waiting import wait_until

LOGIC = "def process(data, state):\n    return {'n': data['n']}\n"


@pytest.fixture(scope="module")
def plant(module_installation: Installation) -> Installation:
    """Broker, Redis, and an API that knows the other pages. The tests start workers themselves."""
    module_installation.environ |= {
        "IOT_LOGIC_RABBITMQ_PAGE": "http://127.0.0.1:15672",
        "IOT_LOGIC_DOCS_PAGE": "http://docs.example/iot-logic/",
    }
    module_installation.start_api()
    module_installation.upload("press", LOGIC)
    return module_installation


def test_without_a_worker_the_page_says_how_many_readings_wait_and_how_to_start_one(
    page: Page, origin: str, plant: Installation
) -> None:
    plant.send(("press", {"n": each}) for each in range(12))
    page.goto(f"{origin}/#/system")
    says = page.get_by_role("status", name="System status")

    expect(says).to_contain_text(
        "No worker is running, so no readings are processed. 12 readings are waiting."
    )
    expect(says).to_contain_text("dramatiq pipeline.actors")
    expect(says.get_by_role("link", name="Read what to do")).to_have_attribute(
        "href", "http://docs.example/iot-logic/alerts/no-worker.html"
    )
    expect(page.get_by_role("heading", name="No workers")).to_be_visible()
    assert axe(page) == []
    screenshot(page, "system-no-worker")


def test_with_a_worker_all_partitions_are_served_and_no_readings_wait(
    page: Page, origin: str, plant: Installation
) -> None:
    plant.start_worker(1, 2)
    page.goto(f"{origin}/#/system")

    expect(page.get_by_role("status", name="System status")).to_contain_text(
        "All 8 partitions have a worker, and no readings are waiting."
    )
    workers = page.get_by_role("table", name="Workers")
    expect(workers.get_by_role("row")).to_have_count(2)
    expect(workers).to_contain_text("0–7")
    expect(workers.get_by_role("row").nth(1)).to_contain_text(re.compile(r"process \d+"))
    partitions = page.get_by_role("table", name="Partitions")
    expect(partitions.get_by_role("row")).to_have_count(9)
    expect(page.get_by_role("link", name="RabbitMQ management")).to_have_attribute(
        "href", "http://127.0.0.1:15672"
    )
    expect(page.get_by_role("figure")).to_have_count(3)
    expect(page.get_by_role("figure", name="Readings per second")).to_contain_text(
        re.compile("[2-9] points, .*[.] Last values: processed per second")
    )
    assert axe(page) == []
    screenshot(page, "system")


def test_the_queues_are_read_only_while_their_part_is_open(page: Page, watch: Watch, origin: str) -> None:
    page.goto(f"{origin}/#/system")
    page.get_by_role("table", name="Partitions").wait_for()
    assert not any("/queues" in url for url in watch.requests)
    page.get_by_text("Queues in RabbitMQ").click()

    queues = page.get_by_role("table", name="Queues")
    expect(queues.get_by_role("row")).to_have_count(19)
    expect(queues).to_contain_text("readings.7")
    assert axe(page) == []


def test_the_charts_keep_their_history_while_another_page_is_open(page: Page, origin: str) -> None:
    figure = page.get_by_role("figure", name="Readings per second")
    page.goto(f"{origin}/#/system")
    expect(figure).to_contain_text(re.compile("[2-9] points"))
    page.get_by_role("link", name="Profiles").click()
    page.get_by_role("heading", name="Profiles", level=1).wait_for()
    page.go_back()

    expect(figure).to_contain_text(re.compile("([3-9]|[1-9][0-9]) points"))


def test_a_lost_worker_is_shown_with_its_partitions(page: Page, origin: str, plant: Installation) -> None:
    plant.commands[-1].kill()
    wait_until(lambda: plant.client.get("/workers").json()["vanished"] != [], timeout=30)
    page.goto(f"{origin}/#/system")

    expect(page.get_by_role("status", name="System status")).to_contain_text(
        "A worker has stopped reporting without a shutdown."
    )
    expect(page.get_by_role("table", name="Lost workers")).to_contain_text("0–7")
    assert axe(page) == []


def test_a_tablet_needs_no_scrolling_to_the_side(page: Page, origin: str, plant: Installation) -> None:
    plant.start_worker(1, 2)
    page.set_viewport_size({"width": 768, "height": 1024})
    page.goto(f"{origin}/#/system")
    expect(page.get_by_role("table", name="Partitions")).to_contain_text("process")

    assert page.evaluate("document.documentElement.scrollWidth") <= 768


@pytest.mark.parametrize(
    ("service", "sentence", "page_name"),
    [
        ("redis", "Redis is unavailable: it is gone", "redis-faults"),
        ("rabbitmq", "RabbitMQ is unavailable: it is gone", "broker-down"),
    ],
)
def test_a_missing_service_is_named(
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
    page.goto(f"{origin}/#/system")
    says = page.get_by_role("status", name="System status")

    expect(says).to_contain_text(sentence)
    expect(says.get_by_role("link").first).to_have_attribute("href", re.compile(f"alerts/{page_name}.html"))
    expect(page.get_by_role("definition").filter(has_text="does not answer")).to_have_count(1)
    assert axe(page) == []


def test_waiting_readings_are_shown_with_the_lag_and_what_to_do(page: Page, origin: str) -> None:
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
    page.goto(f"{origin}/#/system")

    says = page.get_by_role("status", name="System status")
    expect(says).to_contain_text("12,000 readings are waiting.")
    expect(says).to_contain_text("At the current rate, processing them takes 30 s.")
    expect(says.get_by_role("link").first).to_have_attribute("href", re.compile("alerts/lag.html"))
