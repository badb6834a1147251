"""The reference of the REST API, from the same OpenAPI document that the API serves."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Final, cast

from litestar import Litestar

from docs.reference.markdown import code, table
from pipeline.settings import Settings
from web.app import create_app
from web.documents import openapi
from web.services import Services

#: The statuses of all routes, which the page explains once.
_ANY: Final = ("400", "401", "403", "429", "503")
#: The first status of a problem.
_PROBLEMS: Final = 400


def document() -> dict[str, Any]:
    """Return the OpenAPI document of an application without servers."""
    return openapi.document(application())


def application() -> Litestar:
    """Return an application without servers, which can only describe itself."""
    nothing = SimpleNamespace(settings=Settings(), tokens=None, metrics=None, uploads=None, trials=None)
    return create_app(cast(Services, nothing))


def rest() -> str:
    """Return every route by its subject, and every schema."""
    return "\n".join(_lines(document()))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    for tag in found["tags"]:
        yield f"## {tag['name']}\n\n{tag['description']}\n"
        for path, item in found["paths"].items():
            for method, operation in item.items():
                if tag["name"] in operation["tags"]:
                    yield from _operation(path, method.upper(), operation)
    yield "## Schemas\n"
    for name, schema in found["components"]["schemas"].items():
        yield from _shape(name, schema)


def _operation(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"### {method} {path}\n"
    yield f"{operation['summary']}.\n"
    if "description" in operation:
        yield f"{operation['description']}\n"
    if parameters := operation.get("parameters"):
        rows = (
            [code(each["name"]), each["in"], _type(each["schema"]), each["description"]]
            for each in parameters
        )
        yield table("parameter | in | type | meaning", rows)
    if body := operation.get("requestBody"):
        yield f"Body: {_content(body)}\n"
    answers = [
        [status, _content(response) if int(status) < _PROBLEMS else "", response["description"]]
        for status, response in operation["responses"].items()
        if status not in _ANY
    ]
    yield table("answer | body | meaning", answers)


def _content(holder: dict[str, Any]) -> str:
    return ", ".join(
        f"{_type(media['schema'])} ({code(name)})" for name, media in (holder.get("content") or {}).items()
    )


def _shape(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"({_anchor(name)})=\n\n### {name}\n"
    if "description" in schema:
        yield f"{schema['description']}\n"
    if properties := schema.get("properties"):
        required = schema.get("required", ())
        rows = (
            [
                code(field) + ("" if field in required else " (optional)"),
                _type(each),
                each.get("description", ""),
            ]
            for field, each in properties.items()
        )
        yield table("field | type | meaning", rows)
    elif "enum" in schema:
        yield ", ".join(code(each) for each in schema["enum"]) + "\n"


def _anchor(name: str) -> str:
    return f"shape-{name.lower()}"


def _type(schema: dict[str, Any]) -> str:
    """Return the type of a value in a few words, with links to schemas."""
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        return f"[{name}](#{_anchor(name)})"
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(_type(each) for each in schema[key])
    if "enum" in schema:
        return ", ".join(code(each) for each in schema["enum"])
    if "const" in schema:
        return code(schema["const"])
    kind = schema.get("type", "any JSON value")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"list of {_type(schema['items'])}" if "items" in schema else "list"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return f"{kind} {schema['format']}" if "format" in schema else str(kind)
