"""What the tests of sources share: sources over REST, and a device that publishes over MQTT."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.installation import Installation


def put(plant: Installation, name: str, source: dict[str, Any], **headers: str) -> httpx.Response:
    return plant.client.put(f"/sources/{name}", json=source, headers=headers)


def create(plant: Installation, name: str, topics: str, **fields: Any) -> dict[str, Any]:
    """Create a source, and return it as the API shows it."""
    answer = put(plant, name, {"filter": topics, **fields})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@contextmanager
def device(plant: Installation) -> Iterator[Callable[[Iterable[tuple[str, Any]]], None]]:
    """An MQTT client. Yields a function that publishes readings and waits for RabbitMQ's confirms."""
    url = urlsplit(plant.mqtt_url)
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(unquote(url.username or ""), url.password)
    client.max_inflight_messages_set(500)
    client.connect(url.hostname or "", url.port or 0)
    client.loop_start()

    def publish(readings: Iterable[tuple[str, Any]]) -> None:
        for sent in [client.publish(topic, json.dumps(data), qos=1) for topic, data in readings]:
            sent.wait_for_publish(timeout=30)
            assert sent.is_published()

    yield publish
    client.disconnect()
    client.loop_stop()


def counted(plant: Installation, machine_id: str) -> int:
    answer = plant.client.get(f"/machines/{machine_id}")
    count: int = answer.json().get("readings", 0) if answer.status_code == 200 else 0
    return count


def has_counted(plant: Installation, machine_id: str, count: int) -> bool:
    return counted(plant, machine_id) >= count


def letters(plant: Installation, **where: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = plant.client.get("/dead-letters", params=where).json()["dead_letters"]
    return found
