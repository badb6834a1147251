"""The OpenAPI 3.1 document: what Litestar finds in the handlers, completed from what else the code says.

- The schemas of the Structs are msgspec's own: by these it checks what comes in, and it knows descriptions
  and bounds that Litestar does not pass on.
- What a route is for is the first sentence of its docstring; the rest, and the role it needs, describe it.
- Bodies and answers that are not made by Structs are described in `_BODIES` and `_ANSWERS`.
- Everything has an example (`web.samples`).
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import Method
from litestar.typing import FieldDefinition
from litestar.utils.helpers import unwrap_partial
from msgspec import Struct

from pipeline.dead_letter import KINDS, STRAY
from pipeline.topology import MACHINE_ID_PATTERN
from web.samples import FIELDS, example
from web.tokens import NAME_PATTERN

#: What the operations are about: by the beginnings of their paths, in the order in which they are shown.
TAGS: Final = {
    "Logic": (
        "What runs on a machine's readings, in versions; check and try it without effect.",
        "/logic",
        "/machines/{machine_id}/logic",
    ),
    "Profiles": (
        "One logic for many machines, and what each machine sets for itself.",
        "/profiles",
        "/machines/{machine_id}/profile",
        "/machines/{machine_id}/config",
    ),
    "Machines": ("The machines, their states and their readings.", "/machines"),
    "Live": ("What happens, as it happens.", "/events", "/machines/{machine_id}/events"),
    "Dead letters": ("Readings that failed: find them, send them again.", "/dead-letters"),
    "The works": (
        "Workers, partitions, queues and metrics.",
        *("/workers", "/partitions", "/queues", "/metrics", "/health"),
    ),
    "Access": ("Who may do what, and who did what.", "/tokens", "/whoami", "/audit"),
}

#: What each parameter is, where its route does not say: its schema is completed with this.
PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "machine_id": {
        "description": "The machine's id.",
        "schema": {"pattern": f"^{MACHINE_ID_PATTERN}$"},
    },
    "after": {"description": "Where the page starts: `next` of the page before.", "example": ""},
    "before": {"description": "Where the page starts: `next` of the page before."},
    "limit": {"description": "How many at the most.", "example": 100},
    "machine": {"description": "Of this machine."},
    "kind": {"description": "Of this kind."},
    "since": {
        "description": "Since then (RFC 3339, with a time zone).",
        "schema": {"format": "date-time"},
    },
    "until": {
        "description": "Before then (RFC 3339, with a time zone).",
        "schema": {"format": "date-time"},
    },
    "number": {"description": "The number of the version.", "example": 1},
    "to": {"description": "The number of the other version.", "example": 2},
    "who": {"description": "By whom: the name of the token."},
    "name": {"description": "The name.", "schema": {"pattern": f"^{NAME_PATTERN}$"}},
    "If-Match": {"example": "*"},
    "If-None-Match": {"example": '"2-0b7d1f2e"'},
    "Last-Event-ID": {"example": "17-0b6d1f0e-42"},
}

#: What those of one path are, where they are other than elsewhere.
_OF_PATH: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "/dead-letters": {
        "kind": {"description": "Of this kind.", "schema": {"enum": KINDS}},
        "machine": {
            "description": f"The machine's id, or {STRAY} for a reading that named none.",
            "schema": {"pattern": f"^({MACHINE_ID_PATTERN}|{STRAY})$"},
        },
        "number": {
            "description": "The number of the reading on its machine; of a stray its name.",
            "schema": {"pattern": "^([1-9][0-9]{0,14}|[0-9a-f]{32})$"},
            "example": "17",
        },
    },
    "/partitions": {"after": {"description": "The last partition of the page before.", "example": 2}},
}

_ANY: Final[dict[str, Any]] = {"description": "Any JSON value."}
_OBJECT: Final[dict[str, Any]] = {"type": "object", "description": "Any JSON object."}

#: Bodies that are read as they come, with an example: by operation.
_BODIES: Final[dict[str, tuple[dict[str, Any], Any]]] = {
    "post_data": (_ANY, {"temperature": 91.5}),
    "put_state": (_OBJECT, {"hot": 2}),
    "put_config": (_OBJECT, {"limit": 80}),
}

_DIFF: Final[tuple[dict[str, Any], Any]] = (
    {"type": "string"},
    "--- version 3\n+++ version 4\n@@ -1,2 +1,2 @@\n…",
)
_EVENTS: Final[dict[str, Any]] = {"type": "string", "description": "Server-sent events, one after the other."}
_EVENT: Final = 'id: 17-0b6d1f0e-42\nevent: lagged\ndata: {"missed":3}\n\n'

#: Answers that no Struct makes, with an example: by operation.
_ANSWERS: Final[dict[str, tuple[dict[str, Any], Any]]] = {
    "get_state": (_OBJECT, {"hot": 2}),
    "put_state": (_OBJECT, {"hot": 2}),
    "get_config": (_OBJECT, {"limit": 80}),
    "put_config": (_OBJECT, {"limit": 80}),
    "get_diff": _DIFF,
    "get_profile_diff": _DIFF,
    "get_events": (_EVENTS, _EVENT),
    "get_machine_events": (_EVENTS, _EVENT),
    "metrics": ({"type": "string"}, "iot_logic_dead_letters 0.0\n"),
}

_ETAG: Final = {
    "description": "Names what was read; send it as If-Match.",
    "schema": {"type": "string"},
    "example": '"3-5f3a9c0d"',
}

#: Headers of problems, by status.
_PROBLEM_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "401": {
        "WWW-Authenticate": {
            "description": "How to say who it is: with a bearer token.",
            "required": True,
            "schema": {"type": "string"},
            "example": "Bearer",
        }
    },
    "429": {
        "Retry-After": {
            "description": "Seconds to wait.",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
            "example": 1,
        }
    },
}


def operation_id(handler: HTTPRouteHandler, _method: Method, path: list[Any]) -> str:
    """What an operation is known by: the name of its handler. A profile's says that it is a profile's."""
    name = handler.handler_name
    if path and path[0] == "profiles" and "profile" not in name:
        return name.replace("_", "_profile_", 1)
    return name


def document(app: Litestar) -> dict[str, Any]:
    """The document of the application."""
    found = deepcopy(app.openapi_schema.to_schema())
    # Enumerations that only parameters have are Litestar's.
    schemas = dict(sorted((found["components"]["schemas"] | _schemas(app)).items()))
    found["components"]["schemas"] = schemas
    for path, method, handler in handlers(app):
        _complete(found["paths"][path], path, method, handler, schemas)
    used = {tag for item in found["paths"].values() for each in item.values() for tag in each["tags"]}
    found["tags"] = [{"name": name, "description": text} for name, (text, *_) in TAGS.items() if name in used]
    found["paths"] = dict(sorted(found["paths"].items()))
    return found


def handlers(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """All routes that are described: path, method in lower case, handler."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                if handler.resolve_include_in_schema():
                    yield route.path_format, method.lower(), handler


def tag_of(path: str) -> str | None:
    """What an operation is about: the tag with the longest beginning of its path."""
    fitting = [
        (len(beginning), name)
        for name, (_, *beginnings) in TAGS.items()
        for beginning in beginnings
        if path == beginning or path.startswith(f"{beginning}/")
    ]
    return max(fitting)[1] if fitting else None


def _schemas(app: Litestar) -> dict[str, Any]:
    """The schemas of all Structs that handlers take and give, and of what is in them."""
    structs = dict[type, None]()
    for _, _, handler in handlers(app):
        fields = [handler.parsed_return_field]
        if handler.parsed_data_field is not None:
            fields.append(handler.parsed_data_field)
        for field in fields:
            structs |= dict.fromkeys(_structs_in(field))
        specs = (handler.responses or {}).values()
        structs |= {spec.data_container: None for spec in specs if isinstance(spec.data_container, type)}
    _, schemas = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = _text(schema["description"])
    return schemas


def _structs_in(field: FieldDefinition) -> Iterator[type]:
    if field.is_subclass_of(Struct):
        yield field.annotation
    for inner in field.inner_types:
        yield from _structs_in(inner)


def _complete(
    item: dict[str, Any], path: str, method: str, handler: HTTPRouteHandler, schemas: dict[str, Any]
) -> None:
    operation = item[method]
    operation["tags"] = [tag_of(path)]
    summary, rest = _divided(unwrap_partial(handler.fn).__doc__)
    operation["summary"] = summary
    if (role := handler.opt.get("role")) is not None:
        operation["x-role"] = role
        rest = f"{rest}\n\nNeeds a token with the role {role}, or one that may do more.".strip()
    operation.pop("description", None)
    if rest:
        operation["description"] = rest
    operation.pop("deprecated", None)
    name = operation["operationId"]
    for parameter in operation.get("parameters", ()):
        _complete_parameter(parameter, path, name, schemas)
    if name in _BODIES:
        schema, value = _BODIES[name]
        content = {"application/json": {"schema": schema, "example": value}}
        operation["requestBody"] = {"content": content, "required": True}
    elif "requestBody" in operation:
        _add_examples(operation["requestBody"], schemas)
    has_tag = any(
        each["name"] == "If-Match" for other in item.values() for each in other.get("parameters", ())
    )
    for status, response in operation["responses"].items():
        _complete_response(response, status, name, schemas, has_tag=has_tag)


def _complete_parameter(parameter: dict[str, Any], path: str, name: str, schemas: dict[str, Any]) -> None:
    of_path = next((each for start, each in _OF_PATH.items() if path.startswith(start)), {})
    known = of_path.get(parameter["name"]) or PARAMETERS.get(parameter["name"], {})
    for key in ("deprecated", "allowEmptyValue", "allowReserved"):
        parameter.pop(key, None)
    parameter.setdefault("description", known.get("description", ""))
    schema = parameter["schema"]
    # What may be left out cannot be sent as null: here are no JSON values.
    choices = [each for key in ("oneOf", "allOf") for each in schema.pop(key, ()) if each != {"type": "null"}]
    for each in choices:
        schema |= each
    schema.pop("description", None)
    parameter["schema"] = known.get("schema", {}) | schema
    parameter["example"] = known.get(
        "example", example(parameter["schema"], schemas, f"{name}.{parameter['name']}")
    )


def _complete_response(
    response: dict[str, Any], status: str, name: str, schemas: dict[str, Any], *, has_tag: bool
) -> None:
    headers = dict(response.get("headers") or {})
    is_problem = int(status) >= HTTPStatus.BAD_REQUEST
    if is_problem:
        headers |= _PROBLEM_HEADERS.get(status, {})
    elif has_tag and response.get("content"):
        headers["ETag"] = _ETAG
    response["headers"] = headers
    if not headers:
        del response["headers"]
    if name in _ANSWERS and not is_problem:
        schema, value = _ANSWERS[name]
        for media in response["content"].values():
            media |= {"schema": schema, "example": value}
    else:
        _add_examples(response, schemas)
    for media in (response.get("content") or {}).values():
        reference = media["schema"].get("$ref", "").rpartition("/")[2]
        if is_problem:
            media["example"] = {
                "title": HTTPStatus(int(status)).phrase,
                "status": int(status),
                "detail": response["description"],
            }
            if int(status) == HTTPStatus.UNPROCESSABLE_ENTITY:
                media["example"]["errors"] = FIELDS["ProblemDetails.errors"]
        elif reference:
            response["description"], _ = _divided(schemas[reference].get("description"))
    if not response.get("content"):
        response["description"] = "Done."


def _add_examples(holder: dict[str, Any], schemas: dict[str, Any]) -> None:
    for media in (holder.get("content") or {}).values():
        media["example"] = example(media["schema"], schemas)


def _divided(docstring: str | None) -> tuple[str, str]:
    """The first sentence of a docstring, without its full stop, and the rest."""
    first, _, rest = re.sub(r"\.(\s+|$)", "\0", _text(docstring), count=1).partition("\0")
    return first, rest


def _text(docstring: str | None) -> str:
    """A docstring as it is read: its paragraphs, each on one line."""
    paragraphs = re.split(r"\n\s*\n", docstring or "")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs).strip()
