"""A plant that is stopped: every view says what is down and since when, and calls nothing running or live."""

import re
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.pages.browser import Watch, axe, screenshot, wait_until_it_fits
from tests.pages.conftest import wait_until_it_works
from tests.support.installation import Command, Installation
from tests.support.servers import OwnServers, servers_of_its_own
from tests.support.waiting import wait_until

LOGIC = "def process(data, state):\n    return {'n': data['n']}\n"

#: Views that need different things of the plant.
VIEWS = ("machines", "machines/press", "machines/press?tab=readings", "dead-letters", "alarms", "system")

#: The badges of a machine that runs and of a page that is live.
RUNS = re.compile("● (running|live)")


@pytest.fixture(scope="module")
def servers() -> Iterator[OwnServers]:
    with servers_of_its_own() as servers:
        yield servers


@pytest.fixture(scope="module")
def plant(servers: OwnServers) -> Iterator[Installation]:
    """API and worker on servers that the tests stop."""
    with Installation(servers.rabbitmq.amqp_url, servers.redis.url, servers.rabbitmq.mqtt_url) as plant:
        plant.start_api()
        plant.start_worker()
        wait_until_it_works(plant)
        plant.upload("press", LOGIC)
        plant.send([("press", {"n": 1})])
        wait_until(lambda: plant.client.get("/machines/press").json().get("readings") == 1)
        yield plant


def banner(page: Page) -> Locator:
    return page.get_by_role("alert", name="State of the plant")


def runs(page: Page, origin: str, plant: Installation) -> None:
    """Expect that all is well, on a machine's page. A worker is started if none runs."""
    if not running(plant, "dramatiq"):
        plant.start_worker()
    page.goto(f"{origin}/#/machines/press")
    expect(banner(page)).to_have_count(0)
    main = page.get_by_role("main")
    expect(main).to_contain_text("● running")
    expect(main).to_contain_text("● live")
    expect(main).not_to_contain_text("Not updated")
    expect(page.get_by_role("link", name="System")).to_have_text("System")


def is_stopped(page: Page, origin: str, sentence: str, mark: str = "stopped") -> None:
    """Expect that every view names what is down with a time, marks it, and calls nothing running or live."""
    for view in VIEWS:
        page.goto(f"{origin}/#/{view}")
        page.get_by_role("heading", level=1).wait_for()
        expect(banner(page)).to_contain_text(re.compile(rf"{sentence} since \d\d:\d\d"))
        expect(banner(page).get_by_role("link")).to_have_attribute("href", "#/system")
        expect(
            page.get_by_role("navigation", name="Views").get_by_role("link", name="System")
        ).to_contain_text(mark)
        expect(page.get_by_role("main")).not_to_contain_text(RUNS)


def values(page: Page, chart: str) -> Locator:
    """Return the values of now above a chart."""
    return page.get_by_role("heading", name=chart).locator("xpath=following-sibling::p")


def running(plant: Installation, name: str) -> list[Command]:
    """Return the commands of this name that run."""
    return [each for each in plant.commands if each.name == name and each.process.poll() is None]


def test_without_a_worker_readings_wait_and_nothing_is_called_running(
    page: Page, origin: str, plant: Installation
) -> None:
    runs(page, origin, plant)
    running(plant, "dramatiq")[0].stop()
    plant.send(("press", {"n": each}) for each in range(12))

    is_stopped(page, origin, "No worker has been available")
    expect(banner(page)).to_contain_text(
        "so no readings are processed. They wait in RabbitMQ, and none is lost."
    )
    [outage] = plant.client.get("/outages").json()["outages"]
    assert outage["part"] == "workers"
    # The time is the API's, so it is the same after the page was opened again.
    page.reload()
    expect(banner(page)).to_contain_text(f"since {outage['since'][11:16]}")
    expect(values(page, "Waiting readings")).to_have_text(re.compile("not processed yet: 12"))
    expect(values(page, "Waiting time in seconds")).to_contain_text(
        re.compile("oldest waiting:\\s+not known", re.DOTALL)
    )
    expect(page.get_by_role("figure", name="Waiting time in seconds")).to_contain_text(
        "oldest waiting not known"
    )
    expect(page.get_by_role("table", name="Partitions")).to_contain_text(
        "not known: no worker has this partition"
    )
    expect(page.get_by_role("table", name="Partitions")).not_to_contain_text("stuck")

    page.goto(f"{origin}/#/machines")
    expect(page.get_by_role("navigation", name="Machines by health")).to_contain_text("not processed 1")
    press = page.get_by_role("row").filter(has_text="press")
    expect(press).to_contain_text("not processed")
    expect(press).to_contain_text("not known: No worker has been available since")
    page.goto(f"{origin}/#/machines/press")
    expect(page.get_by_text("The present health of this machine is not known.")).to_be_visible()
    expect(page.get_by_text("Not updated: the values are as of")).to_be_visible()

    runs(page, origin, plant)


@pytest.mark.parametrize("view", ["machines", "machines/press", "system"])
def test_the_pages_of_a_stopped_plant_pass_axe_and_fit_a_phone(
    page: Page, origin: str, plant: Installation, view: str
) -> None:
    for each in running(plant, "dramatiq"):
        each.stop()
    page.goto(f"{origin}/#/{view}")
    banner(page).wait_for()
    page.get_by_role("main").get_by_text(
        "Not updated" if "machines" in view else "Partition"
    ).first.wait_for()
    name = f"stopped-{view.replace('/', '-')}"

    assert axe(page) == []
    screenshot(page, name)
    page.set_viewport_size({"width": 390, "height": 844})
    wait_until_it_fits(page)
    assert axe(page) == []
    screenshot(page, f"{name}-phone")


def test_without_rabbitmq_nothing_is_called_running(
    page: Page, watch: Watch, origin: str, plant: Installation, servers: OwnServers
) -> None:
    watch.allow("503")
    runs(page, origin, plant)
    servers.rabbitmq.kill()
    try:
        is_stopped(page, origin, "RabbitMQ has been unavailable")
        expect(banner(page)).to_contain_text("so no readings are accepted or processed.")
        expect(banner(page)).not_to_contain_text("worker")
        expect(values(page, "Waiting readings")).to_contain_text(
            "not known: RabbitMQ or Redis does not answer"
        )
        page.goto(f"{origin}/#/dead-letters")
        expect(page.get_by_text("The number waiting in RabbitMQ is unknown at the moment.")).to_be_visible()
    finally:
        servers.rabbitmq.start()
    runs(page, origin, plant)


def test_without_redis_all_values_are_old(
    page: Page, watch: Watch, origin: str, plant: Installation, servers: OwnServers
) -> None:
    watch.allow("503")
    runs(page, origin, plant)
    servers.redis.kill()
    try:
        # The values that the page has read before stay, with their age.
        expect(page.get_by_text("Not updated: the values are as of")).to_have_count(1)
        expect(page.get_by_role("main")).to_contain_text("▲ not processed")
        is_stopped(page, origin, "Redis has been unavailable")
        expect(values(page, "Readings per second")).to_contain_text(
            "not known: workers report it through Redis, which does not answer"
        )
        expect(page.get_by_role("link", name="Alarms")).to_contain_text("The number is unknown.")
        assert axe(page) == []
        screenshot(page, "stopped-redis")
    finally:
        servers.redis.start()
    runs(page, origin, plant)


def test_without_an_answer_of_the_api_nothing_is_known(
    page: Page, watch: Watch, origin: str, plant: Installation
) -> None:
    watch.allow("Failed to load resource")
    for view in VIEWS:  # their parts are loaded before the API stops
        page.goto(f"{origin}/#/{view}")
        page.get_by_role("heading", level=1).wait_for()
    runs(page, origin, plant)
    running(plant, "iot-api")[0].stop()

    main = page.get_by_role("main")
    expect(main).not_to_contain_text(RUNS)
    expect(main).to_contain_text("not known")
    expect(page.get_by_text("Not updated: the values are as of")).to_have_count(1)
    is_stopped(page, origin, "The API has not answered", "not known")
    plant.start_api()
    runs(page, origin, plant)


def test_an_api_that_hangs_is_noticed(page: Page, origin: str, plant: Installation) -> None:
    page.goto(f"{origin}/#/system")
    says = page.get_by_role("status", name="System status")
    expect(says).to_contain_text("All 8 partitions have a worker")
    api = running(plant, "iot-api")[0].process
    api.send_signal(signal.SIGSTOP)
    try:
        expect(banner(page)).to_contain_text("It did not answer a request within 10 seconds.", timeout=60_000)
        expect(says).to_contain_text("The state of the system is not known")
        expect(page.get_by_role("main")).not_to_contain_text("● answers")
        expect(values(page, "Waiting readings")).to_contain_text("not known: the API does not answer")
    finally:
        api.send_signal(signal.SIGCONT)
    runs(page, origin, plant)
