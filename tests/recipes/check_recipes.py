"""The recipes for large programs: Node-RED, Home Assistant, and a time-series database."""

import json
import tomllib
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from pipeline.local.ports import free_port
from pipeline.local.servers import LocalRabbitmq
from tests.recipes.bridge import bridged_mosquitto
from tests.recipes.home_assistant import home_assistant
from tests.recipes.node_red import node_red
from tests.recipes.programs import ensure_installed, running
from tests.recipes.recipe import RECIPES, file_of, page
from tests.site.console import Terminal, blocks, steps
from tests.support.installation import Installation
from tests.support.waiting import wait_until


def test_node_red_sends_readings_and_receives_results(
    terminal: Terminal, plant: Installation, rabbitmq: LocalRabbitmq
) -> None:
    flow: list[dict[str, Any]] = json.loads((RECIPES / "node-red-flow.json").read_text())
    url = urlsplit(rabbitmq.mqtt_url)
    [server] = [node for node in flow if node["type"] == "mqtt-broker"]
    assert "credentials" not in server
    login = {"user": unquote(url.username or ""), "password": unquote(url.password or "")}
    filled = {"broker": url.hostname, "port": str(url.port), "credentials": login}

    with node_red(terminal.folder) as program:
        program.deploy([node | filled if node is server else node for node in flow])
        wait_until(lambda: "[debug:Confirmed]" in program.output, timeout=60)
        wait_until(lambda: "type: 'iot-logic.result'" in program.output, timeout=60)
        # The switch knows both kinds of results.
        plant.send([("press-7", {"temperature": temperature}) for temperature in (70, 100)])
        wait_until(lambda: "[debug:Alarm]" in program.output and "[debug:Normal]" in program.output)

    readings = plant.client.get("/machines/press-7/readings").json()["readings"]
    assert any(set(each["reading"]) == {"time", "temperature"} for each in readings)


def test_a_database_scrapes_the_results_of_an_exporter(terminal: Terminal, rabbitmq: LocalRabbitmq) -> None:
    ensure_installed("prometheus-mqtt-exporter", "victoria-metrics")
    text = page("time-series")
    url = urlsplit(rabbitmq.mqtt_url)
    ports = {"9641": str(free_port()), "8428": str(free_port())}

    def local(words: str) -> str:
        """Return a text of the page with the addresses of this machine."""
        for port, ours in ports.items():
            words = words.replace(f"localhost:{port}", f"localhost:{ours}").replace(
                f"-listen-port {port}", f"-listen-port {ours}"
            )
        return words.replace("broker:1883", f"{url.hostname}:{url.port}")

    for file in ("exporter.yaml", "scrape.yaml"):
        block = file_of("time-series", file)
        terminal.write(block._replace(text=local(block.text)))
    exporter, database = (local(block.text).split() for block in blocks(text) if block.language == "sh")
    login = {"MQTT2PROM_MQTT_USER": url.username or "", "MQTT2PROM_MQTT_PASSWORD": url.password or ""}

    with (
        running(exporter, terminal.folder, login) as program,
        running(database, terminal.folder),
    ):
        wait_until(lambda: "Will subscribe to topic" in program.output)
        [console] = [block.text for block in blocks(text) if block.language == "console"]
        assert terminal.follow(f"```console\n{local(console)}```\n") == 2


@pytest.mark.usefixtures("terminal")
def test_telegraf_finds_its_fields_in_a_result(plant: Installation) -> None:
    """Telegraf cannot be installed from Debian, so this applies its configuration to a real result."""
    configuration = tomllib.loads(file_of("time-series", "telegraf.conf").text)
    [source] = configuration["inputs"]["mqtt_consumer"]
    [parser] = source["json_v2"]
    assert source["topics"] == ["machines/+/result"]
    assert source["persistent_session"]
    assert source["client_id"]

    with plant.collect() as results:
        plant.send([("press-7", {"temperature": 92.5})])
        wait_until(lambda: results.events)
    [event] = results.events

    assert parser["timestamp_format"] == "rfc3339"
    assert event[parser["timestamp_path"]].endswith("Z")
    assert [event[tag["path"]] for tag in parser["tag"]] == ["press-7"]
    assert [event[each["path"]] for each in parser["object"]] == [{"temperature": 92.5, "hot": True}]


def test_home_assistant_shows_the_results_of_a_machine(
    terminal: Terminal, plant: Installation, rabbitmq: LocalRabbitmq
) -> None:
    text = page("home-assistant")
    for block in blocks(text):
        if block.file:
            terminal.write(block)
    describe, send, remove = (steps(block.text) for block in blocks(text) if block.language == "console")
    with bridged_mosquitto(terminal, plant, rabbitmq) as broker:
        with home_assistant(terminal.folder, broker.port) as program:
            for step in describe:
                terminal.check(step)
            wait_until(lambda: "sensor.press_7_temperature unavailable °C\n" in program.output, timeout=60)
            wait_until(lambda: "binary_sensor.press_7_too_hot unknown \n" in program.output, timeout=60)
            wait_until(lambda: broker.has_subscriber("machines/press-7/result"))
            for step in send:
                terminal.check(step)
            wait_until(lambda: "sensor.press_7_temperature 92.5 °C\n" in program.output)
            wait_until(lambda: "binary_sensor.press_7_too_hot on \n" in program.output)
            for step in remove:
                terminal.check(step)
            wait_until(lambda: "binary_sensor.press_7_too_hot removed\n" in program.output)

        # Mosquitto has retained the description of the sensor, so Home Assistant finds it again.
        with home_assistant(terminal.folder / "restarted", broker.port) as program:
            wait_until(lambda: "sensor.press_7_temperature unavailable °C\n" in program.output, timeout=60)
            assert "too_hot" not in program.output
