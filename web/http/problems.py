"""Every error of the API, as problem details (RFC 9457)."""

import logging
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import ClientException, HTTPException, NotFoundException, ValidationException
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from pipeline.errors import BrokerUnavailable, Busy, PublishError, RedriveStopped, TokenError
from pipeline.store.client import RedisError
from pipeline.trials.examples import MISMATCHES, ExamplesFailed, ExamplesUnfit, Mismatch
from pipeline.wire import is_machine_id
from sandbox.errors import LogicRefused, SandboxUnavailable

_logger = logging.getLogger(__name__)

#: The media type of problem details.
MEDIA_TYPE = "application/problem+json"

#: What each status says, for the OpenAPI document.
MEANINGS: Final = {
    400: "The request cannot be understood.",
    401: "A token is needed, and none was sent that is valid.",
    403: "The token's role is not enough.",
    404: "There is none.",
    409: "It does not fit what is there.",
    412: "It has changed since it was read.",
    413: "The body is too large.",
    422: "It was understood, and refused: `errors` says why.",
    429: "Too many requests: wait as long as Retry-After says.",
    503: "Redis, RabbitMQ or the sandbox cannot be used at the moment: try again.",
}

#: Characters of a path that an error repeats at the most.
_PATH_SHOWN: Final = 200


class ProblemDetails(Struct, kw_only=True, omit_defaults=True):
    """What a client reads about an error.

    `errors` lists what is wrong with a logic or a request; `examples` where a logic does not do what its
    examples say.
    """

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    errors: list[dict[str, Any]] = []
    examples: list[Mismatch] = []


def problem(status: int, detail: str, errors: list[dict[str, Any]] | None = None) -> ProblemDetails:
    """What a client reads about an error."""
    return ProblemDetails(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors or [])


def respond(status: int, detail: str, errors: list[dict[str, Any]] | None = None) -> Response[ProblemDetails]:
    """The response for an error."""
    return Response(problem(status, detail, errors), status_code=status, media_type=MEDIA_TYPE)


def _http(request: Request[Any, Any, Any], error: HTTPException) -> Response[ProblemDetails]:
    errors = error.extra if isinstance(error, ValidationException) else None
    detail = error.detail
    if detail == HTTPStatus(error.status_code).phrase:
        # Litestar's own, which has found no route.
        detail = (
            f"There is no {request.method} {request.url.path[:_PATH_SHOWN]!r} here: /schema lists all routes."
        )
    response = respond(error.status_code, detail, errors if isinstance(errors, list) else None)
    response.headers.update(error.headers or {})
    return response


def _refused(_request: Request[Any, Any, Any], error: LogicRefused) -> Response[ProblemDetails]:
    count = len(error.problems)
    found = f"{count} problems" if count > 1 else "a problem"
    return respond(
        422,
        f"The logic was not accepted: it has {found}. What was in force stays in force.",
        [msgspec.to_builtins(problem) for problem in error.problems],
    )


def _examples_failed(_request: Request[Any, Any, Any], error: ExamplesFailed) -> Response[ProblemDetails]:
    failing = len({mismatch.example for mismatch in error.mismatches})
    counted = f"{failing} of its examples fail" if failing > 1 else "one of its examples fails"
    response = respond(422, f"The logic was not accepted: {counted}. What was in force stays in force.")
    response.content.examples = error.mismatches[:MISMATCHES]
    return response


def _examples_unfit(_request: Request[Any, Any, Any], error: ExamplesUnfit) -> Response[ProblemDetails]:
    return respond(422, f"The logic was not accepted: {error}. What was in force stays in force.")


def _redis_down(_request: Request[Any, Any, Any], error: RedisError) -> Response[ProblemDetails]:
    return respond(503, f"Redis cannot be used at the moment ({error}). Try again.")


def _broker_down(_request: Request[Any, Any, Any], error: PublishError) -> Response[ProblemDetails]:
    return respond(503, f"The reading was not confirmed, so it may be lost: {error}. Send it again.")


def _broker_mute(_request: Request[Any, Any, Any], error: BrokerUnavailable) -> Response[ProblemDetails]:
    return respond(503, f"{error}. Try again.")


def _sandbox_down(_request: Request[Any, Any, Any], error: SandboxUnavailable) -> Response[ProblemDetails]:
    return respond(503, f"Logic cannot be checked at the moment: {error}")


def _redrive_stopped(_request: Request[Any, Any, Any], error: RedriveStopped) -> Response[ProblemDetails]:
    return respond(503, f"{error}. None is lost, and each counts once: send them again.")


def _too_deep(_request: Request[Any, Any, Any], _error: RecursionError) -> Response[ProblemDetails]:
    # Nothing of ours recurses as a JSON text does that is nested a thousand times.
    return respond(400, "The request is nested too deeply.")


def _busy(_request: Request[Any, Any, Any], error: Busy) -> Response[ProblemDetails]:
    response = respond(503, f"{error}. Try again in {error.again} s.")
    response.headers["Retry-After"] = str(error.again)
    return response


def _no_token(_request: Request[Any, Any, Any], error: TokenError) -> Response[ProblemDetails]:
    return respond(409, str(error))


def _failed(request: Request[Any, Any, Any], error: Exception) -> Response[ProblemDetails]:
    _logger.error("%s %r has failed", request.method, request.url.path, exc_info=error)
    return respond(500, "The API has failed at this, which is a fault of its own. Its log says why.")


def unknown_machine(machine_id: str, what: str) -> NotFoundException:
    """The error for a machine that has no `what`."""
    return NotFoundException(detail=f"The machine {machine_id!r} has no {what}.")


def checked_id(machine_id: str) -> str:
    """A machine's id as it came in a path. Raises `ClientException` where it can be none."""
    if not is_machine_id(machine_id):
        raise ClientException(
            detail=f"{machine_id!r} cannot be a machine's id: it has 1 to 128 letters, digits, _ or -."
        )
    return machine_id


def checked_name(name: str) -> str:
    """A profile's name as it came in a path. Raises `ClientException` where it can be none."""
    if not is_machine_id(name):
        raise ClientException(
            detail=f"{name!r} cannot be a profile's name: it has 1 to 128 letters, digits, _ or -."
        )
    return name


HANDLERS: ExceptionHandlersMap = {
    HTTPException: _http,
    LogicRefused: _refused,
    RedisError: _redis_down,
    PublishError: _broker_down,
    BrokerUnavailable: _broker_mute,
    RedriveStopped: _redrive_stopped,
    SandboxUnavailable: _sandbox_down,
    Busy: _busy,
    ExamplesFailed: _examples_failed,
    ExamplesUnfit: _examples_unfit,
    RecursionError: _too_deep,
    TokenError: _no_token,
    Exception: _failed,
}
