"""When a reading was sent, where it says so: in the header `timestamp_in_ms`, milliseconds since 1970.

RabbitMQ writes this header itself if `RABBITMQ_LINE` is in its rabbitmq.conf, also for readings over MQTT,
which has no headers of its own. Versions before `RABBITMQ_KNOWS` do not know the line, and refuse to start
with it; for them there is the plugin rabbitmq_message_timestamp. Our API and our senders over AMQP write the
header when they send. AMQP's own `timestamp` counts in whole seconds, which is longer than a reading takes.

Anybody may write anything there. Three things rest on it: measured waiting times, and that readings of one
machine with equal bytes are told apart when they are delivered again (`Reading.mark`) and when they expire
(`pipeline.broker.expiry`). A device that writes a wrong time harms its own readings only.
"""

from collections.abc import Mapping
from typing import Any, Final

from pipeline.wire import SENT_AT_HEADER

#: The line of rabbitmq.conf that lets RabbitMQ write the header into each message that has none, over AMQP
#: and MQTT.
RABBITMQ_LINE: Final = "message_interceptors.incoming.set_header_timestamp.overwrite = false"
#: The first version that knows the line. Version 4.2 changed the schema around it, and kept the line.
RABBITMQ_KNOWS: Final = (3, 12)

#: The largest integer that every reader of JSON and AMQP tables takes whole.
_LARGEST: Final = 2**53


def sent_at_of(headers: Mapping[str, Any] | None) -> int | None:
    """The time in the headers; None where there is none, or what is there cannot be one."""
    value = headers.get(SENT_AT_HEADER) if headers else None
    if not isinstance(value, int) or not 0 < value < _LARGEST:
        return None
    return int(value)  # pika has a class of its own for what needs eight bytes
