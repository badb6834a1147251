"""The guard: checks every request before its body is read. It identifies the sender and checks permission.

- A route declares the role that it needs (`web.access.roles`). A route that declares none is closed.
- A token is looked up in Redis for each request (`pipeline.store.tokens`). The answer is 401 if the token is
  invalid, and 403 if its role is insufficient. The answer does not say why a token is refused.
- If there is no token in Redis and the API listens on loopback, every user of this machine may do everything.
  This ends with the first token. It never applies if the API listens on another address, even after the last
  token is revoked. The guard ignores the address that a client claims to have. But a request to loopback was
  not always sent from this machine on purpose: a web page in a browser on this machine can send requests too,
  even under a host name of its own that resolves to 127.0.0.1, and a proxy passes on the requests of others.
  Such requests are refused (403).
- While Redis does not answer, nobody can be identified, and the answer is 503. A route that says what is down
  answers everybody then. `/health/ready` tells everybody the same.
- A client may send a limited number of requests per second; more get 429. Each token is a client. Each
  address that sends an invalid token, and each address that requests a public route, is a client too. Without
  tokens nothing is limited: a client with full access needs no flood to do harm.
- A token may use a limited number of handler threads at a time (`web.access.fair_share`).
- A request for a sandbox needs a place there (`web.access.admission`).
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from math import ceil
from typing import Any, Final, TypeVar

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException, TooManyRequestsException
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope

from pipeline.settings import Settings
from pipeline.store.audit import UNNAMED
from pipeline.store.client import RedisError
from pipeline.store.tokens import Caller, Tokens
from web.access.admission import Admission, Kind, kinds_of
from web.access.fair_share import FairShare
from web.access.rate_limit import RateLimit
from web.access.roles import Role

#: The caller of a request if there are no tokens.
ANYBODY: Final = Caller(UNNAMED, Role.ADMIN)

#: The key in a request's state under which the guard stores the caller.
CALLER: Final = "caller"

#: Headers that a proxy adds and that no client on this machine needs to send.
_PROXIED: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")

#: Values that a browser sends in `Sec-Fetch-Site` for a request from another site's page.
_FOREIGN: Final = ("cross-site", "same-site")

#: The maximum number of requests whose callers are looked up in Redis at the same time.
_THREADS: Final = 4

#: Maximum seconds until the caller is known. Redis has 5 seconds to answer (`pipeline.store.client`). If it
#: does not, requests wait for a thread too.
_SECONDS: Final = 6.0

#: The maximum length of an Authorization header, in characters: longer than any token.
_LONGEST: Final = 200

_Answer = TypeVar("_Answer")


class Guard:
    """The guard of all routes."""

    def __init__(
        self,
        tokens: Tokens,
        settings: Settings,
        fair_share: FairShare,
        admission: Mapping[Kind, Admission[Any]],
    ) -> None:
        self._fair_share, self._admission = fair_share, admission
        self._rates = RateLimit(settings.api_rate, settings.api_burst)
        self._local = is_loopback(settings.api_host)
        self._tokens = tokens
        # A pool of its own, so that busy handler threads never delay the check of a caller.
        self._threads = ThreadPoolExecutor(_THREADS, "guard")

    async def check(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """Let a request pass, or raise the error that refuses it. Raises `RedisError`."""
        # Litestar itself answers OPTIONS, with nothing that the OpenAPI document does not say.
        if connection.scope.get("method") == "OPTIONS" or handler.opt.get("role", "") is None:
            self._count(f"open {_address(connection)}")
            return
        try:
            caller = await self._find(connection)
        except RedisError:
            if not handler.opt.get("without_redis"):
                raise
            self._count(f"open {_address(connection)}")
            return
        if caller is None:
            self._count(f"refused {_address(connection)}")
            raise NotAuthorizedException(
                detail="The token is missing, wrong, expired or revoked. Send a valid one as "
                "`Authorization: Bearer iot_…`.",
                headers={"WWW-Authenticate": 'Bearer realm="iot-logic"'},
            )
        if caller is ANYBODY:
            _check_from_here(connection)
        else:
            self._count(f"token {caller.name}")
        needed = handler.opt.get("role")
        if needed is None:
            raise PermissionDeniedException(detail="Nobody may use this route: it declares no role.")
        if not caller.role.includes(needed):
            raise PermissionDeniedException(
                detail=f"This request needs the role {needed}; the token {caller.name!r} has the role "
                f"{caller.role}. Use another token.",
            )
        connection.state[CALLER] = caller
        for kind in kinds_of(handler):
            self._admission[kind].check(client_of(connection.scope))
        if caller is not ANYBODY and getattr(handler, "sync_to_thread", None):
            await self._fair_share.begin(connection, caller.name)

    async def holds(self, caller: Caller) -> bool:
        """Return whether an admitted caller would still be admitted. True if Redis is unavailable."""
        try:
            if caller is ANYBODY:
                return not await self._ask(self._tokens.exist)
            return await self._ask(self._tokens.hold, caller)
        except RedisError:
            return True

    async def _find(self, connection: ASGIConnection[Any, Any, Any, Any]) -> Caller | None:
        sent = connection.headers.getall("authorization", [])
        if not sent:
            return ANYBODY if self._local and not await self._ask(self._tokens.exist) else None
        # Refuse two headers or another scheme instead of guessing.
        scheme, _, token = sent[0][:_LONGEST].partition(" ")
        if len(sent) > 1 or scheme.lower() != "bearer":
            return None
        return await self._ask(self._tokens.caller, token.strip(" "))

    async def _ask(self, question: Callable[..., _Answer], *arguments: Any) -> _Answer:
        """Return the answer of Redis. Raises `RedisError`."""
        try:
            async with asyncio.timeout(_SECONDS):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._threads, question, *arguments)
        except TimeoutError:
            raise RedisError(f"no answer within {_SECONDS:g} seconds") from None

    def _count(self, client: str) -> None:
        if wait := self._rates.take(client):
            raise TooManyRequestsException(
                detail=f"Too many requests: the limit is {self._rates.rate:g} a second, with bursts of "
                f"{self._rates.burst}. Wait {wait:.3f} s.",
                headers={"Retry-After": str(ceil(wait))},
            )


def client_of(scope: Scope) -> str:
    """Return the client of an admitted request: its token, or without one its address."""
    caller: Caller = scope["state"][CALLER]
    if caller is not ANYBODY:
        return f"token {caller.name}"
    return f"address {scope['client'][0] if scope['client'] else ''}"


class Admitted:
    """The admission of a request. A long-running response can check it again."""

    def __init__(self, guard: Guard, caller: Caller) -> None:
        self._guard, self._caller = guard, caller

    async def holds(self) -> bool:
        """Return whether the request would be admitted now."""
        return await self._guard.holds(self._caller)


def _check_from_here(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Raise `PermissionDeniedException` if a request to loopback may come from elsewhere."""
    headers = connection.headers
    host = headers.get("host", "")
    origin = headers.get("origin")
    if not is_loopback(_host_name(host)):
        why = f"this request names the host {host!r}, which is not a loopback name"
    elif (origin is not None and origin != f"http://{host}") or headers.get("sec-fetch-site") in _FOREIGN:
        why = "this request comes from a web page of another site"
    elif any(name in headers for name in _PROXIED):
        why = "this request comes through a proxy"
    else:
        return
    raise PermissionDeniedException(
        detail=f"There is no token yet, so the API accepts requests from its own host only; {why}. Create a "
        "token: iot-logic token create NAME --role admin"
    )


def _host_name(host: str) -> str:
    """Return the name or address in a `Host` header, without the port."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def is_loopback(host: str) -> bool:
    """Return whether this name or address belongs to this machine and cannot be reached from another one."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _address(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    return connection.client.host if connection.client else "unknown"
