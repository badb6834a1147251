"""The recipes for clients of MQTT, typed as written: Mosquitto, paho, ChirpStack and Tasmota."""

import re
from pathlib import Path

import pytest

from pipeline.local.servers import LocalRabbitmq
from tests.recipes.bridge import bridged_mosquitto
from tests.recipes.programs import running
from tests.recipes.recipe import page, part
from tests.site.console import Terminal, blocks
from tests.support.installation import Installation
from tests.support.waiting import wait_until


def test_mosquittos_clients_send_readings_and_receive_results(terminal: Terminal) -> None:
    clients = part(page("mosquitto"), "## Receive results", "## Bridge")

    assert terminal.follow(clients) == 6


@pytest.mark.parametrize("name", ["chirpstack", "tasmota"])
def test_a_device_with_its_own_topics_runs_a_template(terminal: Terminal, name: str) -> None:
    assert terminal.follow(page(name)) == page(name).count("\n$ ") > 8


def test_a_program_with_paho_sends_readings_and_another_receives_the_results(
    terminal: Terminal, tmp_path: Path
) -> None:
    text = page("paho")
    for block in blocks(text):
        if block.file:
            terminal.write(block)
    [background] = [block.text.split() for block in blocks(text) if block.language == "sh"]
    [expected] = [block.text for block in blocks(text) if block.language == "text"]

    with running(background, tmp_path, terminal.environ) as receiver:
        wait_until(lambda: receiver.output == expected.partition("\n")[0] + "\n")
        assert terminal.follow(text) == 1
        wait_until(lambda: receiver.output.count("\n") == expected.count("\n"))
        assert without_ids(receiver.output) == without_ids(expected)

    # RabbitMQ keeps the results while the receiver is away.
    terminal.follow(text)
    with running(background, tmp_path, terminal.environ) as receiver:
        wait_until(lambda: receiver.output.count("\n") == expected.count("\n"))
        assert without_ids(receiver.output) == without_ids(expected)


def test_a_mosquitto_broker_forwards_readings_and_brings_results_back(
    terminal: Terminal, plant: Installation, rabbitmq: LocalRabbitmq
) -> None:
    with bridged_mosquitto(terminal, plant, rabbitmq):
        assert terminal.follow(part(page("mosquitto"), "## Bridge")) == 3


def without_ids(text: str) -> str:
    """Return the lines of the receiver without the ids, which continue from test to test."""
    return re.sub(r"^(press-7) \d+ ", r"\1 ", text, flags=re.MULTILINE)
