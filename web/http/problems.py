"""Every error of the API, as problem details (RFC 9457)."""

import logging
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import ClientException, HTTPException, NotFoundException, ValidationException
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from pipeline.errors import (
    AboutRefused,
    AlarmChanged,
    BrokerUnavailable,
    Busy,
    NoAlarm,
    PublishError,
    ReadingUnfit,
    RedriveStopped,
    RouteChanged,
    RouteConflict,
    RouteRefused,
    ScheduleRefused,
    SourceChanged,
    SourceConflict,
    SourceInvalid,
    SourceRefused,
    TokenError,
)
from pipeline.store.client import RedisError
from pipeline.trials.examples import MISMATCHES, ExamplesFailed, ExamplesUnfit, Mismatch
from pipeline.wire import is_machine_id
from sandbox.errors import LogicRefused, SandboxUnavailable
from web.http.request_checks import parameter_name

_logger = logging.getLogger(__name__)

#: The media type of problem details.
MEDIA_TYPE = "application/problem+json"

#: What each status means, for the OpenAPI document.
MEANINGS: Final = {
    400: "The request is malformed.",
    401: "The token is missing or invalid.",
    403: "The token's role does not allow this request.",
    404: "Not found.",
    409: "The request conflicts with the current state.",
    412: "The resource has changed since you read it.",
    413: "The body is too large.",
    422: "The request is well-formed but was refused; `errors` says why.",
    429: "Too many requests. Wait for the number of seconds in Retry-After.",
    500: "Data in Redis is damaged; `detail` names it. Or the API has a bug: see its log.",
    503: "Redis, RabbitMQ or the sandbox is unavailable, or the API is too busy. Try again later; if there "
    "is a Retry-After, after that many seconds.",
}

#: The status in the metrics of a request whose client has disconnected. It is never sent.
_GONE: Final = 499

#: The maximum number of characters of a path that an error repeats.
_PATH_SHOWN: Final = 200


class ClientGone(Exception):
    """The client has disconnected, so its request is dropped."""


class ProblemDetails(Struct, kw_only=True, omit_defaults=True):
    """An error, as problem details (RFC 9457).

    `errors` lists the problems of a logic or a request. `examples` lists the examples that fail, with the
    expected and the actual result.
    """

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    errors: list[dict[str, Any]] = []
    examples: list[Mismatch] = []


def problem(status: int, detail: str, errors: list[dict[str, Any]] | None = None) -> ProblemDetails:
    """Return the problem details of an error."""
    return ProblemDetails(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors or [])


def respond(status: int, detail: str, errors: list[dict[str, Any]] | None = None) -> Response[ProblemDetails]:
    """Return the response for an error."""
    return Response(problem(status, detail, errors), status_code=status, media_type=MEDIA_TYPE)


def _http(request: Request[Any, Any, Any], error: HTTPException) -> Response[ProblemDetails]:
    errors = error.extra if isinstance(error, ValidationException) else None
    if isinstance(errors, list):
        signature = request.route_handler.parsed_fn_signature.parameters
        for each in errors:
            if each.get("source") == "query":
                each["key"] = parameter_name(signature, each["key"])
    detail = error.detail
    if detail == HTTPStatus(error.status_code).phrase:
        # Litestar raised it because the body is too large, or because no route matches.
        detail = (
            MEANINGS[413]
            if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            else f"There is no route {request.method} {request.url.path[:_PATH_SHOWN]!r}. "
            "/schema lists all routes."
        )
    response = respond(error.status_code, detail, errors if isinstance(errors, list) else None)
    response.headers.update(error.headers or {})
    return response


def _refused(_request: Request[Any, Any, Any], error: LogicRefused) -> Response[ProblemDetails]:
    count = len(error.problems)
    found = f"{count} problems" if count > 1 else "a problem"
    return respond(
        422,
        f"The logic was refused: it has {found}. The deployed version has not changed.",
        [msgspec.to_builtins(problem) for problem in error.problems],
    )


def _examples_failed(_request: Request[Any, Any, Any], error: ExamplesFailed) -> Response[ProblemDetails]:
    failing = len({mismatch.example for mismatch in error.mismatches})
    counted = f"{failing} of its examples fail" if failing > 1 else "one of its examples fails"
    response = respond(422, f"The logic was refused: {counted}. The deployed version has not changed.")
    response.content.examples = error.mismatches[:MISMATCHES]
    return response


def _examples_unfit(_request: Request[Any, Any, Any], error: ExamplesUnfit) -> Response[ProblemDetails]:
    return respond(422, f"The logic was refused: {error}. The deployed version has not changed.")


def _reading_unfit(_request: Request[Any, Any, Any], error: ReadingUnfit) -> Response[ProblemDetails]:
    return respond(422, f"The trial was refused: {error}.")


def _redis_down(_request: Request[Any, Any, Any], error: RedisError) -> Response[ProblemDetails]:
    return respond(503, f"Redis is unavailable: {error}. Try again later.")


def _broker_down(_request: Request[Any, Any, Any], error: PublishError) -> Response[ProblemDetails]:
    return respond(503, f"The reading was not confirmed and may be lost: {error}. Send it again.")


def _broker_mute(_request: Request[Any, Any, Any], error: BrokerUnavailable) -> Response[ProblemDetails]:
    return respond(503, f"{error}. Try again.")


def _sandbox_down(_request: Request[Any, Any, Any], error: SandboxUnavailable) -> Response[ProblemDetails]:
    return respond(503, f"The sandbox is unavailable, so logic cannot be checked or run: {error}")


def _redrive_stopped(_request: Request[Any, Any, Any], error: RedriveStopped) -> Response[ProblemDetails]:
    return respond(503, f"{error}. No dead letter is lost. Repeat the request to send the rest.")


def _too_deep(_request: Request[Any, Any, Any], _error: RecursionError) -> Response[ProblemDetails]:
    # Only a JSON text with very deep nesting causes this: no code of ours recurses that far.
    return respond(400, "The request is nested too deeply.")


def _busy(_request: Request[Any, Any, Any], error: Busy) -> Response[ProblemDetails]:
    response = respond(503, f"{error}. Try again in {error.again} s.")
    response.headers["Retry-After"] = str(error.again)
    return response


def _source_invalid(_request: Request[Any, Any, Any], error: SourceInvalid) -> Response[ProblemDetails]:
    return respond(500, str(error))


def _source_refused(_request: Request[Any, Any, Any], error: SourceRefused) -> Response[ProblemDetails]:
    return respond(422, f"The source was refused: {error}")


def _schedule_refused(_request: Request[Any, Any, Any], error: ScheduleRefused) -> Response[ProblemDetails]:
    return respond(422, str(error))


def _source_conflict(_request: Request[Any, Any, Any], error: SourceConflict) -> Response[ProblemDetails]:
    return respond(409, f"The source was refused: {error}")


def _source_changed(_request: Request[Any, Any, Any], _error: SourceChanged) -> Response[ProblemDetails]:
    return respond(412, "The source has changed since you read it. Read it again, then repeat your change.")


def _about_refused(_request: Request[Any, Any, Any], error: AboutRefused) -> Response[ProblemDetails]:
    return respond(422, f"The card was refused: {error}")


def _no_alarm(_request: Request[Any, Any, Any], error: NoAlarm) -> Response[ProblemDetails]:
    return respond(404, str(error))


def _alarm_changed(_request: Request[Any, Any, Any], error: AlarmChanged) -> Response[ProblemDetails]:
    return respond(409, str(error))


def _route_refused(_request: Request[Any, Any, Any], error: RouteRefused) -> Response[ProblemDetails]:
    return respond(422, f"The route was refused: {error}")


def _route_conflict(_request: Request[Any, Any, Any], error: RouteConflict) -> Response[ProblemDetails]:
    return respond(409, f"The route was refused: {error}")


def _route_changed(_request: Request[Any, Any, Any], _error: RouteChanged) -> Response[ProblemDetails]:
    return respond(412, "The route has changed since you read it. Read it again, then repeat your change.")


def _gone(_request: Request[Any, Any, Any], _error: ClientGone) -> Response[None]:
    return Response(None, status_code=_GONE)


def _no_token(_request: Request[Any, Any, Any], error: TokenError) -> Response[ProblemDetails]:
    return respond(409, str(error))


def _failed(request: Request[Any, Any, Any], error: Exception) -> Response[ProblemDetails]:
    _logger.error("%s %r failed with an internal error", request.method, request.url.path, exc_info=error)
    return respond(500, "Internal error: the API could not process this request. See the API's log.")


def unknown_machine(machine_id: str, what: str) -> NotFoundException:
    """Return the error for a machine that has no `what`."""
    return NotFoundException(detail=f"The machine {machine_id!r} has no {what}.")


def checked_id(machine_id: str) -> str:
    """Return a machine id from a path. Raises `ClientException` if it is invalid."""
    if not is_machine_id(machine_id):
        raise ClientException(
            detail=f"{machine_id!r} is not a valid machine id. Use 1 to 128 letters, digits, _ or -."
        )
    return machine_id


def checked_name(name: str) -> str:
    """Return a profile name from a path. Raises `ClientException` if it is invalid."""
    if not is_machine_id(name):
        raise ClientException(
            detail=f"{name!r} is not a valid profile name. Use 1 to 128 letters, digits, _ or -."
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
    SourceInvalid: _source_invalid,
    ClientGone: _gone,
    ExamplesFailed: _examples_failed,
    ExamplesUnfit: _examples_unfit,
    ReadingUnfit: _reading_unfit,
    RecursionError: _too_deep,
    TokenError: _no_token,
    ScheduleRefused: _schedule_refused,
    AboutRefused: _about_refused,
    NoAlarm: _no_alarm,
    AlarmChanged: _alarm_changed,
    SourceRefused: _source_refused,
    SourceConflict: _source_conflict,
    SourceChanged: _source_changed,
    RouteRefused: _route_refused,
    RouteConflict: _route_conflict,
    RouteChanged: _route_changed,
    Exception: _failed,
}
