"""The AsyncAPI 3.0 document: the messages over RabbitMQ, for developers who connect devices and consumers.

It is generated from the names and the topology that the code declares (`pipeline.broker.topology`). A test
compares it with a real broker and real messages. AsyncAPI cannot describe the arguments of queues and
bindings between exchanges; they are in `x-topology`.
"""

from typing import Any, Final

import msgspec

from pipeline import wire
from pipeline.broker import topology
from pipeline.broker.publisher import PERSISTENT
from pipeline.model.topic_source import FIRST_PARTITION
from pipeline.settings import Settings
from web.documents.messages import BINDING, messages

#: The placeholder for the id of a machine in an address.
_MACHINE: Final = "{machine}"
_PARTITION: Final = "{partition}"

#: The version of AsyncAPI's MQTT binding.
_MQTT_BINDING: Final = "0.2.0"

_DESCRIPTION: Final = """\
Devices publish readings over MQTT or AMQP, or post them to the REST API. The system publishes what a
machine's logic returns as a result, and a reading that fails as a dead letter. The channels of the queues are
internal: do not publish to them or consume from them, or the order of readings is lost.
"""


def document(settings: Settings) -> dict[str, Any]:
    """Return the document of an installation with these settings."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:iot-logic-processor",
        "info": {
            "title": "IoT Logic Processor: messages",
            "version": "1",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "amqp": _server("amqp", "0.9.1", "5672"),
            "mqtt": _server("mqtt", "3.1.1", "1883"),
        },
        "channels": {**_machines_channels(), **_queues_channels(settings)},
        "operations": _operations(),
        "components": {"messages": messages()},
        "x-topology": {
            "exchanges": msgspec.to_builtins(topology.EXCHANGES),
            "queues": msgspec.to_builtins(topology.queues(settings)),
            "bindings": msgspec.to_builtins(topology.bindings(settings)),
        },
    }


def _server(protocol: str, version: str, port: str) -> dict[str, Any]:
    # The document is public, so it does not contain the broker's address or credentials.
    return {
        "host": "{host}:{port}",
        "protocol": protocol,
        "protocolVersion": version,
        "description": "RabbitMQ.",
        "variables": {"host": {"default": "localhost"}, "port": {"default": port}},
        "security": [{"type": "userPassword", "description": "A user of RabbitMQ."}],
    }


def _machines_channels() -> dict[str, Any]:
    """Return the channels that any client may publish or subscribe to."""
    data, results = wire.data_key(_MACHINE), wire.result_key(_MACHINE)
    return {
        "readingsOverMqtt": _machine_channel(
            "mqtt",
            wire.data_topic(_MACHINE),
            "A device publishes its readings here, over MQTT. A source maps other topics to machines.",
            "reading",
        ),
        "readingsOverAmqp": _machine_channel(
            "amqp",
            data,
            "A device publishes its readings here, over AMQP. A source maps other keys to machines.",
            "reading",
            wire.INGEST_EXCHANGE,
        ),
        "resultsOverAmqp": _machine_channel(
            "amqp", results, "The results of a machine, over AMQP.", "result", wire.RESULTS_EXCHANGE
        ),
        "resultsOverMqtt": _machine_channel(
            "mqtt", wire.result_topic(_MACHINE), "The results of a machine, over MQTT.", "result"
        ),
        "alarmsOverAmqp": _machine_channel(
            "amqp",
            wire.alarm_key(_MACHINE),
            "The changes of a machine's alarms, over AMQP. Those of the plant itself have the key "
            f"{wire.PLANT_ALARM_KEY}.",
            "alarm",
            wire.ALARMS_EXCHANGE,
        ),
        "alarmsOverMqtt": _machine_channel(
            "mqtt",
            wire.alarm_topic(_MACHINE),
            "The changes of a machine's alarms, over MQTT. Those of the plant itself have the topic "
            f"{wire.PLANT_ALARM_TOPIC}.",
            "alarm",
        ),
        "deadLetters": _machine_channel(
            "amqp",
            wire.dead_letter_key(_MACHINE),
            "The failed readings of a machine. A reading without a machine keeps its original routing key.",
            "deadLetter",
            wire.DEAD_LETTERS_EXCHANGE,
        ),
        "expiredReadings": _machine_channel(
            "amqp",
            data,
            "The readings of a machine that expired before a worker took them. If a reading expired in an "
            "overflow queue, the routing key is the name of that queue.",
            "expiredReading",
            wire.DEAD_LETTERS_EXCHANGE,
        ),
    }


def _queues_channels(settings: Settings) -> dict[str, Any]:
    """Return the channels that only the system uses."""
    partition = {
        "partition": {
            "description": "The partition. All readings of a machine are in the same partition. Each source "
            f"has one more partition, with a number from {FIRST_PARTITION} on.",
            "enum": [str(number) for number in range(settings.partitions)],
        }
    }
    own = topology.partition_arguments(settings)
    return {
        "partition": _queue_channel(
            wire.readings_queue(_PARTITION),
            "The readings of a partition. One worker at a time consumes them.",
            ["reading", "probe"],
            own,
            partition,
        ),
        "overflow": _queue_channel(
            wire.overflow_queue(_PARTITION),
            "The readings of machines that send more than the partition can process.",
            ["movedReading"],
            own,
            partition,
        ),
        "deadLettersQueue": _queue_channel(
            wire.DEAD_LETTERS_QUEUE,
            "Dead letters that wait to be stored in Redis. You can read stored dead letters over REST.",
            ["deadLetter", "expiredReading"],
            topology.dead_letters_arguments(settings),
        ),
        "unknownTopicsQueue": _queue_channel(
            wire.UNKNOWN_TOPICS_QUEUE,
            "Messages below machines/ with an unknown topic, which wait to be stored as dead letters.",
            ["reading"],
            topology.dead_letters_arguments(settings),
        ),
        "healthCheck": _queue_channel(
            wire.HEALTH_CHECK_QUEUE,
            "Empty messages, by which workers and API check whether the nodes of RabbitMQ work together.",
            [],
            topology.HEALTH_CHECK_ARGUMENTS,
        ),
    }


def _machine_channel(
    server: str, address: str, description: str, message: str, exchange: str | None = None
) -> dict[str, Any]:
    channel = {
        "address": address,
        "servers": [{"$ref": f"#/servers/{server}"}],
        "description": description,
        "parameters": {
            "machine": {
                "description": f"The machine's id: {wire.MACHINE_ID_PATTERN}.",
                "examples": ["furnace"],
            }
        },
        "messages": {message: _message(message)},
    }
    if exchange is not None:
        shape = {"name": exchange, "type": "topic", "durable": True, "autoDelete": False}
        channel["bindings"] = {"amqp": {"is": "routingKey", "exchange": shape, "bindingVersion": BINDING}}
    return channel


def _queue_channel(
    address: str,
    description: str,
    names: list[str],
    arguments: dict[str, Any],
    parameters: dict[str, Any] | None = None,
) -> dict[str, Any]:
    queue = {"name": address, "durable": True, "exclusive": False, "autoDelete": False}
    return {
        "address": address,
        "servers": [{"$ref": "#/servers/amqp"}],
        "description": description,
        **({"parameters": parameters} if parameters else {}),
        "messages": {name: _message(name) for name in names},
        "bindings": {"amqp": {"is": "queue", "queue": queue, "bindingVersion": BINDING}},
        "x-arguments": arguments,
    }


def _operations() -> dict[str, Any]:
    """Return the system's operations on the channels. `receive` applies to messages that others send."""
    return {
        "takeReadingsOverMqtt": _operation("receive", "readingsOverMqtt", "reading"),
        "takeReadingsOverAmqp": _operation("receive", "readingsOverAmqp", "reading"),
        "publishResults": _operation("send", "resultsOverAmqp", "result"),
        "publishResultsOverMqtt": _operation("send", "resultsOverMqtt", "result"),
        "publishAlarms": _operation("send", "alarmsOverAmqp", "alarm"),
        "publishAlarmsOverMqtt": _operation("send", "alarmsOverMqtt", "alarm"),
        "publishDeadLetters": _operation("send", "deadLetters", "deadLetter"),
        "forwardExpiredReadings": _operation("send", "expiredReadings", "expiredReading"),
        "processPartition": _operation("receive", "partition", "reading", "probe", ack=True),
        "probePartition": _operation("send", "partition", "probe", persistent=False),
        "moveReadings": _operation("send", "overflow", "movedReading"),
        "processOverflow": _operation("receive", "overflow", "movedReading", ack=True),
        "keepDeadLetters": _operation(
            "receive", "deadLettersQueue", "deadLetter", "expiredReading", ack=True
        ),
    }


def _operation(
    action: str, channel: str, *names: str, ack: bool = False, persistent: bool = True
) -> dict[str, Any]:
    binding: dict[str, Any] = {"ack": True} if ack else {"deliveryMode": PERSISTENT if persistent else 1}
    bindings: dict[str, Any] = (
        {"mqtt": {"qos": 1, "bindingVersion": _MQTT_BINDING}}
        if channel.endswith("OverMqtt")
        else {"amqp": {**binding, "bindingVersion": BINDING}}
    )
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names],
        "bindings": bindings,
    }


def _message(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/messages/{name}"}
