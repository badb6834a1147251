"""A durable queue that receives every machine's readings, and the readings that have arrived in it."""

from collections import defaultdict

import pika

from pipeline import wire

_NAME = "arrived"


class ReadingsQueue:
    def __init__(self, amqp_url: str) -> None:
        self._parameters = pika.URLParameters(amqp_url)

    def declare(self) -> None:
        with pika.BlockingConnection(self._parameters) as connection:
            channel = connection.channel()
            channel.queue_declare(_NAME, durable=True, arguments={"x-queue-type": "quorum"})
            channel.queue_bind(_NAME, wire.INGEST_EXCHANGE, wire.data_key("*"))

    def take(
        self, enough: int, *, more_to_come: bool = False
    ) -> list[tuple[str, pika.BasicProperties, bytes]]:
        """Consume the queue (machine, properties, body): at least `enough`, then until it is empty."""
        arrived = list[tuple[str, pika.BasicProperties, bytes]]()
        with pika.BlockingConnection(self._parameters) as connection:
            channel = connection.channel()
            for method, properties, body in channel.consume(_NAME, inactivity_timeout=10):
                if method is None or properties is None or body is None:
                    raise AssertionError(f"only {len(arrived)} of {enough} readings arrived")
                machine = wire.machine_of(method.routing_key)
                assert machine is not None
                arrived.append((machine, properties, body))
                channel.basic_ack(method.delivery_tag)
                if len(arrived) >= enough and not channel.get_waiting_message_count():
                    break
            # Requeue the readings that have arrived since.
            channel.cancel()
            if not more_to_come:
                assert channel.queue_declare(_NAME, passive=True).method.message_count == 0
        return arrived

    def take_bodies(self, enough: int, *, more_to_come: bool = False) -> dict[str, list[bytes]]:
        """Return the bodies of `take` for each machine, in the order of arrival."""
        bodies = defaultdict[str, list[bytes]](list)
        for machine, _, body in self.take(enough, more_to_come=more_to_come):
            bodies[machine].append(body)
        return dict(bodies)
