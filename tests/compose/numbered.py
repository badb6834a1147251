"""A publisher that numbers its readings and continues through every outage, as a careful device does."""

import json
from itertools import count
from threading import Event, Thread
from typing import Self

import pika
import pika.exceptions
from pika.adapters.blocking_connection import BlockingChannel

from pipeline import wire

#: Identifies each reading by its number: counts readings, readings out of order, and readings a second time.
LOGIC = """
def process(data, state):
    last = state.get("last", 0)
    if data["n"] > last + 1:
        state["missing"] = state.get("missing", 0) + data["n"] - last - 1
    if data["n"] > last:
        state["last"] = data["n"]
        state["count"] = state.get("count", 0) + 1
    else:
        state["again"] = state.get("again", 0) + 1
    return {"n": data["n"]}
"""

_BETWEEN_SECONDS = 0.005
_AGAIN_SECONDS = 0.5


class Numbered:
    """Sends readings 1, 2, 3, … of each machine until it is stopped; repeats each until it is confirmed."""

    def __init__(self, amqp_urls: list[str], machines: list[str]) -> None:
        """Take the addresses of the broker's nodes, which are tried in this order."""
        self._parameters = [pika.URLParameters(each) for each in amqp_urls]
        self._machines = machines
        #: The number up to which the readings of every machine are confirmed.
        self.confirmed = 0
        #: How often a reading was sent again, because its confirm did not arrive.
        self.repeated = 0
        self._ending = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        channel: BlockingChannel | None = None
        for number in count(1):
            if self._ending.is_set():
                if channel is not None:
                    channel.connection.close()
                return
            for machine in self._machines:
                while True:
                    try:
                        channel = channel or self._channel()
                        self._publish(channel, machine, number)
                        break
                    except (pika.exceptions.AMQPError, OSError):
                        # Without a channel, it was not sent.
                        self.repeated += channel is not None
                        channel = None
                        self._ending.wait(_AGAIN_SECONDS)
            self.confirmed = number
            self._ending.wait(_BETWEEN_SECONDS)

    def _channel(self) -> BlockingChannel:
        channel = pika.BlockingConnection(self._parameters).channel()
        channel.confirm_delivery()
        return channel

    @staticmethod
    def _publish(channel: BlockingChannel, machine: str, number: int) -> None:
        channel.basic_publish(
            wire.INGEST_EXCHANGE,
            wire.data_key(machine),
            json.dumps({"n": number}).encode(),
            pika.BasicProperties(delivery_mode=2, message_id=f"{machine}-{number}"),
            mandatory=True,
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
