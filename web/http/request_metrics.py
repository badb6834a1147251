"""Counts and times the API's requests by route: the template of a path, never the path itself."""

from time import perf_counter
from typing import cast

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from web.metrics import Metrics


class RequestMeter(ASGIMiddleware):
    """Middleware around every route. Requests without a route are not counted."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass a request on, and measure the time until its response begins."""
        began, method, route = perf_counter(), cast(HTTPScope, scope)["method"], scope["path_template"]

        async def send_measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.requests.labels(method, route, str(message["status"])).inc()
                self._metrics.request_seconds.labels(method, route).observe(perf_counter() - began)
            await send(message)

        await next_app(scope, receive, send_measured)
