"""Checks of every request that the guard has admitted, before its handler is called."""

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import ClientException, ValidationException
from litestar.typing import FieldDefinition


async def before_request(request: Request[Any, Any, Any]) -> Response[None] | None:
    """Answer OPTIONS, and refuse a query or a body that the handler does not ask for."""
    if request.method == "OPTIONS":
        return _options(request)
    signature = request.route_handler.parsed_fn_signature.parameters
    # A handler that takes the request reads the body itself.
    if "request" not in signature:
        _check_query(request, signature)
    if (data := signature.get("data")) is not None:
        _check_body(await request.body(), data.annotation)
    return None


def _options(request: Request[Any, Any, Any]) -> Response[None]:
    """Return the methods of a path. Litestar's own answer lists only those of its first handler."""
    template = request.scope["path_template"]
    methods = {
        method for route in request.app.routes if route.path_format == template for method in route.methods
    }
    return Response(None, status_code=204, headers={"Allow": ", ".join(sorted(methods))})


def _check_query(request: Request[Any, Any, Any], signature: dict[str, FieldDefinition]) -> None:
    """Raise an error if a parameter is unknown, is repeated, or is the text "null".

    Litestar alone would ignore a misspelt filter, and so delete more than was meant. It would take the last
    of two values, and "null" as no value.
    """
    fields = {parameter_name(signature, argument): field for argument, field in signature.items()}
    for name, value in request.query_params.multi_items():
        field = fields.get(name)
        if field is None:
            raise ClientException(
                detail=f"This route has no query parameter {name!r}. /schema lists its parameters."
            )
        if len(request.query_params.getall(name)) > 1:
            raise ClientException(detail=f"The query parameter {name!r} is repeated. Send it once.")
        is_text = field.annotation is str or str in (inner.annotation for inner in field.inner_types)
        if value == "null" and not is_text:
            raise ClientException(detail=f"The query parameter {name!r} cannot be null. Omit it instead.")


def parameter_name(signature: dict[str, FieldDefinition], argument: str) -> str:
    """Return the name in the request of a handler's argument.

    It may differ, because Litestar reserves some names of arguments, such as `state`.
    """
    definition = signature[argument].kwarg_definition if argument in signature else None
    return getattr(definition, "name", None) or argument


def _check_body(body: bytes, kind: Any) -> None:
    """Raise an error if a body has the wrong type. Litestar alone would take 0 for false and "3" for 3."""
    if not body:
        raise ClientException(detail="The request has no body. Send a JSON object.")
    try:
        msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as e:
        message, _, path = str(e).partition(" - at ")
        raise ValidationException(
            detail=f"The body is invalid: {e}.",
            extra=[
                {"message": message, "key": path.strip("`").removeprefix("$").lstrip("."), "source": "body"}
            ],
        ) from e
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise ClientException(detail=f"The body is not valid JSON: {e}.") from e
