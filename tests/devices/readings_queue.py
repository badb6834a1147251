"""A durable queue that gets every machine's readings, and what has arrived on it."""

from collections import defaultdict

import pika

from pipeline import topology

_NAME = "arrived"


class ReadingsQueue:
    def __init__(self, amqp_url: str) -> None:
        self._parameters = pika.URLParameters(amqp_url)

    def declare(self) -> None:
        with pika.BlockingConnection(self._parameters) as connection:
            channel = connection.channel()
            channel.queue_declare(_NAME, durable=True, arguments={"x-queue-type": "quorum"})
            channel.queue_bind(_NAME, topology.INGEST_EXCHANGE, topology.data_key("*"))

    def delete(self) -> None:
        with pika.BlockingConnection(self._parameters) as connection:
            connection.channel().queue_delete(_NAME)

    def take(self, enough: int) -> list[tuple[str, pika.BasicProperties, bytes]]:
        """Everything on it (machine, properties, body): at least `enough`, and then until it is empty."""
        arrived = list[tuple[str, pika.BasicProperties, bytes]]()
        with pika.BlockingConnection(self._parameters) as connection:
            channel = connection.channel()
            for method, properties, body in channel.consume(_NAME, auto_ack=True, inactivity_timeout=10):
                if method is None or properties is None or body is None:
                    raise AssertionError(f"only {len(arrived)} of {enough} readings arrived")
                machine = topology.machine_of(method.routing_key)
                assert machine is not None
                arrived.append((machine, properties, body))
                # Consumed before the count is asked for: nothing is hidden in the client's own buffer.
                if len(arrived) >= enough and not channel.get_waiting_message_count():
                    break
            channel.cancel()
            assert channel.queue_declare(_NAME, passive=True).method.message_count == 0
        return arrived

    def take_bodies(self, enough: int) -> dict[str, list[bytes]]:
        """The bodies of `take` for each machine, in the order they arrived."""
        bodies = defaultdict[str, list[bytes]](list)
        for machine, _, body in self.take(enough):
            bodies[machine].append(body)
        return dict(bodies)
