"""The OpenAPI 3.1 document: Litestar's description of the handlers, completed from other parts of the code.

- The schemas of the Structs are msgspec's own. msgspec validates requests with them, and they include
  descriptions and bounds that Litestar leaves out.
- The summary of an operation is the first sentence of its handler's docstring. Its description is the rest of
  the docstring and the required role.
- The tables of `web.documents.descriptions` add everything that the code does not contain.
- Everything has an example (`web.documents.samples`).
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import Method
from litestar.typing import FieldDefinition
from litestar.utils.helpers import unwrap_partial
from msgspec import Struct

from web.documents.descriptions import ANSWERS, BODIES, ETAG, OF_PATH, PARAMETERS, PROBLEM_HEADERS, TAGS
from web.documents.samples import FIELDS, example


def operation_id(handler: HTTPRouteHandler, _method: Method, path: list[Any]) -> str:
    """Return the id of an operation: the name of its handler, marked if it is about a profile."""
    name = handler.handler_name
    if path and path[0] == "profiles" and "profile" not in name:
        return name.replace("_", "_profile_", 1)
    return name


def document(app: Litestar) -> dict[str, Any]:
    """Return the document of the application."""
    found = deepcopy(app.openapi_schema.to_schema())
    # Litestar describes enumerations that only parameters use.
    schemas = dict(sorted((found["components"]["schemas"] | _schemas(app)).items()))
    found["components"]["schemas"] = schemas
    for path, method, handler in handlers(app):
        _complete(found["paths"][path], path, method, handler, schemas)
    used = {tag for item in found["paths"].values() for each in item.values() for tag in each["tags"]}
    found["tags"] = [{"name": name, "description": text} for name, (text, *_) in TAGS.items() if name in used]
    found["paths"] = dict(sorted(found["paths"].items()))
    return found


def handlers(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Return all documented routes: path, method in lower case, handler."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                if handler.resolve_include_in_schema():
                    yield route.path_format, method.lower(), handler


def tag_of(path: str) -> str | None:
    """Return the tag of an operation: the one with the longest matching prefix of its path."""
    fitting = [
        (len(beginning), name)
        for name, (_, *beginnings) in TAGS.items()
        for beginning in beginnings
        if path == beginning or path.startswith(f"{beginning}/")
    ]
    return max(fitting)[1] if fitting else None


def _schemas(app: Litestar) -> dict[str, Any]:
    """Return the schemas of all Structs that handlers accept and return, including nested ones."""
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
        rest = f"{rest}\n\nRequires the role {role}, or a role that includes it.".strip()
    operation.pop("description", None)
    if rest:
        operation["description"] = rest
    operation.pop("deprecated", None)
    name = operation["operationId"]
    for parameter in operation.get("parameters", ()):
        _complete_parameter(parameter, path, name, schemas)
    if name in BODIES:
        schema, value = BODIES[name]
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
    of_path = next((each for start, each in OF_PATH.items() if path.startswith(start)), {})
    known = of_path.get(parameter["name"]) or PARAMETERS.get(parameter["name"], {})
    for key in ("deprecated", "allowEmptyValue", "allowReserved"):
        parameter.pop(key, None)
    parameter.setdefault("description", known.get("description", ""))
    schema = parameter["schema"]
    # An optional parameter cannot be sent as null, because parameters are not JSON values.
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
        headers |= PROBLEM_HEADERS.get(status, {})
    elif has_tag and response.get("content"):
        headers["ETag"] = ETAG
    response["headers"] = headers
    if not headers:
        del response["headers"]
    if name in ANSWERS and not is_problem:
        schema, value = ANSWERS[name]
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
    """Split a docstring into its first sentence, without the full stop, and the rest."""
    first, _, rest = re.sub(r"\.(\s+|$)", "\0", _text(docstring), count=1).partition("\0")
    return first, rest


def _text(docstring: str | None) -> str:
    """Return a docstring's text, with each paragraph on one line."""
    paragraphs = re.split(r"\n\s*\n", docstring or "")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs).strip()
