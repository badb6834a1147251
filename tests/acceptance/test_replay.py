"""A real machine's 22,695 readings: a logic counts, averages and alarms, compared with plain Python."""

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.support.installation import Installation
from tests.support.waiting import wait_until

DATA = Path(__file__).parent.parent / "data" / "machine_temperature_system_failure.csv"

#: Counts, computes a rolling mean and deviation over an hour (12 readings), and raises alarms with a dead
#: band.
LOGIC = """
import math

WINDOW = 12

def process(data, state):
    state["count"] = state.get("count", 0) + 1
    window = state.get("window", [])
    window.append(data["value"])
    if len(window) > WINDOW:
        window = window[1:]
    state["window"] = window
    mean = sum(window) / len(window)
    deviation = math.sqrt(sum([(value - mean) ** 2 for value in window]) / len(window))
    alarm = state.get("alarm", False)
    if data["value"] > 100:
        alarm = True
    elif data["value"] < 95:
        alarm = False
    if alarm and not state.get("alarm", False):
        state["alarms"] = state.get("alarms", 0) + 1
    state["alarm"] = alarm
    return {
        "timestamp": data["timestamp"],
        "count": state["count"],
        "mean": mean,
        "deviation": deviation,
        "alarm": alarm,
    }
"""


def in_plain_python() -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Run the same logic in the test itself. Return all results, and the final state."""
    namespace: dict[str, Any] = {}
    exec(LOGIC, namespace)  # noqa: S102
    state: dict[str, Any] = {}
    results = []
    with DATA.open() as rows:
        for row in csv.DictReader(rows):
            reading = {"timestamp": row["timestamp"], "value": float(row["value"])}
            results.append(namespace["process"](reading, state))
    return results, state


@pytest.mark.parametrize("via", ["mqtt", "amqp"])
def test_a_real_machines_readings_give_the_same_as_plain_python(installation: Installation, via: str) -> None:
    expected, state = in_plain_python()
    installation.start_api()
    installation.upload("furnace", LOGIC)
    installation.start_worker()

    with installation.collect() as results:
        replay = installation.start(
            "iot-devices", "replay", str(DATA), "--machine", "furnace", "--rate", "max", "--via", via
        )
        wait_until(lambda: replay.process.poll() is not None, timeout=120)
        assert replay.process.returncode == 0, replay.log
        assert "22695 confirmed" in replay.log.replace(",", "")
        wait_until(lambda: len(results.messages) >= len(expected), timeout=120)

    events = results.events
    assert len(events) == len(expected) == 22_695
    assert [event["id"] for event in events] == [str(number) for number in range(1, 22_696)]
    assert [event["data"] for event in events] == expected
    assert installation.state("furnace") == state
    assert state["count"] == 22_695
    assert state["alarms"] > 0
    assert installation.dead_letters() == []
