"""A running system, and a terminal next to it as after `make run`."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from pipeline.local.servers import LocalRabbitmq
from tests.recipes.programs import ensure_installed
from tests.recipes.recipe import RECIPES
from tests.site.console import Terminal
from tests.support.installation import Installation
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def plant(module_installation: Installation, rabbitmq: LocalRabbitmq) -> Iterator[Installation]:
    """The system with an API and a worker. MQTT clients reach it without the name of its virtual host."""
    vhost = urlsplit(module_installation.amqp_url).path.removeprefix("/")
    assert rabbitmq.management_url
    mapping = "/api/global-parameters/mqtt_port_to_vhost_mapping"
    with httpx.Client(base_url=rabbitmq.management_url, timeout=30) as management:
        value = {str(urlsplit(rabbitmq.mqtt_url).port): vhost}
        management.put(mapping, json={"value": value}).raise_for_status()
        module_installation.start_api()
        module_installation.start_worker()
        partitions = module_installation.client.get
        wait_until(lambda: all(each["held_by"] for each in partitions("/partitions").json()["partitions"]))
        yield module_installation
        management.delete(mapping).raise_for_status()


@pytest.fixture
def terminal(plant: Installation, rabbitmq: LocalRabbitmq, tmp_path: Path) -> Terminal:
    """A terminal with the variables that `make run` prints, after the page that all recipes begin with."""
    ensure_installed("mosquitto-clients")
    port = plant.client.base_url.port
    assert port is not None
    terminal = Terminal(tmp_path, port, HOME=str(tmp_path), IOT_LOGIC_MQTT_URL=rabbitmq.mqtt_url)
    for machine_id in ("press-7", "hall-2", "compressor"):
        plant.client.delete(f"/machines/{machine_id}")
    assert terminal.follow((RECIPES / "index.md").read_text()) == 1
    return terminal
