"""The bodies of requests: how many bytes of them are in memory, and whose.

A client may send thousands of bodies of the maximum size at a time. So the bodies of all requests in progress
have a maximum size together, and those of one client, a token or else an address, have a quarter of it. A
request that exceeds it is answered with 503.

A request may be answered before its body has arrived: it is refused for its token, or here. If the server
then closed the connection, the client would get a reset instead of the answer. So the rest of the body is
read and dropped after the answer, up to the maximum size of a body.
"""

from collections import Counter
from typing import Final, cast

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPScope, Message, Receive, ReceiveMessage, Scope, Send

from pipeline.errors import Busy
from web.access.guard import client_of

#: Maximum bytes of all bodies in memory, and of those of one client.
MOST: Final = 64 << 20
SHARE: Final = MOST // 4

#: Seconds after which a refused client should try again.
AGAIN: Final = 5

#: Headers of requests with a body.
_BODY: Final = (b"content-length", b"transfer-encoding")


class Bodies(ASGIMiddleware):
    """Middleware around every route. Used only by the event loop. `most` is the maximum size of a body."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = Counter[str]()

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass a request on, and count its body until it is answered."""
        if not any(name in _BODY for name, _ in cast(HTTPScope, scope)["headers"]):
            await next_app(scope, receive, send)
            return
        body = _Body()

        async def receive_counted() -> ReceiveMessage:
            message = await receive()
            if size := body.note(message):
                self._hold(body, client_of(scope), size)
            return message

        async def send_and_drop_rest(message: Message) -> None:
            if message["type"] != "http.response.body" or message["more_body"] or not body.more:
                await send(message)
                return
            await send({**message, "more_body": True})
            dropped = 0
            while body.more and dropped <= self._most:
                dropped += body.note(await receive())
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        try:
            await next_app(scope, receive_counted, send_and_drop_rest)
        finally:
            self._held[body.client] -= body.held
            if not self._held[body.client]:
                del self._held[body.client]

    def _hold(self, body: "_Body", client: str, size: int) -> None:
        body.client = client
        if self._held[client] + size > SHARE or self._held.total() + size > MOST:
            raise Busy("Too many requests with large bodies are in progress", AGAIN)
        self._held[client] += size
        body.held += size


class _Body:
    """The body of a request: whether there is more to come, and the bytes that count for a client."""

    def __init__(self) -> None:
        self.more = True
        self.client = ""
        self.held = 0

    def note(self, message: ReceiveMessage) -> int:
        """Note the next part of the body. Return its size."""
        if message["type"] != "http.request":
            self.more = False
            return 0
        self.more = message["more_body"]
        return len(message["body"])
