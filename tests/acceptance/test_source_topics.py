"""Sources: what the API refuses, and which machine and partition a topic belongs to."""

import pika
import pytest

from pipeline import wire
from tests.support.installation import Installation
from tests.support.sources import counted, create, letters, put
from tests.support.waiting import wait_until


def test_an_unknown_field_of_a_source_is_refused(plant: Installation) -> None:
    answer = put(plant, "typo", {"filter": "typo/{machine}", "renames": {"a": "b"}})

    assert (answer.status_code, "renames" in answer.text) == (400, True)
    assert plant.client.get("/sources/typo").status_code == 404


def test_the_profile_of_a_source_is_not_deleted(plant: Installation) -> None:
    plant.client.put("/profiles/plugs").raise_for_status()
    create(plant, "wall", "wall/{machine}", profile="plugs")

    refused = plant.client.delete("/profiles/plugs")
    assert (refused.status_code, "'wall'" in refused.json()["detail"]) == (409, True)

    create(plant, "wall", "wall/{machine}")
    assert plant.client.delete("/profiles/plugs").status_code == 204


@pytest.mark.parametrize(
    ("topic", "machine", "source", "said"),
    [
        ("tele/press/SENSOR", "press", "floor", "reading of the machine press, by the source floor"),
        ("tele.press.SENSOR", "press", "floor", "reading of the machine press, by the source floor"),
        ("machines/press/data", "press", None, "reading of the machine press"),
        ("stat/press/SENSOR", None, None, "No source reads this topic"),
        ("machines/press/state", None, None, "the last level must be data"),
    ],
)
def test_a_topic_can_be_tried(
    plant: Installation, topic: str, machine: str | None, source: str | None, said: str
) -> None:
    create(plant, "floor", "tele/{machine}/SENSOR")

    tried = plant.client.post("/sources/try", json={"topic": topic}).json()

    assert (tried["machine"], tried["source"]) == (machine, source)
    assert said in tried["message"]
    assert tried["key"] == topic.replace("/", ".")


def test_the_partition_of_a_source_gets_no_readings_of_other_machines(plant: Installation) -> None:
    queue = create(plant, "floor", "tele/{machine}/SENSOR")["queue"]

    with pika.BlockingConnection(pika.URLParameters(plant.amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for place in range(50):
            channel.basic_publish(wire.INGEST_EXCHANGE, wire.data_key(f"n{place}"), b"{}", mandatory=True)

    wait_until(lambda: all(counted(plant, f"n{place}") == 1 for place in range(50)))
    assert letters(plant, kind="other-source") == []
    assert int(queue.removeprefix("readings.")) >= 1000
