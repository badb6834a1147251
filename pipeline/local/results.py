"""Prints each result that the exchange `results` delivers: `python -m pipeline.local.results`."""

import json
import logging
import signal
import sys
import time
from typing import Final

import pika
import pika.exceptions

from pipeline import wire
from pipeline.broker import topology
from pipeline.broker.connection import connect
from pipeline.errors import TopologyError
from pipeline.settings import Settings

#: Seconds between two attempts to reach a broker that does not answer.
_AGAIN: Final = 1


def main() -> None:
    """Print results until SIGTERM. While the broker does not answer, try again."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    settings = Settings.from_environ()
    while True:
        try:
            _follow(settings)
        except (pika.exceptions.AMQPError, TopologyError) as e:
            print(f"RabbitMQ: {type(e).__name__} {e}".strip(), flush=True)
            time.sleep(_AGAIN)


def _follow(settings: Settings) -> None:
    topology.ensure(settings)
    with connect(settings.amqp_url) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, wire.RESULTS_EXCHANGE, wire.result_key("*"))
        for _, _, body in channel.consume(queue, auto_ack=True):
            if body is not None:
                print(line(body), flush=True)


def line(body: bytes) -> str:
    """Return a result as one line: machine, number of the reading, version of the logic, returned values."""
    event = json.loads(body)
    data = "  ".join(f"{name}={_short(value)}" for name, value in event["data"].items())
    return f"{event['subject']:<10} #{event['id']:<5} v{event['logicversion']}  {data}"


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    main()
