"""When a reading was sent, where it says so: in the header `timestamp_in_ms`, milliseconds since 1970.

It is the header that RabbitMQ writes itself when it is told to (from 3.12 on: the line
`message_interceptors.incoming.set_header_timestamp.overwrite = false` in rabbitmq.conf; before, with its
plugin rabbitmq_message_timestamp), also for what comes over MQTT, which has no headers of its own. Our API
and our senders over AMQP write it where they send. AMQP's own `timestamp` counts in whole seconds, which is
longer than a reading takes.

Anybody may write anything there. What rests on it: measured waiting times, and that two readings of a machine
with equal bytes are told apart when they are delivered again (`Reading.mark`). It stays the same then.
"""

import time
from collections.abc import Mapping
from typing import Any, Final

#: The header's name.
HEADER: Final = "timestamp_in_ms"

#: The largest integer that every reader of JSON and AMQP tables takes whole.
_LARGEST: Final = 2**53


def moment_of(headers: Mapping[str, Any] | None) -> int | None:
    """The time in the headers; None where there is none, or what is there cannot be one."""
    value = headers.get(HEADER) if headers else None
    if not isinstance(value, int) or not 0 < value < _LARGEST:
        return None
    return int(value)  # pika has a class of its own for what needs eight bytes


def milliseconds_now() -> int:
    """The time, as the header says it."""
    return time.time_ns() // 1_000_000
