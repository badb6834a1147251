"""When a reading was sent, if it says so: in the header `timestamp_in_ms`, milliseconds since 1970.

RabbitMQ writes this header itself if `RABBITMQ_LINE` is in its rabbitmq.conf, also for readings over MQTT,
which has no headers of its own. Versions before `RABBITMQ_KNOWS` do not know the line and refuse to start
with it; for them, use the plugin rabbitmq_message_timestamp. Our API and our AMQP senders write the header
when they send. AMQP's own `timestamp` counts in whole seconds, which is longer than a reading takes.

The header may contain any value. Three things depend on it: the measured waiting times, and the distinction
of one machine's readings with equal bytes when they are redelivered (`Reading.mark`) and when they expire
(`pipeline.broker.expiry`). A device that writes a wrong time harms only its own readings.
"""

from collections.abc import Mapping
from typing import Any, Final

from pipeline.wire import LARGEST_INTEGER, SENT_AT_HEADER

#: The line of rabbitmq.conf that makes RabbitMQ write the header into each message without one, over AMQP and
#: MQTT.
RABBITMQ_LINE: Final = "message_interceptors.incoming.set_header_timestamp.overwrite = false"
#: The first version that knows the line. Version 4.2 changed the schema around it, and kept the line.
RABBITMQ_KNOWS: Final = (3, 12)


def sent_at_of(headers: Mapping[str, Any] | None) -> int | None:
    """Return the time in the headers; None if it is missing or invalid."""
    value = headers.get(SENT_AT_HEADER) if headers else None
    if not isinstance(value, int) or not 0 < value < LARGEST_INTEGER:
        return None
    return int(value)  # pika has its own class for integers of eight bytes
