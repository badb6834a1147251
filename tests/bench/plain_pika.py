"""The first baseline: one process that consumes every reading with pika and publishes it again.

With `--confirm` it waits for the broker's confirm of each message before it acknowledges the reading.
"""

import sys
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel

from pipeline import wire
from pipeline.settings import Settings


def on_reading(channel: BlockingChannel, method: Any, _properties: pika.BasicProperties, body: bytes) -> None:
    """Publish a reading as if it were a result, and acknowledge it."""
    machine_id = wire.machine_of(method.routing_key)
    channel.basic_publish(
        wire.RESULTS_EXCHANGE,
        wire.result_key(str(machine_id)),
        body,
        pika.BasicProperties(content_type="application/json", delivery_mode=2),
    )
    channel.basic_ack(method.delivery_tag)


def main() -> None:
    """Consume all partitions until the process is ended."""
    settings = Settings.from_environ()
    connection = pika.BlockingConnection(pika.URLParameters(settings.amqp_url))
    channel = connection.channel()
    if "--confirm" in sys.argv[1:]:
        channel.confirm_delivery()
    channel.basic_qos(prefetch_count=wire.PREFETCH)
    for partition in range(settings.partitions):
        channel.basic_consume(wire.readings_queue(partition), on_reading)
    channel.start_consuming()


if __name__ == "__main__":
    main()
