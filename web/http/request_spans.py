"""A span for each request if traces are enabled, named after its route, within the caller's trace."""

from typing import cast

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from pipeline import wire
from pipeline.telemetry import tracing


class RequestSpans(ASGIMiddleware):
    """Middleware around every route. Requests without a route have no span. A stream's lasts to its end."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass a request on within its span."""
        asked = cast(HTTPScope, scope)
        traceparents = [value for name, value in asked["headers"] if name == wire.TRACE_HEADER.encode()]
        # If there are several headers, none is valid (W3C Trace Context, 3.2).
        parent = {wire.TRACE_HEADER: traceparents[0].decode("latin-1")} if len(traceparents) == 1 else None
        with tracing.request(
            asked["method"],
            asked["path_template"],
            asked["path"],
            asked["scheme"],
            tracing.traceparent_of(parent),
        ) as answered:

            async def send_noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    answered(message["status"])
                await send(message)

            await next_app(scope, receive, send_noted)
