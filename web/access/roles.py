"""Who may do what: the roles, and how each route declares the one it needs.

Each role may do what those before it may. A device that posts its readings over HTTP needs an operator's
token, because a reading changes the state as an edit does; a device that should be able to do nothing else
sends over MQTT or AMQP, with a user of the broker's.

A route declares its role, and the problems it can answer with, in one call::

    @get("/machines/{machine_id:str}", sync_to_thread=True, **access(Role.VIEWER, 404))

One that declares nothing is for nobody (`web.access.guard` answers 403), and a test fails.
"""

from typing import Any, Final, TypedDict

from litestar.openapi.datastructures import ResponseSpec

from pipeline.model.role import Role
from web.http.problems import MEANINGS, MEDIA_TYPE, ProblemDetails

__all__ = ["SCHEME", "Access", "Role", "access", "public"]

#: The name of the security scheme in the OpenAPI document.
SCHEME: Final = "bearer"


class Access(TypedDict):
    """What a route's decorator takes from `access` or `public`."""

    opt: dict[str, Any]
    responses: dict[int, ResponseSpec]
    security: list[dict[str, list[str]]]


def access(role: Role, *problems: int, changes: bool | None = None) -> Access:
    """What a route that needs `role` passes to its decorator.

    `problems` are the statuses it can answer with, beside those that any such route can: 400, 401, 403, 429
    and 503. `changes` is False for a POST, PUT, PATCH or DELETE that changes nothing that is audited.
    """
    return Access(
        opt={"role": role, "changes": changes},
        responses=_responses(400, 401, 403, 429, 503, *problems),
        security=[{SCHEME: []}],
    )


def public(*problems: int) -> Access:
    """What a route passes to its decorator that needs no token. It can answer with 400 and 429 besides."""
    return Access(
        opt={"role": None, "changes": None}, responses=_responses(400, 429, *problems), security=[{}]
    )


def _responses(*statuses: int) -> dict[int, ResponseSpec]:
    return {
        status: ResponseSpec(
            ProblemDetails, generate_examples=False, description=MEANINGS[status], media_type=MEDIA_TYPE
        )
        for status in sorted(statuses)
    }
