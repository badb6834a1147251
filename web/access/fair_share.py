"""Whose turn it is: how many of the handlers' threads one token may have at a time.

There are so many threads and no more (`web.app`), and some handlers take seconds. Were they first come, first
served, one token with slow requests would have them all, and everybody else would wait. So its further
requests wait for its own, in order, without a thread. Handlers that need none take no turn.
"""

from asyncio import Semaphore
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

#: Threads that a token may have at a time, of all that there are.
AT_ONCE: Final = 8

#: Where a request's state says that it has a turn, and of whose.
_TURN: Final = "turn"


class _WaitingRequests:
    """The requests of one token: `length` is how many there are, with those that wait."""

    def __init__(self) -> None:
        self.turns = Semaphore(AT_ONCE)
        self.length = 0


class FairShare(ASGIMiddleware):
    """Around every route, to end the turns that the gate has begun. Used by the event loop alone."""

    scopes = (ScopeType.HTTP,)

    def __init__(self) -> None:
        self._lines = dict[str, _WaitingRequests]()

    async def begin(self, connection: ASGIConnection[Any, Any, Any, Any], token: str) -> None:
        """Wait until the token of this name has a thread for a request."""
        line = self._lines.setdefault(token, _WaitingRequests())
        line.length += 1
        try:
            await line.turns.acquire()
        except BaseException:
            self._leave(token, line)
            raise
        connection.state[_TURN] = token

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass a request on, and end its turn after it."""
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
