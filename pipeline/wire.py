"""Every name on the wire, once: exchanges, queues, routing keys, topics and headers.

How the exchanges and queues are declared, and which goes where, is in `pipeline.broker.topology`.
"""

import re
from typing import TYPE_CHECKING, Final

import pika.exceptions

if TYPE_CHECKING:
    from pika.spec import Basic

#: Where devices publish; RabbitMQ has it from the start, and its MQTT plugin publishes here too.
INGEST_EXCHANGE = "amq.topic"

#: Deals the readings out to the partitions, always those of one machine to the same.
READINGS_EXCHANGE = "readings"

#: Where results go, with the key `machines.<id>.result`.
RESULTS_EXCHANGE = "results"

#: Where readings go that failed, with the key `machines.<id>.dead-letter`.
DEAD_LETTERS_EXCHANGE = "dead-letters"

#: Where dead letters wait until they are kept (`pipeline.dead_letters.collector`).
DEAD_LETTERS_QUEUE = "dead-letters"

#: Readings that the broker hands to a consumer before the first of them is settled. What deliveries prove
#: rests on it (rule 5 in `pipeline.model.record`).
PREFETCH: Final = 512

#: Readings that the broker hands out of a partition's overflow queue before the first of them is
#: acknowledged: so many, at the most, of a machine that floods are worked off in one batch.
OVERFLOW_PREFETCH: Final = 16

#: The `type` of a message by which a worker finds out whether the broker hands it a partition's readings.
PROBE_TYPE: Final = "iot-logic.probe"

#: The headers of a reading in an overflow queue: its machine, and its place in the machine's line there.
MACHINE_HEADER: Final = "machine"
PLACE_HEADER: Final = "place"
#: The header with the number of the attempt to get it there; without it, it is the first one, number 0.
ATTEMPT_HEADER: Final = "attempt"

#: The header that says when a reading was sent, in milliseconds since 1970 (`pipeline.broker.sent_at`).
SENT_AT_HEADER: Final = "timestamp_in_ms"

#: The header that carries the claim of a dead letter that is sent again (`pipeline.model.claim`).
CLAIM_HEADER: Final = "dead-letter"

#: The header, over HTTP and AMQP, and the attribute of a result that carry a trace context (W3C Trace
#: Context; CloudEvents' extension Distributed Tracing).
TRACE_HEADER: Final = "traceparent"

#: A dot or a slash would split the id over several levels of the topic.
MACHINE_ID_PATTERN = "[A-Za-z0-9_-]{1,128}"

_MACHINE_ID = re.compile(MACHINE_ID_PATTERN)

#: The name of a letter whose reading expired, as a regular expression.
EXPIRED_NAME_PATTERN: Final = "expired-[0-9a-f]{32}"

#: The name of a machine's letter, as a regular expression: its number, or a hash of a reading that expired.
LETTER_NAME_PATTERN: Final = f"[1-9][0-9]{{0,14}}|{EXPIRED_NAME_PATTERN}"


def is_machine_id(text: str) -> bool:
    """Whether `text` can be the id of a machine: 1 to 128 letters, digits, `_` or `-`."""
    return _MACHINE_ID.fullmatch(text) is not None


def data_key(machine_id: str) -> str:
    """The AMQP routing key of a machine's readings."""
    return f"machines.{machine_id}.data"


def data_topic(machine_id: str) -> str:
    """The MQTT topic of a machine's readings."""
    return f"machines/{machine_id}/data"


def result_key(machine_id: str) -> str:
    """The AMQP routing key of a machine's results."""
    return f"machines.{machine_id}.result"


def result_topic(machine_id: str) -> str:
    """The MQTT topic of a machine's results."""
    return f"machines/{machine_id}/result"


def dead_letter_key(machine_id: str) -> str:
    """The AMQP routing key of a machine's dead letters."""
    return f"machines.{machine_id}.dead-letter"


def readings_queue(partition: int | str) -> str:
    """The name of a partition's queue, by its number or what stands for it."""
    return f"readings.{partition}"


def overflow_queue(partition: int | str) -> str:
    """The name of a partition's overflow queue, by its number or what stands for it."""
    return f"overflow.{partition}"


def machine_of(key: str) -> str | None:
    """The machine that a reading's routing key names, or None where it is no machine's.

    `machines.<id>.data` is all that reaches the readings' queues, unless somebody binds them himself.
    """
    if not (key.startswith("machines.") and key.endswith(".data")):
        return None
    machine_id = key[len("machines.") : -len(".data")]
    return machine_id if is_machine_id(machine_id) else None


def is_probe(method: "Basic.Deliver", properties: pika.BasicProperties, queue: str) -> bool:
    """Whether a message in a partition's queue is a probe (`pipeline.worker.proof`), and no reading.

    A probe comes by the name of the queue itself, a reading by that of a machine, whatever its device writes.
    """
    return (method.exchange, method.routing_key, properties.type) == ("", queue, PROBE_TYPE)


def text_of(value: str | bytes) -> str:
    """A short string as pika gives it: as bytes, where it is not UTF-8. What is not is left out."""
    return value if isinstance(value, str) else value.decode(errors="ignore")
