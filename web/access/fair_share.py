"""Fair sharing of the handler threads: how many of them one token may use at a time.

The number of threads is fixed (`web.app`), and some handlers take seconds. Without a limit, one token with
slow requests would take all threads, and all other clients would wait. So further requests of that token wait
for its earlier ones, in order, without a thread. A handler that needs no thread takes no turn.

Each waiting request keeps its connection, and their number is limited too (`api_connections`). So the
requests of one token that wait may have a quarter of the connections. One more is answered with 503.
"""

from asyncio import Semaphore
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from pipeline.errors import Busy

#: The maximum number of threads that one token may use at a time.
AT_ONCE: Final = 8

#: Seconds after which a refused client should try again.
AGAIN: Final = 5

#: The key in a request's state for the token whose turn the request has.
_TURN: Final = "turn"


class _WaitingRequests:
    """The requests of one token. `length` is their number, including the waiting ones."""

    def __init__(self) -> None:
        self.turns = Semaphore(AT_ONCE)
        self.length = 0


class FairShare(ASGIMiddleware):
    """Middleware around every route that ends the turns that the guard began. Used only by the event loop."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, connections: int) -> None:
        self._longest = AT_ONCE + connections // 4
        self._lines = dict[str, _WaitingRequests]()

    async def begin(self, connection: ASGIConnection[Any, Any, Any, Any], token: str) -> None:
        """Wait until the token with this name has a thread for a request. Raises `Busy`."""
        line = self._lines.setdefault(token, _WaitingRequests())
        if line.length >= self._longest:
            raise Busy(f"The token {token!r} already has {line.length} requests that run or wait", AGAIN)
        line.length += 1
        try:
            await line.turns.acquire()
        except BaseException:
            self._leave(token, line)
            raise
        connection.state[_TURN] = token

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass a request on, and end its turn afterwards."""
        try:
            await next_app(scope, receive, send)
        finally:
            token = scope["state"].pop(_TURN, None)
            if token is not None:
                line = self._lines[token]
                line.turns.release()
                self._leave(token, line)

    def _leave(self, token: str, line: _WaitingRequests) -> None:
        line.length -= 1
        if not line.length:
            del self._lines[token]
