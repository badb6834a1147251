"""The routes of the tokens, for admins, and `/whoami`, for all roles.

The first token is created with `iot-logic token create`.
"""

from typing import Annotated, Any

from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from pipeline.store.audit import Audit
from pipeline.store.tokens import NAME_PATTERN, Token
from web.access.guard import ANYBODY, CALLER
from web.access.roles import Role, access
from web.services import Services


class NewToken(Struct):
    """A token to create."""

    name: Annotated[
        str,
        Meta(pattern=f"^{NAME_PATTERN}$", description="1 to 64 letters, digits or -.", examples=["line-4"]),
    ]
    role: Role
    days: (
        Annotated[
            float,
            Meta(
                description="Days until the token expires; null: it never expires.",
                gt=0,
                le=36_500,
                examples=[90],
            ),
        ]
        | None
    ) = None


class MadeToken(Struct):
    """A new token. No other answer contains its secret."""

    name: str
    role: Role
    token: str


class TokenList(Struct):
    """All tokens, by name, without their secrets."""

    tokens: list[Token]


class WhoAmI(Struct):
    """The name and role of your token.

    `name` is null if the request needed no token. `expires` is when the token expires (RFC 3339, UTC), null
    if it never expires.
    """

    name: str | None
    role: Role
    expires: str | None


class WhoAmIController(Controller):
    """`/whoami`."""

    path = "/whoami"

    @get(sync_to_thread=False, **access(Role.VIEWER))
    def get_who_am_i(self, request: Request[Any, Any, Any]) -> WhoAmI:
        """Return the name and role of the token that you sent."""
        caller = request.state[CALLER]
        return WhoAmI(None if caller is ANYBODY else caller.name, caller.role, caller.expires)


class TokensController(Controller):
    """`/tokens`."""

    path = "/tokens"

    @get(sync_to_thread=True, **access(Role.ADMIN))
    def list_tokens(self, services: NamedDependency[Services]) -> TokenList:
        """List all tokens, including expired ones."""
        return TokenList(services.tokens.list())

    @post(sync_to_thread=True, **access(Role.ADMIN, 409, 413))
    def post_token(
        self, services: NamedDependency[Services], audit: NamedDependency[Audit], data: JSONBody[NewToken]
    ) -> Response[MadeToken]:
        """Create a token. Only this answer contains its secret."""
        token = services.tokens.create(data.name, data.role, data.days)
        audit.record("token.create", data.name, after=data.role)
        # No proxy may store the secret.
        return Response(MadeToken(data.name, data.role, token), headers={"Cache-Control": "no-store"})

    @delete("/{name:str}", sync_to_thread=True, **access(Role.ADMIN, 404))
    def delete_token(
        self, services: NamedDependency[Services], audit: NamedDependency[Audit], name: FromPath[str]
    ) -> None:
        """Revoke a token. It is invalid from the next request on."""
        role = services.tokens.revoke(name)
        if role is None:
            raise NotFoundException(detail=f"There is no token {name!r}.")
        audit.record("token.revoke", name, before=role)
