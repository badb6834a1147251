"""The roles, and how each route declares the role that it needs.

Each role includes the permissions of the roles before it. A device that posts its readings over HTTP needs an
operator's token, because a reading changes the state just as an edit does. A device that must not do anything
else sends over MQTT or AMQP, with its own user of the broker.

A route declares its role, and the problems that it can answer with, in one call::

    @get("/machines/{machine_id:str}", sync_to_thread=True, **access(Role.VIEWER, 404))

A route that declares no role is closed to all callers (`web.access.guard` answers 403), and a test fails.
"""

from typing import Any, Final, TypedDict

from litestar.openapi.datastructures import ResponseSpec

from pipeline.model.role import Role
from web.http.problems import MEANINGS, MEDIA_TYPE, ProblemDetails

__all__ = ["SCHEME", "Access", "Role", "access", "public"]

#: The name of the security scheme in the OpenAPI document.
SCHEME: Final = "bearer"


class Access(TypedDict):
    """The arguments of a route's decorator, as returned by `access` and `public`."""

    opt: dict[str, Any]
    responses: dict[int, ResponseSpec]
    security: list[dict[str, list[str]]]


def access(role: Role, *problems: int, changes: bool | None = None, without_redis: bool = False) -> Access:
    """Return the decorator arguments of a route that needs `role`.

    `problems` are the statuses that it can answer with, in addition to those of every such route: 400, 401,
    403, 429 and 503. `changes` is False for a POST, PUT, PATCH or DELETE that changes nothing that is
    audited. `without_redis` is for a route that must answer while Redis is away. Nobody can be identified
    then, so it answers everybody.
    """
    return Access(
        opt={"role": role, "changes": changes, "without_redis": without_redis},
        responses=_responses(400, 401, 403, 429, 503, *problems),
        security=[{SCHEME: []}],
    )


def public(*problems: int) -> Access:
    """Return the decorator arguments of a route that needs no token. It can also answer with 400 and 429."""
    return Access(
        opt={"role": None, "changes": None, "without_redis": False},
        responses=_responses(400, 429, *problems),
        security=[{}],
    )


def _responses(*statuses: int) -> dict[int, ResponseSpec]:
    return {
        status: ResponseSpec(
            ProblemDetails, generate_examples=False, description=MEANINGS[status], media_type=MEDIA_TYPE
        )
        for status in sorted(statuses)
    }
