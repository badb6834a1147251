"""What is done with every request that has passed the gate, before its handler is called."""

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import ClientException, ValidationException


async def before_request(request: Request[Any, Any, Any]) -> Response[None] | None:
    """Answer OPTIONS, and refuse a body that is not exactly of the handler's type."""
    if request.method == "OPTIONS":
        return _options(request)
    field = request.route_handler.parsed_data_field
    if field is not None:
        _check(await request.body(), field.annotation)
    return None


def _options(request: Request[Any, Any, Any]) -> Response[None]:
    """What a path takes. Litestar's own answer knows the methods of its first handler alone."""
    template = request.scope["path_template"]
    methods = {
        method for route in request.app.routes if route.path_format == template for method in route.methods
    }
    return Response(None, status_code=204, headers={"Allow": ", ".join(sorted(methods))})


def _check(body: bytes, kind: Any) -> None:
    """Raise where a body is not of a type. Litestar alone would take 0 for false and "3" for 3."""
    if not body:
        raise ClientException(detail="A body is needed: a JSON object.")
    try:
        msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as e:
        message, _, path = str(e).partition(" - at ")
        raise ValidationException(
            detail=f"The body is not as it should be: {e}.",
            extra=[
                {"message": message, "key": path.strip("`").removeprefix("$").lstrip("."), "source": "body"}
            ],
        ) from e
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise ClientException(detail=f"The body is not JSON: {e}.") from e
