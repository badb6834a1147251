"""Overload: readings wait in the broker, and when the broker is full, publishers are told."""

from urllib.parse import unquote, urlsplit

import pika.exceptions
import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from pipeline import wire
from tests.support.installation import Installation
from tests.support.logics import COUNT
from tests.support.waiting import wait_until

#: The size of the only partition in bytes, and the length of each reading in characters.
ROOM, LENGTH = 1_000_000, 20_000


@pytest.fixture
def full(installation: Installation) -> tuple[Installation, int]:
    """An installation without workers whose only partition is full, and the number of accepted readings."""
    installation.environ |= {
        "IOT_LOGIC_PARTITIONS": "1",
        "IOT_LOGIC_PARTITION_MAX_BYTES": str(ROOM),
    }
    installation.start_api()
    installation.upload("m1", COUNT)
    for taken in range(10 * ROOM // LENGTH):
        try:
            installation.send([("m1", {"n": taken, "text": "x" * LENGTH})])
        except pika.exceptions.NackError:
            return installation, taken
    pytest.fail("the broker has taken ten times what it was told to hold")


def test_a_publisher_over_amqp_is_told_and_accepted_readings_are_processed(
    full: tuple[Installation, int],
) -> None:
    plant, taken = full

    plant.start_worker()
    wait_until(lambda: plant.client.get("/machines/m1").json()["readings"] >= taken, timeout=60)

    assert plant.state("m1") == {"count": taken}
    plant.send([("m1", {"n": taken})])
    wait_until(lambda: plant.state("m1") == {"count": taken + 1})


def test_a_sender_over_http_is_told_to_send_the_reading_again(full: tuple[Installation, int]) -> None:
    plant, _ = full

    response = plant.client.post("/machines/m1/data", json={"n": 0, "text": "x" * LENGTH})

    assert response.status_code == 503
    assert "Send it again" in response.json()["detail"]


def test_a_device_over_mqtt_gets_no_confirm_until_there_is_room(full: tuple[Installation, int]) -> None:
    plant, taken = full
    url = urlsplit(plant.mqtt_url)
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="device", clean_session=False)
    client.username_pw_set(unquote(url.username or ""), url.password)
    client.connect(url.hostname or "", url.port or 0)
    client.loop_start()
    refused = client.publish(wire.data_topic("m1"), b'{"n": 0}' + b" " * LENGTH, qos=1)
    refused.wait_for_publish(timeout=3)
    confirmed_while_full = refused.is_published()

    plant.start_worker()
    wait_until(lambda: plant.client.get("/machines/m1").json()["readings"] >= taken, timeout=60)
    client.disconnect()
    client.loop_stop()

    assert not confirmed_while_full
