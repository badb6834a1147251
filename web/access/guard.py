"""The gate: every request passes it, before its body is read. It asks who sends it, and whether he may.

- A route says which role it needs (`web.access.roles`). One that says nothing is closed.
- A token is looked up in Redis for each request (`pipeline.store.tokens`): 401 if it is not valid, 403 if
  its role is not enough. The answer does not say why a token is refused.
- Without any token in Redis, and only where the API listens on loopback, whoever is on this machine may do
  all. With the first token this ends. Where the API listens elsewhere it never holds, also when the last is
  revoked. Which address a client says that it has is never asked. But not all that reaches loopback was sent
  from this machine on purpose: a web page in a browser here can send requests too, also under a name of its
  own that resolves to 127.0.0.1, and a proxy passes on what others send. Such are refused (403).
- A client sends no more than so many requests a second: 429. Each token is a client, and so is each address
  that sends a wrong one, and each that asks for what is open to all. Where there is no token nobody is
  counted: who may do all needs no flood.
- A token has no more than so many of the handlers' threads at a time (`web.access.fair_share`).
"""

from asyncio import get_running_loop
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from math import ceil
from typing import Any, Final, TypeVar

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException, TooManyRequestsException
from litestar.handlers import BaseRouteHandler

from pipeline.settings import Settings
from pipeline.store.audit import UNNAMED
from pipeline.store.client import RedisError
from pipeline.store.tokens import Caller, Tokens
from web.access.fair_share import FairShare
from web.access.rate_limit import RateLimit
from web.access.roles import Role

#: Who sends a request where there are no tokens.
ANYBODY: Final = Caller(UNNAMED, Role.ADMIN)

#: Where the gate leaves who it is, in the state of the request.
CALLER: Final = "caller"

#: Headers that a proxy adds, and that nobody on this machine needs to send.
_PROXIED: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")

#: What a browser says in `Sec-Fetch-Site` of a request that another site's page sends.
_FOREIGN: Final = ("cross-site", "same-site")

#: Requests that ask Redis at once who sends them.
_THREADS: Final = 4

#: Characters of an Authorization header that are looked at: more than any token has.
_LONGEST: Final = 200

_Answer = TypeVar("_Answer")


class Guard:
    """The guard of all routes."""

    def __init__(self, tokens: Tokens, settings: Settings, turns: FairShare) -> None:
        self._turns = turns
        self._rates = RateLimit(settings.api_rate, settings.api_burst)
        self._local = is_loopback(settings.api_host)
        self._tokens = tokens
        # Of its own: whatever keeps the threads of the handlers busy, everybody gets this far.
        self._threads = ThreadPoolExecutor(_THREADS, "gate")

    async def guard(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """Let a request pass, or raise why not. Raises `redis.RedisError`."""
        # A path's OPTIONS is Litestar's own, and says no more than the OpenAPI document.
        if connection.scope.get("method") == "OPTIONS" or handler.opt.get("role", "") is None:
            self._count(f"open {_address(connection)}")
            return
        caller = await self._find(connection)
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
        if caller is not ANYBODY and getattr(handler, "sync_to_thread", None):
            await self._turns.begin(connection, caller.name)

    async def holds(self, caller: Caller) -> bool:
        """Whether who was let in would be so now; also where Redis cannot be asked, for that is no answer."""
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
        # Two of them, or another scheme: nobody guesses which is meant.
        scheme, _, token = sent[0][:_LONGEST].partition(" ")
        if len(sent) > 1 or scheme.lower() != "bearer":
            return None
        return await self._ask(self._tokens.caller, token.strip(" "))

    async def _ask(self, question: Callable[..., _Answer], *arguments: Any) -> _Answer:
        return await get_running_loop().run_in_executor(self._threads, question, *arguments)

    def _count(self, client: str) -> None:
        if wait := self._rates.take(client):
            raise TooManyRequestsException(
                detail=f"Too many requests: the limit is {self._rates.rate:g} a second, with bursts of "
                f"{self._rates.burst}. Wait {wait:.3f} s.",
                headers={"Retry-After": str(ceil(wait))},
            )


class Admitted:
    """That a request was let in. Whoever is still being answered long after that may ask it again."""

    def __init__(self, gate: Guard, caller: Caller) -> None:
        self._gate, self._caller = gate, caller

    async def holds(self) -> bool:
        """Whether it would be let in now."""
        return await self._gate.holds(self._caller)


def _check_from_here(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Raise `PermissionDeniedException` where a request to loopback may come from elsewhere."""
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
    """The name or address in a `Host` header, without the port."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def is_loopback(host: str) -> bool:
    """Whether this name or address is one of this machine's that nobody else can reach."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _address(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    return connection.client.host if connection.client else "unknown"
