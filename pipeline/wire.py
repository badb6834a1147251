"""Every name on the wire, in one place: exchanges, queues, routing keys, topics and headers.

`pipeline.broker.topology` declares the exchanges and queues and binds them.
"""

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika import BasicProperties
    from pika.spec import Basic

#: Devices publish here. RabbitMQ creates it, and its MQTT plugin publishes here too.
INGEST_EXCHANGE = "amq.topic"

#: Everything that is published below `machines/` passes this exchange, so that nothing gets lost because of
#: its topic.
MACHINES_EXCHANGE = "machines"

#: An exchange without bindings. Results end here that come back from `amq.topic`.
IGNORED_EXCHANGE = "ignored"

#: The exchange and the queue of messages below `machines/` whose topic is neither that of readings nor that
#: of results. The collector stores them as dead letters.
UNKNOWN_TOPICS_EXCHANGE = UNKNOWN_TOPICS_QUEUE = "unknown-topics"

#: The routing keys below `machines/`, also with a slash before it.
BELOW_MACHINES: Final = ("machines.#", ".machines.#")

#: Routes the readings to the partitions, all readings of one machine to the same partition.
READINGS_EXCHANGE = "readings"

#: Workers publish results here, with the key `machines.<id>.result`.
RESULTS_EXCHANGE = "results"

#: Changes of alarms are published here, with the key `machines.<id>.alarm`, or `plant.alarm` if the alarm is
#: the plant's own.
ALARMS_EXCHANGE: Final = "alarms"
PLANT_ALARM_KEY: Final = "plant.alarm"
PLANT_ALARM_TOPIC: Final = "plant/alarm"

#: Failed readings are published here, with the key `machines.<id>.dead-letter`.
DEAD_LETTERS_EXCHANGE = "dead-letters"

#: Dead letters wait here until the collector keeps them (`pipeline.dead_letters.collector`).
DEAD_LETTERS_QUEUE = "dead-letters"

#: An empty quorum queue. Whether its nodes agree shows whether RabbitMQ works
#: (`pipeline.broker.cluster_watch`, `pipeline.plant.readiness`).
HEALTH_CHECK_QUEUE: Final = "health-check"

#: Readings that the broker delivers to a consumer before the first of them is settled. The proof by
#: deliveries depends on it (rule 5 in `pipeline.model.record`).
PREFETCH: Final = 512

#: Readings that the broker delivers from a partition's overflow queue before the first of them is
#: acknowledged. A batch processes at most this many readings of a machine that floods.
OVERFLOW_PREFETCH: Final = 16

#: The `type` of a probe. It tells a worker whether the broker delivers a partition's readings to it.
PROBE_TYPE: Final = "iot-logic.probe"

#: The headers of a reading in an overflow queue: its machine, and its place in the machine's order there.
MACHINE_HEADER: Final = "machine"
PLACE_HEADER: Final = "place"
#: The header with the number of the attempt to publish the reading there. The default is the first one,
#: number 0.
ATTEMPT_HEADER: Final = "attempt"

#: The header of a reading that was published to a queue by its name: the routing key that it came with first,
#: if that was not the key of its machine.
KEY_HEADER: Final = "key"

#: The header that says when a reading was sent, in milliseconds since 1970 (`pipeline.broker.sent_at`).
SENT_AT_HEADER: Final = "timestamp_in_ms"

#: The header that carries the claim of a dead letter that is sent again (`pipeline.model.claim`).
CLAIM_HEADER: Final = "dead-letter"

#: The header, over HTTP and AMQP, and the attribute of a result that carry a trace context (W3C Trace
#: Context; CloudEvents' extension Distributed Tracing).
TRACE_HEADER: Final = "traceparent"

#: The largest integer that every reader of JSON and AMQP tables represents exactly.
LARGEST_INTEGER: Final = 2**53

#: The valid ids of machines. A dot or a slash would split an id over several levels of the topic.
MACHINE_ID_PATTERN = "[A-Za-z0-9_-]{1,128}"

_MACHINE_ID = re.compile(MACHINE_ID_PATTERN)

#: The name of the letter of a reading that was never run, as a regular expression.
NEVER_RUN_NAME_PATTERN: Final = "(?:expired|other-source)-[0-9a-f]{32}"

#: The name of the letter of a timer, as a regular expression: with the number of the run that failed.
TIMER_RUN_NAME_PATTERN: Final = "timer-[1-9][0-9]{0,14}"

#: The name of a machine's letter, as a regular expression: its number, that of the run of a timer, or the
#: hash of a reading that was never run.
LETTER_NAME_PATTERN: Final = f"[1-9][0-9]{{0,14}}|{TIMER_RUN_NAME_PATTERN}|{NEVER_RUN_NAME_PATTERN}"


def is_machine_id(text: str) -> bool:
    """Return whether `text` is a valid machine id: 1 to 128 letters, digits, `_` or `-`."""
    return _MACHINE_ID.fullmatch(text) is not None


def data_key(machine_id: str) -> str:
    """Return the AMQP routing key of a machine's readings."""
    return f"machines.{machine_id}.data"


def data_topic(machine_id: str) -> str:
    """Return the MQTT topic of a machine's readings."""
    return f"machines/{machine_id}/data"


def result_key(machine_id: str) -> str:
    """Return the AMQP routing key of a machine's results."""
    return f"machines.{machine_id}.result"


def result_topic(machine_id: str) -> str:
    """Return the MQTT topic of a machine's results."""
    return f"machines/{machine_id}/result"


def alarm_key(machine_id: str) -> str:
    """Return the AMQP routing key of the changes of a machine's alarms."""
    return f"machines.{machine_id}.alarm"


def alarm_topic(machine_id: str) -> str:
    """Return the MQTT topic of the changes of a machine's alarms."""
    return f"machines/{machine_id}/alarm"


def dead_letter_key(machine_id: str) -> str:
    """Return the AMQP routing key of a machine's dead letters."""
    return f"machines.{machine_id}.dead-letter"


def readings_queue(partition: int | str) -> str:
    """Return the name of a partition's queue. `partition` is its number or a placeholder."""
    return f"readings.{partition}"


def overflow_queue(partition: int | str) -> str:
    """Return the name of a partition's overflow queue. `partition` is its number or a placeholder."""
    return f"overflow.{partition}"


def machine_of(key: str) -> str | None:
    """Return the machine in a reading's routing key; None if the key names no machine.

    Only `machines.<id>.data` reaches the readings' queues, unless somebody adds other bindings.
    """
    if not (key.startswith("machines.") and key.endswith(".data")):
        return None
    machine_id = key[len("machines.") : -len(".data")]
    return machine_id if is_machine_id(machine_id) else None


def machine_sent_to(headers: "Mapping[str, Any] | None") -> str | None:
    """Return the machine in the headers of a reading that was published to a queue by its name."""
    machine_id = (headers or {}).get(MACHINE_HEADER)
    return machine_id if isinstance(machine_id, str) and is_machine_id(machine_id) else None


def key_sent_with(headers: "Mapping[str, Any] | None") -> str | None:
    """Return the key in the headers of a reading that was published to a queue by its name."""
    key = (headers or {}).get(KEY_HEADER)
    return key if isinstance(key, str) else None


def is_probe(method: "Basic.Deliver", properties: "BasicProperties", queue: str) -> bool:
    """Return whether a message in a partition's queue is a probe (`pipeline.worker.proof`).

    A probe is published to the queue by its name. The routing key of a reading names a machine, whatever the
    device writes into the message.
    """
    return (method.exchange, method.routing_key, properties.type) == ("", queue, PROBE_TYPE)


def text_of(value: str | bytes) -> str:
    """Decode a short string from pika, which is bytes if it is not UTF-8. Invalid bytes are left out."""
    return value if isinstance(value, str) else value.decode(errors="ignore")
