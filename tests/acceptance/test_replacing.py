"""Deploying new versions of a logic while readings arrive."""

import json
import time
from threading import Event, Thread

import pika

from pipeline import wire
from tests.support.installation import Installation
from tests.support.waiting import wait_until

#: Readings per second while logic is deployed, and the number of deployments.
RATE, UPLOADS = 1_000, 10


def logic(generation: int) -> str:
    return f'def process(data, state): return {{"n": data["n"], "generation": {generation}}}'


class Flow:
    """Sends numbered readings of one machine at a steady rate. `confirmed` counts the confirmed ones."""

    def __init__(self, amqp_url: str, machine_id: str) -> None:
        self.confirmed = 0
        self._url, self._key = amqp_url, wire.data_key(machine_id)
        self._stop = Event()
        self._thread = Thread(target=self._run)

    def _run(self) -> None:
        with pika.BlockingConnection(pika.URLParameters(self._url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            start = time.monotonic()
            while not self._stop.is_set():
                due = int((time.monotonic() - start) * RATE)
                while self.confirmed < due and not self._stop.is_set():
                    channel.basic_publish(
                        wire.INGEST_EXCHANGE,
                        self._key,
                        json.dumps({"n": self.confirmed}).encode(),
                        pika.BasicProperties(delivery_mode=2),
                        mandatory=True,
                    )
                    self.confirmed += 1
                self._stop.wait(0.001)

    def __enter__(self) -> "Flow":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_each_reading_confirmed_after_the_answer_to_an_upload_runs_on_the_new_version(
    installation: Installation,
) -> None:
    installation.start_api()
    installation.upload("m1", logic(1))
    installation.start_worker()
    marks = list[tuple[int, int]]()  # (generation, readings confirmed when its upload was answered)

    with installation.collect() as results:
        with Flow(installation.amqp_url, "m1") as flow:
            wait_until(lambda: len(results.messages) > RATE // 2)
            for generation in range(2, UPLOADS + 2):
                assert installation.upload("m1", logic(generation)) == generation
                answered = flow.confirmed
                # One reading may be published but not confirmed when the answer arrives.
                marks.append((generation, answered + 1))
                wait_until(lambda seen=answered: flow.confirmed > seen + RATE // 10)  # type: ignore[misc]
        wait_until(lambda: len(results.messages) == flow.confirmed)

    events = results.events
    assert [event["data"]["n"] for event in events] == list(range(flow.confirmed))
    assert all(event["logicversion"] == event["data"]["generation"] for event in events)
    for generation, first in marks:
        assert all(event["data"]["generation"] >= generation for event in events[first:])
    assert installation.dead_letters() == []
