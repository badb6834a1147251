"""The reference of the messages on MQTT and AMQP, from the AsyncAPI document that the API serves."""

from collections.abc import Iterator
from typing import Any

from docs.reference.markdown import code, table
from pipeline.settings import Settings
from web.documents import asyncapi


def document() -> dict[str, Any]:
    """Return the AsyncAPI document."""
    return asyncapi.document(Settings())


def wire() -> str:
    """Return every address, message, exchange and queue."""
    return "\n".join(_lines(document()))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    channels = found["channels"]
    yield "## Addresses\n"
    yield table(
        "address | protocol | meaning | messages",
        (
            [
                code(each["address"]),
                ", ".join(server["$ref"].rpartition("/")[2].upper() for server in each["servers"]),
                _place(each),
                ", ".join(f"[{name}](#message-{name.lower()})" for name in each["messages"]),
            ]
            for each in channels.values()
        ),
    )
    yield "## Messages\n"
    for name, message in found["components"]["messages"].items():
        yield from _message(name, message)
    topology = found["x-topology"]
    yield "## Exchanges\n"
    yield table(
        "exchange | type", ([code(each["name"]), code(each["type"])] for each in topology["exchanges"])
    )
    yield "## Bindings\n"
    yield table(
        "from | key | to",
        (
            [code(each["source"]), code(each["key"]), code(each["destination"])]
            for each in topology["bindings"]
        ),
    )
    yield "## Queues\n"
    yield table(
        "queue | arguments",
        (
            [
                code(each["name"]),
                ", ".join(f"{code(name)} {value}" for name, value in each["arguments"].items()),
            ]
            for each in topology["queues"]
        ),
    )


def _place(channel: dict[str, Any]) -> str:
    exchange = channel.get("bindings", {}).get("amqp", {}).get("exchange", {}).get("name")
    where = f" The address is a routing key of the exchange {code(exchange)}." if exchange else ""
    return f"{channel['description']}{where}"


def _message(name: str, message: dict[str, Any]) -> Iterator[str]:
    yield f"(message-{name.lower()})=\n\n### {name}\n"
    yield f"{message['title']}. {message.get('summary', '')}\n"
    for title, schema in (
        ("field", message.get("payload", {})),
        ("header", message.get("headers", {})),
        ("property", message.get("x-amqp-properties", {})),
    ):
        if properties := schema.get("properties"):
            required = schema.get("required", ())
            yield table(
                f"{title} | type | meaning",
                (
                    [
                        code(field) + ("" if field in required else " (optional)"),
                        _type(each),
                        each.get("description", ""),
                    ]
                    for field, each in properties.items()
                ),
            )
        elif "description" in schema:
            yield f"{title.capitalize()}: {schema['description']}\n"


def _type(schema: dict[str, Any]) -> str:
    if "const" in schema:
        return code(schema["const"])
    if "enum" in schema:
        return ", ".join(code(each) for each in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    return str(schema.get("type", "any JSON value"))
