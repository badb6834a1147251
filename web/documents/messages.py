"""The messages as AsyncAPI describes them: payload, headers and properties as JSON schemas.

The schemas come from the Structs if there is one, so the description changes with the code. The JSON schemas
are closed (they allow no other header or property), so that a test detects a missing one. AsyncAPI cannot
describe a message's AMQP properties; they are in `x-amqp-properties`.
"""

from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import fields

from pipeline import wire
from pipeline.broker.alarm import PLANT, AlarmEvent
from pipeline.broker.publisher import PERSISTENT
from pipeline.broker.result import CONTENT_TYPE, CloudEvent
from pipeline.model.claim import CLAIM_PATTERN
from pipeline.model.dead_letter import EXPIRED, KINDS, OTHER_SOURCE, STRAY, UNKNOWN_TOPIC
from pipeline.model.record import Cause
from pipeline.wire import CLAIM_HEADER

#: The version of AsyncAPI's AMQP binding.
BINDING: Final = "0.3.0"

_MACHINE: Final = {"type": "string", "pattern": f"^{wire.MACHINE_ID_PATTERN}$"}
_PERSISTENT: Final = {"const": PERSISTENT, "description": "Persistent."}

_CONTENT_TYPE: Final = {"type": "string", "description": "The content type that the device sent."}
_MESSAGE_ID: Final = {
    "type": "string",
    "description": "The device's id for the reading. It distinguishes a repeated delivery from a new reading "
    "with equal bytes.",
}
_CLAIM: Final = {
    "type": "string",
    "pattern": f"^{CLAIM_PATTERN}$",
    "description": "The number and signature of the dead letter, if the reading is sent again.",
}
_SENT: Final = {
    "type": "integer",
    "minimum": 1,
    "description": "When the message was sent, in milliseconds since 1970. Latencies are measured from it. "
    "RabbitMQ can be configured to add it.",
}

_TRACEPARENT: Final = {
    "type": "string",
    "description": "The trace in which the reading was sent (W3C Trace Context). With tracing on, the span "
    "of its batch is linked to it. An invalid value is ignored.",
}

#: Kinds of dead letters that no worker writes into the headers.
_NOT_OURS: Final = (EXPIRED, UNKNOWN_TOPIC, "unknown")

#: Headers and properties that RabbitMQ adds.
_ITS_OWN: Final[dict[str, Any]] = {f"^(x-.*|timestamp|{wire.SENT_AT_HEADER})$": {}}


def messages() -> dict[str, dict[str, Any]]:
    """Return the messages, by the names that the channels refer to."""
    return {
        "reading": _reading(),
        "result": _event(
            CloudEvent,
            "A result of `process`",
            f"{wire.MACHINE_ID_PATTERN}/(timer-)?[1-9][0-9]*(\\.[1-9][0-9]*)?",
        ),
        "alarm": _event(
            AlarmEvent,
            "A change of an alarm",
            f"({wire.MACHINE_ID_PATTERN}|~{PLANT})/alarm-[1-9][0-9]*",
        ),
        "deadLetter": _dead_letter(),
        "expiredReading": _expired_reading(),
        "movedReading": _moved_reading(),
        "probe": _probe(),
    }


def _reading() -> dict[str, Any]:
    return {
        "title": "A machine's reading",
        "summary": "Any JSON value. A message that is not JSON becomes a dead letter.",
        "contentType": "application/json",
        "payload": {"description": "The reading. The logic gets it as `data`."},
        # The only open schemas, because a device may send any headers and properties.
        "headers": {
            "type": "object",
            "properties": {CLAIM_HEADER: _CLAIM, wire.SENT_AT_HEADER: _SENT, wire.TRACE_HEADER: _TRACEPARENT},
        },
        "x-amqp-properties": {
            "type": "object",
            "properties": {"message_id": _MESSAGE_ID, "content_type": _CONTENT_TYPE},
        },
        "examples": [{"name": "temperature", "payload": {"temperature": 91.5, "n": 17}}],
    }


def _event(event: type[Struct], title: str, message_id: str) -> dict[str, Any]:
    """Return the message of a CloudEvent, whose message id has this pattern."""
    schema = _schema(event)
    # An event contains all its fields, including those with a default, but no unset fields.
    optional = {field.encode_name for field in fields(event) if field.default is UNSET}
    required = [name for name in schema["properties"] if name not in optional]
    schema |= {"required": required, "additionalProperties": False}
    return {
        "title": title,
        "summary": "A CloudEvent 1.0 in structured mode, delivered at least once. Equal ids are repeats.",
        "contentType": CONTENT_TYPE,
        "payload": schema,
        "headers": _closed({}),
        "x-amqp-properties": _closed(
            {
                "content_type": {"const": CONTENT_TYPE},
                "message_id": {
                    "type": "string",
                    "pattern": f"^{message_id}$",
                    "description": "The machine and the id of the event.",
                },
                "delivery_mode": _PERSISTENT,
            }
        ),
        "examples": [
            {
                "name": "alarm",
                "payload": _example(schema),
            }
        ],
    }


def _dead_letter() -> dict[str, Any]:
    headers, needed = dict[str, Any](), ["machine"]
    for field in fields(Cause):
        schema = _schema(field.type)
        # A field without a value is omitted from the headers (`pipeline.broker.dead_letter`).
        headers[field.name] = next(
            (each for each in schema.get("anyOf", []) if each != {"type": "null"}), schema
        )
    headers["kind"] = {
        "enum": [kind for kind in KINDS if kind not in _NOT_OURS],
        "description": "The kind of failure.",
    }
    del headers["content_type"]
    needed += ["kind", "time"]
    headers["machine"] = {
        "anyOf": [_MACHINE, {"const": ""}],
        "description": "The machine's id; empty if the routing key names no machine.",
    }
    return {
        "title": "A reading that failed",
        "summary": "The unchanged bytes of the reading, with the cause in the headers.",
        "payload": {"description": "The bytes of the reading. They may not be JSON."},
        "headers": _closed(headers, needed),
        "x-amqp-properties": _closed(
            {
                "message_id": {
                    "type": "string",
                    "pattern": f"^({wire.MACHINE_ID_PATTERN}/((timer-)?[1-9][0-9]*"
                    f"|{OTHER_SOURCE}-[0-9a-f]{{32}})|{STRAY}/[0-9a-f]{{32}})$",
                    "description": "The id: the machine and the number of the reading, or timer- and the "
                    "number of the timer that ran. A reading that came by another source has a hash in place "
                    "of a number.",
                },
                "delivery_mode": _PERSISTENT,
            },
            optional={"content_type": _CONTENT_TYPE},
        ),
        "examples": [
            {
                "name": "error",
                "payload": {"temperature": None},
                "headers": {
                    "machine": "furnace",
                    "kind": "error",
                    "message": "'>' is not supported between None and a number",
                    "time": "2026-11-23T08:15:30.123Z",
                    "number": 17,
                    "logicversion": 3,
                    "line": 2,
                    "text": 'if data["temperature"] > 90:',
                },
            }
        ],
    }


def _expired_reading() -> dict[str, Any]:
    return {
        "title": "A reading that expired",
        "summary": "A reading that expired before a worker took it. RabbitMQ forwards it unchanged and adds "
        "the header x-death.",
        "payload": {"description": "The bytes of the reading. They may not be JSON."},
        "headers": {
            "type": "object",
            "properties": {"x-death": {"type": "array", "minItems": 1}},
            "required": ["x-death"],
            "description": "The headers of the reading, and those that RabbitMQ adds. The first entry of "
            "x-death says in which queue the reading expired, and when.",
        },
        "x-amqp-properties": {
            "type": "object",
            "description": "The properties of the reading, without its expiration.",
        },
    }


def _moved_reading() -> dict[str, Any]:
    return {
        "title": "A reading in an overflow queue",
        "summary": "A reading that was moved there because its machine sends more than the partition can "
        "process.",
        "payload": {"description": "The bytes of the reading."},
        "headers": _closed(
            {
                wire.MACHINE_HEADER: _MACHINE,
                wire.PLACE_HEADER: {
                    "type": "integer",
                    "minimum": 1,
                    "description": "Its position among the machine's readings in the overflow.",
                },
                wire.ATTEMPT_HEADER: {
                    "type": "integer",
                    "minimum": 1,
                    "description": "The attempt to move it, if the first one may have failed in part.",
                },
                CLAIM_HEADER: _CLAIM,
                wire.SENT_AT_HEADER: _SENT,
            },
            [wire.MACHINE_HEADER, wire.PLACE_HEADER],
        ),
        "x-amqp-properties": _closed(
            {"delivery_mode": _PERSISTENT},
            optional={"message_id": _MESSAGE_ID, "content_type": _CONTENT_TYPE},
        ),
    }


def _probe() -> dict[str, Any]:
    return {
        "title": "A worker's probe",
        "summary": "A worker publishes a probe to its own partition. When the broker delivers it back, the "
        "worker knows that it is the active consumer and which acknowledgements are safe. A probe is not a "
        "reading.",
        "payload": {"const": "", "description": "Empty."},
        "bindings": {"amqp": {"messageType": wire.PROBE_TYPE, "bindingVersion": BINDING}},
        "x-amqp-properties": _closed(
            {
                "type": {"const": wire.PROBE_TYPE},
                "message_id": {"type": "string", "description": "The worker's session and a number."},
            }
        ),
    }


def _schema(type_: Any) -> dict[str, Any]:
    schema = msgspec.json.schema(type_)
    inlined: dict[str, Any] = _inlined(schema, schema.pop("$defs", {}))
    return inlined


def _inlined(schema: Any, structs: dict[str, Any]) -> Any:
    """Return a schema with the schemas of its structs in place of references to them."""
    if isinstance(schema, list):
        return [_inlined(each, structs) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        rest = {name: each for name, each in schema.items() if name != "$ref"}
        return _inlined(structs[schema["$ref"].rpartition("/")[2]] | rest, structs)
    return {name: _inlined(each, structs) for name, each in schema.items()}


def _example(schema: dict[str, Any]) -> Any:
    """Return the example in a schema: its own, or one made of those of its fields; else null."""
    if "examples" in schema:
        return schema["examples"][0]
    if "properties" in schema:
        return {name: _example(each) for name, each in schema["properties"].items()}
    return schema.get("const") or next(iter(schema.get("enum", ())), None)


def _closed(
    properties: dict[str, Any], needed: list[str] | None = None, optional: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the schema of an object with only these properties, all required unless `needed` is given."""
    return {
        "type": "object",
        "properties": properties | (optional or {}),
        "required": list(properties) if needed is None else needed,
        "patternProperties": _ITS_OWN,
        "additionalProperties": False,
    }
