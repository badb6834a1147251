"""The exchanges, queues and bindings, and how they are declared. `pipeline.wire` has their names.

::

    amq.topic ──machines.#──▶ machines (topic)
    machines ──machines.*.data──▶ readings (x-modulus-hash of the routing key)
                                      ├──▶ readings.0
                                      ├──▶ ...            quorum queues, single active consumer
                                      └──▶ readings.N-1
    machines ──machines.*.result──▶ ignored (fanout)      results come back from amq.topic, and end here,
                                                          and so do the changes of alarms
    machines ──all others──▶ unknown-topics (fanout)      the alternate exchange
    unknown-topics ──▶ unknown-topics                     quorum queue, also emptied by the collector
    (default) ──health-check                              quorum queue, see `pipeline.broker.cluster_watch`
    (default) ──overflow.0 … overflow.N-1                 the same: readings of machines that flood
    results (topic) ──machines.*.result──▶ amq.topic      so that an MQTT client may subscribe
    alarms (topic) ──machines.*.alarm──▶ amq.topic        likewise, and plant.alarm
    dead-letters (topic) ──#──▶ dead-letters              quorum queue, emptied by
                                                          `pipeline.dead_letters.collector`
    amq.topic ──tele.*.SENSOR──▶ readings.1000            the partition of a source, with its filter
                                                          (`pipeline.broker.source_queues`)
    readings.N, overflow.N ──expired──▶ dead-letters      the exchange; at least once
                                                          (`pipeline.broker.expiry`)

Why x-modulus-hash and not x-consistent-hash: a consistent hash distributes the machines by the order in which
the queues were bound, and a broker that restarts binds them in another order. Then most machines would change
their partition, and new readings would overtake readings that still wait in the old one. A modulus hash sorts
the queues by name, whatever the order of binding. (RabbitMQ 4.3 has it built in and promises this; before, it
is in the plugin rabbitmq_sharding.)

Declaring is idempotent: the first process (API, worker, devices' tests) creates the missing objects.

Older versions declared the partitions' queues without dead-lettering, and RabbitMQ does not change the
arguments of a queue. Queues without it are accepted; a policy with `EXPIRY_POLICY` adds the dead-lettering.
Older versions also bound `readings` to `amq.topic`. A message that arrives by two ways is in a queue once, so
old and new processes can run side by side.
"""

import logging
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pika
import pika.exceptions
from msgspec import Struct

from pipeline.broker.connection import HEARTBEAT_SECONDS, connect
from pipeline.errors import TopologyError
from pipeline.settings import Settings
from pipeline.wire import (
    ALARMS_EXCHANGE,
    BELOW_MACHINES,
    DEAD_LETTERS_EXCHANGE,
    DEAD_LETTERS_QUEUE,
    HEALTH_CHECK_QUEUE,
    IGNORED_EXCHANGE,
    INGEST_EXCHANGE,
    MACHINE_HEADER,
    MACHINES_EXCHANGE,
    PLACE_HEADER,
    PLANT_ALARM_KEY,
    READINGS_EXCHANGE,
    RESULTS_EXCHANGE,
    UNKNOWN_TOPICS_EXCHANGE,
    UNKNOWN_TOPICS_QUEUE,
    alarm_key,
    data_key,
    is_machine_id,
    overflow_queue,
    readings_queue,
    result_key,
)

if TYPE_CHECKING:
    from pika.adapters.blocking_connection import BlockingChannel


#: Since RabbitMQ 4, a quorum queue drops a message that was returned 20 times. A reading must never be
#: dropped, and older brokers have no value for "never".
_DELIVERY_LIMIT: Final = 1_000_000_000

#: The definition of a policy that dead-letters expired readings of a partition's queue. At-least-once needs
#: the overflow behaviour reject-publish, and on RabbitMQ before 3.12 the feature flag `stream_queue`.
EXPIRY_POLICY: Final = {
    "dead-letter-exchange": DEAD_LETTERS_EXCHANGE,
    "dead-letter-strategy": "at-least-once",
    "overflow": "reject-publish",
}

#: The names of the partitions' queues, as a regular expression.
PARTITION_QUEUES_PATTERN: Final = r"^(readings|overflow)\.[0-9]+$"

#: Each message that checks whether RabbitMQ works replaces the one before.
HEALTH_CHECK_ARGUMENTS: Final[dict[str, Any]] = {"x-queue-type": "quorum", "x-max-length": 1}

#: Routes each routing key to one of the bound queues; see above.
_READINGS_TYPE: Final = "x-modulus-hash"


_logger = logging.getLogger(__name__)

# pika warns of each refused declaration. We warn once of an older version's queues.
logging.getLogger("pika.channel").addFilter(lambda record: "x-dead-letter-" not in record.getMessage())


def moved_from(headers: Mapping[str, Any]) -> tuple[str | None, int | None]:
    """Return the machine and place in the headers of an overflow queue's message, or None and None."""
    machine_id, place = headers.get(MACHINE_HEADER), headers.get(PLACE_HEADER)
    if isinstance(machine_id, str) and is_machine_id(machine_id) and isinstance(place, int):
        return machine_id, int(place)  # pika has its own class for integers of eight bytes
    return None, None


def ensure(settings: Settings) -> pika.connection.Parameters:
    """Declare the topology, and return the parameters of the node that answered.

    Raises `TopologyError`, or pika's error if there is no broker.
    """
    # The calling thread does nothing else, so it can leave a silent node as soon as other connections do.
    connection = connect(settings.amqp_url, heartbeat=HEARTBEAT_SECONDS)
    with connection:
        declare(connection.channel(), settings)
    return connection.parameters


class Exchange(Struct, frozen=True):
    """A durable exchange, with the arguments of its declaration."""

    name: str
    type: str
    arguments: dict[str, str] = {}


class Queue(Struct, frozen=True):
    """A durable queue, with the arguments of its declaration."""

    name: str
    arguments: dict[str, Any]


class ExchangeBinding(Struct, frozen=True):
    """A binding from an exchange to a queue or to another exchange."""

    source: str
    destination: str
    key: str
    to_queue: bool = True


EXCHANGES: Final = (
    Exchange(READINGS_EXCHANGE, _READINGS_TYPE),
    Exchange(RESULTS_EXCHANGE, "topic"),
    Exchange(ALARMS_EXCHANGE, "topic"),
    Exchange(DEAD_LETTERS_EXCHANGE, "topic"),
    Exchange(UNKNOWN_TOPICS_EXCHANGE, "fanout"),
    Exchange(IGNORED_EXCHANGE, "fanout"),
    Exchange(MACHINES_EXCHANGE, "topic", {"alternate-exchange": UNKNOWN_TOPICS_EXCHANGE}),
)


def partition_arguments(settings: Settings) -> dict[str, Any]:
    """Return the arguments of the partitions' queues, both kinds."""
    return {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
        "x-delivery-limit": _DELIVERY_LIMIT,
        "x-max-length-bytes": settings.partition_max_bytes,
        **{f"x-{name}": value for name, value in EXPIRY_POLICY.items()},
    }


def dead_letters_arguments(settings: Settings) -> dict[str, Any]:
    """Return the arguments of the two queues that the collector empties."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": _DELIVERY_LIMIT,
        "x-max-length-bytes": settings.dead_letters_queue_max_bytes,
        "x-overflow": "reject-publish",
    }


def queues(settings: Settings) -> list[Queue]:
    """Return all queues."""
    names = [
        name(partition)
        for partition in range(settings.partitions)
        for name in (readings_queue, overflow_queue)
    ]
    return [
        *(Queue(name, partition_arguments(settings)) for name in names),
        Queue(DEAD_LETTERS_QUEUE, dead_letters_arguments(settings)),
        Queue(UNKNOWN_TOPICS_QUEUE, dead_letters_arguments(settings)),
        Queue(HEALTH_CHECK_QUEUE, HEALTH_CHECK_ARGUMENTS),
    ]


def bindings(settings: Settings) -> list[ExchangeBinding]:
    """Return all bindings in the order they are made, so that the first reading finds all partitions bound.

    The overflow queues have none: messages are published to them by name.
    """
    partitions = [readings_queue(partition) for partition in range(settings.partitions)]
    return [
        *(ExchangeBinding(READINGS_EXCHANGE, queue, queue) for queue in partitions),
        ExchangeBinding(UNKNOWN_TOPICS_EXCHANGE, UNKNOWN_TOPICS_QUEUE, ""),
        ExchangeBinding(MACHINES_EXCHANGE, READINGS_EXCHANGE, data_key("*"), to_queue=False),
        ExchangeBinding(MACHINES_EXCHANGE, IGNORED_EXCHANGE, result_key("*"), to_queue=False),
        ExchangeBinding(MACHINES_EXCHANGE, IGNORED_EXCHANGE, alarm_key("*"), to_queue=False),
        *(ExchangeBinding(INGEST_EXCHANGE, MACHINES_EXCHANGE, key, to_queue=False) for key in BELOW_MACHINES),
        ExchangeBinding(RESULTS_EXCHANGE, INGEST_EXCHANGE, result_key("*"), to_queue=False),
        ExchangeBinding(ALARMS_EXCHANGE, INGEST_EXCHANGE, alarm_key("*"), to_queue=False),
        ExchangeBinding(ALARMS_EXCHANGE, INGEST_EXCHANGE, PLANT_ALARM_KEY, to_queue=False),
        ExchangeBinding(DEAD_LETTERS_EXCHANGE, DEAD_LETTERS_QUEUE, "#"),
    ]


def declare(channel: "BlockingChannel", settings: Settings) -> None:
    """Declare every missing exchange, queue and binding.

    Raises `TopologyError` if the broker does not have the exchange type of the readings, or has one of the
    names with other properties.
    """
    for exchange in EXCHANGES:
        declare_exchange(channel, exchange)
    outdated = [queue.name for queue in queues(settings) if not declare_queue(channel, queue)]
    if outdated:
        _warn_of_outdated(settings.amqp_url, tuple(outdated))
    for binding in bindings(settings):
        if binding.to_queue:
            channel.queue_bind(binding.destination, binding.source, binding.key)
        else:
            channel.exchange_bind(binding.destination, binding.source, binding.key)
    channel.exchange_unbind(READINGS_EXCHANGE, INGEST_EXCHANGE, data_key("*"))  # of an older version


@cache
def _warn_of_outdated(_amqp_url: str, names: tuple[str, ...]) -> None:
    """Warn once in this process, not on each connection."""
    _logger.warning(
        "An older version declared the queues %s without dead-lettering. RabbitMQ drops a reading that "
        "expires in them unless a policy adds dead-lettering. Run iot-logic doctor: it checks this and "
        "says what to do.",
        ", ".join(names),
    )


def declare_exchange(channel: "BlockingChannel", exchange: Exchange) -> None:
    """Declare an exchange. Raises `TopologyError` if the broker refuses it."""
    try:
        channel.exchange_declare(exchange.name, exchange.type, durable=True, arguments=exchange.arguments)
    except pika.exceptions.ConnectionClosedByBroker as e:
        # For RabbitMQ, an unknown exchange type is a connection error (503 COMMAND_INVALID).
        if exchange.type in e.reply_text:
            raise TopologyError(
                f"RabbitMQ does not know the exchange type {exchange.type}. Enable its plugin: "
                "rabbitmq-plugins enable rabbitmq_sharding"
            ) from e
        raise
    except pika.exceptions.ChannelClosedByBroker as e:
        raise TopologyError(
            f"The exchange {exchange.name!r} exists with other properties ({e.reply_text}). Another program "
            "may use it. Give this system its own virtual host (the last part of IOT_LOGIC_AMQP_URL), or "
            "delete the exchange."
        ) from e


def declare_queue(channel: "BlockingChannel", queue: Queue) -> bool:
    """Declare a queue. Return whether it dead-letters as declared here.

    Raises `TopologyError` if the existing queue differs in any other argument.
    """
    # RabbitMQ closes the channel if it refuses to declare a queue.
    with channel.connection.channel() as trial:
        try:
            trial.queue_declare(queue.name, durable=True, arguments=queue.arguments)
        except pika.exceptions.ChannelClosedByBroker as e:
            if "x-dead-letter-" not in e.reply_text:
                raise _unlike_ours(queue, e) from e
        else:
            return True
    older = {name: value for name, value in queue.arguments.items() if not name.startswith("x-dead-letter-")}
    try:
        channel.queue_declare(queue.name, durable=True, arguments=older)
    except pika.exceptions.ChannelClosedByBroker as e:
        raise _unlike_ours(queue, e) from e
    return False


def _unlike_ours(queue: Queue, refusal: pika.exceptions.ChannelClosedByBroker) -> TopologyError:
    return TopologyError(
        f"The queue {queue.name!r} exists with other properties ({refusal.reply_text}). "
        "IOT_LOGIC_PARTITION_MAX_BYTES and IOT_LOGIC_DEAD_LETTERS_QUEUE_MAX_BYTES cannot change later. Set "
        "them back; or stop the publishers, wait until the queue is empty, delete it, and restart."
    )
